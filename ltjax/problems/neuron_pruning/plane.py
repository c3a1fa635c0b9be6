"""Neuron pruning in the plane: an exhaustive walk over kinks, a search near the target's kink, certificates."""

import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ltjax.certify.errors import plane as plane_error
from ltjax.laws import Law, get_law
from ltjax.networks import make_target, sample_weights, target_angle
from ltjax.networks import near as breakpoints
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.problems.base import AbstractProcedure, Decision, closed
from ltjax.problems.neuron_pruning import plane_milp
from ltjax.search import plane as planar
from ltjax.search.masks import near_kink as near_search
from ltjax.search.masks import walk as tube
from ltjax.search.obstructions import kink

SCAN_TERMS = 96
"""Beyond this the exhaustive walk overflows any frontier at once and only costs time."""
NEAR_TERMS = 48
"""Up to here the exhaustive walk finds what the search near the kink would."""
MOST_CAPACITY = 1 << 16
WINDOW = 100.0
"""In units of ε: farther kinks hardly ever help a hit, and a miss needs none of them."""


OBSTRUCTION = 1024
"""Partial choices that the local certificate carries: those that get round the kink are few or very many."""
FINE = WINDOW * 1e-4
"""Of a narrower window more choices are tried."""


class Instance(NamedTuple):
    """A planar start network, or those of its neurons that bend near the target's kink; and the target.

    Attributes:
        u, v: the neurons' weights, in the network's order.
        w: the target's direction.
        number: which neuron of the network each is, counted from 1.
        moved: how far the law's lattice may move each.
        window: every neuron with a kink line within this angle of the target's is listed, radians,
        upto: among the first so many of the network.
    """

    u: Float[Array, "m 2"]
    v: Float[Array, " m"]
    w: Float[Array, "2"]
    number: Float[Array, " m"]
    moved: Float[Array, " m"]
    window: Float[Array, ""]
    upto: Float[Array, ""]


class Found(NamedTuple):
    """For each trial, n and ε: the best mask met, and whether a certificate says that no mask works."""

    mask: Bool[Array, "trials ns eps m"]
    missed: Bool[Array, "trials ns eps"]


class _Bisection(NamedTuple):
    """What a search for the least size that hits, then for the largest that misses, knows.

    Attributes:
        found: at one ε.
        open_: sizes looked at that are no certified misses.
        low, high: each trial's change lies between these two sizes.
        hits: whether it is hits that are looked for.
    """

    found: Found
    open_: Bool[Array, "trials ns"]
    low: Int[Array, " trials"]
    high: Int[Array, " trials"]
    hits: Bool[Array, ""]


@dataclasses.dataclass(frozen=True)
class PlanePruning(AbstractProcedure):
    """See `NeuronPruning`; here d = 2 and everything is decided.

    Args:
        readout, law, target, solver, capacity: as there.
        window: draw only neurons that bend within this angle of the target's kink, radians; None: all.
    """

    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    solver: Literal["auto", "milp"] = "auto"
    capacity: int | None = None
    window: float | None = None
    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)
    # A trial costs milliseconds, so a padded chunk of many blocks would cost more than it saves.
    blocks_per_chunk: ClassVar[int] = 1
    traced_sizes: ClassVar[bool] = True

    @property
    def max_n(self) -> int:
        return 2000 if self.window is None else 10**13

    @property
    def uses_float64(self) -> bool:
        return True  # certificates compare angles

    def searched_as(self) -> "PlanePruning":
        # The readout changes the search; law, target and window only the draw.
        window = None if self.window is None else 1.0 if self._is_wide else 0.5 * FINE
        return dataclasses.replace(self, law="normal", target="axis", window=window)

    @property
    def _is_wide(self) -> bool:
        """Whether few pairs of choices are enough: their slopes have to add up to 1 to within ε."""
        return self.window is None or self.window >= FINE

    def block(self, n: int) -> int:
        return 4 if self.window is not None else max(1, 2**17 // max(self._capacity(n), 2**13))

    def first_guess(self, eps: float) -> int:
        return min(self.max_n, math.ceil(6.0 / eps) + 2)

    def describe(self) -> dict[str, Any]:
        sampling = "whole" if self.window is None else "near"
        return super().describe() | {"sampling": sampling, "dtype": "float64"}

    def _capacity(self, n: int) -> int:
        return self.capacity if self.capacity is not None else min(MOST_CAPACITY, 1 << (5 + n // 3))

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        w = make_target(self.target, 2, dtype=jnp.float64).w
        if self.window is None:
            weights = sample_weights(key, n, 2, self.law, dtype=jnp.float64)
            number, everywhere = jnp.arange(1.0, n + 1.0), jnp.asarray(jnp.inf)
            return Instance(weights.u, weights.v, w, number, weights.moved, everywhere, everywhere)
        angle = target_angle(self.target)
        law = get_law(self.law).name
        share = breakpoints.window_probability(self.window, law, angle)
        # In steps, so that runs at different ε share one compiled search.
        places = -(-(breakpoints.capacity_for(n, share) + 1) // 256) * 256
        near = breakpoints.sample_near(key, n, self.window, law=law, target=angle, capacity=places)
        # In the target's frame, where small angles keep their precision.
        rows = near.oriented[:, None] * jnp.stack([-jnp.sin(near.offset), jnp.cos(near.offset)], axis=1)
        ahead = jnp.asarray([0.0, 1.0])
        window = jnp.asarray(self.window)
        return Instance(rows, near.kappa, ahead, near.number, near.moved, window, near.number[-1] - 1.0)

    def search(self, instances: Instance, ns: Int[Array, " ns"], eps: Float[Array, " eps"]) -> Found:
        trials, places = instances.v.shape
        if self.solver == "milp":
            nothing = jnp.zeros((trials, len(ns), len(eps), places), bool)
            return Found(nothing, nothing[..., 0])
        sizes = jnp.asarray(ns, float)
        found = jax.lax.map(lambda e: self._search_sizes(instances, sizes, e), jnp.asarray(eps, float))
        return Found(*(jnp.moveaxis(each, 0, 2) for each in found))

    def _search_sizes(self, instances: Instance, sizes: Array, eps: Array) -> Found:
        """Every trial at one ε, all sizes: bisection for the least that hits and for the largest that misses.

        Both are monotone, so that each trial looks at few sizes, its own. What was not looked at and does
        not follow stays open.
        """
        trials, places = instances.v.shape
        count = len(sizes)
        row, number = jnp.arange(trials), jnp.arange(count)

        def unfinished(state: _Bisection) -> Array:
            return jnp.any(state.high - state.low > 1)

        def look(state: _Bisection) -> _Bisection:
            found, open_, low, high, hits = state
            middle = (low + high) // 2
            at = jnp.clip(middle, 0, count - 1)
            mask, error, missed = jax.vmap(lambda one, size: self._search_one(one, size, eps, hits))(
                instances, sizes[at]
            )
            asked = high - low > 1
            missed, hit = missed & asked, (error <= eps) & asked
            better = hit | (hits & asked & ~missed)
            found = Found(
                found.mask.at[row, at].set(jnp.where(better[:, None], mask, found.mask[row, at])),
                found.missed.at[row, at].max(missed),
            )
            open_ = open_.at[row, at].max(asked & ~missed)
            down = jnp.where(hits, hit, ~missed)
            low, high = jnp.where(asked & ~down, middle, low), jnp.where(asked & down, middle, high)
            # Then the misses; what was seen on the way to the hits does not have to be looked at again.
            turn = hits & ~jnp.any(high - low > 1)
            low = jnp.where(turn, jnp.max(jnp.where(found.missed, number, -1), axis=1), low)
            high = jnp.where(turn, jnp.min(jnp.where(open_, number, count), axis=1), high)
            return _Bisection(found, open_, low, high, hits & ~turn)

        found = Found(jnp.zeros((trials, count, places), bool), jnp.zeros((trials, count), bool))
        low, high = jnp.full(trials, -1), jnp.full(trials, count)
        # One loop for both bisections, so that what they look at is compiled once.
        start = _Bisection(found, found.missed, low, high, jnp.ones((), bool))
        return jax.lax.while_loop(unfinished, look, start).found

    def _search_one(self, instance: Instance, size: Array, eps: Array, hits: Array) -> tuple[Array, Array, Array]:
        """The first `size` neurons of one trial: best mask, its error, whether a miss is certified.

        `hits` says whether masks are wanted from the search near the kink too, which certifies no miss.
        """
        places = instance.v.shape[0]
        whole = self.window is None
        near = places > NEAR_TERMS or not whole
        theta, kappa = planar.frame(instance.u, instance.v, instance.w)
        present = instance.number <= size
        # One program for all sizes: neurons beyond the first get jump 0 and count as absent.
        kappa = jnp.where(present, kappa, 0.0)
        # A miss must hold for the law's own draw too, which the lattice may have moved by this much.
        wide = eps + jnp.sum(jnp.where(present, instance.moved, 0.0))
        best, error = jnp.zeros(places, bool), jnp.asarray(jnp.inf)
        missed = jnp.zeros((), bool)
        offset = theta - jnp.pi * jnp.round(theta / jnp.pi)
        if whole and places <= SCAN_TERMS:
            scan = tube.scan_masks(theta, kappa, wide, readout=self.readout, capacity=self._capacity(places))
            best, error, missed = scan.mask, scan.error, scan.status == MISS
        if self.readout == "linear":
            # The lemma speaks of all neurons near the kink; only those within the window are listed.
            listed = 2.0 * jnp.arctan(2.0 * wide) < instance.window
            missed |= listed & kink.kink_misses(jnp.where(present, theta, 0.5 * jnp.pi), wide)
            if near:
                missed |= kink.kink_obstructed(offset, kappa, present, instance.window, wide, capacity=OBSTRUCTION)
        if near:

            def search() -> tuple[Array, Array]:
                how = {"capacity": 4096, "lines": 32} if self._is_wide else {"capacity": 8192, "lines": 48}
                mask, value = near_search.best_near(theta, kappa, present, eps, readout=self.readout, **how)
                return jnp.where(value < error, mask, best), jnp.minimum(error, value)

            best, error = jax.lax.cond(hits, search, lambda: (best, error))
        return best, error, missed & jnp.isfinite(wide) & (size <= instance.upto)

    def judge(self, instances: Instance, found: Found, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        trials = len(instances.v)
        shape = (trials, len(ns), len(eps))
        status = np.full(shape, UNDECIDED, np.int8)
        masks = np.array(found.mask, bool)
        error = np.full(shape, np.inf)
        for t, i, j in np.ndindex(shape):
            u, v, w = instances.u[t], instances.v[t], instances.w[t]
            present = instances.number[t] <= ns[i]
            missed = bool(found.missed[t, i, j])
            if self.solver == "milp":
                decision = plane_milp.decide(u[present], v[present], w, float(eps[j]), readout=self.readout)
                # With some neurons only (see `window`) a mask is a hit, but finding none is no miss.
                missed = decision.status == MISS and self.window is None
                if decision.mask is not None:
                    masks[t, i, j, present] = decision.mask
            if np.any(masks[t, i, j] & ~present):
                raise RuntimeError("a mask holds neurons that are not there: the solver is broken")
            value, margin = plane_error.exact_error(u, v, w, masks[t, i, j], readout=self.readout)
            error[t, i, j] = value + margin + float(np.sum(instances.moved[t][masks[t, i, j]]))
            if error[t, i, j] <= eps[j]:
                if missed:
                    raise RuntimeError("a certificate says miss where a mask hits: the solver is broken")
                status[t, i, j] = HIT
            elif missed:
                status[t, i, j] = MISS
        # A mask found at one ε serves at all. A miss says that the least error is above ε, not only at least ε.
        at = error.argmin(axis=2)[..., None]
        upper = np.take_along_axis(error, at, axis=2)[..., 0]
        witness = np.take_along_axis(masks, at[..., None], axis=2)[:, :, 0]
        lower = np.where(status == MISS, np.nextafter(eps, np.inf), 0.0).max(axis=2)
        return closed(lower, upper, witness, instances._asdict(), eps)
