"""Eliminations along an arc, replayed on the host in float64 by formulas of its own.

`ltjax.search.obstructions.elimination` says in which round, by which window of lines, a neuron was eliminated. Here the
rounds are gone through again. Of each window all choices that keep the neuron are tried: at three of its points
t_i < t_j < t_k the error e obeys

    e_i·sin(t_k - t_j) - e_j·sin(t_k - t_i) + e_k·sin(t_j - t_i)
        = Σ κ_l·sin(min(τ_l, t_j) - t_i)·sin(t_k - max(τ_l, t_j)),

summed over the kept lines τ_l between t_i and t_k. |e| <= ε bounds the left side; where a choice's right side, in which
nothing cancels but jumps of opposite sign, is larger for some three points, no start holds that choice.
"""

import itertools
import math
from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors import network as networks

LARGEST = 0.9
"""Of ε: above it nothing is confirmed."""
WIDTH = 2.5
"""Windows are cut to this width, radians."""
_SOME = 1 << 16
"""Numbers that are worked on at a time."""


def verify_eliminated(
    u: Any,
    v: Any,
    w: Any,
    eps: float,
    reasons: Any,
    *,
    readout: str = "relu",
    window: float = math.inf,
    blur: float | None = None,
) -> bool:
    """Whether every elimination of a planar network is confirmed: no mask within ε keeps an eliminated neuron.

    Args:
        u: rows, shape (n, 2), those that are present.
        v: output weights, shape (n,).
        w: the target's direction, shape (2,).
        eps: the tube.
        reasons: round, depth and first line of each elimination, shape (3, n + 1), the target's kink last; as
            `elimination.Eliminated` has them.
        readout: "relu" or "linear".
        window: all neurons whose line is within this angle of the target's are present, radians.
        blur: how far the rows' angles may be off, radians, where the rows are projections; None: as rounding has it.

    Returns:
        False where one elimination, or its reason, does not hold, or rounding leaves it open.

    Raises:
        ArgumentError: for an unknown readout, shapes that do not fit, NaN or infinite weights, w = 0, an ε not above 0.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    eps = arguments.real("eps", eps, above=0.0)
    blur = rounding.kink_angle() if blur is None else arguments.real("blur", blur, above=0.0)
    u, v, w = (np.asarray(x, np.float64) for x in (u, v, w))
    reasons = np.asarray(reasons)
    if u.ndim != 2 or u.shape[1] != 2 or v.shape != u.shape[:1] or w.shape != (2,):
        raise ArgumentError(f"u, v, w have shapes {u.shape}, {v.shape}, {w.shape}: allowed are (n, 2), (n,), (2,)")
    if reasons.shape != (3, len(v) + 1):
        raise ArgumentError(f"reasons has shape {reasons.shape}: allowed is (3, n + 1), here {(3, len(v) + 1)}")
    networks.finite(u=u, v=v)
    w = networks.direction("w", w)
    kappa = v * networks.lengths(u)
    networks.finite(w=w, kappa=kappa)
    rows = networks.units(u)
    tau = np.arctan2(-(rows[:, 0] * w[1] - rows[:, 1] * w[0]), rows @ w)
    if readout == "relu":
        low, high, tau = math.asin(min(eps, 1.0)), math.pi - math.asin(min(eps, 1.0)), np.mod(tau, math.pi)
        on = (tau > low) & (tau < high)
    else:
        high = min(window, 0.5 * math.pi)
        low, tau = -high, tau - math.pi * np.round(tau / math.pi)
        on = ((tau > low) & (tau < high)) | math.isinf(window)
    round_, depth, first = reasons
    if not np.any(round_):
        return True
    if not eps <= LARGEST or (readout == "relu" and not math.isinf(window)):
        return False
    # The target's kink is a line like others, which is always kept; readout relu has none.
    tau, kappa = np.append(tau, 0.0), np.append(kappa, -1.0)
    on = np.append(on, readout == "linear")
    if np.any((round_ > 0) & ~on):
        return False
    state = np.flatnonzero(on)
    state = state[np.argsort(tau[state], kind="stable")]
    where, gone = np.full(len(tau), -1), np.zeros(len(tau), bool)
    ordered = np.argsort(round_, kind="stable")
    edges = np.searchsorted(round_[ordered], np.arange(1, int(round_.max()) + 2))
    for begin, end in itertools.pairwise(edges):
        now = ordered[begin:end]
        places = np.concatenate([[low], tau[state], [high]])
        where[state] = np.arange(len(state))
        for k in np.unique(depth[now]):
            claimed = now[depth[now] == k]
            if k < 1 or np.any((first[claimed] < 0) | (first[claimed] >= len(tau))):
                return False
            at = where[first[claimed]]
            if np.any(at < 0) or not _all_hold(places, state, at, where[claimed], int(k), kappa, (eps, blur), gone):
                return False
            gone[claimed] = True
        state, where[now] = state[~gone[state]], -1
    return True


def _all_hold(
    places: np.ndarray,
    state: np.ndarray,
    at: np.ndarray,
    line: np.ndarray,
    k: int,
    kappa: np.ndarray,
    tube: tuple[float, float],
    gone: np.ndarray,
) -> bool:
    """Whether in windows of k lines from `at` on every choice that keeps `line` contradicts some three points.

    Tube: ε, and how far angles may be off.
    """
    eps, blur = tube
    choice = (np.arange(1 << k)[:, None] >> np.arange(k)) & 1 == 1
    triples = np.array(list(itertools.combinations(range(k + 2), 3)))
    i, j, m = triples.T
    step = max(1, _SOME // ((1 << k) * len(triples)))
    for begin in range(0, len(at), step):
        start, kept = at[begin : begin + step, None], line[begin : begin + step, None]
        # Points a hair before their lines, the first one after its own; beyond the wall, and the width, repeated.
        index = np.minimum(start + 1 + np.arange(k + 1), len(places) - 1)
        before = places[start]
        t = np.clip(places[index] - before - 4.0 * blur, 0.0, WIDTH)
        if not np.all(places[index[:, :1]] - before > 8.0 * blur):
            return False
        t = np.concatenate([np.zeros((len(t), 1)), t], axis=1)
        member = start + np.arange(k)
        there = member < len(state)
        who = state[np.minimum(member, len(state) - 1)]
        jump = np.where(there, kappa[who], 0.0)
        target = there & (who == len(kappa) - 1)
        # Choices that are asked about: all that keep the line and the target's kink, and nothing that has gone.
        wanted = np.all(choice[None] | ~((member == kept) | target)[:, None], axis=2)
        wanted &= ~np.any(choice[None] & (~there | gone[who])[:, None], axis=2)
        if not np.all(np.any(member == kept, axis=1)):
            return False
        spot = t[:, None, 1:-1]  # (windows, 1, k)
        t_i, t_j, t_m = (t[:, x, None] for x in (i, j, m))  # (windows, triples, 1)
        left, right = np.minimum(spot, t_j) - t_i, t_m - np.maximum(spot, t_j)
        hat = np.where((left > 0.0) & (right > 0.0), np.sin(left) * np.sin(right), 0.0)
        total = choice.astype(np.float64) @ np.abs(jump).T  # (2^k, windows)
        sizes = (np.sin(t_j - t_i) + np.sin(t_m - t_j) + np.sin(t_m - t_i))[:, :, 0]
        sums = np.matmul(choice.astype(np.float64), np.moveaxis(hat * jump[:, None], 1, 2))  # (windows, 2^k, triples)
        wide = eps + rounding.tube(eps, total.T, blur)
        # A computed sine of a difference of points is right to 16 units where the points differ at all.
        bound = wide[:, :, None] * sizes[:, None] * (1.0 + rounding.gamma(64.0))
        out = np.any((np.abs(sums) > bound) & (sizes[:, None] > 0.0), axis=2)
        if not np.all(out | ~wanted):
            return False
    return True


__all__ = ["verify_eliminated"]
