"""The problems that the command line and a sweep's specification know by name."""

import importlib
from typing import TYPE_CHECKING, Any, TypeVar

from ltjax import arguments
from ltjax.arguments import ArgumentError

if TYPE_CHECKING:
    from ltjax.problems.base import AbstractProblem

T = TypeVar("T")
PROBLEMS = {
    "subset-sum": "ltjax.problems.subset_sum:SubsetSum",
    "neuron-pruning": "ltjax.problems.pruning:NeuronPruning",
    "weight-pruning": "ltjax.problems.pruning:WeightPruning",
}
"""Where each problem's class is. Wherever a name is asked for, a class of one's own may be named in this form."""


def problem_class(name: Any) -> "type[AbstractProblem]":
    """The class behind a name or `module:Class`, imported now.

    Raises:
        ArgumentError: for an unknown name, a module that cannot be imported, a class that is no problem.
    """
    from ltjax.problems.base import AbstractProblem

    place = PROBLEMS.get(name, name) if isinstance(name, str) else ""
    if ":" not in place:
        arguments.choice("problem", name, [*PROBLEMS, "module:Class"])
    return class_at("problem", place, AbstractProblem)


def class_at(argument: str, place: str, kind: type[T]) -> type[T]:
    """The class that `module:Class` names, imported now.

    Args:
        argument: whose value this is: "problem" or "solver".
        place: `module:Class`.
        kind: what the class must be a subclass of.

    Raises:
        ArgumentError: for a module that cannot be imported, a class that is not there or is of another kind.
    """
    module, _, attribute = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(f"{argument}={place!r} cannot be loaded: {error}") from None
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ArgumentError(f"{argument}={place!r} is not allowed: {place} is no {argument} class")
    return found


__all__ = ["PROBLEMS", "class_at", "problem_class"]
