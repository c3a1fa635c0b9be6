"""Sup-norm error of two-layer networks without bias on the unit sphere of R^d, on the host in float64.

Network g(x) = Σ m_i v_i σ(⟨u_i, x⟩) (readout `linear`) or σ of it (readout `relu`), target
f(x) = σ(⟨w, x⟩) with ‖w‖ = 1. Both are positively homogeneous, so the supremum of |g - f| over the unit
ball is attained on the sphere. The kinks lie on the great subspheres u_i^⊥ and w^⊥; on every cell of
their arrangement the network without its outer ReLU and the target are linear.

d = 3: the arrangement of great circles is walked through, and the error is evaluated at every point
that can carry the maximum (`exact_error`, here). d >= 4: an attained value from below, and branch and bound
over simplicial cones from above (`cones.error_bounds`). `certified_error` picks the method.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from ltjax.certify import rounding
from ltjax.certify.errors import network as networks
from ltjax.certify.errors import plane as planar
from ltjax.certify.errors.cones import error_bounds, spectral_bound
from ltjax.certify.errors.network import Network, lengths, units

SHORT = 2.0**-20  # arcs whose midpoint has no certified sign are left out up to this length, at a stated loss
# Circles closer than this angle are made one; the next, wider one is tried if the signs stay uncertain.
SNAPS = (2.0**-47, 2.0**-42, 2.0**-37, 2.0**-32, 2.0**-26)


class _Circles(NamedTuple):
    """Pairwise different great circles; the network is Σ up_i σ(⟨a_i, x⟩) + down_i σ(-⟨a_i, x⟩)."""

    a: np.ndarray  # (m, 3) unit normals, the target's first
    up: np.ndarray  # (m,)
    down: np.ndarray  # (m,)
    moved: float  # the network differs from the given one by at most this on the sphere


def _circles(network: Network, snap: float) -> _Circles:
    """The circles of the arrangement, those within the angle `snap` of an earlier one laid upon it.

    A row turned by an angle moves the network by at most its length times that angle.
    """
    normals = np.concatenate([network.w[None], units(network.rows)])
    weights = np.concatenate([[0.0], network.sign * lengths(network.rows)])
    kept: list[int] = []
    up: list[float] = []
    down: list[float] = []
    moved = 0.0
    for i, (normal, weight) in enumerate(zip(normals, weights, strict=True)):
        sine = lengths(np.cross(normals[kept], normal)) if kept else np.zeros(0)
        nearest = int(np.argmin(sine)) if kept else -1
        if nearest >= 0 and sine[nearest] <= snap:
            along = float(normals[kept[nearest]] @ normal) > 0.0
            (up if along else down)[nearest] += weight
            moved += abs(weight) * 2.0 * (sine[nearest] + rounding.turned_row())
        else:
            kept.append(i)
            up.append(weight)
            down.append(0.0)
    return _Circles(normals[kept], np.asarray(up), np.asarray(down), moved)


def _planes(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal bases of the planes of the circles, two arrays (m, 3)."""
    axis = np.eye(3)[np.argmin(np.abs(a), axis=1)]
    first = units(np.cross(a, axis))
    return first, np.cross(a, first)


def _arcs(a: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Arcs between neighbouring kinks on every circle, and the vertices of the arrangement.

    An arc is represented by its midpoint. The signs of all other rows there are certified: every
    |⟨a_j, midpoint⟩| exceeds the rounding. If further the signs change, around each circle, as often as
    there are kinks, then every arc not left out contains exactly one midpoint: nothing was missed.

    Returns:
        circle: (arcs,) whose circle an arc lies on.
        middle: (arcs, 3).
        on: (arcs, m) whether ⟨a_j, ·⟩ > 0 on the arc.
        vertices: (points, 3) the kinks on the circles.
        span: a bound on the length of arcs left out, infinite if the signs are not certified.
    """
    m = len(a)
    first, second = _planes(a)
    if m == 1:
        return np.zeros(1, int), first, np.ones((1, 1), bool), np.zeros((0, 3)), 0.0
    p, q = first @ a.T, second @ a.T  # ⟨a_j, x(t)⟩ = p_ij cos t + q_ij sin t on circle i
    others = ~np.eye(m, dtype=bool)
    p, q = p[others].reshape(m, m - 1), q[others].reshape(m, m - 1)
    wrong = rounding.circle_kink(np.hypot(p, q))  # a kink's angle is known to this
    t = np.arctan2(-p, q)
    t = np.concatenate([t, np.where(t <= 0.0, t + np.pi, t - np.pi)], axis=1)
    order = np.argsort(t, axis=1)
    t = np.take_along_axis(t, order, axis=1)
    wrong = np.take_along_axis(np.concatenate([wrong, wrong], axis=1), order, axis=1)
    following = np.concatenate([t[:, 1:], t[:, :1] + planar.TWO_PI], axis=1)
    length = following - t

    def point(angle: np.ndarray) -> np.ndarray:
        return np.cos(angle)[..., None] * first[:, None] + np.sin(angle)[..., None] * second[:, None]

    middle = point(t + 0.5 * length)  # (m, 2m - 2, 3)
    inner = middle @ a.T
    inner[np.arange(m), :, np.arange(m)] = 1.0  # a circle's own row has both signs, on its two sides
    sure = np.min(np.abs(inner), axis=2) > rounding.SURE
    if np.any(~sure & (length > SHORT)):
        span = math.inf
    else:
        ends = wrong + np.roll(wrong, -1, axis=1)
        left_out = np.where(sure, 0.0, length + ends)
        span = float(np.max(np.sum(left_out, axis=1)))
        for i in range(m):
            signs = inner[i][sure[i]] > 0.0
            if np.count_nonzero(signs != np.roll(signs, 1, axis=0)) != 2 * (m - 1):
                span = math.inf
    circle = np.broadcast_to(np.arange(m)[:, None], sure.shape)[sure]
    return circle, middle[sure], inner[sure] > 0.0, point(t).reshape(-1, 3), span


def _candidates(circles: _Circles, relu: bool) -> tuple[np.ndarray, float]:
    """Points among which the maximum of |error| lies, and the bound on left-out arcs of `_arcs`."""
    a, up, down, _ = circles
    w = a[0]
    circle, middle, on, vertices, span = _arcs(a)
    own = np.arange(len(circle)), circle
    gradient = np.where(on, up, -down)
    gradient[own] = 0.0
    gradient = gradient @ a  # of the network, the arc's own row apart
    normal = a[circle]

    points = [w[None], -w[None], vertices, middle]
    # The two cells at an arc: its own row on, and off. Along the arc both linear pieces are alike.
    for side in (True, False):
        g = gradient + (up if side else -down)[circle, None] * normal
        active = on[:, 0].copy()
        active[circle == 0] = side
        f = active[:, None] * w
        points += _critical(g - f, normal)
        if relu:
            # Where the network is off the error is that of the target; it switches where g vanishes.
            switch = units(g)
            points += _critical(f, normal)
            points += [f - np.sum(f * switch, axis=1, keepdims=True) * switch, np.cross(switch, normal)]
    points = np.concatenate(points)
    return np.concatenate([points, -points]), span


def candidates(u: Any, v: Any, w: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points of the sphere of R^3 among which the largest error of a network, readout `linear`, is attained, or nearly.

    Returns:
        points, shape (k, 3), and the size of the error at each, shape (k,).
    """
    network = networks.reduced(u, v, w, None, "linear", 3)
    points = units(_candidates(_circles(network, SNAPS[0]), False)[0])
    return points, np.abs(networks.errors(network, points))


def _critical(c: np.ndarray, normal: np.ndarray) -> list[np.ndarray]:
    """Where ⟨c, ·⟩ is largest on the sphere, and on the circle with the given normal (up to length)."""
    return [c, c - np.sum(c * normal, axis=1, keepdims=True) * normal]


def exact_error(u: Any, v: Any, w: Any, mask: Any = None, *, readout: str = "linear") -> tuple[float, float]:
    """The sup-norm error of one masked network over the unit ball of R^3, with a bound on its own rounding.

    On a cell of the arrangement of great circles the error is linear, so its maximum is at a vertex, at
    the crest of an edge, or at the crest ±c/‖c‖ of the cell's gradient c; for readout `relu` also at such
    points of the sub-cells cut off where the network changes sign. The error itself is evaluated at
    all of them: crests outside their own edge or cell do no harm, since no value exceeds the supremum.

    Args:
        u: rows, shape (n, 3).
        v: output weights, shape (n,).
        w: the target's direction, shape (3,); normalised here.
        mask: which neurons stay, shape (n,); all if None.
        readout: "linear" or "relu".

    Returns:
        value: the computed supremum over the unit ball.
        margin: a bound on |value - true supremum| for exactly these float64 weights.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite weights, w = 0, an unknown readout.
    """
    network = networks.reduced(u, v, w, mask, readout, 3)
    k = len(network.rows)
    first_order = rounding.arrangement_error(k, network.scale)
    value, margin = 0.0, math.inf
    for snap in SNAPS:
        circles = _circles(network, snap)
        points, span = _candidates(circles, network.relu)
        value = max(value, networks.largest(networks.errors(network, units(points))))
        # A cell with left-out edges only has all its points within m·span of an edge: a crest in it, or on
        # such an edge, exceeds the value nearby by its square.
        loss = 0.5 * (len(circles.a) * span) ** 2 * network.scale
        margin = min(margin, networks.certain(first_order + circles.moved + loss))
        if margin <= 4.0 * first_order:
            break
    if not math.isfinite(margin):  # no snap made the signs certain; then the closed form still holds
        margin = max(spectral_bound(network) - value, first_order)
    return value, margin


def certified_error(
    u: Any,
    v: Any,
    w: Any,
    mask: Any = None,
    *,
    readout: str = "linear",
    eps: float | None = None,
    cells: int = 20000,
    tolerance: float = 0.0,
) -> tuple[float, float]:
    """Certified bounds of the sup-norm error over the unit ball of R^d, by the best method for d.

    d = 2 and d = 3 are exact up to rounding; d = 1 and d >= 4 use `error_bounds` (exact for d = 1). A hit at
    ε is proved by upper <= ε, a miss by lower > ε.

    Args:
        u: rows, shape (n, d).
        v: output weights, shape (n,).
        w: the target's direction, shape (d,); normalised here.
        mask: which neurons stay, shape (n,); all if None.
        readout: "linear" or "relu".
        eps: see `error_bounds`.
        cells: see `error_bounds`.
        tolerance: see `error_bounds`.

    Returns:
        lower, upper: lower <= true supremum <= upper for exactly these float64 weights.

    Raises:
        ArgumentError: as `error_bounds`.
    """
    network = networks.reduced(u, v, w, mask, readout)
    networks.effort(cells, tolerance, eps)
    d = network.w.size
    if d not in (2, 3):
        return error_bounds(u, v, w, mask, readout=readout, cells=cells, tolerance=tolerance, eps=eps)
    exact = planar.exact_error if d == 2 else exact_error
    value, margin = exact(u, v, w, mask, readout=readout)
    return max(value - margin, 0.0), value + margin


__all__ = ["candidates", "certified_error", "error_bounds", "exact_error"]
