"""How far a pruned start network is from its target: by weight, by bound, and by what an adversary finds."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from ltjax.certify import rounding
from ltjax.certify.errors.perceptron import Reads, evaluated, propagated
from ltjax.tickets.perceptron import Perceptron
from ltjax.tickets.start import Start

STARTS = 64
STEPS = 150
RATE = 0.05
"""Of the adversary's steps, in units of the box."""


@dataclasses.dataclass(frozen=True, eq=False)
class Certificate:
    """What is certain of a ticket, on the box low <= x <= high of all inputs.

    Attributes:
        errors: certified upper bounds of each weight's error, a layer each, biases in the last column.
        unreached: weights that no subset reaches within ε: rows (layer, output, input), all counted from 1; the input
            after the last is the bias.
        bound: no output differs by more, anywhere in the box.
        found: some output differs by at least this, at `point`.
        point: of the box, (inputs,).
    """

    errors: tuple[Float[np.ndarray, "_ _"], ...]
    unreached: Int[np.ndarray, "unreached 3"]
    bound: float
    found: float
    point: Float[np.ndarray, " inputs"]

    @property
    def reached(self) -> float:
        """The share of weights that are within ε."""
        return 1.0 - len(self.unreached) / sum(each.size for each in self.errors)


def reads(target: Perceptron, start: Start, masks: tuple[np.ndarray, ...], signed: bool) -> list[Reads]:
    """The pruned start network, layer by layer, as weights of inputs at least 0 and below 0; drawn again.

    It speaks of masks without `strays`.
    """
    layers = []
    for number, k in enumerate(start.inputs):
        goal, last = target.layer(number), start.last(number)
        own = start.own_weights(number)
        if start.kind == "products":
            one = np.arange(len(own)), np.arange(len(own)) // start.redundancy
            own = np.where(masks[last - 1][one], own, 0.0)
        plus, minus, size = (np.zeros((start.shapes[last][0], k)) for _ in range(3))
        below = signed and number == 0 and start.kind == "products"
        for first, drawn in start.slices(last):
            kept = masks[last][first : first + len(drawn)]
            terms = np.where(kept, drawn * own, 0.0).reshape(len(drawn), k, -1)
            rows, u = slice(first, first + len(drawn)), own.reshape(k, -1)
            plus[rows] = np.where(u > 0.0, terms, 0.0).sum(axis=2)
            minus[rows] = np.where(u < 0.0, terms, 0.0).sum(axis=2) if below else plus[rows]
            size[rows] = np.abs(terms).sum(axis=2)
        if target.biases[number] is not None:
            minus[:, -1] = plus[:, -1]  # its input is always 1
        m = len(goal)
        # The product is one rounding of each term more.
        off = rounding.subset_sum(start.redundancy + 2, size[:m] + np.abs(goal))
        layers.append(Reads(goal, plus[:m], minus[:m], off, target.biases[number] is not None))
    return layers


def strays(start: Start, masks: tuple[np.ndarray, ...]) -> dict[int, int]:
    """How many weights a mask keeps that no sum reads, by the mask's number from 1; masks that keep none are left out.

    Of each row of U only the weight of its own input is read: `reads` would not see another.
    """
    found = {}
    for number, k in enumerate(start.inputs if start.kind == "products" else ()):
        mask = masks[start.last(number) - 1]
        own = np.arange(k * start.redundancy)
        count = int(mask.sum() - mask[own, own // start.redundancy].sum())
        found |= {start.last(number): count} if count else {}
    return found


def certify(layers: list[Reads], eps: float, low: float, high: float) -> Certificate:
    """The certificate of a pruned start network.

    Raises:
        RuntimeError: where the adversary finds more than the bound allows: it is broken.
    """
    errors = tuple(
        np.maximum(np.abs(layer.plus - layer.target), np.abs(layer.minus - layer.target)) + layer.off
        for layer in layers
    )
    unreached = [
        np.concatenate([np.full((len(at), 1), number), at + 1], axis=1)
        for number, each in enumerate(errors, 1)
        for at in [np.argwhere(~(each <= eps))]
    ]
    inputs = layers[0].target.shape[1] - layers[0].bias
    bound = float(propagated(layers, np.full(inputs, low), np.full(inputs, high)).max())
    found, point = adversary(layers, low, high)
    if not found <= bound:
        raise RuntimeError(f"the networks differ by {found} where {bound} is the bound: it is broken")
    return Certificate(errors, np.concatenate(unreached), bound, found, point)


def adversary(layers: list[Reads], low: float, high: float) -> tuple[float, np.ndarray]:
    """The largest difference that gradient ascent finds in the box, certified from below, and where.

    From random points and from the corners at which the first layer's own errors are largest.
    """
    inputs = layers[0].target.shape[1] - layers[0].bias
    rng = np.random.Generator(np.random.Philox(0))
    inside = rng.uniform(low, high, (STARTS // 2, inputs))
    corners = rng.choice([low, high], (STARTS // 2, inputs))
    apart = (layers[0].plus - layers[0].target)[:, :inputs]
    worst = np.argsort(-np.abs(apart).sum(axis=1))[: STARTS // 4]
    leaning = np.where(apart[worst] > 0.0, high, low)
    points = np.concatenate([inside, corners, leaning, low + high - leaning])
    arrays = [(jnp.asarray(x.target, jnp.float32), *_differences(x)) for x in layers]
    biases = tuple(x.bias for x in layers)
    climbed = np.asarray(_climb(arrays, jnp.asarray(points, jnp.float32), low, high, biases), np.float64)
    points = np.concatenate([points, np.clip(climbed, low, high)])
    apart, sure = evaluated(layers, points)
    least = np.abs(apart).max(axis=1) - sure
    best = int(np.argmax(np.where(np.isfinite(least), least, -np.inf)))
    return max(float(least[best]), 0.0), points[best]


def _differences(layer: Reads) -> tuple[Array, Array]:
    """Of the second network's weights from the first's, in float64 before they are rounded."""
    plus, minus = layer.plus - layer.target, layer.minus - layer.target
    return jnp.asarray(plus, jnp.float32), jnp.asarray(minus, jnp.float32)


@functools.partial(jax.jit, static_argnames=("low", "high", "biases"))
def _climb(arrays: Any, points: Array, low: float, high: float, biases: tuple[bool, ...]) -> Array:
    """Where ascent on the largest difference of any output ends; differences are carried along, so that they do not
    drown in what is subtracted."""

    def apart(x: Array) -> Array:
        h, e = x, jnp.zeros_like(x)
        for number, ((w, plus, minus), bias) in enumerate(zip(arrays, biases, strict=True)):
            if bias:
                h, e = jnp.append(h, 1.0), jnp.append(e, 0.0)
            above, below = jnp.maximum(h + e, 0.0), jnp.minimum(h + e, 0.0)
            h, e = w @ h, w @ e + plus @ above + minus @ below
            if number + 1 < len(arrays):
                h, e = jnp.maximum(h, 0.0), jnp.maximum(h + e, 0.0) - jnp.maximum(h, 0.0)
        return jnp.max(jnp.abs(e))

    width = high - low
    optimiser = optax.adam(RATE * width)

    def step(state: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], None]:
        x, inner = state
        slope = jax.vmap(jax.grad(lambda x: -apart(x)))(x)
        change, inner = optimiser.update(slope, inner)
        return (jnp.clip(optax.apply_updates(x, change), low, high), inner), None  # type: ignore[arg-type]

    return jax.lax.scan(step, (points, optimiser.init(points)), None, length=STEPS)[0][0]


__all__ = ["Certificate", "adversary", "certify", "reads", "strays"]
