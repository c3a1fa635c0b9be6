"""Rows compared at points of the input domain: all masks of few neurons, a descent for many; certificates beside them.

For d >= 3, and for biased units on [-1, 1], where all breakpoints are points. An error at points is never more than the
supremum: where every mask is off by more than ε at some point, none works.
"""

import abc
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.certify import rounding
from ltjax.certify.uncovered import verify_uncovered
from ltjax.machine import settings
from ltjax.networks import random_directions
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning, WeightPruning
from ltjax.search.masks import at_points
from ltjax.search.obstructions import zones
from ltjax.solvers.base import AbstractSolver, Found, each_trial, in_cells, size_class

POINTS = 384


def _points(network: Any) -> Array:
    """Where masks of one network are compared, (points, d)."""
    w = network.w
    if w.shape[0] == 1:  # biased units: the error is linear between breakpoints
        breakpoints = -network.b / network.u[:, 0]
        inside = jnp.where(jnp.abs(breakpoints) < 1.0, breakpoints, 1.0)
        ends = jnp.stack([-network.c, -jnp.ones(()), jnp.ones(())])
        return jnp.concatenate([inside, ends])[:, None]
    # Uniform points, and pairs across the target's kink, where the error is hardest to keep small.
    points = random_directions(jax.random.wrap_key_data(network.chance), POINTS, len(w), jnp.float64)
    edge = points[: POINTS // 2] - 0.98 * (points[: POINTS // 2] @ w)[:, None] * w
    edge = edge / jnp.linalg.norm(edge, axis=1, keepdims=True)
    return jnp.concatenate([points[POINTS // 2 :], edge, w[None]])


def _values(network: Any, points: Array) -> tuple[Array, Array]:
    """Every neuron's value at the points, (n, points), and the target's."""
    hidden = jnp.maximum(points @ network.u.T + network.b, 0.0)
    return (hidden * network.v).T, jnp.maximum(points @ network.w + network.c, 0.0)


@dataclasses.dataclass(frozen=True)
class AllRows(AbstractSolver):
    """All masks of up to 13 neurons, at points.

    Args:
        readout: "linear" or "relu".
    """

    readout: str = "linear"
    name = "all masks at points"
    question = NeuronPruning
    blocks_per_chunk = 1

    def block(self, n: int) -> int:
        return 16

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps
        return jax.vmap(lambda network: self._search_one(network, ns))(instances)

    def _search_one(self, network: Any, ns: tuple[int, ...]) -> Found:
        n, most, sizes = network.v.shape[0], max(ns), jnp.asarray(ns)
        points = _points(network)
        values, target = _values(network, points)
        values, moved = values[:most], jnp.cumsum(network.moved[:most])
        if network.w.shape[0] == 1:
            # A breakpoint of a neuron that a size leaves out would be a point that no smaller company has.
            own = jnp.concatenate([sizes[:, None] > jnp.arange(n), jnp.ones((len(ns), 3), bool)], axis=1)
        else:
            own = None
        error, mask = at_points.least_errors(values, target, ns, own, readout=self.readout)
        # Sums of n products, each of them rounded: any error at a point is known to within this.
        size = jnp.max(jnp.cumsum(jnp.abs(values), axis=0), axis=1) + 1.0
        guard = rounding.at_points(most, points.shape[1], size, values.dtype) + moved
        least = jnp.maximum(error - guard[sizes - 1], 0.0)
        mask = jnp.pad(mask, ((0, 0), (0, n - most)))
        zero = jnp.zeros((len(ns), 1), jnp.int32)
        return Found(mask[:, None], error[:, None], least[:, None], zero, zero)


@dataclasses.dataclass(frozen=True)
class AbstractRows(AbstractSolver):
    """A method that looks at one size and precision at a time, of networks of a size's class."""

    blocks_per_chunk = 1
    traced_sizes = True

    def places(self, n: int) -> int:
        return max(size_class(n), at_points.ALL_TERMS + 1)

    def block(self, n: int) -> int:
        return 4

    def search(self, instances: Any, ns: Any, eps: Array) -> Found:
        return in_cells(self.look, instances, ns, eps)

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        return each_trial(lambda network, size: self.look_at(network, size, eps), instances, size)

    @abc.abstractmethod
    def look_at(self, network: Any, size: Array, eps: Array) -> Found:
        """One network."""


@dataclasses.dataclass(frozen=True)
class Descent(AbstractRows):
    """Hits: masks that no change of a single neuron improves, at points.

    Args:
        readout: "linear" or "relu".
        pieces: input weights a neuron, where a mask has an axis of them; 0: it has none.
    """

    readout: str = "linear"
    pieces: int = 0
    name = "descent"
    misses = False

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and isinstance(problem, WeightPruning if self.pieces else NeuronPruning)

    def look_at(self, network: Any, size: Array, eps: Array) -> Found:
        values, target = _values(network, _points(network))
        usable = jnp.arange(values.shape[0]) < size
        # The seed does no harm to independence: it moves the search, not what is searched.
        key = settings.key(size)
        error, mask = at_points.descend(key, values, target, usable, readout=self.readout)
        zero = jnp.zeros((), jnp.int32)
        mask = jnp.tile(mask[:, None], (1, self.pieces)) if self.pieces else mask
        return Found(mask, error, jnp.zeros(()), zero, zero)


@dataclasses.dataclass(frozen=True)
class AbstractObstruction(AbstractRows):
    """Misses, readout linear: a direction or a point that no neuron serves, found here, checked again on the host."""

    question = NeuronPruning
    proofs = True

    def look_at(self, network: Any, size: Array, eps: Array) -> Found:
        used = network.number <= size
        wide = eps + jnp.sum(jnp.where(used, network.moved, 0.0))
        out, proof = self.rule_out(network, size, wide)
        zero = jnp.zeros((), jnp.int32)
        least = jnp.where(out & jnp.isfinite(wide), jnp.nextafter(eps, jnp.inf), 0.0)
        return Found(jnp.zeros(used.shape, bool), jnp.asarray(jnp.inf), least, zero, zero, proof=proof)

    def holds(self, problem: AbstractProblem, instance: Any, size: int, eps: float, proof: np.ndarray) -> bool:
        used = np.asarray(instance.number) <= size
        parts = {name: np.asarray(getattr(instance, name), np.float64)[used] for name in ("u", "v", "b", "moved")}
        wide = float(eps + parts["moved"].sum())
        return self.proves(instance._replace(**parts, w=np.asarray(instance.w, np.float64)), size, proof, wide)

    @abc.abstractmethod
    def rule_out(self, network: Any, size: Array, wide: Array) -> tuple[Array, Array]:
        """Whether no mask of the first `size` neurons is within `wide`, and a proof, (d,)."""

    @abc.abstractmethod
    def proves(self, network: Any, size: int, proof: np.ndarray, wide: float) -> bool:
        """Whether the proof holds in float64 for a network of which those neurons are left that are asked about."""


@dataclasses.dataclass(frozen=True)
class NoBreakpoint(AbstractObstruction):
    """Biased units on [-1, 1]: no breakpoint within 4ε of the target's kink is a miss."""

    name = "no breakpoint"
    linear_only = True

    def rule_out(self, network: Any, size: Array, wide: Array) -> tuple[Array, Array]:
        kink = -network.c
        near = jnp.abs(-network.b / network.u[:, 0] - kink) <= 4.0 * wide
        near &= network.number <= size
        return ~jnp.any(near) & (jnp.abs(kink) + 4.0 * wide <= 1.0), kink[None]

    def proves(self, network: Any, size: int, proof: np.ndarray, wide: float) -> bool:
        u, b, c = network.u, network.b, float(network.c)
        radius = 4.0 * wide * (1.0 + rounding.gamma(8.0))
        # |β - c| > 4ε without a division: |b + u·kink| > 4ε·|u|, up to the rounding of the left side.
        away = np.abs(b + u[:, 0] * -c) - rounding.breakpoint_side(b, u[:, 0])
        return bool(np.all(away > radius * np.abs(u[:, 0])) and abs(c) + radius <= 1.0)


@dataclasses.dataclass(frozen=True)
class Uncovered(AbstractObstruction):
    """d >= 3: a direction that no zone covers, found exactly at d = 3 and by an adversarial search beyond."""

    name = "uncovered direction"
    linear_only = True

    def rule_out(self, network: Any, size: Array, wide: Array) -> tuple[Array, Array]:
        # The lemma speaks of ε below one half; the zones at a hair less are a stronger certificate still.
        possible, error = wide < 0.5, jnp.minimum(wide, 0.4999)
        u, w = network.u, network.w
        if w.shape[0] == 3:
            cover = zones.cover_circle(u, w, error, size)
            direction = jnp.stack([jnp.cos(cover.direction), jnp.sin(cover.direction)]) @ zones.orthogonal_basis(w)
            return possible & (cover.status == zones.UNCOVERED), direction
        found = zones.last_uncovered(settings.key(0), u, w, error, most=size, starts=64, steps=200, rounds=4)
        return possible & (found.size >= size), found.direction

    def proves(self, network: Any, size: int, proof: np.ndarray, wide: float) -> bool:
        return wide < 0.5 and verify_uncovered(network.u, network.w, proof, wide)


__all__ = ["AbstractObstruction", "AllRows", "Descent", "NoBreakpoint", "Uncovered"]
