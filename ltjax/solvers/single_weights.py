"""Scissors: all masks of few weights, each coordinate's sums apart, shared sums, whole rows; the kinks of axes.

Keep at most one input weight a neuron, and a target is 2d subset sums of products v_i|u_ij|; see
`ltjax.search.masks.single_weights`. Where the readout is linear and the target generic no such sums make it, and hits
are those of whole rows.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ltjax.certify import rounding
from ltjax.machine import settings
from ltjax.networks import random_directions
from ltjax.patterns import AbstractPattern, Weights
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import AbstractPruning, WeightPruning
from ltjax.search import plane
from ltjax.search.masks import near_kink
from ltjax.search.masks import single_weights as masks
from ltjax.search.sums import nearest as subset_sums
from ltjax.solvers.base import AbstractSolver, Found, each_trial, in_cells

ANY = Weights()
BEAM = 8
"""Partial choices that the shared search carries; eight times as many find hardly more."""
GRID = 96
"""Points of the sphere at which all masks of few neurons are compared, beside the kinks."""
STEP = 8
"""Networks are drawn in multiples of this, so that few shapes are compiled."""


def bits_of(d: int, eps: float) -> int:
    """log2(√d/ε), rounded up: how fine lists of sums have to be."""
    return math.ceil(math.log2(max(1.0, math.sqrt(d) / eps)))


def _wanted(w: Array, on_axis: bool) -> Array:
    """The 2d sums that make the target; for an axis only σ(x_1) counts, 0 is right for all the others."""
    return jnp.zeros(2 * len(w)).at[0].set(1.0) if on_axis else masks.wanted_sums(w)


def _error_of(network: Any, mask: Bool[Array, "n d"], on_axis: bool) -> Float[Array, ""]:
    """The error of a mask that keeps one input weight a neuron."""
    sums = jnp.sum(masks.products(jnp.where(mask, network.u, 0.0), network.v), axis=1)
    return masks.separable_error(sums - _wanted(network.w, on_axis))


def _rule(problem: AbstractProblem) -> AbstractPattern | None:
    """The pattern of a question whose masks have an axis of input weights."""
    return problem.rule if isinstance(problem, AbstractPruning) and problem.in_pieces else None


@dataclasses.dataclass(frozen=True)
class AllWeights(AbstractSolver):
    """All masks of up to 12 weights, at points: those that bend, and some of the sphere. Of more it says nothing.

    Args:
        readout: "linear" or "relu".
        rule: which masks are allowed.
    """

    readout: str = "relu"
    rule: AbstractPattern = ANY
    name = "all masks at points"
    question = AbstractPruning
    blocks_per_chunk = 2

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and _rule(problem) == self.rule

    def __str__(self) -> str:
        ruled = "" if self.rule == ANY else f", rule {self.rule}"
        return f"{self.name} (readout {self.readout}{ruled})"

    def block(self, n: int) -> int:
        return 8

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps
        return jax.vmap(lambda network: self._search_one(network, ns))(instances)

    def _search_one(self, network: Any, sizes: tuple[int, ...]) -> Found:
        d, count = network.w.shape[0], len(sizes)
        ns = tuple(n for n in sizes if n * d <= masks.ALL_WEIGHTS)
        zero = jnp.zeros((count, 1), jnp.int32)
        mask, error = jnp.zeros((count, 1, *network.u.shape), bool), jnp.full((count, 1), jnp.inf)
        if not ns:
            return Found(mask, error, jnp.zeros((count, 1)), zero, zero)
        most = max(ns)
        if d == 2:
            angle = jnp.arange(GRID, dtype=float) * (2.0 * jnp.pi / GRID)
            grid = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
            rows = jnp.concatenate([network.u[:most], network.w[None]])
            length = jnp.linalg.norm(rows, axis=1, keepdims=True)
            kinks = jnp.stack([-rows[:, 1], rows[:, 0]], axis=1) / jnp.where(length > 0.0, length, 1.0)
            points = jnp.concatenate([grid, kinks, -kinks, network.w[None]])
            # The kinks of neurons that a size leaves out are points that no smaller company has.
            own = jnp.concatenate([jnp.asarray(ns)[:, None] > jnp.arange(most), jnp.ones((len(ns), 1), bool)], axis=1)
            every = jnp.ones((len(ns), GRID), bool)
            counting = jnp.concatenate([every, own, own, every[:, :1]], axis=1)
        else:
            points = random_directions(settings.key(0), 2 * GRID, d, float)
            points, counting = jnp.concatenate([points, network.w[None]]), None
        allowed = None if self.rule == ANY else self.rule.allowed(masks.every_mask(most, d))
        least, best, guard = masks.all_masks(
            network.u, network.v, network.w, points, ns, counting, allowed, readout=self.readout
        )
        moved = jnp.cumsum(network.moved)[jnp.asarray(ns) - 1]
        few = slice(0, len(ns))
        certain = jnp.zeros((count, 1)).at[few, 0].set(jnp.maximum(least - guard - moved, 0.0))
        return Found(mask.at[few, 0].set(best), error.at[few, 0].set(least), certain, zero, zero)


@dataclasses.dataclass(frozen=True)
class Blocks(AbstractSolver):
    """Hits: neuron i serves coordinate i mod d only, as in the textbook proof; every subset sum solved exactly.

    An axis target has one subset sum, which all neurons serve.

    Args:
        on_axis: whether the target is σ(x_1).
        terms: neurons that a sum may use, the first that fit it.
    """

    on_axis: bool = False
    terms: int = 30
    name = "blocks"
    question = AbstractPruning
    blocks_per_chunk = 2

    def serves(self, problem: AbstractProblem) -> bool:
        rule = _rule(problem)
        return super().serves(problem) and rule is not None and rule.one_each

    @classmethod
    def fine(cls, d: int, on_axis: bool, eps: float) -> "Blocks":
        """With terms enough for precisions down to ε."""
        return cls(on_axis, min(subset_sums.MAX_TERMS, bits_of(d, eps) + 8))

    def block(self, n: int) -> int:
        # Masks for every n should stay in the cache or near it.
        return int(np.clip((1 << 26) // (2 * n * n), 1, 8))

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps
        d, n = instances.w.shape[1], instances.v.shape[1]
        terms = jax.vmap(masks.products, out_axes=2)(instances.u, instances.v)  # (sums, n, trials)
        wanted = jax.vmap(lambda w: _wanted(w, self.on_axis), out_axes=1)(instances.w)
        coordinate = jnp.arange(2 * d) // 2
        if self.on_axis:
            own, used, most = jnp.ones(n, bool)[None], 1, n
        else:
            own, used, most = coordinate[:, None] == jnp.arange(n) % d, 2 * d, -(-n // d)
        terms, most = jnp.where(own[..., None], terms[:used], 0.0), min(self.terms, most)
        chosen = jax.lax.map(lambda x: masks.nearest_by_prefix(x[0], x[1], ns, most), (terms, wanted[:used]))
        serves = jnp.arange(d) == coordinate[:used, None]
        mask = jnp.any(chosen[..., None] & serves[:, None, None, None], axis=0)
        one = jax.vmap(lambda network, many: jax.vmap(lambda m: _error_of(network, m, self.on_axis))(many))
        error = one(instances, mask)[..., None]
        zero = jnp.zeros(error.shape, jnp.int32)
        return Found(mask[:, :, None], error, jnp.zeros(error.shape), zero, zero)


@dataclasses.dataclass(frozen=True)
class AbstractScissors(AbstractSolver):
    """A method that looks at one size and precision at a time."""

    blocks_per_chunk = 2
    traced_sizes = True
    question = AbstractPruning

    def places(self, n: int) -> int:
        return -(-n // STEP) * STEP

    def block(self, n: int) -> int:
        return 4

    def search(self, instances: Any, ns: Any, eps: Array) -> Found:
        return in_cells(self.look, instances, ns, eps)


@dataclasses.dataclass(frozen=True)
class Shared(AbstractScissors):
    """Hits: any neuron may serve any coordinate; sum after sum by a beam search.

    Args:
        capacity: subsets listed of each half of a sum's neurons.
    """

    capacity: int = 256
    name = "shared"
    misses = False

    def serves(self, problem: AbstractProblem) -> bool:
        rule = _rule(problem)
        return super().serves(problem) and rule is not None and rule.one_each

    @classmethod
    def fine(cls, d: int, eps: float) -> "Shared":
        """With lists long enough for ε: some 16/ε pairs of subsets, so that a few pairs hit."""
        return cls(1 << min(max(bits_of(d, eps) // 2 + 2, 8), 14))

    def block(self, n: int) -> int:
        return int(np.clip(min((1 << 26) // (n * n * 2), (1 << 13) // self.capacity), 1, 8))

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        def one(network: Any, size: Array) -> Found:
            terms, wanted = masks.products(network.u, network.v), masks.wanted_sums(network.w)
            mask, error = masks.share_neurons(terms, wanted, size, eps, capacity=self.capacity, beam=BEAM)
            zero = jnp.zeros((), jnp.int32)
            return Found(mask, error, jnp.zeros(()), zero, zero)

        return each_trial(one, instances, size)


@dataclasses.dataclass(frozen=True)
class AxesAndRows(AbstractScissors):
    """Misses in the plane, readout linear: neither a row's kink nor an axis' is near the target's.

    The kinks of a weight-pruned network are those of its sub-rows: of u_i itself, and the axes.
    """

    name = "kink lemma for sub-rows"
    linear_only = True

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and _rule(problem) is not None

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        def one(network: Any, size: Array) -> Found:
            u, w = network.u, network.w
            used = jnp.arange(u.shape[0]) < size
            along, across = jnp.abs(u @ w), jnp.abs(u[:, 0] * w[1] - u[:, 1] * w[0])
            nearest = jnp.min(jnp.where(used, jnp.arctan2(across, along), 0.5 * jnp.pi))
            axes = jnp.minimum(jnp.arctan2(jnp.abs(w[0]), jnp.abs(w[1])), jnp.arctan2(jnp.abs(w[1]), jnp.abs(w[0])))
            alpha = jnp.maximum(jnp.minimum(nearest, axes) - rounding.kink_angle(), 0.0)
            bound = 0.5 * jnp.tan(0.5 * alpha) * (1.0 - rounding.kink_angle())
            least = bound - jnp.sum(jnp.where(used, network.moved, 0.0))
            zero = jnp.zeros((), jnp.int32)
            return Found(jnp.zeros(u.shape, bool), jnp.asarray(jnp.inf), jnp.maximum(least, 0.0), zero, zero)

        return each_trial(one, instances, size)


@dataclasses.dataclass(frozen=True)
class WholeRows(AbstractScissors):
    """Hits in the plane: a mask of neuron pruning is one of weight pruning.

    Args:
        readout: "linear" or "relu".
    """

    readout: str = "linear"
    name = "whole rows"
    question = WeightPruning
    misses = False

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        def one(network: Any, size: Array) -> Found:
            theta, kappa = plane.frame(network.u, network.v, network.w)
            present = jnp.arange(len(kappa)) < size
            how = {"readout": self.readout, "capacity": 1024, "lines": 16}
            mask, error = near_kink.best_near(theta, jnp.where(present, kappa, 0.0), present, eps, **how)
            zero = jnp.zeros((), jnp.int32)
            return Found(jnp.tile(mask[:, None], (1, 2)), error, jnp.zeros(()), zero, zero)

        return each_trial(one, instances, size)


__all__ = ["AllWeights", "AxesAndRows", "Blocks", "Shared", "WholeRows", "bits_of"]
