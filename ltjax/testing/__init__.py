"""For tests of one's own: the contracts of problems and solvers (contracts.py)."""

from ltjax.testing.contracts import check_problem, check_solver, every_mask, least_error

__all__ = ["check_problem", "check_solver", "every_mask", "least_error"]
