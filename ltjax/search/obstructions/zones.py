"""Covering of directions: why neuron pruning needs more neurons in more dimensions.

By the kink lemma in the plane through w and a unit vector q orthogonal to w, an error of ε, readout
`linear`, needs a neuron whose kink line in that plane is within α = 2·arctan(2ε) of the target's, that is
|⟨u_i, q⟩| <= tan α·|⟨u_i, w⟩|: q lies in neuron i's *zone*. So the zones of all neurons must cover the
sphere S^{d-2} of such q. A direction that no zone covers certifies that no subset works at all.

For d = 3 that sphere is a circle, opposite directions are equivalent, each zone is one arc of a circle of
length π, and covering is decided exactly by sorting.

For d > 3 we only search for directions that no zone covers (`search_uncovered`, `last_uncovered`). One that
is found is a certificate, whatever found it; finding none decides nothing.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ltjax.certify import rounding
from ltjax.search.obstructions.directions import orthogonal_basis, scaled, tangent, unit_target
from ltjax.search.obstructions.uncovered import Uncovered, last_uncovered, search_uncovered

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


def _parts(u: Array, w: Array, tan_alpha: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Of each zone: centre, r, tan α·|⟨u, w⟩|, how far rounding may have moved these two, and whether it is none."""
    highest = jax.lax.Precision.HIGHEST
    rows, idle = scaled(u)
    w = unit_target(w)
    across = jnp.matmul(rows, orthogonal_basis(w).T, precision=highest)
    reach = tan_alpha * jnp.abs(jnp.matmul(rows, w, precision=highest))
    centre = jnp.mod(jnp.arctan2(across[:, 1], across[:, 0]) + 0.5 * math.pi, math.pi)
    blur = rounding.zone(3, jnp.linalg.norm(rows, axis=1), tan_alpha, u.dtype)
    return centre, jnp.hypot(across[:, 0], across[:, 1]), reach, blur, idle


def _bracketed(u: Array, w: Array, eps: Array) -> tuple[Array, Array, Array]:
    """Centres modulo π, and half-widths that are certainly not too small and certainly not too large.

    In the basis of `orthogonal_basis`, |⟨u, q⟩| = r·|cos(φ - ψ)| <= tan α·|⟨u, w⟩| is the arc around ψ + π/2 of
    half-width arcsin(min(1, tan α·|⟨u, w⟩|/r)).
    """
    centre, radius, reach, blur, idle = _parts(u, w, tangent(eps))
    safe = jnp.where(radius > 0.0, radius, 1.0)
    turned = blur / safe  # the centre is off by this, and so is the sine of the half-width
    wide = jnp.where(reach + blur >= radius, math.pi, jnp.arcsin((reach + blur) / safe) + turned)
    narrow = jnp.maximum(jnp.arcsin(jnp.clip((reach - blur) / safe, 0.0, 1.0)) - turned, 0.0)
    narrow = jnp.where(reach - blur >= radius, math.pi, narrow)
    return centre, jnp.where(idle, 0.0, wide), jnp.where(idle, 0.0, narrow)


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
    guard = rounding.covered_gap(start.dtype)
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
    known = ~jnp.any(present & jnp.isnan(start + end))
    return Covering(jnp.where(known, status, UNDECIDED), direction, jnp.where(known, size, jnp.nan))


@jax.jit
def cover_arcs(centre: Float[Array, " n"], half: Float[Array, " n"], present: Bool[Array, " n"]) -> Covering:
    """Whether arcs cover the circle of length π; arcs not present count for nothing.

    Each arc is laid out three times, at -π, 0 and π; sorted by start, the running maximum of the ends
    leaves a gap wherever the next start lies beyond it, and each gap of the circle begins once in [0, π).

    Args:
        centre: in [0, π), shape (n,); half: half-widths in [0, π/2], shape (n,); present: shape (n,). Their ends
            are taken to be right to 16 units. One that is NaN leaves all undecided.
    """
    start, end, owner = _lay_out(centre, half)
    return _cover(start, end, present[owner])


@jax.jit
def cover_circle(
    u: Float[Array, "n 3"], w: Float[Array, "3"], eps: Float[Array, ""], size: Int[Array, ""] | None = None
) -> Covering:
    """Whether the zones of n neurons of R^3 cover all directions orthogonal to w at error ε.

    Args:
        u: rows, shape (n, 3).
        w: the target's unit direction, shape (3,).
        eps: error, in (0, ½), so that α = 2·arctan(2ε) < π/2.
        size: only the first so many neurons; all if not given.

    Returns:
        a `Covering`. Status -1 proves a miss of neuron pruning, readout `linear`. Undecided if a row, w or ε holds
        NaN or infinity, if ε is not below ½, if w is no unit vector, or if a row is too short for the dtype.
    """
    centre, wide, narrow = _bracketed(u, w, jnp.asarray(eps, u.dtype))
    present = jnp.arange(len(centre)) < (len(centre) if size is None else size)
    outer, inner = cover_arcs(centre, wide, present), cover_arcs(centre, narrow, present)
    covered = inner.status == COVERED
    status = jnp.where(covered, COVERED, jnp.minimum(outer.status, UNDECIDED))
    return Covering(status, outer.direction, jnp.where(covered, inner.gap, outer.gap))


def _least_cover(centre: Array, wide: Array, narrow: Array, steps: int) -> tuple[Array, Array]:
    n = centre.shape[0]

    def search(half, wanted):
        """Least size whose status is at least `wanted` (covering is monotone in the size), n + 1 if none."""
        start_of, end_of, owner = _lay_out(centre, half)

        def body(_, bracket):
            low, high = bracket  # fails at low, holds at high (n + 1 stands for never)
            middle = (low + high) // 2
            good = (_cover(start_of, end_of, owner < middle).status >= wanted) & (middle > low)
            return jnp.where(good | (middle == low), low, middle), jnp.where(good, middle, high)

        bracket = (jnp.zeros((), owner.dtype), jnp.asarray(n + 1, owner.dtype))
        return jax.lax.fori_loop(0, steps, body, bracket)[1]

    return search(wide, UNDECIDED), search(narrow, COVERED)


@jax.jit
def least_cover(
    u: Float[Array, "n 3"], w: Float[Array, "3"], eps: Float[Array, ""] | float
) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """The least number of leading neurons whose zones cover all directions, as a bracket.

    One drawn network decides every n at once: zones only ever add up.

    Args:
        u: rows, shape (n, 3); w: unit direction, shape (3,); eps: error.

    Returns:
        low, high: fewer than `low` neurons certainly do not cover, `high` certainly do; n + 1 stands for
        "not with these n". They differ only if an end lies within the rounding of another, or from the first row on
        that `cover_circle` would leave undecided.
    """
    centre, wide, narrow = _bracketed(u, w, jnp.asarray(eps, u.dtype))
    return _least_cover(centre, wide, narrow, steps=int(u.shape[0] + 1).bit_length() + 1)


__all__ = [
    "COVERED",
    "UNCOVERED",
    "UNDECIDED",
    "Covering",
    "Uncovered",
    "cover_arcs",
    "cover_circle",
    "last_uncovered",
    "least_cover",
    "orthogonal_basis",
    "search_uncovered",
]
