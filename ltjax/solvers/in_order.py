"""Several methods on the same draws, one after the other: the first that knows decides."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.arguments import ArgumentError
from ltjax.problems.base import AbstractProblem, at_trial
from ltjax.solvers.base import AbstractHostSolver, AbstractSolver, Found, in_cells


@dataclasses.dataclass(frozen=True)
class InOrder(AbstractSolver):
    """Solvers from the cheapest to the dearest.

    Where all look at one (n, ε) at a time, a method is asked only if some trial of the block is open there when its
    turn comes. Methods that the host leads come last, and are asked about what the device has left open only.

    Args:
        solvers: at least one that searches on the device; those that give proofs to check again come first.

    Raises:
        ArgumentError: where none searches on the device, one that the host leads is not behind all that do, or one
            that gives proofs is behind one that gives none.
    """

    solvers: tuple[AbstractSolver, ...]
    name = "in order"

    def __post_init__(self) -> None:
        if not self.searchers or self.solvers[: len(self.searchers)] != self.searchers:
            raise ArgumentError(f"solvers={self} is not allowed: methods that the host leads come behind all others")
        proofs = [solver.proofs for solver in self.solvers]
        if proofs != sorted(proofs, reverse=True):
            raise ArgumentError(f"solvers={self} is not allowed: methods that give proofs come before all others")

    @property
    def searchers(self) -> tuple[AbstractSolver, ...]:
        """Those that search on the device."""
        return tuple(solver for solver in self.solvers if not isinstance(solver, AbstractHostSolver))

    @property
    def traced_sizes(self) -> bool:  # type: ignore[override]
        return all(solver.traced_sizes for solver in self.searchers)

    @property
    def blocks_per_chunk(self) -> int:  # type: ignore[override]
        return min(solver.blocks_per_chunk for solver in self.searchers)

    @property
    def near_kink(self) -> bool:  # type: ignore[override]
        return all(solver.near_kink for solver in self.solvers)

    def serves(self, problem: AbstractProblem) -> bool:
        return all(solver.serves(problem) for solver in self.solvers)

    @property
    def misses(self) -> bool:  # type: ignore[override]
        return any(solver.misses for solver in self.solvers)

    def for_misses(self) -> AbstractSolver | None:
        parts = tuple(part for solver in self.solvers if (part := solver.for_misses()) is not None)
        if any(not isinstance(solver, AbstractHostSolver) for solver in parts):
            return InOrder(parts)
        # Methods that the host leads have no place here without one that searches on the device.
        return parts[0] if len(parts) == 1 else self if parts else None

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(method for solver in self.solvers for method in solver.methods)

    def places(self, n: int) -> int:
        return max(solver.places(n) for solver in self.solvers)

    def block(self, n: int) -> int:
        return min(solver.block(n) for solver in self.solvers)

    def __str__(self) -> str:
        return ", ".join(map(str, self.solvers))

    def search(self, instances: Any, ns: Any, eps: Array) -> Found:
        if self.traced_sizes:
            return in_cells(self.look, instances, ns, eps)
        found, offset = None, 0
        for solver in self.searchers:
            one = solver.search(instances, solver.as_searched(ns), eps)
            found = one if found is None else _joined(found, one, offset)
            offset += len(solver.methods)
        assert found is not None
        return found

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        """What all methods together say at one size and precision."""
        first, *rest = self.searchers
        found: Found = first.look(instances, size, eps)
        offset = len(first.methods)
        for solver in rest:

            def more(found: Found, solver: Any = solver, offset: int = offset) -> Found:
                return _joined(found, solver.look(instances, size, eps), offset)

            decided = (found.error <= eps) | (found.least > eps)
            found = jax.lax.cond(jnp.all(decided), lambda found: found, more, found)
            offset += len(solver.methods)
        return found

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        found = self._checked(problem, instances, found, ns, eps)
        offset = sum(len(solver.methods) for solver in self.searchers)
        for solver in self.solvers[len(self.searchers) :]:
            assert isinstance(solver, AbstractHostSolver)
            shape = (np.shape(found.error)[0], len(ns), len(eps))
            decided = (np.asarray(found.error) <= eps) | (np.asarray(found.least) > eps)
            asked = ~np.broadcast_to(decided, shape)
            if np.any(asked):
                found = _joined(found, solver.ask(instances, asked, ns, eps), offset, np)
            offset += len(solver.methods)
        return found

    def _checked(self, problem: AbstractProblem, instances: Any, found: Any, ns: Any, eps: np.ndarray) -> Found:
        """The same without the misses whose proof does not hold."""
        if found.proof is None:
            return found
        least, who = np.array(found.least), np.asarray(found.miss_by)
        owners = [solver for solver in self.solvers for _ in solver.methods]
        given = np.array([solver.proofs for solver in owners])
        for t, i, j in np.argwhere(given[who] & (least > 0.0)):
            solver, instance = owners[who[t, i, j]], at_trial(instances, t)
            if not solver.holds(problem, instance, ns[i], float(eps[j]), found.proof[t, i, j]):
                least[t, i, j] = 0.0
        return found._replace(least=least)


def _joined(first: Found, second: Found, offset: int, xp: Any = jnp) -> Found:
    """The better mask and the larger lower bound; equals stay with the first. One for all precisions serves each."""
    first, second = _spread(first, second, xp), _spread(second, first, xp)
    better, larger = second.error < first.error, second.least > first.least
    wide = better.reshape(better.shape + (1,) * (first.mask.ndim - better.ndim))
    return Found(
        xp.where(wide, second.mask, first.mask),
        xp.minimum(first.error, second.error),
        xp.maximum(first.least, second.least),
        xp.where(better, second.hit_by + offset, first.hit_by),
        xp.where(larger, second.miss_by + offset, first.miss_by),
        proof=_proof(first, second, larger, xp),
    )


def _proof(first: Found, second: Found, larger: Any, xp: Any) -> Any:
    """The proof of the larger lower bound; a method that gives none needs none."""
    if first.proof is None or second.proof is None:
        return first.proof
    return xp.where(larger[..., None], second.proof, first.proof)


def _spread(one: Found, other: Found, xp: Any) -> Found:
    """`one` with an entry a precision if the other has that; inside a cell there is no such axis."""
    if one.error.ndim < 3 or one.error.shape[2] == other.error.shape[2] or one.error.shape[2] != 1:
        return one
    return jax.tree.map(lambda x: xp.repeat(x, other.error.shape[2], axis=2), one)


__all__ = ["InOrder"]
