"""Neuron pruning: decisions against brute force and integer programming, witnesses re-checked apart."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest
from cells import decided, laid_out

import ltjax
from ltjax.certify.errors import plane as plane_error
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.solvers.choose import Choice, choose
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.on_inputs import OnInputs
from ltjax.solvers.plane import Arcs, KinkLemma, NearSearch
from ltjax.trials.counts import count
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import Share

KEY = jax.random.key(11)
NS, EPS = (6, 9), (0.35, 0.2)


@pytest.fixture(scope="module", params=["linear", "relu"])
def decision(request):
    """One run for both sizes and precisions, by the solver under test."""
    return request.param, decided(ltjax.NeuronPruning(readout=request.param), NS, EPS, 24, KEY)


def test_decisions_equal_brute_force(decision):
    readout, found = decision
    for n in NS:
        # The first neurons of a draw do not depend on how many there are.
        u, v, w = (found[n, EPS[0]].instance[name] for name in ("u", "v", "w"))
        np.testing.assert_array_equal(u[:, :6], found[6, EPS[1]].instance["u"][:, :6])
        for t in range(24 if n < max(NS) else 10):
            masks = itertools.product([False, True], repeat=n)
            least = min(plane_error.exact_error(u[t, :n], v[t, :n], w[t], m, readout=readout)[0] for m in masks)
            for eps in EPS:
                cell = found[n, eps]
                assert cell.lower[t] <= least + 1e-12
                assert least <= cell.upper[t] + 1e-12
                if cell.status[t] == HIT:
                    assert least <= eps
                if cell.status[t] == MISS:
                    assert least > eps
    assert np.mean(laid_out(found, NS, EPS) == UNDECIDED) < 0.02


def test_a_witness_is_a_network_whose_error_anyone_can_sample(decision):
    """A few lines of NumPy that share nothing with the solver: no point of the circle is off by more than ε."""
    readout, found = decision
    angle = np.linspace(0, 2 * np.pi, 5000)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for (n, eps), cell in found.items():
        for t in np.flatnonzero(cell.status == HIT):
            u, v, w = (cell.instance[name][t] for name in ("u", "v", "w"))
            mask = cell.witness["mask"][t]
            assert not mask[n:].any()
            g = np.maximum(x @ u[mask].T, 0) @ v[mask]
            g = np.maximum(g, 0) if readout == "relu" else g
            assert np.abs(g - np.maximum(x @ w, 0)).max() <= eps


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

    eps = 0.05
    for (n, _), cell in decided(ltjax.NeuronPruning(d=1), (6, 11), (eps,), 100, KEY).items():
        for t in range(len(cell)):
            u, v = cell.instance["u"][t, :, 0], cell.instance["v"][t]
            least = least_error((v * np.maximum(u, 0))[:n], 1.0)
            assert cell.lower[t] <= least <= cell.upper[t]
            if np.isinf(cell.upper[t]):
                assert least > eps, "only masks that are far off are not looked at again"
                continue
            assert cell.upper[t] <= least + 1e-9
            mask = cell.witness["mask"][t]
            x = np.array([-1.0, 1.0])
            network = np.maximum(x[:, None] * u, 0) @ (mask * v)
            assert np.abs(network - np.maximum(x, 0)).max() <= cell.upper[t]


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d": 0}, "d=0 is not allowed"),
        ({"d": 65}, "d=65 is not allowed: d is a whole number from 1 to 64"),
        ({"bias": True}, "bias=True is not allowed: biased hidden units go with d=1, here d=2"),
        ({"d": 1, "bias": True, "target": 1.5}, "target=1.5 is not allowed: target is a finite number above -1"),
        ({"d": 3, "target": 0.3}, "target=0.3 is not allowed: an angle names a target in the plane only"),
        ({"d": 3, "target": [1.0, 1.0, 0.0]}, r"target=\[1.0, 1.0, 0.0\] is not allowed"),
        ({"readout": "softmax"}, "readout='softmax' is not known"),
        ({"law": "rademacher"}, "law='rademacher' is not known"),
        ({"target": "diagonal"}, "target='diagonal' is not known"),
        ({"target": float("nan")}, "target=nan is not allowed"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ltjax.NeuronPruning(**options)


@pytest.mark.parametrize(
    ("problem", "solver", "message"),
    [
        (ltjax.SubsetSum(), "milp", "solver='milp' is not known for subset-sum: solver is one of auto"),
        (ltjax.NeuronPruning(d=3), "milp", "solver='milp' is not known for neuron-pruning: solver is one of auto"),
        (ltjax.NeuronPruning(), "guess", "solver='guess' is not known for neuron-pruning: solver is one of auto, milp"),
        (ltjax.NeuronPruning(), "far", "solver='far' is not known"),
        (ltjax.NeuronPruning(d=1), "near", "solver='near' is not known"),
    ],
)
def test_a_problem_has_solvers_of_its_own(problem, solver, message):
    with pytest.raises(ValueError, match=message):
        ltjax.estimate(problem, n=3, eps=0.1, trials=10, key=KEY, solver=solver)


@pytest.mark.parametrize("options", [{"d": 1, "bias": True}, {"d": 3}, {"d": 4}, {"d": 3, "law": "uniform"}])
@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_few_neurons_in_any_dimension_against_all_masks(options, readout):
    """Certified bounds hold whatever the mask: errors at many points never exceed what is claimed, nor undercut it."""
    problem = ltjax.NeuronPruning(readout=readout, **options)
    n, eps, d = 5, (0.65, 0.35), options["d"]
    found = decided(problem, (3, n), eps, 24, KEY)
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 4001)[:, None] if d == 1 else rng.normal(size=(20_000, d))
    x = x if d == 1 else x / np.linalg.norm(x, axis=1, keepdims=True)
    for (size, e), cell in found.items():
        for t in range(len(cell)):
            u, v, b, w, c = (cell.instance[name][t] for name in ("u", "v", "b", "w", "c"))
            values, target = np.maximum(x @ u.T + b, 0) * v, np.maximum(x @ w + c, 0)

            def error(mask, values=values, target=target):
                g = values @ np.asarray(mask, float)
                return np.abs((np.maximum(g, 0) if readout == "relu" else g) - target).max()

            masks = (np.pad(m, (0, values.shape[1] - size)) for m in itertools.product([False, True], repeat=size))
            least = min(error(mask) for mask in masks)
            # Sampled errors are a little low, by the square of the spacing of 20,000 points (d <= 4).
            assert cell.lower[t] <= least * 1.05 + 1e-9
            assert cell.status[t] != MISS or least * 1.05 + 1e-9 > e
            if np.isfinite(cell.upper[t]):
                assert error(cell.witness["mask"][t]) <= cell.upper[t]
    status = laid_out(found, (3, n), eps)
    assert np.any(status[..., 0] == HIT)
    assert np.mean(status[..., 1] == MISS) > 0.5
    assert np.mean(status == UNDECIDED) < 0.25


@pytest.mark.parametrize("options", [{"d": 3}, {"d": 5}, {"d": 1, "bias": True}])
def test_many_neurons_miss_by_a_certificate(options):
    status = laid_out(decided(ltjax.NeuronPruning(**options), (14, 20), (0.03,), 12, KEY), (14, 20), (0.03,))
    assert np.all(status[:, 0] != HIT)
    assert np.mean(status[:, 1, 0] == MISS) > (0.1 if options["d"] == 1 else 0.6)


def test_sampling_near_the_kink_has_the_law_of_drawing_all():
    """Misses and hits of both ways of drawing: the same problem, so shares differ by chance only."""
    import scipy.stats

    # Of more than 96 neurons the same methods decide both.
    eps, drawn = 0.01, 50
    near, whole = (
        count(ltjax.NeuronPruning(), (100, 400), (eps,), drawn, jax.random.key(3), solver=how)
        for how in ("near", "whole")
    )
    for kind in ("hits", "misses"):
        a, b = getattr(near, kind)[:, 0], getattr(whole, kind)[:, 0]
        for x, y in zip(a, b, strict=True):
            found: Any = scipy.stats.fisher_exact([[x, drawn - x], [y, drawn - y]])
            assert found.pvalue > 1e-5
    assert near.misses[0, 0] > 0.2 * drawn
    assert near.hits[1, 0] > 0.1 * drawn


def test_a_method_that_looks_near_the_kink_alone_draws_these_neurons_alone():
    """At small ε, whoever asks for it; shares of hits and misses are those of whole networks."""
    import scipy.stats

    problem, n, eps, drawn = ltjax.NeuronPruning(), 1500, 1e-3, 200
    search = InOrder((KinkLemma(), NearSearch(capacity=64, lines=12)))
    chosen = choose(problem, n, eps, search)
    assert chosen.window == choose(problem, n, eps, "near").window
    assert choose(problem, n, 0.01, search).window is None
    assert choose(ltjax.NeuronPruning(law="levels:9"), n, eps, search).window is None
    assert choose(problem, n, eps, InOrder((KinkLemma(), Arcs.for_size(40, "linear")))).window is None
    blocks = ltjax.Pruning(d=4, pattern="block:1x2", readout="linear", target="axis")
    assert blocks.rows is not None
    inner = choose(blocks, n, eps, OnInputs(blocks.rows, search))
    assert inner.window == chosen.window
    status = {}
    for window in (None, chosen.window):
        share = Share(problem, Choice(search, window), (n,), (eps,))
        found = np.concatenate([each.status[:, 0, 0] for each in decisions(share, drawn, jax.random.key(4))])
        status[window] = [int(np.sum(found == kind)) for kind in (HIT, MISS)]
    for x, y in zip(*status.values(), strict=True):
        result: Any = scipy.stats.fisher_exact([[x, drawn - x], [y, drawn - y]])
        assert result.pvalue > 1e-5
    assert min(min(each) for each in status.values()) > 0


def test_near_decisions_are_rechecked_by_sampling():
    eps, ns = 1e-4, (10_000, 40_000, 80_000)
    found = decided(ltjax.NeuronPruning(), ns, (eps,), 12, KEY)
    assert np.mean(found[ns[0], eps].status == MISS) > 0.5
    assert np.mean(found[ns[2], eps].status == HIT) > 0.4
    # Points where it matters: all around, and close to both of the target's kinks.
    fine = np.sinh(np.linspace(-12, 12, 4001)) * 1e-5
    angle = np.concatenate([np.linspace(0, 2 * np.pi, 4001), fine, np.pi + fine])
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for (n, _), cell in found.items():
        for t in np.flatnonzero(cell.status == HIT):
            u, v, w, number = (cell.instance[name][t] for name in ("u", "v", "w", "number"))
            mask = cell.witness["mask"][t]
            assert np.all(number[mask] <= n)
            assert np.abs(np.maximum(x @ u[mask].T, 0) @ v[mask] - np.maximum(x @ w, 0)).max() <= eps


@pytest.mark.parametrize(("options", "ns", "eps"), [({}, (8, 16), 0.3), ({"d": 1, "bias": True}, (3, 6, 9), 0.1)])
def test_a_miss_stays_one_with_fewer_neurons_and_a_hit_with_more(options, ns, eps):
    """Methods that decide each cell for itself and leave next to nothing open cannot help but nest."""
    status = laid_out(decided(ltjax.NeuronPruning(**options), ns, (eps, eps / 2), 24, KEY), ns, (eps, eps / 2))
    for more, less in ((status[:, 1:], status[:, :-1]), (status[..., :-1], status[..., 1:])):
        assert not np.any((less == HIT) & (more == MISS))
    assert np.mean(status == UNDECIDED) < 0.05


def test_a_fine_precision_in_the_call_leaves_the_coarse_one_as_it_is_alone():
    """Drawn near the kink for ε = 0.001, neurons that serve ε = 0.45 are not listed: no miss may rest on that."""
    n, problem = 120, ltjax.NeuronPruning()
    both = count(problem, (n,), (0.45, 0.001), 16, KEY)
    for eps in both.eps:
        assert both.at(n, eps) == count(problem, (n,), (eps,), 16, KEY).at(n, eps)
    assert both.misses[0, 0] == 0
    assert both.misses[0, 1] >= 14


def test_sizes_are_checked_wherever_trials_are_decided():
    with pytest.raises(ValueError, match="n="):
        count(ltjax.NeuronPruning(), (8, 2), (0.3,), 2, KEY)


def test_small_networks_under_an_outer_relu_miss_by_certificate_in_three_dimensions_too():
    problem, key = ltjax.NeuronPruning(d=3, readout="relu"), jax.random.key(0)
    small = ltjax.estimate(problem, n=14, eps=0.01, trials=8, key=key)
    assert small.by["elimination"] == (0, small.misses)
    assert small.misses > 0
    assert "elimination" in str(choose(problem, 30, 0.01).solver)
    assert "elimination" not in str(choose(problem, 31, 0.01).solver)
