"""Tests, quantities, claims and the budget: what they say, and what they refuse."""

import dataclasses
import math
import multiprocessing
import os
import statistics
import threading
import time
import types
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats

import proofs_check
from ltjax.arguments import ArgumentError
from ltjax.inference import growth
from ltjax.machine import devices
from ltjax.outcomes import HIT, MISS
from ltjax.problems.subset_sum import SubsetSum
from ltjax.trials.counts import Counts, FirstHits
from ltjax.verify import budget, check, runner
from ltjax.verify.catalogue import Catalogue, catalogue, select
from ltjax.verify.claim import Claim, Control, controlled, statement_of, stream, title_of
from ltjax.verify.quantities import (
    Absolute,
    Between,
    Difference,
    Exact,
    LogSlope,
    Mean,
    Median,
    Normal,
    Parameter,
    Proportion,
    Ratio,
    Scaled,
    Threshold,
    hit_rate,
    miss_rate,
)
from ltjax.verify.rigorous import Proof
from ltjax.verify.run import Run
from ltjax.verify.tests import (
    AtLeast,
    AtMost,
    Equivalent,
    FitsBetter,
    Holds,
    InRange,
    Less,
    Test,
    Verdict,
    joint_verdict,
    proved,
)
from ltjax.verify.worker import Worker

LEVEL = 1e-6
STRANGERS = Path(__file__).parent / "strangers"


def verdict(test, level=LEVEL):
    return test.evaluate(level).verdict


def fits(slope, laws=("logarithmic", "inverse"), trials=400, seed=0):
    rng = np.random.default_rng(seed)
    eps = tuple(2.0**-k for k in range(2, 9))
    first = np.stack([np.ceil(3.0 + slope(e) + rng.logistic(size=trials)) for e in eps], axis=1)
    first = np.clip(first, 1, 300).astype(np.int32)
    outcomes = FirstHits(tuple(range(1, 301)), eps, first - 1, first)
    return [growth.fit(outcomes, law) for law in laws]


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        (["proved", "proved"], "proved"),
        (["proved", "supported"], "supported"),
        (["supported", "inconclusive"], "inconclusive"),
        (["inconclusive", "refuted"], "refuted"),
        (["refuted", "broken"], "broken"),
        ([], "inconclusive"),
    ],
)
def test_joint_verdict(verdicts, joint):
    assert joint_verdict([Verdict(v) for v in verdicts]) == joint


TABLE = [
    (AtMost("", Proportion(10, 1000), 0.02), "supported"),
    (AtMost("", Proportion(100, 1000), 0.02), "refuted"),
    (AtMost("", Proportion(1, 2), 0.9), "inconclusive"),
    (AtMost("", Proportion(10, 1000), 1.0), "inconclusive"),
    (AtMost("", Proportion(10, 1000), 1.5), "inconclusive"),
    (AtMost("", Proportion(0, 1000), -0.1), "refuted"),
    (AtLeast("", Proportion(900, 1000), 0.5), "supported"),
    (AtLeast("", Proportion(100, 1000), 0.5), "refuted"),
    (AtLeast("", Proportion(100, 1000, 600), 0.5), "inconclusive"),
    (AtLeast("", Proportion(900, 1000), 0.0), "inconclusive"),
    (AtLeast("", Proportion(900, 1000), -0.1), "inconclusive"),
    (AtLeast("", Proportion(1000, 1000), 1.1), "refuted"),
    (Less("", Normal(1.0, 0.0), Exact(1.0)), "inconclusive"),
    (Less("", Normal(1.0, 0.0), Exact(0.999)), "refuted"),
    (Less("", Normal(1.0, 0.0), Exact(1.001)), "supported"),
    (InRange("", Normal(1.0, 0.0), (1.0, 1.0)), "supported"),
    (InRange("", Normal(1.0, 0.0), (1.001, 2.0)), "refuted"),
    (InRange("", Normal(1.0, 0.0), (0.0, 0.999)), "refuted"),
    (InRange("", Normal(1.5, 0.01), (1.0, 2.0)), "supported"),
    (InRange("", Normal(2.5, 0.01), (1.0, 2.0)), "refuted"),
    (InRange("", Normal(0.5, 0.01), (1.0, 2.0)), "refuted"),
    (InRange("", Normal(2.0, 0.01), (1.0, 2.0)), "inconclusive"),
    (InRange("", Normal(9.0, 0.01), (1.0, math.inf)), "supported"),
    (InRange("", Proportion(5, 10), (0.0, 1.0)), "inconclusive"),
    (InRange("", Normal(9.0, 0.01), (-math.inf, math.inf)), "inconclusive"),
    (Equivalent("", Proportion(5000, 10000), Exact(0.5), 0.05), "supported"),
    (Equivalent("", Proportion(6000, 10000), Exact(0.5), 0.05), "refuted"),
    (Equivalent("", Proportion(4000, 10000), Exact(0.5), 0.05), "refuted"),
    (Equivalent("", Proportion(50, 100), Exact(0.5), 0.05), "inconclusive"),
    (Equivalent("", Proportion(50, 100), Exact(0.5), 0.5), "inconclusive"),
    (Less("", Normal(1.0, 0.01), Normal(2.0, 0.01)), "supported"),
    (Less("", Normal(2.0, 0.01), Normal(1.0, 0.01)), "refuted"),
    (Less("", Normal(1.0, 0.5), Normal(2.0, 0.5)), "inconclusive"),
    (Less("", Proportion(5, 10), Exact(2.0)), "inconclusive"),
    (Holds("", True), "supported"),
    (Holds("", np.bool_(True), proof=True), "proved"),
    (Holds("", False), "refuted"),
    (Holds("", None), "inconclusive"),
]


@pytest.mark.parametrize(("test", "expected"), TABLE, ids=lambda x: type(x).__name__ if isinstance(x, Test) else x)
def test_tests_decide_as_stated(test, expected):
    finding = test.evaluate(LEVEL)
    assert finding.verdict == expected
    assert finding.kind == type(test).__name__
    assert ("supported means" in finding.numbers) == (expected == "supported")
    assert finding.refutable == test.refutable
    if not test.refutable:
        assert finding.verdict == "inconclusive"
        assert "no data could refute this" in (finding.numbers.get("note", "no data could refute this"),)


@pytest.mark.parametrize(
    ("test", "refutable"),
    [
        (AtMost("", Proportion(0, 1000), 0.999), True),
        (AtMost("", Proportion(0, 1000), 1.0), False),
        (AtMost("", Proportion(0, 1000), 1.5), False),
        (AtLeast("", Proportion(900, 1000), 0.001), True),
        (AtLeast("", Proportion(900, 1000), 0.0), False),
        (InRange("", Proportion(900, 1000), (0.0, 1.0)), False),
        (InRange("", Proportion(900, 1000), (0.0, 0.999)), True),
        (InRange("", Proportion(900, 1000), (0.001, 1.0)), True),
        (Equivalent("", Proportion(900, 1000), Exact(0.5), 0.5), False),
        (Equivalent("", Proportion(900, 1000), Exact(0.5), 0.499), True),
        (Equivalent("", Proportion(900, 1000), Exact(0.6), 0.5), True),
        (Equivalent("", Proportion(900, 1000), Exact(0.4), 0.5), True),
        (Less("", Proportion(1, 1000), Exact(1.0)), False),
        (Less("", Proportion(1, 1000), Exact(0.999)), True),
    ],
)
def test_whether_any_data_could_refute_a_test(test, refutable):
    assert test.evaluate(LEVEL).refutable == refutable


@pytest.mark.parametrize(
    ("test", "room"),
    [
        (InRange("", Exact(1.5), (1.0, 2.0)), 1.0),
        (InRange("", Exact(1.9), (1.0, 2.0)), 0.2),
        (InRange("", Exact(1.1), (1.0, 2.0)), 0.2),
        (InRange("", Exact(2.1), (1.0, 2.0)), -0.2),
        (InRange("", Exact(3.0), (2.0, math.inf)), 0.5),
        (InRange("", Exact(3.0), (-math.inf, 4.0)), 0.25),
        (InRange("", Exact(3.0), (0.0, math.inf)), None),
        (InRange("", Exact(3.0), (-math.inf, math.inf)), None),
        (Equivalent("", Exact(3.0), Exact(3.1), 0.4), 0.75),
        (Less("", Exact(3.0), Exact(4.0)), 0.25),
        (Less("", Exact(-3.0), Exact(-2.0)), 0.5),
        (Less("", Exact(-3.0), Exact(0.0)), None),
        (AtMost("", Proportion(0, 1000), 0.5), 1.0),
        (AtMost("", Proportion(0, 1000), 0.0), None),
        (AtLeast("", Proportion(0, 1000), 0.5), -1.0),
        (AtLeast("", Proportion(0, 1000), 0.0), None),
        (Holds("", True), None),
    ],
)
def test_the_room_left_is_a_share_of_what_is_claimed(test, room):
    assert test.evaluate(LEVEL).room == (None if room is None else pytest.approx(room))


def test_growth_laws_are_compared():
    line, inverse = fits(lambda e: -2.0 * math.log2(e))
    assert verdict(FitsBetter("", line, inverse)) == "supported"
    assert verdict(FitsBetter("", inverse, line)) == "refuted"
    assert not FitsBetter("", line, line).refutable
    test = FitsBetter("", line, inverse)
    assert test.trials_needed(test.detectable(LEVEL), LEVEL) == pytest.approx(400, abs=1)
    deviation = statistics.stdev((line.log_likelihood - inverse.log_likelihood).tolist())
    normal = statistics.NormalDist()
    wanted = (normal.inv_cdf(1.0 - LEVEL) + normal.inv_cdf(0.95)) * deviation / 20.0
    assert test.detectable(LEVEL) == pytest.approx(wanted, rel=1e-6)
    assert test.evaluate(LEVEL).numbers["range of ε"] == [2.0**-8, 2.0**-2]
    assert InRange("", Parameter(line, "a"), (1.8, 2.2)).evaluate(LEVEL).verdict == "supported"


def test_a_special_case_cannot_refute_the_law_that_holds_it():
    """Whatever the trials: the law with one more parameter is never the worse one."""
    line, constant = fits(lambda e: -2.0 * math.log2(e), ("logarithmic", "constant"))
    test = FitsBetter("", line, constant)
    assert not test.refutable
    finding = test.evaluate(LEVEL)
    assert finding.verdict == "inconclusive"
    assert finding.numbers["note"] == "no data could refute this"


def test_proofs():
    yes, no, open_ = Proof(True, 3, None, 0.1), Proof(False, 3, (0.0, 0.1), None), Proof(False, 3, None, None)
    assert verdict(proved("", yes, yes)) == "proved"
    assert verdict(proved("", yes, no, open_)) == "refuted"
    assert verdict(proved("", yes, open_)) == "inconclusive"


NAN = math.nan


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    "test",
    [
        lambda: AtMost("x", Proportion(1, 10), NAN),
        lambda: AtLeast("x", Proportion(1, 10), NAN),
        lambda: AtMost("x", Proportion(NAN, 10), 0.5),  # type: ignore[arg-type]
        lambda: InRange("x", Normal(NAN, 0.1), (0.0, 1.0)),
        lambda: InRange("x", Normal(0.5, NAN), (0.0, 1.0)),
        lambda: InRange("x", Normal(0.5, 0.1), (NAN, 1.0)),
        lambda: InRange("x", Ratio(Exact(NAN), Normal(1.0, 0.1)), (0.0, 1.0)),
        lambda: InRange("x", Absolute(Normal(NAN, 0.1)), (0.0, 1.0)),
        lambda: InRange("x", LogSlope(Exact(NAN), Exact(1.0), 2.0), (0.0, 1.0)),
        lambda: InRange("x", Median(np.array([1.0] * 99 + [NAN])), (0.0, 2.0)),
        lambda: Equivalent("x", Normal(0.0, 0.1), Exact(NAN), 1.0),
        lambda: Equivalent("x", Normal(0.0, 0.1), Exact(0.0), NAN),
        lambda: Less("x", Exact(NAN), Exact(1.0)),
        lambda: Less("x", Exact(0.0), Exact(NAN)),
        lambda: Holds("x", True, numbers={"by n": {3: [1.0, NAN]}}),
        lambda: Holds("x", NAN),  # type: ignore[arg-type]
        lambda: Holds("x", 1),  # type: ignore[arg-type]
        lambda: InRange("x", Between([Exact(NAN)], [Exact(1.0)]), (0.0, 2.0)),
        lambda: InRange("x", Between([Exact(0.0)], [Exact(NAN)]), (0.0, 2.0)),
    ],
)
def test_nan_never_supports(test):
    with pytest.raises(ArgumentError):
        test().evaluate(LEVEL)


@pytest.mark.parametrize("level", [0.0, 0.5, NAN, -1.0])
def test_a_level_is_checked(level):
    with pytest.raises(ArgumentError, match="level="):
        Holds("", True).evaluate(level)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda: Proportion(3, 2), "trials=2 is not allowed"),
        (lambda: Proportion(-1, 2), "hits=-1 is not allowed"),
        (lambda: Proportion(1, 2, 2), "trials=2 is not allowed"),
        (lambda: Scaled(Exact(1.0), 0.0), "factor=0.0 is not allowed"),
        (lambda: LogSlope(Exact(1.0), Exact(1.0), 1.0), "factor=1.0 is not allowed"),
        (lambda: InRange("", Exact(1.0), (2.0, 1.0)), "claimed="),
        (lambda: AtMost("", Proportion(1, 2), 0.1).trials_needed(0.0), "gap=0.0"),
        (lambda: InRange("", Mean(np.array([0.2, 0.4])), (0.0, 0.5)).trials_needed(0.0), "gap=0.0"),
    ],
)
def test_bad_arguments(bad, message):
    with pytest.raises(ArgumentError, match=message):
        bad()


COUNTS = Counts(
    (2, 4, 8),
    (0.1, 0.01),
    200,
    np.array([[0, 0], [190, 0], [200, 180]]),
    np.array([[180, 200], [0, 190], [0, 5]]),
    np.array([[20, 0], [10, 10], [0, 15]]),
)


def test_quantities_of_counts():
    assert hit_rate(COUNTS, 4, 0.1) == Proportion(190, 200, 10)
    assert miss_rate(COUNTS, 2, 0.1) == Proportion(180, 200, 20)
    assert Threshold(COUNTS, 0.1).limits(LEVEL) == (3.0, 4.0)
    assert Threshold(COUNTS, 0.01).limits(LEVEL) == (5.0, 8.0)
    assert Threshold(COUNTS, 0.01, p=0.99).limits(LEVEL) == (5.0, math.inf)
    with pytest.raises(ArgumentError, match=r"n=3 was not measured: n is one of 2, 4, 8"):
        hit_rate(COUNTS, 3, 0.1)


def test_quantities_are_combined():
    a, b = Exact(2.0), Exact(8.0)
    assert Difference(b, a).limits(0.1) == (6.0, 6.0)
    assert Ratio(b, a).limits(0.1) == (4.0, 4.0)
    assert LogSlope(b, a, 2.0).limits(0.1) == pytest.approx((2.0, 2.0))
    assert Scaled(b, 0.5).limits(0.1) == (4.0, 4.0)
    assert Absolute(Difference(a, b)).limits(0.1) == (6.0, 6.0)
    assert Between([a, Exact(1.0)], [b, Exact(9.0)]).limits(0.1) == (2.0, 8.0)
    assert Between([a], []).limits(0.1) == (2.0, math.inf)
    # Bounds that contradict each other support nothing.
    assert Between([b], [a]).limits(0.1) == (2.0, 8.0)
    assert Ratio(a, Exact(0.0)).limits(0.1) == (math.inf, math.inf)
    assert Ratio(a, Between([a], [])).limits(0.1) == (0.0, 1.0)
    straddling = Absolute(Normal(0.1, 0.1))
    assert straddling.lower(0.01) == 0.0
    assert Absolute(Normal(-3.0, 0.1)).limits(0.01)[0] > 2.0
    assert Mean(np.full(1000, 0.25)).estimate == 0.25


def test_what_is_printed_beside_the_limits():
    a, b = Exact(-2.0), Exact(8.0)
    assert Difference(b, a).estimate == 10.0
    assert Ratio(b, a).estimate == -4.0
    assert Absolute(a).estimate == 2.0
    assert Scaled(b, 0.5).estimate == 4.0
    assert LogSlope(b, Exact(2.0), 2.0).estimate == pytest.approx(2.0)
    assert Median(np.array([1.0, 2.0, 9.0])).estimate == 2.0
    assert math.isnan(Between([a], [b]).estimate)
    (line,) = fits(lambda e: -2.0 * math.log2(e), ("logarithmic",))
    assert Parameter(line, "a").estimate == line.estimate["a"]


QUANTITIES = {
    "proportion": (lambda rng: Proportion(int(rng.binomial(50, 0.3)), 50), 0.3),
    "mean": (lambda rng: Mean(rng.uniform(size=60)), 0.5),
    "median": (lambda rng: Median(rng.exponential(size=40)), math.log(2.0)),
    "normal": (lambda rng: Normal(float(rng.normal(1.0, 0.2)), 0.2), 1.0),
    "difference": (lambda rng: Difference(Normal(float(rng.normal()), 1.0), Normal(float(rng.normal()), 1.0)), 0.0),
    "ratio": (
        lambda rng: Ratio(Normal(float(rng.normal(9.0)), 1.0), Normal(float(rng.normal(3.0, 0.1)), 0.1)),
        3.0,
    ),
    "absolute": (lambda rng: Absolute(Normal(float(rng.normal(-2.0)), 1.0)), 2.0),
}


@pytest.mark.parametrize("name", QUANTITIES)
def test_limits_are_wrong_as_seldom_as_they_say(name):
    """At level 0.1: of 400 draws so many are wrong that chance 0.1 explains it at 1e-6."""
    make, truth = QUANTITIES[name]
    rng = np.random.default_rng(1)
    made = [make(rng) for _ in range(400)]
    most = scipy.stats.binom.isf(1e-6, 400, 0.1)
    assert sum(q.lower(0.1) > truth for q in made) <= most
    assert sum(q.upper(0.1) < truth for q in made) <= most
    assert sum(not q.limits(0.1)[0] <= truth <= q.limits(0.1)[1] for q in made) <= most
    assert all(q.domain[0] <= q.limits(0.1)[0] or name in ("mean", "normal", "ratio", "difference") for q in made)


@pytest.mark.parametrize("draw", [
    lambda rng, n, p: AtMost("", Proportion(int(rng.binomial(n, p)), n), 0.3),
    lambda rng, n, p: AtLeast("", Proportion(int(rng.binomial(n, 1.0 - p)), n), 0.7),
])  # fmt: skip
def test_what_is_detectable_is_detected_and_no_more_trials_are_needed(draw):
    rng = np.random.default_rng(0)
    level, n = 0.01, 200
    test = draw(rng, n, 0.3)
    gap = test.detectable(level)
    assert 0.0 < gap < 0.3

    def power(trials, gap):
        return np.mean([draw(rng, trials, 0.3 + gap).evaluate(level).verdict == "refuted" for _ in range(300)])

    assert power(n, gap) > 0.85
    assert power(n, gap / 3.0) < 0.7
    assert power(test.trials_needed(gap / 2.0, level), gap / 2.0) > 0.85
    # True claims are seldom refuted.
    assert np.mean([draw(rng, n, 0.3).evaluate(level).verdict == "refuted" for _ in range(300)]) < 0.05


def test_a_finding_says_how_many_trials_show_half_of_what_this_one_would():
    for test in (
        AtMost("", Proportion(10, 1000), 0.02),
        AtLeast("", Proportion(900, 1000), 0.5),
        Equivalent("", Proportion(500, 1000), Exact(0.5), 0.2),
    ):
        finding = test.evaluate(LEVEL)
        assert finding.detectable == test.detectable(LEVEL)
        assert finding.trials_needed == test.trials_needed(test.detectable(LEVEL) / 2.0, LEVEL)
        assert 1500 < (finding.trials_needed or 0) < 4500


def test_what_shows_at_any_number_of_trials_and_what_at_none():
    # A probability is never below 0 nor above 1.
    assert AtMost("", Proportion(0, 1000), -0.1).detectable(LEVEL) == 0.0
    assert AtLeast("", Proportion(1000, 1000), 1.1).detectable(LEVEL) == 0.0
    # There is no probability so far above the bound.
    assert AtMost("", Proportion(0, 1000), 0.5).trials_needed(0.5) is None
    assert AtMost("", Proportion(0, 1000), -0.1).trials_needed(0.05) is None
    assert AtMost("", Proportion(0, 1000), 0.0).trials_needed(0.5) is not None
    # Nobody has 2^40 trials.
    assert AtMost("", Proportion(0, 1000), 0.5).trials_needed(1e-7) is None
    # One more trial than needed is enough, one less is not, but for the steps of whole numbers.
    test = AtMost("", Proportion(0, 1000), 0.3)
    trials = test.trials_needed(0.1, LEVEL) or 0
    assert AtMost("", Proportion(0, trials), 0.3).detectable(LEVEL) <= 0.1
    assert AtMost("", Proportion(0, trials - 20), 0.3).detectable(LEVEL) > 0.1


def test_trials_that_limits_need_to_narrow():
    test = Equivalent("", Proportion(500, 1000), Exact(0.5), 0.2)
    width = test.detectable(LEVEL)
    low, high = Proportion(500, 1000).limits(LEVEL)
    assert width == pytest.approx(high - low)
    # Of a certain event one miss is too many: it shows with probability 0.95 = 1 - (1 - gap)^1000.
    assert AtLeast("", Proportion(1000, 1000), 1.0).detectable(LEVEL) == pytest.approx(1.0 - 0.05 ** (1 / 1000))
    assert test.trials_needed(width / 2.0, LEVEL) == 4000
    assert InRange("", Threshold(COUNTS, 0.1), (1.0, 9.0)).trials_needed(1.0) is None
    assert Holds("", True).trials_needed(1.0) is None


# --- claims


@dataclasses.dataclass(frozen=True)
class Coin(Claim):
    """X-1: A coin.

    **Statement.** Fair.
    """

    id = "X-1"
    controls = (Control("X-1-bent", "bent", {"p": 0.9}),)
    p: float = 0.5
    law: str = "logarithmic"

    def measure(self, run):
        return Proportion(500, 1000)

    def tests(self, data):
        return [Equivalent("heads", data, Exact(self.p), 0.2)]


def test_a_claim_is_its_docstring_and_its_constants():
    claim = Coin()
    nothing: Any = None  # its measurement draws nothing
    assert title_of(claim) == "A coin"
    assert statement_of(claim) == "**Statement.** Fair."
    assert controlled(claim, claim.controls[0]) == Coin(p=0.9)
    assert stream(claim) == stream(Coin(p=0.9))
    evidence, ((_, false),) = check.evidence_of(claim, claim.measure(nothing), LEVEL)
    assert (evidence.verdict, false.verdict) == ("supported", "refuted")


def make(**members):
    fields = {
        "id": "X-2",
        "controls": (Control("X-2-no", "no", {"p": 2.0}),),
        "__annotations__": {"p": float},
        "p": 1.0,
    }
    hooks = {"measure": lambda self, run: None, "tests": lambda self, data: [Holds("", self.p == 1.0)]}
    return type("Made", (Claim,), {"__module__": __name__, "__doc__": "T.", **fields, **hooks, **members})


def made(**members):
    return dataclasses.dataclass(frozen=True)(make(**members))()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"headlines": lambda self, data: ""}, r"Made.headlines is not allowed.*did you mean headline\?"),
        ({"captions": ""}, r"did you mean caption\?"),
        ({"draw": lambda self, data: None}, "Made.draw is not allowed"),
        ({"__annotations__": {"p": float, "headline": str}, "headline": "x"}, "the name is a claim's hook"),
        ({"__annotations__": {"p": float, "tabels": float}, "tabels": 1.0}, r"did you mean tables\?"),
        ({"controls": ()}, "X-2 has no negative control"),
        ({"p": True}, "p=True is not allowed: a constant is a number"),
        ({"p": None}, "p=None is not allowed"),
        ({"controls": (Control("X-2-no", "no", {"q": 1.0}),)}, "changes 'q', which is not a constant of X-2"),
    ],
)
def test_what_no_claim_may_be(members, message):
    with pytest.raises(ArgumentError, match=message):
        made(**members)


def test_claims_are_final_and_frozen_dataclasses():
    with pytest.raises(ArgumentError, match="claims are final"):
        type("Child", (Coin,), {})
    with pytest.raises(ArgumentError, match="decorate it with"):
        make()()
    with pytest.raises(ArgumentError, match=r"Made.id is missing"):
        dataclasses.dataclass(frozen=True)(
            type("Made", (Claim,), {"measure": Coin.measure, "tests": Coin.tests, "controls": Coin.controls})
        )()


@pytest.mark.parametrize(
    "tests",
    [
        lambda self, data: [Holds("", True)] * (1 if self.p == 1.0 else 2),
        lambda self, data: [Holds("", True) if self.p == 1.0 else AtMost("", Proportion(1, 2), 0.1)],
        lambda self, data: [],
    ],
)
def test_a_control_that_changes_the_tests_breaks_the_claim(tests):
    result = check.run_claim(made(tests=tests), _run(), LEVEL)
    assert result.verdict == "broken"
    assert not result.passed
    assert "TypeError" in (result.error or "")


def test_a_check_that_cannot_fail_does_not_pass():
    result = check.run_claim(made(tests=lambda self, data: [Holds("", True)]), _run(), LEVEL)
    assert (result.verdict, result.sound, result.passed) == ("supported", False, False)


def _run():
    import jax

    from ltjax.verify.run import Run

    return Run(jax.random.key(0), "quick")


@pytest.mark.parametrize("hook", ["measure", "tests", "tables", "headline"])
def test_a_claim_that_raises_is_broken_with_its_traceback(hook):
    def bang(self, data):
        raise ZeroDivisionError("boom")

    result = check.run_claim(made(**{hook: bang}), _run(), LEVEL)
    assert (result.verdict, result.passed) == ("broken", False)
    assert "boom" in (result.error or "")


# --- the budget


def test_the_budget_is_split_over_the_built_in_claims_then_over_tests():
    known = catalogue()
    assert known.level == budget.ERROR_BUDGET / len(proofs_check.claims())
    evidence = check.judged([Holds(str(i), True) for i in range(5)], known.level)
    assert {finding.numbers["level"] for finding in evidence.findings} == {known.level / 5}


def test_another_catalogue_changes_nobodys_level(monkeypatch):
    known = catalogue()

    class Entry:
        name = "another"

        def load(self) -> Any:
            return lambda: [Coin()]

    import importlib.metadata

    honest = importlib.metadata.entry_points
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry(), *honest(group=group)])
    wider = catalogue()
    assert "X-1" in wider.claims
    assert wider.level == known.level
    assert "X-1" not in select([], wider).claims
    assert list(select(["another"], wider).claims) == ["X-1"]

    class Clash(Entry):
        def load(self):
            return lambda: [made(id="SS-1")]

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Clash(), *honest(group=group)])
    clash = catalogue()
    assert clash.homes["SS-1"] == budget.BUILT_IN
    assert "id='SS-1' is taken" in clash.broken["another"]


def test_selection_by_id_and_family():
    known = catalogue()
    assert list(select(["ss-3", "SS-1"], known).claims) == ["SS-3", "SS-1"]
    assert len(select(["SS"], known).claims) == 6
    assert len(select([], known).claims) == len(proofs_check.claims())
    with pytest.raises(ArgumentError, match="claim 'XX' is not known"):
        select(["XX"], known)
    with pytest.raises(ArgumentError, match="there is no such file"):
        select(["nowhere.py"], known)


@pytest.mark.parametrize(("flags", "told"), [(None, "none"), ("", "none"), ("--xla_some=1", "--xla_some=1")])
def test_a_run_tells_under_which_flags_it_was_made(monkeypatch, flags, told):
    monkeypatch.delenv("XLA_FLAGS") if flags is None else monkeypatch.setenv("XLA_FLAGS", flags)
    chosen = Catalogue({"X-1": Coin()}, {"X-1": "here"}, {})
    provenance = runner.verify(known=chosen, chosen=chosen).provenance
    assert provenance["XLA_FLAGS"] == told
    assert 0.0 <= provenance["seconds"] < 60.0


def test_ctrl_c_keeps_what_is_finished():
    def stop(self, run):
        raise KeyboardInterrupt

    claims = {"X-1": Coin(), "X-2": made(measure=stop), "X-3": made(id="X-3")}
    chosen = Catalogue(claims, dict.fromkeys(claims, "here"), {})
    report = runner.verify(known=chosen, chosen=chosen)
    assert report.stopped
    assert [result.claim.id for result in report.results] == ["X-1"]
    assert not report.passed


def test_claims_beside_each_other_are_what_they_are_alone():
    """Each in a process and on devices of its own; one that measures times alone, in this one."""
    known = catalogue()
    chosen = select([str(STRANGERS / "beside.py")], known)
    order, told, where = [], list[str](), set()

    def finished(result):
        order.append(result.claim.id)
        where.add(threading.get_ident())

    together = runner.verify(known=known, chosen=chosen, at_once=2, progress=told.append, finished=finished)
    one_by_one = runner.verify(known=known, chosen=chosen)
    assert (
        [result.claim.id for result in together.results] == list(chosen.claims) == [f"BESIDE-{i}" for i in range(1, 5)]
    )
    for one, other in zip(one_by_one.results, together.results, strict=True):
        assert one.error is other.error is None
        assert one.evidence == other.evidence
        assert one.drawn == other.drawn
        assert one.claim == other.claim
        assert one.controls == other.controls
    assert where == {threading.get_ident()}, "callers are told in their own thread"
    assert "BESIDE-1: toy: 100 trials" in told
    assert order[-2:] == ["BESIDE-2", "BESIDE-4"], "alone, after the others"
    rows = {result.claim.id: result.tables["where"][0] for result in together.results}
    assert len({rows["BESIDE-1"]["process"], rows["BESIDE-3"]["process"], os.getpid()}) == 3
    assert rows["BESIDE-2"]["process"] == rows["BESIDE-4"]["process"] == os.getpid()
    assert max(rows[id]["begun"] for id in ("BESIDE-1", "BESIDE-3")) < min(
        rows[id]["ended"] for id in ("BESIDE-1", "BESIDE-3")
    )
    # What times are not taken of is prepared beside the others, from the same draws.
    prepared = {id: row["prepared"] for id, row in rows.items()}
    assert {prepared["BESIDE-2"], prepared["BESIDE-4"]} <= {prepared["BESIDE-1"], prepared["BESIDE-3"]}
    assert [len(result.drawn) for result in together.results] == [2] * 4
    for one in one_by_one.results:
        assert one.tables["where"][0]["sum"] == rows[one.claim.id]["sum"]
    every = len(devices.local())
    assert [rows[f"BESIDE-{i}"]["devices"] for i in range(1, 5)] == [every // 2, every, every // 2, every]
    with pytest.raises(ArgumentError, match="at_once=0 is not allowed"):
        runner.verify(known=chosen, chosen=chosen, at_once=0)
    coin = Catalogue({"X-1": Coin()}, {"X-1": "here"}, {})
    assert runner.verify(known=coin, chosen=coin, seed=2**32 - 1).provenance["seed"] == 2**32 - 1
    with pytest.raises(ArgumentError, match="seed=4294967296 is not allowed"):
        runner.verify(known=coin, chosen=coin, seed=2**32)


def test_what_a_claim_raises_while_it_prepares_breaks_it(monkeypatch):
    monkeypatch.setenv("BESIDE_FAILS", "1")
    known = catalogue()
    for at_once in (1, 2):
        report = runner.verify(known=known, chosen=select([str(STRANGERS / "beside.py")], known), at_once=at_once)
        errors = [result.error for result in report.results]
        assert errors[:3] == [None] * 3
        assert "ZeroDivisionError: not prepared" in str(errors[3])


def test_on_a_gpu_claims_run_one_at_a_time(monkeypatch):
    chosen = Catalogue({"X-1": Coin()}, {"X-1": "here"}, {})
    monkeypatch.setattr(devices, "local", lambda: (types.SimpleNamespace(platform="gpu"),))
    with pytest.raises(ArgumentError, match="at_once=2 is not allowed: on gpu"):
        runner.verify(known=chosen, chosen=chosen, at_once=2)


def test_a_process_that_dies_breaks_its_claim_alone():
    known = catalogue()
    chosen = select([str(STRANGERS / "dying.py")], known)
    report = runner.verify(known=known, chosen=chosen, at_once=2)
    errors = {result.claim.id: result.error for result in report.results}
    assert errors["DYING-1"] == "the process that checked it ended: SIGKILL"
    assert errors["DYING-2"] is None
    assert "not JSON serializable" in str(errors["DYING-3"])
    # What killed a worker is not tried again in this process, which it would kill.
    assert errors["DYING-4"] == "the process that prepared it ended: SIGKILL"
    assert "pickle" in str(errors["DYING-5"])
    assert not report.passed
    assert not multiprocessing.active_children()


def test_a_worker_goes_on_after_its_process_died_until_it_is_closed():
    known = catalogue()
    chosen = select([str(STRANGERS / "dying.py")], known)
    worker = Worker(check.Terms(0, "quick", known.level, pictures=False), chosen.homes, 1)
    died, lived = (worker.check(chosen.claims[id], lambda text: None) for id in ("DYING-1", "DYING-2"))
    assert died.verdict == "broken"
    assert lived.verdict == "supported"
    worker.close()
    assert worker.check(chosen.claims["DYING-2"], lambda text: None).verdict == "broken"
    assert not multiprocessing.active_children()


def test_claims_of_one_family_are_not_begun_together():
    kinds = {id: made(id=id) for id in ("X-1", "X-2", "X-3", "Y-1", "Z-1", "Z-2")}
    chosen = Catalogue(kinds, dict.fromkeys(kinds, "here"), {})
    begun: list[str] = []
    report = runner.verify(known=chosen, chosen=chosen, started=lambda claim: begun.append(claim.id))
    assert begun == ["X-1", "Y-1", "Z-1", "X-2", "Z-2", "X-3"]
    assert [result.claim.id for result in report.results] == list(kinds), "but told in the order asked"


def test_what_a_caller_raises_ends_the_claims_that_run():
    """A draft of a report that cannot be written, say: nothing goes on in the background."""
    ended = threading.Event()

    def measure(self, run):
        try:
            while True:
                run.progress("still here")
                time.sleep(0.001)
        finally:
            ended.set()

    claims = {"X-1": Coin(), "X-2": made(id="X-2", measure=measure)}
    chosen = Catalogue(claims, dict.fromkeys(claims, "here"), {})

    def finished(result):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        runner.verify(known=chosen, chosen=chosen, finished=finished)
    assert ended.wait(10.0)


def test_events_of_many_draws_are_those_of_their_keys():
    """Whatever the block and the padding; and each set of draws is fresh."""
    import jax
    import jax.numpy as jnp

    from ltjax.verify.run import Run

    def event(key):
        return {"value": jax.random.normal(key, (3,))}

    run = Run(jax.random.key(3), "quick")
    first, second = (run.each(event, 21, block=block, problem="toy", n=3)["value"] for block in (4, 8))
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.fold_in(run.key, 1), i))(jnp.arange(21))
    np.testing.assert_allclose(first, jax.vmap(event)(keys)["value"], rtol=1e-6)
    assert first.shape == second.shape == (21, 3)
    assert len(np.unique(np.concatenate([first, second]))) == 2 * 21 * 3
    assert [each["block"] for each in run.drawn] == [4, 8]


def test_draws_of_one_claim_differ_and_do_not_depend_on_company():
    from ltjax import SubsetSum

    run = _run()
    first, second = (run.count(SubsetSum(), (3,), (0.1,), 2000) for _ in range(2))
    assert first.hits[0, 0] != second.hits[0, 0]
    assert first.hits[0, 0] == _run().count(SubsetSum(), (3,), (0.1,), 2000).hits[0, 0]
    assert [drawn["trials"] for drawn in run.drawn] == [2000, 2000]
    run.count(SubsetSum(), (2, 3, 5), (0.1,), 100)
    assert [drawn["n"] for drawn in run.drawn] == [[3, 3], [3, 3], [2, 5]]


def test_tests_and_claims_do_not_import_jax_or_matplotlib():
    import subprocess
    import sys

    code = "import sys, ltjax.verify.claim, ltjax.verify.tests; print({'jax', 'matplotlib'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_methods_side_by_side_see_the_same_draws():
    draws = Run(jax.random.key(1), "quick")
    exact, found = draws.side_by_side(SubsetSum(), 6, (0.1, 0.01), 30, ["float64", "differencing"])
    assert exact.shape == found.shape == (30, 2)
    assert not np.any((found == HIT) & (exact != HIT))
    assert 0 < (found == HIT).sum() < (exact == HIT).sum()
    assert not np.any(found == MISS)
    with pytest.raises(RuntimeError, match="no comparison"):
        draws.side_by_side(SubsetSum(), 6, (0.1,), 30, ["float32", "differencing"])
