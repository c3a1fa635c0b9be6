"""Coverage by summing the binomial law, not by simulation."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from ltjax.arguments import ArgumentError
from ltjax.inference import intervals


@given(st.integers(1, 60), st.floats(0.0, 1.0), st.sampled_from([0.5, 0.9, 0.99, 1 - 1e-6]))
def test_clopper_pearson_covers_exactly(trials, p, confidence):
    hits = np.arange(trials + 1)
    low, high = intervals.clopper_pearson(hits, trials, confidence)
    law = scipy.stats.binom.pmf(hits, trials, p)
    side = (1 - confidence) / 2
    assert law[low > p].sum() <= side * (1 + 1e-9)
    assert law[high < p].sum() <= side * (1 + 1e-9)
    assert np.all(low <= hits / trials)
    assert np.all(hits / trials <= high)


@given(st.integers(1, 40), st.data())
def test_undecided_widens_and_never_lies(trials, data):
    hits = data.draw(st.integers(0, trials))
    undecided = data.draw(st.integers(0, trials - hits))
    low, high = intervals.clopper_pearson(hits, trials, 0.99, undecided)
    for truth in range(hits, hits + undecided + 1):
        inner = intervals.clopper_pearson(truth, trials, 0.99)
        assert low <= inner[0]
        assert inner[1] <= high


@pytest.mark.parametrize("trials", [1, 7, 400])
@pytest.mark.parametrize("level", [0.4, 0.01, 1e-9])
def test_one_sided_limits_in_closed_form(trials, level):
    """All trials hit: level = P(all hit) at the lower limit. None hits: the same of the upper one."""
    assert intervals.clopper_pearson_lower(trials, trials, level) == pytest.approx(level ** (1 / trials), rel=1e-12)
    assert intervals.clopper_pearson_upper(0, trials, level) == pytest.approx(-np.expm1(np.log(level) / trials))
    assert intervals.clopper_pearson_lower(0, trials, level) == 0.0
    assert intervals.clopper_pearson_upper(trials, trials, level) == 1.0


@given(st.integers(2, 300), st.sampled_from([0.3, 0.01, 1e-9]), st.data())
def test_one_sided_limits_spend_their_level_exactly(trials, level, data):
    """At the lower limit as many hits or more have probability `level`, at the upper one as many or fewer."""
    hits = data.draw(st.integers(1, trials - 1))
    lower = intervals.clopper_pearson_lower(hits, trials, level)
    upper = intervals.clopper_pearson_upper(hits, trials, level)
    assert scipy.stats.binom.sf(hits - 1, trials, lower) == pytest.approx(level, rel=1e-6)
    assert scipy.stats.binom.cdf(hits, trials, upper) == pytest.approx(level, rel=1e-6)
    assert lower < hits / trials < upper


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_two_sided_limits_are_the_one_sided_ones_at_half_the_level(confidence):
    level = (1 - confidence) / 2
    low, high = intervals.clopper_pearson(3, 20, confidence, undecided=4)
    assert low == pytest.approx(intervals.clopper_pearson_lower(3, 20, level), rel=1e-12)
    assert high == pytest.approx(intervals.clopper_pearson_upper(7, 20, level), rel=1e-12)
    with pytest.raises(ArgumentError, match=r"confidence=1\.0 is not allowed"):
        intervals.clopper_pearson(3, 20, 1.0)


def mixture_by_quadrature(hits, trials, p, prior=0.5):
    """The mixture likelihood ratio by numerical integration over the prior, apart from the closed form."""

    def ratio(t):
        # t = sin²: the arcsine prior's weight becomes constant.
        q = np.sin(t) ** 2
        log = hits * np.log(q / p) + (trials - hits) * np.log((1 - q) / (1 - p))
        return np.exp(log) * 2 / np.pi

    return scipy.integrate.quad(ratio, 1e-12, np.pi / 2 - 1e-12, limit=500, points=[np.arcsin(np.sqrt(hits / trials))])[
        0
    ]


@pytest.mark.parametrize(("hits", "trials"), [(3, 10), (40, 100), (299, 300), (1, 50)])
@pytest.mark.parametrize("confidence", [0.9, 0.999])
def test_anytime_limits_are_where_the_mixture_reaches_its_bound(hits, trials, confidence):
    low, high = intervals.anytime(hits, trials, confidence)
    for limit in (low, high):
        assert mixture_by_quadrature(hits, trials, limit) == pytest.approx(1 / (1 - confidence), rel=1e-5)
    assert low < hits / trials < high


@given(st.integers(1, 40), st.data())
def test_anytime_undecided_widens_and_never_lies(trials, data):
    hits = data.draw(st.integers(0, trials))
    undecided = data.draw(st.integers(0, trials - hits))
    low, high = intervals.anytime(hits, trials, 0.99, undecided)
    assert low == intervals.anytime(hits, trials, 0.99)[0]
    assert high == intervals.anytime(hits + undecided, trials, 0.99)[1]


def test_anytime_prior_belongs_to_hits_and_misses_in_that_order():
    """Nothing missed, prior Beta(2, 1): M(p) = B(2 + T, 1)/(B(2, 1)·p^T) = 2/((T + 2)·p^T)."""
    confidence, trials = 0.95, 30
    low, high = intervals.anytime(trials, trials, confidence, prior=(2.0, 1.0))
    assert low == pytest.approx((2 * (1 - confidence) / (trials + 2)) ** (1 / trials), rel=1e-9)
    assert high == 1.0
    low, high = intervals.anytime(0, trials, confidence, prior=(1.0, 2.0))
    assert 1 - high == pytest.approx((2 * (1 - confidence) / (trials + 2)) ** (1 / trials), rel=1e-9)
    assert low == 0.0
    with pytest.raises(ArgumentError, match=r"confidence=0\.0 is not allowed"):
        intervals.anytime(1, 2, 0.0)


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_anytime_interval_holds_at_every_time_at_once(p):
    """The chance to have ever excluded p in 200 trials, exactly, over the lattice of (time, successes)."""
    confidence, horizon = 0.9, 200
    alive = np.array([1.0])
    for time in range(1, horizon + 1):
        alive = np.append(alive, 0.0) * (1 - p) + np.append(0.0, alive) * p
        inside = [low <= p <= high for low, high in (intervals.anytime(s, time, confidence) for s in range(time + 1))]
        alive = np.where(inside, alive, 0.0)
    assert 1 - alive.sum() <= 1 - confidence
    assert 1 - alive.sum() > 0.01, "an interval that never fails would be far too wide"


def test_anytime_edges():
    assert intervals.anytime(0, 0, 0.9) == (0.0, 1.0)
    assert intervals.anytime(0, 10, 0.9)[0] == 0.0
    assert intervals.anytime(10, 10, 0.9)[1] == 1.0
    assert intervals.anytime(2, 10, 0.9, undecided=3)[1] == intervals.anytime(5, 10, 0.9)[1]


@pytest.mark.parametrize("bound", [0.001, 0.2, 0.9])
def test_detectable_excess_has_the_stated_power(bound):
    trials, level, power = 2000, 1e-6, 0.95
    p = intervals.detectable_excess(bound, trials, level, power)
    hits = np.arange(trials + 1)
    refutes = intervals.clopper_pearson_lower(hits, trials, level) > bound
    assert scipy.stats.binom.pmf(hits, trials, p)[refutes].sum() == pytest.approx(power, abs=1e-6)
    assert scipy.stats.binom.pmf(hits, trials, bound)[refutes].sum() <= level


def test_detectable_excess_in_closed_form():
    """Where only `trials` hits of `trials` refute, the power is p^trials; at one bound higher nothing refutes."""
    trials, level = 10, 1e-3
    bound = level ** (1 / trials)  # the lower limit of 10 hits of 10, up to rounding
    just = bound * (1 - 1e-9)
    assert intervals.detectable_excess(just, trials, level) == pytest.approx(0.95 ** (1 / trials), rel=1e-12)
    assert intervals.detectable_excess(just, trials, level, 0.5) == pytest.approx(0.5 ** (1 / trials), rel=1e-12)
    assert intervals.detectable_excess(bound * (1 + 1e-9), trials, level) == float("inf")


def test_detectable_excess_where_the_limit_is_the_bound():
    """`P <= bound` is not refuted by a lower limit that equals the bound: another hit is needed."""
    trials, level = 50, 0.01
    bound = float(intervals.clopper_pearson_lower(20, trials, level))
    p = intervals.detectable_excess(bound, trials, level)
    assert scipy.stats.binom.sf(20, trials, p) == pytest.approx(0.95, rel=1e-9)


def test_a_single_hit_can_refute_a_bound_of_zero():
    assert intervals.detectable_excess(0.0, 20, 0.01) == pytest.approx(1 - 0.05 ** (1 / 20), rel=1e-12)


def test_nothing_detectable_with_too_few_trials():
    assert intervals.detectable_excess(0.9, 10, 1e-6) == float("inf")


def test_mean_interval_contains_the_mean_and_shrinks():
    rng = np.random.default_rng(0)
    values = rng.beta(2, 5, 20_000)
    low, high = intervals.mean_interval(values, 1e-6)
    assert low < 2 / 7 < high
    assert high - low < 0.02


def test_mean_interval_is_the_published_bound():
    """Maurer, Pontil 2009, theorem 4, for variables in [0, 1], with δ = level/2 a side; others by scale."""
    level, trials = 0.02, 50
    log = np.log(2 / (level / 2))
    values = np.arange(trials) % 2.0  # mean ½, sample variance T/(4(T - 1))
    half = np.sqrt(2 * (trials / (4 * (trials - 1))) * log / trials) + 7 * log / (3 * (trials - 1))
    assert intervals.mean_interval(values, level) == pytest.approx((0.5 - half, 0.5 + half), rel=1e-12)
    scaled = intervals.mean_interval(6 * values - 1, level, -1.0, 5.0)
    assert scaled == pytest.approx((2 - 6 * half, 2 + 6 * half), rel=1e-12)


def test_mean_interval_refuses_what_the_bound_does_not_cover():
    with pytest.raises(ArgumentError, match=r"len\(values\)=1 is not allowed"):
        intervals.mean_interval(np.array([0.5]), 0.01)
    for bad in (1.5, -0.5, np.nan):
        with pytest.raises(ArgumentError, match=r"values are in \[0, 1\]"):
            intervals.mean_interval(np.array([0.5, bad]), 0.01)
    assert intervals.mean_interval(np.array([0.0, 1.0]), 0.01)[0] < 0.0


@pytest.mark.parametrize(
    ("hits", "trials", "confidence"),
    [(10**9 - 1, 10**9, 0.99), (10**6 - 1, 10**6, 1 - 1e-9), (10**7 - 1, 10**7, 1 - 1e-6)],
)
def test_anytime_where_hardly_a_trial_fails(hits, trials, confidence):
    low, high = intervals.anytime(hits, trials, confidence)
    assert low < hits / trials < high <= 1.0
    mirrored = intervals.anytime(trials - hits, trials, confidence)
    assert (1.0 - high, 1.0 - low) == pytest.approx(mirrored, rel=1e-6, abs=1e-15)
