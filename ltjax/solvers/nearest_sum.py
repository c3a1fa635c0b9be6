"""Subset sums, decided exactly: the nearest sum to a target, and the covering of [-1, 1].

Sums are whole numbers of quanta (`ltjax.search.sums.nearest`): what is found is the least error but for the first
rounding, whose bound comes with it.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ltjax.certify import rounding
from ltjax.problems.base import AbstractProblem
from ltjax.problems.subset_sum import Instance, SubsetSum
from ltjax.search.sums import nearest as kernels
from ltjax.search.sums.fixed_point import FixedPoint, to_fixed_point
from ltjax.solvers.base import AbstractSolver, Found


class InQuanta(NamedTuple):
    """What the search says of a trial, in quanta, and how far the quanta may lie from the numbers."""

    quantum: Float[Array, " trials"]
    guard: Float[Array, " trials"]
    found: kernels.Nearest | kernels.Cover


def _fixed_point(instances: Instance) -> FixedPoint:
    values, target = jnp.moveaxis(instances.values, 0, -1), jnp.moveaxis(instances.target, 0, -1)
    return to_fixed_point(values, target, instances.total)


@dataclasses.dataclass(frozen=True)
class NearestSum(AbstractSolver):
    """Meet in the middle (Horowitz, Sahni 1974); up to 16 vectors all sums are looked at.

    Args:
        d: dimension of the numbers.
        size, max_size: which subsets count.
        dtype: "float32" or "float64", of the draws; sums are int32 or int64.
    """

    d: int = 1
    size: int | None = None
    max_size: int | None = None
    dtype: str = "float64"
    name = "meet in the middle"
    question = SubsetSum

    def block(self, n: int) -> int:
        return kernels.nearest_block(n, self.dtype, self.d)

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Array) -> InQuanta:
        del eps  # the least error decides every ε
        fixed = _fixed_point(instances)
        if self.d > 1:
            found = kernels.nearest_vector(fixed.values, fixed.target, ns)
        elif self.size is not None or self.max_size is not None:
            found = kernels.nearest_of_size(fixed.values, fixed.target, ns, self.size, self.max_size)
        else:
            found = kernels.nearest(fixed.values, fixed.target, ns)
        return InQuanta(fixed.quantum, fixed.guard, jax.tree.map(jnp.transpose, found))

    def read(
        self, problem: AbstractProblem, instances: Instance, found: InQuanta, ns: tuple[int, ...], eps: np.ndarray
    ) -> Found:
        best: Any = found.found
        masks = kernels.unpack_masks(best.even, best.odd, np.shape(instances.values)[1])
        # A prefix too short for subsets of the wanted size has none: its error is infinite.
        possible = np.asarray(ns) >= (self.size or 0)
        claimed = np.where(possible, best.error * np.asarray(found.quantum, np.float64)[:, None], np.inf)
        band, moved = _band(problem, instances, found, ns)
        least = np.where(possible, np.maximum(claimed - band - moved, 0.0), np.inf)
        nobody = np.zeros((*claimed.shape, 1), np.int32)
        return Found(masks[:, :, None], claimed[..., None], least[..., None], nobody, nobody)


@dataclasses.dataclass(frozen=True)
class Coverage(AbstractSolver):
    """All 2^n sums in order: the point of [-1, 1] that is farthest from any.

    Args:
        dtype: "float32" or "float64", of the draws; sums are int32 or int64.
    """

    dtype: str = "float64"
    name = "all sums in order"
    question = SubsetSum

    def block(self, n: int) -> int:
        return kernels.block_size(1 << n, self.dtype)

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Array) -> InQuanta:
        del eps
        fixed = _fixed_point(instances)
        found = kernels.cover(fixed.values, -fixed.target, fixed.target, ns)
        return InQuanta(fixed.quantum, fixed.guard, jax.tree.map(jnp.transpose, found))

    def read(
        self, problem: AbstractProblem, instances: Instance, found: InQuanta, ns: tuple[int, ...], eps: np.ndarray
    ) -> Found:
        best: Any = found.found
        half = np.asarray(found.quantum, np.float64)[:, None] / 2
        radius = np.asarray(best.radius) * half
        band, moved = _band(problem, instances, found, ns)
        least, most = np.maximum(radius - band - moved, 0.0), radius + band + moved
        nobody = np.zeros((*radius.shape, 1), np.int32)
        point = (np.asarray(best.point) * half)[..., None]
        return Found(None, most[..., None], least[..., None], nobody, nobody, most=most[..., None], proof=point)


def _band(problem: AbstractProblem, instances: Instance, found: InQuanta, ns: tuple[int, ...]) -> tuple[Any, Any]:
    """How far rounding and how far the lattice may move the least error of each prefix, (trials, ns)."""
    size = np.abs(np.asarray(instances.values, np.float64)).sum(axis=1)
    off = np.abs(_asked(problem, instances) - np.asarray(instances.target, np.float64))
    total = np.abs(np.asarray(instances.target, np.float64)) + size
    if total.ndim > 1:
        total, off = total.max(axis=1), off.max(axis=1)
    # A target that the dtype does not hold was searched for rounded.
    wide = rounding.subset_sum(max(ns) + 1, total) + off
    band = np.asarray(found.guard, np.float64)[:, None] + wide[:, None]
    return band, np.asarray(instances.moved, np.float64)[:, np.asarray(ns) - 1]


def _asked(problem: AbstractProblem, instances: Instance) -> np.ndarray:
    """The targets in float64, as the problem was asked."""
    targets = getattr(problem, "targets", None)
    return targets(instances) if targets is not None else np.asarray(instances.target, np.float64)


__all__ = ["Coverage", "InQuanta", "NearestSum"]
