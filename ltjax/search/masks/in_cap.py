"""Masks of the neurons with the nearest normals, d >= 3: all subsets of the few that lie best. Hits only, at any ε.

Neurons with ⟨u, w⟩ > 0 and normals within a small angle of w nearly make κ·σ(⟨w, x⟩) each, so that an error of ε asks
for some whose jumps add up to about 1 and whose tilts cancel. The search costs the same at any ε.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ltjax.search.masks.at_points import ALL_TERMS, least_errors

LARGEST = 2.0
"""Neurons with a larger jump are left out: few sums that end at 1 begin so."""
POINTS = 192
"""Where subsets are compared: half of them all over the sphere, half as near the target's kink as the neurons bend."""


def best_in_cap(
    key: Array,
    u: Float[Array, "n d"],
    v: Float[Array, " n"],
    w: Float[Array, " d"],
    usable: Bool[Array, " n"],
    eps: Float[Array, ""],
) -> tuple[Float[Array, ""], Bool[Array, " n"]]:
    """The best subset, at points, of up to 13 neurons with normals near w. Readout `linear`.

    Args:
        key: typed key of the points.
        u: rows, shape (n, d); v: output weights, shape (n,); w: the target's unit direction, shape (d,).
        usable: neurons that may be kept, shape (n,).
        eps: jumps of less than half of it are left out.

    Returns:
        the error at the points, infinite if no neuron will do or where NaN is met, and the mask, shape (n,).
    """
    n, d = u.shape
    count = min(n, ALL_TERMS)
    length = jnp.linalg.norm(u, axis=1)
    rows = u / jnp.where(length > 0.0, length, 1.0)[:, None]
    along = rows @ w
    sine = jnp.linalg.norm(rows - along[:, None] * w, axis=1)
    kappa = v * length
    good = usable & (along > 0.0) & (jnp.abs(kappa) <= LARGEST) & (jnp.abs(kappa) >= 0.5 * eps)
    _, chosen = jax.lax.top_k(jnp.where(good, -sine, -jnp.inf), count)
    good, kappa = good[chosen], jnp.where(good[chosen], kappa[chosen], 0.0)
    x = jax.random.normal(key, (POINTS, d), u.dtype)
    near = jnp.max(jnp.where(good, sine[chosen], 0.0))
    height = jnp.where(jnp.arange(POINTS) % 2 == 0, x @ w, near * (x @ w))
    flat = x - (x @ w)[:, None] * w
    # Near the kink a unit point is as far from it as it is high.
    flat = (
        flat
        * (jnp.sqrt(jnp.maximum(1.0 - jnp.minimum(jnp.abs(height), 0.9) ** 2, 0.0)) / jnp.linalg.norm(flat, axis=1))[
            :, None
        ]
    )
    points = jnp.concatenate([flat + jnp.clip(height, -0.9, 0.9)[:, None] * w, w[None]])
    values = (jnp.maximum(points @ rows[chosen].T, 0.0) * kappa).T
    error, mask = least_errors(values, jnp.maximum(points @ w, 0.0), (count,))
    known = jnp.any(good) & ~jnp.isnan(error[0])
    whole = jnp.zeros(n, bool).at[chosen].set(mask[0] & good)
    return jnp.where(known, error[0], jnp.inf), whole


__all__ = ["LARGEST", "POINTS", "best_in_cap"]
