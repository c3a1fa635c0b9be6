"""Neuron pruning on the line without bias: every kink is at 0, and the problem is subset sum (NP-6)."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ltjax.laws import Law, get_law
from ltjax.networks import sample_weights
from ltjax.problems import subset_sum
from ltjax.problems.base import AbstractProcedure, Decision


class Instance(NamedTuple):
    """The weights of a start network, and the subset-sum problem that they pose."""

    u: Float[Array, "n 1"]
    v: Float[Array, " n"]
    sums: subset_sum.Instance


@dataclasses.dataclass(frozen=True)
class LinePruning(AbstractProcedure):
    """Both sides of 0 part: the neurons with u > 0 have to add up to 1 there, the others are taken out.

    For both readouts: a network that is 0 for x < 0 and c·x for x > 0 with c near 1 is its own positive part.
    """

    law: Law | str = "normal"
    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)

    @property
    def _sums(self) -> subset_sum.SubsetSum:
        return subset_sum.SubsetSum(law=f"{get_law(self.law).name}-relu-product", target=1.0, dtype="float64")

    @property
    def max_n(self) -> int:
        return self._sums.max_n

    @property
    def uses_float64(self) -> bool:
        return True

    def block(self, n: int) -> int:
        return self._sums.block(n)

    def first_guess(self, eps: float) -> int:
        return min(self.max_n, 2 * self._sums.first_guess(eps))

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"dtype": "float64"}

    def searched_as(self) -> "LinePruning":
        return dataclasses.replace(self, law="normal")

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        weights = sample_weights(key, n, 1, self.law, dtype=jnp.float64)
        values = weights.v * jnp.maximum(weights.u[:, 0], 0.0)
        # A value of 0 may stand for a small positive one that the lattice has no room for.
        return Instance(
            weights.u, weights.v, subset_sum.Instance(values, jnp.ones((), float), jnp.cumsum(weights.moved))
        )

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Float[Array, " eps"]) -> subset_sum.Found:
        return self._sums.search(instances.sums, ns, eps)

    def judge(
        self, instances: Instance, found: subset_sum.Found, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]
    ) -> Decision:
        decision = self._sums.judge(jax.tree.map(np.asarray, instances.sums), found, ns, eps)
        # A neuron with u <= 0 adds nothing to the sum but would act on x < 0.
        mask = decision.witness["mask"].astype(bool) & (instances.u[:, None, :, 0] > 0.0)
        instance = {"u": instances.u, "v": instances.v, "w": np.ones((len(instances.v), 1))}
        return dataclasses.replace(decision, instance=instance, witness={"mask": mask})
