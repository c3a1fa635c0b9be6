"""Sup-norm error of two-layer networks without bias on the unit circle, on the host in float64.

Between neighbouring kinks such a network is linear in x, so the error's supremum is attained at a kink or at the
crest of one such piece; nothing has to be sampled.
"""

import math
from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError

TWO_PI = 2.0 * math.pi


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
        ArgumentError: for shapes that do not fit, NaN or infinite weights, an unknown readout.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    u = np.asarray(u, dtype=np.float64)
    v = np.asarray(v, dtype=np.float64)
    w = np.asarray(w, dtype=np.float64)
    if u.ndim != 2 or u.shape[1] != 2 or v.shape != u.shape[:1] or w.shape != (2,):
        raise ArgumentError(f"u, v, w have shapes {u.shape}, {v.shape}, {w.shape}: allowed are (n, 2), (n,), (2,)")
    for name, array in (("u", u), ("v", v), ("w", w)):
        if not np.all(np.isfinite(array)):
            raise ArgumentError(f"{name} has an entry that is NaN or infinite: {name} holds finite numbers")
    if mask is not None:
        keep = np.asarray(mask, dtype=bool)
        if keep.shape != v.shape:
            raise ArgumentError(f"mask has shape {keep.shape}: allowed is {v.shape}")
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


__all__ = ["exact_error", "neuron_distance"]
