"""Neuron pruning on the interval [-1, 1] with biased hidden units: the breakpoint moves off 0 (NP-7)."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from ltjax import arguments
from ltjax.certify.errors.interval import exact_error
from ltjax.networks import sample_weights
from ltjax.problems.neuron_pruning.points import AbstractPointPruning, Instance

GENERIC_KINK = 0.3


def kink_of(target: Any) -> float:
    """The target's kink c that the option names: "axis" is 0, "generic" 0.3, or a number in (-1, 1)."""
    words = {"axis": 0.0, "generic": GENERIC_KINK}
    if isinstance(target, str):
        return words[arguments.choice("target", target, words)]
    return arguments.real("target", target, above=-1.0, below=1.0)


@dataclasses.dataclass(frozen=True)
class IntervalPruning(AbstractPointPruning):
    """d = 1 with bias, target σ(x - c). All breakpoints are points, so few neurons are decided outright.

    With more, readout `linear`: no breakpoint within 4ε of c is a miss (NP-7).
    """

    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)

    def first_guess(self, eps: float) -> int:
        return min(self.max_n, int(4.0 / eps) + 4)

    def searched_as(self) -> "IntervalPruning":
        return dataclasses.replace(self, law="normal", target="axis")

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        weights = sample_weights(key, n, 1, self.law, bias=True, dtype=jnp.float64)
        kink = jnp.asarray(kink_of(self.target))
        assert weights.b is not None
        breakpoints = -weights.b / weights.u[:, 0]
        inside = jnp.where(jnp.abs(breakpoints) < 1.0, breakpoints, 1.0)
        points = jnp.concatenate([inside, jnp.stack([kink, -jnp.ones_like(kink), jnp.ones_like(kink)])])
        return Instance(weights.u, weights.v, weights.b, jnp.ones(1), -kink, points[:, None], weights.moved)

    def rule_out(self, instance: Instance, eps: Array) -> tuple[Array, Array]:
        kink = -instance.c
        distance = jnp.abs(-instance.b / instance.u[:, 0] - kink)
        near = distance <= 4.0 * eps
        possible = (self.readout == "linear") & (jnp.abs(kink) + 4.0 * eps <= 1.0)
        free = jnp.where(jnp.any(near), jnp.argmax(near), len(near))
        return jnp.where(possible, free, 0), kink[None]

    def check(self, u: np.ndarray, v: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, eps: float) -> float:
        return sum(exact_error(u[:, 0], v, b, float(w[0]), c, self.readout))

    def check_ruled_out(self, u: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, q: np.ndarray, eps: float) -> bool:
        radius = 4.0 * eps * (1.0 + 1e-12)
        # |β - c| > 4ε without a division: |b + u·kink| > 4ε·|u|, up to the rounding of the left side.
        away = np.abs(b + u[:, 0] * -c) - 2.0**-50 * (np.abs(b) + np.abs(u[:, 0]))
        return bool(np.all(away > radius * np.abs(u[:, 0])) and abs(c) + radius <= 1.0)


__all__ = ["GENERIC_KINK", "IntervalPruning", "kink_of"]
