"""The probability that pruning alone hits, at one n and ε."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Key

from ltjax import arguments
from ltjax.files import replacing
from ltjax.inference import intervals
from ltjax.outcomes import HIT
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import choose, names
from ltjax.trials.counts import count
from ltjax.trials.decide import Decision

MANY = 0.2
"""Share of undecided trials from which an answer says why, and what would help."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """P(hit) lies in [lower, upper] with the stated confidence, whatever the undecided trials are.

    Attributes:
        problem: its options and how trials were drawn and decided.
        by: for each method, the hits and the misses that rest on it.
        advice: why many trials are undecided and what would decide them; None where few are.
    """

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
    by: Mapping[str, tuple[int, int]]
    advice: str | None


def estimate(
    problem: AbstractProblem,
    *,
    n: int,
    eps: float,
    trials: int = 1000,
    key: Key[Array, ""],
    confidence: float = 0.99,
    interval: Literal["exact", "anytime"] = "exact",
    solver: AbstractSolver | str | None = None,
    witness: str | os.PathLike[str] | None = None,
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
        solver: a solver, its name (`ltjax.solvers.choose.names`), "module:Class", or None: what suits the problem,
            n and ε best.
        witness: an .npz file to write the hits into: `trial` (which), `error` (the certified bound), what was
            drawn (for networks u, v, w) and the mask or masks. It is written when all trials are decided.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`.

    Raises:
        ArgumentError: for arguments outside what is allowed.
    """
    confidence = arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.choice("interval", interval, ["exact", "anytime"])
    eps = arguments.real("eps", eps, above=0.0)
    n = arguments.whole("n", n, 1, problem.max_n)
    trials = arguments.whole("trials", trials, 1)
    choice = choose(problem, n, eps, solver)
    hits_seen: list[dict[str, np.ndarray]] = []
    decided = 0

    def keep(decision: Decision) -> None:
        nonlocal decided
        hit = np.flatnonzero(decision.status[:, 0, 0] == HIT)
        masks = {name: array[hit, 0, 0] for name, array in decision.witness.items()}
        drawn = {name: array[hit] for name, array in decision.instance.items()}
        hits_seen.append({"trial": hit + decided, "error": decision.upper[hit, 0, 0]} | drawn | masks)
        decided += len(decision)

    if witness is None:
        counts = count(problem, (n,), (eps,), trials, key, solver=solver, **how)
    else:
        # Opened first: finding out after the work that it cannot be written would be rude.
        with replacing("witness", Path(witness)) as file:
            counts = count(problem, (n,), (eps,), trials, key, solver=solver, each=keep, **how)
            arrays: dict[str, Any] = {name: np.concatenate([x[name] for x in hits_seen]) for name in hits_seen[0]}
            np.savez_compressed(file, **arrays)
    hits, misses, undecided = counts.at(n, eps)
    limits = intervals.clopper_pearson if interval == "exact" else intervals.anytime
    lower, upper = limits(hits, trials, confidence, undecided)
    return Estimate(
        problem.describe() | choice.describe(),
        n,
        eps,
        hits,
        misses,
        undecided,
        trials,
        float(lower),
        float(upper),
        confidence,
        interval,
        {method: (int(own[0][0, 0]), int(own[1][0, 0])) for method, own in counts.by.items()},
        advice(problem, n, eps, solver, undecided / trials),
    )


def advice(
    problem: AbstractProblem, n: int, eps: float, solver: AbstractSolver | str | None, undecided: float
) -> str | None:
    """Why a share of the trials is undecided, and what would decide them; None for a small share."""
    if undecided < MANY:
        return None
    choice = choose(problem, n, eps, solver)
    why = f"{undecided:.0%} of the trials are undecided: {', '.join(choice.solver.methods)} found neither a mask nor a "
    why += "reason that there is none"
    if choice.solver.dtype == "float32":
        return f"{why} beyond what float32 draws may be off by; solver=float64 draws finer"
    exact = {"milp": "integer programming, slow", "all masks": "every mask, n at most 16"}
    helpful = [f"solver={name} ({exact[name]})" for name in names(problem) if name in exact and solver != name]
    if "all masks" in names(problem) and n > 16:
        helpful = [each for each in helpful if "all masks" not in each]
    more = " or ".join(helpful) if helpful else "a smaller n or another ε"
    return f"{why}; more trials will not help, {more} may"


__all__ = ["Estimate", "advice", "estimate"]
