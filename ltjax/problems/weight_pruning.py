"""Weight pruning: does cutting single weights of a random network leave one within ε of the target?"""

import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ltjax import arguments
from ltjax.certify.errors import plane as plane_error
from ltjax.certify.errors import sphere
from ltjax.laws import Law, get_law
from ltjax.networks import READOUTS, TARGETS, make_target, random_directions, sample_weights
from ltjax.problems.base import AbstractProblem, AbstractProcedure, Decision, closed
from ltjax.problems.neuron_pruning.line import LinePruning
from ltjax.search import plane as planar
from ltjax.search.masks import near_kink as near_search
from ltjax.search.masks import single_weights as weight_masks
from ltjax.search.sums import nearest as subset_sums

LAWS = ("normal", "uniform")
CONSTRUCTIONS = ("blocks", "shared")
BEAM = 8
"""Partial choices that the shared search carries; eight times as many find hardly more."""
GRID = 96
"""Points of the sphere at which all masks of few neurons are compared, beside the kinks."""


def _with_row_masks(decision: Decision, mask_u: Bool[np.ndarray, "trials ns n d"]) -> Decision:
    """The decision with masks on u and on v: a neuron of which no input weight is kept is cut."""
    return dataclasses.replace(decision, witness={"mask_u": mask_u, "mask_v": mask_u.any(axis=-1)})


@dataclasses.dataclass(frozen=True)
class WeightPruning(AbstractProblem):
    """Two-layer ReLU networks, pruned by single weights, against σ(⟨w, x⟩) on the unit ball.

    Hits: with readout "relu", and for the target "axis" with either readout, by subset sums of products
    v_i|u_ij| (WP-1, WP-4; see `kernels.weight_masks`); with readout "linear" and another target, in the plane,
    by whole neurons that bend near the target's kink. Misses: up to n·d = 12 by all masks; with readout "linear"
    in the plane by the kink lemma for all sub-rows (WP-3). The rest is undecided.

    Args:
        d: input dimension, 1 to 64. On the line (d = 1) cutting a weight is cutting a neuron.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform".
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane.
        construction: where hits are looked for. "blocks": neuron i serves coordinate i mod d only, as in the
            textbook proof, every subset sum solved exactly. "shared": any neuron may serve any coordinate.
            An axis target has one subset sum, which both solve exactly.

    Raises:
        ValueError: for options outside these.
    """

    d: int = 2
    readout: Literal["linear", "relu"] = "relu"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    construction: Literal["blocks", "shared"] = "shared"
    name: str = dataclasses.field(init=False, default="weight-pruning", repr=False)

    def __post_init__(self) -> None:
        arguments.whole("d", self.d, 1, 64)
        arguments.choice("readout", self.readout, READOUTS)
        object.__setattr__(self, "law", get_law(arguments.choice("law", getattr(self.law, "name", self.law), LAWS)))
        arguments.choice("construction", self.construction, CONSTRUCTIONS)
        if isinstance(self.target, str):
            arguments.choice("target", self.target, TARGETS)
        else:
            make_target(self.target, self.d)

    @property
    def max_n(self) -> int:
        return self.resolved(1e-3).max_n

    def resolved(self, eps: float) -> AbstractProcedure:
        if self.d == 1:
            return LineWeights(self.law)
        bits = math.ceil(math.log2(max(1.0, math.sqrt(self.d) / eps)))
        return WeightMasks(self.d, self.readout, self.law, self.target, self.construction, bits)

    def first_guess(self, eps: float) -> int:
        return self.resolved(eps).first_guess(eps)

    def sizes(self, n_max: int) -> tuple[int, ...]:
        return self.resolved(1e-3).sizes(n_max)


@dataclasses.dataclass(frozen=True)
class LineWeights(LinePruning):
    """d = 1: a neuron has one input weight, so that both kinds of pruning are one subset sum."""

    name: str = dataclasses.field(init=False, default="weight-pruning", repr=False)

    def searched_as(self) -> LinePruning:
        return LinePruning().searched_as()

    def judge(self, instances: Any, found: Any, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        decision = super().judge(instances, found, ns, eps)
        return _with_row_masks(decision, decision.witness["mask"][..., None])


class Instance(NamedTuple):
    """A start network and its target.

    Attributes:
        u, v: the weights; w: the target's direction.
        moved: how far the law's lattice may move what any mask leaves of each neuron.
    """

    u: Float[Array, "n d"]
    v: Float[Array, " n"]
    w: Float[Array, " d"]
    moved: Float[Array, " n"]


class Found(NamedTuple):
    """For each trial and n: what the least error of any mask is at least, the best mask met, and its error."""

    least: Float[Array, "trials ns"]
    mask: Bool[Array, "trials ns n d"]
    error: Float[Array, "trials ns"]


@dataclasses.dataclass(frozen=True)
class WeightMasks(AbstractProcedure):
    """See `WeightPruning`; here d >= 2 and everything is decided.

    Args:
        d, readout, law, target, construction: as there.
        bits: log2(√d/ε) for the least ε asked for: how fine the lists of sums have to be.
    """

    d: int = 2
    readout: Literal["linear", "relu"] = "relu"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    construction: Literal["blocks", "shared"] = "shared"
    bits: int = 11
    name: str = dataclasses.field(init=False, default="weight-pruning", repr=False)
    # A trial costs milliseconds, so a padded chunk of many blocks would cost more than it saves.
    blocks_per_chunk: ClassVar[int] = 2

    @property
    def max_n(self) -> int:
        return 1000

    @property
    def uses_float64(self) -> bool:
        return True

    @property
    def _on_axis(self) -> bool:
        return self.target in ("axis", 0.0)

    @property
    def _separable(self) -> bool:
        """Whether sums of v_i|u_ij|·σ(±x_j) can make the target."""
        return self.readout == "relu" or self._on_axis

    def block(self, n: int) -> int:
        # Masks for every n, and the lists of the shared search, should stay in the cache or near it.
        return int(np.clip(min((1 << 26) // (n * n * self.d), (1 << 13) // self._capacity), 1, 8))

    @property
    def _capacity(self) -> int:
        """Subsets that the shared search lists of each half: some 16/ε pairs of them, so that a few pairs hit."""
        return 1 << min(max(self.bits // 2 + 2, 8), 14)

    def first_guess(self, eps: float) -> int:
        if not self._separable:
            return min(self.max_n, math.ceil(6.0 / eps) + 2)
        # Generously: a search for thresholds that starts too low has to compile again.
        bits = max(0.0, math.log2(math.sqrt(self.d) / eps)) + 6.0
        if self._on_axis:
            return min(self.max_n, math.ceil(2.0 * bits))
        each = 2.0 if self.construction == "blocks" else 2.0 / math.log2(self.d + 1.0)
        return min(self.max_n, math.ceil(self.d * each * bits))

    def sizes(self, n_max: int) -> tuple[int, ...]:
        if self._separable:
            return super().sizes(n_max)
        # As many neurons as neuron pruning needs: steps of an eighth are fine enough.
        sizes = [n_max]
        while sizes[-1] > 1:
            sizes.append(max(1, min(sizes[-1] - 1, sizes[-1] * 7 // 8)))
        return tuple(sizes[::-1])

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"dtype": "float64"}

    def searched_as(self) -> "WeightMasks":
        return dataclasses.replace(self, law="normal", target="axis" if self._on_axis else "generic")

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        key_weights, key_target = jax.random.split(key)
        weights = sample_weights(key_weights, n, self.d, self.law, dtype=jnp.float64)
        return Instance(
            weights.u, weights.v, make_target(self.target, self.d, key_target, jnp.float64).w, weights.moved
        )

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Float[Array, " eps"]) -> Found:
        trials, n = instances.v.shape
        few = [size for size in ns if size * self.d <= weight_masks.ALL_WEIGHTS]
        found = Found(
            jnp.zeros((trials, len(ns))),
            jnp.zeros((trials, len(ns), n, self.d), bool),
            jnp.full((trials, len(ns)), jnp.inf),
        )
        if few:
            least, mask, error = jax.vmap(lambda one: self._try_all(one, few))(instances)
            found = Found(*(x.at[:, : len(few)].set(y) for x, y in zip(found, (least, mask, error), strict=True)))
        if self._separable and (self._on_axis or self.construction == "blocks"):
            mask = self._solve_apart(instances, ns)
            kept = jax.vmap(self._error_of)(instances, mask)
            better = kept < found.error
            return Found(
                found.least, jnp.where(better[..., None, None], mask, found.mask), jnp.minimum(kept, found.error)
            )
        if len(few) < len(ns) and (self._separable or self.d == 2):
            sizes = jnp.asarray(ns)
            found = jax.vmap(lambda one, start: self._bisect(one, start, sizes, jnp.asarray(eps, float)))(
                instances, found
            )
        return found

    def _wanted(self, w: Array) -> Array:
        """The 2d sums that make the target; for an axis only σ(x_1) counts, 0 is right for all the others."""
        return jnp.zeros(2 * self.d).at[0].set(1.0) if self._on_axis else weight_masks.wanted_sums(w)

    def _error_of(self, instance: Instance, masks: Bool[Array, "ns n d"]) -> Float[Array, " ns"]:
        """The error of masks that keep one input weight a neuron."""
        kept = jnp.where(masks, instance.u, 0.0)
        sums = jax.vmap(lambda u: jnp.sum(weight_masks.products(u, instance.v), axis=1))(kept)
        return weight_masks.separable_error(sums - self._wanted(instance.w))

    def _try_all(self, instance: Instance, few: list[int]) -> tuple[Array, Array, Array]:
        """Every mask of few neurons, at points: those that bend, and some of the sphere."""
        if self.d == 2:
            angle = jnp.arange(GRID) * (2.0 * jnp.pi / GRID)
            points = jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1)
            rows = jnp.concatenate([instance.u[: max(few)], instance.w[None]])
            kinks = jnp.stack([-rows[:, 1], rows[:, 0]], axis=1) / jnp.linalg.norm(rows, axis=1, keepdims=True)
            points = jnp.concatenate([points, kinks, -kinks, instance.w[None]])
        else:
            points = jnp.concatenate([random_directions(jax.random.key(0), 2 * GRID, self.d, float), instance.w[None]])
        error, mask, guard = weight_masks.all_masks(
            instance.u, instance.v, instance.w, points, few, readout=self.readout
        )
        moved = jnp.cumsum(instance.moved)[jnp.asarray(few) - 1]
        return jnp.maximum(error - guard - moved, 0.0), mask, error

    def _solve_apart(self, instances: Instance, ns: tuple[int, ...]) -> Bool[Array, "trials ns n d"]:
        """Every sum by its own neurons, exactly."""
        n = instances.v.shape[1]
        most = min(subset_sums.MAX_TERMS, self.bits + 8)
        terms = jax.vmap(weight_masks.products, out_axes=2)(instances.u, instances.v)  # (sums, n, trials)
        wanted = jax.vmap(self._wanted, out_axes=1)(instances.w)
        coordinate = jnp.arange(2 * self.d) // 2
        if self._on_axis:
            own, used = jnp.ones(n, bool)[None], 1
        else:
            own, used = coordinate[:, None] == jnp.arange(n) % self.d, 2 * self.d
        terms = jnp.where(own[..., None], terms[:used], 0.0)
        most = min(most, n if self._on_axis else -(-n // self.d))
        chosen = jax.lax.map(lambda x: weight_masks.nearest_by_prefix(x[0], x[1], ns, most), (terms, wanted[:used]))
        serves = jnp.arange(self.d) == coordinate[:used, None]
        return jnp.any(chosen[..., None] & serves[:, None, None, None], axis=0)

    def _attempt(self, instance: Instance, size: Array, eps: Array) -> tuple[Array, Array]:
        """A mask on the first `size` neurons and its error; infinite where none within ε was met."""
        if self._separable:
            terms, wanted = weight_masks.products(instance.u, instance.v), self._wanted(instance.w)
            return weight_masks.share_neurons(terms, wanted, size, eps, capacity=self._capacity, beam=BEAM)
        # Whole neurons: a mask of neuron pruning is one of weight pruning.
        theta, kappa = planar.frame(instance.u, instance.v, instance.w)
        kappa = jnp.where(jnp.arange(len(kappa)) < size, kappa, 0.0)
        present = jnp.arange(len(kappa)) < size
        how = {"readout": self.readout, "capacity": 1024, "lines": 16}
        mask, error = near_search.best_near(theta, kappa, present, eps, **how)
        return jnp.tile(mask[:, None], (1, 2)), error

    def _bisect(self, instance: Instance, found: Found, sizes: Array, eps: Array) -> Found:
        """For each ε the least size that hits, by bisection: hits are monotone, so few sizes are looked at."""

        def at_precision(found: Found, eps: Array) -> tuple[Found, None]:
            def look(state: tuple[Found, Array, Array]) -> tuple[Found, Array, Array]:
                found, low, high = state
                open_, at = high - low > 1, (low + high) // 2
                mask, error = self._attempt(instance, sizes[at], eps)
                better = open_ & (error < found.error[at])
                found = found._replace(
                    mask=found.mask.at[at].set(jnp.where(better, mask, found.mask[at])),
                    error=found.error.at[at].set(jnp.where(better, error, found.error[at])),
                )
                down = found.error[at] <= eps
                return found, jnp.where(open_ & ~down, at, low), jnp.where(open_ & down, at, high)

            # What all masks say of few neurons, and what is known from another ε, need not be asked again.
            few = jnp.sum(sizes * self.d <= weight_masks.ALL_WEIGHTS)
            hit = found.error <= eps
            high = jnp.where(jnp.any(hit), jnp.argmax(hit), len(sizes))
            start = (found, jnp.minimum(few, high) - 1, high)
            return jax.lax.while_loop(lambda state: state[2] - state[1] > 1, look, start)[0], None

        return jax.lax.scan(at_precision, found, eps)[0]

    def judge(self, instances: Instance, found: Found, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        u, v, w, moved = (np.asarray(x, np.float64) for x in instances)
        masks = np.asarray(found.mask, bool)
        sizes = np.asarray(ns)
        rows = masks.any(axis=3)
        if np.any(rows & (np.arange(v.shape[1]) >= sizes[:, None])):
            raise RuntimeError("a mask holds neurons that are not there: the solver is broken")
        upper = self._certified_errors(u, v, w, masks)
        claimed = np.asarray(found.error)
        if self.d > 2:
            # A row of which several weights are kept is part of no separable sum: the network itself is bounded.
            for t, i in np.argwhere(np.isinf(upper) & (claimed <= max(eps))):
                kept = masks[t, i].any(axis=1)
                upper[t, i] = sphere.certified_error(
                    (u[t] * masks[t, i])[kept], v[t][kept], w[t], readout=self.readout
                )[1]
        if self.d == 2:
            # Again as a network, point by point, wherever a mask improves on all masks of fewer neurons.
            for t in range(len(v)):
                best = np.inf
                for i in np.flatnonzero(np.isfinite(claimed[t])):
                    if claimed[t, i] < best:
                        best = claimed[t, i]
                        upper[t, i] = self._recheck(u[t], v[t], w[t], masks[t, i], upper[t, i])
        upper = upper + np.where(rows, moved[:, None], 0.0).sum(axis=2)
        lower = np.array(found.least, np.float64)
        if self.readout == "linear" and self.d == 2:
            kinks = self._kink_bounds(u, w, sizes) - np.cumsum(moved, axis=1)[:, sizes - 1]
            lower = np.maximum(lower, kinks)
        decision = closed(lower, upper, masks, {"u": u, "v": v, "w": w, "moved": moved}, eps)
        return _with_row_masks(decision, decision.witness["mask"])

    def _certified_errors(self, u: np.ndarray, v: np.ndarray, w: np.ndarray, masks: np.ndarray) -> np.ndarray:
        """A bound on the error of every mask that keeps at most one input weight a neuron, (trials, ns); for
        other masks, and targets that are no such sums, infinite."""
        if not self._separable:
            return np.full(masks.shape[:2], np.inf)
        n = v.shape[1]
        above, below = (
            np.einsum("tind,tnd->tid", masks, v[..., None] * np.maximum(s * u, 0.0), optimize=True) for s in (1.0, -1.0)
        )
        # Of an axis target only σ(x_1) counts.
        plus, minus = (np.broadcast_to(np.eye(1, self.d), w.shape), np.zeros_like(w)) if self._on_axis else (w, w)
        residual = np.stack([above - plus[:, None], below + minus[:, None]], axis=3)
        square = [(np.maximum(s * residual, 0.0).max(axis=3) ** 2).sum(axis=2) for s in (1.0, -1.0)]
        # Sums of at most n products; the norm of the residuals' roundings is at most their sum.
        scale = np.abs(v[..., None] * u).sum(axis=(1, 2)) + 1.0 + np.abs(w).sum(axis=1)
        margin = 2.0**-50 * (n + self.d + 8) * scale
        single = masks.sum(axis=3).max(axis=2) <= 1
        return np.where(single, np.sqrt(np.maximum(*square)) + margin[:, None], np.inf)

    def _recheck(self, u: np.ndarray, v: np.ndarray, w: np.ndarray, mask: np.ndarray, bound: float) -> float:
        kept = mask.any(axis=1)
        error, margin = plane_error.exact_error((u * mask)[kept], v[kept], w, readout=self.readout)
        if error - margin > bound:
            raise RuntimeError("a network's error is above its certified bound: the solver is broken")
        return error + margin

    def _kink_bounds(self, u: np.ndarray, w: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """WP-3, (trials, ns): the kink lemma NP-1 for the angle between the target's kink line and the nearest that
        any sub-row has: u_i's own, or an axis'."""
        along, across = np.abs(np.einsum("tnd,td->tn", u, w)), np.abs(u[..., 0] * w[:, 1:] - u[..., 1] * w[:, :1])
        nearest = np.minimum.accumulate(np.arctan2(across, along), axis=1)
        axes = np.minimum(np.arctan2(np.abs(w[:, 0]), np.abs(w[:, 1])), np.arctan2(np.abs(w[:, 1]), np.abs(w[:, 0])))
        # Products of float64 numbers of size at most ‖u‖: the angle is right to a few 2^-53.
        alpha = np.maximum(np.minimum(nearest[:, sizes - 1], axes[:, None]) - 2.0**-48, 0.0)
        return 0.5 * np.tan(0.5 * alpha) * (1.0 - 2.0**-48)


__all__ = ["BEAM", "CONSTRUCTIONS", "LAWS", "WeightPruning"]
