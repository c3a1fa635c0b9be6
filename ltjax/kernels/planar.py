"""Two-layer networks on the unit circle: kinks, and the exact sup-norm error of a masked network.

Frame. Turn the plane so that the target is sin⁺: x(t) = cos t·w⊥ + sin t·w with w⊥ = (w_2, -w_1), hence
⟨w, x(t)⟩ = sin t and the target's kinks lie at t = 0 and t = π. Neuron i has ⟨u_i, x(t)⟩ =
‖u_i‖·sin(t - θ_i): it is active on (θ_i, θ_i + π), and bends with the same slope jump κ_i = v_i‖u_i‖ at
both ends. Between neighbouring kinks a network without bias is a·cos t + b·sin t, so the error's
supremum is attained at a kink or at the crest of one such piece; nothing has to be sampled.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
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


def _pieces(theta: Float[Array, " n"]) -> tuple[Array, Array, Array]:
    """Piece ends around the circle, and which neurons are active on each.

    Returns:
        start: (2n+2,) sorted kink angles in [0, 2π); the target's own two among them.
        length: (2n+2,) of the piece that begins there, >= 0, at most π.
        active: (2n+2, n) whether neuron i is on in the middle of that piece.
    """
    zero = jnp.zeros(1, theta.dtype)
    switch_on = jnp.mod(theta, TWO_PI)
    switch_off = jnp.mod(theta + jnp.pi, TWO_PI)
    start = jnp.sort(jnp.concatenate([zero, zero + jnp.pi, switch_on, switch_off]))
    # A remainder rounded up to 2π itself is the point 0 again: a piece of length 0, harmless.
    length = jnp.concatenate([start[1:], zero + TWO_PI]) - start
    middle = start + 0.5 * length
    active = jnp.sin(middle[:, None] - theta[None, :]) > 0.0
    return start, length, active


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
        errors, shape (masks,).
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    start, length, active = _pieces(theta)
    # κ·sin(t - θ) = (-κ·sin θ)·cos t + (κ·cos θ)·sin t
    cosine = jnp.where(active, -kappa * jnp.sin(theta), 0.0)
    sine = jnp.where(active, kappa * jnp.cos(theta), 0.0)
    chosen = masks.astype(theta.dtype)
    highest = jax.lax.Precision.HIGHEST  # accelerators would multiply in fewer bits
    a = jnp.matmul(chosen, cosine.T, precision=highest)
    b = jnp.matmul(chosen, sine.T, precision=highest)
    return jnp.max(_piece_error(a, b, start, length, readout=readout), axis=-1)


def masked_error(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    mask: Bool[Array, " n"],
    *,
    readout: str = "linear",
) -> Float[Array, ""]:
    """`masked_errors` for one mask."""
    return masked_errors(theta, kappa, mask[None, :], readout=readout)[0]


def exact_error(u: Any, v: Any, w: Any, mask: Any = None, *, readout: str = "linear") -> tuple[float, float]:
    """The sup-norm error of one masked network in float64 NumPy, with a bound on its own rounding.

    The independent re-check of every hit: it shares no formula with `masked_errors`. It works with rows
    and points, not with angles θ_i; the pattern of active neurons on a piece is read from signs of
    ⟨u_i, x⟩ at the piece's middle. A hit at ε is proved by value + margin <= ε.

    Args:
        u: rows, shape (n, 2).
        v: output weights, shape (n,).
        w: the target's direction, shape (2,); normalised here.
        mask: which neurons stay, shape (n,); all if None.
        readout: "linear" or "relu".

    Returns:
        value: the computed supremum over the unit ball.
        margin: a bound on |value - true supremum| for exactly these float64 weights.

    Raises:
        ValueError: for shapes that do not fit, NaN or infinite weights, an unknown readout.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    u = np.asarray(u, dtype=np.float64)
    v = np.asarray(v, dtype=np.float64)
    w = np.asarray(w, dtype=np.float64)
    if u.ndim != 2 or u.shape[1] != 2 or v.shape != u.shape[:1] or w.shape != (2,):
        raise ValueError(f"u, v, w have shapes {u.shape}, {v.shape}, {w.shape}: allowed are (n, 2), (n,), (2,)")
    for name, array in (("u", u), ("v", v), ("w", w)):
        if not np.all(np.isfinite(array)):
            raise ValueError(f"{name} has an entry that is NaN or infinite: {name} holds finite numbers")
    if mask is not None:
        keep = np.asarray(mask, dtype=bool)
        if keep.shape != v.shape:
            raise ValueError(f"mask has shape {keep.shape}: allowed is {v.shape}")
        u, v = u[keep], v[keep]
    # A zero row has no kink and no effect; its kink line is undefined.
    used = np.hypot(u[:, 0], u[:, 1]) > 0.0
    u, v = u[used], v[used]
    w = w / np.hypot(w[0], w[1])

    rows = np.concatenate([w[None, :], u])
    line = np.arctan2(-rows[:, 0], rows[:, 1])  # a direction on each row's kink line
    ends = np.sort(np.concatenate([line, np.where(line <= 0.0, line + np.pi, line - np.pi)]))
    following = np.append(ends[1:], ends[0] + TWO_PI)
    half = 0.5 * (following - ends)
    middle = ends + half

    direction = np.stack([np.cos(middle), np.sin(middle)])
    on = (rows @ direction) > 0.0  # (1 + n, pieces)
    weights = np.concatenate([[0.0], v])
    g = (on * weights[:, None]).T @ rows  # on a piece the network is ⟨g, x⟩
    f = on[0].astype(np.float64)[:, None] * w  # and the target ⟨f, x⟩

    def inside(angle: np.ndarray) -> np.ndarray:
        shift = angle - middle
        shift -= np.pi * np.round(shift / np.pi)
        return middle + np.clip(shift, -half, half)

    e = np.subtract(g, f)
    points = [ends, following, inside(np.arctan2(e[:, 1], e[:, 0]))]
    if readout == "relu":
        points.append(inside(np.arctan2(f[:, 1], f[:, 0])))
        points.append(inside(np.arctan2(g[:, 0], -g[:, 1])))  # pyright: ignore[reportOperatorIssue]
    value = 0.0
    for t in points:
        x, y = np.cos(t), np.sin(t)
        network = g[:, 0] * x + g[:, 1] * y
        if readout == "relu":
            network = np.maximum(network, 0.0)
        value = max(value, float(np.max(np.abs(network - (f[:, 0] * x + f[:, 1] * y)))))
    # Sums of k + 2 products whose absolute values add up to at most Σ|v|‖u‖ + 1 carry a relative error
    # below (k + 2)·2^-53 each; a kink angle wrong by a few units moves the error by as many units times
    # the same sum. The factor 16 covers both and the angles' own rounding.
    scale = 1.0 + float(np.sum(np.abs(v) * np.hypot(u[:, 0], u[:, 1])))
    margin = 16.0 * (v.size + 8.0) * 2.0**-53 * scale
    return value, margin


def neuron_distance(u: Any, v: Any, w: Any) -> float:
    """Least angle between a kink line of the network and the target's, in float64, radians in [0, π/2]."""
    theta = np.arctan2(
        -(np.asarray(u, np.float64)[:, 0] * w[1] - np.asarray(u, np.float64)[:, 1] * w[0]),
        np.asarray(u, np.float64) @ np.asarray(w, np.float64),
    )
    distance = np.abs(theta - np.pi * np.round(theta / np.pi))
    distance = distance[np.asarray(v) != 0.0]
    return float(distance.min()) if distance.size else math.pi / 2


@jax.jit
def kink_misses(theta: Float[Array, "*batch n"], eps: Float[Array, ""]) -> Bool[Array, "*batch"]:
    """NP-1's certificate, readout `linear`: no kink line within α = 2·arctan(2ε) of the target's.

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
    # An angle comes with the rounding of arctan2 and of π (near ±π the reduction is absolute).
    guard = 16.0 * jnp.finfo(theta.dtype).eps
    certified = jnp.min(kink_distance(theta), axis=-1) > alpha * (1.0 + guard) + guard
    return certified & (eps < 0.5)


__all__ = [
    "exact_error",
    "frame",
    "kink_distance",
    "kink_misses",
    "masked_error",
    "masked_errors",
    "neuron_distance",
]
