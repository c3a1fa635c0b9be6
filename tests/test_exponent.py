"""The event of a normal in a cap: what its check would see of a wrong sampler; brackets of its first number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.bounds import nearest_normal
from ltjax.inference.intervals import clopper_pearson
from ltjax.networks import caps
from ltjax.problems.pruning import NeuronPruning
from ltjax.trials.counts import count
from ltjax.verify.quantities import Exact, Proportion
from ltjax.verify.tests import Equivalent
from proofs_check.neuron_pruning import exponent


def test_a_biased_sampler_is_refuted():
    """At a coarse ε, where candidates are thinned: one that keeps them all is seen by the claim's own test."""
    d, eps, draws = 5, 0.03, 20_000
    n, alpha = nearest_normal.threshold(0.5, eps, d), nearest_normal.angle(eps, d)
    window = exponent.window_of(alpha)
    expected = Exact(nearest_normal.event(n, eps, d))
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), draws)
        for thinned, verdict in ((True, "supported"), (False, "refuted")):

            def event(key, thinned=thinned):
                cap = caps.sample_cap(key, window, d, caps.places_for(n, window, d), thinned=thinned)
                return jnp.any(cap.among(n) & (cap.sine <= np.sin(alpha)))

            events = int(jnp.sum(jax.jit(jax.vmap(event))(keys)))
            test = Equivalent("frequency", Proportion(events, draws), expected, exponent.MARGIN)
            assert test.evaluate(1e-7).verdict == verdict


def test_first_numbers_in_brackets():
    first = np.array([[1.0, 7.0], [1e6, np.inf], [np.inf, 3e15]])
    told = exponent.told(first, np.array([[50.0, 50.0]] * 3), (0.1, 0.01))
    ladder = np.array([0, *exponent.LADDER, max(exponent.LADDER) + 1])
    assert set(told.last_miss.ravel()) | set(told.first_hit.ravel()) <= set(ladder.tolist())
    known = np.isfinite(first) & (first <= max(exponent.LADDER))
    assert np.all(told.last_miss[known] < first[known])
    assert np.all(told.first_hit[known] >= first[known])
    # None among 50, and nothing beyond is known.
    assert told.last_miss[1, 1] == max(size for size in exponent.LADDER if size <= 50)
    assert told.first_hit[1, 1] == told.first_hit[2, 1] == max(exponent.LADDER) + 1
    assert np.all(told.last_miss < told.first_hit)


def test_the_certified_lower_end_is_above_coverings():
    """Covering's thresholds are at most 0.48·ln(1/ε)/ε at d = 3 (measured for ε from 0.1 to 0.001)."""
    for eps in (3e-3, 1e-3, 1e-4, 1e-6):
        assert nearest_normal.threshold(0.5, eps, 3) > 0.48 * np.log(1 / eps) / eps
    assert nearest_normal.threshold(0.5, 1e-2, 3) < 0.43 * np.log(1 / 1e-2) / 1e-2


@pytest.mark.slow
def test_with_an_outer_relu_in_three_dimensions_what_is_certified_and_what_is_in_hand():
    """Misses by planes at n = 0.05/ε, masks in hand at sizes that grow about as 1/ε²: the figures that NP-14 names."""
    problem, key = NeuronPruning(d=3, readout="relu"), jax.random.key(0)
    for eps in (1e-2, 1e-3, 1e-4, 1e-5):
        found = count(problem, (round(0.05 / eps),), (eps,), 100, key, solver="elimination")
        assert not found.hits.any()
        assert clopper_pearson(found.misses, 100, 0.98)[0] > 0.5, eps
    for n, eps in ((32, 0.6), (64, 0.4), (256, 0.2)):
        found = count(problem, (n,), (eps,), 100, key)
        assert clopper_pearson(found.hits, 100, 0.98)[0] > 0.5, eps
