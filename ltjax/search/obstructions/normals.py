"""Why no mask works, readout `linear`, d >= 2: too little bends near the target, and what bends there does not add up.

The nearest normal's weights (`ltjax.bounds.nearest_normal`) give a number for the target and one for each neuron that
has a normal within an angle α of ±w, and none for any other. An error of ε asks that the neurons that are kept make up
the target's number to within ε. If even all that can help do not, no mask works. Every α is a certificate of its own;
here a ladder of them is tried, from the least that can say anything at ε.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ltjax.bounds import nearest_normal
from ltjax.certify import rounding

FIRST = 0.7
"""The first α, in units of ε/c_d. The bound is at least c_d·α, and at d <= 16 at least so much of it holds below."""
STEP = 1.12
ANGLES = 36


@functools.partial(jax.jit, static_argnames=("d",))
def too_little(
    cosine: Float[Array, " n"],
    sine: Float[Array, " n"],
    kappa: Float[Array, " n"],
    window: Float[Array, ""],
    eps: Float[Array, ""],
    *,
    d: int,
) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether some α certifies that no choice of these neurons is within ε of the target, and the best α.

    Use float64: margins grow with the number of neurons. For many networks use `jax.vmap`.

    Args:
        cosine, sine: |cos| and sin of the angle between each neuron's normal and the line of w, shape (n,).
        kappa: v‖u‖, 0 for neurons that do not count, shape (n,).
        window: all neurons of the network with a normal within this angle of ±w are among these, radians, or infinity.
        eps: the error asked for.
        d: dimension, 2 to 16.

    Returns:
        out: True is a proof, once `nearest_normal.masked_bound` agrees. Never where NaN or infinity is met.
        alpha: the angle, radians, whose bound is the largest.
    """
    dtype = cosine.dtype
    step = jnp.asarray(STEP, dtype) ** jnp.arange(ANGLES)
    first = jnp.asarray(eps, dtype) * (FIRST / nearest_normal.constant(d))
    # Beyond the widest angle or the window nothing is said; those places repeat what is.
    alpha = jnp.minimum(first * step, jnp.minimum(jnp.asarray(window, dtype), nearest_normal.WIDEST))

    def bound(alpha: Array) -> Array:
        value, target, margin = nearest_normal.neuron_value(cosine, sine, alpha, d, jnp)
        total = jnp.sum(jnp.maximum(kappa * value, 0.0) + jnp.abs(kappa) * margin)
        return target - total * (1.0 + rounding.gamma(2.0 * len(kappa) + 16.0, dtype))

    bounds = jax.lax.map(bound, alpha)
    best = jnp.argmax(jnp.where(jnp.isnan(bounds), -jnp.inf, bounds))
    known = jnp.all(jnp.isfinite(cosine)) & jnp.all(jnp.isfinite(sine)) & jnp.all(jnp.isfinite(kappa))
    return known & (eps > 0.0) & (bounds[best] > eps), alpha[best]


def angles(u: Float[Array, "n d"], w: Float[Array, " d"]) -> tuple[Array, Array, Array]:
    """|cos| and sin of the angle between each row and the line of the unit vector w, and the rows' lengths, (n,).

    A zero row has no normal: cosine 0, sine 1, length 0.
    """
    length = jnp.linalg.norm(u, axis=1)
    rows = u / jnp.where(length > 0.0, length, 1.0)[:, None]
    along = jnp.matmul(rows, w, precision=jax.lax.Precision.HIGHEST)
    across = jnp.linalg.norm(rows - along[:, None] * w, axis=1)
    return jnp.abs(along), jnp.where(length > 0.0, across, 1.0), length


__all__ = ["ANGLES", "FIRST", "STEP", "angles", "too_little"]
