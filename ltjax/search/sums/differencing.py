"""Karmarkar and Karp's differencing (1982): what polynomial time finds of subset sums.

The two largest numbers are put on opposite sides: their difference takes their place, until one number is left, which
is the difference of the two sides. Of n random numbers it is about exp(-c·ln²n), while the least is about 2^-n.
A subset of x_1..x_n with a sum near z is such a division of |x_1|, …, |x_n| and |2z - Σx|: a subset S and the rest
differ by 2Σ_S x - Σx.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def differencing(numbers: Float[Array, " n"]) -> tuple[Float[Array, ""], Bool[Array, " n"]]:
    """The difference of two sides of numbers that are at least 0, and which are on the first side."""
    n = numbers.shape[0]

    def step(x: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
        i = jnp.argmax(x)
        rest = x.at[i].set(-1.0)
        j = jnp.argmax(rest)
        return rest.at[j].set(-1.0).at[i].set(x[i] - x[j]), (i, j)

    left, (stays, goes) = jax.lax.scan(step, numbers, None, length=n - 1)

    def divide(side: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        i, j = pair
        return side.at[j].set(~side[i]), None

    side, _ = jax.lax.scan(divide, jnp.ones(n, bool), (stays, goes), reverse=True)
    return jnp.max(left), side


def sum_by_differencing(values: Float[Array, " n"], target: Float[Array, ""]) -> Bool[Array, " n"]:
    """A subset with a sum near the target."""
    need = 2.0 * target - jnp.sum(values)
    _, side = differencing(jnp.abs(jnp.append(values, need)))
    # Signs s with Σ s_i·x_i = need: those of |x_i| on one side, that of |need| on the other, turned to fit.
    plus = (side[:-1] != side[-1]) == (need >= 0.0)
    return plus == (values >= 0.0)


__all__ = ["differencing", "sum_by_differencing"]
