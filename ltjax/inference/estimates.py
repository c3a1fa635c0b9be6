"""The probability that pruning alone hits, at one n and ε."""

import dataclasses
from typing import Any, Literal

from jaxtyping import Array, Key

from ltjax import arguments
from ltjax.inference import intervals
from ltjax.inference.trials import count
from ltjax.problems.base import AbstractProblem


@dataclasses.dataclass(frozen=True)
class Estimate:
    """P(hit) lies in [lower, upper] with the stated confidence, whatever the undecided trials are."""

    problem: dict[str, Any]
    n: int
    eps: float
    hits: int
    misses: int
    undecided: int
    trials: int
    lower: float
    upper: float
    confidence: float
    interval: str


def estimate(
    problem: AbstractProblem,
    *,
    n: int,
    eps: float,
    trials: int = 1000,
    key: Key[Array, ""],
    confidence: float = 0.99,
    interval: Literal["exact", "anytime"] = "exact",
    solver: str = "auto",
    **how: Any,
) -> Estimate:
    """Estimate P(hit) from `trials` independent draws.

    Args:
        problem: for example `ltjax.SubsetSum(law="uniform", target=0.5)`.
        n: size of the start set or network.
        eps: the precision ε.
        trials: how many draws.
        key: `jax.random.key(seed)`; trial i uses `fold_in(key, i)`.
        confidence: of the interval, in (0, 1).
        interval: "exact" (Clopper-Pearson, for a number of trials fixed beforehand) or "anytime"
            (holds however the number of trials was chosen).
        solver: "auto", or "milp" where the problem has it: a slow exact reference.
        how: `chunk`, `devices`, `progress` as for `ltjax.inference.trials.decisions`.
    """
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.choice("interval", interval, ["exact", "anytime"])
    eps = arguments.real("eps", eps, above=0.0)
    problem = problem.with_solver(solver)
    counts = count(problem, (n,), (eps,), trials, key, **how)
    hits, misses, undecided = (int(x[0, 0]) for x in (counts.hits, counts.misses, counts.undecided))
    limits = intervals.clopper_pearson if interval == "exact" else intervals.anytime
    lower, upper = limits(hits, counts.trials, confidence, undecided)
    described = problem.provenance(eps)
    return Estimate(
        described,
        int(n),
        eps,
        hits,
        misses,
        undecided,
        counts.trials,
        float(lower),
        float(upper),
        confidence,
        interval,
    )
