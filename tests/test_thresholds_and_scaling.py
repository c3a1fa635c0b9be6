"""Thresholds and growth laws on outcomes whose law is known."""

import dataclasses

import jax
import numpy as np
import pytest

import ltjax
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.trials.dispatch import FirstHits

NS = tuple(range(1, 41))


def outcomes_of(first, eps, ns=NS, blur=None):
    """FirstHits for known least n, decided at every n of `ns`; with `blur`, undecided that far below."""
    first = np.minimum(first, max(ns) + 1)
    return FirstHits(ns, tuple(eps), np.maximum(first - 1 - (0 if blur is None else blur), 0), first)


def logistic_trials(medians, scale, trials, seed):
    rng = np.random.default_rng(seed)
    noise = rng.logistic(size=(trials, 1)) * scale  # one draw decides every ε
    return np.maximum(np.ceil(np.asarray(medians) + noise), 1).astype(int)


def test_bracket_contains_the_threshold_and_interpolation_is_linear():
    rng = np.random.default_rng(0)
    first = rng.geometric(0.1, size=(2000, 1))  # P(N <= n) = 1 - 0.9^n reaches ½ at n = 7
    (found,) = thresholds.brackets(outcomes_of(first, [0.1]), 0.5, 0.99, {})
    assert found.lower <= 7 <= found.upper
    assert found.upper - found.lower <= 1
    assert 6 < found.interpolated < 8


def test_bracket_error_rate_exactly():
    """For a law that reaches p exactly at n* the upper end lies below it with chance at most half the rest."""
    from ltjax.inference import intervals

    trials, confidence, p = 50, 0.9, 0.5
    hits = np.arange(trials + 1)
    too_early = intervals.clopper_pearson_lower(hits, trials, (1 - confidence) / 2) >= p
    import scipy.stats

    assert scipy.stats.binom.pmf(hits, trials, 0.4999)[too_early].sum() <= (1 - confidence) / 2


def test_undecided_trials_only_widen_the_bracket():
    rng = np.random.default_rng(1)
    first = rng.geometric(0.1, size=(500, 1))
    (sharp,) = thresholds.brackets(outcomes_of(first, [0.1]), 0.5, 0.99, {})
    (blurred,) = thresholds.brackets(outcomes_of(first, [0.1], blur=3), 0.5, 0.99, {})
    assert blurred.lower <= sharp.lower
    assert blurred.upper == sharp.upper


def test_no_upper_end_when_nothing_reaches_p():
    (found,) = thresholds.brackets(outcomes_of(np.full((100, 1), 99), [0.1]), 0.5, 0.99, {})
    assert (found.lower, found.upper, found.interpolated) == (41, None, None)


def test_threshold_of_a_known_case():
    """n = 1 and z = 0: the empty sum hits always."""
    found = ltjax.threshold(ltjax.SubsetSum(target=0.0), eps=0.1, key=jax.random.key(0), trials=50, n_max=3)
    assert (found.lower, found.upper) == (1, 1)
    several = ltjax.threshold(ltjax.SubsetSum(), eps=[0.1, 0.01], key=jax.random.key(0), trials=200)
    assert [one.eps for one in several] == [0.1, 0.01]
    assert several[0].upper <= several[1].upper
    assert several[1].upper <= several[1].n_max


EPS = [2.0**-bits for bits in (2, 4, 6, 8, 10)]
BITS = np.array([2, 4, 6, 8, 10])


def test_fit_recovers_the_logarithmic_law():
    outcomes = outcomes_of(logistic_trials(1.2 * BITS + 3, 0.8, 4000, 0), EPS)
    fit = scaling.fit(outcomes, "logarithmic")
    low, high = fit.interval("a", 1e-6)
    assert low < 1.2 < high
    assert high - low < 0.1
    # Least n is the ceiling of the continuous threshold: the median sits half a step above or below.
    assert fit.estimate["b"] == pytest.approx(3.0, abs=0.2)
    for rival in ("power", "inverse", "log-squared", "constant"):
        comparison = scaling.compare(fit, scaling.fit(outcomes, rival))
        assert comparison.beats(1e-6), rival
        assert not dataclasses.replace(comparison, z=-comparison.z).beats(0.5)


def test_fit_recovers_a_power_law():
    ns = tuple(range(1, 400))
    medians = 3.0 * np.array(EPS) ** -0.6
    rng = np.random.default_rng(2)
    first = np.ceil(medians * np.exp(rng.logistic(size=(3000, 1)) * 0.15)).astype(int)
    outcomes = outcomes_of(first, EPS, ns)
    fit = scaling.fit(outcomes, "power")
    assert fit.estimate["gamma"] == pytest.approx(0.6, abs=0.02)
    assert scaling.compare(fit, scaling.fit(outcomes, "logarithmic")).beats(1e-6)


def test_standard_errors_match_the_scatter_of_repeated_fits():
    """The sandwich knows that one draw decides every ε; a naive information matrix would be far off."""
    fits = [
        scaling.fit(outcomes_of(logistic_trials(1.2 * BITS + 3, 0.8, 400, seed), EPS), "logarithmic")
        for seed in range(60)
    ]
    scatter = np.std([fit.estimate["b"] for fit in fits], ddof=1)
    stated = np.mean([np.sqrt(fit.covariance[1, 1]) for fit in fits])
    assert 0.75 < stated / scatter < 1.33  # 60 fits: the scatter is known to 9%; 3 of those


def test_custom_law_and_bad_law():
    law = scaling.GrowthLaw(
        "root", r"a\sqrt{x}", ("a",), lambda t, x: t[0] * x**0.5, lambda x, y: [float(np.mean(y / np.sqrt(x)))]
    )
    fit = scaling.fit(outcomes_of(logistic_trials(4 * np.sqrt(BITS), 0.5, 500, 3), EPS), law)
    assert fit.estimate["a"] == pytest.approx(4.0, abs=0.3)
    assert fit.median(2.0**-9) == pytest.approx(12.0, abs=0.6)
    with pytest.raises(ValueError, match="law='cubic' is not known"):
        scaling.fit(outcomes_of(np.ones((5, 5), int), EPS), "cubic")
    with pytest.raises(ValueError, match="needs more precisions"):
        scaling.fit(outcomes_of(np.ones((5, 1), int), [0.1]), "logarithmic")
