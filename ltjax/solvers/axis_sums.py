"""An axis target under patterns that isolate its input but not its neurons one by one: budgets, blocks across neurons.

On the line of the first input a network is Σ v_i σ(u_i1 t) over the neurons that keep that weight, and keeping nothing
else leaves just that: for these patterns too the question is one of sums.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.certify import rounding
from ltjax.patterns import Block, Budget
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import Pruning
from ltjax.problems.subset_sum import Instance
from ltjax.search.sums.few_terms import nearest_of_few
from ltjax.solvers.base import AbstractSolver, Found, each_trial, in_cells, size_class
from ltjax.solvers.nearest_sum import InQuanta, NearestSum


def _first(d: int) -> np.ndarray:
    return np.arange(d) == 0


@dataclasses.dataclass(frozen=True)
class FewTerms(AbstractSolver):
    """Budgets of one to three neurons: the best sum of so few, exactly; for both readouts.

    A network that is c·σ(x) on the line with c near 1 is its own positive part.

    Args:
        terms: the budget.
    """

    terms: int
    name = "few terms"
    question = Pruning
    traced_sizes = True
    blocks_per_chunk = 4

    def serves(self, problem: AbstractProblem) -> bool:
        fits = isinstance(problem, Pruning) and problem.on_axis and problem.rule == Budget(self.terms)
        return super().serves(problem) and fits

    def places(self, n: int) -> int:
        return size_class(n)

    def block(self, n: int) -> int:
        # Masks for every size asked for are held together.
        return int(np.clip((1 << 17) // n, 1, 64))

    def search(self, instances: Any, ns: Any, eps: Array) -> Found:
        return in_cells(self.look, instances, ns, eps)

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        del eps

        def one(network: Any, size: Array) -> Found:
            values = network.v * jnp.maximum(network.u[:, 0], 0.0)
            # A value of 0 may stand for a small positive one that the lattice has no room for: it is in the margin.
            n, used = len(values), (jnp.arange(len(values)) < size) & (values != 0.0)
            error, which = nearest_of_few(values, used, jnp.ones(()), self.terms)
            kept = jnp.zeros(n + 1, bool).at[which].set(True)[:n]
            own = jnp.arange(n) < size
            moved = self.terms * jnp.max(jnp.where(own, network.moved, 0.0))
            total = self.terms * jnp.max(jnp.where(own, jnp.abs(values), 0.0)) + 1.0
            margin = moved + rounding.subset_sum(self.terms + 2, total)
            least = jnp.maximum(error - margin, 0.0)
            zero = jnp.zeros((), jnp.int32)
            mask = kept[:, None] & _first(network.u.shape[1])
            known = jnp.isfinite(error) & jnp.isfinite(margin)
            return Found(mask, jnp.where(known, error, jnp.inf), jnp.where(known, least, 0.0), zero, zero)

        return each_trial(one, instances, size)


@dataclasses.dataclass(frozen=True)
class GroupSums(AbstractSolver):
    """Groups of R neurons that keep or cut an input together: each adds (Σ v_i u_i1⁺, Σ v_i u_i1⁻) to what has to be
    (1, 0). Readout linear: exactly a subset sum of vectors; readout relu: hits alone.

    Args:
        neurons: R.
        readout: "linear" or "relu".
    """

    neurons: int
    readout: str = "linear"
    question = Pruning
    name = "groups"

    @property
    def misses(self) -> bool:  # type: ignore[override]
        return self.readout == "linear"

    def serves(self, problem: AbstractProblem) -> bool:
        fits = isinstance(problem, Pruning) and problem.on_axis and problem.rule == Block(self.neurons, 1)
        return super().serves(problem) and fits

    @property
    def methods(self) -> tuple[str, ...]:
        return NearestSum(d=2).methods

    def block(self, n: int) -> int:
        return NearestSum(d=2).block(max(n // self.neurons, 1))

    def search(self, instances: Any, ns: tuple[int, ...], eps: Array) -> InQuanta:
        return NearestSum(d=2).search(self._sums(instances, jnp), self._groups(ns), eps)

    def read(
        self, problem: AbstractProblem, instances: Any, found: InQuanta, ns: tuple[int, ...], eps: np.ndarray
    ) -> Found:
        groups = self._groups(ns)
        sums = NearestSum(d=2).read(problem, self._sums(instances, np), found, groups, eps)
        n, d = instances.u.shape[1:]
        mask = np.repeat(sums.mask, self.neurons, axis=3)[..., :n]
        least = sums.least if self.misses else np.zeros_like(sums.least)
        return sums._replace(mask=mask[..., None] & _first(d), least=least)

    def _groups(self, ns: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(n // self.neurons for n in ns)

    def _sums(self, network: Any, xp: Any) -> Instance:
        """The subset-sum problem of vectors that start networks pose; one more of nothing, so that there is one."""
        count = network.v.shape[-1] // self.neurons * self.neurons
        signed = xp.stack([xp.maximum(network.u[..., 0], 0.0), xp.maximum(-network.u[..., 0], 0.0)], axis=-1)
        each = (network.v[..., None] * signed)[..., :count, :]
        values = each.reshape(*each.shape[:-2], -1, self.neurons, 2).sum(axis=-2)
        moved = network.moved[..., :count].reshape(*each.shape[:-2], -1, self.neurons).sum(axis=-1)
        one = xp.ones(values.shape[:-2], values.dtype)
        values = xp.concatenate([values, xp.zeros((*one.shape, 1, 2), values.dtype)], axis=-2)
        moved = xp.cumsum(xp.concatenate([moved, 0.0 * one[..., None]], axis=-1), axis=-1)
        return Instance(values, xp.stack([one, 0.0 * one], axis=-1), moved, one * xp.inf)


__all__ = ["FewTerms", "GroupSums"]
