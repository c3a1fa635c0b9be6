"""The probability that pruning alone hits, at one n and ε."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Key

from ltjax import arguments, files
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.outcomes import HIT, MISS
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import choose, names
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import plan

MANY = 0.2
"""Share of undecided trials from which an answer says why, and what would help."""
SEARCHED, WITHIN = 200, 0.01
"""Local search is advised for at most so many neurons, and for no finer ε."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """P(hit) lies in [lower, upper] with the stated confidence, whatever the undecided trials are.

    Attributes:
        problem: its options and how trials were drawn and decided.
        by: for each method, the hits and the misses that rest on it.
        advice: why many trials are undecided and what would decide them; None where few are.
        stopped: whether Ctrl-C ended the run early: the counts are those of the trials decided by then, and the
            interval is of the kind "anytime", which holds whenever one stops.
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
    stopped: bool = False


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
            drawn and the mask or masks, as docs/witness.md lists them. It is written when all trials are decided.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`.

    Returns:
        The estimate; where Ctrl-C stops the run after a first chunk, that of the trials decided by then.

    Raises:
        ArgumentError: for arguments outside what is allowed.
        LateError: where the witness cannot be written after all; its `result` is the estimate.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    confidence = arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.choice("interval", interval, ["exact", "anytime"])
    eps = arguments.real("eps", eps, above=0.0)
    n = arguments.whole("n", n, 1, problem.max_n)
    trials = arguments.whole("trials", trials, 1)
    if witness is not None:
        # First: finding out after the work that it cannot be written would be rude.
        files.check("witness", witness, (".npz",))
    (share,) = plan(problem, (n,), (eps,), solver)
    # Trials by method (-1: none) and outcome, and chunks: what is kept does not grow with the trials.
    shape = (len(share.solver.methods) + 1, 3)
    counted, chunks = np.zeros(shape, np.int64), 0
    kept: list[dict[str, np.ndarray]] = []
    stopped = False
    try:
        for decision in decisions(share, trials, key, **how):
            hit = np.flatnonzero(decision.status[:, 0, 0] == HIT)
            if witness is not None:
                masks = {name: array[hit, 0, 0] for name, array in decision.witness.items()}
                drawn = {name: array[hit] for name, array in decision.instance.items()}
                first = int(counted.sum())
                kept.append({"trial": hit + first, "error": decision.upper[hit, 0, 0]} | drawn | masks)
            place = np.ravel_multi_index((decision.by[:, 0, 0] + 1, decision.status[:, 0, 0] + 1), shape)
            more = np.bincount(place, minlength=counted.size).reshape(shape)
            counted, chunks = counted + more, chunks + 1
    except KeyboardInterrupt:
        if not counted.any():
            raise
        stopped, interval = True, "anytime"
    misses, undecided, hits = (int(each) for each in counted.sum(axis=0))
    trials = misses + undecided + hits
    limits = intervals.clopper_pearson if interval == "exact" else intervals.anytime
    lower, upper = limits(hits, trials, confidence, undecided)
    found = Estimate(
        problem.describe() | share.choice.describe(),
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
        {
            method: (int(own[1 + HIT]), int(own[1 + MISS]))
            for method, own in zip(share.solver.methods, counted[1:], strict=True)
        },
        advice(problem, n, eps, solver, undecided / trials),
        stopped,
    )
    if witness is not None:
        # A stop may have come between a chunk's hits and its count.
        arrays: dict[str, Any] = {name: np.concatenate([chunk[name] for chunk in kept[:chunks]]) for name in kept[0]}
        try:
            with files.replacing("witness", witness) as file:
                np.savez_compressed(file, **arrays)
        except ArgumentError as error:
            raise files.LateError(str(error), found) from None
    return found


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
    others = {"milp": "integer programming, slow", "all masks": "every mask"}
    if n <= SEARCHED and eps >= WITHIN:
        others["swaps"] = "local search, for hits"
    helpful = [
        f"solver={name} ({said})" for name, said in others.items() if name != solver and _allowed(problem, n, eps, name)
    ]
    more = " or ".join(helpful) if helpful else "a smaller n or another ε"
    return f"{why}; more trials will not help, {more} may"


def _allowed(problem: AbstractProblem, n: int, eps: float, name: str) -> bool:
    """Whether the solver of this name can be asked at this size."""
    try:
        return name in names(problem) and choose(problem, n, eps, name) is not None
    except ArgumentError:
        return False


__all__ = ["Estimate", "advice", "estimate"]
