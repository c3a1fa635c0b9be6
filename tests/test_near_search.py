"""The hit search for small ε: what it promises is (nearly) so, what is found is a hit, and there are many."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.networks import near as breakpoints
from ltjax.search import plane as planar
from ltjax.search.masks import near_kink as near_search


@pytest.mark.parametrize(("eps", "x64"), [(1e-2, False), (1e-3, False), (1e-5, True)])
def test_many_hits_at_six_over_eps(eps, x64):
    trials, n = 40, round(6 / eps)
    with jax.enable_x64(True):
        dtype = jnp.float64 if x64 else jnp.float32

        @jax.jit
        def draw(keys):
            def one(key):
                near = breakpoints.sample_near(key, n, min(300 * eps, 1.5))
                usable = near.among(n) & (near.oriented > 0)
                offset, kappa = near.offset.astype(dtype), near.kappa.astype(dtype)
                return near, near_search.search_near(offset, kappa, usable, eps, capacity=2048, lines=40)

            return jax.lax.map(one, keys)

        near, found = jax.tree.map(np.asarray, draw(jax.random.split(jax.random.key(0), trials)))
    hits = 0
    for i in range(trials):
        if found.scores[i, 0] > 1.0:
            continue
        mask = jax.tree.map(lambda x, i=i: x[i], found).mask(0, near.number.shape[1])
        value, margin = near_search.check_near(near.offset[i], near.oriented[i], near.kappa[i], mask)
        assert margin < 1e-3 * eps
        # The score leaves out crests between kinks; that of ρ it counts even where ρ is not the error alone.
        assert value / eps <= found.scores[i, 0] + (0.5 if eps > 5e-3 else 0.1)
        assert value / eps >= found.scores[i, 0] - 0.1
        assert not np.any(mask & (near.number[i] > n))
        hits += value + margin <= eps
    assert hits >= 0.3 * trials


def test_finds_what_brute_force_finds():
    """With room for every choice the search is complete among oriented neurons, up to its neighbour list."""
    rng = np.random.default_rng(1)
    eps, n = 0.15, 10
    found_hits = true_hits = 0
    masks = np.array(list(itertools.product([False, True], repeat=n)))
    search = jax.jit(
        lambda offset, kappa: near_search.search_near(
            offset, kappa, jnp.ones(n, bool), eps, capacity=1024, lines=n, neighbours=64, candidates=4
        )
    )
    errors = jax.jit(lambda offset, kappa: planar.masked_errors(offset, kappa, jnp.asarray(masks)))
    for _ in range(60):
        offset = jnp.asarray(rng.uniform(-0.6, 0.6, n), jnp.float32)
        kappa = jnp.asarray(rng.laplace(size=n), jnp.float32)
        least = float(jnp.min(errors(offset, kappa)))
        found = search(offset, kappa)
        value = min(
            near_search.check_near(offset, np.ones(n), kappa, found.mask(i, n))[0] if np.isfinite(score) else np.inf
            for i, score in enumerate(np.asarray(found.scores))
        )
        assert value >= least - 1e-5
        true_hits += least <= eps
        found_hits += value <= eps
    assert true_hits >= 20
    assert found_hits >= 0.9 * true_hits


def test_nothing_usable():
    found = near_search.search_near(jnp.zeros(5), jnp.ones(5), jnp.zeros(5, bool), 0.01, capacity=16, lines=4)
    assert not np.any(found.chosen)
    assert np.all(np.asarray(found.scores) > 1.0)
