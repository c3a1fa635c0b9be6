"""Neuron pruning: decisions against brute force and integer programming, witnesses re-checked apart."""

import itertools

import jax
import numpy as np
import pytest

import ltjax
from ltjax.certify.errors import plane as plane_error
from ltjax.outcomes import HIT, MISS
from ltjax.trials import dispatch as trials

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
            least = min(plane_error.exact_error(u[t, :n], v[t, :n], w[t], m, readout=readout)[0] for m in masks)
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
        ({"d": 65}, "d=65 is not allowed: d is a whole number from 1 to 64"),
        ({"bias": True}, "bias=True is not allowed: biased hidden units go with d=1, here d=2"),
        ({"d": 1, "bias": True, "target": 1.5}, "target=1.5 is not allowed: target is a finite number above -1"),
        ({"d": 3, "solver": "milp"}, "solver='milp' is not allowed: it goes with d=2, here d=3"),
        ({"d": 3, "target": 0.3}, "target=0.3 is not allowed: an angle names a target in the plane only"),
        ({"d": 3, "target": [1.0, 1.0, 0.0]}, r"target=\[1.0, 1.0, 0.0\] is not allowed: target is a finite vector"),
        ({"sampling": "far"}, "sampling='far' is not known"),
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


@pytest.mark.parametrize("options", [{"d": 1, "bias": True}, {"d": 3}, {"d": 4}, {"d": 3, "law": "uniform"}])
@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_few_neurons_in_any_dimension_against_all_masks(options, readout):
    """Certified bounds hold whatever the mask: errors at many points never exceed what is claimed, nor undercut it."""
    problem = ltjax.NeuronPruning(readout=readout, **options)
    n, eps, d = 5, (0.65, 0.35), options["d"]
    found = next(iter(trials.decisions(problem, (3, n), eps, 24, KEY)))
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 4001)[:, None] if d == 1 else rng.normal(size=(20_000, d))
    x = x if d == 1 else x / np.linalg.norm(x, axis=1, keepdims=True)
    for t in range(len(found)):
        u, v, b, w, c = (found.instance[name][t] for name in ("u", "v", "b", "w", "c"))
        values, target = np.maximum(x @ u.T + b, 0) * v, np.maximum(x @ w + c, 0)

        def error(mask, values=values, target=target):
            g = values @ np.asarray(mask, float)
            return np.abs((np.maximum(g, 0) if readout == "relu" else g) - target).max()

        for i, size in enumerate((3, n)):
            masks = (np.pad(m, (0, n - size)) for m in itertools.product([False, True], repeat=size))
            least = min(error(mask) for mask in masks)
            # Sampled errors are a little low, by the square of the spacing of 20,000 points (d <= 4).
            assert found.lower[t, i] <= least * 1.05 + 1e-9
            if np.isfinite(found.upper[t, i]):
                assert error(found.witness["mask"][t, i]) <= found.upper[t, i]
    assert np.any(found.status[..., 0] == HIT)
    assert np.mean(found.status[..., 1] == MISS) > 0.5
    assert np.mean(found.status == 0) < 0.25


@pytest.mark.parametrize("options", [{"d": 3}, {"d": 5}, {"d": 1, "bias": True}])
def test_many_neurons_miss_by_a_certificate(options):
    problem = ltjax.NeuronPruning(**options)
    found = next(iter(trials.decisions(problem, (14, 20), (0.03,), 12, KEY)))
    assert np.all(found.status[:, 0] != HIT)
    assert np.mean(found.status[:, 1, 0] == MISS) > (0.1 if options["d"] == 1 else 0.6)


def test_sampling_near_the_kink_has_the_law_of_drawing_all():
    """Misses and hits of both ways of drawing: the same problem, so shares differ by chance only."""
    import scipy.stats

    n, eps, count = 150, 0.03, 80
    near, whole = (
        trials.count(ltjax.NeuronPruning(sampling=how), (n // 3, n), (eps,), count, jax.random.key(3))
        for how in ("near", "whole")
    )
    for kind in ("hits", "misses"):
        a, b = getattr(near, kind)[:, 0], getattr(whole, kind)[:, 0]
        for x, y in zip(a, b, strict=True):
            assert scipy.stats.fisher_exact([[x, count - x], [y, count - y]])[1] > 1e-5
    assert near.misses[0, 0] > 0.2 * count
    assert near.hits[1, 0] > 0.1 * count


def test_near_decisions_are_rechecked_by_sampling_and_nest():
    problem = ltjax.NeuronPruning(sampling="near")
    eps, ns = 1e-4, (10_000, 40_000, 80_000)
    found = next(iter(trials.decisions(problem, ns, (eps,), 12, KEY)))
    assert np.all(np.diff(found.status[..., 0], axis=1) >= 0), "monotone in n"
    assert np.mean(found.status[:, 0] == MISS) > 0.5
    assert np.mean(found.status[:, 2] == HIT) > 0.4
    # Points where it matters: all around, and close to both of the target's kinks.
    fine = np.sinh(np.linspace(-12, 12, 4001)) * 1e-5
    angle = np.concatenate([np.linspace(0, 2 * np.pi, 4001), fine, np.pi + fine])
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for t, i in zip(*np.nonzero(found.status[..., 0] == HIT), strict=True):
        u, v, w, index = (found.instance[name][t] for name in ("u", "v", "w", "number"))
        mask = found.witness["mask"][t, i]
        assert np.all(index[mask] <= ns[i])
        assert np.abs(np.maximum(x @ u[mask].T, 0) @ v[mask] - np.maximum(x @ w, 0)).max() <= eps


def test_a_fine_precision_does_not_certify_a_coarse_one():
    """Drawn near the kink for ε = 0.001, neurons that serve ε = 0.45 are not listed: no miss may rest on that."""
    near = trials.count(ltjax.NeuronPruning(), (36,), (0.45, 0.001), 16, KEY)
    assert near.misses[0, 0] == 0
    assert near.misses[0, 1] == 16


def test_sizes_are_checked_wherever_trials_are_decided():
    with pytest.raises(ValueError, match="n="):
        ltjax.NeuronPruning().resolved(0.3).decide(jax.random.split(KEY, 2), (8, 2), (0.3,))
