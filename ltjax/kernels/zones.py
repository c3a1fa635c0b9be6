"""Covering of directions: why neuron pruning needs more neurons in more dimensions (NP-5).

By the kink lemma (NP-1) in the plane through w and a unit vector q orthogonal to w, an error of ε, readout
`linear`, needs a neuron whose kink line in that plane is within α = 2·arctan(2ε) of the target's, that is
|⟨u_i, q⟩| <= tan α·|⟨u_i, w⟩|: q lies in neuron i's *zone*. So the zones of all neurons must cover the
sphere S^{d-2} of such q. A direction that no zone covers certifies that no subset works at all.

For d = 3 that sphere is a circle, opposite directions are equivalent, each zone is one arc of a circle of
length π, and covering is decided exactly by sorting.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ltjax import arguments

COVERED, UNDECIDED, UNCOVERED = 1, 0, -1


class Covering(NamedTuple):
    """Outcome of `cover_circle`.

    Attributes:
        status: 1 the zones cover every direction, -1 some direction is certified uncovered, 0 too close
            to call in this dtype.
        direction: angle of the middle of the widest gap in the basis of `orthogonal_basis`, radians in
            [0, π]; the certificate where status is -1.
        gap: width of that gap, radians (negative: the least overlap).
    """

    status: Int[Array, ""]
    direction: Float[Array, ""]
    gap: Float[Array, ""]


def orthogonal_basis(w: Float[Array, " d"]) -> Float[Array, "d-1 d"]:
    """An orthonormal basis of the directions orthogonal to the unit vector w, rows of shape (d-1, d).

    The reflection that takes w to ±e_1 takes the other coordinate vectors there (Householder).
    """
    w = jnp.asarray(w)
    sign = jnp.where(w[0] >= 0.0, 1.0, -1.0).astype(w.dtype)
    h = w.at[0].add(sign)
    h = h / jnp.linalg.norm(h)
    return (jnp.eye(w.shape[0], dtype=w.dtype) - 2.0 * h[:, None] * h[None, :])[1:]


def zone_arcs(
    u: Float[Array, "n 3"], w: Float[Array, "3"], tan_alpha: Float[Array, ""]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Centre (modulo π) and half-width of each neuron's zone on the circle of directions.

    |⟨u, q⟩| = r·|cos(φ - ψ)| <= tan α·|⟨u, w⟩| is the arc around ψ + π/2 of half-width
    arcsin(min(1, tan α·|⟨u, w⟩|/r)), in the basis of `orthogonal_basis`.

    Returns:
        centre (n,) in [0, π) and half (n,) in [0, π/2], radians.
    """
    highest = jax.lax.Precision.HIGHEST
    across = jnp.matmul(u, orthogonal_basis(w).T, precision=highest)
    along = jnp.abs(jnp.matmul(u, w, precision=highest))
    radius = jnp.hypot(across[:, 0], across[:, 1])
    half = jnp.arctan2(tan_alpha * along, jnp.sqrt(jnp.maximum(radius**2 - (tan_alpha * along) ** 2, 0.0)))
    centre = jnp.mod(jnp.arctan2(across[:, 1], across[:, 0]) + 0.5 * math.pi, math.pi)
    return centre, half


def _lay_out(centre: Array, half: Array) -> tuple[Array, Array, Array]:
    """Every arc at -π, 0 and π, sorted by start: starts, ends, and whose arc each is, shape (3n,)."""
    # An arc of full length must overlap its own copies, not merely touch them.
    half = jnp.where(half >= 0.5 * math.pi, math.pi, half)
    shift = jnp.asarray([-math.pi, 0.0, math.pi], centre.dtype)[:, None]
    start = (centre - half + shift).reshape(-1)
    end = (centre + half + shift).reshape(-1)
    owner = jnp.tile(jnp.arange(centre.shape[0]), 3)
    start, end, owner = jax.lax.sort((start, end, owner), num_keys=1)
    return start, end, owner


def _cover(start: Array, end: Array, present: Array) -> Covering:
    """Covering by the arcs present, from `_lay_out`: one pass, no sorting."""
    guard = 16.0 * math.pi * jnp.finfo(start.dtype).eps
    reach = jax.lax.cummax(jnp.where(present, end, -jnp.inf))
    reach = jnp.concatenate([jnp.full(1, -jnp.inf, start.dtype), reach[:-1]])
    # A gap of the circle begins once in [0, π); the guard at both ends at worst counts one twice.
    here = present & (reach >= -guard) & (reach <= math.pi + guard)
    gap = jnp.where(here, start - reach, -jnp.inf)
    widest = jnp.argmax(gap)
    some = jnp.any(present)
    size = jnp.where(some, gap[widest], math.pi)
    direction = jnp.where(some, jnp.mod(reach[widest] + 0.5 * size, math.pi), 0.0)
    status = jnp.where(size > guard, UNCOVERED, jnp.where(size < -guard, COVERED, UNDECIDED))
    return Covering(status, direction, size)


@jax.jit
def cover_arcs(centre: Float[Array, " n"], half: Float[Array, " n"], present: Bool[Array, " n"]) -> Covering:
    """Whether arcs cover the circle of length π; arcs not present count for nothing.

    Each arc is laid out three times, at -π, 0 and π; sorted by start, the running maximum of the ends
    leaves a gap wherever the next start lies beyond it, and each gap of the circle begins once in [0, π).

    Args:
        centre: in [0, π), shape (n,); half: half-widths in [0, π/2], shape (n,); present: shape (n,).
    """
    start, end, owner = _lay_out(centre, half)
    return _cover(start, end, present[owner])


def cover_circle(u: Float[Array, "n 3"], w: Float[Array, "3"], eps: Float[Array, ""]) -> Covering:
    """Whether the zones of n neurons of R^3 cover all directions orthogonal to w at error ε.

    Args:
        u: rows, shape (n, 3).
        w: the target's unit direction, shape (3,).
        eps: error, in (0, ½), so that α = 2·arctan(2ε) < π/2.

    Returns:
        a `Covering`. Status -1 proves a miss of neuron pruning, readout `linear`.
    """
    centre, half = zone_arcs(u, w, jnp.tan(2.0 * jnp.arctan(2.0 * jnp.asarray(eps, u.dtype))))
    return cover_arcs(centre, half, jnp.ones(centre.shape, bool))


@functools.partial(jax.jit, static_argnames=("steps",))
def _least_cover(centre: Array, half: Array, steps: int) -> tuple[Array, Array]:
    n = centre.shape[0]
    start_of, end_of, owner = _lay_out(centre, half)

    def search(wanted):
        """Least size whose status is at least `wanted` (covering is monotone in the size), n + 1 if none."""

        def body(_, bracket):
            low, high = bracket  # fails at low, holds at high (n + 1 stands for never)
            middle = (low + high) // 2
            good = (_cover(start_of, end_of, owner < middle).status >= wanted) & (middle > low)
            return jnp.where(good | (middle == low), low, middle), jnp.where(good, middle, high)

        bracket = (jnp.zeros((), owner.dtype), jnp.asarray(n + 1, owner.dtype))
        return jax.lax.fori_loop(0, steps, body, bracket)[1]

    return search(UNDECIDED), search(COVERED)


def least_cover(
    u: Float[Array, "n 3"], w: Float[Array, "3"], eps: Float[Array, ""]
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """The least number of leading neurons whose zones cover all directions, as a bracket.

    One drawn network decides every n at once: zones only ever add up.

    Args:
        u: rows, shape (n, 3); w: unit direction, shape (3,); eps: error.

    Returns:
        low, high: fewer than `low` neurons certainly do not cover, `high` certainly do; n + 1 stands for
        "not with these n". They differ only if an end lies within the guard band of another.
    """
    centre, half = zone_arcs(u, w, jnp.tan(2.0 * jnp.arctan(2.0 * jnp.asarray(eps, u.dtype))))
    return _least_cover(centre, half, steps=int(u.shape[0] + 1).bit_length() + 1)


def verify_uncovered(u: Any, w: Any, q: Any, eps: float) -> bool:
    """Re-check a certificate in float64 NumPy, in any dimension: no zone holds q, with a margin.

    Args:
        u: rows, shape (n, d).
        w: the target's direction, shape (d,), of length 1 to rounding.
        q: the direction claimed to be uncovered, shape (d,); it is made orthogonal to w and unit here.
        eps: error, in (0, ½).

    Returns:
        True only if |⟨u_i, q⟩| > tan α·|⟨u_i, w⟩| for every i beyond rounding: then no subset of the
        neurons, with any real output weights, is within ε of σ(⟨w, ·⟩) (readout `linear`).

    Raises:
        ValueError: for shapes that do not fit or an ε outside (0, ½).
    """
    eps = arguments.real("eps", eps, above=0.0, below=0.5)
    u, w, q = (np.asarray(x, dtype=np.float64) for x in (u, w, q))
    if u.ndim != 2 or w.shape != u.shape[1:] or q.shape != w.shape or w.size < 2:
        raise ValueError(f"u, w, q have shapes {u.shape}, {w.shape}, {q.shape}: allowed are (n, d), (d,), (d,), d >= 2")
    w = w / np.linalg.norm(w)
    for _ in range(2):  # twice is enough for orthogonality to rounding
        q = q - (q @ w) * w
        q = q / np.linalg.norm(q)
    if not np.all(np.isfinite(q)):
        return False
    alpha = 2.0 * math.atan(2.0 * eps)
    distance = np.arctan2(np.abs(u @ q), np.abs(u @ w))
    length = np.linalg.norm(u, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # ⟨u, q⟩ and ⟨u, w⟩ carry errors of a few d·2^-53·‖u‖, the angle between them as much relatively.
        plane = np.hypot(u @ q, u @ w)
        margin = 16.0 * (w.size + 4.0) * 2.0**-53 * length / plane
    idle = length == 0.0  # a zero row has no kink: it covers nothing
    return bool(np.all(idle | (distance > alpha + margin)))


__all__ = [
    "COVERED",
    "UNCOVERED",
    "UNDECIDED",
    "Covering",
    "cover_arcs",
    "cover_circle",
    "least_cover",
    "orthogonal_basis",
    "verify_uncovered",
    "zone_arcs",
]
