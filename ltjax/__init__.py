"""ltjax: draw random ReLU networks, decide each honestly, count, and turn the counts into a verdict.

The names below are loaded when first used, so that `ltjax --help` need not import JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

from ltjax.machine import forks as _forks  # noqa: F401 - watches from here on

if TYPE_CHECKING:
    from ltjax.inference.estimates import Estimate, estimate
    from ltjax.inference.thresholds import Threshold, threshold
    from ltjax.laws import LAWS, Law, get_law
    from ltjax.machine.devices import use_cores
    from ltjax.problems.base import AbstractProblem
    from ltjax.problems.pruning import NeuronPruning, Pruning, WeightPruning
    from ltjax.problems.subset_sum import SubsetSum
    from ltjax.search.sums.nearest import nearest_subset_sums
    from ltjax.trials.decide import Decision

__version__ = "0.1.0"

_HOME = {
    "Estimate": "ltjax.inference.estimates",
    "estimate": "ltjax.inference.estimates",
    "Threshold": "ltjax.inference.thresholds",
    "threshold": "ltjax.inference.thresholds",
    "nearest_subset_sums": "ltjax.search.sums.nearest",
    "LAWS": "ltjax.laws",
    "Law": "ltjax.laws",
    "get_law": "ltjax.laws",
    "use_cores": "ltjax.machine.devices",
    "AbstractProblem": "ltjax.problems.base",
    "Decision": "ltjax.trials.decide",
    "NeuronPruning": "ltjax.problems.pruning",
    "Pruning": "ltjax.problems.pruning",
    "SubsetSum": "ltjax.problems.subset_sum",
    "WeightPruning": "ltjax.problems.pruning",
}

__all__ = [
    "LAWS",
    "AbstractProblem",
    "Decision",
    "Estimate",
    "Law",
    "NeuronPruning",
    "Pruning",
    "SubsetSum",
    "Threshold",
    "WeightPruning",
    "estimate",
    "get_law",
    "nearest_subset_sums",
    "threshold",
    "use_cores",
]


_ROOMS = ("bounds", "sweeps", "testing", "verify")
"""Modules with public names of their own."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"ltjax.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'ltjax' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, *_ROOMS])
