"""Sup-norm error of biased networks on the interval [-1, 1], on the host in float64."""

from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors import network as networks


def exact_error(u: Any, v: Any, b: Any, w: float, c: float, readout: str = "linear") -> tuple[float, float]:
    """sup over [-1, 1] of |g(x) - σ(w·x + c)|, g(x) = Σ v_i σ(u_i x + b_i) or σ of it.

    The error is linear between breakpoints, and with readout `relu` also between the zeros of Σ v_i σ(…).

    Args:
        u, v, b: input weights, output weights and biases, shape (n,).
        w, c: the target's slope and offset.
        readout: "linear" or "relu".

    Returns:
        value: the computed supremum.
        margin: a bound on |value - true supremum| for exactly these float64 numbers.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite numbers, Σ|v_i|(|u_i| + |b_i|) + |w| + |c| above
            1e150, an unknown readout.
    """
    arguments.choice("readout", readout, networks.READOUTS)
    rows, weights, biases = (np.asarray(x, np.float64) for x in (u, v, b))
    if rows.ndim != 1 or weights.shape != rows.shape or biases.shape != rows.shape:
        raise ArgumentError(
            f"u, v, b have shapes {rows.shape}, {weights.shape}, {biases.shape}: allowed is (n,) for all"
        )
    networks.finite(u=rows, v=weights, b=biases)
    w, c = arguments.real("w", w), arguments.real("c", c)
    with np.errstate(over="ignore"):
        size = np.abs(rows) + np.abs(biases)
        total = max(2.0, abs(w) + abs(c)) + float(np.sum(np.abs(weights) * size))
    networks.bounded("Σ|v_i|(|u_i| + |b_i|) + |w| + |c|", total if np.all(np.isfinite(size)) else np.inf)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        kinks = np.append(-biases / rows, np.divide(-c, w))
    # A row of 0 bends nowhere; its quotient is NaN or infinite.
    kinks = kinks[np.isfinite(kinks) & (np.abs(kinks) < 1.0)]
    x = np.unique(np.concatenate([[-1.0, 1.0], kinks]))

    g = np.maximum(np.multiply.outer(x, rows) + biases, 0.0) @ weights
    if readout == "relu":
        change = np.flatnonzero((g[:-1] < 0.0) != (g[1:] < 0.0))
        step = g[change] / (g[change] - g[change + 1])
        zero = x[change] + step * (x[change + 1] - x[change])
        x, g = np.append(x, zero), np.append(np.maximum(g, 0.0), np.zeros(len(zero)))
    value = networks.largest(g - np.maximum(w * x + c, 0.0))
    return value, networks.certain(rounding.interval_error(len(weights), total))


__all__ = ["exact_error"]
