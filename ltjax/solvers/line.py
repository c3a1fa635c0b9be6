"""Networks on the line without bias: every kink is at 0, and pruning of either kind is one subset sum.

Both sides of 0 part: the neurons with u > 0 have to add up to 1 there, the others are taken out. That holds for both
readouts: a network that is 0 for x < 0 and c·x for x > 0 with c near 1 is its own positive part.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning, WeightPruning
from ltjax.problems.subset_sum import Instance
from ltjax.solvers.base import AbstractSolver, Found
from ltjax.solvers.nearest_sum import InQuanta, NearestSum


@dataclasses.dataclass(frozen=True)
class LineSum(AbstractSolver):
    """The sums of v·max(u, 0) have to reach 1: meet in the middle.

    Args:
        pieces: whether a mask has an axis of input weights, as weight pruning's has.
    """

    pieces: bool = False
    name = "line"

    def serves(self, problem: AbstractProblem) -> bool:
        kind = isinstance(problem, WeightPruning if self.pieces else NeuronPruning)
        return super().serves(problem) and kind and problem.d == 1 and not getattr(problem, "bias", False)

    @property
    def methods(self) -> tuple[str, ...]:
        return NearestSum().methods

    def block(self, n: int) -> int:
        return NearestSum().block(n)

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> InQuanta:
        return NearestSum().search(_sums(instances, jnp), ns, eps)

    def read(
        self, problem: AbstractProblem, instances: Any, found: InQuanta, ns: tuple[int, ...], eps: np.ndarray
    ) -> Found:
        sums = NearestSum().read(problem, _sums(instances, np), found, ns, eps)
        # A neuron with u <= 0 adds nothing to the sum but would act on x < 0.
        mask = sums.mask & (instances.u[:, None, None, :, 0] > 0.0)
        return sums._replace(mask=mask[..., None] if self.pieces else mask)


def _sums(network: Any, xp: Any) -> Instance:
    """The subset-sum problem that start networks pose. A value of 0 may stand for a small positive one that the lattice
    has no room for."""
    values = network.v * xp.maximum(network.u[..., 0], 0.0)
    one = xp.ones(values.shape[:-1], values.dtype)
    return Instance(values, one, xp.cumsum(network.moved, axis=-1), one * xp.inf)


__all__ = ["LineSum"]
