"""Rows in d >= 3 dimensions, readout linear: too little bends near the target, or enough does and some adds up."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.bounds import nearest_normal
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning
from ltjax.search.masks.in_cap import best_in_cap
from ltjax.search.obstructions import normals
from ltjax.solvers.at_points import AbstractObstruction, AbstractRows
from ltjax.solvers.base import Found


@dataclasses.dataclass(frozen=True)
class NearestNormal(AbstractObstruction):
    """What bends near the target does not add up to it: the nearest normal's certificate, d = 3 to 16.

    It needs no neuron but those with a normal within some angle of the target's, so networks of which only these were
    drawn will do. The proof is that angle.
    """

    name = "nearest normal"
    blocks_per_chunk = 16
    linear_only = True

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and 2 <= getattr(problem, "d", 0) <= max(nearest_normal.DIMENSIONS)

    def rule_out(self, network: Any, size: Array, wide: Array) -> tuple[Array, Array]:
        used, d = network.number <= size, network.w.shape[0]
        cosine, sine, length = normals.angles(network.u, network.w)
        kappa = jnp.where(used, network.v * length, 0.0)
        out, alpha = normals.too_little(cosine, sine, kappa, network.window, wide, d=d)
        return out & (size <= network.upto), jnp.zeros(d).at[0].set(alpha)

    def proves(self, network: Any, size: int, proof: np.ndarray, wide: float) -> bool:
        alpha = float(proof[0])
        if not (0.0 < alpha <= min(float(network.window), nearest_normal.WIDEST) and size <= float(network.upto)):
            return False
        return nearest_normal.masked_bound(network.u, network.v, network.w, alpha) > wide


@dataclasses.dataclass(frozen=True)
class CapSearch(AbstractRows):
    """Hits: the best subset of the neurons with the nearest normals."""

    name = "cap search"
    question = NeuronPruning
    linear_only = True
    misses = False

    def look_at(self, network: Any, size: Array, eps: Array) -> Found:
        key = jax.random.wrap_key_data(network.chance)
        error, mask = best_in_cap(key, network.u, network.v, network.w, network.number <= size, eps)
        zero = jnp.zeros((), jnp.int32)
        return Found(mask, error, jnp.zeros(()), zero, zero)


__all__ = ["CapSearch", "NearestNormal"]
