"""Neuron pruning: does taking out whole rows of a random network leave one within ε of the target?"""

import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from ltjax import arguments
from ltjax.kernels import near_search, planar, tube
from ltjax.laws import Law, get_law
from ltjax.networks import READOUTS, make_target
from ltjax.problems import planar_milp
from ltjax.problems.base import HIT, MISS, UNDECIDED, AbstractProblem, Decision, status_of
from ltjax.problems.subset_sum import SubsetSum

LAWS = ("normal", "uniform")
SCAN_TERMS = 96
"""Beyond this the exhaustive walk overflows any frontier at once and only costs time."""
NEAR_TERMS = 48
"""Up to here the exhaustive walk finds what the search near the kink would."""
MOST_CAPACITY = 1 << 16


class Instance(NamedTuple):
    """A planar start network, the target's direction, and how far the lattice may move the first k neurons' sum."""

    u: Float[Array, "n 2"]
    v: Float[Array, " n"]
    w: Float[Array, "2"]
    moved: Float[Array, " n"]


class Found(NamedTuple):
    """For each trial, n and ε: the best mask met, and whether a certificate says that no mask works."""

    mask: Bool[Array, "trials ns eps n"]
    missed: Bool[Array, "trials ns eps"]


@dataclasses.dataclass(frozen=True)
class NeuronPruning(AbstractProblem):
    """Two-layer ReLU networks without bias, pruned by neurons, against σ(⟨w, x⟩) on the unit ball.

    In the plane a trial is decided by an exhaustive walk over kinks (`kernels.tube`), by a search among the
    neurons that bend near the target's kink (hits only), and by the kink lemma and its local extension
    (misses only, readout "linear"); what all of them leave open is undecided. On the line (d = 1) all kinks
    are at 0 and the problem is subset sum: the sums of v·max(u, 0) have to reach 1.

    Args:
        d: input dimension, 1 or 2.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform".
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane), or w's angle in the plane.
        solver: "auto", or "milp": integer programming (HiGHS), slow, the judge of the other.
        capacity: partial choices that the walk carries; by default 2^(5 + n/3), at most 2^16.

    Raises:
        ValueError: for options outside these.
    """

    d: int = 2
    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    solver: Literal["auto", "milp"] = "auto"
    capacity: int | None = None
    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)
    # A trial costs milliseconds, so a padded chunk of many blocks would cost more than it saves.
    blocks_per_chunk: ClassVar[int] = 1

    def __post_init__(self) -> None:
        arguments.whole("d", self.d, 1, 2)
        arguments.choice("readout", self.readout, READOUTS)
        object.__setattr__(self, "law", get_law(arguments.choice("law", getattr(self.law, "name", self.law), LAWS)))
        arguments.choice("solver", self.solver, ["auto", "milp"])
        if self.capacity is not None:
            arguments.whole("capacity", self.capacity, 2, 1 << 20)
        make_target(self.target, self.d)

    @property
    def _line(self) -> SubsetSum:
        """The problem on the line: positive and negative inputs part, and the empty sum serves the latter."""
        return SubsetSum(law=f"{get_law(self.law).name}-relu-product", target=1.0, dtype="float64")

    @property
    def max_n(self) -> int:
        return self._line.max_n if self.d == 1 else 2000

    @property
    def uses_float64(self) -> bool:
        return True  # certificates compare angles

    def resolved(self, eps: float) -> "NeuronPruning":
        return self

    def with_solver(self, solver: str) -> "NeuronPruning":
        return dataclasses.replace(self, solver=solver)

    def searched_as(self) -> "NeuronPruning":
        # The readout changes the search; law and target only the draw.
        return dataclasses.replace(self, law="normal", target="axis")

    def block(self, n: int) -> int:
        return self._line.block(n) if self.d == 1 else max(1, 2**17 // max(self._capacity(n), 2**13))

    def first_guess(self, eps: float) -> int:
        return self._line.first_guess(eps) * 2 if self.d == 1 else min(self.max_n, math.ceil(6.0 / eps) + 2)

    def describe(self) -> dict[str, Any]:
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        return {"problem": self.name} | options | {"law": get_law(self.law).name, "dtype": "float64"}

    def _capacity(self, n: int) -> int:
        return self.capacity if self.capacity is not None else min(MOST_CAPACITY, 1 << (5 + n // 3))

    def draw(self, key: Key[Array, ""], n: int) -> Any:
        if self.d == 1:
            return self._line.draw(key, n)
        law = get_law(self.law)
        key_u, key_v = jax.random.split(key)
        u, du = law.draw(key_u, (n, 2), jnp.float64)
        v, dv = law.draw(key_v, (n,), jnp.float64)
        # A unit moved from (u, v) to (u + du, v + dv) moves the network by at most this on the unit ball.
        length, dlength = jnp.linalg.norm(u, axis=1), jnp.linalg.norm(du, axis=1)
        moved = jnp.abs(v) * dlength + dv * (length + dlength)
        moved = jnp.where(jnp.isfinite(dlength) & jnp.isfinite(dv), moved, jnp.inf)
        return Instance(u, v, make_target(self.target, 2, dtype=jnp.float64).w, jnp.cumsum(moved))

    def search(self, instances: Any, ns: tuple[int, ...], eps: Float[Array, " eps"]) -> Any:
        if self.d == 1:
            return self._line.search(instances, ns, eps)
        trials, n = instances.v.shape
        if self.solver == "milp":
            nothing = jnp.zeros((trials, len(ns), len(eps), n), bool)
            return Found(nothing, nothing[..., 0])
        cells = np.array(list(np.ndindex(len(ns), len(eps))))
        sizes, eps = jnp.asarray(ns), jnp.asarray(eps, jnp.float64)
        # One program for all cells: neurons beyond the first n get jump 0 and count as absent.
        mask, missed = jax.lax.map(lambda cell: self._search_cell(instances, sizes[cell[0]], eps[cell[1]]), cells)
        shape = (len(ns), len(eps), trials)
        mask, missed = mask.reshape(*shape, n), missed.reshape(shape)
        return Found(jnp.moveaxis(mask, 2, 0), jnp.moveaxis(missed, 2, 0))

    def _search_cell(self, instances: Instance, size: Array, eps: Array) -> tuple[Array, Array]:
        """Every trial's first `size` neurons at one ε: the best mask and whether a miss is certified."""
        n = instances.v.shape[1]
        capacity = self._capacity(n)

        def one(u: Array, v: Array, w: Array, moved: Array) -> tuple[Array, Array]:
            theta, kappa = planar.frame(u, v, w)
            present = jnp.arange(n) < size
            kappa = jnp.where(present, kappa, 0.0)
            # A miss must hold for the law's own draw too, which the lattice may have moved by this much.
            wide = eps + moved[size - 1]
            best, error = jnp.zeros(n, bool), jnp.asarray(jnp.inf, theta.dtype)
            missed = jnp.zeros((), bool)
            offset = theta - jnp.pi * jnp.round(theta / jnp.pi)
            if n <= SCAN_TERMS:
                scan = tube.scan_masks(theta, kappa, wide, readout=self.readout, capacity=capacity)
                best, error, missed = scan.mask, scan.error, scan.status == tube.MISS
            if self.readout == "linear":
                missed |= planar.kink_misses(jnp.where(present, theta, 0.5 * jnp.pi), wide)
                if n > NEAR_TERMS:
                    window = jnp.asarray(1.5, theta.dtype)
                    missed |= tube.kink_obstructed(offset, kappa, present, window, wide)
            if n > NEAR_TERMS:
                usable = present & (jnp.abs(theta) < 0.5 * jnp.pi)
                masks = near_search.search_near(offset, kappa, usable, eps).masks
                errors = planar.masked_errors(theta, kappa, masks, readout=self.readout)
                at = jnp.argmin(errors)
                best, error = jnp.where(errors[at] < error, masks[at], best), jnp.minimum(error, errors[at])
            return best, missed & jnp.isfinite(wide)

        return jax.vmap(one)(*instances)

    def judge(self, instances: Any, found: Any, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        if self.d == 1:
            return self._line.judge(instances, found, ns, eps)
        trials = len(instances.v)
        shape = (trials, len(ns), len(eps))
        status = np.full(shape, UNDECIDED, np.int8)
        masks = np.array(found.mask, bool)
        error = np.full(shape, np.inf)
        for t, i, j in np.ndindex(shape):
            size, moved = ns[i], float(instances.moved[t, ns[i] - 1])
            u, v, w = instances.u[t, :size], instances.v[t, :size], instances.w[t]
            missed = bool(found.missed[t, i, j])
            if self.solver == "milp":
                decision = planar_milp.decide(u, v, w, float(eps[j]), readout=self.readout)
                missed = decision.status == MISS
                if decision.mask is not None:
                    masks[t, i, j, :size] = decision.mask
            value, margin = planar.exact_error(u, v, w, masks[t, i, j, :size], readout=self.readout)
            error[t, i, j] = value + margin + moved
            if error[t, i, j] <= eps[j]:
                status[t, i, j] = HIT
            elif missed:
                status[t, i, j] = MISS
        return _closed(status, error, masks, instances, eps)


def _closed(status: np.ndarray, error: np.ndarray, masks: np.ndarray, instances: Instance, eps: np.ndarray) -> Decision:
    """What one cell decides of others: a hit hits with more neurons and larger ε, a miss misses with fewer."""
    sizes = status.shape[1]
    # A mask of the first n neurons is a mask of the first n + 1, and one found at one ε serves at all.
    flat = error.argmin(axis=2)
    upper = np.take_along_axis(error, flat[..., None], axis=2)[..., 0]
    witness = np.take_along_axis(masks, flat[..., None, None], axis=2)[:, :, 0]
    for i in range(1, sizes):
        earlier = upper[:, i - 1] < upper[:, i]
        upper[earlier, i], witness[earlier, i] = upper[earlier, i - 1], witness[earlier, i - 1]
    # A miss says that the least error is above ε, not only at least ε.
    lower = np.where(status == MISS, np.nextafter(eps, np.inf), 0.0).max(axis=2)
    lower = np.maximum.accumulate(lower[:, ::-1], axis=1)[:, ::-1]
    if np.any(lower > upper):
        raise RuntimeError("a certificate says miss where a mask hits: the solver is broken")
    instance = {name: np.asarray(array) for name, array in instances._asdict().items()}
    return Decision(status_of(lower, upper, eps), lower, upper, instance, {"mask": witness})
