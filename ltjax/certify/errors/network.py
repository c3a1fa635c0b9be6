"""A masked network, checked and reduced to the neurons that have an effect: what all error routines share."""

import math
from typing import Any, NamedTuple

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding

READOUTS = ("linear", "relu")
MOST = 1e150
"""Σ|v_i|‖u_i‖ is at most this, so that squares and products of two such numbers stay finite."""
LEAST = 1e-200
"""Rows v_i·u_i shorter than this have no effect beside margins that are relative to 1 + Σ|v_i|‖u_i‖."""


class Network(NamedTuple):
    """Kept neurons with the size of v_i moved into the row: g(x) = Σ sign_i σ(⟨rows_i, x⟩), target σ(⟨w, x⟩)."""

    rows: np.ndarray  # (k, d), none zero
    sign: np.ndarray  # (k,), ±1
    w: np.ndarray  # (d,), unit
    relu: bool

    @property
    def scale(self) -> float:
        """Lipschitz constant of the error on the ball; every sum met has absolute values adding up to less."""
        return 1.0 + float(np.sum(lengths(self.rows)))

    @property
    def evaluation(self) -> float:
        """Bound on the rounding of one evaluated error at a unit point, the folding of v included."""
        n, d = self.rows.shape
        return rounding.evaluated_error(n, d, self.scale)


def lengths(rows: np.ndarray) -> np.ndarray:
    """Euclidean lengths of the rows, without overflow or underflow of squares."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    safe = np.where(largest > 0.0, largest, 1.0)
    return largest * np.sqrt(np.sum((rows / safe[..., None]) ** 2, axis=-1))


def units(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their lengths; a zero row stays zero."""
    largest = np.max(np.abs(rows), axis=-1, initial=0.0)
    scaled = rows / np.where(largest > 0.0, largest, 1.0)[..., None]
    length = np.sqrt(np.sum(scaled**2, axis=-1))
    return scaled / np.where(length > 0.0, length, 1.0)[..., None]


def finite(**arrays: Any) -> None:
    """An `ArgumentError` for the first array that holds NaN or infinity."""
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise ArgumentError(f"{name} has an entry that is NaN or infinite: {name} holds finite numbers")


def direction(name: str, w: np.ndarray) -> np.ndarray:
    """The finite vector w at length 1, or an `ArgumentError` if it is zero."""
    if not np.any(w):
        raise ArgumentError(f"{name} is the zero vector: allowed is a direction, a vector of positive length")
    return units(w[None])[0]


def checked(u: Any, v: Any, w: Any, d: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, output weights and the target's direction at length 1, or an `ArgumentError` for shapes and values."""
    u, v, w = (np.asarray(x, np.float64) for x in (u, v, w))
    fitting = u.ndim == 2 and v.shape == u.shape[:1] and w.shape == u.shape[1:]
    if not fitting or u.shape[1] < 1 or (d is not None and u.shape[1] != d):
        size = "d" if d is None else d
        raise ArgumentError(
            f"u, v, w have shapes {u.shape}, {v.shape}, {w.shape}: allowed are (n, {size}), (n,), ({size},)"
        )
    finite(u=u, v=v, w=w)
    return u, v, direction("w", w)


def effort(cells: Any, tolerance: Any, eps: Any) -> tuple[int, float, float | None]:
    """How hard to try for an error's bounds, or an `ArgumentError`; see `cones.error_bounds`."""
    cells, tolerance = arguments.whole("cells", cells, 1), arguments.real("tolerance", tolerance, low=0.0)
    return cells, tolerance, None if eps is None else arguments.real("eps", eps, low=0.0)


def reduced(u: Any, v: Any, w: Any, mask: Any, readout: str, d: int | None = None) -> Network:
    """The checked arguments of an error routine, reduced to the neurons that have an effect."""
    arguments.choice("readout", readout, READOUTS)
    u, v, unit = checked(u, v, w, d)
    if mask is not None:
        keep = np.asarray(mask, dtype=bool)
        if keep.shape != v.shape:
            raise ArgumentError(f"mask has shape {keep.shape}: allowed is {v.shape}")
        u, v = u[keep], v[keep]
    with np.errstate(over="ignore"):
        rows = np.abs(v)[:, None] * u
        total = float(np.sum(lengths(rows))) if np.all(np.isfinite(rows)) else math.inf
    bounded("Σ|v_i|‖u_i‖", total)
    # A zero row has no kink and no effect; its kink is undefined.
    used = np.max(np.abs(rows), axis=1, initial=0.0) > LEAST
    return Network(rows[used], np.sign(v[used]), unit, readout == "relu")


def bounded(name: str, total: float) -> None:
    """An `ArgumentError` for a sum of sizes that is beyond `MOST`."""
    if not total < MOST:
        raise ArgumentError(f"{name}={total!r} is not allowed: it is at most 1e150")


def errors(network: Network, x: np.ndarray) -> np.ndarray:
    """Network minus target at points x, shape (points, d)."""
    g = np.maximum(x @ network.rows.T, 0.0) @ network.sign
    if network.relu:
        g = np.maximum(g, 0.0)
    return g - np.maximum(x @ network.w, 0.0)


def largest(*values: np.ndarray) -> float:
    """The largest absolute value of all, 0 of none; NaN is an error, never a small number."""
    top = float(np.max([np.max(np.abs(value), initial=0.0) for value in values], initial=0.0))
    return certain(top)


def certain(number: float) -> float:
    """The number, if it is none that is NaN: of NaN nothing is known, and it must not pass for a bound."""
    if math.isnan(number):
        raise FloatingPointError("a certified error came out as NaN: the certificate is broken")
    return number


__all__ = [
    "LEAST",
    "MOST",
    "READOUTS",
    "Network",
    "bounded",
    "certain",
    "checked",
    "direction",
    "effort",
    "errors",
    "finite",
    "largest",
    "lengths",
    "reduced",
    "units",
]
