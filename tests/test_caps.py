"""Drawing the neurons near the target's normal only: the same law as drawing all and keeping those."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from ltjax.bounds import nearest_normal
from ltjax.networks import sample_weights
from ltjax.networks.caps import candidate_share, places_for, sample_cap

KEY = jax.random.key(0)
DEAR = pytest.mark.slow


def caps(d, window, n, trials, key=KEY, **how):
    with jax.enable_x64(True):
        places = places_for(n, window, d)
        draw = jax.jit(jax.vmap(lambda key: sample_cap(key, window, d, places, **how)))
        return jax.tree.map(np.asarray, draw(jax.random.split(key, trials)))


@pytest.mark.parametrize(
    ("d", "window"), [pytest.param(2, 0.4, marks=DEAR), (3, 0.9), pytest.param(4, 0.7, marks=DEAR), (5, 1.0)]
)
def test_the_law_is_that_of_drawing_all(d, window):
    n, trials = 40, 2000
    found = caps(d, window, n, trials)
    there = found.number <= n
    assert np.all(found.upto > n)
    with jax.enable_x64(True):
        drawn = jax.vmap(lambda key: sample_weights(key, n, d, dtype=jnp.float64))(jax.random.split(KEY, trials))
    u, v = np.asarray(drawn.u), np.asarray(drawn.v)
    length = np.linalg.norm(u, axis=2)
    angle = np.arccos(np.abs(u[..., 0]) / length)
    inside = angle <= window
    share = nearest_normal.share(window, d)
    assert there.mean(axis=1).mean() * there.shape[1] / n == pytest.approx(share, rel=0.03)
    listed = np.arctan2(found.sine, found.cosine)[there]
    for one, other in (
        (listed, angle[inside]),
        (found.kappa[there], (v * length)[inside]),
        (there.sum(axis=1), inside.sum(axis=1)),
        (found.number[there], np.broadcast_to(np.arange(1, n + 1), inside.shape)[inside]),
        (found.across[there][:, 0], (u[..., 1] / np.linalg.norm(u[..., 1:], axis=2))[inside]),
    ):
        result: Any = scipy.stats.ks_2samp(one, other)
        assert result.pvalue > 1e-4
    np.testing.assert_allclose(np.linalg.norm(found.across, axis=2), 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.sine**2 + found.cosine**2, 1.0, rtol=1e-12)


def test_candidates_that_are_all_kept_have_another_law():
    found = caps(5, 1.0, 40, 2000, thinned=False)
    share = (found.number <= 40).mean() * found.number.shape[1] / 40
    assert share > 1.1 * nearest_normal.share(1.0, 5)


def test_small_windows_keep_their_precision():
    window, d = 1e-9, 3
    n = round(1.0 / nearest_normal.share(window, d))
    found = caps(d, window, n, 4000)
    there = found.number <= n
    assert there.sum(axis=1).mean() == pytest.approx(1.0, abs=0.08)
    assert found.sine[there].max() <= window
    result: Any = scipy.stats.kstest((found.sine[there] / window) ** 2, "uniform")
    assert result.pvalue > 1e-4
    assert np.median(found.moved[there]) < 1e-13
    assert found.moved[there].max() < 1e-9


def test_numbers_rise_and_candidates_are_denser():
    found = caps(4, 0.3, 100, 50)
    numbers = np.where(np.isfinite(found.number), found.number, 1e300)
    assert np.all(np.diff(numbers, axis=1) >= 0)
    assert candidate_share(0.3, 4) > nearest_normal.share(0.3, 4)
    assert candidate_share(1e-6, 4) == pytest.approx(nearest_normal.share(1e-6, 4), rel=1e-9)


@pytest.mark.wrong_types
def test_bad_arguments():
    for window, d in ((0.0, 3), (1.3, 3), (math.nan, 3), (0.1, 1)):
        with pytest.raises(ValueError, match=r"(window|d)=.* is not allowed"):
            candidate_share(window, d)
    with pytest.raises(ValueError, match="candidates would be denser"):
        candidate_share(1.2, 2)
    with pytest.raises(ValueError, match="jax_enable_x64=False"):
        sample_cap(KEY, 0.1, 3, 4)
