"""The probability that pruning alone hits, at one n and ε."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from jaxtyping import Array, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.outcomes import HIT
from ltjax.problems.base import AbstractProblem, Decision
from ltjax.trials.dispatch import count


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


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the path's place once it is complete; nothing is half-written."""
    if path.suffix != ".npz":
        raise ArgumentError(f"witness={str(path)!r} is not allowed: witness is a file name that ends in .npz")
    try:
        file = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    except OSError as error:
        raise ArgumentError(f"witness={str(path)!r} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
        os.replace(file.name, path)
    except BaseException:
        os.unlink(file.name)
        raise


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
        solver: "auto", or "milp" where the problem has it: a slow exact reference.
        witness: an .npz file to write the hits into: `trial` (which), `error` (the certified bound), what was
            drawn (for networks u, v, w) and the mask or masks. It is written when all trials are decided.
        how: `chunk`, `devices`, `progress` as for `ltjax.trials.dispatch.decisions`.
    """
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.choice("interval", interval, ["exact", "anytime"])
    eps = arguments.real("eps", eps, above=0.0)
    problem = problem.with_solver(solver)
    hits_seen: list[dict[str, np.ndarray]] = []
    decided = 0

    def keep(decision: Decision) -> None:
        nonlocal decided
        hit = np.flatnonzero(decision.status[:, 0, 0] == HIT)
        masks = {name: array[hit, 0] for name, array in decision.witness.items()}
        drawn = {name: array[hit] for name, array in decision.instance.items()}
        hits_seen.append({"trial": hit + decided, "error": decision.upper[hit, 0]} | drawn | masks)
        decided += len(decision)

    if witness is None:
        counts = count(problem, (n,), (eps,), trials, key, **how)
    else:
        # Opened first: finding out after the work that it cannot be written would be rude.
        with _replacing(Path(witness)) as file:
            counts = count(problem, (n,), (eps,), trials, key, each=keep, **how)
            arrays: dict[str, Any] = {name: np.concatenate([x[name] for x in hits_seen]) for name in hits_seen[0]}
            np.savez_compressed(file, **arrays)
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
