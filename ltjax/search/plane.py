"""Two-layer networks on the unit circle: kinks, and the exact sup-norm error of a masked network.

Frame. Turn the plane so that the target is sin⁺: x(t) = cos t·w⊥ + sin t·w with w⊥ = (w_2, -w_1), hence
⟨w, x(t)⟩ = sin t and the target's kinks lie at t = 0 and t = π. Neuron i has ⟨u_i, x(t)⟩ =
‖u_i‖·sin(t - θ_i): it is active on (θ_i, θ_i + π), and bends with the same slope jump κ_i = v_i‖u_i‖ at
both ends. Between neighbouring kinks a network without bias is a·cos t + b·sin t, so the error's
supremum is attained at a kink or at the crest of one such piece; nothing has to be sampled.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ltjax import arguments

TWO_PI = 2.0 * math.pi


def frame(
    u: Float[Array, "*batch n 2"], v: Float[Array, "*batch n"], w: Float[Array, "2"]
) -> tuple[Float[Array, "*batch n"], Float[Array, "*batch n"]]:
    """Kinks of a planar network in the target's frame.

    Args:
        u: rows, shape (..., n, 2).
        v: output weights, shape (..., n).
        w: the target's unit direction, shape (2,).

    Returns:
        theta: where neuron i switches on, radians in [-π, π]; it switches off at theta + π. The neuron is
            oriented with the target (⟨u_i, w⟩ > 0) exactly if |theta| < π/2.
        kappa: its slope jump v_i‖u_i‖, at both places.
    """
    across = u[..., 0] * w[1] - u[..., 1] * w[0]
    along = u[..., 0] * w[0] + u[..., 1] * w[1]
    theta = jnp.arctan2(-across, along)
    return theta, v * jnp.hypot(across, along)


def kink_distance(theta: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    """Angle between each neuron's kink line and the target's, in [0, π/2]."""
    return jnp.abs(theta - jnp.pi * jnp.round(theta / jnp.pi))


class Pieces(NamedTuple):
    """The circle between neighbouring kinks, the target's two among them.

    Attributes:
        start: where each piece begins, ascending in [0, 2π), shape (2n+2,).
        length: of each piece, >= 0, at most π.
        cosine, sine: neuron i is cosine·cos t + sine·sin t there, shape (2n+2, n).
        known: whether all numbers are finite.
    """

    start: Float[Array, " pieces"]
    length: Float[Array, " pieces"]
    cosine: Float[Array, "pieces n"]
    sine: Float[Array, "pieces n"]
    known: Bool[Array, ""]


def pieces(theta: Float[Array, " n"], kappa: Float[Array, " n"]) -> Pieces:
    """What all masks of a network share; arguments as for `masked_errors`."""
    zero = jnp.zeros(1, theta.dtype)
    switch_on = jnp.mod(theta, TWO_PI)
    switch_off = jnp.mod(theta + jnp.pi, TWO_PI)
    start = jnp.sort(jnp.concatenate([zero, zero + jnp.pi, switch_on, switch_off]))
    # A remainder rounded up to 2π itself is the point 0 again: a piece of length 0, harmless.
    length = jnp.concatenate([start[1:], zero + TWO_PI]) - start
    middle = start + 0.5 * length
    active = jnp.sin(middle[:, None] - theta[None, :]) > 0.0
    # κ·sin(t - θ) = (-κ·sin θ)·cos t + (κ·cos θ)·sin t
    cosine = jnp.where(active, -kappa * jnp.sin(theta), 0.0)
    sine = jnp.where(active, kappa * jnp.cos(theta), 0.0)
    return Pieces(start, length, cosine, sine, jnp.all(jnp.isfinite(theta)) & jnp.all(jnp.isfinite(kappa)))


def _piece_error(a: Array, b: Array, start: Array, length: Array, *, readout: str) -> Float[Array, "*pieces"]:
    """Exact sup over [start, start + length] of the error, the network being a·cos t + b·sin t there.

    The candidates are the ends, the crests of (network - target), and for readout `relu` also the
    target's own crest and the zeros of the network, where the outer ReLU switches. All are clipped into
    the piece, so every number returned is attained: rounding apart the result is never too large, and
    it is never too small because between candidates the error is monotone.
    """
    middle = start + 0.5 * length
    positive = jnp.sin(middle) > 0.0  # the target's kinks are piece ends: one sign a piece
    rise = jnp.where(positive, 1.0, 0.0).astype(a.dtype)

    def inside(angle: Array) -> Array:
        """The representative of angle modulo π nearest to the middle, clipped into the piece.

        Extremes of a sinusoid, and its zeros, come every π; a piece is no longer than π.
        """
        shift = angle - middle
        shift = shift - jnp.pi * jnp.round(shift / jnp.pi)
        return middle + jnp.clip(shift, -0.5 * length, 0.5 * length)

    candidates = [start, start + length, inside(jnp.arctan2(b - rise, a))]
    if readout == "relu":
        candidates += [inside(jnp.full_like(a, 0.5 * math.pi)), inside(jnp.arctan2(-a, b))]
    t = jnp.stack(jnp.broadcast_arrays(a, *candidates)[1:])
    g = a * jnp.cos(t) + b * jnp.sin(t)
    if readout == "relu":
        g = jnp.maximum(g, 0.0)
    f = rise * jnp.sin(t)
    return jnp.max(jnp.abs(g - f), axis=0)


@functools.partial(jax.jit, static_argnames=("readout",))
def masked_errors(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    masks: Bool[Array, "masks n"],
    *,
    readout: str = "linear",
) -> Float[Array, " masks"]:
    """Exact sup-norm error over the circle of every masked network against sin⁺, up to rounding.

    By homogeneity it is the error over the unit ball. Cost: a (masks × n) by (n × 4n+4) product. All
    arithmetic is in the dtype of `theta`; for a batch of networks use `jax.vmap`.

    Args:
        theta: where each neuron switches on, radians, shape (n,) (see `frame`).
        kappa: slope jumps, shape (n,).
        masks: which neurons stay, shape (masks, n).
        readout: "linear" or "relu".

    Returns:
        errors, shape (masks,); NaN where theta or kappa hold NaN or infinity, whatever the mask.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    return errors_on(pieces(theta, kappa), masks, readout=readout)


def errors_on(shared: Pieces, masks: Bool[Array, "masks n"], *, readout: str) -> Float[Array, " masks"]:
    """`masked_errors`, of a network whose pieces are known."""
    chosen = masks.astype(shared.cosine.dtype)
    highest = jax.lax.Precision.HIGHEST  # accelerators would multiply in fewer bits
    a = jnp.matmul(chosen, shared.cosine.T, precision=highest)
    b = jnp.matmul(chosen, shared.sine.T, precision=highest)
    errors = jnp.max(_piece_error(a, b, shared.start, shared.length, readout=readout), axis=-1)
    return jnp.where(shared.known, errors, jnp.nan)


def masked_error(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    mask: Bool[Array, " n"],
    *,
    readout: str = "linear",
) -> Float[Array, ""]:
    """`masked_errors` for one mask."""
    return masked_errors(theta, kappa, mask[None, :], readout=readout)[0]


__all__ = ["Pieces", "errors_on", "frame", "kink_distance", "masked_error", "masked_errors", "pieces"]
