"""Sup-norm error of two-layer networks without bias on the unit circle, on the host in float64.

Between neighbouring kinks such a network is linear in x, so the error's supremum is attained at a kink or at the
crest of one such piece; nothing has to be sampled.
"""

import math
from typing import Any

import numpy as np

from ltjax.certify import rounding
from ltjax.certify.errors import network as networks

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
        ArgumentError: for shapes that do not fit, NaN or infinite weights, Σ|v_i|‖u_i‖ above 1e150, w = 0, an
            unknown readout.
    """
    network = networks.reduced(u, v, w, mask, readout, 2)
    _, found = _candidates(network)
    return networks.largest(found), networks.certain(rounding.plane_error(len(network.rows), network.scale))


def candidates(u: Any, v: Any, w: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points of the circle among which the largest error of a network, readout `linear`, is attained.

    Returns:
        points, shape (k, 2), and the size of the error at each, shape (k,).
    """
    angles, found = _candidates(networks.reduced(u, v, w, None, "linear", 2))
    return np.stack([np.cos(angles), np.sin(angles)], axis=1), np.abs(found)


def _candidates(network: networks.Network) -> tuple[np.ndarray, np.ndarray]:
    """The angles of all kinks and of the crests of the pieces between, and the error there."""
    w = network.w
    rows = np.concatenate([w[None], network.rows])
    line = np.arctan2(-rows[:, 0], rows[:, 1])  # a direction on each row's kink line
    ends = np.sort(np.concatenate([line, np.where(line <= 0.0, line + np.pi, line - np.pi)]))
    following = np.append(ends[1:], ends[0] + TWO_PI)
    half = 0.5 * (following - ends)
    middle = ends + half

    direction = np.stack([np.cos(middle), np.sin(middle)])
    on = (rows @ direction) > 0.0  # (1 + n, pieces)
    weights = np.concatenate([[0.0], network.sign])
    g = (on * weights[:, None]).T @ rows  # on a piece the network is ⟨g, x⟩
    f = on[0].astype(np.float64)[:, None] * w  # and the target ⟨f, x⟩

    def inside(angle: np.ndarray) -> np.ndarray:
        shift = angle - middle
        shift -= np.pi * np.round(shift / np.pi)
        return middle + np.clip(shift, -half, half)

    e = np.subtract(g, f)
    points = [ends, following, inside(np.arctan2(e[:, 1], e[:, 0]))]
    if network.relu:
        points.append(inside(np.arctan2(f[:, 1], f[:, 0])))
        points.append(inside(np.arctan2(g[:, 0], -g[:, 1])))  # pyright: ignore[reportOperatorIssue]
    found = []
    for t in points:
        x, y = np.cos(t), np.sin(t)
        output = g[:, 0] * x + g[:, 1] * y
        if network.relu:
            output = np.maximum(output, 0.0)
        found.append(output - (f[:, 0] * x + f[:, 1] * y))
    return np.concatenate(points), np.concatenate(found)


def neuron_distance(u: Any, v: Any, w: Any) -> float:
    """Least angle between a kink line of the network and the target's, in float64, radians in [0, π/2].

    Neurons with v_i = 0 or a zero row have no kink.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite weights, w = 0.
    """
    u, v, w = networks.checked(u, v, w, 2)
    u = networks.units(u[(v != 0.0) & np.any(u != 0.0, axis=1)])
    theta = np.arctan2(-(u[:, 0] * w[1] - u[:, 1] * w[0]), u @ w)
    distance = np.abs(theta - np.pi * np.round(theta / np.pi))
    return float(np.min(distance, initial=math.pi / 2))


__all__ = ["candidates", "exact_error", "neuron_distance"]
