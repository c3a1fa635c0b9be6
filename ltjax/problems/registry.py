"""The problems that the command line and a sweep's specification know by name."""

from typing import TYPE_CHECKING, Any

from ltjax import arguments

if TYPE_CHECKING:
    from ltjax.problems.base import AbstractProblem

PROBLEMS = {
    "subset-sum": "ltjax.problems.subset_sum:SubsetSum",
    "neuron-pruning": "ltjax.problems.pruning:NeuronPruning",
    "weight-pruning": "ltjax.problems.pruning:WeightPruning",
    "pruning": "ltjax.problems.pruning:Pruning",
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
    return arguments.class_at("problem", place, AbstractProblem)


__all__ = ["PROBLEMS", "problem_class"]
