"""How redundant a start network has to be: measured on sums like those of the target."""

from collections.abc import Callable

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.patterns import AbstractPattern
from ltjax.tickets.perceptron import Perceptron
from ltjax.tickets.prune import by_length, nearest_masks, shape_of, terms_for, usable_rows
from ltjax.tickets.start import Start

SURE = 0.99
"""Confidence that the hit probability is reached."""


def least_redundancy(
    target: Perceptron,
    pattern: AbstractPattern,
    eps: float,
    signed: bool,
    *,
    hit: float = 0.999,
    kind: str = "products",
    law: str = "uniform",
    seed: int = 0,
    most: int = 256,
    devices: tuple[object, ...] | None = None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """The least redundancy, up to the pattern's step, at which a weight is reached with probability `hit`.

    Weights of every layer, drawn at random by their numbers, are sums of pilot networks of their own. A redundancy
    counts where the exact lower limit of the hit probability is at least `hit`, with confidence 0.99; the least is
    found by bisection, as more neurons never harm.

    Args:
        target, pattern, eps, signed, devices: as for `prune`.
        hit: of one weight, in (0, 1).
        kind, law, seed: of the start network; its own seed is never used here.
        most: the largest redundancy tried.
        progress: told each redundancy that is tried.

    Raises:
        ArgumentError: where even the largest does not reach it.
    """
    arguments.instance("target", target, Perceptron, "Perceptron(weights, biases) or what read_perceptron reads")
    arguments.real("hit", hit, above=0.0, below=1.0)
    shape = shape_of(pattern)
    # Half as many again as it takes if none of them fails.
    sums = max(500, int(np.ceil(1.5 * np.log(1.0 - SURE) / np.log(hit))))
    step = max(shape.neurons, 2)

    def good(steps: int) -> bool:
        redundancy = steps * step
        if progress is not None:
            progress(redundancy)
        reached, count = _pilot(target, pattern, eps, signed, kind, law, redundancy, sums, seed, devices)
        return bool(intervals.clopper_pearson(reached, count, 2.0 * SURE - 1.0)[0] >= hit)

    low, high = 0, 2
    while not good(high):
        if high * step >= most:
            raise ArgumentError(
                f"eps={eps:g} is not allowed: with redundancy {most} fewer than {hit:.6g} of the weights are reached; "
                "give a coarser eps or another pattern"
            )
        low, high = high, min(2 * high, most // step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return high * step


def _pilot(
    target: Perceptron,
    pattern: AbstractPattern,
    eps: float,
    signed: bool,
    kind: str,
    law: str,
    redundancy: int,
    sums: int,
    seed: int,
    devices: tuple[object, ...] | None,
) -> tuple[int, int]:
    """How many of how many sums hit."""
    vectors = shape_of(pattern).outputs
    rng = np.random.Generator(np.random.Philox(key=np.array([seed, 2**63], np.uint64)))
    reached = count = 0
    real = Start.of(target, kind=kind, law=law, seed=seed, redundancy=redundancy)
    for number in range(len(target.weights)):
        goal = target.layer(number)
        share = -(-sums * goal.size // sum(target.layer(i).size for i in range(len(target.weights))))
        last = real.last(number)
        # Weights of neighbouring outputs, so that vectors are the target's own.
        blocks = -(-len(goal) // vectors)
        wide = np.concatenate([goal, np.zeros((blocks * vectors - len(goal), goal.shape[1]))])
        one = rng.integers(blocks, size=share), rng.integers(goal.shape[1], size=share)
        wanted = wide.reshape(blocks, vectors, -1)[one[0], :, one[1]]
        there = np.arange(blocks * vectors).reshape(blocks, vectors)[one[0]] < len(goal)

        def drawn(shape: tuple[int, ...], matrix: int) -> np.ndarray:
            return real._shaped(rng.integers(1 << 24, size=shape).astype(float), matrix)

        u = drawn((share, redundancy), last - 1) if kind == "products" else np.ones((share, redundancy))
        terms = drawn((share, redundancy, vectors), last) * u[..., None] * there[:, None]
        most = terms_for(real.spreads[last], eps, vectors)
        usable = usable_rows(u, pattern, signed and number == 0 and kind == "products")[0]
        hit = np.zeros(share, bool)
        if usable.any():
            for which, places in by_length(usable, most).values():
                values = np.where(places[..., None] >= 0, terms[which[:, None], places], 0.0)
                mask = nearest_masks(values, wanted[which], eps, real.spreads[last], devices)
                off = np.abs(np.where(mask[..., None], values, 0.0).sum(axis=1) - wanted[which])
                hit[which] = off.max(axis=1) <= eps
        hit |= np.abs(wanted).max(axis=1) <= eps
        reached, count = reached + int(hit.sum()), count + share
    return reached, count


__all__ = ["least_redundancy"]
