"""Neuron pruning in the plane by integer programming: one trial after the other, the judge of the other methods."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.certify import integer_program
from ltjax.outcomes import MISS
from ltjax.problems.base import AbstractProblem, at_trial
from ltjax.solvers.base import AbstractSolver, Found


@dataclasses.dataclass(frozen=True)
class IntegerProgram(AbstractSolver):
    """HiGHS through SciPy, with rows where the last mask was worst; see `ltjax.certify.integer_program`.

    Args:
        readout: "linear" or "relu".
    """

    readout: str = "linear"
    name = "milp"
    blocks_per_chunk = 1

    @property
    def methods(self) -> tuple[str, ...]:
        return ("HiGHS",)

    def block(self, n: int) -> int:
        return 16

    def search(self, instances: Any, ns: Any, eps: Array) -> Any:
        del ns, eps  # nothing is left to a device
        return jnp.zeros(instances.v.shape[0], bool)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        trials, places = np.shape(instances.v)
        shape = (trials, len(ns), len(eps))
        mask, error, least = np.zeros((*shape, places), bool), np.full(shape, np.inf), np.zeros(shape)
        for t, i, j in np.ndindex(shape):
            one = at_trial(instances, t)
            present = np.asarray(one.number) <= ns[i]
            rows, weights = (np.asarray(x, np.float64)[present] for x in (one.u, one.v))
            wide = float(eps[j] + np.sum(np.asarray(one.moved)[present]))
            decision = integer_program.decide(rows, weights, one.w, wide, readout=self.readout)
            if decision.mask is not None:
                mask[t, i, j, present], error[t, i, j] = decision.mask, decision.error
            # Of some of the neurons only a mask is a hit, but finding none is no miss.
            if decision.status == MISS and not np.isfinite(one.window):
                least[t, i, j] = np.nextafter(eps[j], np.inf)
        nobody = np.zeros(shape, np.int32)
        return Found(mask, error, least, nobody, nobody)


__all__ = ["IntegerProgram"]
