"""Which entries of a long row are true: found by words of 32 of them; and which are the least.

Only what is found is handled one by one, not what is looked at: quicker on a CPU than to number all entries of a row of
which few are true, and to send each to its place.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

WORD = 32
BATCH = 512
"""Entries that are written together."""


def ranks_of(counts: Int[Array, " m"]) -> tuple[Int[Array, " m"], Int[Array, ""]]:
    """Sum of the entries before each one, and the sum of all."""
    upto = jnp.cumsum(counts, dtype=jnp.int32)
    return upto - counts, upto[-1]


def _words(chosen: Bool[Array, " m"]) -> tuple[UInt[Array, " words"], Int[Array, " words"]]:
    """Entries as the bits of words, the first one lowest, and how many are true in each."""
    bits = jnp.pad(chosen, (0, -len(chosen) % WORD)).reshape(-1, WORD)
    one = jnp.uint32(1) << jnp.arange(WORD, dtype=jnp.uint32)
    words = jnp.sum(jnp.where(bits, one, jnp.uint32(0)), axis=1, dtype=jnp.uint32)
    return words, jax.lax.population_count(words).astype(jnp.int32)


def _bit(words: UInt[Array, " m"], number: Int[Array, " m"]) -> Int[Array, " m"]:
    """Which bit of each word is its true one of that number, counted from 0: by halves."""
    at, left = jnp.zeros(words.shape, jnp.int32), number
    for half in (16, 8, 4, 2, 1):
        low = (words >> at.astype(jnp.uint32)) & jnp.uint32((1 << half) - 1)
        count = jax.lax.population_count(low).astype(jnp.int32)
        above = left >= count
        at, left = jnp.where(above, at + half, at), jnp.where(above, left - count, left)
    return at


def append(
    out: Int[Array, " room"],
    count: Int[Array, ""],
    chosen: Bool[Array, " m"],
    value: Callable[[Int[Array, " batch"]], Int[Array, " batch"]],
) -> tuple[Int[Array, " room"], Int[Array, ""]]:
    """Write what the true entries' places stand for behind the first `count` of `out`; and how many these are now.

    Args:
        out: with `BATCH` places more than are read: beyond the last there may be anything.
        count: how many are written; where there are more than places, the last are lost.
        chosen: the entries.
        value: of places.
    """
    words, each = _words(chosen)
    before, number = ranks_of(each)
    index, lane = jnp.arange(len(words), dtype=jnp.int32), jnp.arange(BATCH, dtype=jnp.int32)

    def some(state: tuple[Array, Array]) -> tuple[Array, Array]:
        begin, out = state
        # The word of each of these entries is the last that begins at or before it.
        here = (each > 0) & (before + each > begin)
        first = jnp.where(here, jnp.maximum(before - begin, 0), BATCH)
        word = jax.lax.cummax(jnp.zeros(BATCH, jnp.int32).at[first].max(index, mode="drop"))
        place = word * WORD + _bit(words[word], begin + lane - before[word])
        place = jnp.where(begin + lane < number, place, 0)
        return begin + BATCH, jax.lax.dynamic_update_slice_in_dim(out, value(place), count + begin, 0)

    _, out = jax.lax.while_loop(lambda state: state[0] < number, some, (jnp.zeros((), jnp.int32), out))
    return out, count + number


def packed(chosen: Bool[Array, " m"]) -> tuple[Int[Array, " m"], Int[Array, ""]]:
    """The places of the true entries first, in order, then others; and how many are true."""
    room = jnp.zeros(len(chosen) + BATCH, jnp.int32)
    places, count = append(room, jnp.zeros((), jnp.int32), chosen, lambda place: place)
    return places[: len(chosen)], count


def least(values: Float[Array, " m"], count: int) -> Int[Array, " count"]:
    """Places of the least values, the least first; ranked in float32, of which equals are taken in their order.

    XLA's own selection for CPUs is one of float32: of float64 it sorts all, which takes far longer.
    """
    return jax.lax.top_k(-values.astype(jnp.float32), count)[1]


def select_evenly(
    alive: Bool[Array, " m"], capacity: int
) -> tuple[Int[Array, " capacity"], Bool[Array, " capacity"], Int[Array, ""]]:
    """Indices of the true entries, at most `capacity` of them: (indices, which are in use, how many there are).

    If there are more, an evenly spaced selection stays: the walk then is a sample, and may still find hits.
    """
    words, each = _words(alive)
    before, count = ranks_of(each)
    share = jnp.minimum(1.0, capacity / jnp.maximum(count, 1))

    def place(rank: Array) -> Array:
        return jnp.floor(rank * share)

    # The entry of a rank goes to place(rank), and of those that would share one only the first does.
    slot = jnp.arange(capacity, dtype=jnp.int32)
    rank = jnp.ceil(slot / share)
    rank = jnp.where(place(rank - 1) >= slot, rank - 1, rank)
    rank = jnp.where(place(rank) < slot, rank + 1, rank).astype(jnp.int32)
    # Each word begins at the first place that is not taken before it.
    first = place(before)
    first = jnp.where(place(before - 1) == first, first + 1, first).astype(jnp.int32)
    index = jnp.arange(len(words), dtype=jnp.int32)
    first = jnp.where(each > 0, first, capacity)
    word = jax.lax.cummax(jnp.zeros(capacity, jnp.int32).at[first].max(index, mode="drop"))
    used = rank < count
    return jnp.where(used, word * WORD + _bit(words[word], rank - before[word]), 0), used, count


__all__ = ["BATCH", "append", "least", "packed", "ranks_of", "select_evenly"]
