"""Drawing only the near kinks has the law of drawing all neurons and keeping the near ones."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from ltjax.bounds import neuron_pruning as bounds
from ltjax.networks import near as breakpoints
from ltjax.search import plane as planar


def chance(test: Any) -> float:
    """SciPy's own types hide that its results have a p-value."""
    return test.pvalue


def all_then_near(law, n, window, target, trials, seed):
    rng = np.random.default_rng(seed)
    draw = rng.normal if law == "normal" else lambda size: rng.uniform(-1, 1, size)
    u, v = draw(size=(trials, n, 2)), draw(size=(trials, n))
    w = np.array([math.cos(target), math.sin(target)])
    across, along = u[..., 0] * w[1] - u[..., 1] * w[0], u @ w
    theta = np.arctan2(-across, along)
    line = theta - np.pi * np.round(theta / np.pi)
    near = np.abs(line) <= window
    return near.sum(1), line[near], np.sign(along)[near], (v * np.hypot(across, along))[near]


# The uniform law's wedge crosses a corner of the square in the second case, none in the first.
@pytest.mark.parametrize(
    ("law", "target", "window"), [("normal", 0.7, 0.3), ("uniform", 0.3, 0.2), ("uniform", 0.7, 0.6)]
)
def test_same_law_as_drawing_all(law, target, window):
    trials, n = 20_000, 12
    counts, lines, sides, kappas = all_then_near(law, n, window, target, trials, 0)

    @jax.jit
    @jax.vmap
    def draw(key):
        return breakpoints.sample_near(key, n, window, law=law, target=target)

    with jax.enable_x64(True):
        near = jax.tree.map(np.asarray, draw(jax.random.split(jax.random.key(1), trials)))
    present = near.number <= n
    assert np.all(near.number[:, -1] > n), "all that are inside are listed"
    assert np.all(np.diff(near.number) >= 1)
    assert np.all(near.number == np.floor(near.number))
    # Two-sample tests at 1e-6 each: a true sampler fails none of these fixed draws.
    table = np.array([np.bincount(x, minlength=n + 1) for x in (counts, present.sum(1))])
    table = table[:, table.sum(0) > 20]
    assert chance(scipy.stats.chi2_contingency(table)) > 1e-6
    for ours, theirs in (
        (near.offset, lines),
        (near.kappa, kappas),
        (near.kappa * near.oriented, kappas * sides),
    ):
        assert chance(scipy.stats.ks_2samp(np.asarray(ours)[present], theirs)) > 1e-6
    # jointly: large offsets and large jumps go together as they do among all neurons
    ours = np.abs(near.offset[present] * near.kappa[present])
    assert chance(scipy.stats.ks_2samp(ours, np.abs(lines * kappas))) > 1e-6
    # among the first five neurons, from the same draws
    share = breakpoints.window_probability(window, law, target)
    few = np.bincount((near.number <= 5).sum(1), minlength=6)
    assert scipy.stats.chisquare(few, trials * scipy.stats.binom.pmf(np.arange(6), 5, share)).pvalue > 1e-6


@pytest.mark.parametrize("target", [0.0, 0.3, 0.7, math.pi / 4, 2.5, -1.9])
@pytest.mark.parametrize("window", [1e-9, 0.1, 1.0, math.pi / 2])
def test_window_probability_of_the_square(window, target):
    def density(angle):  # directions of a uniform point of [-1, 1]^2
        return 1.0 / (8.0 * max(abs(math.cos(angle)), abs(math.sin(angle))) ** 2)

    corners = [math.pi / 4 + k * math.pi / 2 for k in range(-4, 5)]
    corners = [c for c in corners if abs(c - target) < window]
    integral = scipy.integrate.quad(density, target - window, target + window, points=corners or None)[0]
    assert breakpoints.window_probability(window, "uniform", target) == pytest.approx(2 * integral, rel=1e-6)


@pytest.mark.parametrize("eps", [1e-1, 1e-3, 1e-6, 1e-12])
def test_kink_event_frequency(eps):
    """NP-2 by simulation in a window four times as wide; the probability doubled is refuted."""
    n = bounds.kink_threshold(0.5, eps)
    alpha = bounds.kink_angle(eps)
    trials = 40_000
    window = min(4.0 * alpha, math.pi / 2)

    @jax.jit
    @jax.vmap
    def event(key):
        near = breakpoints.sample_near(key, n, window)
        return jnp.any(near.among(n) & (jnp.abs(near.offset) <= alpha))

    with jax.enable_x64(True):
        hits = int(jnp.sum(event(jax.random.split(jax.random.key(7), trials))))
    interval = scipy.stats.binomtest(hits, trials).proportion_ci(1 - 1e-6)
    assert interval.low <= bounds.kink_event(n, eps) <= interval.high
    assert not interval.low <= bounds.kink_event(2 * n, eps) <= interval.high


def test_counts_are_poisson_far_out():
    """1e13 neurons, ten of them expected inside; their numbers are whole and the list is long enough."""
    n, trials = 10**13, 20_000
    with jax.enable_x64(True):
        draw = jax.jit(jax.vmap(lambda key: breakpoints.sample_near(key, n, 0.5 * np.pi * 1e-12)))
        near = jax.tree.map(np.asarray, draw(jax.random.split(jax.random.key(5), trials)))
    assert np.all(near.number[:, -1] > n)
    assert np.all(near.number == np.floor(near.number))
    counts = np.bincount((near.number <= n).sum(1), minlength=60)
    expected = trials * scipy.stats.poisson.pmf(np.arange(len(counts)), 10.0)
    big = expected > 10
    assert scipy.stats.chisquare(counts[big], expected[big] / expected[big].sum() * counts[big].sum()).pvalue > 1e-6
    assert 0 < near.moved.max() < 1e-6


def test_bad_arguments():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="jax_enable_x64=False is not allowed"):
        breakpoints.sample_near(key, 5, 0.1)
    with pytest.raises(ValueError, match=r"window=2.0 is not allowed"):
        breakpoints.sample_near(key, 5, 2.0)
    with pytest.raises(ValueError, match=r"law='cauchy' is not known"):
        breakpoints.sample_near(key, 5, 0.1, law="cauchy")
    with pytest.raises(ValueError, match=r"n=0 is not allowed"):
        breakpoints.sample_near(key, 0, 0.1)


def test_offsets_are_angles_of_the_frame():
    """A neuron built from its offset and side has that kink in `planar.frame`."""
    with jax.enable_x64(True):
        near = breakpoints.sample_near(jax.random.key(3), 1000, 0.05)
        near = jax.tree.map(np.asarray, near)
    theta = near.offset + np.where(near.oriented > 0, 0.0, np.pi)
    w = np.array([math.cos(0.7), math.sin(0.7)])
    across = np.array([w[1], -w[0]])
    rows = -np.sin(theta)[:, None] * across + np.cos(theta)[:, None] * w
    found, _ = planar.frame(
        jnp.asarray(rows, jnp.float32), jnp.asarray(near.kappa, jnp.float32), jnp.asarray(w, jnp.float32)
    )
    difference = np.asarray(found - theta)
    np.testing.assert_allclose(np.sin(difference), 0.0, atol=1e-5)
    np.testing.assert_allclose(np.asarray(planar.kink_distance(found)), np.abs(near.offset), atol=1e-5)
