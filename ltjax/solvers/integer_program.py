"""Neuron pruning in the plane by integer programming: one trial after the other, the judge of the other methods."""

import dataclasses
from typing import Any

import numpy as np

from ltjax.certify import integer_program
from ltjax.outcomes import MISS
from ltjax.problems.base import AbstractProblem, at_trial
from ltjax.problems.pruning import NeuronPruning
from ltjax.solvers.base import AbstractHostSolver, Found
from ltjax.solvers.plane import in_plane


@dataclasses.dataclass(frozen=True)
class IntegerProgram(AbstractHostSolver):
    """HiGHS through SciPy, with rows where the last mask was worst; see `ltjax.certify.integer_program`.

    Args:
        readout: "linear" or "relu".
    """

    readout: str = "linear"
    name = "milp"
    question = NeuronPruning

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and in_plane(problem)

    @property
    def methods(self) -> tuple[str, ...]:
        return ("HiGHS",)

    def block(self, n: int) -> int:
        return 16

    def ask(self, instances: Any, asked: np.ndarray, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        shape, places = asked.shape, np.shape(instances.v)[1]
        mask, error, least = np.zeros((*shape, places), bool), np.full(shape, np.inf), np.zeros(shape)
        for t, i, j in np.argwhere(asked):
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
