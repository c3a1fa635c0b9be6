"""Which cells share a draw, said once.

A *cell* is an n and an ε of a problem. How it is drawn and decided is chosen for it alone (`ltjax.solvers.choose`).
Cells for which the choice is the same share their trials: hits are monotone, so one drawn network decides many of
them. What is said of a cell does not depend on which others are asked for.
"""

import dataclasses
from collections.abc import Sequence

from ltjax import arguments
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import Choice, choose


@dataclasses.dataclass(frozen=True)
class Share:
    """Cells that one trial decides together: all of `ns` × `eps`.

    Attributes:
        problem: the question.
        choice: how they are drawn and decided.
        ns, eps: increasing sizes; precisions.
    """

    problem: AbstractProblem
    choice: Choice
    ns: tuple[int, ...]
    eps: tuple[float, ...]

    @property
    def solver(self) -> AbstractSolver:
        return self.choice.solver

    def __len__(self) -> int:
        return len(self.ns) * len(self.eps)


def plan(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    solver: AbstractSolver | str | None = None,
) -> list[Share]:
    """All cells of ns × eps, in shares.

    Args:
        problem: the question.
        ns: strictly increasing sizes.
        eps: precisions.
        solver: as for `choose`.

    Raises:
        ArgumentError: for sizes or precisions outside what the problem allows, an unknown solver.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    eps = arguments.precisions(eps)
    ns = arguments.increasing("n", ns, 1, problem.max_n)
    # For each precision its choices, and for each of these its sizes.
    columns: dict[tuple[Choice, tuple[int, ...]], list[float]] = {}
    for e in dict.fromkeys(eps):
        chosen: dict[Choice, list[int]] = {}
        for n in ns:
            chosen.setdefault(choose(problem, n, e, solver), []).append(n)
        for choice, sizes in chosen.items():
            columns.setdefault((choice, tuple(sizes)), []).append(e)
    return [Share(problem, choice, sizes, tuple(each)) for (choice, sizes), each in columns.items()]


__all__ = ["Share", "plan"]
