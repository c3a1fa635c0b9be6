"""n_p(ε): the least n at which the hit probability is at least p, as a certified bracket."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Array, Int, Key

from ltjax import arguments
from ltjax.inference import intervals
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import choose, likely_size
from ltjax.trials.counts import Counts, FirstHits, count
from ltjax.trials.dispatch import MAX_TRIALS


@dataclasses.dataclass(frozen=True)
class Threshold:
    """n_p(ε) lies in [lower, upper] with the stated confidence.

    Attributes:
        upper: None where no n up to `n_max` is certified to reach p.
        interpolated: where the hit frequencies, joined by straight lines, cross p: a real number that rounds *up*
            to n_p, in (lower - 1, upper]. No certificate; for comparison with published curves. None where they
            do not cross or undecided trials leave it too open; see `interpolate`.
        ns, hits, undecided: the counts behind it.
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
    Where each size costs, sizes are halved in on, from a fixed list up to `n_max`; see `brackets` for why that needs no
    correction.

    Args:
        problem: for example `ltjax.SubsetSum(target="cover")`.
        eps: one precision, or any collection of them.
        key: `jax.random.key(seed)`.
        p: the hit probability to reach, in (0, 1).
        trials: independent draws.
        n_max: the largest n to look at. By default it grows until a tenth of the trials' pilot run says that the
            bracket will close, or it is `FARTHEST` times what should do, or `FAR` times and nothing hits; the pilot
            only chooses how far to look.
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
    precisions = arguments.precisions(eps)
    p = arguments.real("p", p, above=0.0, below=1.0)
    confidence = arguments.real("confidence", confidence, above=0.0, below=1.0)
    trials = arguments.whole("trials", trials, 1, MAX_TRIALS)
    if n_max is not None:
        n_max = arguments.whole("n_max", n_max, 1, problem.max_n)
    ask = _Asker(problem, p, trials, key, (1.0 - confidence) / 2.0, solver, how, stage or (lambda _: None))
    groups: dict[Any, list[float]] = {}
    for e in dict.fromkeys(precisions):
        choice = choose(problem, min(likely_size(problem, e), n_max or problem.max_n), e, solver)
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
                found[e] = dataclasses.replace(one, stopped=stopped)
        if stopped:
            break
    if not found:
        raise KeyboardInterrupt
    ordered = [found[e] for e in precisions if e in found]
    return ordered if arguments.is_collection(eps) else ordered[0]


FARTHEST = 16
"""A pilot whose sizes cost goes no farther than so many times the size at which hits are likely."""
FAR = 2
"""The same for a pilot whose sizes come together, and of whose trials none hits."""
ALL_SIZES = 40
"""Up to here a threshold may look at every size."""
_Known = dict[int, tuple[int, int, int]]
"""Hits, misses and undecided trials by size."""


@dataclasses.dataclass(frozen=True)
class _Asker:
    """Asks for counts at sizes of one problem, and keeps them."""

    problem: AbstractProblem
    p: float
    trials: int
    key: Any
    level: float
    solver: AbstractSolver | str | None
    how: dict[str, Any]
    stage: Callable[[str], None]
    pilot: dict[float, _Known] = dataclasses.field(default_factory=dict)
    known: dict[float, _Known] = dataclasses.field(default_factory=dict)

    @property
    def few(self) -> int:
        """Trials of the pilot run."""
        return max(self.trials // 10, 40)

    def counts(self, eps: float) -> Counts | None:
        """What is known at a precision: of the run, or of its pilot where that is all there is."""
        for known, trials in ((self.known, self.trials), (self.pilot, self.few)):
            if known.get(eps):
                ns = tuple(sorted(known[eps]))
                hits, misses, undecided = (np.array([known[eps][n][k] for n in ns])[:, None] for k in range(3))
                return Counts(ns, (eps,), trials, hits, misses, undecided)
        return None

    def look(self, group: Sequence[float], n_max: int | None) -> None:
        """Look at enough sizes for the brackets of a group of precisions."""
        sizes = ladder(self.reach(min(group)) if n_max is None else int(n_max))
        cheap = [n for n in sizes if not choose(self.problem, n, group[0], self.solver).solver.traced_sizes]
        if cheap:
            self._count(cheap, group, self.trials, self.known)
        if len(cheap) < len(sizes):
            for e in group:
                self._halve(sizes, e)

    def reach(self, eps: float) -> int:
        """An n at which clearly more than p of a few trials hit, or the largest n there is."""
        most = self.problem.max_n
        n = min(likely_size(self.problem, eps), most)
        first = n
        while n < most:
            # All sizes up to n where the run itself will decide them at once: the compiled search is then the same.
            cheap = not choose(self.problem, n, eps, self.solver).solver.traced_sizes
            ns = range(1, n + 1) if cheap else (n,)
            self._count(ns, (eps,), self.few, self.pilot)
            hits = self.pilot[eps][n][0]
            if intervals.clopper_pearson_lower(hits, self.few, 0.1) > self.p:
                break
            if n >= first * (FARTHEST if not cheap else FAR if not hits else most):
                break  # No search finds enough: the bracket has no upper end, and the run says how many are undecided.
            n = min(n + max(1, n // (2 if not cheap else 10 if hits else 4)), most)
        return n

    def _count(self, ns: Sequence[int], eps: Sequence[float], trials: int, known: dict[float, _Known]) -> None:
        sizes = f"n = {ns[0]:,}" if len(ns) == 1 else f"n up to {ns[-1]:,}"
        precisions = ", ".join(f"{e:g}" for e in eps)
        self.stage(f"ε = {precisions}, {sizes}{', pilot' if known is self.pilot else ''}")
        counts = count(self.problem, ns, eps, trials, self.key, solver=self.solver, **self.how)
        for j, e in enumerate(eps):
            known.setdefault(e, {}).update({n: _one(counts, i, j) for i, n in enumerate(ns)})

    def _halve(self, sizes: Sequence[int], eps: float) -> None:
        """Look at sizes until the least that certainly reaches p and the largest that certainly does not are known."""

        def at(n: int) -> tuple[int, int, int]:
            if n not in self.known.get(eps, {}):
                self._count((n,), (eps,), self.trials, self.known)
            return self.known[eps][n]

        def does(n: int) -> bool:
            return bool(intervals.clopper_pearson_lower(at(n)[0], self.trials, self.level) >= self.p)

        def may(n: int) -> bool:
            hits, _, undecided = at(n)
            return bool(intervals.clopper_pearson_upper(hits + undecided, self.trials, self.level) >= self.p)

        at(sizes[-1])
        for holds in (does, may):
            low, high = -1, len(sizes) - 1
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if holds(sizes[middle]) else (middle, high)


def _one(counts: Counts, i: int, j: int) -> tuple[int, int, int]:
    return int(counts.hits[i, j]), int(counts.misses[i, j]), int(counts.undecided[i, j])


def ladder(n_max: int) -> tuple[int, ...]:
    """The sizes up to n_max that a threshold may look at, the last of them n_max: all of them if there are few, else in
    steps of an eighth, which is fine enough for a bracket."""
    sizes = [n_max]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] - max(1, sizes[-1] // 8 if sizes[-1] > ALL_SIZES else 1))
    return tuple(sizes[::-1])


__all__ = ["Threshold", "bracket", "brackets", "interpolate", "ladder", "threshold"]
