"""Every mask, on the host, by the problem's own `error`: for any problem, and few parts."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.problems.base import AbstractProblem, at_trial, bounds_of
from ltjax.solvers.base import AbstractSolver, Found

MOST_PARTS = 16


@dataclasses.dataclass(frozen=True)
class AllMasks(AbstractSolver):
    """All 2^n masks of whole parts, each with certified bounds of its error: exact, slow, and asks for nothing else."""

    name = "all masks"
    blocks_per_chunk = 1

    def block(self, n: int) -> int:
        return 64

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Any:
        del ns, eps  # nothing is left to a device
        return jnp.zeros(jax.tree.leaves(instances)[0].shape[0], bool)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        trials, n = len(found), max(ns)
        every = (np.arange(1 << n)[:, None] >> np.arange(n)) % 2 == 1
        shape = (trials, len(ns), len(eps))
        mask, least, error = np.zeros((*shape, n), bool), np.zeros(shape), np.zeros(shape)
        first = np.arange(n) < np.asarray(ns)[:, None]
        moved = np.broadcast_to(problem.moved(instances, first[None]), (trials, len(ns)))
        for t in range(trials):
            one = at_trial(instances, t)
            if problem.error_without_eps:
                bounds = [[bounds_of(problem, one, m) for m in every]] * len(eps)
            else:
                bounds = [[bounds_of(problem, one, m, float(e)) for m in every] for e in eps]
            lower, upper = np.array(bounds, np.float64).transpose(2, 0, 1)
            for i, size in enumerate(ns):
                # Masks of the first k parts are a prefix.
                best = np.argmin(upper[:, : 1 << size], axis=1)
                mask[t, i], error[t, i] = every[best], upper[np.arange(len(eps)), best]
                least[t, i] = np.maximum(lower[:, : 1 << size].min(axis=1) - moved[t, i], 0.0)
        nobody = np.zeros(shape, np.int32)
        return Found(mask, error, least, nobody, nobody)


__all__ = ["MOST_PARTS", "AllMasks"]
