"""Closed forms of NP-1, NP-2, NP-3, NP-7 against independent computations."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from ltjax.bounds import neuron_pruning as bounds


def best_real_error(lines, points):
    """Least sup error over `points` of a·cos + b·sin + Σ c_i |sin(t - θ_i)| against sin⁺ (an LP)."""
    columns = [np.cos(points), np.sin(points)] + [np.abs(np.sin(points - x)) for x in lines]
    matrix = np.stack([*columns, np.ones(points.size)], axis=1)
    wanted = np.maximum(np.sin(points), 0)
    a = np.vstack(
        [
            np.hstack([matrix[:, :-1], -np.ones((points.size, 1))]),
            np.hstack([-matrix[:, :-1], -np.ones((points.size, 1))]),
        ]
    )
    b = np.concatenate([wanted, -wanted])
    cost = np.zeros(matrix.shape[1])
    cost[-1] = 1
    return scipy.optimize.linprog(cost, A_ub=a, b_ub=b, bounds=[(None, None)] * (cost.size - 1) + [(0, None)]).fun


def test_kink_bound_is_valid_and_tight():
    """NP-1 by linear programming over all real coefficients; kinks at ±α reach the bound within 1%."""
    rng = np.random.default_rng(0)
    for alpha in (0.05, 0.3, 1.0, 1.4):
        bound = bounds.kink_bound(alpha)
        lines = np.concatenate([[-alpha, alpha], rng.uniform(alpha, np.pi - alpha, 6)])
        grid = np.concatenate([lines, [0.0], np.linspace(-alpha, np.pi - alpha, 800)])
        points = np.concatenate([grid, grid + np.pi])
        error = best_real_error(lines, points)
        assert error >= bound * (1 - 1e-6)
        assert error < 2 * bound  # the doubled bound is refuted
        dense = np.concatenate([lines, np.linspace(alpha, np.pi - alpha, 40)])
        assert best_real_error(dense, points) <= 1.01 * bound


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.floats(1e-9, 0.49), st.floats(0.01, 0.99))
def test_kink_threshold(eps, p):
    n = bounds.kink_threshold(p, eps)
    assert bounds.kink_event(n, eps) >= p
    assert n == 1 or bounds.kink_event(n - 1, eps) < p
    assert n >= math.pi / 8 * p / eps * (1 - 1e-9)
    assert bounds.kink_event(7, eps) <= 8 * eps * 7 / math.pi + 1e-15
    assert bounds.kink_bound(bounds.kink_angle(eps)) == pytest.approx(eps, rel=1e-12)


def test_kink_threshold_of_the_theory():
    assert bounds.kink_threshold(0.5, 1e-6) * 1e-6 == pytest.approx(math.pi / 8 * math.log(2), rel=1e-4)


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_bias_kink_share(law):
    rng = np.random.default_rng(0)
    draw = rng.normal if law == "normal" else lambda size: rng.uniform(-1, 1, size)
    beta = -draw(size=400_000) / draw(size=400_000)
    for eps, kink in ((0.1, 0.0), (0.05, 0.5), (0.01, -0.8)):
        share = np.mean(np.abs(beta - kink) <= 4 * eps)
        wanted = bounds.bias_kink_share(eps, kink, law)
        assert share == pytest.approx(wanted, abs=5 * math.sqrt(wanted / 400_000))
    with pytest.raises(ValueError, match=r"eps=0.3 is not allowed"):
        bounds.bias_kink_event(5, 0.3, 0.0, law)


def test_bias_kink_bound():
    """NP-7: the best affine function on [c - δ, c + δ] has error exactly δ/4, so the bound is tight."""
    delta, points = 0.3, np.linspace(-0.3, 0.3, 601)
    wanted = np.maximum(points, 0)
    a = np.stack([np.ones_like(points), points, -np.ones_like(points)], axis=1)
    rows = np.vstack([a, np.stack([-a[:, 0], -a[:, 1], a[:, 2]], axis=1)])
    best = scipy.optimize.linprog(
        [0, 0, 1], A_ub=rows, b_ub=np.concatenate([wanted, -wanted]), bounds=[(None, None)] * 3
    )
    assert best.fun == pytest.approx(bounds.bias_kink_bound(delta), rel=1e-9)


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_minors_sum(m):
    """NP-3's formula against the determinants themselves."""
    rng = np.random.default_rng(m)
    for _ in range(10):
        start = rng.uniform(0.001, 0.2)
        tau = np.sort(rng.uniform(start, math.pi - start, m))
        t = np.concatenate([[start], tau, [math.pi - start]])
        gap = np.diff(t)
        matrix = np.zeros((m, m + 2))
        for b in range(1, m + 1):
            left, right = math.sin(gap[b - 1]), math.sin(gap[b])
            matrix[b - 1, b - 1], matrix[b - 1, b + 1] = 1 / left, 1 / right
            matrix[b - 1, b] = -math.sin(gap[b - 1] + gap[b]) / (left * right)
        minors = [abs(np.linalg.det(matrix[:, list(c)])) for c in itertools.combinations(range(m + 2), m)]
        assert bounds.minors_sum(tau, start) == pytest.approx(sum(minors), rel=1e-9)


def test_relu_expectations_against_plain_sampling():
    """At ε = 0.05 plain sampling still sees the tail; the two agree, and the stated error covers it."""
    eps = 0.05
    means, errors = bounds._relu_expectations(eps, 3, 16384, 0)
    rng = np.random.default_rng(0)
    start = math.asin(eps)
    for m in (1, 2, 3):
        tau = np.sort(rng.uniform(start, math.pi - start, (400_000, m)), axis=1)
        sample = np.minimum(1.0, eps**m * bounds.minors_sum(tau, start))
        spread = math.hypot(sample.std() / math.sqrt(sample.size), errors[m - 1])
        assert means[m - 1] == pytest.approx(sample.mean(), abs=5 * spread)
        assert errors[m - 1] < 0.02 * means[m - 1]


def test_relu_bound_of_the_theory():
    """The bound is one half near n = 32 at ε = 0.001."""
    below, at, above = bounds.relu_bounds([8, 32, 48], 1e-3, draws=16384)
    assert below.value + below.error < 0.15
    assert at.value == pytest.approx(0.5, abs=0.02)
    assert above.value > 0.8
    assert at.error < 0.05
    assert at.value == pytest.approx(at.boundary + sum(at.terms))
    n = bounds.relu_threshold(0.5, 1e-3, draws=16384)
    assert 28 <= n <= 32


def test_bad_arguments():
    for call, message in (
        (lambda: bounds.kink_bound(2.0), "alpha=2.0 is not allowed"),
        (lambda: bounds.kink_angle(0.6), "eps=0.6 is not allowed"),
        (lambda: bounds.kink_threshold(1.0, 0.1), "p=1.0 is not allowed"),
        (lambda: bounds.relu_bound(0, 0.1), "n=0 is not allowed"),
        (lambda: bounds.bias_kink_share(0.1, 0.0, "levy"), "law='levy' is not known"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
