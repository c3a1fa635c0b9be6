"""The contract of a problem: a question, as plain data.

A problem says what is drawn and what a mask's error is. How a trial is searched and why none may be found is a
solver's business (`ltjax.solvers`), which cells share a draw that of `ltjax.trials.plan`. Nothing here needs JAX
before a trial is drawn.
"""

import abc
import dataclasses
import reprlib
from typing import Any, ClassVar

import numpy as np

from ltjax.arguments import ArgumentError


@dataclasses.dataclass(frozen=True)
class AbstractProblem(abc.ABC):
    """A random start network (or set of numbers) of n parts, and the question whether some mask hits at ε.

    A mask says which parts are kept: shape (n,), or (n, …) where parts are cut in pieces. Hits are monotone: a hit
    with the first n parts is a hit with the first n + 1, and a hit at ε is one at every larger ε. So a mask's error
    does not depend on how many more parts were drawn.

    To ask a question of your own, make a frozen dataclass of its options with `draw` and `error`, and a class
    attribute `name`. Up to some 16 parts it is then decided by all masks; faster methods are solvers.
    """

    name: ClassVar[str] = ""

    @property
    def max_n(self) -> int:
        """The largest n that can be asked about."""
        return 10_000

    @property
    def lattice(self) -> float | None:
        """By how many epsilons of the dtype the generator's lattice moves a trial's error, about; None: unknown."""
        return None

    @property
    def drawn_as(self) -> "AbstractProblem":
        """A problem whose `draw` is the same: one compiled program draws for all that name the same one."""
        return self

    @abc.abstractmethod
    def draw(self, key: Any, n: int) -> Any:
        """One trial's start network of n parts, under `jax.vmap`: a NamedTuple or dictionary of arrays.

        Its first k parts do not depend on n. Numbers have JAX's default float type: float64 under
        `jax.enable_x64`, else float32.
        """

    @abc.abstractmethod
    def error(self, instance: Any, mask: Any, eps: float | None = None) -> tuple[Any, Any]:
        """Certified bounds (lower, upper) of the error that a mask leaves, on the host in float64.

        Args:
            instance: one drawn trial, NumPy arrays.
            mask: shape (n,), or (n, …) where parts are cut in pieces.
            eps: bounds need not be tighter than it takes to compare with this.
        """

    def errors(self, instances: Any, masks: np.ndarray, wanted: np.ndarray, eps: np.ndarray) -> tuple[Any, Any]:
        """`error` of many masks at once.

        Args:
            instances: drawn trials, each array with a leading trials axis.
            masks: shape (trials, ns, k, …), k one mask for every precision, or one for all.
            wanted: which are asked for, shape (trials, ns, precisions).
            eps: the precisions.

        Returns:
            lower and upper bounds, shape (trials, ns, precisions); 0 and infinity where not asked for.
        """
        lower, upper = np.zeros(wanted.shape), np.full(wanted.shape, np.inf)
        known: dict[tuple[int, ...], tuple[float, float]] = {}
        for t, i, j in np.argwhere(wanted):
            at = (t, i, min(j, masks.shape[2] - 1))
            where = at if self.error_without_eps and masks.shape[2] == 1 else (t, i, j)
            if where not in known:
                known[where] = bounds_of(self, at_trial(instances, t), masks[at], float(eps[j]))
            lower[t, i, j], upper[t, i, j] = known[where]
        return lower, upper

    error_without_eps: ClassVar[bool] = True
    """Whether `error` gives the same bounds at any ε, so that one look serves all."""

    def moved(self, instances: Any, parts: np.ndarray) -> np.ndarray:
        """How far the generator's lattice may move the error of any mask of the given parts; see `ltjax.laws`.

        Args:
            instances: drawn trials; their field `moved`, shape (trials, n), is how far each part may be off. Without
                one the draw counts as exact.
            parts: which parts, broadcast against (trials, …, n).

        Returns:
            shape (trials, …).
        """
        fields = fields_of(instances)
        if "moved" not in fields:
            return np.zeros((len(next(iter(fields.values()))), *parts.shape[1:-1]))
        each = np.asarray(fields["moved"], np.float64)
        each = each.reshape(each.shape[0], *[1] * (parts.ndim - 2), each.shape[1])
        return np.where(parts, each, 0.0).sum(axis=-1)

    def witness(self, mask: np.ndarray) -> dict[str, np.ndarray]:
        """What anyone can check a hit with, by name."""
        return {"mask": mask}

    def describe(self) -> dict[str, Any]:
        """The problem's options as plain values, for provenance and for a cell's identity."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        return {"problem": self.name or type(self).__name__} | {
            key: getattr(value, "name", value) for key, value in options.items()
        }


def bounds_of(problem: AbstractProblem, instance: Any, mask: Any, *eps: float) -> tuple[float, float]:
    """A problem's `error`, held to what it must return.

    Raises:
        ArgumentError: where these are no two numbers, or out of order. NaN is a number: it decides nothing.
    """
    found = problem.error(instance, mask, *eps)
    whose = f"{type(problem).__name__}.error returned {reprlib.repr(found)}"
    try:
        lower, upper = (float(each) for each in found)
    except (TypeError, ValueError):
        raise ArgumentError(f"{whose}: it must return two numbers, a lower and an upper bound of the error") from None
    if lower > upper:
        raise ArgumentError(f"{whose}: its bounds are out of order, the lower one comes first")
    return lower, upper


def fields_of(instances: Any) -> dict[str, Any]:
    """What was drawn, by name: a NamedTuple's or a dictionary's entries, or one array called `values`."""
    if hasattr(instances, "_asdict"):
        return instances._asdict()
    return dict(instances) if isinstance(instances, dict) else {"values": instances}


def at_trial(instances: Any, t: int | np.integer) -> Any:
    """One trial of many."""
    if hasattr(instances, "_asdict"):
        return type(instances)(*(x[t] for x in instances))
    return {name: x[t] for name, x in instances.items()} if isinstance(instances, dict) else instances[t]


__all__ = ["AbstractProblem", "at_trial", "bounds_of", "fields_of"]
