"""Sup-norm error of biased networks on the interval [-1, 1], on the host in float64."""

import numpy as np


def exact_error(
    u: np.ndarray, v: np.ndarray, b: np.ndarray, w: float, c: float, readout: str = "linear"
) -> tuple[float, float]:
    """sup over [-1, 1] of |g(x) - σ(w·x + c)|, g(x) = Σ v_i σ(u_i x + b_i) or σ of it: (value, rounding margin).

    The error is linear between breakpoints, and with readout `relu` also between the zeros of Σ v_i σ(…).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        kinks = np.append(-b / u, -c / w)
    kinks = kinks[np.isfinite(kinks) & (np.abs(kinks) < 1.0)]
    x = np.unique(np.concatenate([[-1.0, 1.0], kinks]))
    rows, biases, weights = np.asarray(u), np.asarray(b), np.asarray(v)

    def network(x: np.ndarray) -> np.ndarray:
        return np.maximum(np.multiply.outer(x, rows) + biases, 0.0) @ weights

    g = network(x)
    if readout == "relu":
        change = np.flatnonzero(g[:-1] * g[1:] < 0.0)
        step = g[change] / (g[change] - g[change + 1])
        zero = x[change] + step * (x[change + 1] - x[change])
        x, g = np.append(x, zero), np.append(np.maximum(g, 0.0), np.zeros(len(zero)))
    value = float(np.max(np.abs(g - np.maximum(w * x + c, 0.0))))
    # A breakpoint that is wrong by its rounding moves the error by as much times the slopes.
    scale = 2.0 + float(np.sum(np.abs(weights) * (np.abs(rows) + np.abs(biases))))
    return value, 16.0 * (len(weights) + 8.0) * 2.0**-53 * scale


__all__ = ["exact_error"]
