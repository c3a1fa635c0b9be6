"""Closed forms of WP-2 and WP-3 against independent computations."""

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ltjax.bounds import neuron_pruning
from ltjax.bounds import weight_pruning as bounds


@pytest.mark.parametrize("d", [2, 3, 5, 16])
@pytest.mark.parametrize("radius", [0.3, 1.1, 1.5707, 2.5])
def test_cap_measure_by_quadrature_and_by_sampling(d, radius):
    density = lambda t: math.sin(t) ** (d - 2)  # noqa: E731
    share = scipy.integrate.quad(density, 0, radius)[0] / scipy.integrate.quad(density, 0, math.pi)[0]
    assert bounds.log_cap_measure(d, radius) == pytest.approx(math.log(share), abs=1e-9)
    points = np.random.default_rng(d).normal(size=(100_000, d))
    inside = int(np.sum(points[:, 0] >= math.cos(radius) * np.linalg.norm(points, axis=1)))
    assert scipy.stats.binomtest(inside, 100_000, min(1.0, share)).pvalue > 1e-6


def test_cap_of_the_ball_in_three_dimensions():
    """Archimedes: (1 - cos r)/2, at radii where a power would underflow or a difference cancel."""
    for radius in (1e-200, 1e-30, 1e-9, 0.1, 1.0, math.pi / 2):
        half = math.log(math.sin(radius / 2))
        assert bounds.log_cap_measure(3, radius) == pytest.approx(2 * half, rel=1e-12)
    assert bounds.log_cap_measure(1000, 1e-30) == pytest.approx(999 * math.log(1e-30), rel=1e-3)


@pytest.mark.parametrize("eps", [1e-30, 1e-6, 0.1, 0.3])
def test_counting_bound_in_the_plane(eps):
    n = 3
    assert bounds.counting_bound(n, 2, eps) == pytest.approx(min(1.0, 4**n * 2 / math.pi * math.asin(2 * eps)))


def test_no_network_approximates_more_targets():
    """The deterministic half of WP-2: σ(⟨w, ·⟩) and σ(⟨w', ·⟩) are ‖w - w'‖/2 apart, so one function within ε of
    both has ‖w - w'‖ <= 4ε; the mean of the two functions shows that 4 cannot be made smaller."""
    angle = np.linspace(0, 2 * np.pi, 20001)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for between in (0.01, 0.3, 1.0):
        w = np.array([[1.0, 0.0], [np.cos(between), np.sin(between)]])
        first, second = np.maximum(x @ w.T, 0).T
        distance = np.linalg.norm(w[0] - w[1])
        eps = np.abs(first - second).max() / 2
        assert eps >= distance / 4 * (1 - 1e-6)
        assert between <= 2 * math.asin(min(1.0, 2 * eps)) + 1e-6


@given(st.floats(1e-30, 0.4), st.integers(2, 40), st.floats(0.01, 0.99))
def test_counting_threshold_is_the_least(eps, d, p):
    n = bounds.counting_threshold(p, d, eps)
    assert bounds.log_counting_bound(n, d, eps) >= math.log(p)
    assert n == 0 or bounds.log_counting_bound(n - 1, d, eps) < math.log(p)
    assert bounds.log_counting_bound(n, d, eps / 2) < bounds.log_counting_bound(n, d, eps)


def test_counting_threshold_grows_by_its_law():
    slope = [bounds.counting_threshold(0.5, d, 1e-30) - bounds.counting_threshold(0.5, d, 1e-15) for d in (2, 3, 16)]
    for d, found in zip((2, 3, 16), slope, strict=True):
        assert abs(found - Fraction(d - 1, d) * math.log2(1e15)) <= 1
    assert bounds.counting_threshold(0.5, 2, 1e-3) == 5
    assert bounds.counting_bound(10_000, 64, 1e-30) == 1.0


def test_linear_readout_meets_the_kink_lemma():
    assert bounds.linear_kink_event(20, 1e-3, 0.7) == neuron_pruning.kink_event(20, 1e-3)
    assert bounds.linear_kink_event(20, 1e-3, math.pi / 2) == 1.0
    assert bounds.axis_clearance(-0.2) == pytest.approx(0.2)
    assert bounds.axis_clearance(0.7 + math.pi) == pytest.approx(0.7)
    assert bounds.axis_clearance(1.4) == pytest.approx(math.pi / 2 - 1.4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bounds.counting_bound(-1, 2, 0.1), "n=-1 is not allowed"),
        (lambda: bounds.counting_bound(3, 1, 0.1), "d=1 is not allowed: d is a whole number of at least 2"),
        (lambda: bounds.counting_bound(3, 2, 0.0), "eps=0.0 is not allowed"),
        (lambda: bounds.counting_threshold(1.0, 2, 0.1), "p=1.0 is not allowed"),
        (lambda: bounds.log_cap_measure(3, 4.0), "radius=4.0 is not allowed"),
        (lambda: bounds.linear_kink_event(3, 0.1, math.nan), "angle=nan is not allowed"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
