"""What is said of a cell does not depend on its company: other n and ε in the call, a sweep, a threshold."""

import functools

import jax
import numpy as np
import pytest

import ltjax
from ltjax import sweeps
from ltjax.sweeps.spec import make_problem
from ltjax.sweeps.work import stream_key
from ltjax.trials.counts import count

KEY = jax.random.key(21)
HOW = {"chunk": 1, "devices": jax.local_devices()[:1]}
"""One block at a time: there are few trials."""


@functools.cache
def alone(problem, n, eps, trials, solver):
    return count(problem, (n,), (eps,), trials, KEY, solver=solver, **HOW).at(n, eps)


def check(problem, ns, eps, trials, solver=None):
    """Every cell of ns × eps is what it is alone."""
    together = count(problem, ns, eps, trials, KEY, solver=solver, **HOW)
    assert np.all(together.hits + together.misses + together.undecided == trials)
    for n in ns:
        for e in eps:
            assert together.at(n, e) == alone(problem, n, e, trials, solver), (n, e)
    return together


def quick_or_slow(names, *quick):
    """Parameters, those slow that are not named."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


SUMS = {
    "uniform": (ltjax.SubsetSum(), None),
    "drawn target": (ltjax.SubsetSum(law="normal-relu-product", target="uniform"), None),
    "atoms": (ltjax.SubsetSum(law="rademacher", target=0.3), None),
    "at most 3": (ltjax.SubsetSum(max_size=3), None),
    "exactly 2, float32": (ltjax.SubsetSum(size=2), "float32"),
    "cover": (ltjax.SubsetSum(target="cover"), None),
    "vectors": (ltjax.SubsetSum(law="normal", d=2), None),
    "float64": (ltjax.SubsetSum(law="uniform-product"), "float64"),
    "all masks": (ltjax.SubsetSum(), "all masks"),
    "rows, line": (ltjax.NeuronPruning(d=1), None),
    "rows, line, relu": (ltjax.NeuronPruning(d=1, readout="relu", law="uniform"), None),
    "scissors, line": (ltjax.WeightPruning(d=1), None),
}


@pytest.mark.parametrize("name", quick_or_slow(SUMS, "uniform", "at most 3", "cover", "rows, line"))
def test_subset_sums_in_any_company(name):
    """On both sides of where float32 is fine enough, in any order, one twice; and fewer cells."""
    problem, solver = SUMS[name]
    trials = 20 if solver == "all masks" else 300
    check(problem, (1, 2, 8), (0.1, 1e-5, 0.5, 0.002, 0.1), trials, solver)
    check(problem, (2, 8), (1e-5, 0.1), trials, solver)


def test_rows_near_the_kink_in_any_company():
    """Each ε has a draw of its own, of the neurons near the target's kink."""
    together = check(ltjax.NeuronPruning(law="uniform"), (1000, 1500), (1e-3, 1e-3), 8)
    assert 0 < np.sum(together.hits) < 4 * 8


FIXED = {
    "rows, plane": (ltjax.NeuronPruning(), (5, 20, 100), (0.4, 0.1, 0.005), 12, None),
    "rows, plane, relu": (ltjax.NeuronPruning(readout="relu"), (5, 20, 100), (0.4, 0.1), 8, None),
    "rows, plane, whole": (ltjax.NeuronPruning(readout="relu"), (30, 60), (0.3, 0.05), 8, "whole"),
    "rows, plane, arcs": (ltjax.NeuronPruning(), (7, 20), (0.3, 0.15), 8, "arcs"),
    "rows, plane, all masks": (ltjax.NeuronPruning(), (3, 6), (0.5, 0.3), 8, "all masks"),
    "rows, plane, milp": (ltjax.NeuronPruning(), (6, 10), (0.4, 0.2), 4, "milp"),
    "rows, plane, elimination": (ltjax.NeuronPruning(readout="relu"), (6, 30), (0.1, 0.02), 8, "elimination"),
    "rows, d=3": (ltjax.NeuronPruning(d=3), (4, 12, 20, 60), (0.6, 0.3, 0.05), 8, None),
    "rows, d=3, relu": (ltjax.NeuronPruning(d=3, readout="relu"), (4, 12, 20), (0.6, 0.3), 8, None),
    "rows, d=5": (ltjax.NeuronPruning(d=5), (4, 16, 60), (0.6, 0.05), 8, None),
    "rows, bias": (ltjax.NeuronPruning(d=1, bias=True), (3, 9, 13, 14, 40), (0.3, 0.05), 16, None),
    "rows, bias, relu": (ltjax.NeuronPruning(d=1, bias=True, readout="relu"), (3, 13, 20), (0.3, 0.05), 16, None),
    "scissors": (ltjax.WeightPruning(), (3, 6, 7, 20, 40), (0.3, 0.02, 1e-3), 8, None),
    "scissors, d=3": (ltjax.WeightPruning(d=3), (3, 4, 20), (0.3, 0.1), 8, None),
    "scissors, blocks": (ltjax.WeightPruning(), (5, 12, 36), (0.3, 0.05, 1e-3), 16, "blocks"),
    "scissors, axis": (ltjax.WeightPruning(target="axis"), (5, 12, 24), (0.3, 0.01, 1e-3), 16, None),
    "scissors, linear": (ltjax.WeightPruning(readout="linear"), (4, 6, 7, 30, 60), (0.3, 0.05), 8, None),
    "scissors, linear, d=3": (ltjax.WeightPruning(d=3, readout="linear"), (3, 4, 12), (0.6, 0.3), 8, None),
}


@pytest.mark.parametrize("name", quick_or_slow(FIXED, "rows, plane, all masks", "rows, bias"))
def test_networks_in_company(name):
    together = check(*FIXED[name])
    assert np.any(together.hits + together.misses > 0)
    assert np.any(together.hits < together.trials)


TABLE = {
    "problem": "subset-sum",
    "law": ["normal", "uniform"],
    "n": [3, 6],
    "eps": [0.1, 1e-5],
    "trials": 150,
    "chunk": 1,
}


def test_a_cell_of_a_sweep_is_what_it_is_alone(tmp_path):
    spec = sweeps.parse_spec(TABLE)
    sweeps.run(spec, tmp_path / "all.db")
    frame = sweeps.load(tmp_path / "all.db").set_index("cell")
    seen = 0
    for task in spec.tasks():
        problem, key = make_problem(task.problem, task.options), stream_key(task.seed, task.stream)
        for n in task.ns:
            for eps in task.eps:
                row = frame.loc[task.cell(n, eps)]
                counts = count(problem, (n,), (eps,), 150, key, **HOW).at(n, eps)
                assert (row["hits"], row["misses"], row["undecided"]) == counts
                seen += 1
    assert seen == len(frame) == 8
    # A sweep of one cell alone has the same counts under the same name.
    sweeps.run(sweeps.parse_spec(TABLE | {"law": "uniform", "n": 6, "eps": 0.1}), tmp_path / "one.db")
    ((_, one),) = sweeps.load(tmp_path / "one.db").iterrows()
    for name in ("hits", "misses", "undecided", "trials"):
        assert one[name] == frame.loc[one["cell"]][name]


@pytest.mark.parametrize("problem", [ltjax.SubsetSum(), ltjax.NeuronPruning(d=1)], ids=lambda problem: problem.name)
def test_an_estimate_is_what_its_cell_is_in_company(problem):
    together = count(problem, (2, 5, 8), (0.2, 0.02, 1e-5), 200, KEY, **HOW)
    for n, eps in ((5, 0.02), (8, 1e-5)):
        one = ltjax.estimate(problem, n=n, eps=eps, trials=200, key=KEY, **HOW)
        assert (one.hits, one.misses, one.undecided) == together.at(n, eps)
        hits, misses = (sum(own[k] for own in one.by.values()) for k in (0, 1))
        assert (hits, misses) == (one.hits, one.misses)


@pytest.mark.parametrize(
    "problem",
    [ltjax.SubsetSum(law="normal"), pytest.param(ltjax.NeuronPruning(), marks=pytest.mark.slow)],
    ids=lambda problem: problem.name,
)
def test_a_threshold_looks_at_cells_as_they_are_alone(problem):
    """In whatever order precisions are asked for, and whatever sizes were looked at for others."""
    asked = (0.03, 0.3, 0.1) if problem.name == "subset-sum" else (0.3, 0.4)
    n_max, trials = (9, 60) if problem.name == "subset-sum" else (16, 16)
    found = ltjax.threshold(problem, eps=asked, key=KEY, trials=trials, n_max=n_max, **HOW)
    assert [one.eps for one in found] == list(asked)
    for one in found:
        single = ltjax.threshold(problem, eps=one.eps, key=KEY, trials=trials, n_max=n_max, **HOW)
        assert single == one
        for n, hits, undecided in zip(one.ns, one.hits, one.undecided, strict=True):
            if n in (one.ns[0], one.lower, one.upper, n_max):
                known = alone(problem, n, one.eps, trials, None)
                assert (hits, undecided) == (known[0], known[2])
