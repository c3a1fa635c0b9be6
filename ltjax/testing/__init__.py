"""For tests of one's own: bounds compared with draws (bound.py), strategies for hypothesis (strategies.py), contracts
of problems, patterns and solvers (contracts.py), and the pytest plugin that brings the fixture `bound` (plugin.py).

The names below are loaded when first used: pytest imports the plugin in every session, and most need no JAX.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltjax.testing.bound import Bound, Refuted
    from ltjax.testing.contracts import check_pattern, check_problem, check_solver, every_mask, least_error
    from ltjax.testing.strategies import laws, masks, networks, precisions, problems

_HOME = {
    "Bound": "bound",
    "Refuted": "bound",
    "check_pattern": "contracts",
    "check_problem": "contracts",
    "check_solver": "contracts",
    "every_mask": "contracts",
    "least_error": "contracts",
    "laws": "strategies",
    "masks": "strategies",
    "networks": "strategies",
    "precisions": "strategies",
    "problems": "strategies",
}

__all__ = [
    "Bound",
    "Refuted",
    "check_pattern",
    "check_problem",
    "check_solver",
    "every_mask",
    "laws",
    "least_error",
    "masks",
    "networks",
    "precisions",
    "problems",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'ltjax.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ltjax.testing.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
