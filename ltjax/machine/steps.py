"""Parts of a program that XLA's CPU compiler leaves as they are.

XLA computes a number again wherever it is read, rather than keep it, until a loop is full of the same numbers. It does
not do so across the bounds of a conditional, and no barrier that it knows of lasts until loops are made.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int


def step(sure: Bool[Array, ""], fn: Callable[..., Any], *operands: Array) -> Any:
    """`fn(*operands)`; on a CPU as the branch of a conditional that is always taken.

    Args:
        sure: what always holds, and no compiler finds out (`known_to_hold`).
        fn: traceable, from arrays to a pytree of arrays.
    """

    def taken(*operands: Array) -> Any:
        shapes = jax.eval_shape(fn, *operands)
        return jax.lax.cond(sure, fn, lambda *_: jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), *operands)

    return jax.lax.platform_dependent(*operands, cpu=taken, default=fn)


def known_to_hold(x: Int[Array, ""]) -> Bool[Array, ""]:
    """That the last bit of a whole number is no more than one."""
    return (x & 1) < 2


__all__ = ["known_to_hold", "step"]
