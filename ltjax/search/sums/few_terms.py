"""The nearest sum of at most one, two or three of many numbers, exactly."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

MOST_TERMS = 3


def nearest_of_few(
    values: Float[Array, " n"], used: Bool[Array, " n"], target: Float[Array, ""], terms: int
) -> tuple[Float[Array, ""], Int[Array, " {terms}"]]:
    """The distance from the target to the nearest sum of at most `terms` different numbers, none included.

    All sums of `terms` - 1 numbers are made, and each meets its nearest partners in the sorted list: among 2·`terms`
    neighbours of the place where the best would be, at most `terms` - 1 are taken already.

    Args:
        values: the numbers, (n,); where `used` is False they do not count.
        target: what is to be reached.
        terms: 1 to 3; time and memory grow as n^(terms - 1).

    Returns:
        the distance, NaN where any number that counts or the target is NaN; which numbers, -1 in places left empty.
    """
    n = values.shape[0]
    if terms == 1:
        known = jnp.isfinite(target) & jnp.all(jnp.isfinite(values) | ~used)
        off = jnp.where(used, jnp.abs(values - target), jnp.inf)
        best = jnp.argmin(off)
        empty = jnp.abs(target) <= off[best]
        return jnp.where(known, jnp.minimum(off[best], jnp.abs(target)), jnp.nan), jnp.where(empty, -1, best)[None]
    line = jnp.where(used, values, jnp.inf)
    order = jnp.argsort(line)
    line = line[order]
    count = jnp.sum(used)

    def completed(part: Array, taken: Array) -> tuple[Array, Array]:
        """The best last number for one partial sum of the numbers at some places of the line, -1: none."""
        at = jnp.searchsorted(line, target - part) + jnp.arange(-terms, terms)
        free = (at >= 0) & (at < count) & ~jnp.any(at[:, None] == taken, axis=1)
        off = jnp.where(free, jnp.abs(part + line[jnp.clip(at, 0, n - 1)] - target), jnp.inf)
        best = jnp.argmin(off)
        alone = jnp.abs(part - target) <= off[best]
        return jnp.where(alone, jnp.abs(part - target), off[best]), jnp.where(alone, -1, at[best])

    place = jnp.arange(n)
    listed = place < count

    def best_of(part: Array, taken: Array, possible: Array) -> tuple[Array, Array]:
        """The best of many partial sums: its distance, and the places of its numbers."""
        off, last = jax.vmap(completed)(part, taken)
        off = jnp.where(possible, off, jnp.inf)
        best = jnp.argmin(off)
        return off[best], jnp.append(taken[best], last[best])

    # A partial sum may be short: then the places of the numbers that it lacks are -1.
    one = jnp.where(listed, line, 0.0)
    if terms == 2:
        off, places = best_of(jnp.append(one, 0.0), jnp.append(place, -1)[:, None], jnp.append(listed, True))
    else:

        def row(first: Array) -> tuple[Array, Array]:
            # The pairs of one number with those behind it, and the number alone.
            pair = jnp.append(one[first] + one, one[first])
            taken = jnp.stack([jnp.full(n + 1, first), jnp.append(place, -1)], axis=1)
            return best_of(pair, taken, jnp.append(listed & (place > first), True) & listed[first])

        each, where = jax.lax.map(row, place)
        best = jnp.argmin(each)
        off, places = each[best], where[best]
        empty = jnp.abs(target) <= off
        off, places = jnp.where(empty, jnp.abs(target), off), jnp.where(empty, -1, places)
    known = jnp.isfinite(target) & jnp.all(jnp.isfinite(values) | ~used)
    return jnp.where(known, off, jnp.nan), jnp.where(places >= 0, order[places], -1)


__all__ = ["MOST_TERMS", "nearest_of_few"]
