"""Which entries of a long row are true: found by words of 32 of them; and which are the least.

Only what is found is handled one by one, not what is looked at: quicker on a CPU than to number all entries of a row of
which few are true, and to send each to its place.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt

from ltjax.machine import steps

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
    lane = jnp.arange(BATCH, dtype=jnp.int32)

    def some(state: tuple[Array, Array]) -> tuple[Array, Array]:
        begin, out = state
        # The word of each of these entries is the last that begins at or before it.
        here = (each > 0) & (before + each > begin)
        first = jnp.where(here, jnp.maximum(before - begin, 0), BATCH)
        word = owners(first, BATCH)
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


def owners(first: Int[Array, " m"], room: int) -> Int[Array, " room"]:
    """Which entry each place of `room` belongs to: the last that begins at or before it; 0 before the first.

    Where entries begin is counted by words of 32 bits: XLA's running maximum takes several times as long.

    Args:
        first: where each entry begins, ascending but for entries without a place, which begin at `room`.
    """
    marks, _ = _words(jnp.zeros(room, bool).at[first].set(True, mode="drop"))
    before, _ = ranks_of(jax.lax.population_count(marks).astype(jnp.int32))
    upto = jnp.uint32(0xFFFFFFFF) >> jnp.arange(WORD - 1, -1, -1, dtype=jnp.uint32)
    begun = before[:, None] + jax.lax.population_count(marks[:, None] & upto).astype(jnp.int32)
    begun = begun.reshape(-1)[:room]
    # Of entries that begin at one place the last has it.
    number = jnp.where(first < room, begun[jnp.minimum(first, room - 1)], len(first) + 1)
    index = jnp.arange(len(first), dtype=jnp.int32)
    owner = jnp.zeros(len(first) + 1, jnp.int32).at[number].max(index, mode="drop")
    return owner[begun]


def select_evenly(
    alive: Bool[Array, " m"], capacity: int
) -> tuple[Int[Array, " capacity"], Bool[Array, " capacity"], Int[Array, ""]]:
    """Indices of the true entries, at most `capacity` of them: (indices, which are in use, how many there are).

    If there are more, an evenly spaced selection stays: the walk then is a sample, and may still find hits.
    """
    return select_from(_words(alive)[0], capacity)


def select_from(
    words: UInt[Array, " words"], capacity: int
) -> tuple[Int[Array, " capacity"], Bool[Array, " capacity"], Int[Array, ""]]:
    """As `select_evenly`, of entries that are bits of words already; see `woven`."""
    each = jax.lax.population_count(words).astype(jnp.int32)
    before, count = ranks_of(each)
    share = _share(capacity, count)
    rank = _rank(jnp.arange(capacity, dtype=jnp.int32), share)
    # Each word begins at the first place that is not taken before it.
    first = jnp.floor(before * share)
    first = jnp.where(jnp.floor((before - 1) * share) == first, first + 1, first).astype(jnp.int32)
    used = rank < count

    def looked_up(word: Array, rank: Array, words: Array, before: Array) -> tuple[Array, Array]:
        return words[word], rank - before[word]

    def placed(word: Array, bits: Array, number: Array, used: Array) -> Array:
        return jnp.where(used, word * WORD + _bit(bits, number), 0)

    # Else XLA computes all of it anew for each array that is gathered by the index.
    sure = steps.known_to_hold(count)
    word = steps.step(sure, lambda first: owners(first, capacity), jnp.where(each > 0, first, capacity))
    bits, number = steps.step(sure, looked_up, word, rank, words, before)
    return steps.step(sure, placed, word, bits, number, used), used, count


def selected(words: UInt[Array, " words"], capacity: Int[Array, ""], place: Int[Array, " m"]) -> Int[Array, " m"]:
    """The entries that `select_from` put at a few places, each in use: its words are all that has to be kept of it."""
    before, count = ranks_of(jax.lax.population_count(words).astype(jnp.int32))
    rank = _rank(place, _share(capacity, count))
    word = jnp.searchsorted(before, rank, side="right").astype(jnp.int32) - 1
    return word * WORD + _bit(words[word], rank - before[word])


def _share(capacity: int | Int[Array, ""], count: Int[Array, ""]) -> Float[Array, ""]:
    """Of the true entries, those for which there is room."""
    return jnp.minimum(1.0, jnp.float32(capacity) / jnp.maximum(count, 1).astype(jnp.float32))


def _rank(place: Int[Array, " m"], share: Float[Array, ""]) -> Int[Array, " m"]:
    """The number of the true entry that a place of an even selection holds.

    The entry of a rank goes to floor(rank·share), and of those that would share one only the first does.
    """
    rank = jnp.ceil(place / share)
    rank = jnp.where(jnp.floor((rank - 1) * share) >= place, rank - 1, rank)
    return jnp.where(jnp.floor(rank * share) < place, rank + 1, rank).astype(jnp.int32)


def woven(even: Bool[Array, " m"], odd: Bool[Array, " m"]) -> UInt[Array, " words"]:
    """The words of a row that takes its entries by turns from two."""
    pairs = -len(even) % (WORD // 2)
    bit = jnp.uint32(1) << jnp.arange(0, WORD, 2, dtype=jnp.uint32)
    sides = (jnp.pad(side, (0, pairs)).reshape(-1, WORD // 2) for side in (even, odd))
    ones, twos = (jnp.sum(jnp.where(side, bit, jnp.uint32(0)), axis=1, dtype=jnp.uint32) for side in sides)
    return ones | (twos << jnp.uint32(1))


__all__ = [
    "BATCH",
    "append",
    "least",
    "owners",
    "packed",
    "ranks_of",
    "select_evenly",
    "select_from",
    "selected",
    "woven",
]
