"""Trained output weights, every target at once, mean square, tiny jumps: closed forms against draws and integrals."""

import math

import numpy as np
import pytest
import scipy.stats

from ltjax.arguments import ArgumentError
from ltjax.bounds import mean_square, nearest_normal, tiny_jumps, trained_readout
from ltjax.certify import trained
from ltjax.certify.errors import plane, sphere
from ltjax.certify.trained import least_error
from ltjax.verify.claim import place
from proofs_check.neuron_pruning import every_target
from proofs_check.neuron_pruning import mean_square as squares
from proofs_check.neuron_pruning.nearest_normal import least_error as programme
from proofs_check.neuron_pruning.trained_readout import cone_holds, every_mask_misses, first_surrounding


@pytest.mark.parametrize(("d", "n"), [(2, 5), (2, 12), (3, 6), (3, 11)])
def test_the_least_error_is_enclosed(d, n):
    """A linear programme on dense points is no larger than it, and no output layer beats the lower end."""
    rng = np.random.default_rng(n)
    u, w = rng.normal(size=(n, d)), rng.normal(size=d)
    found = least_error(u, w)
    assert 0.0 < found.lower <= found.upper <= found.lower * 1.02
    x = rng.normal(size=(600, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    unit = w / np.linalg.norm(w)
    dense, _ = programme(np.maximum(x @ u.T, 0.0), np.maximum(x @ unit, 0.0))
    assert dense <= found.upper * (1.0 + 1e-9)
    value, margin = (plane if d == 2 else sphere).exact_error(u, found.v, w)
    assert value + margin <= found.upper * (1.0 + 1e-12)
    for _ in range(20):
        other = found.v + 0.05 * rng.normal(size=n)
        assert (plane if d == 2 else sphere).exact_error(u, other, w)[0] >= found.lower


def test_the_least_error_in_closed_form():
    """Two rows to either side leave a tent; without a near row the kink lemma holds; the target leaves nothing."""
    left, right = 0.2, 0.3
    u = np.array([[math.cos(left), math.sin(left)], [math.cos(right), -math.sin(right)]])
    found = least_error(u, [1.0, 0.0])
    assert found.upper <= math.sin(left) * math.sin(right) / math.sin(left + right) + 1e-9
    lines = np.linspace(0.5, math.pi - 0.5, 12)
    found = least_error(np.stack([-np.sin(lines), np.cos(lines)], axis=1), [0.0, 1.0])
    assert math.tan(0.25) / 2.0 <= found.lower <= found.upper <= found.lower * 1.02
    assert least_error([[3.0, 0.0], [0.0, 1.0]], [1.0, 0.0]).upper < 1e-9
    assert least_error(np.zeros((2, 2)), [1.0, 0.0]).upper == 1.0


def test_dual_weights_that_do_not_hide_from_the_network_prove_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    u = rng.normal(size=(6, 2))
    honest = least_error(u, [1.0, 0.0]).lower

    def wrong(values, target):
        v, y = programme(values, target)[1], rng.normal(size=len(target))
        return v, y

    monkeypatch.setattr(trained, "_programme", wrong)
    assert least_error(u, [1.0, 0.0]).lower <= honest * (1.0 + 1e-9)


def test_bad_arguments_of_the_least_error():
    with pytest.raises(ArgumentError, match="u has 4 columns: allowed are 2 and 3"):
        least_error(np.ones((3, 4)), np.ones(4))
    with pytest.raises(ArgumentError, match="eps"):
        least_error(np.ones((3, 2)), [1.0, 0.0], eps=math.nan)
    with pytest.raises(ArgumentError, match="NaN"):
        least_error([[math.nan, 1.0]], [1.0, 0.0])


def test_candidates_hold_the_largest_error():
    rng = np.random.default_rng(2)
    for d, module in ((2, plane), (3, sphere)):
        u, v, w = rng.normal(size=(7, d)), rng.normal(size=7), np.eye(d)[0]
        x, e = module.candidates(u, v, w)
        assert np.allclose(np.linalg.norm(x, axis=1), 1.0)
        assert e.max() == pytest.approx(module.exact_error(u, v, w)[0], rel=1e-9)
        assert np.allclose(np.abs(np.maximum(x @ u.T, 0.0) @ v - np.maximum(x @ w, 0.0)), e, atol=1e-9)


def test_wendel_and_the_cone_against_draws():
    rng = np.random.default_rng(3)
    for k in (1, 2):
        x = rng.normal(size=(20_000, 9, k))
        first = first_surrounding(x)
        for size in (2, 4, 9):
            assert np.mean(first <= size) == pytest.approx(trained_readout.surrounded(size, k), abs=0.015)
    assert trained_readout.surrounded(3, 2) == pytest.approx(0.25)
    assert trained_readout.surrounded(2, 2) == trained_readout.surrounded(0, 1) == 0.0
    for d, n, eps in ((2, 12, 0.2), (3, 60, 0.25)):
        held = cone_holds(rng.normal(size=(4_000, n, d)), trained_readout.cone_angle(eps))
        assert np.mean(held) == pytest.approx(trained_readout.cone_event(n, eps, d), abs=0.03)
    n = trained_readout.cone_threshold(0.5, 0.01, 3)
    assert trained_readout.cone_event(n - 1, 0.01, 3) < 0.5 <= trained_readout.cone_event(n, 0.01, 3)
    assert trained_readout.cone_event(10**9, 0.1, 2) == 1.0
    assert n > nearest_normal.threshold(0.5, 0.01, 3)


def test_a_cone_around_the_target_is_a_hit():
    rng = np.random.default_rng(4)
    for d, n, eps in ((2, 25, 0.15), (3, 40, 0.4)):
        u = rng.normal(size=(40, n, d))
        held = cone_holds(u, trained_readout.cone_angle(eps))
        assert np.count_nonzero(held) > 0
        for rows in u[held][:6]:
            assert least_error(rows, np.eye(d)[0], eps=eps).upper <= eps


def test_masks_that_hit_are_seen():
    u, v, w = np.array([[2.0, 0.0], [0.3, 1.0]]), np.array([0.5, 1.0]), np.array([1.0, 0.0])
    assert not every_mask_misses(u, v, w, 0.01)
    assert every_mask_misses(u, np.array([0.4, 1.0]), w, 0.01)


def test_stevens_and_gaps_against_draws():
    rng = np.random.default_rng(5)
    assert trained_readout.arcs_cover(1, 0.5) == 0.0
    assert trained_readout.arcs_cover(2, 0.6) == pytest.approx(0.2)  # both gaps at most 0.6
    for n, share in ((5, 0.4), (30, 0.15), (300, 0.025)):
        drawn = np.mean(every_target.largest_gap(rng.uniform(size=(20_000, n)), 1.0) <= share)
        assert drawn == pytest.approx(trained_readout.arcs_cover(n, share), abs=0.015)
    assert trained_readout.net_size(0.01, 2) == math.ceil(math.pi / (2.0 * nearest_normal.angle(0.01, 2)))


def test_uncovered_of_a_few_numbers():
    assert every_target.uncovered(np.array([1.0, -1.0])) == pytest.approx(0.5)
    assert every_target.uncovered(np.array([0.5])) == pytest.approx(1.0)
    numbers = np.random.default_rng(6).normal(size=8)
    sums = np.array([numbers[[bool(m >> i & 1) for i in range(8)]].sum() for m in range(256)])
    z = np.linspace(-1.0, 1.0, 20_001)
    assert every_target.uncovered(numbers) == pytest.approx(np.abs(z[:, None] - sums).min(axis=1).max(), abs=1e-4)


def test_mean_square_against_integrals():
    t = (np.arange(200_000) + 0.5) * 2.0 * math.pi / 200_000
    for a, b in ((0.0, 0.4), (0.3, 3.0), (1.0, 6.0)):
        mean = np.mean(np.maximum(np.cos(t - a), 0.0) * np.maximum(np.cos(t - b), 0.0))
        assert mean_square.inner_products(np.array([a, b]))[0, 1] == pytest.approx(mean, abs=1e-9)
    left, right = 0.1, 0.25
    weights = np.array([math.sin(right), math.sin(left)]) / math.sin(left + right)
    two = weights[0] * np.maximum(np.sin(t + left), 0.0) + weights[1] * np.maximum(np.sin(t - right), 0.0)
    error = np.mean((two - np.maximum(np.sin(t), 0.0)) ** 2)
    assert mean_square.tent_square(left, right) == pytest.approx(error, rel=1e-6)
    for alpha in (0.3, 1.0, math.pi / 2):
        # The best even and the best odd function on the arc, by quadrature.
        arc = (np.arange(20_000) + 0.5) / 20_000 * 2.0 * alpha - alpha
        basis = np.stack([np.cos(arc), np.sin(arc)], axis=1)
        left_over = np.maximum(np.sin(arc), 0.0)
        left_over = left_over - basis @ np.linalg.lstsq(basis, left_over, rcond=None)[0]
        both = 2.0 * np.mean(left_over**2) * 2.0 * alpha / (2.0 * math.pi)
        assert float(mean_square.square_bound(alpha)) == pytest.approx(both, rel=1e-5)


def test_mean_square_angles_and_events():
    for eps in (0.1, 1e-3, 1e-9):
        alpha = mean_square.kink_angle(eps)
        assert mean_square.error_bound(alpha) == pytest.approx(eps, rel=1e-4)
        assert mean_square.error_bound(alpha * 1.01) > eps
        n = mean_square.kink_threshold(0.5, eps)
        assert mean_square.kink_event(n, eps) >= 0.5 > mean_square.kink_event(n - 1, eps)
        assert n >= 0.25 * eps ** (-2.0 / 3.0) or eps > 0.01
    with pytest.raises(ArgumentError, match="eps"):
        mean_square.kink_angle(0.3)
    theta = np.random.default_rng(7).uniform(0.5, math.pi - 0.5, 30)
    assert float(squares.least_square(theta)) >= mean_square.error_bound(0.5)
    assert float(squares.least_square(np.append(theta, 0.0))) < 1e-5


def test_tiny_jumps_against_draws():
    rng = np.random.default_rng(8)
    for d in (2, 6):
        kappa = np.abs(rng.normal(size=200_000) * np.linalg.norm(rng.normal(size=(200_000, d)), axis=1))
        for power, delta in ((0, 0.3), (1, 1.0), (2, 2.0)):
            drawn = np.mean(kappa**power * (kappa <= delta))
            assert tiny_jumps.moment(power, delta, d) == pytest.approx(drawn, rel=0.03)
        x = rng.normal(size=(100_000, d))
        cosine = np.mean(np.abs(x[:, 0]) / np.linalg.norm(x, axis=1))
        assert tiny_jumps.mean_cosine(d) == pytest.approx(cosine, rel=0.01)
    assert tiny_jumps.density_at_zero(2) == pytest.approx(0.5)
    n = 100_000
    delta = tiny_jumps.largest_jump(n, 6)
    assert n * tiny_jumps.moment(1, delta, 6) * tiny_jumps.mean_cosine(6) / 4.0 == pytest.approx(1.0)
    size = tiny_jumps.threshold(0.5, 0.3, 6)
    assert tiny_jumps.mean_error_bound(size, 6) <= 0.15 < tiny_jumps.mean_error_bound(int(0.99 * size), 6)
    with pytest.raises(ArgumentError, match="n=3 is not allowed"):
        tiny_jumps.largest_jump(3, 6)


def test_the_mean_error_of_tiny_jumps_in_the_plane_is_below_the_bound():
    """All neurons drawn, those kept selected, the error exact."""
    rng, n = np.random.default_rng(9), 20_000
    delta = tiny_jumps.largest_jump(n, 2)
    errors = []
    for _ in range(12):
        u, v = rng.normal(size=(n, 2)), rng.normal(size=n)
        kappa = v * np.linalg.norm(u, axis=1)
        kept = (np.abs(kappa) <= delta) & (kappa * u[:, 0] > 0.0)
        errors.append(plane.exact_error(u, v, [1.0, 0.0], kept, readout="relu")[0])
    mean, spread = np.mean(errors), scipy.stats.sem(errors)
    assert mean + 4.0 * spread < tiny_jumps.mean_error_bound(n, 2)
    assert mean > 0.1 * tiny_jumps.mean_error_bound(n, 2)


def test_ids_are_sorted_by_their_numbers():
    ids = ["NP-11", "GAP-2", "NP-9", "PAT-1", "NP-1"]
    assert sorted(ids, key=place) == ["GAP-2", "NP-1", "NP-9", "NP-11", "PAT-1"]


def test_four_covering_groups_are_found_among_scissors_neurons():
    """NP-12: odd neurons serve one coordinate, even ones the other, each by its weight's sign; so all four groups."""
    each = every_target.SCISSORS // 2
    one = scipy.stats.binom.cdf(each - every_target.NUMBERS, each, 0.5)
    found = (one - scipy.stats.binom.cdf(every_target.NUMBERS - 1, each, 0.5)) ** 2
    assert found > 0.99
    assert found * every_target.COVERED**4 > 0.5


@pytest.mark.parametrize("eps", [0.3, 0.05, 1e-3])
def test_the_cones_angle_is_where_two_rows_reach_the_error(eps):
    """Two rows to either side of the target, as far as allowed: their error is ½·tan δ, which is ε."""
    delta = trained_readout.cone_angle(eps)
    u = np.array([[math.cos(delta), math.sin(delta)], [math.cos(delta), -math.sin(delta)]])
    error, margin = plane.exact_error(u, np.full(2, 0.5 / math.cos(delta)), np.array([1.0, 0.0]))
    assert error == pytest.approx(eps, rel=1e-9, abs=margin)
