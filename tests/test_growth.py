"""Growth laws: which hold which, tests at their stated level, standard errors by closed forms."""

import dataclasses
import itertools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from ltjax.arguments import ArgumentError
from ltjax.inference import growth
from ltjax.inference.growth import GROWTH_LAWS, Fit, GrowthLaw, compare
from ltjax.trials.counts import FirstHits

LEVEL = 0.01
BITS = np.array([2.0, 3.0, 4.0, 5.0, 6.0])
NESTED = {(name, law.name) for law in GROWTH_LAWS.values() for name in law.nested}


def draws(medians, scale, trials, rng, same=True, bits=BITS, most=400):
    """Outcomes decided at every n whose law is logistic around the medians; one noise for all ε, or one each."""
    noise = scale * rng.logistic(size=(trials, 1 if same else len(bits)))
    first = np.clip(np.ceil(np.asarray(medians) + noise), 1, most).astype(int)
    return FirstHits(tuple(range(1, most)), tuple(2.0**-bits), first - 1, first)


def claims(medians, first, second, count, *, same=False, level=LEVEL, trials=400):
    """In how many of `count` data sets the first law beats the second, and the second the first."""
    rng = np.random.default_rng(7)
    won = np.zeros(2, int)
    for _ in range(count):
        outcomes = draws(medians, 0.8, trials, rng, same)
        fits = growth.fit(outcomes, first), growth.fit(outcomes, second)
        won += [compare(*fits).beats(level), compare(*fits[::-1]).beats(level)]
    return tuple(int(x) for x in won)


def made(law, estimate, covariance, log_likelihood=(0.0, 0.0, 1.0), eps=(0.1, 0.05, 0.02)):
    """A fit with chosen numbers."""
    law = GROWTH_LAWS[law] if isinstance(law, str) else law
    values = dict(zip(law.parameters, estimate, strict=True))
    return Fit(law, values, np.atleast_2d(np.asarray(covariance, float)), np.asarray(log_likelihood, float), eps)


@pytest.mark.parametrize(("small", "large"), list(itertools.permutations(GROWTH_LAWS, 2)))
def test_the_declared_pairs_are_the_nested_ones(small, large):
    """A law is a special case when the other passes through its medians, for every value of its parameters."""
    rng = np.random.default_rng(0)
    lesser, greater = GROWTH_LAWS[small], GROWTH_LAWS[large]
    gaps = []
    for _ in range(5):
        values = rng.uniform(0.5, 2.0, len(lesser.parameters))
        medians = np.asarray(lesser.median(jnp.asarray(values), jnp.asarray(BITS)))

        def off(t, medians=medians):
            return np.asarray(greater.median(jnp.asarray(t), jnp.asarray(BITS))) / medians - 1.0

        start = np.asarray(greater.start(BITS, medians))
        gaps.append(np.abs(scipy.optimize.least_squares(off, start, xtol=1e-12, ftol=1e-14, gtol=1e-14).fun).max())
    assert (max(gaps) < 1e-4) == ((small, large) in NESTED)
    assert min(gaps) < 1e-4 or min(gaps) > 1e-2, "nested for some values only"


@pytest.mark.parametrize(
    ("law", "values", "expected"),
    [
        ("logarithmic", (1.5, 4.0), 1.5 * BITS + 4.0),
        ("power", (0.5, 0.7), math.exp(0.5) * 2.0 ** (0.7 * BITS)),
        ("inverse", (0.5,), math.exp(0.5) * 2.0**BITS),
        ("log-inverse", (0.5,), math.exp(0.5) * BITS * 2.0**BITS),
        ("log-squared", (1.5, 4.0), 1.5 * BITS**2 + 4.0),
        ("constant", (4.0,), 4.0 + 0.0 * BITS),
    ],
)
def test_the_laws_are_what_their_formulas_say(law, values, expected):
    """The medians, by NumPy, whose arrays unlike JAX's have no entry beyond the last; and back from them."""
    law = GROWTH_LAWS[law]
    median: Any = law.median  # written for JAX
    assert np.asarray(median(np.array(values), BITS)) == pytest.approx(expected, rel=1e-6)
    assert law.start(BITS, expected) == pytest.approx(values, rel=1e-6)
    made_so = made(law, values, np.eye(len(values)))
    assert made_so.median(2.0**-BITS) == pytest.approx(expected, rel=1e-5)


def test_walds_statistic_in_closed_form():
    power, inverse = made("power", (1.0, 1.2), [[1.0, 0.3], [0.3, 0.01]]), made("inverse", (1.0,), [[1.0]])
    found = compare(power, inverse)
    # (1.2 - 1)/0.1 = 2 standard errors, and a normal variable exceeds 2 in size with chance 0.0455.
    assert scipy.stats.norm.sf(found.z) == pytest.approx(math.erfc(math.sqrt(2.0)), rel=1e-9)
    assert found.beats(0.046)
    assert not found.beats(0.045)
    assert (found.first, found.second, found.special) == ("power", "inverse", "second")
    back = compare(inverse, power)
    assert (back.z, back.advantage, back.special) == (-found.z, -found.advantage, "first")
    assert not dataclasses.replace(back, z=40.0).beats(0.4)
    # gamma = 0 is 12 standard errors away; 60 is beyond what doubles hold.
    assert compare(power, made("constant", (1.0,), [[1.0]])).z == pytest.approx(12.0, rel=0.02)
    far = made("power", (1.0, 6.0), [[1.0, 0.3], [0.3, 0.01]])
    assert compare(far, made("constant", (1.0,), [[1.0]])).z == pytest.approx(60.0)
    # A smaller estimate than the value held counts the same.
    less = made("power", (1.0, 0.8), [[1.0, 0.3], [0.3, 0.01]])
    assert compare(less, inverse).z == pytest.approx(found.z)
    assert compare(made("power", (1.0, 1.0), np.eye(2)), inverse).z < 0
    assert compare(made("power", (1.0, 1.2), np.zeros((2, 2))), inverse).z == 0.0


CUBIC = GrowthLaw(
    "cubic",
    "a+bx+cx^3",
    ("a", "b", "c"),
    lambda t, x: t[0] + t[1] * x + t[2] * x**3,
    lambda x, y: [float(np.mean(y)), 0.0, 0.0],
    nested={"constant": {"b": 0.0, "c": 0.0}, "logarithmic": {"c": 0.0}},
)


def test_several_restrictions_of_ones_own_law():
    covariance = np.array([[9.0, 0.0, 0.0], [0.0, 2.0, 0.6], [0.0, 0.6, 1.0]])
    fit = made(CUBIC, (10.0, 1.5, -1.0), covariance, eps=(0.1, 0.05, 0.02, 0.01))
    constant = made("constant", (10.0,), [[1.0]], eps=fit.eps)
    statistic = np.array([1.5, -1.0]) @ np.linalg.inv(covariance[1:, 1:]) @ np.array([1.5, -1.0])
    # Chi-square with two degrees of freedom: exp(-W/2).
    assert scipy.stats.norm.sf(compare(fit, constant).z) == pytest.approx(math.exp(-statistic / 2), rel=1e-9)
    assert hash(CUBIC) == hash(dataclasses.replace(CUBIC))
    outcomes = draws(10 + BITS, 0.8, 500, np.random.default_rng(3), False)
    cubic, line, constant = (growth.fit(outcomes, law) for law in (CUBIC, "logarithmic", "constant"))
    assert compare(cubic, constant).beats(1e-6)
    assert not compare(cubic, line).beats(1e-3)
    assert not compare(line, cubic).beats(0.5)


def test_a_law_that_misdeclares_is_refused():
    with pytest.raises(ArgumentError, match="nested='d' is not known: nested is one of a, b, c"):
        dataclasses.replace(CUBIC, nested={"constant": {"d": 0.0}})
    with pytest.raises(ArgumentError, match=r"nested=\{\} is not allowed"):
        dataclasses.replace(CUBIC, nested={"constant": {}})
    with pytest.raises(ArgumentError, match="nested=nan is not allowed"):
        dataclasses.replace(CUBIC, nested={"constant": {"b": math.nan}})


def test_vuongs_statistic_in_closed_form():
    """Mean difference less half a log of the trials for every parameter more, over its standard error."""
    rng = np.random.default_rng(4)
    one, two = rng.normal(size=100) + 0.5, rng.normal(size=100)
    more, fewer = made("logarithmic", (1.0, 1.0), np.eye(2), one), made("inverse", (1.0,), [[1.0]], two)
    found = compare(more, fewer)
    gain = (one - two).mean() - math.log(100) / 200
    assert found.advantage == pytest.approx(gain, rel=1e-12)
    assert found.z == pytest.approx(gain / (np.std(one - two, ddof=1) / 10), rel=1e-12)
    assert found.special is None
    back = compare(fewer, more)
    assert (back.advantage, back.z) == (pytest.approx(-gain), pytest.approx(-found.z))
    # As many parameters: no price.
    equal = compare(more, made("log-squared", (1.0, 1.0), np.eye(2), two))
    assert equal.advantage == pytest.approx((one - two).mean(), rel=1e-12)
    assert compare(more, more).z == 0.0
    certain = made("power", (1.0, 1.0), np.eye(2), one - 0.25)
    assert compare(more, dataclasses.replace(certain, log_likelihood=one - 0.25)).z > 1e6
    assert not compare(more, more).beats(0.49)


def test_a_comparison_is_sure_at_its_level():
    comparison = growth.Comparison("a", "b", 0.1, 2.0)
    assert comparison.beats(0.0228)
    assert not comparison.beats(0.0227)
    with pytest.raises(ArgumentError, match="level=0 is not allowed"):
        comparison.beats(0)


def test_fits_that_cannot_be_compared():
    one = made("logarithmic", (1.0, 1.0), np.eye(2))
    with pytest.raises(ArgumentError, match="second='power' is not allowed: it was fitted to other outcomes"):
        compare(one, made("power", (1.0, 1.0), np.eye(2), eps=(0.1, 0.05, 0.01)))
    with pytest.raises(ArgumentError, match="second='power' is not allowed"):
        compare(one, made("power", (1.0, 1.0), np.eye(2), log_likelihood=(1.0, 2.0)))


def test_two_precisions_do_not_tell_two_lines_apart():
    """Every law of two parameters passes through two medians: only a declared restriction can be tested."""
    two = {"eps": (0.1, 0.01)}
    line, inverse = made("logarithmic", (1.0, 1.0), np.eye(2), **two), made("inverse", (1.0,), [[1.0]], **two)
    message = r"eps=\[0.1, 0.01\] is too short: to compare the laws logarithmic and inverse takes 3 precisions or more"
    with pytest.raises(ArgumentError, match=message):
        compare(line, inverse)
    assert compare(line, made("constant", (1.0,), [[1.0]], **two)).special == "second"
    assert compare(inverse, made("log-inverse", (1.0,), [[1.0]], **two)).z == 0.0


def test_limits_of_a_parameter_in_closed_form():
    fit = made("power", (1.0, 0.5), [[4.0, 0.0], [0.0, 0.25]])
    assert fit.interval("ln a", 0.05) == pytest.approx((1.0 - 2 * 1.959964, 1.0 + 2 * 1.959964), rel=1e-6)
    assert fit.interval("gamma", 0.01) == pytest.approx((0.5 - 0.5 * 2.575829, 0.5 + 0.5 * 2.575829), rel=1e-6)
    assert fit.region(0.05) == pytest.approx(-2 * math.log(0.05), rel=1e-9)  # chi-square, two degrees of freedom


@pytest.mark.parametrize(("same", "factor"), [(True, 1.0), (False, 1 / len(BITS))])
def test_standard_errors_in_closed_form(same, factor):
    """The median of logistic variables of scale s has variance 3s²/T; T·ε of them where each ε has its own noise.

    With s = 12 the whole numbers are fine enough to count as a continuum.
    """
    trials, scale = 2000, 12.0
    fit = growth.fit(draws(200 + 0 * BITS, scale, trials, np.random.default_rng(5), same), "constant")
    error = math.sqrt(factor * 3 * scale**2 / trials)
    assert math.sqrt(fit.covariance[0, 0]) == pytest.approx(error, rel=0.07)
    assert abs(fit.estimate["b"] - 200) < 4 * error


@pytest.mark.parametrize(("small", "large"), sorted(NESTED))
def test_a_declared_restriction_gives_the_smaller_law(small, large):
    lesser, greater, bits = GROWTH_LAWS[small], GROWTH_LAWS[large], jnp.asarray(BITS)
    outcomes = draws(lesser.median(jnp.array([2.0]), bits), 0.5, 300, np.random.default_rng(1), False)
    medians = growth.fit(outcomes, lesser).median(np.asarray(outcomes.eps))
    values = dict(zip(greater.parameters, greater.start(BITS, medians), strict=True))
    held = {**values, **greater.nested[small]}
    assert np.asarray(greater.median(jnp.asarray(list(held.values())), bits)) == pytest.approx(medians, rel=1e-5)


TINY = [
    # truth, larger law, smaller law: the two cases reported, in which Vuong's statistic claimed the smaller law.
    (10 + 0.01 * BITS, "logarithmic", "constant"),
    (2.0 * 2 ** (1.003 * BITS), "power", "inverse"),
]
NULL = [
    (10 + 0 * BITS, "logarithmic", "constant"),
    (10 + 0 * BITS, "power", "constant"),
    (10 + 0 * BITS, "log-squared", "constant"),
    (2.0 * 2**BITS, "power", "inverse"),
]


def most_claims(count, level):
    """So many false claims and more are had with chance under 1e-4, where each has chance `level`."""
    return int(scipy.stats.binom.isf(1e-4, count, level))


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize(("medians", "large", "small"), TINY)
def test_the_smaller_law_never_beats_the_one_that_holds_it(medians, large, small, same):
    _, false = claims(medians, large, small, 10, same=same)
    assert false == 0


def test_the_larger_law_seldom_beats_a_smaller_one_that_is_true():
    medians, large, small = NULL[0]
    larger, smaller = claims(medians, large, small, 40, level=0.1)
    assert larger <= most_claims(40, 0.1)
    assert smaller == 0


def test_the_larger_law_beats_where_it_is_needed():
    assert claims(10 + 0.3 * BITS, "logarithmic", "constant", 10) == (10, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("medians", "large", "small"), NULL)
def test_error_rates_of_nested_laws_at_the_null(medians, large, small):
    """At level 0.01 and over: the normal limit law is not quite reached with 400 trials."""
    larger, smaller = claims(medians, large, small, 60)
    assert larger <= most_claims(60, 1.5 * LEVEL)
    assert smaller == 0


@pytest.mark.slow
@pytest.mark.parametrize(("medians", "large", "small"), TINY)
def test_error_rates_of_nested_laws_near_the_null(medians, large, small):
    _, false = claims(medians, large, small, 60, same=True)
    assert false == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("medians", "first", "second", "errors"),
    [
        # Neither law is the better one: both hold the constant, which is true.
        (10 + 0 * BITS, "logarithmic", "log-squared", (0, 1)),
        (10 + 0 * BITS, "logarithmic", "power", (0, 1)),
        (10 + 0 * BITS, "log-squared", "power", (0, 1)),
        # The first law is true, or close.
        (10 + 1.0 * BITS, "logarithmic", "log-squared", (1,)),
        (10 + 0.05 * BITS, "logarithmic", "power", (1,)),
        (2.0 * 2**BITS, "inverse", "log-inverse", (1,)),
        (2.0 * 2**BITS, "inverse", "logarithmic", (1,)),
        (2.0 * 2**BITS * BITS, "log-inverse", "power", (1,)),
    ],
)
def test_error_rates_of_laws_that_are_not_nested(medians, first, second, errors):
    won = claims(medians, first, second, 60)
    assert max(won[i] for i in errors) <= most_claims(60, LEVEL)


def test_outcomes_without_scatter_in_the_slope_reject_nothing():
    """One noise for all ε around a constant: every trial has one least n, the slope is 0 but for rounding."""
    larger, smaller = claims(10 + 0 * BITS, "logarithmic", "constant", 10, same=True)
    assert (larger, smaller) == (0, 0)
    slope = growth.fit(draws(10 + 0 * BITS, 0.8, 400, np.random.default_rng(8)), "logarithmic")
    # What is left is the optimiser's own error, far below the 0.04/√400 or so of trials with a noise for each ε.
    assert 1e-9 < math.sqrt(slope.covariance[0, 0]) < 1e-5
    still = FirstHits(tuple(range(1, 9)), (0.5, 0.25, 0.125), np.full((50, 3), 4), np.full((50, 3), 5))
    for large in ("logarithmic", "log-squared", "power"):
        assert not compare(growth.fit(still, large), growth.fit(still, "constant")).beats(0.4), large


@pytest.mark.slow
def test_limits_cover_as_often_as_they_say():
    """Of 400 data sets 80% at level 0.2; a single limit taken for two would give 60%, a factor √2 in the error 93%."""
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(400):
        low, high = growth.fit(draws(3 + 1.2 * BITS, 0.8, 300, rng), "logarithmic").interval("b", 0.2)
        inside += low < 3.0 < high
    assert abs(inside / 400 - 0.8) < 4 * math.sqrt(0.2 * 0.8 / 400)


def spread_over_decades(power, law, decades, trials, rng, same):
    """First sizes that are exponential around ε^-power, on a ladder of sizes up to 2^43."""
    ladder = tuple(sorted({round(2.0 ** (k / 8)) for k in range(345)}))
    eps = np.geomspace(0.03, 0.03 * 10.0**-decades, 4)
    noise = getattr(rng, law)(size=(trials, 1 if same else 4))
    first = np.ceil(eps**-power * (noise / math.log(2.0) if law == "exponential" else np.exp(0.3 * noise)))
    ends = np.array([0, *ladder, max(ladder) + 1])
    at = np.clip(np.searchsorted(ends, first), 1, len(ends) - 1)
    return FirstHits(ladder, tuple(float(e) for e in eps), ends[at - 1], ends[at])


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("law", ["exponential", "standard_normal"])
@pytest.mark.parametrize("fitted", ["power", "logarithmic"])
def test_sizes_spread_over_decades_are_fitted_as_well_as_a_second_optimiser_does(power, law, fitted):
    """Over parameters of 10⁹ neurons the gradient is tiny everywhere, and a straight line ended far from its best."""
    outcomes = spread_over_decades(power, law, 4.0, 300, np.random.default_rng(5), same=law == "exponential")
    found = growth.fit(outcomes, fitted)
    bits, top = -np.log2(np.array(outcomes.eps)), max(outcomes.ns) + 1

    def less(t):
        median: Any = GROWTH_LAWS[fitted].median  # written for JAX
        middle = np.asarray(median(t[:-2], bits))
        scale = np.exp(np.clip(t[-2] + t[-1] * bits, -10.0, 60.0))
        ends = [
            np.where(e <= 0, -np.inf, np.where(e >= top, np.inf, e)) for e in (outcomes.last_miss, outcomes.first_hit)
        ]
        inside = scipy.stats.logistic.cdf((ends[1] - middle) / scale) - scipy.stats.logistic.cdf(
            (ends[0] - middle) / scale
        )
        return -np.sum(np.log(np.maximum(inside, 1e-300))) / len(inside)

    medians = np.median((outcomes.last_miss + outcomes.first_hit) / 2.0, axis=0)
    spread = np.polyfit(bits, np.log(medians / 3.0), 1)
    starts = [GROWTH_LAWS[fitted].start(bits[:k], medians[:k]) for k in (2, 3, 4)]
    rival = min(
        scipy.optimize.minimize(
            less, [*start, spread[1], spread[0]], method="Nelder-Mead", options={"maxiter": 1500, "xatol": 1e-8}
        ).fun
        for start in starts
    )
    assert -np.mean(found.log_likelihood) <= rival + 1e-3
    if fitted == "power":
        low, high = found.interval("gamma", 1e-3)
        assert abs(found.estimate["gamma"] - power) < 0.05
        assert low - 0.02 < power < high + 0.02


def test_a_fit_that_could_still_gain_is_no_fit(monkeypatch):
    outcomes = draws(10 + BITS, 0.8, 100, np.random.default_rng(4), False)
    monkeypatch.setattr(growth, "GAIN", -1.0)
    with pytest.raises(RuntimeError, match="did not converge"):
        growth.fit(outcomes, "logarithmic")
