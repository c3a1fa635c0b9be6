"""An axis target under rows and a few single cuts: neurons of which all but the target's input is cut.

Readout linear, target σ(x_1). To leave a neuron the first input alone costs d - 1 cuts, so at most m = s // (d - 1) of
them help, and a sum of so many of the v_i σ(u_i1) near 1 is a hit. All other rows that are kept keep at least k of the
other weights, k = d - 1 - s or 1: where no sum of at most m of the κ_i = v_i|u_i1| is within D of 1, and no such part
of a row has its normal within an angle α of ±e_1, the error is at least D·c_d·α; see `ltjax.solvers.axis_rows`.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ltjax.bounds import nearest_normal
from ltjax.certify import rounding
from ltjax.patterns import RowsAndCuts
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import Pruning
from ltjax.search.sums import nearest as kernels
from ltjax.search.sums.few_terms import MOST_TERMS, nearest_of_few
from ltjax.search.sums.fixed_point import to_fixed_point
from ltjax.solvers.base import AbstractSolver, Found


@dataclasses.dataclass(frozen=True)
class AxisCuts(AbstractSolver):
    """Sums of neurons cut to the target's input; d = 2 to 16. Misses where at most three of them can be had.

    Args:
        cuts: s.
        terms: of the neurons that fit, the first so many take part in sums of more than three.
    """

    cuts: int
    terms: int = 20
    name = "cut to the axis"
    question = Pruning
    linear_only = True
    blocks_per_chunk = 2

    def serves(self, problem: AbstractProblem) -> bool:
        fits = isinstance(problem, Pruning) and problem.on_axis and problem.rule == RowsAndCuts(self.cuts)
        return super().serves(problem) and fits and getattr(problem, "d", 1) in nearest_normal.DIMENSIONS

    def block(self, n: int) -> int:
        return int(np.clip((1 << 17) // n, 1, 64))

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps
        found = [self._at_size(instances, n) for n in ns]
        mask, error, least = (jnp.stack([each[i] for each in found], axis=1)[:, :, None] for i in range(3))
        nobody = jnp.zeros(error.shape, jnp.int32)
        return Found(mask, error, least, nobody, nobody)

    def _at_size(self, network: Any, n: int) -> tuple[Array, Array, Array]:
        """Masks of the first n neurons, their errors, and a lower bound of any mask's; leading axis trials."""
        places, d = network.u.shape[1:]
        u, v = network.u[:, :n], network.v[:, :n]
        most = min(self.cuts // (d - 1), n)
        terms = v * jnp.maximum(u[..., 0], 0.0)
        if most > MOST_TERMS:
            kept, short = self._many(terms, most), jnp.zeros(len(v))
        else:
            kept, _ = _few(terms, most)
            kappa = v * jnp.abs(u[..., 0])
            _, short = _few(kappa, most)
            total = most * jnp.max(jnp.abs(kappa), axis=1) + 1.0
            short = short - rounding.subset_sum(most + 2, total)
        kept = kept & (terms != 0.0)
        error = jnp.abs(jnp.sum(jnp.where(kept, terms, 0.0), axis=1) - 1.0)
        others = max(1, d - 1 - self.cuts)
        across = jnp.linalg.norm(jnp.sort(jnp.abs(u[..., 1:]), axis=-1)[..., :others], axis=-1)
        alpha = jnp.min(jnp.arctan2(across, jnp.abs(u[..., 0])), axis=1) * (1.0 - rounding.gamma(64.0 + 4.0 * d))
        # Moving the rows moves the error by `moved` at most.
        moved = jnp.sum(network.moved[:, :n], axis=1)
        least = short * (alpha * nearest_normal.constant(d) * (1.0 - rounding.gamma(16.0))) - moved
        least = jnp.where(jnp.isfinite(least) & (short > 0.0), jnp.maximum(least, 0.0), 0.0)
        mask = jnp.pad(kept, ((0, 0), (0, places - n)))[..., None] & (np.arange(d) == 0)
        return mask, error, least

    def _many(self, terms: Float[Array, "trials n"], most: int) -> Array:
        """The subset of at most `most` of the first neurons that fit, with the sum nearest to 1."""
        n = terms.shape[1]
        order = jnp.argsort(terms == 0.0, axis=1, stable=True)[:, : self.terms]
        values = jnp.take_along_axis(terms, order, axis=1).T
        fixed = to_fixed_point(values, jnp.ones(len(terms), terms.dtype))
        best = kernels.nearest_of_size(fixed.values, fixed.target, (len(values),), None, most)
        chosen = kernels.unpack_masks(best.even, best.odd, len(values))[0]
        return jax.vmap(lambda at, some: jnp.zeros(n, bool).at[at].set(some))(order, chosen)


def _few(values: Float[Array, "trials n"], most: int) -> tuple[Array, Array]:
    """The subset of at most so many with the sum nearest to 1, and how far it is from 1."""
    n = values.shape[1]
    if most == 0:
        return jnp.zeros(values.shape, bool), jnp.ones(len(values), values.dtype)

    def one(values: Array) -> tuple[Array, Array]:
        off, which = nearest_of_few(values, values != 0.0, jnp.ones((), values.dtype), most)
        return jnp.zeros(n + 1, bool).at[which].set(True)[:n], off

    return jax.vmap(one)(values)


__all__ = ["AxisCuts"]
