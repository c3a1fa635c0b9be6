"""Timing by a clock that only work moves: nothing here depends on how fast the machine is."""

import itertools
import math

import numpy as np
import pytest

from ltjax.machine import timing


class Machine:
    """Work takes its cost times the load; a call that was not seen before compiles."""

    def __init__(self, load=lambda now: 1.0, compilation=5.0):
        self.now, self.load, self.compilation = 0.0, load, compilation
        self.seen, self.log = set(), []

    def work(self, name, cost):
        def call():
            self.now += (cost + (0.0 if name in self.seen else self.compilation)) * self.load(self.now)
            self.seen.add(name)
            self.log.append(name)
            return name

        return call

    def interleaved(self, variants, rounds, **how):
        return timing.interleaved(variants, rounds, clock=lambda: self.now, finish=lambda x: x, **how)


def test_compilation_is_kept_apart_and_results_are_those_of_the_first_call():
    machine = Machine()
    found = machine.interleaved({"a": machine.work("a", 1.0), "b": machine.work("b", 3.0)}, 4)
    assert found.first == {"a": 6.0, "b": 8.0}
    assert found.results == {"a": "a", "b": "b"}
    assert found.rounds == 4
    assert found.median("b") == 3.0
    np.testing.assert_allclose(found.ratios("b", "a"), 3.0)


def test_quick_calls_are_repeated_until_a_timing_is_long_enough():
    machine = Machine()
    found = machine.interleaved({"quick": machine.work("quick", 1e-5), "slow": machine.work("slow", 1.0)}, 2)
    assert found.calls["quick"] == pytest.approx(100, abs=1)
    assert found.calls["slow"] == 1
    np.testing.assert_allclose(found.seconds["quick"], 1e-5, rtol=1e-6)
    once = Machine()
    assert once.interleaved({"quick": once.work("quick", 1e-5)}, 3, shortest=0.0).calls == {"quick": 1}
    assert len(once.log) == 4  # the first call and one a round


def test_a_clock_that_sees_nothing_does_not_loop_for_ever():
    stopped = timing.interleaved({"a": lambda: 0}, 1, shortest=1e-5, clock=lambda: 0.0, finish=lambda x: x)
    assert stopped.calls["a"] == pytest.approx(100, abs=1)


def test_every_round_holds_every_variant_in_an_order_of_its_own():
    machine = Machine()
    names = ["a", "b", "c"]
    machine.interleaved({name: machine.work(name, 1.0) for name in names}, 50, shortest=0.0)
    rounds = [tuple(machine.log[i : i + 3]) for i in range(3, len(machine.log), 3)]
    assert len(rounds) == 50
    assert set(rounds) == set(itertools.permutations(names))


def test_a_load_that_comes_and_goes_moves_times_and_not_ratios():
    # Slower by turns, each turn many rounds long; the time of one variant alone is off by a factor.
    machine = Machine(load=lambda now: 4.0 if int(now / 500.0) % 2 else 1.0)
    found = machine.interleaved({"a": machine.work("a", 1.0), "b": machine.work("b", 2.0)}, 400)
    assert np.ptp(found.seconds["a"]) == pytest.approx(3.0)
    low, high = timing.median_interval(found.ratios("b", "a"), 1e-9)
    assert low == high == 2.0


def test_the_quickest_call_is_a_warm_one():
    machine = Machine()
    assert timing.quickest(machine.work("a", 2.0), clock=lambda: machine.now, finish=lambda x: x) == 2.0
    assert len(machine.log) == 4


def test_limits_of_the_median_err_as_seldom_as_they_say():
    """All 2^T patterns of values below and above the median, each equally likely."""
    for rounds, level in itertools.product((1, 4, 7, 10), (0.3, 0.1, 0.02, 1e-3)):
        wrong = {"low": 0, "high": 0}
        for signs in itertools.product((-1.0, 1.0), repeat=rounds):
            low, high = timing.median_interval(np.array(signs), level)
            wrong["low"] += low > 0.0
            wrong["high"] += high < 0.0
        assert wrong["low"] == wrong["high"] <= level * 2**rounds
        # And no oftener than needed: one rank more would err too often.
        exact = [sum(math.comb(rounds, k) for k in range(r)) / 2**rounds for r in range(rounds + 1)]
        assert wrong["low"] / 2**rounds == max(x for x in exact if x <= level)


def test_too_few_rounds_say_nothing():
    assert timing.median_interval(np.ones(9), 1e-3) == (-math.inf, math.inf)
    assert timing.median_interval(np.arange(10.0), 1e-3) == (0.0, 9.0)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"variants": {}}, "variants={} is not allowed"),
        ({"rounds": 0}, "rounds=0 is not allowed"),
        ({"shortest": -1.0}, "shortest=-1.0 is not allowed"),
    ],
)
def test_misuse_is_said_in_one_line(how, message):
    with pytest.raises(ValueError, match=message):
        timing.interleaved(**({"variants": {"a": lambda: 0}, "rounds": 1} | how))
