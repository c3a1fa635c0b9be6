"""The start network of a ticket, drawn from a seed and laid out for a target.

A layer h ↦ W h of the target, with k inputs (a bias is one more, that is always 1) and m outputs, becomes two layers of
the start network, as in Pensia et al. (2020):

    y = σ(U h),   U of shape (k·R, k),      U and V random, independent;
    z = V y,      V of shape (m, k·R),      then σ, but after the last.

R is the *redundancy*. Of row r of U one weight is kept at most, that of input j = r // R, so that y_r = u_r·h_j where
u_r·h_j > 0 and 0 elsewhere. For h_j >= 0 output i then reads input j with the weight Σ v_ir·u_r over the rows kept with
u_r > 0; where h_j may be negative, with Σ v_ir·u_r over those with u_r < 0. Both sums are to be the target's w_ij: each
is a random subset sum of its own.

Where `kind` is "parallel" there is no U: each of the k inputs has R edges of its own to every output, z = V h' with h'
every input R times over. This is the network that the experiment of Pensia et al. (2020) pruned.

Numbers. Matrix t (counted from 0, in the order U_1, V_1, U_2, …) is filled row by row from the raw 64-bit words of
NumPy's generator Philox with key (seed, t): the upper 40 bits are dropped to 24 by a shift to the right by 40, q, and

    uniform: center + spread·(q·2^-23 - 1),       normal: center + spread·Φ^-1((q + ½)·2^-24),   in float64.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.tickets.perceptron import Perceptron

LAWS = ("uniform", "normal")
KINDS = ("products", "parallel")
MOST_REDUNDANCY = 1024
SLICE = 1 << 22
"""Numbers drawn together: 32 MiB of words."""


@dataclasses.dataclass(frozen=True)
class Start:
    """A start network, as what it takes to draw it again.

    Args:
        kind: "products" (two layers for one, any inputs) or "parallel" (R edges for one).
        law: of all weights, "uniform" or "normal".
        seed: of the generator, 0 to 2^63 - 1.
        redundancy: R.
        inputs: inputs of each of the target's layers, its bias counted.
        outputs: rows of each V; more than the target's layer has where a pattern cuts rows in blocks.
        centers, spreads: of each matrix, in order.

    Raises:
        ArgumentError: for options outside these.
    """

    kind: str
    law: str
    seed: int
    redundancy: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    centers: tuple[float, ...]
    spreads: tuple[float, ...]

    def __post_init__(self) -> None:
        arguments.choice("start", self.kind, KINDS)
        arguments.choice("law", self.law, LAWS)
        arguments.whole("seed", self.seed, 0, 2**63 - 1)
        arguments.whole("redundancy", self.redundancy, 1, MOST_REDUNDANCY)
        for name in ("centers", "spreads"):
            values = getattr(self, name)
            for value in values:
                arguments.real(name, value)
            if len(values) != len(self.shapes):
                raise ArgumentError(f"{name}={values} is not allowed: {name} are {len(self.shapes)}, a matrix each")

    @classmethod
    def of(cls, target: Perceptron, *, kind: str, law: str, seed: int, redundancy: int, neurons: int = 1) -> "Start":
        """For a target. Of products U has spread 1 and V twice the largest |w| of its layer, for products are mostly
        small; of parallel edges V is spread over the layer's range, as in the publication.

        Args:
            neurons: outputs come in blocks of so many.
        """
        layers = [target.layer(number) for number in range(len(target.weights))]
        centers, spreads = [], []
        for layer in layers:
            low, high, most = float(layer.min()), float(layer.max()), float(np.abs(layer).max()) or 1.0
            if kind == "parallel" and high > low:
                centers, spreads = [*centers, 0.5 * (low + high)], [*spreads, 0.5 * (high - low)]
            elif kind == "parallel":
                centers, spreads = [*centers, 0.0], [*spreads, most]
            else:
                centers, spreads = [*centers, 0.0, 0.0], [*spreads, 1.0, 2.0 * most]
        return cls(
            kind,
            law,
            seed,
            redundancy,
            tuple(layer.shape[1] for layer in layers),
            tuple(-(-len(layer) // neurons) * neurons for layer in layers),
            tuple(centers),
            tuple(spreads),
        )

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Of all matrices, in order."""
        shapes: list[tuple[int, int]] = []
        for k, m in zip(self.inputs, self.outputs, strict=True):
            shapes += [(k * self.redundancy, k)] if self.kind == "products" else []
            shapes += [(m, k * self.redundancy)]
        return tuple(shapes)

    @property
    def size(self) -> int:
        """How many weights."""
        return sum(rows * columns for rows, columns in self.shapes)

    def slices(self, matrix: int) -> Iterator[tuple[int, Float[np.ndarray, "rows columns"]]]:
        """A matrix in slices of rows, each with the number of its first row."""
        rows, columns = self.shapes[matrix]
        words = np.random.Philox(key=np.array([self.seed, matrix], np.uint64))
        step = max(1, SLICE // columns)
        for first in range(0, rows, step):
            some = min(step, rows - first)
            drawn = (words.random_raw(some * columns) >> np.uint64(40)).astype(np.float64)
            yield first, self._shaped(drawn, matrix).reshape(some, columns)

    def _shaped(self, drawn: Any, matrix: int) -> Any:
        """Numbers of the law from whole numbers below 2^24."""
        if self.law == "uniform":
            unit = drawn * 2.0**-23 - 1.0
        else:
            import scipy.special

            unit = scipy.special.ndtri((drawn + 0.5) * 2.0**-24)
        return self.centers[matrix] + self.spreads[matrix] * unit

    def draw(self, matrix: int) -> Float[np.ndarray, "rows columns"]:
        """A whole matrix."""
        return np.concatenate([rows for _, rows in self.slices(matrix)])

    def own_weights(self, number: int) -> Float[np.ndarray, " neurons"]:
        """The one weight u_r that row r of a layer's U may keep; 1 where there is no U."""
        k = self.inputs[number]
        if self.kind == "parallel":
            return np.ones(k * self.redundancy)
        own = np.arange(k * self.redundancy) // self.redundancy
        return np.concatenate(
            [rows[np.arange(len(rows)), own[first : first + len(rows)]] for first, rows in self.slices(2 * number)]
        )

    def last(self, number: int) -> int:
        """Which matrix is a layer's V."""
        return 2 * number + 1 if self.kind == "products" else number


__all__ = ["KINDS", "LAWS", "MOST_REDUNDANCY", "Start"]
