"""Decisions cell by cell, whatever shares the plan makes of them."""

from typing import Any, NamedTuple

import numpy as np

from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import plan


class Cell(NamedTuple):
    """One n and ε of a run; leading axis trials everywhere.

    Attributes:
        status, lower, upper: of each trial.
        instance, witness: what was drawn and the mask, by name.
    """

    status: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    instance: dict[str, np.ndarray]
    witness: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.status)


def decided(problem: Any, ns: Any, eps: Any, trials: int, key: Any, solver: Any = None, **how: Any) -> Any:
    """(n, ε) -> its cell; arguments as for `ltjax.trials.counts.count`."""
    cells = {}
    for share in plan(problem, ns, eps, solver):
        parts = list(decisions(share, trials, key, **how))
        status, lower, upper = (np.concatenate([getattr(p, x) for p in parts]) for x in ("status", "lower", "upper"))
        instance, witness = (
            {name: np.concatenate([getattr(p, x)[name] for p in parts]) for name in getattr(parts[0], x)}
            for x in ("instance", "witness")
        )
        for i, n in enumerate(share.ns):
            for j, e in enumerate(share.eps):
                masks = {name: each[:, i, min(j, each.shape[2] - 1)] for name, each in witness.items()}
                cells[n, e] = Cell(status[:, i, j], lower[:, i, j], upper[:, i, j], instance, masks)
    return cells


def laid_out(cells: Any, ns: Any, eps: Any, what: str = "status") -> np.ndarray:
    """One number of every cell, shape (trials, ns, eps)."""
    return np.stack([np.stack([getattr(cells[n, e], what) for e in eps], axis=1) for n in ns], axis=1)
