"""Local search: change what one neuron keeps, or two at once, while that lowers the error at points. Hits only.

A row has few states: what the pattern lets a neuron keep. A swap changes two neurons, of which one alone is among the
best single changes.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

PAIRS = 24
"""The best single changes, of which all pairs are tried."""


def swap_states(
    key: Key[Array, ""],
    values: Float[Array, "n states points"],
    target: Float[Array, " points"],
    *,
    readout: str = "linear",
    starts: int = 8,
    steps: int = 60,
) -> tuple[Float[Array, ""], Int[Array, " n"]]:
    """The states that no change and no swap improves: the best of some descents.

    Args:
        key: of the starts; one starts with nothing.
        values: what each neuron in each state adds at the points; state 0 adds nothing.
        target: the target's values there.
        readout: "linear" or "relu".
        starts, steps: descents; changes in each, at most.

    Returns:
        the largest error at the points, and each neuron's state.
    """
    n, count, _ = values.shape
    first_key, chance_key = jax.random.split(key)
    drawn = jax.random.randint(first_key, (starts, n), 0, count)
    open_ = jax.random.uniform(chance_key, (starts, n)) < jnp.linspace(0.0, 0.6, starts)[:, None]
    states = jnp.where(open_, drawn, 0)
    row = jnp.arange(n)

    def off(sums: Array) -> Array:
        return jnp.max(jnp.abs((jnp.maximum(sums, 0.0) if readout == "relu" else sums) - target), axis=-1)

    def step(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        chosen, error = state
        now = values[row, chosen]
        sums = jnp.sum(now, axis=0)
        change = (values - now[:, None]).reshape(n * count, -1)
        single = off(sums + change)
        near = jax.lax.top_k(-single, min(PAIRS, n * count))[1]
        pair = off(sums + change[near][:, None] + change[near][None])
        neuron = near // count
        pair = jnp.where(neuron[:, None] != neuron[None], pair, jnp.inf)
        at = jnp.argmin(pair)
        i, j = near[at // len(near)], near[at % len(near)]
        one = jnp.argmin(single)
        swapped = jnp.min(pair) < single[one]
        i = jnp.where(swapped, i, one)
        after = chosen.at[i // count].set(i % count)
        after = jnp.where(swapped, after.at[j // count].set(j % count), after)
        lower = jnp.minimum(jnp.min(pair), single[one])
        better = lower < error
        return (jnp.where(better, after, chosen), jnp.where(better, lower, error)), None

    def descend(chosen: Array) -> tuple[Array, Array]:
        error = off(jnp.sum(values[row, chosen], axis=0))
        return jax.lax.scan(step, (chosen, error), None, length=steps)[0]

    chosen, error = jax.vmap(descend)(states)
    error = jnp.where(jnp.isnan(error), jnp.inf, error)
    best = jnp.argmin(error)
    return error[best], chosen[best]


def add_up(
    u: Float[Array, "n d"], v: Float[Array, " n"], states: Bool[Array, "states d"], points: Float[Array, "points d"]
) -> Float[Array, "n states points"]:
    """What each neuron adds at the points in each state."""
    return v[:, None, None] * jnp.maximum((u[:, None] * states) @ points.T, 0.0)


__all__ = ["add_up", "swap_states"]
