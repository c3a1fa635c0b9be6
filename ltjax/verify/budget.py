"""The error budget: who gets which share. Nothing else divides a level among claims or tests.

The chance that the built-in catalogue, if all its claims are true, shows any refutation is at most `ERROR_BUDGET`. It
is split evenly over that catalogue's claims, whichever are selected, and a claim's share evenly over its tests. A
claim from elsewhere gets the same share as a built-in one, from a budget of its own: so no installed catalogue and no
selection changes anybody's verdict.
"""

from ltjax import arguments

ERROR_BUDGET = 1e-6
"""The chance that the built-in catalogue, if true, reports any refutation."""
BUILT_IN = "proofs_check"
"""The entry point of the built-in catalogue, whose claims run by default."""
BUDGETS = {"quick": 1.0, "standard": 5.0, "full": 40.0}
"""Trials, as multiples of the quick budget's."""


def level_of_claim(built_in: int) -> float:
    """A claim's share of the error budget, where the built-in catalogue has so many claims."""
    return ERROR_BUDGET / arguments.whole("built_in", built_in, 1)


def level_of_test(claim: float, tests: int) -> float:
    """A test's share of its claim's level."""
    return claim / arguments.whole("tests", tests, 1)
