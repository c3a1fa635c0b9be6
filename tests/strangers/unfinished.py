"""A pattern, a problem and a solver that lack a method, or get one wrong."""

import dataclasses

from ltjax import AbstractProblem
from ltjax.patterns import AbstractPattern
from ltjax.solvers.base import AbstractSolver


@dataclasses.dataclass(frozen=True)
class Scalar(AbstractPattern):
    """One bool for all masks together."""

    def allows(self, mask):
        return mask.sum() <= 3


@dataclasses.dataclass(frozen=True)
class Pattern(AbstractPattern):
    pass


@dataclasses.dataclass(frozen=True)
class Problem(AbstractProblem):
    name = "unfinished"

    def draw(self, key, n):
        return {}


@dataclasses.dataclass(frozen=True)
class Solver(AbstractSolver):
    name = "unfinished"


@dataclasses.dataclass(frozen=True)
class AtMost(AbstractPattern):
    """Its class does not say how many."""

    most: int

    def allows(self, mask):
        return mask.sum(axis=(-2, -1)) <= self.most


@dataclasses.dataclass(frozen=True)
class Sized(Problem):
    """A problem whose size nobody but the user knows."""

    size: int

    def error(self, instance, mask, eps=None):
        return 0.0, 0.0
