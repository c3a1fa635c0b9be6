"""Coverage by summing the binomial law, not by simulation."""

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("p", [0.02, 0.3, 0.5])
def test_anytime_interval_holds_at_every_time_at_once(p):
    """The chance to have ever excluded p in 300 trials, exactly, over the lattice of (time, successes)."""
    confidence, horizon = 0.9, 300
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


def test_nothing_detectable_with_too_few_trials():
    assert intervals.detectable_excess(0.9, 10, 1e-6) == float("inf")


def test_mean_interval_contains_the_mean_and_shrinks():
    rng = np.random.default_rng(0)
    values = rng.beta(2, 5, 20_000)
    low, high = intervals.mean_interval(values, 1e-6)
    assert low < 2 / 7 < high
    assert high - low < 0.02


@pytest.mark.parametrize(
    ("hits", "trials", "confidence"),
    [(10**9 - 1, 10**9, 0.99), (10**6 - 1, 10**6, 1 - 1e-9), (10**7 - 1, 10**7, 1 - 1e-6)],
)
def test_anytime_where_hardly_a_trial_fails(hits, trials, confidence):
    low, high = intervals.anytime(hits, trials, confidence)
    assert low < hits / trials < high <= 1.0
    mirrored = intervals.anytime(trials - hits, trials, confidence)
    assert (1.0 - high, 1.0 - low) == pytest.approx(mirrored, rel=1e-6, abs=1e-15)
