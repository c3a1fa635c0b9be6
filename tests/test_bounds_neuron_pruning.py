"""Closed forms of NP-1, NP-2, NP-3, NP-7 against independent computations."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.special
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


def sample_arc(rng, m, eps, draws, concentration=1.0):
    """Gaps of m points on the arc, L times Dirichlet, and log Y; with concentration 1 the points are uniform."""
    start = math.asin(eps)
    gaps = (math.pi - 2 * start) * np.maximum(rng.dirichlet(np.full(m + 1, concentration), draws), 1e-300)
    return gaps, m * math.log(eps) + bounds._log_minors(gaps, start)


def moment(m, eps, s, exponent):
    """The moment bound with `exponent` where 1 - s belongs, in float64."""
    length = math.pi - 2 * math.asin(eps)
    gamma = (m + 1) * math.lgamma(exponent) - math.lgamma((m + 1) * exponent) + math.lgamma(m + 1)
    return math.exp(s * math.log(4 / 3 * (m + 2) ** 2 * eps**m) - s * (m + 1) * math.log(length) + gamma)


def best_moment(m, eps):
    """The least of the moment bounds of some exponents."""
    return min(bounds.relu_moment(m, eps, s) for s in 1 - np.geomspace(0.02, 0.8, 200))


@pytest.mark.parametrize("eps", [1e-4, 0.01, 0.3])
def test_single_kink(eps):
    """NP-3's first expectation is the integral of min(1, Y) over the kink's place."""
    start = math.asin(eps)

    def integrand(tau):
        return min(1.0, eps * float(bounds.minors_sum(np.array([tau]), start)))

    edge = math.pi / 2 - math.acos(eps * (1 + 2 * math.cos(start)))
    parts = [start, edge, math.pi / 2]
    half = sum(scipy.integrate.quad(integrand, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in itertools.pairwise(parts))
    assert bounds.relu_single(eps) == pytest.approx(half / (math.pi / 2 - start), rel=1e-9)


def test_single_kink_at_the_extremes():
    """For large errors every kink passes; for small ones ball arithmetic loses nothing."""
    assert bounds.relu_single(0.4) == 1.0
    assert bounds.relu_single(1e-15) == pytest.approx(4e-15 / math.pi * (0.5 + math.log(2e15)), rel=0.01)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 9, 12])
def test_sines_against_gaps(m):
    """The moment bound's first step: Y <= 4/3·(m+2)²·ε^m/Π g_j on every arc, clusters and one wide gap included."""
    rng = np.random.default_rng(m)
    for eps in (1e-3, 0.05, 0.6):
        nearest = 0.0
        for concentration in (0.02, 0.3, 1.0, 30.0):
            gaps, log_y = sample_arc(rng, m, eps, 4000, concentration)
            logs = log_y + np.sum(np.log(gaps), axis=1) - math.log(4 / 3 * (m + 2) ** 2) - m * math.log(eps)
            assert logs.max() < 0
            nearest = max(nearest, math.exp(logs.max()))
        assert nearest > 0.3  # the constant is not far from the least


@pytest.mark.parametrize("m", range(1, 13))
def test_moment_against_sampling(m):
    """E[Y^s] by plain sampling is below the moment bound; with s where 1 - s belongs it would not be."""
    rng = np.random.default_rng(m)
    for eps in (0.001, 0.1):
        _, log_y = sample_arc(rng, m, eps, 50_000)
        for s in (0.3, 0.8):
            # Y^s has a variance only for s below ½; cut off at its largest quantiles, it has one and a smaller mean
            sample = np.exp(s * np.minimum(log_y, np.quantile(log_y, 0.999)))
            least = sample.mean() - 5 * sample.std() / math.sqrt(sample.size)
            bound = bounds.relu_moment(m, eps, s)
            assert least < bound
            assert bound == pytest.approx(moment(m, eps, s, 1 - s), rel=1e-12)
            if s == 0.3:
                assert bound < 2 * least
            else:
                assert moment(m, eps, s, s) < least


def test_moment_of_one_kink():
    """m = 1: the gaps' factor is Euler's Beta function, and the bound is above the integral of Y^s."""
    eps, s = 0.01, 0.7
    start = math.asin(eps)
    length = math.pi - 2 * start
    beta = scipy.special.beta(1 - s, 1 - s) * length ** (-2 * s)
    assert bounds.relu_moment(1, eps, s) == pytest.approx((12 * eps) ** s * beta, rel=1e-12)

    # τ = t_0 + L·u^k, so that the integrand is finite at u = 0
    def integrand(u):
        gaps = length * np.array([[u**5, 1 - u**5]])
        return 5 * u**4 * math.exp(s * (math.log(eps) + bounds._log_minors(gaps, start).item()))

    exact = 2 * scipy.integrate.quad(integrand, 0, 0.5**0.2, epsabs=0, epsrel=1e-9)[0]
    assert 0.5 < exact / bounds.relu_moment(1, eps, s) < 1


@pytest.mark.parametrize(("eps", "sizes"), [(0.05, (2, 3)), (1e-2, (4, 6)), (1e-3, (12, 31)), (1e-4, (238,))])
def test_tail_against_sampling(eps, sizes):
    """The proved tail is above the sampled summands that it stands for, and not by orders of magnitude."""
    last = 10
    means, errors = bounds._relu_expectations(eps, last, 4096, 0)
    m = np.arange(1, last + 1)
    inside = (1 - 2 * math.asin(eps) / math.pi) ** m
    for n in sizes:
        terms = scipy.special.comb(n, m) * inside * means
        spread = scipy.special.comb(n, m) * inside * errors
        for most in range(min(n, last)):
            tail = bounds.relu_tail(n, eps, most)
            assert tail > np.sum(terms[most:]) - 5 * np.sum(spread[most:])
            assert tail < 30 * np.sum(terms[most:])
        assert bounds.relu_tail(n, eps, n) == 0.0


def test_tail_is_the_sum_of_its_summands():
    """Few neurons: each summand has its own exponent, about the best; many: the geometric series covers the rest."""
    for n, eps in ((3, 0.05), (12, 1e-3), (30, 1e-3)):
        inside = 1 - 2 * math.asin(eps) / math.pi
        sum_of_best = sum(math.comb(n, m) * inside**m * best_moment(m, eps) for m in range(2, n + 1))
        assert bounds.relu_tail(n, eps, 1) == pytest.approx(sum_of_best, rel=0.01)
        assert bounds.relu_tail(n, eps, 0) - bounds.relu_tail(n, eps, 1) == pytest.approx(
            n * inside * bounds.relu_single(eps), rel=1e-12
        )
    n, eps, first = 500, 1e-4, bounds.SINGLY + 1
    inside = 1 - 2 * math.asin(eps) / math.pi
    rest = sum(math.comb(n, m) * inside**m * best_moment(m, eps) for m in range(first, first + 40))
    assert rest < bounds.relu_tail(n, eps, bounds.SINGLY) * 1.001
    assert bounds.relu_tail(n, eps, bounds.SINGLY) < 1.01 * rest


def test_tail_with_one_exponent(monkeypatch):
    """With a single s to choose from, the tail is summands and a geometric series, above the summands themselves."""
    eps, s, last = 0.0123, 0.8, 5  # an ε of no other test: the summands are kept
    monkeypatch.setattr(bounds, "EXPONENTS", np.array([1 - s]))
    monkeypatch.setattr(bounds, "SINGLY", last)
    inside = 1 - 2 * math.asin(eps) / math.pi
    for size in (70, 12, 7, 6, 5, 4):
        terms = [math.comb(size, m) * inside**m * moment(m, eps, s, 1 - s) for m in range(3, size + 1)]
        ratio = terms[last - 2] / terms[last - 3] if size > last else 0.0
        tail = bounds.relu_tail(size, eps, 2)
        if ratio < 1:
            wanted = sum(terms[: last - 2]) + (terms[last - 3] * ratio / (1 - ratio) if size > last else 0.0)
            assert tail == pytest.approx(wanted, rel=1e-11)
            assert tail > sum(terms) * (1 - 1e-12)
        else:
            assert tail == math.inf


def test_tail_is_monotone():
    """It grows with n and with ε, falls with what is left out, and is infinite only where the series diverges."""
    for eps in (1e-2, 1e-4, 1e-6):
        scale = 1 / (eps * math.log(1 / eps))
        sizes = [max(2, round(x * scale)) for x in (0.01, 0.03, 0.1, 0.2, 0.4)]
        tails = [bounds.relu_tail(n, eps, 1) for n in sizes]
        assert tails == sorted(tails)
        assert all(bounds.relu_tail(n, eps / 2, 1) < bounds.relu_tail(n, eps, 1) for n in sizes)
        left_out = [bounds.relu_tail(sizes[-1], eps, most) for most in range(12)]
        assert left_out == sorted(left_out, reverse=True)
        if eps < 1e-2:
            assert math.isfinite(bounds.relu_tail(round(scale), eps))
            assert bounds.relu_tail(round(3 * scale), eps) == math.inf


def test_nothing_sampled():
    """With most=0 the whole bound is proved: below what sampling gives, by less than a half."""
    for eps in (1e-3, 1e-4):
        proved = bounds.relu_threshold(0.5, eps, most=0)
        assert bounds.relu_threshold(0.5, eps, draws=1, seed=7, confidence=0.5, most=0) == proved
        sampled = bounds.relu_threshold(0.5, eps, draws=8192)
        assert 0.5 * sampled < proved < sampled
        at, after = bounds.relu_bounds([proved, proved + 1], eps, most=0)
        assert at.value + at.error < 0.5 <= after.value + after.error
        assert at.terms == ()
        assert at.error == pytest.approx(at.tail, rel=1e-12)


def test_every_small_error_at_once():
    """n <= 1/(30·ε·ln(1/ε)) neurons hit with probability at most one half for every ε <= 0.01; no summand exceeds."""
    assert bounds.relu_bound_below(1 / 30, 0.01) < 0.5
    assert bounds.relu_bound_below(1 / 15, 0.01) > 0.5
    assert bounds.relu_bound_below(1.0, 0.01) == math.inf
    for eps in (1e-3, 1e-5, 1e-8):
        n = math.floor(1 / (30 * eps * math.log(1 / eps)))
        s, inside = 1 - 1 / math.log(1 / eps), 1 - 2 * math.asin(eps) / math.pi
        moments = [math.comb(n, m) * inside**m * bounds.relu_moment(m, eps, s) for m in range(1, min(n, 60) + 1)]
        boundary = 2 * math.asin(eps) * n / math.pi
        wanted = boundary + sum(moments)
        assert bounds.relu_bound_below(1 / 30, eps) < 3 * wanted
        assert wanted < bounds.relu_bound_below(1 / 30, eps) < bounds.relu_bound_below(1 / 30, 0.01)


def test_bad_arguments():
    for call, message in (
        (lambda: bounds.kink_bound(2.0), "alpha=2.0 is not allowed"),
        (lambda: bounds.kink_angle(0.6), "eps=0.6 is not allowed"),
        (lambda: bounds.kink_threshold(1.0, 0.1), "p=1.0 is not allowed"),
        (lambda: bounds.relu_bound(0, 0.1), "n=0 is not allowed"),
        (lambda: bounds.relu_bounds([5], 0.1, most=-1), "most=-1 is not allowed"),
        (lambda: bounds.relu_tail(0, 0.1), "n=0 is not allowed"),
        (lambda: bounds.relu_tail(5, 1.0), "eps=1.0 is not allowed"),
        (lambda: bounds.relu_tail(5, 0.1, -2), "most=-2 is not allowed"),
        (lambda: bounds.relu_moment(0, 0.1, 0.5), "m=0 is not allowed"),
        (lambda: bounds.relu_moment(1, 0.1, 1.0), "s=1.0 is not allowed: s is a finite number above 0 and below 1$"),
        (lambda: bounds.relu_single(0.0), "eps=0.0 is not allowed"),
        (lambda: bounds.relu_bound_below(0.0, 0.1), "c=0.0 is not allowed"),
        (lambda: bounds.relu_bound_below(0.1, 0.5), "eps=0.5 is not allowed"),
        (lambda: bounds.bias_kink_share(0.1, 0.0, "levy"), "law='levy' is not known"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
