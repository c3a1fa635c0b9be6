"""Covering of directions: why neuron pruning needs more neurons in more dimensions (NP-5).

By the kink lemma (NP-1) in the plane through w and a unit vector q orthogonal to w, an error of ε, readout
`linear`, needs a neuron whose kink line in that plane is within α = 2·arctan(2ε) of the target's, that is
|⟨u_i, q⟩| <= tan α·|⟨u_i, w⟩|: q lies in neuron i's *zone*. So the zones of all neurons must cover the
sphere S^{d-2} of such q. A direction that no zone covers certifies that no subset works at all.

For d = 3 that sphere is a circle, opposite directions are equivalent, each zone is one arc of a circle of
length π, and covering is decided exactly by sorting.

For d > 3 we only search for directions that no zone covers (`search_uncovered`, `last_uncovered`). One that
is found is a certificate, whatever found it; finding none decides nothing.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.search.floats import is_zero

COVERED, UNDECIDED, UNCOVERED = 1, 0, -1


def _scaled(u: Float[Array, "n d"]) -> tuple[Array, Array]:
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


def _target(w: Float[Array, " d"]) -> Array:
    """The target's direction; NaN if it is no unit vector, so that nothing is certified."""
    return jnp.where(jnp.abs(jnp.sum(w * w) - 1.0) <= 1e-3, w, jnp.nan)


def _tangent(eps: Array) -> Array:
    """tan α = tan(2·arctan(2ε)); NaN if ε is not below ½, where α would be no acute angle."""
    return jnp.where(eps < 0.5, 4.0 * eps / ((1.0 - 2.0 * eps) * (1.0 + 2.0 * eps)), jnp.nan)


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
    centre, radius, reach, _, _ = _parts(u, w, tan_alpha)
    # Where the zone is everything, a row along w or next to it, the difference of squares is rounding alone.
    return centre, jnp.arctan2(reach, jnp.sqrt(jnp.maximum(radius**2 - reach**2, 0.0)))


def _parts(u: Array, w: Array, tan_alpha: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Of each zone: centre, r, tan α·|⟨u, w⟩|, how far rounding may have moved these two, and whether it is none."""
    highest = jax.lax.Precision.HIGHEST
    rows, idle = _scaled(u)
    w = _target(w)
    across = jnp.matmul(rows, orthogonal_basis(w).T, precision=highest)
    reach = tan_alpha * jnp.abs(jnp.matmul(rows, w, precision=highest))
    centre = jnp.mod(jnp.arctan2(across[:, 1], across[:, 0]) + 0.5 * math.pi, math.pi)
    blur = rounding.zone(3, jnp.linalg.norm(rows, axis=1), tan_alpha, u.dtype)
    return centre, jnp.hypot(across[:, 0], across[:, 1]), reach, blur, idle


def _bracketed(u: Array, w: Array, eps: Array) -> tuple[Array, Array, Array]:
    """Centres, and half-widths that are certainly not too small and certainly not too large."""
    centre, radius, reach, blur, idle = _parts(u, w, _tangent(eps))
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
def cover_circle(u: Float[Array, "n 3"], w: Float[Array, "3"], eps: Float[Array, ""]) -> Covering:
    """Whether the zones of n neurons of R^3 cover all directions orthogonal to w at error ε.

    Args:
        u: rows, shape (n, 3).
        w: the target's unit direction, shape (3,).
        eps: error, in (0, ½), so that α = 2·arctan(2ε) < π/2.

    Returns:
        a `Covering`. Status -1 proves a miss of neuron pruning, readout `linear`. Undecided if a row, w or ε holds
        NaN or infinity, if ε is not below ½, if w is no unit vector, or if a row is too short for the dtype.
    """
    centre, wide, narrow = _bracketed(u, w, jnp.asarray(eps, u.dtype))
    present = jnp.ones(centre.shape, bool)
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


class Uncovered(NamedTuple):
    """Outcome of `search_uncovered` and `last_uncovered`.

    Attributes:
        direction: the best unit direction found, orthogonal to w, shape (d,).
        size: that many leading neurons do not cover `direction`, by more than the rounding of the dtype.
        margin: by how much the nearest of the neurons asked for (`last_uncovered`: of the first `size`)
            misses `direction`, radians. Positive: a certificate, once `verify_uncovered` agrees. Not
            positive: undecided.
    """

    direction: Float[Array, " d"]
    size: Int[Array, ""]
    margin: Float[Array, ""]


BEYOND = 0.03, 0.001
"""By how much the descent widens all zones, first and last, in units of tan α/√(d - 1), about a zone's half-width.

It would end on the rims of the true ones otherwise. All by the same, so that even in a gap much narrower than
that the lowest place is inside the gap, not inside the narrower zone.
"""


def _slabs(u: Array, w: Array, tan_alpha: Array) -> tuple[Array, Array]:
    """Zones as slabs |⟨c_i, q⟩| <= s_i of S^{d-2} in `orthogonal_basis`: c (n, d-1), s (n,).

    They are widened by the rounding of ⟨u_i, q⟩ and ⟨u_i, w⟩, so that "outside" can be trusted in the dtype.
    A zero row has no zone: s = -1. A row along w covers everything: c = 0, s = 2. So does one of which nothing is
    certain: s = NaN would hold nothing, and its gradient would spoil the descent.
    """
    highest = jax.lax.Precision.HIGHEST
    u, idle = _scaled(u)
    across = jnp.matmul(u, orthogonal_basis(w).T, precision=highest)
    length = jnp.linalg.norm(u, axis=1)
    guard = rounding.slab(u.shape[1], length, tan_alpha, u.dtype)
    half = tan_alpha * jnp.abs(jnp.matmul(u, w, precision=highest)) + guard
    radius = jnp.linalg.norm(across, axis=1)
    wide = ~(half < radius)
    safe = jnp.where(wide, 1.0, radius)
    c = jnp.where(wide[:, None], 0.0, across / safe[:, None])
    s = jnp.where(idle, -1.0, jnp.where(wide, 2.0, half / safe))
    return c, s


def _ratios(q: Array, c: Array, s: Array) -> Array:
    """Distance from a slab's middle in units of its half-width, shape (..., n): above 1 is outside."""
    x = jnp.abs(jnp.matmul(q, c.T, precision=jax.lax.Precision.HIGHEST))
    return jnp.where(s < 0.0, jnp.inf, x / jnp.maximum(s, jnp.finfo(s.dtype).tiny))


def _leading(ratios: Array) -> Array:
    """How many leading slabs do not hold the direction: the index of the first that does, shape (...)."""
    n = ratios.shape[-1]
    return jnp.min(jnp.where(ratios > 1.0, n, jnp.arange(n)), axis=-1)


def _unit(q: Array) -> Array:
    return q / jnp.linalg.norm(q, axis=-1, keepdims=True)


def _descend(q: Array, c: Array, s: Array, unit: Array, size: Array, rate: Array, steps: int) -> Array:
    """Adam on Σ_{i < size} (s_i + δ - |⟨c_i, q⟩|)₊², from every row of q (starts, d-1); size, rate (starts,).

    δ falls from BEYOND[0] to BEYOND[1] units.

    The first steps are as long as the sphere is wide and shrink by a cosine to 0. That is the annealing: with
    short first steps (below 0.1) nearly every start ends in a corner between the zones it began among.
    """
    here = (jnp.arange(c.shape[0]) < size[:, None]) & (s > 0.0)
    first, last = BEYOND

    def energy(q: Array, beyond: Array) -> Array:
        x = jnp.abs(_unit(q) @ c.T)
        return jnp.sum(jnp.where(here, jnp.maximum(s + beyond - x, 0.0), 0.0) ** 2)

    optimiser = optax.adam(optax.cosine_decay_schedule(1.0, steps), eps=1e-12)

    def step(carry: Any, beyond: Array) -> Any:
        q, state = carry
        updates, state = optimiser.update(jax.grad(energy)(q, beyond), state)
        return (_unit(q + rate[:, None] * jnp.asarray(updates)), state), None

    beyond = unit * jnp.linspace(first, last, steps, dtype=c.dtype)
    (q, _), _ = jax.lax.scan(step, (q, optimiser.init(q)), beyond)
    return q


def _outcome(q: Array, size: Array, wanted: Array, u: Array, w: Array, eps: Array) -> Uncovered:
    highest = jax.lax.Precision.HIGHEST
    direction = _unit(jnp.matmul(q, orthogonal_basis(w), precision=highest))
    u, idle = _scaled(u)
    across = jnp.abs(jnp.matmul(u, direction, precision=highest))
    angle = jnp.arctan2(across, jnp.abs(jnp.matmul(u, w, precision=highest)))
    there = (jnp.arange(u.shape[0]) < wanted) & ~idle
    # A direction inside a widened zone but outside the true one is no certificate: rounding decides there.
    margin = jnp.min(jnp.where(there, angle, 0.5 * math.pi)) - 2.0 * jnp.arctan(2.0 * eps)
    known = jnp.all(jnp.isfinite(direction)) & (eps < 0.5) & ~jnp.isnan(margin)
    margin = jnp.where(known, margin, -jnp.inf)
    return Uncovered(direction, size, jnp.where(size >= wanted, margin, jnp.minimum(margin, 0.0)))


@functools.partial(jax.jit, static_argnames=("starts", "steps"))
def _search(key: Array, u: Array, w: Array, eps: Array, size: Array, rate: Array, starts: int, steps: int) -> Uncovered:
    w, tan_alpha = _target(w), _tangent(eps)
    c, s = _slabs(u, w, tan_alpha)
    wanted = jnp.clip(size, 0, u.shape[0])
    q = _unit(jax.random.normal(key, (starts, c.shape[1]), c.dtype))
    q = _descend(
        q,
        c,
        s,
        tan_alpha / math.sqrt(c.shape[1]),
        jnp.broadcast_to(wanted, (starts,)),
        jnp.full(starts, rate, c.dtype),
        steps,
    )
    ratios = _ratios(q, c, s)
    leading = _leading(ratios)
    # The deepest among those outside all zones; else the one that gets furthest.
    depth = jnp.min(jnp.where(jnp.arange(c.shape[0]) < wanted, ratios, jnp.inf), axis=1)
    best = jnp.argmax(jnp.where(leading >= wanted, wanted + depth, leading))
    return _outcome(q[best], leading[best], wanted, u, w, eps)


@functools.partial(jax.jit, static_argnames=("starts", "steps", "rounds"))
def _last(
    key: Array, u: Array, w: Array, eps: Array, n: Array, rate: Array, starts: int, steps: int, rounds: int
) -> tuple[Uncovered, Array]:
    w, tan_alpha = _target(w), _tangent(eps)
    c, s = _slabs(u, w, tan_alpha)
    place = (jnp.arange(starts) + 1.0).astype(c.dtype) / starts  # in (0, 1]
    warm = jnp.arange(starts) % 2 == 1

    def attempt(carry: Any, xs: tuple[Array, Array]) -> Any:
        best, size, pool = carry
        number, key = xs
        fresh = _unit(jax.random.normal(key, pool.shape, pool.dtype))
        # Early rounds look far ahead of the best size so far, later ones closely.
        reach = jnp.maximum(0.3 * 0.7 ** (number - 1.0), 0.03)
        ahead = size + jnp.ceil(jnp.maximum(reach * size, 4.0) * place)
        aim = jnp.where(number == 0, jnp.ceil(n.astype(c.dtype) ** place), jnp.minimum(ahead, n))
        old = warm & (number > 0)
        q = jnp.where(old[:, None], pool, fresh)
        q = _descend(q, c, s, tan_alpha / math.sqrt(c.shape[1]), aim, jnp.where(old, 0.1 * rate, rate), steps)
        leading = jnp.minimum(_leading(_ratios(q, c, s)), n)
        top = jnp.argmax(leading)
        better = leading[top] > size
        best, size = jnp.where(better, q[top], best), jnp.where(better, leading[top], size)
        order = jnp.argsort(-leading)
        pool = q[order[(jnp.arange(starts) // 2) % max(1, starts // 8)]]
        return (best, size, pool), size

    pool = jnp.zeros((starts, c.shape[1]), c.dtype).at[:, 0].set(1.0)
    start = (pool[0], jnp.zeros((), jnp.arange(1).dtype), pool)
    xs = (jnp.arange(rounds, dtype=c.dtype), jax.random.split(key, rounds))
    (q, size, _), sizes = jax.lax.scan(attempt, start, xs)
    return _outcome(q, size, size, u, w, eps), sizes


def _check_search(u: Array, w: Array, eps: Any, **counts: int) -> None:
    if not isinstance(eps, jax.core.Tracer):
        arguments.real("eps", float(eps), above=0.0, below=0.5)
    if u.ndim != 2 or u.shape[0] < 1 or u.shape[1] < 3 or w.shape != u.shape[1:]:
        raise ArgumentError(f"u, w have shapes {u.shape}, {w.shape}: allowed are (n, d), (d,), n >= 1, d >= 3")
    for name, value in counts.items():
        arguments.whole(name, value, 1)


def search_uncovered(
    key: Key[Array, ""],
    u: Float[Array, "n d"],
    w: Float[Array, " d"],
    eps: Float[Array, ""] | float,
    *,
    size: Int[Array, ""] | int | None = None,
    starts: int = 256,
    steps: int = 400,
    rate: float = 0.6,
) -> Uncovered:
    """Search for a direction orthogonal to w that no zone of the leading `size` neurons covers (NP-5), d >= 3.

    Random starts descend on the depth to which they lie inside zones (Adam, step length annealed from `rate`).
    Usable under `jax.vmap`; `size` may be traced, so one compiled program serves all sizes. Cost:
    starts·steps·n·d multiply-adds, four times.

    Args:
        key: of the starts.
        u: rows, shape (n, d); w: the target's unit direction, shape (d,).
        eps: error, in (0, ½); not checked where it is traced.
        size: leading neurons that count, clipped to 0..n; all n if not given.
        starts: starts; steps: of each.
        rate: length of the first steps, radians or so.

    Returns:
        an `Uncovered`. A positive margin is a certificate that no subset of the leading `size` neurons works;
        re-check it with `verify_uncovered`. Otherwise undecided.

    Raises:
        ArgumentError: for d < 3, for shapes that do not fit, for an ε outside (0, ½), for counts below 1.
    """
    u, w = jnp.asarray(u), jnp.asarray(w)
    _check_search(u, w, eps, starts=starts, steps=steps)
    wanted = jnp.asarray(u.shape[0] if size is None else size)
    error, length = jnp.asarray(eps, u.dtype), jnp.asarray(rate, u.dtype)
    return _search(key, u, w.astype(u.dtype), error, wanted, length, starts, steps)


def last_uncovered(
    key: Key[Array, ""],
    u: Float[Array, "n d"],
    w: Float[Array, " d"],
    eps: Float[Array, ""] | float,
    *,
    most: Int[Array, ""] | int | None = None,
    starts: int = 256,
    steps: int = 400,
    rounds: int = 8,
    rate: float = 0.6,
) -> Uncovered:
    """Search for the largest number of leading neurons whose zones leave a direction uncovered (NP-5), d >= 3.

    A direction's number is the index of the first neuron whose zone holds it, and every number below it is
    certified as well: one trial bounds the least n that covers from below. At d = 3 `least_cover` is exact.
    Each round aims the starts of `search_uncovered` at a spread of sizes beyond the best one so far; half
    start afresh, half from the best ends of the round before with steps a tenth as long.

    Args:
        key, u, w, eps, starts, steps, rate: as for `search_uncovered`; rounds: of starts and steps.
        most: leading neurons beyond which nothing is asked; all n if not given. It may be traced.

    Returns:
        an `Uncovered`: the zones of the first `size` neurons do not cover. Nothing is said about more, and if
        size is n, more neurons should be given.

    Raises:
        ArgumentError: for d < 3, for shapes that do not fit, for an ε outside (0, ½), for counts below 1.
    """
    u, w = jnp.asarray(u), jnp.asarray(w)
    _check_search(u, w, eps, starts=starts, steps=steps, rounds=rounds)
    error, length = jnp.asarray(eps, u.dtype), jnp.asarray(rate, u.dtype)
    size = jnp.asarray(u.shape[0] if most is None else most)
    return _last(key, u, w.astype(u.dtype), error, size, length, starts, steps, rounds)[0]


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
    "zone_arcs",
]
