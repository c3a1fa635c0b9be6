"""Decisions counted: hits, misses, undecided trials for each n and ε, and the least n that hits, trial by trial."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Array, Int, Key

from ltjax.outcomes import HIT, MISS
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import Share, plan


@dataclasses.dataclass(frozen=True)
class Counts:
    """Hits, misses and undecided trials for each n and ε; they add up to `trials`.

    Attributes:
        by: hits and misses for each n and ε by the method that they rest on.
    """

    ns: tuple[int, ...]
    eps: tuple[float, ...]
    trials: int
    hits: Int[np.ndarray, "ns eps"]
    misses: Int[np.ndarray, "ns eps"]
    undecided: Int[np.ndarray, "ns eps"]
    by: Mapping[str, tuple[np.ndarray, np.ndarray]] = dataclasses.field(default_factory=dict)

    def at(self, n: int, eps: float) -> tuple[int, int, int]:
        """Hits, misses and undecided trials of one cell."""
        i, j = self.ns.index(n), self.eps.index(eps)
        return int(self.hits[i, j]), int(self.misses[i, j]), int(self.undecided[i, j])


@dataclasses.dataclass(frozen=True)
class FirstHits:
    """For each trial and ε, the least n that hits lies in (last_miss, first_hit].

    `first_hit` is `max(ns) + 1` where no n of the run hits, `last_miss` is 0 where none misses.
    """

    ns: tuple[int, ...]
    eps: tuple[float, ...]
    last_miss: Int[np.ndarray, "trials eps"]
    first_hit: Int[np.ndarray, "trials eps"]

    def counts(self) -> Counts:
        """The same outcomes, counted by n and ε: a hit with fewer neurons is one with more, a miss one with fewer."""
        n = np.asarray(self.ns)[:, None, None]
        hits = (self.first_hit <= n).sum(axis=1)
        misses = (self.last_miss >= n).sum(axis=1)
        trials = self.first_hit.shape[0]
        return Counts(self.ns, self.eps, trials, hits, misses, trials - hits - misses)


def _where(share: Share, ns: tuple[int, ...], eps: tuple[float, ...]) -> tuple[Any, ...]:
    return np.ix_([ns.index(n) for n in share.ns], [j for j, e in enumerate(eps) if e in share.eps])


def count(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    trials: int,
    key: Key[Array, ""],
    *,
    solver: AbstractSolver | str | None = None,
    **how: Any,
) -> Counts:
    """Counts of hits, misses and undecided trials for every n and ε.

    Args:
        problem: what is drawn and decided.
        ns: increasing sizes; eps: precisions.
        trials: how many.
        key: a typed key, `jax.random.key(seed)`.
        solver: a solver, a name, or None: the method that `ltjax.solvers.choose` takes for each cell.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`.
    """
    shares = plan(problem, ns, eps, solver)
    ns, eps = tuple(int(n) for n in ns), tuple(float(e) for e in eps)
    shape = (len(ns), len(eps))
    hits, misses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    by: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for share in shares:
        rows, columns = _where(share, ns, eps)
        # A precision that is asked for twice is one column of the share.
        among = [share.eps.index(eps[j]) for j in columns[0]]
        for decision in decisions(share, trials, key, **how):
            status, who = decision.status[:, :, among], decision.by[:, :, among]
            hits[rows, columns] += (status == HIT).sum(axis=0)
            misses[rows, columns] += (status == MISS).sum(axis=0)
            for number, method in enumerate(decision.methods):
                own = by.setdefault(method, (np.zeros(shape, np.int64), np.zeros(shape, np.int64)))
                for counted, outcome in zip(own, (HIT, MISS), strict=True):
                    counted[rows, columns] += ((status == outcome) & (who == number)).sum(axis=0)
    return Counts(ns, eps, trials, hits, misses, trials - hits - misses, by)


def first_hits(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    trials: int,
    key: Key[Array, ""],
    *,
    solver: AbstractSolver | str | None = None,
    **how: Any,
) -> FirstHits:
    """For each trial and ε, a bracket of the least n that hits; arguments as for `count`.

    Where each size costs, a trial is looked at at few of them, by bisection: hits are monotone.

    Raises:
        RuntimeError: where a trial hits at one n and misses at a larger one: a solver is broken.
    """
    shares = plan(problem, ns, eps, solver)
    ns, eps = tuple(int(n) for n in ns), tuple(float(e) for e in eps)
    last_miss = np.zeros((trials, len(eps)), np.int32)
    first_hit = np.full((trials, len(eps)), max(ns) + 1, np.int32)
    for share in shares:
        columns = _where(share, ns, eps)[1][0]
        among = [share.eps.index(eps[j]) for j in columns]
        sizes, at = np.asarray(share.ns)[:, None], 0
        for decision in decisions(share, trials, key, least=True, **how):
            status = decision.status[:, :, among]
            rows = np.ix_(np.arange(at, at + len(decision)), columns)
            missed = np.where(status == MISS, sizes, 0).max(axis=1)
            hit = np.where(status == HIT, sizes, max(ns) + 1).min(axis=1)
            last_miss[rows] = np.maximum(last_miss[rows], missed)
            first_hit[rows] = np.minimum(first_hit[rows], hit)
            at += len(decision)
    if np.any(last_miss >= first_hit):
        raise RuntimeError("a certificate says miss where a mask of fewer neurons hits: a solver is broken")
    return FirstHits(ns, eps, last_miss, first_hit)


__all__ = ["Counts", "FirstHits", "count", "first_hits"]
