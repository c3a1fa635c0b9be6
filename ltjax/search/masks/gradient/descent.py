"""Gradient descent over scores of masks.

*Edge-popup* (Ramanujan et al. 2020): the network runs with the share of its weights that has the highest scores; the
gradient with respect to a weight's gate goes to its score, kept or not (straight-through). *Bernoulli*: every gate is
open with a probability, of which the descent follows a relaxation (Maddison et al. 2017, Jang et al. 2017; as gates,
Louizos et al. 2018) that hardens; the mask keeps what is open more often than not.

Both descend on log Σ exp(β|e|)/β over points of the sphere, with β in units of the largest error |e|. The best mask of
all steps counts, by its error at the points; whether it hits is decided elsewhere.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Key

from ltjax.search.masks.gradient.gates import Gates

METHODS = ("edge-popup", "bernoulli")
SHARPNESS = 20.0
"""β times the largest error."""
RATE = 0.3
COLDEST = 0.3
"""The last temperature of relaxed gates; the first is 1."""
SHARES = (0.04, 0.25)
"""Of weights kept by edge-popup: the starts take shares between these."""


class Data(NamedTuple):
    """A start network and where it is compared with its target.

    Attributes:
        u, v: rows (n, d), output weights (n,).
        points: (points, d). target: its values there, (points,).
    """

    u: Float[Array, "n d"]
    v: Float[Array, " n"]
    points: Float[Array, "points d"]
    target: Float[Array, " points"]


def errors(data: Data, gates: Float[Array, "n d"], readout: str) -> Float[Array, " points"]:
    """Of the network with its input weights times gates, at the points."""
    z = data.points @ (data.u * gates).T
    # The slope at 0 is that to the right: a neuron that is cut whole still feels what its weights would do.
    out = jnp.where(z >= 0.0, z, 0.0) @ data.v
    return (jnp.maximum(out, 0.0) if readout == "relu" else out) - data.target


def train_masks(
    key: Key[Array, ""],
    data: Data,
    gates: Gates,
    *,
    method: str,
    readout: str,
    starts: int = 4,
    steps: int = 500,
) -> tuple[Float[Array, ""], Bool[Array, "n d"]]:
    """The best mask that a descent from each of some starts meets, and its largest error at the points.

    Args:
        key: of starts and noise.
        data: the network, its points and target.
        gates: of the pattern.
        method: one of `METHODS`.
        readout: "linear" or "relu".
        starts, steps: descents, and steps in each.
    """
    n, d = data.u.shape
    optimiser = optax.adam(RATE)

    def hard(scores: Array, share: Array) -> Array:
        if method == "bernoulli":
            return gates.mask(scores, 0.0)
        # Between the two scores beside the cut; one is kept at least.
        cut = jnp.quantile(scores, 1.0 - jnp.maximum(share, 1.0 / scores.size), method="midpoint")
        return gates.mask(scores, cut)

    def loss(scores: Array, mask: Array, key: Array, heat: Array) -> Array:
        each = gates.spread(scores)
        if method == "bernoulli":
            noise = jax.random.logistic(key, gates.shape, each.dtype)
            gate = jax.nn.sigmoid((each + gates.spread(noise)) / heat) * gates.allowed(scores)
        else:
            gate = mask + each - jax.lax.stop_gradient(each)
        off = jnp.abs(errors(data, gate, readout))
        beta = SHARPNESS / jax.lax.stop_gradient(jnp.max(off))
        return jax.nn.logsumexp(beta * off) / beta

    def descend(key: Array, share: Array) -> tuple[Array, Array]:
        first, noise = jax.random.split(key)
        scores = jax.random.normal(first, gates.shape, data.u.dtype)

        def step(state: tuple, number: Array) -> tuple[tuple, None]:
            scores, inner, best, found = state
            mask = hard(scores, share)
            error = jnp.max(jnp.abs(errors(data, mask.astype(scores.dtype), readout)))
            # Never true of NaN.
            better = error < best
            best, found = jnp.where(better, error, best), jnp.where(better, mask, found)
            heat = COLDEST ** (number / steps)
            slope = jax.grad(loss)(scores, mask.astype(scores.dtype), jax.random.fold_in(noise, number), heat)
            change, inner = optimiser.update(slope, inner)
            return (optax.apply_updates(scores, change), inner, best, found), None

        start = scores, optimiser.init(scores), jnp.asarray(jnp.inf, scores.dtype), jnp.zeros((n, d), bool)
        return jax.lax.scan(step, start, jnp.arange(steps))[0][2:]

    shares = jnp.linspace(*SHARES, starts)
    best, found = jax.vmap(descend)(jax.random.split(key, starts), shares)
    at = jnp.argmin(best)
    return best[at], found[at]


__all__ = ["METHODS", "Data", "errors", "train_masks"]
