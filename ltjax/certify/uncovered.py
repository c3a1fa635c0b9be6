"""Certificates of misses by an uncovered direction (NP-5), checked again on the host in float64."""

import math
from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError


def verify_uncovered(u: Any, w: Any, q: Any, eps: float) -> bool:
    """Re-check a certificate in float64 NumPy, in any dimension: no zone holds q, with a margin.

    Args:
        u: rows, shape (n, d).
        w: the target's direction, shape (d,), of length 1 to rounding.
        q: the direction claimed to be uncovered, shape (d,); it is made orthogonal to w and unit here.
        eps: error, in (0, ½).

    Returns:
        True only if |⟨u_i, q⟩| > tan α·|⟨u_i, w⟩| for every i beyond rounding: then no subset of the
        neurons, with any real output weights, is within ε of σ(⟨w, ·⟩) (readout `linear`).

    Raises:
        ArgumentError: for shapes that do not fit or an ε outside (0, ½).
    """
    eps = arguments.real("eps", eps, above=0.0, below=0.5)
    u, w, q = (np.asarray(x, dtype=np.float64) for x in (u, w, q))
    if u.ndim != 2 or w.shape != u.shape[1:] or q.shape != w.shape or w.size < 2:
        raise ArgumentError(
            f"u, w, q have shapes {u.shape}, {w.shape}, {q.shape}: allowed are (n, d), (d,), (d,), d >= 2"
        )
    w = w / np.linalg.norm(w)
    for _ in range(2):  # twice is enough for orthogonality to rounding
        q = q - (q @ w) * w
        q = q / np.linalg.norm(q)
    if not np.all(np.isfinite(q)):
        return False
    alpha = 2.0 * math.atan(2.0 * eps)
    distance = np.arctan2(np.abs(u @ q), np.abs(u @ w))
    length = np.linalg.norm(u, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        # ⟨u, q⟩ and ⟨u, w⟩ carry errors of a few d·2^-53·‖u‖, the angle between them as much relatively.
        plane = np.hypot(u @ q, u @ w)
        margin = 16.0 * (w.size + 4.0) * 2.0**-53 * length / plane
    idle = length == 0.0  # a zero row has no kink: it covers nothing
    return bool(np.all(idle | (distance > alpha + margin)))


__all__ = ["verify_uncovered"]
