"""What a user would otherwise pick, written as such a user would: NumPy, Numba, CP-SAT, HiGHS."""

import itertools
from typing import Any

import numba
import numpy as np
import scipy.optimize
from ortools.sat.python import cp_model

from ltjax.certify.errors import plane

WHOLE = 2.0**40
"""CP-SAT takes whole numbers: coefficients are rounded to multiples of 2^-40."""


@numba.njit(cache=False)
def _sorted_sums(values: np.ndarray, out: np.ndarray, scratch: np.ndarray) -> None:
    """All subset sums in order: merge A and A + x, coefficient by coefficient."""
    out[0] = 0.0
    size = 1
    for x in values:
        i, j = 0, 0
        for k in range(2 * size):
            if j >= size or (i < size and out[i] <= out[j] + x):
                scratch[k] = out[i]
                i += 1
            else:
                scratch[k] = out[j] + x
                j += 1
        size *= 2
        out[:size] = scratch[:size]


@numba.njit(parallel=True, cache=False)
def two_pointer(values: np.ndarray, target: float) -> np.ndarray:
    """Least errors by Horowitz and Sahni's meet in the middle with two pointers; trials shared among the cores."""
    trials, n = values.shape
    half = n // 2
    threads = numba.get_num_threads()
    errors = np.empty(trials, values.dtype)
    for part in numba.prange(threads):
        a, b = np.empty(1 << half, values.dtype), np.empty(1 << (n - half), values.dtype)
        scratch = np.empty(1 << (n - half), values.dtype)
        for t in range(part, trials, threads):
            _sorted_sums(values[t, :half], a, scratch)
            _sorted_sums(values[t, half:], b, scratch)
            i, j = 0, b.shape[0] - 1
            best = np.float32(np.inf)
            while i < a.shape[0] and j >= 0:
                gap = a[i] + b[j] - target
                best = min(best, abs(gap))
                if gap < 0:
                    i += 1
                else:
                    j -= 1
            errors[t] = best
    return errors


def _all_sums(values: np.ndarray) -> np.ndarray:
    sums = np.zeros(1, values.dtype)
    for x in values:
        sums = np.concatenate([sums, sums + x])
    return sums


def meet_in_the_middle(values: np.ndarray, target: float) -> np.ndarray:
    """Least errors in NumPy, trial by trial: sort one half's sums, look the other's up."""
    found = []
    for row in values:
        a, b = np.sort(_all_sums(row[::2])), _all_sums(row[1::2])
        at = np.searchsorted(a, target - b)
        near = np.stack([a[np.clip(at - 1, 0, len(a) - 1)], a[np.clip(at, 0, len(a) - 1)]])
        found.append(np.abs(near + b - target).min())
    return np.asarray(found)


def constraint_sums(values: np.ndarray, target: float, eps: float) -> np.ndarray:
    """Whether a subset is within ε, trial by trial, by CP-SAT on all cores: 1, -1, or 0 where it does not say."""
    found = []
    for row in values:
        model = cp_model.CpModel()
        kept = [model.new_bool_var("") for _ in row]
        whole = [round(float(x) * WHOLE) for x in row]
        total = cp_model.LinearExpr.weighted_sum(kept, whole)
        model.add_linear_constraint(total, round((target - eps) * WHOLE), round((target + eps) * WHOLE))
        found.append(_answer(_solved(model, 20.0)))
    return np.asarray(found)


def _solved(model: cp_model.CpModel, seconds: float) -> tuple[cp_model.CpSolver, int]:
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = numba.get_num_threads()
    return solver, solver.solve(model)


def _answer(solved: tuple[cp_model.CpSolver, int]) -> int:
    return {cp_model.OPTIMAL: 1, cp_model.FEASIBLE: 1, cp_model.INFEASIBLE: -1}.get(solved[1], 0)


def programmed_sums(values: np.ndarray, target: Any, eps: float, seconds: float = 4.0) -> np.ndarray:
    """Whether a subset is within ε, trial by trial, by HiGHS: 1, -1, or 0 where it does not say within the time."""
    found = []
    for row, wanted in zip(values.astype(np.float64), np.broadcast_to(target, len(values)), strict=True):
        result = scipy.optimize.milp(
            np.zeros(len(row)),
            integrality=np.ones(len(row)),
            bounds=scipy.optimize.Bounds(0, 1),
            constraints=scipy.optimize.LinearConstraint(row[None], wanted - eps, wanted + eps),
            options={"time_limit": seconds},
        )
        found.append({0: 1, 2: -1}.get(result.status, 0))
    return np.asarray(found)


def covered(values: np.ndarray, eps: float) -> np.ndarray:
    """Whether all of [-1, 1] is within ε of a subset sum, trial by trial, in NumPy: sort all sums."""
    found = []
    for row in values:
        sums = np.sort(_all_sums(row))
        inside = sums[(sums >= -1.0 - eps) & (sums <= 1.0 + eps)]
        gaps = np.diff(inside).max() <= 2 * eps if len(inside) > 1 else False
        found.append(bool(len(inside)) and inside[0] <= -1.0 + eps and inside[-1] >= 1.0 - eps and bool(gaps))
    return np.asarray(found)


def constraint_rows(u: np.ndarray, v: np.ndarray, w: np.ndarray, eps: float, readout: str, seconds: float) -> int:
    """Neuron pruning in the plane by CP-SAT on all cores: 1, -1, or 0 where it does not say within the time.

    The network is to stay in the tube at all kinks and at 180 angles more; a mask that leaves it elsewhere is excluded
    where it is worst.
    """
    target = np.arctan2(w[1], w[0])
    kinks = np.arctan2(u[:, 0], -u[:, 1])
    angles = np.concatenate([kinks, kinks + np.pi, target + np.linspace(0.0, 2 * np.pi, 181)])
    fine = np.linspace(0.0, 2 * np.pi, 20_001)
    for _ in range(20):
        model = cp_model.CpModel()
        kept = [model.new_bool_var("") for _ in v]
        for row, sine in zip(*_values(u, v, w, angles), strict=True):
            whole = [round(x * 2.0**24) for x in row.tolist()]
            slack = len(v)  # of the rounding
            total = cp_model.LinearExpr.weighted_sum(kept, whole)
            low = int((max(sine, 0.0) - eps) * 2.0**24) - slack if readout == "linear" or sine > eps else -(2**60)
            model.add_linear_constraint(total, low, int((max(sine, 0.0) + eps) * 2.0**24) + slack)
        solver, status = _solved(model, seconds)
        if _answer((solver, status)) != 1:
            return _answer((solver, status))
        mask = np.array([solver.boolean_value(x) for x in kept])
        if plane.exact_error(u, v, w, mask, readout=readout)[0] <= eps:
            return 1
        values, sine = _values(u, v, w, fine)
        out = values @ mask
        off = np.abs((np.maximum(out, 0.0) if readout == "relu" else out) - np.maximum(sine, 0.0))
        angles = np.append(angles, fine[np.argsort(off)[-3:]])
    return 0


def _values(u: np.ndarray, v: np.ndarray, w: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return np.maximum(points @ u.T, 0.0) * v, points @ (w / np.hypot(*w))


def nearest_kinks(n: int, trials: int, seed: int = 0) -> np.ndarray:
    """Of each random network the least angle between a kink line and the target's: NumPy, all n neurons drawn."""
    rng = np.random.default_rng(seed)
    angles = (np.arctan2(*np.moveaxis(rng.standard_normal((n, 2)), 1, 0)) for _ in range(trials))
    return np.asarray([np.abs(x - np.pi * np.round(x / np.pi)).min() for x in angles])


def nearest_normals(n: int, d: int, trials: int, seed: int = 0) -> np.ndarray:
    """Of each random network the largest |cosine| between a normal and the target's: NumPy, all n neurons drawn."""
    rng = np.random.default_rng(seed)
    rows = (rng.standard_normal((n, d)) for _ in range(trials))
    return np.asarray([(np.abs(x[:, 0]) / np.linalg.norm(x, axis=1)).max() for x in rows])


def _choices_that_hold(tau: np.ndarray, kappa: np.ndarray, eps: float) -> np.ndarray:
    """Which choices of a window's inner lines some start keeps in the tube: (choices, windows).

    Args:
        tau, kappa: places and jumps of the windows' points, (windows, lines + 2); jumps at the ends do not count.
    """
    lines = tau.shape[1] - 2
    choices = (np.arange(1 << lines)[:, None] >> np.arange(lines)) & 1
    sines = np.sin(tau[:, None, :] - tau[:, 1:-1, None]) * kappa[:, 1:-1, None]
    after = np.arange(lines + 2) > np.arange(1, lines + 1)[:, None]
    values = np.moveaxis(np.tensordot(choices, sines * after, axes=(1, 1)), 1, 2)
    holds = np.ones((len(choices), len(tau)), bool)
    for i, j, k in itertools.combinations(range(lines + 2), 3):
        ij, jk, ik = (np.sin(tau[:, b] - tau[:, a]) for a, b in ((i, j), (j, k), (i, k)))
        bend = values[:, i] * jk - values[:, j] * ik + values[:, k] * ij
        holds &= np.abs(bend) <= eps * (ij + jk + ik) * (1.0 + 1e-12)
    return holds


def eliminated(tau: np.ndarray, kappa: np.ndarray, eps: float, windows: tuple[int, ...]) -> np.ndarray:
    """Which lines of one network, in order along the arc of the open outer ReLU, some choice of every window keeps.

    NumPy, all choices of all windows, in pieces; windows of each size again until none eliminates.
    """
    edge = np.arcsin(eps)
    left = np.arange(len(tau))
    for lines in (1, *windows):
        while True:
            places = np.concatenate([[edge], tau[left], [np.pi - edge]])
            jumps = np.concatenate([[0.0], kappa[left], [0.0]])
            size = min(lines, len(left))
            begins, kept = np.arange(len(left) - size + 1), np.ones(len(left), bool)
            for piece in np.array_split(begins, max(1, len(begins) >> 12)):
                at = piece[:, None] + np.arange(size + 2)
                holds = _choices_that_hold(places[at], jumps[at], eps)
                for line in range(size):
                    with_it = holds.reshape(1 << size - line - 1, 2, 1 << line, -1)[:, 1]
                    kept[piece[~with_it.any(axis=(0, 1))] + line] = False
            left = left[kept]
            if kept.all() or not len(left):
                break
    survives = np.zeros(len(tau), bool)
    survives[left] = True
    return survives


def pairs(ns: tuple[int, ...], eps: tuple[float, ...]) -> list[tuple[int, float]]:
    """A cell for each n, with precisions by turns."""
    return list(zip(ns, itertools.islice(itertools.cycle(eps), len(ns)), strict=True))
