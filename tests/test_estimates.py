"""Estimates: what is counted, its limits, and the hits written down."""

import re

import jax
import numpy as np
import pytest

import ltjax
from ltjax.inference import estimates, intervals
from ltjax.problems.pruning import Pruning
from ltjax.solvers.choose import choose


def test_hits_are_written_under_their_trials_whatever_the_chunks(tmp_path):
    """In chunks as in one piece: the number of each trial that hit, its error and its mask."""
    ask = {"n": 6, "eps": 0.05, "trials": 6000, "key": jax.random.key(1)}
    written = []
    for name, chunk in [("one", 6000), ("many", 1)]:
        found = ltjax.estimate(ltjax.SubsetSum(), **ask, chunk=chunk, witness=tmp_path / f"{name}.npz")
        with np.load(tmp_path / f"{name}.npz") as file:
            written.append(dict(file))
        assert len(written[-1]["trial"]) == found.hits > 0
    one, many = written
    assert np.all(np.diff(one["trial"]) > 0)
    assert one["trial"][-1] < 6000
    assert one.keys() == many.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, many[name], err_msg=name)


@pytest.mark.parametrize(("interval", "limits"), [("exact", intervals.clopper_pearson), ("anytime", intervals.anytime)])
def test_limits_are_those_of_the_counts(interval, limits):
    found = ltjax.estimate(
        ltjax.SubsetSum(), n=5, eps=0.05, trials=500, key=jax.random.key(2), confidence=0.9, interval=interval
    )
    assert found.hits + found.misses + found.undecided == found.trials == 500
    assert (found.lower, found.upper) == pytest.approx(limits(found.hits, 500, 0.9, found.undecided))
    assert (found.confidence, found.interval) == (0.9, interval)


@pytest.mark.parametrize(("n", "helps"), [(10, True), (16, True), (17, False), (40, False)])
@pytest.mark.parametrize("d", [2, 3])
def test_all_masks_are_advised_where_they_can_be_looked_at(d, n, helps):
    told = estimates.advice(ltjax.NeuronPruning(d=d), n, 0.05, None, 0.5)
    assert told is not None
    assert ("solver=all masks" in told) == helps
    assert ("solver=milp" in told) == (d == 2)
    assert estimates.advice(ltjax.NeuronPruning(d=d), n, 0.05, None, 0.0) is None


PATTERNED = Pruning(d=4, pattern="2:4")


@pytest.mark.parametrize("problem", [ltjax.NeuronPruning(), ltjax.WeightPruning(), PATTERNED, ltjax.SubsetSum()])
@pytest.mark.parametrize(("n", "eps"), [(3, 0.3), (9, 0.3), (9, 1e-3), (300, 0.3)])
def test_what_is_advised_can_be_asked(problem, n, eps):
    told = estimates.advice(problem, n, eps, None, 0.5)
    assert told is not None
    for name in re.findall(r"solver=([^(;]+?)(?: \(|$| draws)", told):
        assert choose(problem, n, eps, name)
    assert ("solver=swaps" in told) == (n < 300 and eps == 0.3 and problem != ltjax.SubsetSum())


def test_local_search_finds_what_was_advised():
    many = {"n": 11, "eps": 0.3, "trials": 40, "key": jax.random.key(0)}
    by_sums = ltjax.estimate(ltjax.WeightPruning(), **many)
    assert by_sums.advice is not None
    assert "solver=swaps (local search, for hits) may" in by_sums.advice
    assert ltjax.estimate(ltjax.WeightPruning(), **many, solver="swaps").hits > by_sums.hits
