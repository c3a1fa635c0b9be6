"""Whole rows where input weights have atoms: some read the target's input and nothing else, and bend where it does.

Readout linear, target σ(x_1). Kept rows of that kind with slopes v_i u_i1 > 0 for x_1 > 0 that add up to nearly 1 are a
hit. And what bends at the target's kink is Σ κ_i over kept rows of that kind, κ_i = v_i|u_i1| whatever the sign of
u_i1. If no such sum is within D of 1, and all other rows have normals at angles of at least α to ±e_1, the error is at
least D times what it is where nothing bends there, D·c_d·α: the nearest normal's lemma, for what is left of the target.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.bounds import nearest_normal
from ltjax.certify import rounding
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning
from ltjax.search.masks.single_weights import nearest_by_prefix
from ltjax.solvers.base import AbstractSolver, Found


@dataclasses.dataclass(frozen=True)
class AxisRows(AbstractSolver):
    """Sums of the rows that read the target's input alone; d = 2 to 16.

    Args:
        terms: how many of them a sum may use, the first; where there are more, no misses are said.
    """

    terms: int = 24
    name = "axis rows"
    question = NeuronPruning
    linear_only = True
    blocks_per_chunk = 2

    def serves(self, problem: AbstractProblem) -> bool:
        fits = isinstance(problem, NeuronPruning) and problem.on_axis and problem.d in nearest_normal.DIMENSIONS
        return super().serves(problem) and fits

    def block(self, n: int) -> int:
        return int(np.clip((1 << 24) // (n * n), 1, 8))

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps
        u, v = jnp.moveaxis(instances.u, 0, 2), instances.v.T  # (n, d, trials), (n, trials)
        d = u.shape[1]
        across = jnp.sqrt(jnp.sum(u[:, 1:] ** 2, axis=1))
        alone = (across == 0.0) & (u[:, 0] != 0.0)
        one = jnp.ones(v.shape[1])
        sizes = jnp.asarray(ns) - 1

        slopes = jnp.where(alone, v * jnp.maximum(u[:, 0], 0.0), 0.0)
        kappa = jnp.where(alone, v * jnp.abs(u[:, 0]), 0.0)

        def nearest(case: tuple[Array, Array]) -> tuple[Array, Array]:
            """The best subset of the first so many terms, (trials, n), and how far its sum is from 1."""
            terms, size = case
            some = jnp.where(jnp.arange(len(terms))[:, None] < size, terms, 0.0)
            chosen = nearest_by_prefix(some, one, (len(terms),), self.terms)[:, 0]
            return chosen, jnp.abs(jnp.einsum("tn,nt->t", chosen.astype(terms.dtype), some) - 1.0)

        # One program for both sums and all sizes: it takes longer to compile than to run.
        cases = jnp.repeat(jnp.stack([slopes, kappa]), len(ns), axis=0), jnp.tile(jnp.asarray(ns), 2)
        chosen, off = jax.lax.map(nearest, cases)
        mask = jnp.moveaxis(chosen[: len(ns)], 0, 1)
        error, short = off[: len(ns)].T, off[len(ns) :].T

        def upto(x: Array) -> Array:
            """Sums over the first neurons, (trials, ns)."""
            return jnp.cumsum(x, axis=0)[sizes].T

        few = upto(alone.astype(int)) <= self.terms
        total = upto(jnp.abs(kappa)) + 1.0
        # Quanta are finer than 2^-58 of the total; see `ltjax.search.sums.fixed_point`.
        short = short - total * ((self.terms + 2) * 2.0**-58) - rounding.subset_sum(self.terms + 2, total)
        angle = jnp.arctan2(across, jnp.abs(u[:, 0]))
        angle = jnp.where(alone | ((across == 0.0) & (u[:, 0] == 0.0)), 0.5 * jnp.pi, angle)
        least_angle = jax.lax.cummin(angle, axis=0)[sizes].T * (1.0 - rounding.gamma(64.0 + 4.0 * d))
        # Moving the other rows or those on the axis moves the error by `moved` at most.
        moved = jnp.cumsum(instances.moved, axis=1)[:, sizes]
        least = short * (least_angle * nearest_normal.constant(d) * (1.0 - rounding.gamma(16.0))) - moved
        known = few & jnp.isfinite(least)
        zero = jnp.zeros((*error.shape, 1), jnp.int32)
        least = jnp.where(known, jnp.maximum(least, 0.0), 0.0)
        return Found(mask[:, :, None], error[..., None], least[..., None], zero, zero)


__all__ = ["AxisRows"]
