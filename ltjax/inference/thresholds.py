"""n_p(ε): the least n at which the hit probability is at least p, as a certified bracket."""

import bisect
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Array, Int, Key

from ltjax import arguments
from ltjax.inference import intervals
from ltjax.outcomes import HIT, MISS
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import choose, largest_size, likely_size
from ltjax.trials.counts import Counts, FirstHits, count
from ltjax.trials.dispatch import MAX_TRIALS, decisions
from ltjax.trials.plan import plan


@dataclasses.dataclass(frozen=True)
class Threshold:
    """n_p(ε) lies in [lower, upper] with the stated confidence.

    Attributes:
        upper: None where no n up to `n_max`, the largest that was looked at, is certified to reach p.
        interpolated: where the hit frequencies, joined by straight lines, cross p: a real number that rounds *up*
            to n_p, in (lower - 1, upper]. No certificate; for comparison with published curves. None where they
            do not cross or undecided trials leave it too open; see `interpolate`.
        ns, hits, undecided: the counts behind it. Where each size costs, no more was looked at than the ends needed;
            the other trials of a size are undecided.
        stopped: whether the run was stopped before it was done: the bracket holds, and would have become narrower.
    """

    problem: dict[str, Any]
    eps: float
    p: float
    lower: int
    upper: int | None
    interpolated: float | None
    n_max: int
    trials: int
    confidence: float
    ns: tuple[int, ...]
    hits: tuple[int, ...]
    undecided: tuple[int, ...]
    stopped: bool = False


def crossing(ns: Sequence[int], frequency: np.ndarray, p: float) -> float | None:
    """Where the piecewise linear curve through (0, 0) and (n, frequency) first reaches p.

    n is at least 1, so nothing hits at 0. None where the curve does not reach p, or does so at its first n and
    this is not 1: where below it the curve crosses p was not looked at.
    """
    x, y = np.concatenate([[0], ns]), np.concatenate([[0.0], frequency])
    above = np.flatnonzero(y >= p)
    if not len(above) or (above[0] == 1 and x[1] > 1):
        return None
    j = above[0]
    return float(x[j - 1] + (p - y[j - 1]) / (y[j] - y[j - 1]) * (x[j] - x[j - 1]))


def interpolate(
    ns: Sequence[int],
    hits: Int[np.ndarray, " ns"],
    undecided: Int[np.ndarray, " ns"],
    trials: int,
    p: float,
    lower: int,
    upper: int | None,
) -> float | None:
    """Where the hit frequencies cross p: the middle between undecided counted as hits and counted as misses.

    n_p is the whole number with P(n_p - 1) < p <= P(n_p), so a curve through P crosses p in (n_p - 1, n_p]. Had
    all trials been decided, their frequencies would lie between the two curves and cross p between the two
    crossings, so the middle is wrong by at most half the distance of the two, to either side alike.

    It is in (lower - 1, upper]: at lower - 1 even the upper limit of hits and undecided is below p, so the early
    curve crosses later; at `upper` even the lower limit of the hits reaches p, so the late one has crossed.

    Args:
        ns: increasing sizes.
        hits, undecided: of each size.
        trials: of each size.
        p: the probability to reach, in (0, 1).
        lower, upper: the bracket of n_p; None where there is no upper end.

    Returns:
        The crossing; None where one of the two curves does not cross p, or where their crossings are further
        apart than half the bracket (lower - 1, upper], to the largest n where there is no upper end: undecided
        trials would then count for more than chance does.
    """
    # What is found at one size holds at the larger ones, what is ruled out at one at the smaller ones.
    found = np.maximum.accumulate(hits)
    possible = np.minimum.accumulate((hits + undecided)[::-1])[::-1]
    early, late = crossing(ns, possible / trials, p), crossing(ns, found / trials, p)
    if early is None or late is None:
        return None
    end = upper if upper is not None else max(ns)
    return (early + late) / 2.0 if late - early <= (end - (lower - 1)) / 2.0 else None


def brackets(outcomes: FirstHits, p: float, confidence: float, problem: dict[str, Any]) -> list[Threshold]:
    """The bracket of n_p for each ε of a run that decided some sizes n.

    The lower end is one more than the largest n whose upper limit is below p, the upper end the least n
    whose lower limit reaches p. No correction for looking at many n is needed. Let n* = n_p, n' the largest n of a
    list fixed beforehand below n*, and T(n) the trials that truly hit. Trial by trial T grows with n, and at most T
    are found, so the upper end lies below n* only if the lower limit of T(n') already reaches p, though
    P(n') < p: a single error of a single one-sided limit, whichever sizes were looked at. Likewise the lower
    end, at the least n from n* on.
    """
    counts = outcomes.counts()
    return [bracket(counts, j, p, confidence, problem) for j in range(len(counts.eps))]


def bracket(counts: Counts, j: int, p: float, confidence: float, problem: dict[str, Any]) -> Threshold:
    """The bracket of n_p at the j-th ε of the counts; see `brackets`."""
    level, ns = (1.0 - confidence) / 2.0, np.asarray(counts.ns)
    hits, undecided = counts.hits[:, j], counts.undecided[:, j]
    cannot = ns[intervals.clopper_pearson_upper(hits + undecided, counts.trials, level) < p]
    does = ns[intervals.clopper_pearson_lower(hits, counts.trials, level) >= p]
    lower = int(cannot[-1]) + 1 if len(cannot) else 1
    upper = int(does[0]) if len(does) else None
    return Threshold(
        problem,
        counts.eps[j],
        p,
        lower=lower,
        upper=upper,
        interpolated=interpolate(counts.ns, hits, undecided, counts.trials, p, lower, upper),
        n_max=int(ns[-1]),
        trials=counts.trials,
        confidence=confidence,
        ns=counts.ns,
        hits=tuple(int(x) for x in hits),
        undecided=tuple(int(x) for x in undecided),
    )


@overload
def threshold(problem: AbstractProblem, *, eps: float, key: Key[Array, ""], **options: Any) -> Threshold: ...
@overload
def threshold(
    problem: AbstractProblem, *, eps: Iterable[float], key: Key[Array, ""], **options: Any
) -> list[Threshold]: ...
def threshold(
    problem: AbstractProblem,
    *,
    eps: float | Iterable[float],
    key: Key[Array, ""],
    p: float = 0.5,
    trials: int = 400,
    n_max: int | None = None,
    confidence: float = 0.99,
    solver: AbstractSolver | str | None = None,
    stage: Callable[[str], None] | None = None,
    **how: Any,
) -> Threshold | list[Threshold]:
    """Bracket n_p(ε), for one ε or for several.

    Where a method decides all sizes at once, all are decided, and precisions that are drawn alike share their draws.
    Where each size costs, sizes are halved in on, from a fixed list (see `ladder`): a few trials say where the ends may
    be, then all are asked. See `brackets` for why that needs no correction.

    Args:
        problem: for example `ltjax.SubsetSum(target="cover")`.
        eps: one precision, or any collection of them.
        key: `jax.random.key(seed)`.
        p: the hit probability to reach, in (0, 1).
        trials: independent draws.
        n_max: the largest n to look at. By default as far as a tenth of the trials, at least 40, say that the bracket
            will close; at most `FARTHEST` times the size that should do where each size costs, `FAR` times where they
            come together and nothing hits.
        confidence: of each bracket.
        solver: a solver, its name, or None: what suits each n and ε best.
        stage: called with what is looked at next, in words.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`; progress counts trials of the
            pilot too.

    Returns:
        A `Threshold` for a single ε, a list of them in the order asked otherwise. Where Ctrl-C stops the run after a
        first size has been counted, what is known by then, without the precisions of which nothing is.

    Raises:
        ArgumentError: for arguments outside what is allowed.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    precisions = arguments.precisions(eps)
    p = arguments.real("p", p, above=0.0, below=1.0)
    confidence = arguments.real("confidence", confidence, above=0.0, below=1.0)
    trials = arguments.whole("trials", trials, 1, MAX_TRIALS)
    if n_max is not None:
        n_max = arguments.whole("n_max", n_max, 1, min(largest_size(problem, e, solver) for e in precisions))
    ask = _Asker(problem, p, trials, key, (1.0 - confidence) / 2.0, solver, how, stage or (lambda _: None))
    groups: dict[Any, list[float]] = {}
    for e in dict.fromkeys(precisions):
        choice = choose(problem, min(likely_size(problem, e), n_max or largest_size(problem, e, solver)), e, solver)
        groups.setdefault(choice if not choice.solver.traced_sizes else (choice, e), []).append(e)
    found: dict[float, Threshold] = {}
    for group in groups.values():
        stopped = False
        try:
            ask.look(group, n_max)
        except KeyboardInterrupt:
            stopped = True
        for e in group:
            counts = ask.counts(e)
            if counts is not None:
                described = problem.describe() | choose(problem, counts.ns[-1], e, solver).describe()
                one = bracket(counts, 0, p, confidence, described)
                found[e] = dataclasses.replace(one, n_max=ask.farthest(e, one.n_max), stopped=stopped)
        if stopped:
            break
    if not found:
        raise KeyboardInterrupt
    ordered = [found[e] for e in precisions if e in found]
    return ordered if arguments.is_collection(eps) else ordered[0]


FARTHEST = 16
"""Where no upper end is found up to so many times the size at which hits are likely, none is looked for farther."""
FAR = 2
"""The same where sizes come together and none of the pilot's trials hits."""
ALL_SIZES = 48
"""Up to here a threshold may look at every size."""
PILOT = 0.1
"""One-sided level at which a pilot run takes a size for large or small enough."""
NEVER = np.iinfo(np.int64).max


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What is known of each trial at one precision. Hits are monotone in n, so that two sizes say all of it.

    Attributes:
        first_hit: the least n known to hit, `NEVER` where none is; last_miss: the largest n known to miss, or 0.
        few, all: sizes at which the pilot's trials, and all trials, have been looked at.
        piloted: by size and by whether hits were asked for: of how many of the pilot's trials that was found, and of
            how many not, when it ended.
    """

    first_hit: Int[np.ndarray, " trials"]
    last_miss: Int[np.ndarray, " trials"]
    few: set[int]
    all: set[int]
    piloted: dict[tuple[int, bool], tuple[int, int]]

    @classmethod
    def nothing(cls, trials: int) -> "_Seen":
        return cls(np.full(trials, NEVER), np.zeros(trials, np.int64), set(), set(), {})

    def hits(self, n: int, trials: int) -> np.ndarray:
        return self.first_hit[:trials] <= n

    def misses(self, n: int, trials: int) -> np.ndarray:
        return self.last_miss[:trials] >= n

    def learn(self, n: int, trials: np.ndarray, status: np.ndarray) -> None:
        """Keep what was decided of some trials at a size."""
        hit, missed = trials[status == HIT], trials[status == MISS]
        self.first_hit[hit] = np.minimum(self.first_hit[hit], n)
        self.last_miss[missed] = np.maximum(self.last_miss[missed], n)
        if np.any(self.last_miss >= self.first_hit):
            raise RuntimeError("a certificate says miss where a mask of fewer neurons hits: a solver is broken")

    def counts(self, eps: float, few: int) -> Counts | None:
        """What is known, of all trials, or of the pilot's where that is all there is."""
        ns, trials = (self.all, len(self.first_hit)) if self.all else (self.few, few)
        if not ns:
            return None
        sizes = tuple(sorted(ns))
        hits, misses = (np.array([what(n, trials).sum() for n in sizes])[:, None] for what in (self.hits, self.misses))
        return Counts(sizes, (eps,), trials, hits, misses, trials - hits - misses)


@dataclasses.dataclass(frozen=True)
class _Asker:
    """Looks at sizes of one problem, and keeps what was seen."""

    problem: AbstractProblem
    p: float
    trials: int
    key: Any
    level: float
    solver: AbstractSolver | str | None
    how: dict[str, Any]
    stage: Callable[[str], None]
    counted: dict[float, Counts] = dataclasses.field(default_factory=dict)
    seen: dict[float, _Seen] = dataclasses.field(default_factory=dict)

    @property
    def few(self) -> int:
        """Trials of the pilot run, the first of all."""
        return min(max(self.trials // 10, 40), self.trials)

    def counts(self, eps: float) -> Counts | None:
        """What is known at a precision."""
        if eps in self.seen:
            return self.seen[eps].counts(eps, self.few)
        return self.counted.get(eps)

    def farthest(self, eps: float, n: int) -> int:
        """The largest size that was looked at, by a pilot at least; n where all were counted together."""
        return max(self.seen[eps].few | self.seen[eps].all) if eps in self.seen else n

    def look(self, group: Sequence[float], n_max: int | None) -> None:
        """Look at enough sizes for the brackets of a group of precisions."""
        least = min(group)
        if self._costly(min(likely_size(self.problem, least), n_max or self._most(least)), least):
            for e in group:
                self._halve(e, n_max)
        else:
            self._count(range(1, (n_max or self._reach(least)) + 1), group, self.trials, pilot=False)

    def _costly(self, n: int, eps: float) -> bool:
        """Whether each size costs a search of its own."""
        return choose(self.problem, n, eps, self.solver).solver.traced_sizes

    def _most(self, eps: float) -> int:
        """The largest size that may be looked at."""
        return largest_size(self.problem, eps, self.solver)

    def _count(self, ns: Sequence[int], eps: Sequence[float], trials: int, *, pilot: bool) -> None:
        """Count at all sizes at once."""
        self.stage(f"ε = {', '.join(f'{e:g}' for e in eps)}, n up to {ns[-1]:,}{', pilot' if pilot else ''}")
        counts = count(self.problem, ns, eps, trials, self.key, solver=self.solver, **self.how)
        for j, e in enumerate(eps):
            hits, misses, undecided = (x[:, j : j + 1] for x in (counts.hits, counts.misses, counts.undecided))
            self.counted[e] = Counts(counts.ns, (e,), trials, hits, misses, undecided)

    def _reach(self, eps: float) -> int:
        """An n at which clearly more than p of a few trials hit, or the largest n there is.

        The pilot is counted at all sizes, as the run itself will be: the compiled search is then the same.
        """
        most = self._most(eps)
        n = first = min(likely_size(self.problem, eps), most)
        while n < most:
            self._count(range(1, n + 1), (eps,), self.few, pilot=True)
            hits = self.counted[eps].hits[-1, 0]
            if intervals.clopper_pearson_lower(hits, self.few, PILOT) > self.p:
                break
            if not hits and n >= FAR * first:
                break  # No search finds any: the bracket has no upper end, and the run says how many are undecided.
            n = min(n + max(1, n // (10 if hits else 4)), most)
        return n

    def _halve(self, eps: float, n_max: int | None) -> None:
        """Look at sizes until the least that certainly reaches p and the largest that certainly does not are known.

        A few trials say where these may be, then all are asked.
        """
        self.seen[eps] = _Seen.nothing(self.trials)
        sizes = ladder(n_max or self._most(eps))
        likely = likely_size(self.problem, eps)
        last = len(sizes) - 1 if n_max else bisect.bisect_right(sizes, FARTHEST * likely) - 1
        start = min(bisect.bisect_right(sizes, likely) - 1, last)

        def does(few: bool) -> Callable[[int], bool]:
            return lambda i: self._sure(eps, sizes[i], few, hits=True)

        def may(few: bool) -> Callable[[int], bool]:
            return lambda i: not self._sure(eps, sizes[i], few, hits=False)

        high = first_that(does(True), start, last)
        low = first_that(may(True), min(high, start), last)
        if high <= last:
            first_that(does(False), high, last)
        if np.any(self.seen[eps].last_miss):
            first_that(may(False), min(low, last), last)

    def _sure(self, eps: float, n: int, few: bool, *, hits: bool) -> bool:
        """Whether so many trials hit at a size that it certainly reaches p, or else so many miss that it does not.

        Trials of which this is known from other sizes are not asked again, and none where the rest cannot change the
        answer any more, or hardly. Where misses are asked for, no search for hits is made.
        """
        seen, trials = self.seen[eps], self.few if few else self.trials
        needed = self._needed(trials, PILOT if few else self.level, hits)
        known, against = (seen.hits, seen.misses) if hits else (seen.misses, seen.hits)
        asked, failed = ~(known(n, trials) | against(n, trials)), int(against(n, trials).sum())
        (share,) = plan(self.problem, (n,), (eps,), self.solver)
        solver = share.solver if hits else share.solver.for_misses()
        hope = trials - failed >= needed and (few or not self._hopeless(eps, n, needed, hits))
        if solver is not None and np.any(asked) and hope:
            self.stage(f"ε = {eps:g}, n = {n:,}{', pilot' if few else ''}")
            share = dataclasses.replace(share, choice=dataclasses.replace(share.choice, solver=solver))
            rows = np.flatnonzero(asked)
            for decision in decisions(share, trials, self.key, among=asked, **self.how):
                status, (now, rows) = decision.status[:, 0, 0], np.split(rows, [len(decision)])
                seen.learn(n, now, status)
                failed += int(np.sum(status != (HIT if hits else MISS)))
                # A pilot has said all it is asked for once it is sure; the other trials' decisions are kept.
                if trials - failed < needed or (few and known(n, trials).sum() >= needed):
                    break
        found = int(known(n, trials).sum())
        if few:
            seen.piloted[n, hits] = found, failed
        (seen.few if few else seen.all).add(n)
        return found >= needed

    def _hopeless(self, eps: float, n: int, needed: int, hits: bool) -> bool:
        """Whether the pilot leaves all trials together hardly a chance at a size. Those that are not asked then are
        undecided, and the bracket no narrower."""
        found, failed = self.seen[eps].piloted.get((n, hits), (0, 0))
        if not failed:
            return False
        often = intervals.clopper_pearson_upper(found, found + failed, PILOT)
        return bool(found + (self.trials - found - failed) * often < needed)

    def _needed(self, trials: int, level: float, hits: bool) -> int:
        """The least number of hits that certify p, or of misses that exclude it; more than `trials` where none does."""
        number = np.arange(trials + 1)
        if hits:
            sure = intervals.clopper_pearson_lower(number, trials, level) >= self.p
        else:
            sure = intervals.clopper_pearson_upper(trials - number, trials, level) < self.p
        return int(np.argmax(sure)) if np.any(sure) else trials + 1


def first_that(holds: Callable[[int], bool], start: int, last: int) -> int:
    """The least of 0..last at which `holds`, which changes once, begins to hold; last + 1 where it does not.

    It goes from `start` in steps that double, then by halves: where the answer is near, it costs little.
    """
    low, high, step = -1, last + 1, 1
    if holds(start):
        high = start
        while high > 0 and low < 0:
            at = max(high - step, 0)
            low, high = (low, at) if holds(at) else (at, high)
            step *= 2
    else:
        low = start
        while low < last < high:
            at = min(low + step, last)
            low, high = (low, at) if holds(at) else (at, high)
            step *= 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def ladder(n_max: int) -> tuple[int, ...]:
    """The sizes up to n_max that a threshold may look at, and n_max: all of them if there are few, else in steps of an
    eighth, which is fine enough for a bracket. They do not depend on what is drawn."""
    sizes = [1]
    while sizes[-1] < n_max:
        sizes.append(min(sizes[-1] + max(1, sizes[-1] // 8 if sizes[-1] >= ALL_SIZES else 1), n_max))
    return tuple(sizes)


__all__ = ["Threshold", "bracket", "brackets", "first_that", "interpolate", "ladder", "threshold"]
