"""The last word on a block of trials: hit, miss or undecided, with what it takes to check that again."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int8

from ltjax.arguments import ArgumentError
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.problems.base import AbstractProblem, fields_of
from ltjax.solvers.base import AbstractSolver

FAR = 2.0
"""A mask whose error the search takes for so many ε is not worth a look; some searches know a bound only."""


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was decided about a block of trials, and by which method.

    Attributes:
        status: HIT, MISS or UNDECIDED for every trial, start network size n and precision ε.
        lower: a certified lower bound of the least error any mask reaches.
        upper: the error of the mask in `witness`, recomputed in float64, plus margins for rounding and for the law's
            lattice; infinite where there is none worth a look.
        by: index into `methods` of the one that a hit or a miss rests on; -1 where undecided.
        methods: their names.
        instance: what was drawn, by name; leading axis: trials.
        witness: what anyone can check a hit with, by name; leading axes: trials, n, and one mask for all precisions or
            one each.
    """

    status: Int8[np.ndarray, "trials ns eps"]
    lower: Float[np.ndarray, "trials ns eps"]
    upper: Float[np.ndarray, "trials ns eps"]
    by: Int[np.ndarray, "trials ns eps"]
    methods: tuple[str, ...]
    instance: Mapping[str, np.ndarray]
    witness: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return self.status.shape[0]


def decide(
    problem: AbstractProblem,
    solver: AbstractSolver,
    instances: Any,
    found: Any,
    ns: tuple[int, ...],
    eps: tuple[float, ...],
) -> Decision:
    """Turn what a solver found into decisions.

    A hit needs a mask in hand (for coverage: a certified radius) whose error, bounded anew, is within ε. A miss needs a
    certified lower bound above ε. Both hold for the law's own draw, not only for the computer's. NaN decides nothing.
    Cells are decided each for itself.

    Args:
        problem, solver: the question and the method.
        instances, found: of `solver.search`, as NumPy arrays, leading axis trials.
        ns, eps: the cells.

    Raises:
        ArgumentError: where the bounds of a problem from outside contradict each other.
        RuntimeError: where a mask holds parts that are not there, or a certificate and a mask contradict each other,
            in one cell or across sizes: the solver is broken.
    """
    precisions = np.asarray(eps, np.float64)
    found = solver.read(problem, instances, found, ns, precisions)
    shape = (np.shape(found.least)[0], len(ns), len(eps))
    least = np.broadcast_to(np.asarray(found.least, np.float64), shape)
    if found.mask is None:
        upper, witness = np.broadcast_to(np.asarray(found.most, np.float64), shape), {"point": np.asarray(found.proof)}
    else:
        mask = np.asarray(found.mask, bool)
        used = np.asarray(mask.reshape(*mask.shape[:4], -1).any(axis=4))
        there = np.arange(mask.shape[3]) < np.asarray(ns)[:, None]
        if "number" in fields_of(instances):
            there = np.asarray(instances.number)[:, None] <= np.asarray(ns)[:, None]
        if np.any(used & ~np.broadcast_to(there, (shape[0], *there.shape[-2:]))[:, :, None]):
            raise RuntimeError("a mask holds parts that are not there: the solver is broken")
        wanted = np.broadcast_to(np.asarray(found.error, np.float64), shape) <= FAR * precisions
        _, bound = problem.errors(instances, mask, wanted, precisions)
        upper = bound + np.broadcast_to(problem.moved(instances, used), shape)
        witness = problem.witness(mask)
    hit, miss = upper <= precisions, least > precisions
    # Across sizes too: what no mask of n parts reaches, none of fewer does.
    best = np.minimum.accumulate(np.where(np.isnan(upper), np.inf, upper), axis=1)
    if np.any(least > best):
        if not _ours(problem) and _ours(solver):
            name = type(problem).__name__
            raise ArgumentError(
                f"{name}.error contradicts itself: its lower bounds rule out every mask where an upper bound of one is "
                f"within ε; for the same draw and mask it must return bounds of the same error"
            )
        raise RuntimeError("a certificate says miss where a mask hits: the solver is broken")
    status = np.where(hit, HIT, np.where(miss, MISS, UNDECIDED)).astype(np.int8)
    by = np.where(hit, np.broadcast_to(found.hit_by, shape), np.broadcast_to(found.miss_by, shape))
    by = np.where(status == UNDECIDED, -1, by)
    drawn = {name: np.asarray(array) for name, array in fields_of(instances).items()}
    return Decision(status, least, upper, by, solver.methods, drawn, witness)


def _ours(value: object) -> bool:
    return type(value).__module__.startswith("ltjax.")


__all__ = ["Decision", "decide"]
