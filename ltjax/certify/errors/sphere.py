"""Sup-norm error of two-layer networks without bias on the unit sphere of R^d, on the host in float64.

Network g(x) = Σ m_i v_i σ(⟨u_i, x⟩) (readout `linear`) or σ of it (readout `relu`), target
f(x) = σ(⟨w, x⟩) with ‖w‖ = 1. Both are positively homogeneous, so the supremum of |g - f| over the unit
ball is attained on the sphere. The kinks lie on the great subspheres u_i^⊥ and w^⊥; on every cell of
their arrangement the network without its outer ReLU and the target are linear.

d = 3: the arrangement of great circles is walked through, and the error is evaluated at every point
that can carry the maximum (`exact_error`). d >= 4: an attained value from below, and branch and bound
over simplicial cones from above (`error_bounds`). `certified_error` picks the method.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify.errors import plane as planar

UNIT = 2.0**-53  # unit roundoff of float64
SURE = 2.0**-48  # an inner product of unit vectors of R^3 above this has a certified sign
SHORT = 2.0**-20  # arcs whose midpoint has no certified sign are left out up to this length, at a stated loss
# Circles closer than this angle are made one; the next, wider one is tried if the signs stay uncertain.
SNAPS = (2.0**-47, 2.0**-42, 2.0**-37, 2.0**-32, 2.0**-26)
SPLIT_DIMENSION = 10  # the cover starts with 2^d cones; beyond this d only the closed form is used
BATCH = 256  # cones split at a time


class _Problem(NamedTuple):
    """Kept neurons with the size of v_i moved into the row: g(x) = Σ sign_i σ(⟨rows_i, x⟩)."""

    rows: np.ndarray  # (k, d), none zero
    sign: np.ndarray  # (k,), ±1
    w: np.ndarray  # (d,), unit
    relu: bool

    @property
    def scale(self) -> float:
        """Lipschitz constant of the error on the ball; every sum met has absolute values adding up to less."""
        return 1.0 + float(np.sum(_norms(self.rows)))

    @property
    def rounding(self) -> float:
        """Bound on the rounding of one evaluated error at a unit point, the folding of v included."""
        return (4.0 * sum(self.rows.shape) + 32.0) * UNIT * self.scale


def _norms(rows: np.ndarray) -> np.ndarray:
    """Euclidean lengths of the rows, without overflow or underflow of squares."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    safe = np.where(largest > 0.0, largest, 1.0)
    return largest * np.sqrt(np.sum((rows / safe[..., None]) ** 2, axis=-1))


def _units(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths; a zero row stays zero."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    scaled = rows / np.where(largest > 0.0, largest, 1.0)[..., None]
    length = np.sqrt(np.sum(scaled**2, axis=-1))
    return scaled / np.where(length > 0.0, length, 1.0)[..., None]


def _problem(u: Any, v: Any, w: Any, mask: Any, readout: str, d: int | None = None) -> _Problem:
    """The checked arguments, reduced to the neurons that have an effect."""
    arguments.choice("readout", readout, ("linear", "relu"))
    u = np.asarray(u, dtype=np.float64)
    v = np.asarray(v, dtype=np.float64)
    w = np.asarray(w, dtype=np.float64)
    if (
        u.ndim != 2
        or u.shape[1] < 1
        or (d is not None and u.shape[1] != d)
        or v.shape != u.shape[:1]
        or w.shape != u.shape[1:]
    ):
        size = "d" if d is None else d
        raise ArgumentError(
            f"u, v, w have shapes {u.shape}, {v.shape}, {w.shape}: allowed are (n, {size}), (n,), ({size},)"
        )
    for name, array in (("u", u), ("v", v), ("w", w)):
        if not np.all(np.isfinite(array)):
            raise ArgumentError(f"{name} has an entry that is NaN or infinite: {name} holds finite numbers")
    if not np.any(w):
        raise ArgumentError("w is the zero vector: allowed is a direction, a vector of positive length")
    if mask is not None:
        keep = np.asarray(mask, dtype=bool)
        if keep.shape != v.shape:
            raise ArgumentError(f"mask has shape {keep.shape}: allowed is {v.shape}")
        u, v = u[keep], v[keep]
    with np.errstate(over="ignore"):
        rows = np.abs(v)[:, None] * u
        total = float(np.sum(_norms(rows))) if np.all(np.isfinite(rows)) else math.inf
    if not total < 1e150:
        raise ArgumentError(f"Σ|v_i|‖u_i‖={total!r} is not allowed: it is at most 1e150")
    # A zero row has no kink and no effect; its kink is undefined. Below 1e-200 in all no effect is left
    # beside the rounding margins, which are relative to 1 + Σ|v_i|‖u_i‖.
    used = np.max(np.abs(rows), axis=1, initial=0.0) > 1e-200
    return _Problem(rows[used], np.sign(v[used]), _units(w[None])[0], readout == "relu")


def _errors(problem: _Problem, x: np.ndarray) -> np.ndarray:
    """Network minus target at points x, shape (points, d)."""
    g = np.maximum(x @ problem.rows.T, 0.0) @ problem.sign
    if problem.relu:
        g = np.maximum(g, 0.0)
    return g - np.maximum(x @ problem.w, 0.0)


def _largest_error(problem: _Problem, x: np.ndarray) -> float:
    """max |network - target| over the directions of x; directions of zero are passed over."""
    x = _units(x)
    return float(np.max(np.abs(_errors(problem, x)), initial=0.0))


# --- d = 3 -----------------------------------------------------------------------------------------------


class _Circles(NamedTuple):
    """Pairwise different great circles; the network is Σ up_i σ(⟨a_i, x⟩) + down_i σ(-⟨a_i, x⟩)."""

    a: np.ndarray  # (m, 3) unit normals, the target's first
    up: np.ndarray  # (m,)
    down: np.ndarray  # (m,)
    moved: float  # the network differs from the given one by at most this on the sphere


def _circles(problem: _Problem, snap: float) -> _Circles:
    """The circles of the arrangement, those within the angle `snap` of an earlier one laid upon it.

    A row turned by an angle moves the network by at most its length times that angle.
    """
    normals = np.concatenate([problem.w[None], _units(problem.rows)])
    weights = np.concatenate([[0.0], problem.sign * _norms(problem.rows)])
    kept: list[int] = []
    up: list[float] = []
    down: list[float] = []
    moved = 0.0
    for i, (normal, weight) in enumerate(zip(normals, weights, strict=True)):
        sine = _norms(np.cross(normals[kept], normal)) if kept else np.zeros(0)
        nearest = int(np.argmin(sine)) if kept else -1
        if nearest >= 0 and sine[nearest] <= snap:
            along = float(normals[kept[nearest]] @ normal) > 0.0
            (up if along else down)[nearest] += weight
            moved += abs(weight) * 2.0 * (sine[nearest] + 8.0 * UNIT)
        else:
            kept.append(i)
            up.append(weight)
            down.append(0.0)
    return _Circles(normals[kept], np.asarray(up), np.asarray(down), moved)


def _planes(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal bases of the planes of the circles, two arrays (m, 3)."""
    axis = np.eye(3)[np.argmin(np.abs(a), axis=1)]
    first = _units(np.cross(a, axis))
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
    wrong = 16.0 * UNIT / np.hypot(p, q)  # a kink's angle is known to this
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
    sure = np.min(np.abs(inner), axis=2) > SURE
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
            switch = _units(g)
            points += _critical(f, normal)
            points += [f - np.sum(f * switch, axis=1, keepdims=True) * switch, np.cross(switch, normal)]
    points = np.concatenate(points)
    return np.concatenate([points, -points]), span


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
    problem = _problem(u, v, w, mask, readout, 3)
    k = len(problem.rows)
    # First-order effects of rounding: an evaluated error, a gradient (k + 2 terms), a point off its circle
    # by a few units. A misplaced kink counts its angle times its slope jump, again a few units of the
    # row's length; a misplaced crest counts in second order only.
    rounding = 32.0 * (k + 8.0) * UNIT * problem.scale
    value, margin = 0.0, math.inf
    for snap in SNAPS:
        circles = _circles(problem, snap)
        points, span = _candidates(circles, problem.relu)
        value = max(value, _largest_error(problem, points))
        # A cell with left-out edges only has all its points within m·span of an edge: a crest in it, or on
        # such an edge, exceeds the value nearby by its square.
        loss = 0.5 * (len(circles.a) * span) ** 2 * problem.scale
        margin = min(margin, rounding + circles.moved + loss)
        if margin <= 4.0 * rounding:
            break
    if not math.isfinite(margin):  # no snap made the signs certain; then the closed form still holds
        margin = max(_spectral_bound(problem) - value, rounding)
    return value, margin


# --- d >= 4 ----------------------------------------------------------------------------------------------


def _spectral_bound(problem: _Problem) -> float:
    """Upper bound on the sup-norm error in closed form, any d.

    With σ(t) = (t + |t|)/2 the error of readout `linear` is half a linear function plus half the even
    function Σ c_i|⟨a_i, x⟩|. Of that, terms with c_i > 0 are at most √(C·xᵀMx), C = Σc_i, M = Σ c_i a_i a_iᵀ
    (Cauchy-Schwarz), hence at most (τC + xᵀMx/τ)/2 for every τ > 0, and a term |⟨a, x⟩| is at least
    ⟨a, x⟩². Readout `relu` has no larger an error, |σ(g) - σ(h)| <= |g - h|, nor one above max(sup g, 1).
    """
    a = np.concatenate([_units(problem.rows), problem.w[None]])
    c = np.concatenate([problem.sign * _norms(problem.rows), [-1.0]])
    linear = 0.5 * float(np.linalg.norm(c @ a))

    def one_sided(chosen: np.ndarray) -> tuple[float, float]:
        """Bounds on the even part, and on the chosen neurons' sum alone."""
        if not np.any(chosen):
            return 0.0, 0.0
        size = np.abs(c)
        plus = (a[chosen].T * size[chosen]) @ a[chosen]
        minus = (a[~chosen].T * size[~chosen]) @ a[~chosen]
        total = float(np.sum(size[chosen]))
        top = float(np.linalg.eigvalsh(plus)[-1])
        alone = math.sqrt(total * max(top, 0.0))
        even = alone
        for step in np.linspace(-3.0, 3.0, 25):
            tau = math.sqrt(max(top, UNIT * total) / total) * math.exp(step)
            largest = float(np.linalg.eigvalsh(plus / (2.0 * tau) - minus)[-1])
            even = min(even, 0.5 * tau * total + largest)
        odd = float(np.linalg.norm(c[chosen] @ a[chosen]))
        return max(even, 0.0), min(alone, 0.5 * (odd + alone))

    positive = one_sided(c > 0.0)
    negative = one_sided(c < 0.0)
    bound = min(linear + 0.5 * max(positive[0], negative[0]), max(positive[1], negative[1]))
    if problem.relu:
        bound = min(bound, max(positive[1], 1.0))
    # Eigenvalues come with a backward error of a few d units of the matrix norm, which the search over τ
    # magnifies by at most e³.
    return bound + 64.0 * sum(a.shape) * UNIT * problem.scale


def _climb(problem: _Problem, x: np.ndarray, rounds: int) -> tuple[np.ndarray, float]:
    """Ascent of |error| from unit points x; returns the best point and its value.

    A step goes to the crest of the linear piece at x, on the whole sphere and on the intersections of
    the 1, 2, …, d - 1 kinks nearest to x; a point stays where none of these is higher.
    """
    d = x.shape[1]
    best = np.abs(_errors(problem, x))
    normals = np.concatenate([_units(problem.rows), problem.w[None]])
    for _ in range(rounds):
        error = _errors(problem, x)
        hidden = x @ problem.rows.T
        g = ((hidden > 0.0) * problem.sign) @ problem.rows
        f = (x @ problem.w > 0.0)[:, None] * problem.w
        kinks = np.broadcast_to(normals, (len(x), *normals.shape))
        if problem.relu:
            kinks = np.concatenate([kinks, _units(g)[:, None]], axis=1)
            g = (np.sum(g * x, axis=1) > 0.0)[:, None] * g
        c = np.where(error >= 0.0, 1.0, -1.0)[:, None] * (g - f)
        distance = np.abs(np.einsum("xid,xd->xi", kinks, x))
        order = np.argsort(distance, axis=1)[:, : d - 1]
        trials = [c]
        basis: list[np.ndarray] = []
        for s in range(order.shape[1]):
            q = kinks[np.arange(len(x)), order[:, s]]
            for _again in range(2):
                for other in basis:
                    q = q - np.sum(q * other, axis=1, keepdims=True) * other
            length = np.linalg.norm(q, axis=1, keepdims=True)
            q = np.where(length > 1e-9, q / np.where(length > 0.0, length, 1.0), 0.0)
            basis.append(q)
            c = c - np.sum(c * q, axis=1, keepdims=True) * q
            trials.append(c)
        points = _units(np.concatenate(trials))
        values = np.abs(_errors(problem, points)).reshape(len(trials), -1)
        choice = np.argmax(values, axis=0)
        columns = np.arange(len(x))
        better = values[choice, columns] > best
        if not np.any(better):
            break
        x = np.where(better[:, None], points.reshape(len(trials), -1, d)[choice, columns], x)
        best = np.where(better, values[choice, columns], best)
    top = int(np.argmax(best))
    return x[top], float(best[top])


def _first_point(problem: _Problem) -> float:
    """A large attained error: fixed random points and the rows themselves, the best of them climbed from."""
    d = problem.w.size
    x = np.random.default_rng(0).normal(size=(1024, d))
    special = np.concatenate([problem.rows, problem.w[None], (problem.sign @ problem.rows - problem.w)[None]])
    x = _units(np.concatenate([x, special, -special, problem.w[None]]))
    error = np.abs(_errors(problem, x))
    return _climb(problem, x[np.argsort(-error)[:48]], 12)[1]


class _Cones(NamedTuple):
    """Simplicial cones with an upper bound on |error| in each, and where to cut them."""

    rays: np.ndarray  # (cones, d, d), unit generators
    bound: np.ndarray  # (cones,)
    pair: np.ndarray  # (cones, 2) the generators between which the cone is cut
    cut: np.ndarray  # (cones, d) the new generator

    def take(self, index: np.ndarray) -> "_Cones":
        return _Cones(*(part[index] for part in self))


def _largest(values: np.ndarray) -> np.ndarray:
    """Whether an entry is the (first) largest of its row."""
    return np.arange(values.shape[1]) == np.argmax(values, axis=1)[:, None]


def _support(rays: np.ndarray, height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Certified upper bound of Σλ_k·height_k over unit points x = Σλ_k ray_k, λ >= 0, of every cone.

    If ⟨c, ray_k⟩ >= height_k for all k then ‖c‖ is such a bound, and the least ‖c‖ is the supremum. c is
    sought by exchanging active sets; whatever c is found is then lifted, c + s·n with ⟨n, ray_k⟩ >= 1,
    until the inequalities hold, so an inexact solution costs tightness and not validity.

    Returns:
        bound: (cones,).
        weight: (cones, d) the λ >= 0 of a point where it is (nearly) attained.
    """
    count, d = height.shape
    centre = _units(np.sum(rays, axis=1))
    least = np.min(np.einsum("bkd,bd->bk", rays, centre), axis=1)
    lift = centre / least[:, None]
    length = 1.0 / least
    gram = np.einsum("bkd,bjd->bkj", rays, rays)
    diagonal = np.arange(d)

    top = np.maximum(np.max(height, axis=1), 0.0)
    bound = top * length
    weight = np.where(_largest(height), 1.0, 0.0)
    live = np.flatnonzero(top > 0.0)
    active = np.ones((count, d), dtype=bool)
    for step in range(4 * d + 4):
        if step == d + 4:
            # What is left are mostly cones gone flat, where the full set is singular: from a single
            # generator on, changed one at a time, the sets stay regular.
            active = _largest(height)
        if live.size == 0:
            break
        chosen = active[live]
        matrix = np.where(chosen[:, :, None] & chosen[:, None, :], gram[live], 0.0)
        matrix[:, diagonal, diagonal] += np.where(chosen, 4.0 * UNIT, 1.0)
        try:
            solution = np.linalg.solve(matrix, np.where(chosen, height[live], 0.0)[..., None])[..., 0]
        except np.linalg.LinAlgError:
            break
        c = np.einsum("bk,bkd->bd", solution, rays[live])
        excess = np.einsum("bkd,bd->bk", rays[live], c) - height[live]
        need = np.maximum(-np.min(excess, axis=1), 0.0)
        lifted = c + need[:, None] * lift[live]
        size = np.linalg.norm(lifted, axis=1)
        # The inequalities were checked up to 2d units of the sizes of c and of the lift.
        size *= 1.0 + 8.0 * (d + 4.0) * UNIT * (1.0 + length[live])
        better = size < bound[live]
        bound[live[better]] = size[better]
        improved = np.maximum(solution[better], 0.0)
        weight[live[better]] = np.where(np.any(improved > 0.0, axis=1)[:, None], improved, weight[live[better]])
        negative = chosen & (solution <= 0.0)
        violated = excess < -1e-12 * top[live, None]
        if step < d + 4:
            following = (chosen & ~negative) | (violated & ~chosen)
        else:
            lowest = _largest(np.where(negative, -solution, -np.inf))
            highest = _largest(np.where(chosen, -np.inf, -excess))
            following = np.where(np.any(negative, axis=1)[:, None], chosen & ~lowest, chosen | (highest & violated))
        active[live] = following
        live = live[np.any(negative | violated, axis=1)]
    return bound * (1.0 + 8.0 * (d + 4.0) * UNIT), weight


def _bound_cones(problem: _Problem, rays: np.ndarray, stale: float | np.ndarray) -> tuple[_Cones, np.ndarray]:
    """Upper bounds of |error| on cones, their cuts, and a promising unit point of each.

    Rows with one sign on all generators are linear in the cone. For the others, x = Σλ_k ray_k,
    Σλ_k σ(⟨u, ray_k⟩) >= σ(⟨u, x⟩) >= β⟨u, x⟩ for every β in [0, 1]: β is the slope at the centre. A cone is
    cut at the kink of the row whose relaxation gives away most at the point where the bound is attained, or
    halved if its bound is not below `stale`.
    """
    count, d, _ = rays.shape
    rows = np.concatenate([problem.rows, problem.w[None]])
    slack = 16.0 * UNIT * _norms(rows)[:, None]
    t = np.einsum("id,bkd->bik", rows, rays)
    high, low = np.max(t, axis=2, keepdims=True), np.min(t, axis=2, keepdims=True)
    above, below = high > slack, low < -slack
    unsure = above & below
    steep = np.where(unsure, np.sum(t, axis=2, keepdims=True) > 0.0, above)
    beta = np.where(steep, 1.0, 0.0)
    over = np.where(unsure, np.maximum(t, 0.0), beta * t)
    under = beta * t
    plus = problem.sign > 0.0

    def total(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        return np.sum(positive[:, :-1][:, plus], axis=1) - np.sum(negative[:, :-1][:, ~plus], axis=1)

    g_over, g_under = total(over, under), total(under, over)
    f_over, f_under = over[:, -1], under[:, -1]
    g_inner = g_under  # a linear function below the network's output
    outer = np.zeros(count, dtype=bool)
    if problem.relu:
        # σ(g) - f is the larger of g - f and -f <= 0: from above the outer ReLU costs nothing. From below
        # it is relaxed like a row, and the best of three β serves.
        g_high, g_low = np.max(g_over, axis=1, keepdims=True), np.min(g_under, axis=1, keepdims=True)
        outer = ((g_high > 0.0) & (g_low < 0.0))[:, 0]
        share = g_high / np.where(outer[:, None], g_high - g_low, 1.0)
        g_inner = np.where(outer[:, None], share, np.where(g_high > 0.0, 1.0, 0.0)) * g_under
    height = np.concatenate([g_over - f_under, f_over - g_inner])
    bound, weight = _support(np.concatenate([rays, rays]), height + problem.rounding)
    if np.any(outer):
        where = np.flatnonzero(outer)
        for end in (0.0, 1.0):
            trial, at_trial = _support(rays[where], f_over[where] - end * g_under[where] + problem.rounding)
            better = trial < bound[count + where]
            chosen = where[better]
            bound[count + chosen], weight[count + chosen] = trial[better], at_trial[better]
            g_inner[chosen] = end * g_under[chosen]
    side = bound[count:] > bound[:count]
    weight = np.where(side[:, None], weight[count:], weight[:count])
    bound = np.maximum(bound[:count], bound[count:])

    point = np.einsum("bk,bkd->bd", weight, rays)

    def at(values: np.ndarray) -> np.ndarray:
        return np.einsum("bik,bk->bi", values, weight)

    true = np.maximum(at(t), 0.0)
    convex = np.append(plus, False)[None, :] != side[:, None]  # relaxed from above in the bound that counts
    give = np.where(convex, at(over) - true, true - at(under))
    give = np.where(unsure[..., 0], give, -1.0)
    values = t
    if problem.relu:
        # The outer ReLU is cut like a row, but late: its kink is flat only where the network is linear.
        middle = 0.5 * (g_over + g_under)
        gap = np.maximum(np.sum(g_under * weight, axis=1), 0.0) - np.sum(g_inner * weight, axis=1)
        give = np.concatenate([give, np.where(outer & side, 0.1 * gap, -1.0)[:, None]], axis=1)
        values = np.concatenate([values, middle[:, None]], axis=1)
    row = np.argmax(give, axis=1)
    index = np.arange(count)
    chosen = values[index, row]
    emphasis = weight + 1e-3 * np.max(weight, axis=1, keepdims=True)
    a, b = np.argmax(chosen * emphasis, axis=1), np.argmin(chosen * emphasis, axis=1)
    up, down = chosen[index, a], -chosen[index, b]
    good = (bound < stale) & (give[index, row] > 0.0) & (up > 0.0) & (down > 0.0)
    share = np.where(good, down / np.where(good, up + down, 1.0), 0.5)
    if problem.relu:
        guessed = (row == len(rows)) & np.any(unsure[:, :-1, 0], axis=1)
        share = np.where(guessed, np.clip(share, 0.1, 0.9), share)
    # Otherwise the longest edge, that of the least inner product, is halved.
    inner = np.einsum("bkd,bjd->bkj", rays, rays).reshape(count, -1)
    far = np.argmin(inner, axis=1)
    a, b = np.where(good, a, far // d), np.where(good, b, far % d)
    cut = _units(share[:, None] * rays[index, a] + (1.0 - share)[:, None] * rays[index, b])
    return _Cones(rays, bound, np.stack([a, b], axis=1), cut), _units(point)


def _cover(problem: _Problem) -> np.ndarray:
    """The 2^d cones of an orthonormal basis that begins with w and follows the rows' principal axes."""
    d = problem.w.size
    _, _, axes = np.linalg.svd(np.concatenate([problem.rows, np.eye(d) * 1e-3]), full_matrices=False)
    basis, _ = np.linalg.qr(np.concatenate([problem.w[None], axes]).T)
    signs = np.asarray(list(itertools.product((1.0, -1.0), repeat=d)))
    return signs[:, :, None] * basis.T[None]


def error_bounds(
    u: Any,
    v: Any,
    w: Any,
    mask: Any = None,
    *,
    readout: str = "linear",
    cells: int = 20000,
    tolerance: float = 0.0,
    eps: float | None = None,
) -> tuple[float, float]:
    """Certified bounds of the sup-norm error of one masked network over the unit ball of R^d, any d.

    From below: an attained error, found by sampling and ascent. From above: a closed form, and for d <= 10
    branch and bound over simplicial cones, best first, each cut at a kink. A cone without kinks has its
    exact supremum, so with cells enough the two meet up to rounding.

    Args:
        u: rows, shape (n, d).
        v: output weights, shape (n,).
        w: the target's direction, shape (d,); normalised here.
        mask: which neurons stay, shape (n,); all if None.
        readout: "linear" or "relu".
        cells: how many cones may be looked at, at least 1.
        tolerance: stop once upper - lower is no larger, at least 0.
        eps: stop as soon as it is known whether the error exceeds this; None to ask nothing.

    Returns:
        lower, upper: lower <= true supremum <= upper for exactly these float64 weights.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite weights, w = 0, an unknown readout, cells < 1,
            a negative tolerance or eps.
    """
    problem = _problem(u, v, w, mask, readout)
    cells = arguments.whole("cells", cells, 1)
    tolerance = arguments.real("tolerance", tolerance, low=0.0)
    threshold = None if eps is None else arguments.real("eps", eps, low=0.0)
    d = problem.w.size
    rounding = problem.rounding
    attained = _first_point(problem)
    upper = _spectral_bound(problem)

    def lower() -> float:
        return max(attained - rounding, 0.0)

    def decided() -> bool:
        if threshold is not None and (lower() > threshold or upper <= threshold):
            return True
        # The bounds of cones carry the rounding themselves; closer than a few of them nothing is gained.
        return upper - lower() <= max(tolerance, 8.0 * (d + 1.0) * rounding)

    if decided() or d > SPLIT_DIMENSION or 2**d > cells:
        return lower(), max(upper, lower())

    pending = _cover(problem)
    ceiling = np.full(len(pending), upper)
    spent, depth = 0, 0
    leaves: _Cones | None = None
    while True:
        # Kink cuts alone may go in a circle on cones gone flat: where they do not help, halve now and then.
        new, points = _bound_cones(problem, pending, ceiling * (1.0 - 1e-9) if depth % 4 == 3 else math.inf)
        spent += len(pending)
        new = new._replace(bound=np.minimum(new.bound, ceiling))  # what holds in a cone holds in its parts
        values = np.abs(_errors(problem, points))
        promising = points[np.argsort(-values)[:8]]
        attained = max(attained, _climb(problem, promising, 4)[1])
        leaves = new if leaves is None else _Cones(*(np.concatenate(both) for both in zip(leaves, new, strict=True)))
        leaves = leaves.take(np.flatnonzero(leaves.bound > attained))
        # A new generator is off the edge it cuts by a few units, so a cone's parts miss points that near;
        # x in a cone has Σλ_k <= d, hence each level costs at most so much.
        missed = 8.0 * depth * d * UNIT * problem.scale
        upper = min(upper, float(np.max(leaves.bound, initial=attained)) + rounding + missed)
        if decided() or not len(leaves.bound) or spent + 2 > cells:
            return lower(), max(upper, lower())
        size = min(BATCH, (cells - spent) // 2, len(leaves.bound))
        top = np.argpartition(-leaves.bound, size - 1)[:size]
        parents = leaves.take(top)
        leaves = leaves.take(np.setdiff1d(np.arange(len(leaves.bound)), top))
        pending = np.concatenate([parents.rays, parents.rays])
        ceiling = np.concatenate([parents.bound, parents.bound])
        index = np.arange(size)
        pending[index, parents.pair[:, 0]] = parents.cut
        pending[size + index, parents.pair[:, 1]] = parents.cut
        depth += 1


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
    problem = _problem(u, v, w, mask, readout)
    arguments.whole("cells", cells, 1)
    arguments.real("tolerance", tolerance, low=0.0)
    if eps is not None:
        arguments.real("eps", eps, low=0.0)
    d = problem.w.size
    if d not in (2, 3):
        return error_bounds(u, v, w, mask, readout=readout, cells=cells, tolerance=tolerance, eps=eps)
    exact = planar.exact_error if d == 2 else exact_error
    value, margin = exact(u, v, w, mask, readout=readout)
    return max(value - margin, 0.0), value + margin


__all__ = ["certified_error", "error_bounds", "exact_error"]
