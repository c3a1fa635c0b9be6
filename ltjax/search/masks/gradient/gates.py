"""Scores as masks of a pattern: a score for each thing that is kept or cut, and what may be kept together."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ltjax.arguments import ArgumentError
from ltjax.patterns import NM, AbstractPattern, Block, Budget, Exactly, Rows, RowsAndColumns, Weights


class Gates(NamedTuple):
    """How scores become masks of n neurons with d inputs.

    Attributes:
        shape: of the scores.
        spread: a score for every weight, (n, d); differentiable.
        allowed: which weights may be kept together, (n, d): where few of several may, those with the highest scores.
    """

    shape: tuple[int, ...]
    spread: Callable[[Array], Array]
    allowed: Callable[[Array], Array]

    def mask(self, scores: Float[Array, "..."], threshold: Float[Array, ""] | float) -> Bool[Array, "n d"]:
        """The weights with scores above a threshold, as far as they are allowed together."""
        return (self.spread(scores) > threshold) & self.allowed(scores)


def gates_for(pattern: AbstractPattern, n: int, d: int) -> Gates:
    """The gates of a pattern.

    Raises:
        ArgumentError: for a pattern of one's own: nothing is known of how its masks are made.
    """

    def itself(scores: Array) -> Array:
        return scores

    def every(scores: Array) -> Array:
        del scores
        return jnp.ones((n, d), bool)

    match pattern:
        case Rows():
            return Gates((n, 1), lambda s: jnp.broadcast_to(s, (n, d)), every)
        case Weights():
            return Gates((n, d), itself, every)
        case Block(neurons=r, inputs=c):
            whole = jnp.broadcast_to((jnp.arange(n) < n - n % r)[:, None], (n, d))
            return Gates(
                (-(-n // r), -(-d // c)),
                lambda s: jnp.repeat(jnp.repeat(s, r, axis=0)[:n], c, axis=1)[:, :d],
                lambda s: whole,
            )
        case NM(kept=kept, among=m):
            return Gates((n, d), itself, lambda s: _first_in_groups(s, kept, m))
        case Exactly(kept=kept):
            mean = lambda s: jnp.sort(s, axis=1)[:, d - kept :].mean(axis=1, keepdims=True)  # noqa: E731
            return Gates((n, d), lambda s: jnp.broadcast_to(mean(s), (n, d)), lambda s: _ranks(s) < kept)
        case Budget(most=most):
            return Gates((n, d), itself, lambda s: most > _ranks(s.T).T)
        case RowsAndColumns():
            return Gates((n + d,), lambda s: jnp.minimum(s[:n, None], s[None, n:]), every)
    raise ArgumentError(f"pattern={pattern.name!r} is not allowed: a search by gradient knows no gates for it")


def _ranks(x: Array) -> Array:
    """The place of each number in its row, the largest first."""
    return jnp.argsort(jnp.argsort(-x, axis=-1), axis=-1)


def _first_in_groups(each: Array, kept: int, among: int) -> Array:
    n, d = each.shape
    wide = jnp.pad(each, ((0, 0), (0, -d % among)), constant_values=-jnp.inf)
    return (_ranks(wide.reshape(n, -1, among)) < kept).reshape(n, -1)[:, :d]


__all__ = ["Gates", "gates_for"]
