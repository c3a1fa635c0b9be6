"""Bounds of the sup-norm error of two-layer networks without bias on the unit sphere of R^d, any d, in float64.

From below an attained value, found by sampling and ascent; from above a closed form, and branch and bound over
simplicial cones. See `sphere` for the functions meant and for d = 3.
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from ltjax.certify import rounding
from ltjax.certify.errors import network as networks
from ltjax.certify.errors.network import Network, lengths, units
from ltjax.certify.rounding import UNIT

SPLIT_DIMENSION = 10  # the cover starts with 2^d cones; beyond this d only the closed form is used
BATCH = 256  # cones split at a time


def spectral_bound(network: Network) -> float:
    """Upper bound on the sup-norm error in closed form, any d.

    With σ(t) = (t + |t|)/2 the error of readout `linear` is half a linear function plus half the even
    function Σ c_i|⟨a_i, x⟩|. Of that, terms with c_i > 0 are at most √(C·xᵀMx), C = Σc_i, M = Σ c_i a_i a_iᵀ
    (Cauchy-Schwarz), hence at most (τC + xᵀMx/τ)/2 for every τ > 0, and a term |⟨a, x⟩| is at least
    ⟨a, x⟩². Readout `relu` has no larger an error, |σ(g) - σ(h)| <= |g - h|, nor one above max(sup g, 1).
    """
    a = np.concatenate([units(network.rows), network.w[None]])
    c = np.concatenate([network.sign * lengths(network.rows), [-1.0]])
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
        even, alone, odd = (networks.certain(number) for number in (even, alone, odd))
        return max(even, 0.0), min(alone, 0.5 * (odd + alone))

    positive = one_sided(c > 0.0)
    negative = one_sided(c < 0.0)
    bound = min(linear + 0.5 * max(positive[0], negative[0]), max(positive[1], negative[1]))
    if network.relu:
        bound = min(bound, max(positive[1], 1.0))
    n, d = a.shape
    return networks.certain(bound + rounding.closed_form(n, d, network.scale))


def _climb(network: Network, x: np.ndarray, rounds: int) -> tuple[np.ndarray, float]:
    """Ascent of |error| from unit points x; returns the best point and its value.

    A step goes to the crest of the linear piece at x, on the whole sphere and on the intersections of
    the 1, 2, …, d - 1 kinks nearest to x; a point stays where none of these is higher.
    """
    d = x.shape[1]
    best = np.abs(networks.errors(network, x))
    normals = np.concatenate([units(network.rows), network.w[None]])
    for _ in range(rounds):
        error = networks.errors(network, x)
        hidden = x @ network.rows.T
        g = ((hidden > 0.0) * network.sign) @ network.rows
        f = (x @ network.w > 0.0)[:, None] * network.w
        kinks = np.broadcast_to(normals, (len(x), *normals.shape))
        if network.relu:
            kinks = np.concatenate([kinks, units(g)[:, None]], axis=1)
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
        points = units(np.concatenate(trials))
        values = np.abs(networks.errors(network, points)).reshape(len(trials), -1)
        choice = np.argmax(values, axis=0)
        columns = np.arange(len(x))
        better = values[choice, columns] > best
        if not np.any(better):
            break
        x = np.where(better[:, None], points.reshape(len(trials), -1, d)[choice, columns], x)
        best = np.where(better, values[choice, columns], best)
    top = int(np.argmax(best))
    return x[top], float(best[top])


def _first_point(network: Network) -> float:
    """A large attained error: fixed random points and the rows themselves, the best of them climbed from."""
    d = network.w.size
    x = np.random.default_rng(0).normal(size=(1024, d))
    special = np.concatenate([network.rows, network.w[None], (network.sign @ network.rows - network.w)[None]])
    x = units(np.concatenate([x, special, -special, network.w[None]]))
    error = np.abs(networks.errors(network, x))
    return _climb(network, x[np.argsort(-error)[:48]], 12)[1]


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
    centre = units(np.sum(rays, axis=1))
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
        size *= 1.0 + rounding.cone_bound(d, length[live])
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
    return bound * (1.0 + rounding.cone_bound(d)), weight


def _bound_cones(network: Network, rays: np.ndarray, stale: float | np.ndarray) -> tuple[_Cones, np.ndarray]:
    """Upper bounds of |error| on cones, their cuts, and a promising unit point of each.

    Rows with one sign on all generators are linear in the cone. For the others, x = Σλ_k ray_k,
    Σλ_k σ(⟨u, ray_k⟩) >= σ(⟨u, x⟩) >= β⟨u, x⟩ for every β in [0, 1]: β is the slope at the centre. A cone is
    cut at the kink of the row whose relaxation gives away most at the point where the bound is attained, or
    halved if its bound is not below `stale`.
    """
    count, d, _ = rays.shape
    rows = np.concatenate([network.rows, network.w[None]])
    slack = rounding.cone_sign(lengths(rows))[:, None]
    t = np.einsum("id,bkd->bik", rows, rays)
    high, low = np.max(t, axis=2, keepdims=True), np.min(t, axis=2, keepdims=True)
    above, below = high > slack, low < -slack
    unsure = above & below
    steep = np.where(unsure, np.sum(t, axis=2, keepdims=True) > 0.0, above)
    beta = np.where(steep, 1.0, 0.0)
    over = np.where(unsure, np.maximum(t, 0.0), beta * t)
    under = beta * t
    plus = network.sign > 0.0

    def total(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        return np.sum(positive[:, :-1][:, plus], axis=1) - np.sum(negative[:, :-1][:, ~plus], axis=1)

    g_over, g_under = total(over, under), total(under, over)
    f_over, f_under = over[:, -1], under[:, -1]
    g_inner = g_under  # a linear function below the network's output
    outer = np.zeros(count, dtype=bool)
    if network.relu:
        # σ(g) - f is the larger of g - f and -f <= 0: from above the outer ReLU costs nothing. From below
        # it is relaxed like a row, and the best of three β serves.
        g_high, g_low = np.max(g_over, axis=1, keepdims=True), np.min(g_under, axis=1, keepdims=True)
        outer = ((g_high > 0.0) & (g_low < 0.0))[:, 0]
        share = g_high / np.where(outer[:, None], g_high - g_low, 1.0)
        g_inner = np.where(outer[:, None], share, np.where(g_high > 0.0, 1.0, 0.0)) * g_under
    height = np.concatenate([g_over - f_under, f_over - g_inner])
    bound, weight = _support(np.concatenate([rays, rays]), height + network.evaluation)
    if np.any(outer):
        where = np.flatnonzero(outer)
        for end in (0.0, 1.0):
            trial, at_trial = _support(rays[where], f_over[where] - end * g_under[where] + network.evaluation)
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
    if network.relu:
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
    if network.relu:
        guessed = (row == len(rows)) & np.any(unsure[:, :-1, 0], axis=1)
        share = np.where(guessed, np.clip(share, 0.1, 0.9), share)
    # Otherwise the longest edge, that of the least inner product, is halved.
    inner = np.einsum("bkd,bjd->bkj", rays, rays).reshape(count, -1)
    far = np.argmin(inner, axis=1)
    a, b = np.where(good, a, far // d), np.where(good, b, far % d)
    cut = units(share[:, None] * rays[index, a] + (1.0 - share)[:, None] * rays[index, b])
    return _Cones(rays, bound, np.stack([a, b], axis=1), cut), units(point)


def _cover(network: Network) -> np.ndarray:
    """The 2^d cones of an orthonormal basis that begins with w and follows the rows' principal axes."""
    d = network.w.size
    _, _, axes = np.linalg.svd(np.concatenate([network.rows, np.eye(d) * 1e-3]), full_matrices=False)
    basis, _ = np.linalg.qr(np.concatenate([network.w[None], axes]).T)
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
    network = networks.reduced(u, v, w, mask, readout)
    cells, tolerance, threshold = networks.effort(cells, tolerance, eps)
    d = network.w.size
    evaluation = network.evaluation
    attained = _first_point(network)
    upper = spectral_bound(network)

    def lower() -> float:
        return max(attained - evaluation, 0.0)

    def decided() -> bool:
        if threshold is not None and (lower() > threshold or upper <= threshold):
            return True
        # The bounds of cones carry the rounding themselves; closer than a few of them nothing is gained.
        return upper - lower() <= max(tolerance, 8.0 * (d + 1.0) * evaluation)

    if decided() or d > SPLIT_DIMENSION or 2**d > cells:
        return networks.certain(lower()), networks.certain(max(upper, lower()))

    pending = _cover(network)
    ceiling = np.full(len(pending), upper)
    spent, depth = 0, 0
    leaves: _Cones | None = None
    while True:
        # Kink cuts alone may go in a circle on cones gone flat: where they do not help, halve now and then.
        new, points = _bound_cones(network, pending, ceiling * (1.0 - 1e-9) if depth % 4 == 3 else math.inf)
        spent += len(pending)
        new = new._replace(bound=np.minimum(new.bound, ceiling))  # what holds in a cone holds in its parts
        values = np.abs(networks.errors(network, points))
        promising = points[np.argsort(-values)[:8]]
        attained = max(attained, _climb(network, promising, 4)[1])
        leaves = new if leaves is None else _Cones(*(np.concatenate(both) for both in zip(leaves, new, strict=True)))
        leaves = leaves.take(np.flatnonzero(~(leaves.bound <= attained)))
        # A new generator is off the edge it cuts by a few units, so a cone's parts miss points that near;
        # x in a cone has Σλ_k <= d, hence each level costs at most so much.
        missed = rounding.cone_gap(depth, d, network.scale)
        upper = min(upper, networks.certain(float(np.max(leaves.bound, initial=attained)) + evaluation + missed))
        if decided() or not len(leaves.bound) or spent + 2 > cells:
            return networks.certain(lower()), networks.certain(max(upper, lower()))
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


__all__ = ["SPLIT_DIMENSION", "error_bounds", "spectral_bound"]
