"""The problems that the command line and a sweep's specification know by name."""

import importlib
from typing import TYPE_CHECKING, Any

from ltjax import arguments
from ltjax.arguments import ArgumentError

if TYPE_CHECKING:
    from ltjax.problems.base import AbstractProblem

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
    module, _, attribute = place.partition(":")
    if not attribute:
        arguments.choice("problem", name, [*PROBLEMS, "module:Class"])
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(f"problem={name!r} cannot be loaded: {error}") from None
    if not (isinstance(found, type) and issubclass(found, AbstractProblem)):
        raise ArgumentError(f"problem={name!r} is not allowed: {place} is no problem class")
    return found


__all__ = ["PROBLEMS", "problem_class"]
