"""Which entries of a row are true, beside NumPy; a selection of them, beside its definition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.search.masks import selection

LENGTHS = (1, 2, 31, 32, 33, 1000, 4096)


def rows():
    """Rows of many lengths, from empty to full."""
    rng = np.random.default_rng(0)
    for m in LENGTHS:
        for share in (0.0, 0.03, 0.5, 1.0):
            yield rng.random(m) < share


def test_the_true_entries_come_first():
    packed = jax.jit(selection.packed)
    for chosen in rows():
        places, count = packed(jnp.asarray(chosen))
        np.testing.assert_array_equal(places[: int(count)], np.flatnonzero(chosen))
        assert len(places) == len(chosen)
        assert np.all((places >= 0) & (places < len(chosen)))


@pytest.mark.parametrize("capacity", [8, 600])
def test_what_is_appended_follows_what_is_there_and_only_the_last_are_lost(capacity):
    append = jax.jit(lambda out, count, chosen: selection.append(out, count, chosen, lambda place: 10 * place))
    out, count, wanted = jnp.zeros(capacity + selection.BATCH, jnp.int32), jnp.zeros((), jnp.int32), []
    for chosen in (row for row in rows() if len(row) == 1000):
        out, count = append(out, count, jnp.asarray(chosen))
        wanted += (10 * np.flatnonzero(chosen)).tolist()
        kept = min(len(wanted), capacity)
        assert count == len(wanted)
        np.testing.assert_array_equal(out[:kept], wanted[:kept])


@pytest.mark.parametrize("capacity", [1, 7, 64, 5000])
def test_an_even_selection_keeps_the_first_of_those_that_share_a_place(capacity):
    select = jax.jit(selection.select_evenly, static_argnames="capacity")
    for alive in rows():
        index, used, count = select(jnp.asarray(alive), capacity=capacity)
        assert count == alive.sum()
        there = np.flatnonzero(alive)
        share = np.float32(min(1.0, np.float32(capacity) / np.float32(max(len(there), 1))))
        places = np.floor(np.arange(len(there), dtype=np.float32) * share)
        first = np.concatenate([[True], np.diff(places) > 0])[: len(there)]
        np.testing.assert_array_equal(np.asarray(index)[np.asarray(used)], there[first])
        assert np.all(np.asarray(used)[: int(used.sum())])


@pytest.mark.parametrize("capacity", [1, 7, 64, 5000])
def test_children_are_woven_and_a_few_are_found_again(capacity):
    """From the words alone, as a walk keeps them; the capacity is a number of the program then."""
    select = jax.jit(selection.select_from, static_argnames="capacity")
    for even in rows():
        odd = np.roll(even, 1)
        words = selection.woven(jnp.asarray(even), jnp.asarray(odd))
        index, used, count = select(words, capacity=capacity)
        expected = selection.select_evenly(jnp.asarray(np.stack([even, odd], axis=1).reshape(-1)), capacity)
        for one, other in zip((index, used, count), expected, strict=True):
            np.testing.assert_array_equal(one, other)
        place = np.flatnonzero(used)[::3]
        again = jax.jit(selection.selected)(words, jnp.asarray(capacity, jnp.int32), jnp.asarray(place, jnp.int32))
        np.testing.assert_array_equal(again, np.asarray(index)[place])


@pytest.mark.parametrize("count", [1, 40, 1000])
def test_the_least_are_ranked_in_float32_and_equals_in_their_order(count):
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        values = jnp.asarray(np.where(rng.random(1000) < 0.3, np.inf, rng.integers(0, 50, 1000) * (1.0 + 1e-12)))
        places = np.asarray(selection.least(values, count))
    assert np.array_equal(places, np.argsort(np.asarray(values, np.float32), kind="stable")[:count])
