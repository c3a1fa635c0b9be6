"""Numbers below the least normal one, which XLA on a CPU takes for zero in all of its arithmetic."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def is_zero(x: Float[Array, "*shape"]) -> Bool[Array, "*shape"]:
    """Whether entries are zero by their bits; x holds floats of 16, 32 or 64 bits.

    The sign bit is multiplied out, behind a barrier. Where it is shifted out or masked, LLVM turns the comparison
    with 0 into one of floats, in some fusions, and that takes numbers below the least normal one for zero as well.
    """
    bits = jax.lax.bitcast_convert_type(x, {16: jnp.uint16, 32: jnp.uint32, 64: jnp.uint64}[jnp.finfo(x.dtype).bits])
    return jax.lax.optimization_barrier(bits * 6) == 0


__all__ = ["is_zero"]
