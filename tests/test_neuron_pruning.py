"""Neuron pruning: decisions against brute force and integer programming, witnesses re-checked apart."""

import itertools

import jax
import numpy as np
import pytest

import ltjax
from ltjax.inference import trials
from ltjax.kernels import planar
from ltjax.outcomes import HIT, MISS

KEY = jax.random.key(11)


@pytest.fixture(scope="module", params=["linear", "relu"])
def decision(request):
    """One run for both sizes and precisions, by the solver under test."""
    problem = ltjax.NeuronPruning(readout=request.param)
    return request.param, next(iter(trials.decisions(problem, (6, 9), (0.35, 0.2), 24, KEY)))


def test_decisions_equal_brute_force(decision):
    readout, found = decision
    u, v, w = (found.instance[name] for name in ("u", "v", "w"))
    for t in range(len(found)):
        for i, n in enumerate((6, 9)):
            masks = itertools.product([False, True], repeat=n)
            least = min(planar.exact_error(u[t, :n], v[t, :n], w[t], m, readout=readout)[0] for m in masks)
            assert found.lower[t, i] <= least + 1e-12
            assert least <= found.upper[t, i] + 1e-12
            for j, eps in enumerate((0.35, 0.2)):
                if found.status[t, i, j] == HIT:
                    assert least <= eps
                if found.status[t, i, j] == MISS:
                    assert least > eps
    assert np.mean(found.status == 0) < 0.02


def test_a_witness_is_a_network_whose_error_anyone_can_sample(decision):
    """A few lines of NumPy that share nothing with the solver: no point of the circle is off by more than ε."""
    readout, found = decision
    angle = np.linspace(0, 2 * np.pi, 5000)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for t, i, j in zip(*np.nonzero(found.status == HIT), strict=True):
        u, v, w = (found.instance[name][t] for name in ("u", "v", "w"))
        mask = found.witness["mask"][t, i]
        assert not mask[(6, 9)[i] :].any()
        g = np.maximum(x @ u[mask].T, 0) @ v[mask]
        g = np.maximum(g, 0) if readout == "relu" else g
        assert np.abs(g - np.maximum(x @ w, 0)).max() <= (0.35, 0.2)[j]


@pytest.mark.slow
@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_solvers_agree(readout):
    problem, how = ltjax.NeuronPruning(readout=readout), {"n": 18, "eps": 0.2, "trials": 64, "key": KEY}
    fast, judge = (ltjax.estimate(problem, solver=solver, **how) for solver in ("auto", "milp"))
    assert fast.hits + fast.undecided >= judge.hits
    assert fast.misses + fast.undecided >= judge.misses
    assert judge.hits + judge.undecided >= fast.hits
    assert fast.undecided <= 3


def test_on_the_line_it_is_subset_sum():
    """NP-6: no gap at d = 1. Every kink is at 0 and the positive side has to add up to 1."""
    from brute import least_error

    for found in trials.decisions(ltjax.NeuronPruning(d=1), (6, 11), (0.05,), 100, KEY):
        for t, i in np.ndindex(len(found), 2):
            n, u, v = (6, 11)[i], found.instance["u"][t, :, 0], found.instance["v"][t]
            least = least_error((v * np.maximum(u, 0))[:n], 1.0)
            assert found.lower[t, i] <= least <= found.upper[t, i] <= least + 1e-9
            mask = found.witness["mask"][t, i]
            x = np.array([-1.0, 1.0])
            network = np.maximum(x[:, None] * u, 0) @ (mask * v)
            assert np.abs(network - np.maximum(x, 0)).max() <= found.upper[t, i]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d": 0}, "d=0 is not allowed"),
        ({"d": 3}, "d=3 is not allowed: d is a whole number from 1 to 2"),
        ({"readout": "softmax"}, "readout='softmax' is not known"),
        ({"law": "rademacher"}, "law='rademacher' is not known"),
        ({"target": "diagonal"}, "target='diagonal' is not known"),
        ({"target": float("nan")}, "target=nan is not allowed"),
        ({"solver": "guess"}, "solver='guess' is not known"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ltjax.NeuronPruning(**options)


def test_subset_sum_has_one_solver():
    with pytest.raises(ValueError, match="solver='milp' is not known: solver is one of auto"):
        ltjax.estimate(ltjax.SubsetSum(), n=3, eps=0.1, trials=10, key=KEY, solver="milp")
