"""The least sup-norm error of one first layer over all real output weights, readout `linear`, d = 2 and 3.

Over finitely many points it is a linear programme. Its solution is an output layer whose error the exact routines bound
from above; where that error is largest, points are added. Its dual solution, signed weights of the points under which
every neuron is 0, bounds from below what any output layer leaves.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors import network as networks
from ltjax.certify.errors import plane, sphere

ROUNDS = 12
"""Programmes at most, each with more points than the last."""
ADDED = 40
"""Points added at most after each."""
APART = 1e-7
"""The least 1 - ⟨x, y⟩ of points added together."""
ROUNDED = 1e-12
"""Values up to this are taken for 0 where the dual weights are improved."""
CLOSE = 1e-3
"""Bounds so near to each other, relatively, are near enough."""


class LeastError(NamedTuple):
    """Bounds of the least error over real output weights.

    Attributes:
        lower, upper: lower <= least error <= upper, for exactly these float64 rows; the lower end is 0 where rows are
            linearly dependent as functions, as two pairs of opposite rows are.
        v: output weights whose error is at most `upper`, shape (n,).
    """

    lower: float
    upper: float
    v: np.ndarray


def least_error(u: Any, w: Any, *, eps: float | None = None) -> LeastError:
    """Bounds of min over v of sup |Σ v_i σ(⟨u_i, x⟩) - σ(⟨w, x⟩)| over the unit ball, for one first layer.

    Args:
        u: rows, shape (n, 2) or (n, 3).
        w: the target's direction, shape (2,) or (3,); normalised here.
        eps: an error that is asked about: nothing more is done once the least error is known to be at most this, or
            above it.

    Raises:
        ArgumentError: for shapes that do not fit, other dimensions, NaN or infinite weights, w = 0, a bad eps.
    """
    u, _, w = networks.checked(u, np.ones(len(np.asarray(u))), w)
    if w.size not in (2, 3):
        raise ArgumentError(f"u has {w.size} columns: allowed are 2 and 3, where errors are exact")
    eps = None if eps is None else arguments.real("eps", eps, low=0.0)
    lengths = networks.lengths(u)
    used = lengths > networks.LEAST
    rows = networks.units(u[used])
    v = np.zeros(len(u))
    lower, upper = 0.0, 1.0  # no neuron at all
    points = _corners(rows, w)
    for _ in range(ROUNDS if len(rows) else 0):
        values, target = np.maximum(points @ rows.T, 0.0), np.maximum(points @ w, 0.0)
        found, weights = _programme(values, target)
        lower = max(lower, _certified_from_below(values, target, weights))
        if eps is not None and lower > eps:
            break
        own = found / lengths[used]
        here = sphere.certified_error(u[used], own, w)[1]
        if here < upper:
            upper, v[used] = here, own
        if (eps is not None and upper <= eps) or upper <= lower * (1.0 + CLOSE):
            break
        worse = _worst(u[used], own, w, lower * (1.0 + CLOSE / 4.0))
        if not len(worse):
            break
        points = np.concatenate([points, worse])
    return LeastError(lower, upper, v)


def _corners(rows: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Points to begin with: where kinks are in the plane, or meet the target's on the sphere, and ±w, ±rows."""
    if w.size == 2:
        lines = np.stack([-rows[:, 1], rows[:, 0]], axis=1)
        own = np.array([[-w[1], w[0]]])
    else:
        lines, own = networks.units(np.cross(rows, w)), np.zeros((0, 3))
    points = np.concatenate([own, lines, w[None], rows])
    points = points[np.any(points != 0.0, axis=1)]
    return np.concatenate([points, -points])


def _worst(u: np.ndarray, v: np.ndarray, w: np.ndarray, more_than: float) -> np.ndarray:
    """Points where the error of one network is above a number: the largest first, no two of them the same."""
    x, e = (plane if w.size == 2 else sphere).candidates(u, v, w)
    order = np.argsort(-e, kind="stable")
    x = x[order[: np.count_nonzero(e > more_than)]]
    chosen: list[np.ndarray] = []
    while len(x) and len(chosen) < ADDED:
        chosen.append(x[0])
        x = x[x @ x[0] < 1.0 - APART]
    return np.reshape(chosen, (-1, w.size))


def _programme(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The output weights whose largest error at some points is least, shape (n,), and the points' dual weights."""
    n, ones = values.shape[1], np.ones((len(target), 1))
    found = scipy.optimize.linprog(
        np.append(np.zeros(n), 1.0),
        A_ub=np.block([[values, -ones], [-values, -ones]]),
        b_ub=np.concatenate([target, -target]),
        bounds=[(None, None)] * n + [(0.0, None)],
        method="highs-ds",
    )
    if found.x is None:
        return np.zeros(n), np.zeros(len(target))
    above, below = np.split(found.ineqlin.marginals, 2)
    return found.x[:-1], below - above


def _certified_from_below(values: np.ndarray, target: np.ndarray, y: np.ndarray) -> float:
    """A lower bound of the least error over real output weights a of the unit rows; 0 where nothing is known.

    With r = values'y it is at least (|y·target| - |r|·|a|)/Σ|y|. Long a are no better: the network is at least
    s·|a|/√k somewhere, s the least singular value of the k points' values, so that an error up to 1 asks for
    |a| <= 2√k/s. The points are unit vectors up to 6 units, and each value is right to d + 12 units.
    """
    k, n = values.shape
    used = y != 0.0
    if not np.any(used) or not np.all(np.isfinite(y)):
        return 0.0
    # Brought nearer to where every neuron is 0, on the points in use alone.
    part, y = values[used], y[used]
    bent = np.where(part > ROUNDED, part, 0.0)  # a neuron is 0 on its own kink, but for rounding
    y = y - np.linalg.lstsq(bent.T, bent.T @ y, rcond=None)[0]
    unit = rounding.gamma(2.0 * (k + n) + 64.0)
    total = float(np.sum(np.abs(y)))
    left = float(np.linalg.norm(part.T @ y)) + math.sqrt(n) * unit * total
    least = float(np.linalg.svd(values, compute_uv=False)[-1]) if k >= n else 0.0
    least -= math.sqrt(k * n) * k * unit  # backward stable: off by a modest multiple of the norm, at most √(kn)
    if not (least > 0.0 and total > 0.0):
        return 0.0
    longest = 2.0 * math.sqrt(k) / least
    bound = (abs(float(y @ target[used])) - unit * total - left * longest) / total
    return max(0.0, bound * (1.0 - unit)) if bound > 0.0 else 0.0


__all__ = ["LeastError", "least_error"]
