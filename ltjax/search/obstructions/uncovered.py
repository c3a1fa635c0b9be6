"""Search for directions that no zone covers (see `zones`), d >= 3: what is found is a certificate."""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.search.obstructions.directions import orthogonal_basis, scaled, tangent, unit_target


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
    u, idle = scaled(u)
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
    here = (jnp.arange(c.shape[0], dtype=size.dtype) < size[:, None]) & (s > 0.0)
    first, last = BEYOND

    def energy(q: Array, beyond: Array) -> Array:
        x = jnp.abs(_unit(q) @ c.T)
        return jnp.sum(jnp.where(here, jnp.maximum(s + beyond - x, 0.0), 0.0) ** 2)

    optimiser = optax.adam(optax.cosine_decay_schedule(1.0, steps), eps=1e-12)

    def step(carry: Any, beyond: Array) -> Any:
        q, state = carry
        with jax.numpy_dtype_promotion("standard"):  # Optax lets its count of steps meet floats
            updates, state = optimiser.update(jax.grad(energy)(q, beyond), state)
        return (_unit(q + rate[:, None] * jnp.asarray(updates)), state), None

    beyond = unit * jnp.linspace(first, last, steps, dtype=c.dtype)
    (q, _), _ = jax.lax.scan(step, (q, optimiser.init(q)), beyond)
    return q


def _outcome(q: Array, size: Array, wanted: Array, u: Array, w: Array, eps: Array) -> Uncovered:
    highest = jax.lax.Precision.HIGHEST
    direction = _unit(jnp.matmul(q, orthogonal_basis(w), precision=highest))
    u, idle = scaled(u)
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
    w, tan_alpha = unit_target(w), tangent(eps)
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
    best = jnp.argmax(jnp.where(leading >= wanted, wanted.astype(c.dtype) + depth, leading.astype(c.dtype)))
    return _outcome(q[best], leading[best], wanted, u, w, eps)


@functools.partial(jax.jit, static_argnames=("starts", "steps", "rounds"))
def _last(
    key: Array, u: Array, w: Array, eps: Array, n: Array, rate: Array, starts: int, steps: int, rounds: int
) -> tuple[Uncovered, Array]:
    w, tan_alpha = unit_target(w), tangent(eps)
    c, s = _slabs(u, w, tan_alpha)
    place = jnp.arange(1, starts + 1).astype(c.dtype) / starts  # in (0, 1]
    warm = jnp.arange(starts) % 2 == 1

    def attempt(carry: Any, xs: tuple[Array, Array]) -> Any:
        best, size, pool = carry
        number, key = xs
        fresh = _unit(jax.random.normal(key, pool.shape, pool.dtype))
        # Early rounds look far ahead of the best size so far, later ones closely.
        reach = jnp.maximum(0.3 * 0.7 ** (number - 1.0), 0.03)
        so_far, all_of_them = size.astype(c.dtype), n.astype(c.dtype)
        ahead = so_far + jnp.ceil(jnp.maximum(reach * so_far, 4.0) * place)
        aim = jnp.where(number == 0, jnp.ceil(all_of_them**place), jnp.minimum(ahead, all_of_them))
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
    u: Float[Array | np.ndarray, "n d"],
    w: Float[Array | np.ndarray, " d"],
    eps: Float[Array, ""] | float,
    *,
    size: Int[Array, ""] | int | None = None,
    starts: int = 256,
    steps: int = 400,
    rate: float = 0.6,
) -> Uncovered:
    """Search for a direction orthogonal to w that no zone of the leading `size` neurons covers, d >= 3.

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
    u: Float[Array | np.ndarray, "n d"],
    w: Float[Array | np.ndarray, " d"],
    eps: Float[Array, ""] | float,
    *,
    most: Int[Array, ""] | int | None = None,
    starts: int = 256,
    steps: int = 400,
    rounds: int = 8,
    rate: float = 0.6,
) -> Uncovered:
    """Search for the largest number of leading neurons whose zones leave a direction uncovered, d >= 3.

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


__all__ = ["Uncovered", "last_uncovered", "search_uncovered"]
