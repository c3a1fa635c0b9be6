"""PAT-9: sums of vectors against all subsets, first hits against plain loops."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from proofs_check.patterns import outgoing


def test_least_errors_are_those_of_the_best_subset_of_each_prefix():
    rng = np.random.default_rng(0)
    vectors, target = rng.normal(size=(5, 3)), np.full(3, 0.5)
    with jax.enable_x64(True):
        found = np.asarray(outgoing.least_errors(jnp.asarray(vectors), jnp.asarray(target)))
    for k in range(1, 6):
        subsets = [s for size in range(k + 1) for s in itertools.combinations(range(k), size)]
        best = min(np.abs(target - vectors[list(s)].sum(axis=0)).max() for s in subsets)
        assert abs(found[k - 1] - best) < 1e-14


def test_first_hits_are_the_first_prefixes_within_the_precision():
    errors = np.array([[0.5, 0.2, 0.2, 0.01], [0.5, 0.5, 0.5, 0.5]])
    found = outgoing.first_hits(errors, (0.3, 0.1))
    np.testing.assert_array_equal(found.first_hit, [[2, 4], [5, 5]])
    np.testing.assert_array_equal(found.last_miss, [[1, 3], [4, 4]])
    assert found.counts().hits.tolist() == [[0, 0], [1, 0], [1, 0], [1, 1]]


def test_layers_of_a_convolution_are_sums_and_rows():
    with jax.enable_x64(True):
        off = np.asarray(outgoing.layers(jax.random.key(0)))
    assert off.max() < 1e-12
