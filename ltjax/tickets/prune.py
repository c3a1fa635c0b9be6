"""Masks of a start network: for every weight of the target the nearest subset sum, all weights of a slice at once.

Which rows of U a sum may use depends on the pattern, of U and V alike:

    weights      any with the right sign;
    N:M          of every M neighbours the N with the largest |u|: so no M of V's columns are kept more than N times;
    block:Bx1    B neighbouring outputs keep or cut a column of V together: B of the target's weights are one sum of
                 vectors; and B neighbouring rows of U stay together.

Patterns that keep several weights of a row of U together (block:BxC with C > 1, rows) leave no sum for a single weight.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from ltjax.arguments import ArgumentError
from ltjax.patterns import NM, AbstractPattern, Block, Weights, get_pattern
from ltjax.search.sums.nearest import nearest_subset_sums
from ltjax.tickets.perceptron import Perceptron
from ltjax.tickets.start import Start

BATCH = {False: 2048, True: 64}
FEW = {False: 64, True: 8}
"""Sums solved in one call, and in one where there are few; of numbers, or of vectors. Calls of one length share a
compilation."""
STEP = 4
"""Sums are as long as the next multiple of this, so that few lengths are compiled."""
FINE = 2.0**-16
"""Of the largest weight: for a finer ε sums are searched in float64."""
MOST_TERMS = 40
MOST_VECTORS = 30
"""Terms of a sum of vectors: beyond it the search takes seconds a sum."""


class Shape(NamedTuple):
    """What a pattern asks of the layout: neighbouring outputs that are one sum, and rows of U that go together."""

    outputs: int
    neurons: int


def shape_of(pattern: AbstractPattern) -> Shape:
    """What the pattern asks of the layout.

    Raises:
        ArgumentError: for a pattern that leaves no sum for a single weight.
    """
    if isinstance(pattern, Block) and pattern.inputs == 1:
        return Shape(pattern.neurons, pattern.neurons)
    if isinstance(pattern, NM):
        return Shape(1, pattern.among)
    if isinstance(pattern, Weights):
        return Shape(1, 1)
    raise ArgumentError(f"pattern={pattern.name!r} is not allowed: a ticket is cut by weights, N:M or block:Bx1")


def usable_rows(u: np.ndarray, pattern: AbstractPattern, signed: bool) -> list[Bool[np.ndarray, "inputs rows"]]:
    """Which rows may serve the sums of each input, for inputs at least 0 and, where there are any, below.

    Args:
        u: the one weight of each row that may be kept, (inputs, rows).
        pattern: of the masks.
        signed: whether inputs may be below 0 where u < 0 matters.
    """
    allowed = np.ones(u.shape, bool)
    if isinstance(pattern, NM):
        groups = np.where(signed | (u > 0.0), np.abs(u), -1.0).reshape(len(u), -1, pattern.among)
        order = np.argsort(np.argsort(-groups, axis=-1, kind="stable"), axis=-1)
        allowed = (order < pattern.kept).reshape(u.shape)
    return [allowed & (u > 0.0)] + ([allowed & (u < 0.0)] if signed else [])


def terms_for(spread: float, eps: float, vectors: int) -> int:
    """How many terms a sum may use: enough that ε is far above the nearest sum's error."""
    bits = max(0.0, math.log2(spread / eps))
    if vectors > 1:
        return min(MOST_VECTORS, max(8, math.ceil(vectors * (bits + 1.0)) + 6))
    return min(MOST_TERMS, max(21, math.ceil(bits) + 14))


def nearest_masks(
    values: Float[np.ndarray, "sums rows outputs"],
    wanted: Float[np.ndarray, "sums outputs"],
    eps: float,
    spread: float,
    devices: tuple[object, ...] | None,
) -> Bool[np.ndarray, "sums rows"]:
    """The subset of each sum's rows that comes nearest."""
    flat = values.shape[2] == 1
    values, wanted = (values[..., 0], wanted[:, 0]) if flat else (values, wanted)
    size = (FEW if len(values) <= FEW[not flat] else BATCH)[not flat]
    fine = eps < FINE * spread
    chosen = []
    with jax.enable_x64(fine):
        for first in range(0, len(values), size):
            part, goal = values[first : first + size], wanted[first : first + size]
            short = size - len(part)
            batch = [np.concatenate([x, np.repeat(x[-1:], short, axis=0)]) for x in (part, goal)]
            dtype = jnp.float64 if fine else jnp.float32
            batch = [jnp.asarray(x, dtype) for x in batch]
            _, mask = nearest_subset_sums(*batch, masks=True, devices=devices)
            chosen.append(np.asarray(mask)[: len(part)])
    return np.concatenate(chosen)


def by_length(usable: Bool[np.ndarray, "inputs rows"], most: int) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Inputs by how many rows serve them, rounded up and at most `most`: their numbers, and rows, -1 for none.

    Few lengths are few compilations, and shorter sums are cheaper by far.
    """
    most = min(most, usable.shape[1])
    count = np.minimum(usable.sum(axis=1), most)
    lengths = np.minimum(-(-count // STEP) * STEP, most)
    order = np.argsort(~usable, axis=1, kind="stable")
    groups = {}
    for length in np.unique(lengths[count > 0]):
        inputs = np.flatnonzero(lengths == length)
        groups[int(length)] = inputs, np.where(np.arange(length) < count[inputs, None], order[inputs, :length], -1)
    return groups


def prune(
    target: Perceptron,
    start: Start,
    pattern: AbstractPattern,
    eps: float,
    signed: bool,
    *,
    devices: tuple[object, ...] | None = None,
    progress: Callable[[int], object] | None = None,
) -> tuple[Bool[np.ndarray, "_ _"], ...]:
    """Masks of all matrices of a start network.

    Args:
        target: what it is to be.
        start: the start network.
        pattern: of all masks.
        eps: wanted for each weight; sums are as fine as it takes, and a little more.
        signed: whether inputs of the first layer may be below 0.
        devices: share the sums among these.
        progress: told how many of the target's weights are done, slice by slice.
    """
    masks: list[np.ndarray] = []
    vectors = shape_of(get_pattern(pattern)).outputs
    for number, k in enumerate(start.inputs):
        goal = target.layer(number)
        own = start.own_weights(number)
        u = own.reshape(k, start.redundancy)
        sides = usable_rows(u, pattern, signed and number == 0 and start.kind == "products")
        last, spread = start.last(number), start.spreads[start.last(number)]
        most = terms_for(spread, eps, vectors)
        cut = np.zeros(start.shapes[last], bool)
        for first, drawn in _blocks(start, last, vectors):
            terms = (drawn * own).reshape(-1, vectors, k, start.redundancy)
            wanted = np.zeros((len(drawn), k))
            rows = goal[first : first + len(drawn)]
            wanted[: len(rows)] = rows
            # Outputs that the target has not, at the end of a last block, are read by nobody.
            terms[(np.arange(len(drawn)) >= len(rows)).reshape(-1, vectors)] = 0.0
            kept = cut[first : first + len(drawn)].reshape(len(terms), vectors, k, start.redundancy)
            for usable in sides:
                for length, (inputs, places) in by_length(usable, most).items():
                    at = np.arange(len(inputs))[:, None]
                    values = np.where(places >= 0, terms[:, :, inputs][:, :, at, places], 0.0)
                    sums = np.moveaxis(values, 1, 3).reshape(-1, length, vectors)
                    goals = np.moveaxis(wanted.reshape(-1, vectors, k)[:, :, inputs], 1, 2).reshape(-1, vectors)
                    found = nearest_masks(sums, goals, eps, spread, devices).reshape(len(terms), len(inputs), length)
                    block, which, place = np.nonzero(found & (places >= 0))
                    kept[block, :, inputs[which], places[which, place]] = True
            if progress is not None:
                progress(rows.size)
        if start.kind == "products":
            neurons = shape_of(pattern).neurons if isinstance(pattern, Block) else 1
            used = cut.any(axis=0).reshape(-1, neurons).any(axis=1).repeat(neurons)
            own_input = np.arange(k * start.redundancy)[:, None] // start.redundancy
            masks.append((own_input == np.arange(k)) & used[:, None])
        masks.append(cut)
    return tuple(masks)


def _blocks(start: Start, matrix: int, vectors: int) -> Iterator[tuple[int, np.ndarray]]:
    """Slices of a matrix of whole blocks of rows."""
    held = np.zeros((0, start.shapes[matrix][1]))
    first = 0
    for _, rows in start.slices(matrix):
        held = np.concatenate([held, rows])
        whole = len(held) - len(held) % vectors
        if whole:
            yield first, held[:whole]
            first, held = first + whole, held[whole:]


__all__ = ["Shape", "nearest_masks", "prune", "shape_of", "terms_for", "usable_rows"]
