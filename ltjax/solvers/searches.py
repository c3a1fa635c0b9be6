"""What searches find that know no construction: gradients over masks, local search, differencing. Hits only.

They answer how far practical search stays behind existence, and are asked for by name; see
`ltjax.search.masks.gradient`, `ltjax.search.masks.swaps` and `ltjax.search.sums.differencing`.
"""

import abc
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.arguments import ArgumentError
from ltjax.machine import settings
from ltjax.networks import random_directions
from ltjax.patterns import NM, AbstractPattern, Block, Exactly, Rows, Weights
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import AbstractPruning
from ltjax.problems.subset_sum import Instance, SubsetSum
from ltjax.search.masks import swaps
from ltjax.search.masks.gradient import gates_for, train_masks
from ltjax.search.masks.gradient.descent import Data
from ltjax.search.sums.differencing import sum_by_differencing
from ltjax.solvers.base import AbstractSolver, Found

GRID = 64
"""Points of the circle, beside the kinks."""
POINTS = 256
"""Points of the sphere, d >= 3."""
MOST_STATES = 16


@dataclasses.dataclass(frozen=True)
class AbstractSearch(AbstractSolver):
    """A search that goes through its networks size by size, and says nothing of what it does not find."""

    misses = False
    blocks_per_chunk = 1

    def block(self, n: int) -> int:
        del n
        return 8

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> Found:
        del eps  # the least error that is found decides every ε
        # Each size by itself, with the parts that it has: what is found does not depend on others.
        found = [jax.vmap(lambda one, n=n: self.at_size(one, n))(instances) for n in ns]
        mask, error = (jnp.stack([each[i] for each in found], axis=1)[:, :, None] for i in (0, 1))
        nobody = jnp.zeros(error.shape, jnp.int32)
        return Found(mask, error, jnp.zeros(error.shape), nobody, nobody)

    @abc.abstractmethod
    def at_size(self, instance: Any, n: int) -> tuple[Array, Array]:
        """The best mask of the first n parts, of all parts' shape, and its error as the search sees it."""

    @classmethod
    @abc.abstractmethod
    def of(cls, problem: AbstractProblem) -> "AbstractSearch":
        """The search for a problem that it suits."""

    @classmethod
    def suits(cls, problem: AbstractProblem) -> bool:
        """Whether there is one for a problem."""
        return isinstance(problem, cls.question) and cls.of(problem).serves(problem)


@dataclasses.dataclass(frozen=True)
class Differencing(AbstractSearch):
    """Karmarkar and Karp's differencing, for one sum of numbers and subsets of any size."""

    name = "differencing"
    question = SubsetSum
    blocks_per_chunk = 16

    def serves(self, problem: AbstractProblem) -> bool:
        return (
            isinstance(problem, SubsetSum) and problem.d == 1 and not problem.restricted and problem.target != "cover"
        )

    @classmethod
    def of(cls, problem: AbstractProblem) -> "Differencing":
        del problem
        return cls()

    def block(self, n: int) -> int:
        return 256

    def at_size(self, instance: Instance, n: int) -> tuple[Array, Array]:
        mask = sum_by_differencing(instance.values[:n], instance.target)
        error = jnp.abs(instance.target - jnp.sum(jnp.where(mask, instance.values[:n], 0.0)))
        # Two sides whose difference is large may be worse than nothing.
        nothing = jnp.abs(instance.target) < error
        mask, error = jnp.where(nothing, False, mask), jnp.minimum(error, jnp.abs(instance.target))
        return jnp.pad(mask, (0, instance.values.shape[0] - n)), error


@dataclasses.dataclass(frozen=True)
class AbstractMaskSearch(AbstractSearch):
    """A search for masks of networks, at points.

    Args:
        readout: "linear" or "relu".
        pattern: of the masks.
        in_pieces: whether a mask has an axis of input weights.
    """

    readout: str = "relu"
    pattern: AbstractPattern = dataclasses.field(default_factory=Weights)
    in_pieces: bool = True
    question = AbstractPruning

    @classmethod
    def of(cls, problem: AbstractProblem) -> "AbstractMaskSearch":
        assert isinstance(problem, AbstractPruning)
        return cls(problem.readout, problem.rule, problem.in_pieces)

    def serves(self, problem: AbstractProblem) -> bool:
        return (
            isinstance(problem, AbstractPruning)
            and problem.d > 1
            and (problem.readout, problem.rule, problem.in_pieces) == (self.readout, self.pattern, self.in_pieces)
            and self.knows(problem.d)
        )

    @abc.abstractmethod
    def knows(self, d: int) -> bool:
        """Whether it can look for masks of the pattern with so many inputs."""

    def at_size(self, instance: Any, n: int) -> tuple[Array, Array]:
        d = instance.w.shape[0]
        # What is found is looked at again in float64.
        u, v, w = (x.astype(jnp.float32) for x in (instance.u[:n], instance.v[:n], instance.w))
        if d == 2:
            angle = jnp.arange(GRID, dtype=u.dtype) * (2.0 * jnp.pi / GRID)
            rows = jnp.concatenate([u, w[None]])
            kinks = jnp.stack([-rows[:, 1], rows[:, 0]], axis=1) / jnp.linalg.norm(rows, axis=1, keepdims=True)
            points = jnp.concatenate([jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1), kinks, -kinks])
        else:
            points = random_directions(settings.key(0), POINTS, d, u.dtype)
        points = jnp.concatenate([points, w[None]])
        data = Data(u, v, points, jnp.maximum(points @ w, 0.0))
        # The seed moves the search, not what is searched.
        error, mask = self.best(settings.key(n), data)
        mask = mask if self.in_pieces else mask[:, 0]
        return jnp.pad(mask, ((0, instance.v.shape[0] - n), *[(0, 0)] * (mask.ndim - 1))), error

    @abc.abstractmethod
    def best(self, key: Array, data: Data) -> tuple[Array, Array]:
        """The error at the points and the mask, (n, d)."""


@dataclasses.dataclass(frozen=True)
class AbstractGradient(AbstractMaskSearch):
    """Gradient descent over scores.

    Args:
        starts, steps: descents, and steps in each.
    """

    starts: int = 4
    steps: int = 500

    def knows(self, d: int) -> bool:
        try:
            gates_for(self.pattern, 1, d)
        except ArgumentError:
            return False
        return True

    def best(self, key: Array, data: Data) -> tuple[Array, Array]:
        gates = gates_for(self.pattern, *data.u.shape)
        how = {"method": self.name, "readout": self.readout, "starts": self.starts, "steps": self.steps}
        return train_masks(key, data, gates, **how)


@dataclasses.dataclass(frozen=True)
class EdgePopup(AbstractGradient):
    """Scores, the highest of which are kept (Ramanujan et al. 2020)."""

    name = "edge-popup"


@dataclasses.dataclass(frozen=True)
class BernoulliGates(AbstractGradient):
    """Gates that are open with a probability, relaxed."""

    name = "bernoulli"


@dataclasses.dataclass(frozen=True)
class Swaps(AbstractMaskSearch):
    """Local search: one neuron changes what it keeps, or two at once; patterns that speak of single rows.

    Args:
        starts, steps: descents, and changes in each.
    """

    starts: int = 8
    steps: int = 60
    name = "swaps"

    def knows(self, d: int) -> bool:
        by_row = isinstance(self.pattern, Rows | Weights | NM | Exactly)
        by_row |= isinstance(self.pattern, Block) and self.pattern.neurons == 1
        return by_row and d <= MOST_STATES and len(self.pattern.masks(1, d)) <= MOST_STATES

    def best(self, key: Array, data: Data) -> tuple[Array, Array]:
        states = jnp.asarray(np.asarray(self.pattern.masks(1, data.u.shape[1]))[:, 0])
        values = swaps.add_up(data.u, data.v, states, data.points)
        how = {"readout": self.readout, "starts": self.starts, "steps": self.steps}
        error, chosen = swaps.swap_states(key, values, data.target, **how)
        return error, states[chosen]


SEARCHES: tuple[type[AbstractSearch], ...] = (Differencing, EdgePopup, BernoulliGates, Swaps)

__all__ = ["SEARCHES", "BernoulliGates", "Differencing", "EdgePopup", "Swaps"]
