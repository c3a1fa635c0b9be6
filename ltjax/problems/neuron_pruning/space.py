"""Neuron pruning in three and more dimensions: the zones of all neurons have to cover a sphere (NP-5)."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from ltjax.certify.errors import sphere
from ltjax.certify.uncovered import verify_uncovered
from ltjax.networks import make_target, random_directions, sample_weights
from ltjax.problems.neuron_pruning.points import AbstractPointPruning, Instance
from ltjax.search.obstructions import zones

POINTS = 384
CELLS = 4000
"""Of the branch and bound that certifies a candidate: a hit that it cannot confirm stays undecided."""


@dataclasses.dataclass(frozen=True)
class SpacePruning(AbstractPointPruning):
    """d >= 3. Misses: all masks of few neurons; readout `linear`: a direction that no zone covers, found exactly
    at d = 3 and by an adversarial search beyond. Hits: by descent, certified by `kernels.sphere`."""

    d: int = 3
    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)

    def first_guess(self, eps: float) -> int:
        return min(self.max_n, math.ceil((self.d - 1) * max(1.0, math.log(1.0 / eps)) / eps) + 4)

    def searched_as(self) -> "SpacePruning":
        return dataclasses.replace(self, law="normal", target="axis")

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        key_weights, key_target, key_points = jax.random.split(key, 3)
        weights = sample_weights(key_weights, n, self.d, self.law, dtype=jnp.float64)
        w = make_target(self.target, self.d, key_target, jnp.float64).w
        # Uniform points, and pairs across the target's kink, where the error is hardest to keep small.
        points = random_directions(key_points, POINTS, self.d, jnp.float64)
        edge = points[: POINTS // 2] - 0.98 * (points[: POINTS // 2] @ w)[:, None] * w
        points = jnp.concatenate([points[POINTS // 2 :], edge / jnp.linalg.norm(edge, axis=1, keepdims=True), w[None]])
        zero = jnp.zeros(())
        return Instance(weights.u, weights.v, jnp.zeros(n), w, zero, points, weights.moved)

    def rule_out(self, instance: Instance, eps: Array) -> tuple[Array, Array]:
        u, w = instance.u, instance.w
        if self.readout == "relu":
            return jnp.zeros((), int), w
        # The lemma speaks of ε below one half; the zones at a hair less are a stronger certificate still.
        possible, error = eps < 0.5, jnp.minimum(eps, 0.4999)
        if self.d == 3:
            size = zones.least_cover(u, w, error)[0] - 1
            centre, half = zones.zone_arcs(u, w, jnp.tan(2.0 * jnp.arctan(2.0 * error)))
            angle = zones.cover_arcs(centre, half, jnp.arange(len(centre)) < size).direction
            direction = jnp.stack([jnp.cos(angle), jnp.sin(angle)]) @ zones.orthogonal_basis(w)
        else:
            found = zones.last_uncovered(jax.random.key(0), u, w, error, starts=64, steps=200, rounds=4)
            size, direction = found.size, found.direction
        return jnp.where(possible, size, 0), direction

    def check(self, u: np.ndarray, v: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, eps: float) -> float:
        return sphere.certified_error(u, v, w, readout=self.readout, eps=eps, cells=CELLS)[1]

    def check_ruled_out(self, u: np.ndarray, b: np.ndarray, w: np.ndarray, c: float, q: np.ndarray, eps: float) -> bool:
        return eps < 0.5 and verify_uncovered(u, w, q, eps)
