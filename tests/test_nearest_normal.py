"""The nearest normal: its weights annihilate what they must, its bound is valid and nearly tight, its event exact."""

import itertools
import math

import numpy as np
import pytest
import scipy.optimize
import scipy.special

from ltjax.bounds import nearest_normal, neuron_pruning
from proofs_check.neuron_pruning.nearest_normal import attack, folded, mixture, moments_vanish, network, on_neuron

SOME = (2, 3, 4, 5, 6, 7, 8, 11, 16)


@pytest.mark.parametrize("d", SOME)
def test_the_weights_give_nothing_for_any_normal_outside_the_cap(d):
    for alpha, times in itertools.product((0.05, 0.6, 1.3), (1.0, 1.0001, 1.5, 2.4)):
        theta = min(times * alpha, math.pi - alpha)
        assert abs(on_neuron(d, alpha, theta)) < 1e-10 * math.tan(alpha)
    # Inside the cap they do not, and that is what `weighed` says.
    for alpha, part in itertools.product((0.05, 0.6, 1.3), (0.9, 0.5, 0.1)):
        found = on_neuron(d, alpha, part * alpha)
        spread = math.tan(alpha) / math.tan(part * alpha)
        wanted = 0.5 * math.sin(part * alpha) * float(nearest_normal.weighed(np.array(spread), d))
        assert found == pytest.approx(wanted, abs=1e-10 * math.tan(alpha))
        assert found > 0.0


@pytest.mark.parametrize("d", [3, 5, 7])
def test_without_the_tail_they_do_not(d):
    assert abs(on_neuron(d, 0.6, 1.2, tail=0.99)) > 1e-6


@pytest.mark.parametrize("d", SOME)
def test_the_bound_is_what_the_weights_say(d):
    for alpha in (1e-6, 0.05, 0.6, 1.3):
        value = on_neuron(d, alpha, 0.0)  # the neuron along w is the target
        w = nearest_normal.rounded(d)
        tan = math.tan(alpha)

        def length(sigma, tan=tan):
            return math.sqrt(1.0 + (tan * sigma) ** 2)

        atoms = sum(abs(e) * length(s) for e, s in zip(w["atoms"], w["nodes"], strict=True)) + abs(w["centre"])
        signed = (
            folded(d, length) - w["centre"] - sum(e * length(s) for e, s in zip(w["atoms"], w["nodes"], strict=True))
        )
        exact = value / (atoms + abs(signed))
        bound = nearest_normal.error_bound(alpha, d)
        # Jensen's inequality costs a little in odd dimensions.
        assert bound <= exact * (1.0 + 1e-9)
        assert bound >= exact * (0.97 if d % 2 else 1.0 - 1e-9)


def test_in_the_plane_it_is_the_kink_lemma():
    for alpha in (1e-9, 0.01, 0.4, 1.0, 1.57):
        assert nearest_normal.error_bound(alpha, 2) == pytest.approx(neuron_pruning.kink_bound(alpha), rel=1e-14)
    for eps in (0.3, 1e-3, 1e-9):
        assert nearest_normal.angle(eps, 2) == pytest.approx(neuron_pruning.kink_angle(eps), rel=1e-11)
        assert abs(nearest_normal.threshold(0.5, eps, 2) - neuron_pruning.kink_threshold(0.5, eps)) <= 1


def test_constants_of_the_closed_forms():
    s = scipy.optimize.minimize_scalar(lambda s: -s * math.acos(s), bounds=(0.1, 0.9), method="bounded")
    assert nearest_normal.constant(3) == pytest.approx(-s.fun / (2.0 * math.pi), rel=1e-7)
    assert nearest_normal.constant(3) < -s.fun / (2.0 * math.pi)
    assert nearest_normal.constant(2) == pytest.approx(1 / 4, rel=1e-15)
    assert nearest_normal.constant(4) == pytest.approx(1 / 16, rel=1e-15)
    # Half the distance of |x| from the even polynomials of degree d - 2; these distances times 2n tend to 0.28017
    # (Bernstein 1914; Varga and Carpenter 1985, who give E_4 = 0.0676 and E_6 = 0.0459).
    assert nearest_normal.constant(6) == pytest.approx(0.067621 / 2, rel=1e-4)
    assert nearest_normal.constant(8) == pytest.approx(0.045929 / 2, rel=1e-4)
    assert 2 * 14 * nearest_normal.constant(16) == pytest.approx(0.28017, rel=5e-3)


@pytest.mark.parametrize("d", [2, 3, 4, 5, 8])
def test_mixtures_outside_the_cap_come_near_the_bound_and_never_below(d):
    bound = nearest_normal.error_bound(0.4, d)
    assert bound * (1.0 - 1e-7) <= mixture(d, 0.4) <= 1.12 * bound


def test_no_network_without_a_near_normal_beats_the_bound():
    """Rings that begin at the angle come within a factor of two; rings nearer than it says do beat it."""
    rng = np.random.default_rng(1)
    for d in (2, 3, 4):
        rows = network(rng, d, 0.5, designed=True)
        low, high = attack(rng, rows, 0.5, 1.0)
        assert low >= nearest_normal.error_bound(0.5, d) * (1.0 - 1e-7)
        assert low <= high
    low, high = attack(rng, network(rng, 3, 0.05, designed=True), 1.3, 1.0)
    assert high < nearest_normal.error_bound(1.3, 3)
    assert low <= high


def test_moments():
    assert all(moments_vanish(d) for d in nearest_normal.DIMENSIONS)


def test_a_largest_node_below_one_is_no_weight_in_even_dimensions(monkeypatch):
    monkeypatch.setitem(nearest_normal.NODES, 6, (2844, 7771, 9999))
    assert not moments_vanish(6)


def test_mean_absolute_and_averaged_against_draws():
    rng = np.random.default_rng(0)
    for d in (2, 3, 4, 7):
        z = rng.normal(size=(200_000, d - 1))
        z = z[:, 0] / np.linalg.norm(z, axis=1)
        for x in (0.0, 0.3, 0.99, 1.0, 2.0):
            assert float(nearest_normal.mean_absolute(np.array(x), d)) == pytest.approx(np.abs(x + z).mean(), abs=6e-3)
        for theta, t in ((0.3, 0.1), (1.0, -0.7), (2.8, 0.9)):
            mean = np.maximum(t * np.cos(theta) + math.sqrt(1 - t * t) * np.sin(theta) * z, 0.0).mean()
            assert float(nearest_normal.averaged(theta, t, d)) == pytest.approx(mean, abs=5e-3)


def test_share_against_closed_forms_and_another_library():
    for alpha in (1e-7, 0.01, 0.5, 1.2, 1.5707):
        assert nearest_normal.share(alpha, 2) == pytest.approx(2.0 * alpha / math.pi, rel=1e-14)
        assert nearest_normal.share(alpha, 3) == pytest.approx(2.0 * math.sin(0.5 * alpha) ** 2, rel=1e-14)
        for d in (2, 3, 4, 5, 9):
            wanted = scipy.special.betainc((d - 1) / 2, 0.5, math.sin(alpha) ** 2)
            assert nearest_normal.share(alpha, d) == pytest.approx(wanted, rel=1e-7)
    assert nearest_normal.share(0.0, 3) == 0.0
    assert nearest_normal.share(math.pi / 2, 4) == 1.0


@pytest.mark.parametrize("d", [2, 3, 4, 5, 16])
def test_thresholds(d):
    for eps in (0.05, 1e-2, 1e-3):
        alpha = nearest_normal.angle(eps, d)
        assert nearest_normal.error_bound(alpha, d) > eps
        assert nearest_normal.error_bound(alpha * (1 - 1e-11), d) < eps
        n = nearest_normal.threshold(0.5, eps, d)
        assert nearest_normal.event(n, eps, d) >= 0.5 * (1 - 1e-12)
        assert n <= 1 or nearest_normal.event(n - 1, eps, d) < 0.5
    fine = [math.log10(nearest_normal.threshold(0.5, e, d)) for e in (1e-4, 1e-5)]
    assert fine[1] - fine[0] == pytest.approx(d - 1, abs=1e-3)


@pytest.mark.wrong_types
def test_parts_of_rows_have_the_event_of_their_dimension_as_often_as_there_are_such_parts():
    eps, d = 1e-3, 4
    assert nearest_normal.part_threshold(0.5, eps, d, 3) in (
        nearest_normal.threshold(0.5, eps, d) + i for i in (-1, 0, 1)
    )
    for others, ways in ((1, 3), (2, 3), (3, 1)):
        one = nearest_normal.share(nearest_normal.angle(eps, d), others + 1)
        n = nearest_normal.part_threshold(0.5, eps, d, others)
        assert n == math.ceil(math.log(0.5) / math.log1p(-ways * one) * (1.0 - 1e-9))
        assert nearest_normal.part_event(n - 1, eps, d, others) < 0.5 <= nearest_normal.part_event(n, eps, d, others)
    assert nearest_normal.part_event(0, eps, d, 1) == 0.0
    for others in (0, 4):
        with pytest.raises(ValueError, match=f"others={others} is not allowed"):
            nearest_normal.part_event(5, eps, d, others)


def test_parts_of_rows_against_draws():
    rng, n, d, eps = np.random.default_rng(3), 25, 4, 1e-3
    u = np.abs(rng.normal(size=(4000, n, d)))
    near = np.min(u[..., 1:], axis=2) <= math.tan(nearest_normal.angle(eps, d)) * u[..., 0]
    assert abs(near.any(axis=1).mean() - nearest_normal.part_event(n, eps, d, 1)) < 0.03


def test_bad_arguments():
    for call, message in (
        (lambda: nearest_normal.error_bound(1.6, 3), r"alpha=1.6 is not allowed"),
        (lambda: nearest_normal.error_bound(math.nan, 3), r"alpha=nan is not allowed"),
        (lambda: nearest_normal.constant(1), r"d=1 is not allowed: d is a whole number from 2 to 16"),
        (lambda: nearest_normal.angle(0.3, 3), r"eps=0.3 is not allowed: with d=3 the bound is silent .* below 0.1835"),
        (lambda: nearest_normal.threshold(1.0, 0.01, 3), r"p=1.0 is not allowed"),
        (lambda: nearest_normal.share(0.1, 1), r"d=1 is not allowed"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
