"""n_p(ε): the least n at which the hit probability is at least p, as a certified bracket."""

import dataclasses
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from jaxtyping import Array, Int, Key

from ltjax import arguments
from ltjax.inference import intervals
from ltjax.problems.base import AbstractProblem
from ltjax.trials import dispatch as _trials


@dataclasses.dataclass(frozen=True)
class Threshold:
    """n_p(ε) lies in [lower, upper] with the stated confidence.

    Attributes:
        upper: None where no n up to `n_max` is certified to reach p.
        interpolated: where the hit frequencies, joined by straight lines, cross p: a real number that rounds *up*
            to n_p, in (lower - 1, upper]. No certificate; for comparison with published curves. None where they
            do not cross or undecided trials leave it too open; see `interpolate`.
        ns, hits, undecided: the counts behind it.
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
        hits, undecided: of each size; hits, and hits with undecided, grow with n.
        trials: of each size.
        p: the probability to reach, in (0, 1).
        lower, upper: the bracket of n_p; None where there is no upper end.

    Returns:
        The crossing; None where one of the two curves does not cross p, or where their crossings are further
        apart than half the bracket (lower - 1, upper], to the largest n where there is no upper end: undecided
        trials would then count for more than chance does.
    """
    early, late = crossing(ns, (hits + undecided) / trials, p), crossing(ns, hits / trials, p)
    if early is None or late is None:
        return None
    end = upper if upper is not None else max(ns)
    return (early + late) / 2.0 if late - early <= (end - (lower - 1)) / 2.0 else None


def brackets(outcomes: _trials.FirstHits, p: float, confidence: float, problem: dict[str, Any]) -> list[Threshold]:
    """The bracket of n_p for each ε of a run that decided some sizes n.

    The lower end is one more than the largest n whose upper limit is below p, the upper end the least n
    whose lower limit reaches p. No correction for looking at many n is needed. Let n* = n_p. Trial by trial,
    hits(n) grows with n, so the upper end lies below n* only if the lower limit at the largest n decided
    below n* already reaches p, though P(n) < p there: a single error of a single one-sided limit. Likewise
    the lower end, at the least n decided from n* on.
    """
    counts = outcomes.counts()
    return [bracket(counts, j, p, confidence, problem) for j in range(len(counts.eps))]


def bracket(counts: _trials.Counts, j: int, p: float, confidence: float, problem: dict[str, Any]) -> Threshold:
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
    problem: AbstractProblem, *, eps: Sequence[float], key: Key[Array, ""], **options: Any
) -> list[Threshold]: ...
def threshold(
    problem: AbstractProblem,
    *,
    eps: float | Sequence[float],
    key: Key[Array, ""],
    p: float = 0.5,
    trials: int = 400,
    n_max: int | None = None,
    confidence: float = 0.99,
    **how: Any,
) -> Threshold | list[Threshold]:
    """Bracket n_p(ε), for one ε or for several from the same draws.

    Args:
        problem: for example `ltjax.SubsetSum(target="cover")`.
        eps: one precision, or several.
        key: `jax.random.key(seed)`.
        p: the hit probability to reach, in (0, 1).
        trials: independent draws.
        n_max: the largest n to look at. By default it grows until a tenth of the trials' pilot run says
            that the bracket will close; the pilot only chooses how far to look.
        confidence: of each bracket.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`.

    Returns:
        A `Threshold` for a single ε, a list of them otherwise.
    """
    precisions = arguments.precisions(eps)
    arguments.real("p", p, above=0.0, below=1.0)
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.whole("trials", trials, 1, _trials.MAX_TRIALS)
    found = []
    for group in problem.groups(precisions):
        largest = n_max
        if largest is None:
            largest = _reach(problem, min(group), p, max(trials // 10, 40), key, how)
        ns = problem.sizes(arguments.whole("n_max", largest, 1, problem.resolved(min(group)).max_n))
        outcomes = _trials.first_hits(problem, ns, group, trials, key, **how)
        found += brackets(outcomes, p, confidence, problem.provenance(min(group)))
    return found if isinstance(eps, Sequence) else found[0]


def _reach(problem: AbstractProblem, eps: float, p: float, pilot: int, key: Key[Array, ""], how: dict[str, Any]) -> int:
    """An n at which clearly more than p of a few trials hit, or the largest n there is."""
    quiet = {name: value for name, value in how.items() if name != "progress"}
    most = problem.resolved(eps).max_n
    n = min(problem.first_guess(eps), most)
    while n < most:
        # All sizes up to n, as the run itself will decide them: the compiled search is then the same.
        hits = int(_trials.count(problem, problem.sizes(n), (eps,), pilot, key, **quiet).hits[-1, 0])
        if intervals.clopper_pearson_lower(hits, pilot, 0.1) > p:
            break
        n = min(n + max(1, n // 10), most)
    return n
