"""Rows, target and angle of the zones, made safe: what nothing is certain of becomes NaN."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ltjax.search.floats import is_zero


def scaled(u: Float[Array, "n d"]) -> tuple[Array, Array]:
    """Rows times powers of two, which is exact and turns no kink, and which of them are zero.

    The largest entry of each is in [½, 1), so that squares neither overflow nor vanish. A row that holds NaN or
    infinity comes out as NaN, and so does one so short that XLA, which takes numbers below the least normal one for
    zero, would lose digits of it: nothing is certified of those.
    """
    info = jnp.finfo(u.dtype)
    idle = jnp.all(is_zero(u), axis=1)
    largest = jnp.max(jnp.abs(u), axis=1)
    safe = (largest >= info.tiny / info.eps) & (largest <= info.max)
    _, exponent = jnp.frexp(jnp.where(safe, largest, 1.0))
    # In two steps: 2^-exponent itself may be too small a number.
    half = exponent // 2
    rows = u
    for part in (half, exponent - half):
        rows = rows * jnp.ldexp(jnp.ones_like(largest), -part)[:, None]
    return jnp.where(idle[:, None], 0.0, jnp.where(safe[:, None], rows, jnp.nan)), idle


def unit_target(w: Float[Array, " d"]) -> Array:
    """The target's direction; NaN if it is no unit vector, so that nothing is certified."""
    return jnp.where(jnp.abs(jnp.sum(w * w) - 1.0) <= 1e-3, w, jnp.nan)


def tangent(eps: Array) -> Array:
    """tan α = tan(2·arctan(2ε)); NaN if ε is not below ½, where α would be no acute angle."""
    return jnp.where(eps < 0.5, 4.0 * eps / ((1.0 - 2.0 * eps) * (1.0 + 2.0 * eps)), jnp.nan)


def orthogonal_basis(w: Float[Array, " d"]) -> Float[Array, "d-1 d"]:
    """An orthonormal basis of the directions orthogonal to the unit vector w, rows of shape (d-1, d).

    The reflection that takes w to ±e_1 takes the other coordinate vectors there (Householder).
    """
    w = jnp.asarray(w)
    sign = jnp.where(w[0] >= 0.0, 1.0, -1.0).astype(w.dtype)
    h = w.at[0].add(sign)
    h = h / jnp.linalg.norm(h)
    return (jnp.eye(w.shape[0], dtype=w.dtype) - 2.0 * h[:, None] * h[None, :])[1:]


__all__ = ["orthogonal_basis", "scaled", "tangent", "unit_target"]
