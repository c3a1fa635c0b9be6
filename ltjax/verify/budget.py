"""The error budget: who gets which share. Nothing else divides a level among claims or tests.

The chance that the built-in catalogue, if all its claims are true, shows any refutation is at most `ERROR_BUDGET`. It
is split evenly over that catalogue's claims, whichever are selected, and a claim's share evenly over its tests. A
claim from elsewhere gets the same share as a built-in one, from a budget of its own: so no installed catalogue and no
selection changes anybody's verdict.

Property tests are not counted beforehand; theirs is spent by a series, see `level_of_comparison`.
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


def level_of_comparison(total: float, number: int) -> float:
    """The share of a session's budget that its comparison of this number gets, counted from 1: total / (k·(k + 1)).

    However many comparisons a session makes, the chance that it refutes any true statement is below `total`. *Proof.*
    The series telescopes: 1/(k·(k + 1)) = 1/k - 1/(k + 1), so the first K shares add up to total·(1 - 1/(K + 1)). What
    is compared next, whether anything is, and how, may depend on all findings so far, as it does where a failing
    example is shrunk. But the level of the k-th comparison is fixed by k, and its draws are its own. So whatever has
    happened before, it refutes a true statement with probability at most its level, and by the union bound any
    comparison does with probability at most the sum of the levels, which is below `total`. ∎

    Args:
        total: the session's budget, in (0, 1/2).
        number: k, at least 1.
    """
    total = arguments.real("total", total, above=0.0, below=0.5)
    number = arguments.whole("number", number, 1)
    return total / (number * (number + 1.0))
