"""Rows in the plane, and in planes of more dimensions: neurons that no mask keeps, then what is left exactly."""

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from ltjax.certify import integer_program, rounding
from ltjax.certify.errors import network as networks
from ltjax.outcomes import MISS
from ltjax.problems.base import AbstractProblem, at_trial
from ltjax.search.obstructions import elimination
from ltjax.solvers.base import AbstractSolver, Found

PLANES = 8
"""For d >= 3: how many planes through the target's direction are looked at."""


def kinks(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `ltjax.search.plane.frame`, on the host: where neurons switch on, and their jumps, (trials, n).

    Args:
        u: rows, (trials, n, 2); v: output weights, (trials, n); w: the target's direction, (trials, 2).
    """
    rows, w = networks.units(u), w[:, None]
    across, along = rows[..., 0] * w[..., 1] - rows[..., 1] * w[..., 0], np.sum(rows * w, axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.arctan2(-across, along), v * networks.lengths(u)


def tubes(instances: Any, size: int, eps: float) -> tuple[Bool[np.ndarray, "trials n"], np.ndarray]:
    """Which neurons of networks of the first `size` are there, and the ε that a certificate has to reach."""
    present = np.asarray(instances.number) <= size
    # A miss must hold for the law's own draw too, which the lattice may have moved by this much.
    wide = eps + np.sum(np.where(present, np.asarray(instances.moved, np.float64), 0.0), axis=1)
    return present, np.where(size <= np.asarray(instances.upto), wide, np.inf)


def reduce(instances: Any, size: int, eps: float, *, readout: str, planes: int = PLANES) -> elimination.Eliminated:
    """Eliminate neurons of drawn networks that no mask within ε keeps, of the draw or of the law's own.

    Args:
        instances: `StartNetwork`s, leading axis trials, d >= 2.
        size: how many neurons of each.
        eps: the error asked for.
        readout: "linear" or "relu".
        planes: for d >= 3, how many planes are looked at; what one of them eliminates has gone in the next.

    Returns:
        `Eliminated`; for d >= 3 with the reasons of the last plane.
    """
    u, v, w = (np.asarray(x, np.float64) for x in (instances.u, instances.v, instances.w))
    present, wide = tubes(instances, size, eps)
    d = u.shape[-1]
    if d == 2:
        theta, kappa = kinks(u, v, w)
        window = np.asarray(instances.window, np.float64)
        return elimination.eliminate(theta, kappa, present, wide, readout=readout, window=window)
    chance = np.asarray(instances.chance)
    found = None
    for number in range(planes):
        # The seed moves the search, not what is searched.
        q = np.stack([np.random.default_rng([number, *bits]).standard_normal(d) for bits in chance])
        for _ in range(3):
            q = networks.units(q - np.sum(q * w, axis=1)[:, None] * w)
        flat = np.stack([np.einsum("tnd,td->tn", u, x) for x in (q, w)], axis=2)
        theta, kappa = kinks(flat, v, np.tile([0.0, 1.0], (len(u), 1)))
        with np.errstate(invalid="ignore"):
            blur = rounding.zone_angle(d, networks.lengths(u), networks.lengths(flat))
        # A row without a part in the plane has no kink there, and one that is NaN leaves all undecided.
        blur = np.max(np.where(present & (kappa != 0.0), blur, 0.0), axis=1, initial=0.0) + rounding.kink_angle()
        missed = np.zeros(len(u), bool) if found is None else found.missed
        alive = present if found is None else found.candidates
        found = elimination.eliminate(theta, kappa, alive, np.where(missed, np.inf, wide), readout=readout, blur=blur)
        found = found._replace(missed=found.missed | missed, candidates=found.candidates & ~missed[:, None])
        if np.all(found.missed):
            break
    assert found is not None
    return found


@dataclasses.dataclass(frozen=True)
class Elimination(AbstractSolver):
    """Misses: every neuron is eliminated, or the target's kink cannot be made. Few that are left are decided exactly.

    Args:
        readout: "linear" or "relu".
        few: in the plane, networks of so many candidates at most go to integer programming; 0: none.
        seconds: for each of its programmes.
    """

    readout: str = "relu"
    few: int = 80
    seconds: float = 10.0
    name = "elimination"
    blocks_per_chunk = 1

    @property
    def methods(self) -> tuple[str, ...]:
        return ("elimination", "HiGHS")

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and getattr(problem, "d", 0) >= 2

    def block(self, n: int) -> int:
        return max(1, min(64, (1 << 21) // n))

    def search(self, instances: Any, ns: Any, eps: Array) -> Any:
        del ns, eps  # the rounds are led by the host
        return jnp.zeros(instances.v.shape[0], bool)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        trials, places = np.shape(instances.v)
        shape = (trials, len(ns), len(eps))
        mask, error, least = np.zeros((*shape, places), bool), np.full(shape, np.inf), np.zeros(shape)
        by = np.zeros(shape, np.int32)
        for i, j in np.ndindex(shape[1:]):
            left = reduce(instances, ns[i], float(eps[j]), readout=self.readout)
            least[left.missed, i, j] = np.nextafter(eps[j], np.inf)
            count = left.candidates.sum(axis=1)
            for t in map(int, np.flatnonzero(~left.missed & (count <= self.few))):
                one, kept = at_trial(instances, t), left.candidates[t]
                if np.shape(one.u)[1] > 2 or not np.isfinite(wide := tubes(instances, ns[i], float(eps[j]))[1][t]):
                    continue
                rows, weights = (np.asarray(x, np.float64)[kept] for x in (one.u, one.v))
                decision = integer_program.decide(
                    rows, weights, one.w, float(wide), readout=self.readout, time_limit=self.seconds
                )
                if decision.mask is not None:
                    mask[t, i, j, kept], error[t, i, j] = decision.mask, decision.error
                # Where only neurons near the target's kink are listed, finding no mask of them is no miss.
                if decision.status == MISS and math.isinf(float(one.window)):
                    least[t, i, j] = np.nextafter(eps[j], np.inf)
                by[t, i, j] = 1
        return Found(mask, error, least, by, by)


__all__ = ["PLANES", "Elimination", "kinks", "reduce", "tubes"]
