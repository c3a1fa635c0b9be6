"""A problem from outside: block pruning on the line. Neurons are cut in blocks, never one by one."""

import dataclasses

import jax.numpy as jnp

from ltjax import AbstractProblem
from ltjax.networks import sample_weights


@dataclasses.dataclass(frozen=True)
class BlockPruning(AbstractProblem):
    """Blocks of neurons on the line, against the target σ(x).

    Args:
        size: neurons in a block.
    """

    size: int = 2
    name = "block-pruning"

    def draw(self, key, n):
        weights = sample_weights(key, n * self.size, 1)
        u, v, moved = (x.reshape(n, self.size) for x in (weights.u, weights.v, weights.moved))
        sides = {"right": v * jnp.maximum(u, 0), "left": v * jnp.maximum(-u, 0), "moved": moved}
        return {name: each.sum(axis=1) for name, each in sides.items()}

    def error(self, instance, mask, eps=None):
        right, left = (float(instance[side][mask].sum()) for side in ("right", "left"))
        error = max(abs(right - 1.0), abs(left))
        return error - 1e-12, error + 1e-12
