"""Steps: the same numbers, in a conditional of their own on a CPU."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.machine import steps
from ltjax.search.sums import nearest


def doubled(x, y):
    return 2 * x, (x + y).sum()


def by_itself(x, y):
    return steps.step(steps.known_to_hold(x[0]), doubled, x, y)


@pytest.mark.parametrize("first", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_a_step_computes_what_its_function_does(first):
    x, y = jnp.array([first, 3, 4], jnp.int32), jnp.arange(3, dtype=jnp.int32)
    for ours, plain in zip(jax.jit(by_itself)(x, y), doubled(x, y), strict=True):
        np.testing.assert_array_equal(ours, plain)
    many = jax.vmap(by_itself)(jnp.stack([x, x + 1]), jnp.stack([y, y]))
    np.testing.assert_array_equal(many[0], 2 * jnp.stack([x, x + 1]))


def compiled(fn, *operands):
    text = jax.jit(fn).lower(*operands).compile().as_text()
    assert text
    return text


def test_the_compiler_does_not_find_out():
    """Otherwise nothing would be kept apart any more, and nobody would notice but by the clock."""
    x = jnp.arange(8, dtype=jnp.int32)
    assert " conditional(" in compiled(by_itself, x, x)


@pytest.mark.parametrize(("trials", "several"), [(nearest.ROW // 4, True), (1, False)])
def test_merges_of_wide_rows_are_steps(trials, several):
    a = jnp.sort(jax.random.randint(jax.random.key(0), (64, trials), -99, 99), axis=0)
    # Seven stages, two a step.
    assert compiled(nearest.merge, a, a + 1).count(" conditional(") == (4 if several else 0)
