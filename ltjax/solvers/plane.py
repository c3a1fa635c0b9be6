"""Neuron pruning in the plane: the kink lemma, the local walk, arcs, the search near the kink, clusters.

All look at one start network, size and precision at a time, in the target's frame (`ltjax.search.plane`).
"""

import abc
import dataclasses
import math
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from ltjax import arguments
from ltjax.outcomes import MISS
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning
from ltjax.search import plane
from ltjax.search.masks import arcs, clusters, near_kink
from ltjax.search.obstructions import kink
from ltjax.solvers.base import COARSE, AbstractSolver, Found, each_trial, in_cells, octave, size_class

CLASSES = (4, 8, arcs.LINES)
"""Lines of an arc, of which four make a network; neurons that are not asked for count as absent."""


def in_plane(problem: AbstractProblem) -> bool:
    """Whether all lines of a network pass through the origin of the plane."""
    return getattr(problem, "d", None) == 2 and not getattr(problem, "bias", False)


@dataclasses.dataclass(frozen=True)
class View:
    """One network at one size: its kinks in the target's frame, and what a certificate has to reach."""

    theta: Array
    kappa: Array
    present: Array
    window: Array
    wide: Array
    known: Array

    @classmethod
    def of(cls, network: Any, size: Array, eps: Array) -> "View":
        theta, kappa = plane.frame(network.u, network.v, network.w)
        present = network.number <= size
        # A miss must hold for the law's own draw too, which the lattice may have moved by this much.
        wide = eps + jnp.sum(jnp.where(present, network.moved, 0.0))
        # One program for all sizes: neurons beyond the first get jump 0 and count as absent.
        known = jnp.isfinite(wide) & (size <= network.upto)
        return cls(theta, jnp.where(present, kappa, 0.0), present, network.window, wide, known)

    @property
    def offset(self) -> Array:
        """Signed angle of each kink line from the target's."""
        return self.theta - jnp.pi * jnp.round(self.theta / jnp.pi)


@dataclasses.dataclass(frozen=True)
class AbstractPlanar(AbstractSolver):
    """A method that looks at one network at a time."""

    blocks_per_chunk = 1
    traced_sizes = True
    question = NeuronPruning

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and in_plane(problem)

    def places(self, n: int) -> int:
        return octave(n) if arcs.MOST < n <= COARSE else size_class(n)

    def block(self, n: int) -> int:
        return 4

    def search(self, instances: Any, ns: Any, eps: Array) -> Found:
        return in_cells(self.look, instances, ns, eps)

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        def one(network: Any, size: Array) -> Found:
            view = View.of(network, size, eps)
            mask, error, missed = self.look_at(view, eps)
            least = jnp.where(missed & view.known, jnp.nextafter(eps, jnp.inf), 0.0)
            zero = jnp.zeros((), jnp.int32)
            return Found(mask & view.present, error, least, zero, zero)

        return each_trial(one, instances, size)

    @abc.abstractmethod
    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        """The best mask met, (n,), its error, and whether no mask is within ε."""


def _nothing(view: View) -> tuple[Array, Array]:
    return jnp.zeros(view.theta.shape, bool), jnp.asarray(jnp.inf)


@dataclasses.dataclass(frozen=True)
class KinkLemma(AbstractPlanar):
    """Misses, readout linear: no kink line is near the target's."""

    name = "kink lemma"
    blocks_per_chunk = 32
    near_kink = True
    linear_only = True

    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        # The lemma speaks of all neurons near the kink; only those within the window are listed.
        listed = 2.0 * jnp.arctan(2.0 * view.wide) < view.window
        theta = jnp.where(view.present, view.theta, 0.5 * jnp.pi)
        return *_nothing(view), listed & kink.kink_misses(theta, view.wide)


@dataclasses.dataclass(frozen=True)
class LocalWalk(AbstractPlanar):
    """Misses, readout linear: no choice of the nearest kinks gets the error round the target's.

    Args:
        capacity: partial choices that are carried: those that get round the kink are few or very many.
    """

    capacity: int = 1024
    name = "local walk"
    near_kink = True
    linear_only = True

    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        missed = kink.kink_obstructed(
            view.offset, view.kappa, view.present, view.window, view.wide, capacity=self.capacity
        )
        return *_nothing(view), missed


@dataclasses.dataclass(frozen=True)
class NearSearch(AbstractPlanar):
    """Hits: subsets of the neurons that bend near the target's kink.

    Args:
        readout: "linear" or "relu".
        capacity: partial choices kept on each side; lines: kinks used on each side.
    """

    readout: str = "linear"
    capacity: int = 4096
    lines: int = 32
    name = "near search"
    near_kink = True
    misses = False

    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        how = {"capacity": self.capacity, "lines": self.lines}
        mask, error = near_kink.best_near(view.theta, view.kappa, view.present, eps, readout=self.readout, **how)
        return mask, error, jnp.zeros((), bool)


@dataclasses.dataclass(frozen=True)
class Clusters(AbstractPlanar):
    """Hits, readout relu: clusters of kinks that cancel, joined by their linear parts.

    Args:
        readout: "relu".
        capacity: partial choices kept on each half of the arc.
    """

    readout: str = "relu"
    capacity: int = 1 << 17
    name = "clusters"
    misses = False

    @classmethod
    def fine(cls, eps: float) -> "Clusters":
        """With a capacity that precisions down to ε ask for, as far as it goes: pairs that meet grow with its square
        times ε²."""
        return cls(capacity=min(max(1 << math.ceil(math.log2(128.0 / eps)), 1 << 14), 1 << 19))

    def block(self, n: int) -> int:
        return 1

    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        mask, error = clusters.best_clusters(view.theta, view.kappa, view.present, eps, capacity=self.capacity)
        return mask, error, jnp.zeros((), bool)


@dataclasses.dataclass(frozen=True)
class Arcs(AbstractPlanar):
    """Hits and misses of few neurons: the choices of four arcs, merged to the circle.

    Args:
        readout: "linear" or "relu".
        lines: most lines of an arc; four times as many neurons are drawn, fewer that are asked for count as absent.
        capacity: most choices of a half; where there are more, not finding is no proof.
    """

    readout: str = "linear"
    lines: int = 10
    capacity: int = arcs.CAPACITY
    name = "arcs"

    @property
    def blocks_per_chunk(self) -> int:  # type: ignore[override]
        return 32 if self.lines <= 8 else 8

    @classmethod
    def for_size(cls, n: int, readout: str) -> "Arcs":
        """For networks of a size's class: few, as each takes seconds to compile."""
        lines = next(lines for lines in CLASSES if 4 * lines >= arguments.whole("n", n, 1, arcs.MOST))
        return cls(readout, lines, min(arcs.CAPACITY, 1 << 2 * lines))

    def places(self, n: int) -> int:
        return max(4 * self.lines, n)

    def block(self, n: int) -> int:
        return 1

    def look_at(self, view: View, eps: Array) -> tuple[Array, Array, Array]:
        how = {"lines": self.lines, "capacity": self.capacity}
        scan = arcs.scan_masks(view.theta, view.kappa, view.wide, readout=self.readout, **how)
        return scan.mask, scan.error, scan.status == MISS


__all__ = ["AbstractPlanar", "Arcs", "Clusters", "KinkLemma", "LocalWalk", "NearSearch", "View", "in_plane"]
