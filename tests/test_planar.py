"""The exact planar error: never below dense sampling, equal in the limit, two implementations alike."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.certify.errors import plane as plane_error
from ltjax.search import plane as planar
from ltjax.search.obstructions import kink


def dense_error(u, v, w, readout, points):
    t = np.linspace(0.0, 2.0 * np.pi, points, endpoint=False)
    x = np.stack([np.cos(t), np.sin(t)], axis=1)
    g = np.maximum(x @ u.T, 0.0) @ v
    if readout == "relu":
        g = np.maximum(g, 0.0)
    return np.max(np.abs(g - np.maximum(x @ w, 0.0)))


def draw(seed, n):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    return rng.normal(size=(n, 2)), rng.normal(size=n), np.array([np.cos(angle), np.sin(angle)]), rng


@pytest.mark.parametrize("readout", ["linear", "relu"])
@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_exact_error_against_dense_sampling(n, readout):
    for seed in range(8):
        u, v, w, rng = draw(seed, n)
        mask = rng.random(n) < 0.6
        value, margin = plane_error.exact_error(u, v, w, mask, readout=readout)
        dense = dense_error(u[mask], v[mask], w, readout, 200_000)
        slope = 1.0 + np.sum(np.abs(v[mask]) * np.linalg.norm(u[mask], axis=1))
        assert dense <= value + margin
        assert value - dense <= slope * np.pi / 200_000 + margin
        assert margin < 1e-11


@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_vectorised_error_is_the_independent_one(readout):
    u, v, w, _rng = draw(3, 9)
    masks = np.array(list(itertools.product([False, True], repeat=9)))
    with jax.enable_x64(True):
        theta, kappa = planar.frame(jnp.asarray(u), jnp.asarray(v), jnp.asarray(w))
        errors = np.asarray(planar.masked_errors(theta, kappa, jnp.asarray(masks), readout=readout))
    wanted = [plane_error.exact_error(u, v, w, mask, readout=readout)[0] for mask in masks]
    np.testing.assert_allclose(errors, wanted, rtol=0, atol=1e-13)
    theta, kappa = planar.frame(*(jnp.asarray(x, jnp.float32) for x in (u, v, w)))
    errors = planar.masked_errors(theta, kappa, jnp.asarray(masks), readout=readout)
    assert errors.dtype == jnp.float32
    np.testing.assert_allclose(errors, wanted, rtol=0, atol=2e-5)


def test_known_errors():
    w = np.array([0.6, 0.8])
    # nothing kept: the error is the target's own maximum; the target itself: no error.
    for readout in ("linear", "relu"):
        assert plane_error.exact_error(np.zeros((0, 2)), np.zeros(0), w, readout=readout)[0] == pytest.approx(1.0)
        assert plane_error.exact_error(w[None], np.ones(1), w, readout=readout)[0] == pytest.approx(0.0, abs=1e-15)
    # two opposite rows make the linear function: the error is 1 for linear, and 0 once the outer ReLU acts.
    u, v = np.stack([w, -w]), np.array([1.0, -1.0])
    assert plane_error.exact_error(u, v, w, readout="linear")[0] == pytest.approx(1.0)
    assert plane_error.exact_error(u, v, w, readout="relu")[0] == pytest.approx(0.0, abs=1e-15)


def test_kink_bound_is_never_violated():
    """NP-1 for masks, by brute force: ½·tan(α/2) <= least error (its tightness: test_bounds_neuron_pruning)."""
    masks = jnp.asarray(list(itertools.product([False, True], repeat=7)))
    errors = jax.jit(planar.masked_errors)
    certified = 0
    for seed in range(40):
        u, v, w, _ = draw(100 + seed, 7)
        alpha = plane_error.neuron_distance(u, v, w)
        with jax.enable_x64(True):
            theta, kappa = planar.frame(jnp.asarray(u), jnp.asarray(v), jnp.asarray(w))
            least = float(jnp.min(errors(theta, kappa, masks)))
            assert not kink.kink_misses(theta, jnp.asarray(least * (1 + 1e-9)))
            certified += int(kink.kink_misses(theta, 0.02))
        assert 0.5 * np.tan(alpha / 2) <= least + 1e-12
    assert 20 <= certified <= 36  # (1 - 2α/π)^7 = 0.69 of 40, less chance


def test_the_least_angle_between_kinks_is_that_of_lines():
    angle = np.array([0.4 + 0.3, 0.4 + 2.9, 0.4 - 1.2, 0.4, 0.4])
    u, v, w = np.stack([np.cos(angle), np.sin(angle)], axis=1), np.ones(5), np.array([np.cos(0.4), np.sin(0.4)])
    v[3], u[4] = 0.0, 0.0  # neither has a kink
    for rows, wanted in (([0, 1, 2, 3, 4], np.pi - 2.9), ([0, 2, 3, 4], 0.3), ([2], 1.2), ([3, 4], np.pi / 2)):
        assert plane_error.neuron_distance(5.0 * u[rows], -v[rows], 3.0 * w) == pytest.approx(wanted)


def test_bad_arguments():
    u, v, w, _ = draw(0, 3)
    with pytest.raises(ValueError, match="readout='cubic'"):
        plane_error.exact_error(u, v, w, readout="cubic")
    with pytest.raises(ValueError, match=r"u has an entry that is NaN"):
        plane_error.exact_error(u * np.nan, v, w)
    with pytest.raises(ValueError, match=r"shapes \(3, 2\), \(2,\), \(2,\)"):
        plane_error.exact_error(u, v[:2], w)
