"""A pattern's question as one of whole rows on some inputs: restricted there, decided, and put back.

For a target that depends on these inputs alone, to restrict a network to them moves no error upward, and cutting all
other inputs leaves the restricted network: where the pattern is whole rows there, both questions have the same answer
on every draw.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import Pruning, WholeRows
from ltjax.solvers.base import AbstractSolver, Found


@dataclasses.dataclass(frozen=True)
class OnInputs(AbstractSolver):
    """Another solver's word on whole rows, said of a pattern.

    Args:
        rows: the question of whole rows; where it is not exact, hits alone are said.
        inner: who answers it.
    """

    rows: WholeRows
    inner: AbstractSolver
    question = Pruning

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"rows on {len(self.rows.inputs)}"

    @property
    def dtype(self) -> str:  # type: ignore[override]
        return self.inner.dtype

    @property
    def blocks_per_chunk(self) -> int:  # type: ignore[override]
        return self.inner.blocks_per_chunk

    @property
    def traced_sizes(self) -> bool:  # type: ignore[override]
        return self.inner.traced_sizes

    @property
    def near_kink(self) -> bool:  # type: ignore[override]
        return self.inner.near_kink

    @property
    def misses(self) -> bool:  # type: ignore[override]
        return self.inner.misses and self.rows.exact

    def serves(self, problem: AbstractProblem) -> bool:
        fits = isinstance(problem, Pruning) and problem.rows == self.rows
        return fits and self.inner.serves(self.rows.problem)

    @property
    def methods(self) -> tuple[str, ...]:
        return self.inner.methods

    def for_misses(self) -> AbstractSolver | None:
        inner = self.inner.for_misses()
        return dataclasses.replace(self, inner=inner) if self.rows.exact and inner is not None else None

    def places(self, n: int) -> int:
        return self.inner.places(n)

    def block(self, n: int) -> int:
        return self.inner.block(n)

    def __str__(self) -> str:
        return f"{self.name}: {self.inner}"

    def search(self, instances: Any, ns: Any, eps: Array) -> Any:
        return self._lifted(self.inner.search(self._restricted(instances), ns, eps), instances)

    def search_first(self, instances: Any, ns: Any, eps: Array) -> Any:
        return self._lifted(self.inner.search_first(self._restricted(instances), ns, eps), instances)

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        return self._lifted(self.inner.look(self._restricted(instances), size, eps), instances)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        if isinstance(found, Found):
            found = found._replace(mask=np.asarray(found.mask).any(axis=-1))
        found = self.inner.read(self.rows.problem, self._restricted(instances), found, ns, eps)
        return self._lifted(found, instances, np)

    def _restricted(self, instances: Any) -> Any:
        """The networks on these inputs; those drawn near the kink are of these alone."""
        inputs = list(self.rows.inputs)
        if instances.u.shape[-1] == len(inputs):
            return instances
        return instances._replace(u=instances.u[..., inputs], w=instances.w[..., inputs])

    def _lifted(self, found: Any, instances: Any, xp: Any = jnp) -> Any:
        if not isinstance(found, Found):
            return found
        d = instances.u.shape[-1]
        own = np.isin(np.arange(d), self.rows.inputs) | (d == len(self.rows.inputs))
        least = found.least if self.rows.exact else xp.zeros_like(found.least)
        return found._replace(mask=found.mask[..., None] & own, least=least)


__all__ = ["OnInputs"]
