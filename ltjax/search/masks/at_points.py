"""Masks judged at finitely many points: all of them for few neurons, a local search for many.

An error at points is never more than the supremum. If every mask is off by more than ε at some point, none
works: a miss, whatever the dimension and the readout. A mask that does well at all points is a candidate for
a hit, to be certified elsewhere.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

ALL_TERMS = 13
"""Up to here all masks are looked at: 2^13 of them at some hundred points are megabytes."""


def point_errors(
    sums: Float[Array, "*masks points"], target: Float[Array, " points"], readout: str
) -> Float[Array, "*masks"]:
    """The largest error at the points, from the values Σ m_i v_i σ(…) there; readout "linear" or "relu"."""
    g = jnp.maximum(sums, 0.0) if readout == "relu" else sums
    return jnp.max(jnp.abs(g - target), axis=-1)


@functools.partial(jax.jit, static_argnames=("sizes", "readout"))
def least_errors(
    values: Float[Array, "n points"],
    target: Float[Array, " points"],
    sizes: tuple[int, ...],
    counting: Bool[Array, "sizes points"] | None = None,
    *,
    readout: str = "linear",
) -> tuple[Float[Array, " sizes"], Bool[Array, "sizes n"]]:
    """The least error at the points that any mask of the first k neurons has, for each k in `sizes`, and that mask.

    Args:
        values: every neuron's v_i σ(…) at the points, shape (n, points), n at most `ALL_TERMS`.
        target: the target's values there, shape (points,).
        sizes: numbers of leading neurons, 0 to n.
        counting: which points count for each size; all if not given.
        readout: "linear" or "relu".

    Returns:
        the errors and masks; NaN where any of the first k neurons or the target holds NaN or infinity, which is
        neither a hit nor a miss.
    """
    n = values.shape[0]
    sums = jnp.zeros((1, values.shape[1]), values.dtype)
    for k in range(n):  # mask number j holds neuron k if bit k of j is set: those of the first k are a prefix
        sums = jnp.concatenate([sums, sums + values[k]])
    g = jnp.maximum(sums, 0.0) if readout == "relu" else sums
    off = jnp.abs(g - target)
    errors, best = [], []
    for i, k in enumerate(sizes):
        own = off[: 1 << k] if counting is None else jnp.where(counting[i], off[: 1 << k], 0.0)
        error = jnp.max(own, axis=1)
        best.append(jnp.argmin(error))
        errors.append(error[best[-1]])
    # A NaN among the sums is what argmin finds; an infinity it would pass over.
    broken = jnp.append(~jnp.all(jnp.isfinite(target)), ~jnp.all(jnp.isfinite(values), axis=1))
    broken = (jnp.cumsum(broken) > 0)[jnp.asarray(sizes)]
    return jnp.where(broken, jnp.nan, jnp.stack(errors)), (jnp.stack(best)[:, None] >> jnp.arange(n)) % 2 == 1


@functools.partial(jax.jit, static_argnames=("readout", "starts", "steps"))
def descend(
    key: Array,
    values: Float[Array, "n points"],
    target: Float[Array, " points"],
    usable: Bool[Array, " n"],
    *,
    readout: str = "linear",
    starts: int = 16,
    steps: int = 60,
) -> tuple[Float[Array, ""], Bool[Array, " n"]]:
    """A mask that no change of a single neuron improves: the best of some steepest descents. Hits only.

    Args:
        key: typed key of the random starts; one start is the empty mask.
        values, target, readout: as for `least_errors`, any n.
        usable: neurons that may be kept, shape (n,).
        starts: descents; steps: changes in each, at most.

    Returns:
        the error at the points and the mask.
    """
    n = values.shape[0]
    chance = jnp.linspace(0.0, 0.6, starts)[:, None]
    # Neurons first: the starts of the first k neurons do not depend on how many there are.
    masks = (chance > jax.random.uniform(key, (n, starts)).T) & usable

    def step(masks: Array, _: None) -> tuple[Array, None]:
        sums = masks.astype(values.dtype) @ values
        change = jnp.where(masks, -1.0, 1.0)[:, :, None] * values
        after = jnp.where(usable, point_errors(sums[:, None, :] + change, target, readout), jnp.inf)
        at = jnp.argmin(after, axis=1)
        better = after[jnp.arange(starts), at] < point_errors(sums, target, readout)
        return jnp.where(better[:, None], masks ^ (jnp.arange(n) == at[:, None]), masks), None

    masks = jax.lax.scan(step, masks, None, length=steps)[0]
    errors = point_errors(masks.astype(values.dtype) @ values, target, readout)
    errors = jnp.where(jnp.isnan(errors), jnp.inf, errors)
    best = jnp.argmin(errors)
    return errors[best], masks[best]


__all__ = ["ALL_TERMS", "descend", "least_errors", "point_errors"]
