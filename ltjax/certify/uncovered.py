"""Certificates of misses by an uncovered direction, checked again on the host in float64."""

import math
from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors import network as networks


def verify_uncovered(u: Any, w: Any, q: Any, eps: float) -> bool:
    """Re-check a certificate in float64 NumPy, in any dimension: no zone holds q, with a margin.

    Args:
        u: rows, shape (n, d), of any finite size: only their directions count.
        w: the target's direction, shape (d,); normalised here.
        q: the direction claimed to be uncovered, shape (d,); it is made orthogonal to w and unit here.
        eps: error, in (0, ½).

    Returns:
        True only if |⟨u_i, q⟩| > tan α·|⟨u_i, w⟩| for every i beyond rounding: then no subset of the
        neurons, with any real output weights, is within ε of σ(⟨w, ·⟩) (readout `linear`). False if q holds NaN
        or is no direction beside w.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite u or w, w = 0, or an ε outside (0, ½).
    """
    eps = arguments.real("eps", eps, above=0.0, below=0.5)
    u, w, q = (np.asarray(x, dtype=np.float64) for x in (u, w, q))
    if u.ndim != 2 or w.shape != u.shape[1:] or q.shape != w.shape or w.size < 2:
        raise ArgumentError(
            f"u, w, q have shapes {u.shape}, {w.shape}, {q.shape}: allowed are (n, d), (d,), (d,), d >= 2"
        )
    networks.finite(u=u, w=w)
    w = networks.direction("w", w)
    if not np.all(np.isfinite(q)):
        return False
    q = networks.units(q[None])[0]
    for _ in range(3):  # twice is enough for orthogonality to rounding, unless all of q is rounding
        q = networks.units((q - (q @ w) * w)[None])[0]
    if not abs(q @ w) <= rounding.orthogonal(w.size) or not np.any(q):
        return False
    u = _scaled(u[np.any(u != 0.0, axis=1)])  # a zero row has no kink: it covers nothing
    across, along = np.abs(u @ q), np.abs(u @ w)
    margin = rounding.zone_angle(w.size, np.linalg.norm(u, axis=1), np.hypot(across, along))
    alpha = 2.0 * math.atan(2.0 * eps)
    return bool(np.all(np.arctan2(across, along) > alpha + margin))


def _scaled(rows: np.ndarray) -> np.ndarray:
    """Rows times powers of two, which is exact, so that the largest entry of each is in [½, 1)."""
    _, exponent = np.frexp(np.max(np.abs(rows), axis=1, initial=0.0))
    return np.ldexp(rows, -exponent[:, None])


__all__ = ["verify_uncovered"]
