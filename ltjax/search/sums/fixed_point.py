"""Numbers as whole multiples of a power of two, chosen for each trial so that no sum of them overflows.

Why fixed point. Each trial's coefficients become whole multiples of a power of two, chosen so that no
sum overflows (`to_fixed_point`). Whole-number sums do not round: they are the same on every device,
for every batch shape and in every order, and the only error is that of the first rounding, which is
known per trial, exactly, and usually zero (float32 draws from U[-1,1] are multiples of 2^-22). A
float32 sum would carry a worst-case band forty times wider. int32 holds float32 coefficients; int64,
under `jax.enable_x64`, float64 ones.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ltjax.certify import rounding
from ltjax.search.floats import is_zero

LEAST_TOTAL = {32: 2.0**-90, 64: 2.0**-900}
MOST_TOTAL = {32: 2.0**120, 64: 2.0**1000}
"""By bits of the dtype: with a total Σ|values| + |target| between these, quanta are normal and no sum overflows."""


class FixedPoint(NamedTuple):
    """Coefficients and target of a block of trials as whole multiples of `quantum`.

    For every subset S, |(target - Σ_S values) - quantum·(whole target - Σ_S whole values)| <= guard. The guard is
    infinite where the numbers are not `ordinary`: then nothing is known.
    """

    values: Int[Array, "n *d trials"]
    target: Int[Array, "*d trials"]
    quantum: Float[Array, " trials"]
    guard: Float[Array, " trials"]


def _totals(values: Float[Array, "n *d trials"], target: Float[Array, "*d trials"]) -> Float[Array, " trials"]:
    total = jnp.sum(jnp.abs(values), axis=0) + jnp.abs(target)
    return jnp.max(total, axis=0) if values.ndim == 3 else total


def ordinary(values: Float[Array, "n *d trials"], target: Float[Array, "*d trials"]) -> Bool[Array, " trials"]:
    """Whether a trial's numbers are finite and of a size at which `to_fixed_point` is right, or all zero."""
    size = jnp.finfo(values.dtype).bits
    total = _totals(values, target)
    zero = [jnp.all(is_zero(x).reshape(-1, x.shape[-1]), axis=0) for x in (values, target)]
    return (total >= LEAST_TOTAL[size]) & (total <= MOST_TOTAL[size]) | zero[0] & zero[1]


def to_fixed_point(
    values: Float[Array, "n *d trials"],
    target: Float[Array, "*d trials"],
    bound: Float[Array, " trials"] | None = None,
) -> FixedPoint:
    """Round coefficients and target to the finest power of two at which no sum overflows.

    With total = Σ|values| + |target| <= 2^e, sums stay below 2^(bits-3) quanta of 2^(e-bits+3): one
    bit is left for the sign, one for the tag that tells the two lists apart, one for differences.
    The residuals are exact in the working precision (a rounding to a multiple of a power of two loses
    only trailing bits), so the guard, their sum, is right up to the rounding of that sum (`rounding.WIDER`) and
    to numbers below the least normal one.

    A `bound` on the total that does not depend on how many coefficients were drawn takes its place where it is
    finite: then a prefix is rounded alike whatever comes after it.
    """
    word = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    known = ordinary(values, target)
    values, target = (jnp.where(known, x, 0.0) for x in (values, target))
    # frexp: total = m·2^e with m in [½, 1), so total <= 2^e; a zero total leaves e = 0.
    total = _totals(values, target)
    if bound is not None:
        total = jnp.where(jnp.isfinite(bound), bound, total)
    _, exponent = jnp.frexp(total * rounding.WIDER)
    quantum = jnp.ldexp(jnp.ones_like(total), exponent - (jnp.iinfo(word).bits - 3))

    def rounded(x: Array) -> tuple[Array, Array]:
        whole = jnp.round(x / quantum)
        return whole.astype(word), jnp.abs(x - whole * quantum)

    whole_values, value_residual = rounded(values)
    whole_target, target_residual = rounded(target)
    guard = jnp.sum(value_residual, axis=0) + target_residual
    if values.ndim == 3:
        guard = jnp.max(guard, axis=0)
    # Each number, and each residual, may have been taken for zero.
    lost = jnp.where(total > 0.0, 2.0 * (values.shape[0] + 1) * jnp.finfo(values.dtype).tiny, 0.0)
    guard = jnp.where(known, guard * rounding.WIDER + lost, jnp.inf)
    return FixedPoint(whole_values, whole_target, quantum, guard)


__all__ = ["FixedPoint", "ordinary", "to_fixed_point"]
