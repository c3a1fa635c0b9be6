"""Why no mask works, readout `linear`: nothing bends near the target's kink, or what bends there does not fit."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ltjax import arguments
from ltjax.certify import rounding
from ltjax.search.masks.walk import sound, walk
from ltjax.search.plane import kink_distance


@jax.jit
def kink_misses(theta: Float[Array, "*batch n"], eps: Float[Array, ""]) -> Bool[Array, "*batch"]:
    """The kink lemma's certificate, readout `linear`: no kink line within α = 2·arctan(2ε) of the target's.

    Then every choice of real output coefficients, so every mask, has error above ½·tan(α/2) = ε. The
    angles are compared with a guard band for the rounding of `theta`: True is a proof (α < π/2 asked).

    Args:
        theta: where each neuron switches on, radians, shape (..., n).
        eps: the error asked for, in (0, ½).

    Returns:
        whether the certificate holds, shape (...).
    """
    eps = jnp.asarray(eps, theta.dtype)
    alpha = 2.0 * jnp.arctan(2.0 * eps)
    guard = rounding.kink_angle(theta.dtype)
    # A comparison with NaN fails, and then there is no proof.
    near = ~(kink_distance(theta) > alpha * (1.0 + guard) + guard)
    return ~jnp.any(near, axis=-1) & (eps < 0.5)


@functools.partial(jax.jit, static_argnames=("capacity", "lines"))
def kink_obstructed(
    offset: Float[Array, " n"],
    kappa: Float[Array, " n"],
    present: Bool[Array, " n"],
    window: Float[Array, ""],
    eps: Float[Array, ""],
    *,
    capacity: int = 4096,
    lines: int = 16,
) -> Bool[Array, ""]:
    """A local certificate of a miss: no choice of the nearest lines gets the error round the target's kink.

    The kink lemma says so when no line is near; this says so when lines are near but their given jumps do not fit, by
    the walk of `scan_masks` along (-δ, δ) alone. Which way a neuron is oriented does not matter to it, nor
    does any neuron farther away: those only set the start of the walk, which is left free. Readout `linear`
    only: with readout `relu` the outer ReLU makes the target's kink, and nothing is obstructed there (the
    linear function ⟨w, x⟩ passes); what is hard then is not local.

    Args:
        offset: signed angle of each kink line from the target's, radians in [-π/2, π/2], shape (n,).
        kappa: slope jumps, shape (n,).
        present: which places are used, shape (n,).
        window: all lines of the network within this angle of the target's (at most 1.5 rad count) are among
            those given.
        eps: the error asked for. In float32 the guard band asks for ε above about 10⁻³; use float64 below.
        capacity: of the frontier; an overflow means no certificate.
        lines: how many lines are walked over, the nearest; δ is where the next one lies, or the window.

    Returns:
        True proves a miss. False says nothing; so it is where NaN or an infinity is met (the window may be infinite).
    """
    dtype = offset.dtype
    k = min(arguments.whole("lines", lines, 1), offset.shape[0])
    eps, window = jnp.asarray(eps, dtype), jnp.asarray(window, dtype)
    distance = jnp.where(present, jnp.abs(offset), window)
    order = jnp.argsort(distance)
    beyond = jnp.concatenate([distance[order], window[None]])[k]
    delta = jnp.minimum(jnp.minimum(beyond, window), 1.5)
    chosen = order[:k]
    inside = present[chosen] & (jnp.abs(offset[chosen]) <= delta)
    line = jnp.where(inside, offset[chosen], delta)  # absent lines wait at the end, with jump 0
    jump = jnp.where(inside, kappa[chosen], 0.0)
    by_angle = jnp.argsort(line)
    line, jump = line[by_angle], jump[by_angle]
    position = jnp.searchsorted(line, 0.0)
    points = jnp.concatenate([-delta[None], jnp.insert(line, position, 0.0), delta[None]])
    guard = rounding.walked(k, 1.0 + jnp.sum(jnp.abs(jump)), dtype)

    wanted = jnp.maximum(jnp.sin(points), 0.0)
    jump = jnp.insert(jump, position, 0.0)
    _, alive, overflow = walk(points, jump, (wanted + eps)[None], (wanted - eps)[None], guard, capacity)
    listed = jnp.where(present, offset, 0.0), jnp.where(present, kappa, 0.0)
    known = sound(jump, eps, delta, *listed) & (window > 0.0)
    return ~jnp.any(alive) & ~overflow & known


__all__ = ["kink_misses", "kink_obstructed"]
