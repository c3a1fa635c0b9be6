"""How far apart two ReLU multilayer perceptrons are on a box: a bound by layerwise propagation, on the host.

The second network reads its inputs through two sets of weights: an input x adds p·x where x >= 0 and q·x where x < 0;
for a network without such a difference p = q. Let h, h' be the hidden values of the first and the second network,
h_0 = h'_0 = x. In every layer

    W'h' - Wh = (W' - W)h + W'(h' - h),

of which the first term is bounded over the box that holds h (interval arithmetic, sums of extremes), the second by
|W'|·e with e >= |h' - h|. σ moves neither apart. What rounding may do is added everywhere.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ltjax.certify import rounding


class Reads(NamedTuple):
    """A layer of the second network beside that of the first.

    Attributes:
        target: weights of the first, (outputs, inputs).
        plus, minus: weights of the second for inputs at least 0 and below 0.
        off: how far plus and minus may be from what they stand for.
        bias: whether the last input is always 1.
    """

    target: Float[np.ndarray, "outputs inputs"]
    plus: Float[np.ndarray, "outputs inputs"]
    minus: Float[np.ndarray, "outputs inputs"]
    off: Float[np.ndarray, "outputs inputs"]
    bias: bool


def _extremes(plus: np.ndarray, minus: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest Σ_j of plus_j·x_j or minus_j·x_j over a box: each term bends at 0 only."""
    at = [np.where(x < 0.0, minus, plus) * x for x in (low, high, np.clip(0.0, low, high))]
    return np.minimum.reduce(at).sum(axis=1), np.maximum.reduce(at).sum(axis=1)


def propagated(layers: Sequence[Reads], low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, " outputs"]:
    """Upper bounds of the difference of each output over the box low <= x <= high.

    Args:
        layers: in order.
        low, high: of each input, finite.

    Returns:
        shape (outputs,); NaN or infinite where numbers are beyond float64.
    """
    apart = np.zeros(len(low))
    for number, layer in enumerate(layers):
        if layer.bias:
            low, high, apart = np.append(low, 1.0), np.append(high, 1.0), np.append(apart, 0.0)
        size = np.maximum(np.abs(low), np.abs(high))
        most = np.maximum(np.abs(layer.plus), np.abs(layer.minus)) + layer.off
        least, largest = _extremes(layer.plus - layer.target, layer.minus - layer.target, low, high)
        # Every sum below has at most so many products of numbers that add up to `scale`.
        scale = (np.abs(layer.target) + most) @ (size + apart)
        guard = layer.off @ size + rounding.propagated(len(low), scale)
        apart = np.maximum(np.abs(least), np.abs(largest)) + most @ apart + guard
        low, high = _extremes(layer.target, layer.target, low, high)
        low, high = low - guard, high + guard
        if number + 1 < len(layers):
            low, high = np.maximum(low, 0.0), np.maximum(high, 0.0)
    return apart


def evaluated(
    layers: Sequence[Reads], points: Float[np.ndarray, "points inputs"]
) -> tuple[Float[np.ndarray, "points outputs"], Float[np.ndarray, " points"]]:
    """Differences of the outputs at points, and how far each may be off by rounding."""
    first = second = np.asarray(points, np.float64)
    sure = np.zeros(len(points))
    for number, layer in enumerate(layers):
        if layer.bias:
            one = np.ones((len(points), 1))
            first, second = np.concatenate([first, one], axis=1), np.concatenate([second, one], axis=1)
        most = np.maximum(np.abs(layer.plus), np.abs(layer.minus)) + layer.off
        size = np.maximum(np.abs(first), np.abs(second))
        scale = (size @ (np.abs(layer.target) + most).T).max(axis=1)
        grown = (np.abs(layer.target) + most).sum(axis=1).max()
        sure = grown * sure + (size @ layer.off.T).max(axis=1) + 2.0 * rounding.propagated(size.shape[1], scale)
        first = first @ layer.target.T
        second = np.maximum(second, 0.0) @ layer.plus.T + np.minimum(second, 0.0) @ layer.minus.T
        if number + 1 < len(layers):
            first, second = np.maximum(first, 0.0), np.maximum(second, 0.0)
    return second - first, sure


__all__ = ["Reads", "evaluated", "propagated"]
