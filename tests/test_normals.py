"""The nearest normal's certificate of one draw: never against a mask in hand, stronger than its event, re-checked."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ltjax
from ltjax.bounds import nearest_normal
from ltjax.certify.errors import sphere
from ltjax.outcomes import HIT
from ltjax.problems.base import at_trial
from ltjax.problems.pruning import MOST_DIMENSIONS
from ltjax.search.masks.in_cap import best_in_cap
from ltjax.search.obstructions import normals
from ltjax.solvers.at_points import AllRows, Descent, Uncovered
from ltjax.solvers.choose import choose
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.normals import CapSearch, NearestNormal
from tests.cells import decided

KEY = jax.random.key(0)
LADDER = np.geomspace(0.02, 1.5, 30)


def points_of(rng, d, count=1500):
    """Points of the sphere, more of them near the target's kink, w = e_1."""
    x = rng.normal(size=(count, d))
    x[: count // 2, 0] *= 0.2
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def least_error(u, v, x):
    """The least error at points over all masks, at most the least sup error."""
    values, target = np.maximum(x @ u.T, 0.0) * v, np.maximum(x[:, 0], 0.0)
    masks = np.array(list(itertools.product([0.0, 1.0], repeat=len(v))))
    return np.abs(values @ masks.T - target[:, None]).max(axis=0).min()


def best_bound(u, v, d):
    return max(nearest_normal.masked_bound(u, v, np.eye(d)[0], alpha) for alpha in LADDER)


def networks(rng, d, n, count):
    for _ in range(count):
        u, v = rng.normal(size=(n, d)), rng.normal(size=n)
        if rng.random() < 0.5:
            # Some that come near: one or two neurons that nearly make the target together.
            u[:2] = np.eye(d)[0] + 0.15 * rng.normal(size=(2, d))
            v[:2] = 0.5 + 0.1 * rng.normal(size=2)
        yield u, v


@pytest.mark.parametrize("d", [2, 3, 4, 7])
def test_no_mask_beats_the_bound(d):
    rng = np.random.default_rng(d)
    x = points_of(rng, d)
    closest = np.inf
    for u, v in networks(rng, d, 6, 15):
        least, bound = least_error(u, v, x), best_bound(u, v, d)
        assert bound <= least * (1.0 + 1e-9)
        closest = min(closest, least / max(bound, 1e-9))
    assert closest < 15.0  # it says something


def test_too_small_a_count_for_a_neuron_would_contradict_a_mask(monkeypatch):
    """Were a neuron worth half of what it is, its certificate would deny networks that hold the target."""
    rng = np.random.default_rng(0)
    u = np.concatenate([np.eye(3)[:1], rng.normal(size=(4, 3))])
    v = np.concatenate([[1.0], rng.normal(size=4)])
    assert best_bound(u, v, 3) <= 1e-12  # the first neuron is the target
    honest = nearest_normal.neuron_value

    def halved(*args, **how):
        value, target, margin = honest(*args, **how)
        return 0.5 * value, target, margin

    monkeypatch.setattr(nearest_normal, "neuron_value", halved)
    assert best_bound(u, np.where(np.arange(5) > 0, -np.abs(v), v), 3) > 0.01


@pytest.mark.parametrize("d", [3, 5])
def test_the_search_agrees_with_the_host_and_sees_more_than_the_event(d):
    eps, n = 0.02, 40
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(200, n, d)), rng.normal(size=(200, n))
    w = np.eye(d)[0]
    with jax.enable_x64(True):

        def search(u, v):
            cosine, sine, length = normals.angles(u, jnp.asarray(w))
            return normals.too_little(cosine, sine, v * length, jnp.asarray(jnp.inf), jnp.asarray(eps), d=d)

        out, alpha = (np.asarray(x) for x in jax.jit(jax.vmap(search))(jnp.asarray(u), jnp.asarray(v)))
    angle = np.arccos(np.abs(u[..., 0]) / np.linalg.norm(u, axis=2)).min(axis=1)
    empty = angle > nearest_normal.angle(eps, d)
    for t in range(200):
        bound = nearest_normal.masked_bound(u[t], v[t], w, float(alpha[t]))
        assert out[t] == (bound > eps) or abs(bound - eps) < 1e-12
    assert np.sum(empty & ~out) <= 2  # the ladder of angles has steps
    assert out.sum() > 1.3 * empty.sum()
    assert out.mean() < 0.98


def test_the_certified_error_of_an_empty_cap_is_above_the_bound():
    """By the exact error of networks in R^3, not at points."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        u, v = rng.normal(size=(8, 3)), rng.normal(size=8)
        bound = best_bound(u, v, 3)
        for mask in rng.random((6, 8)) < 0.5:
            lower, upper = sphere.certified_error(u, v, np.eye(3)[0], mask)
            assert upper >= bound
            assert lower <= upper


@pytest.mark.parametrize(("d", "scale"), [(3, 0.1), (3, 1e-6), (5, 1e-2)])
def test_the_cap_search_finds_what_is_planted(d, scale):
    """Two neurons that together make the target, tilted against each other by about ε, among others."""
    rng = np.random.default_rng(3)
    w = rng.normal(size=d)
    w /= np.linalg.norm(w)
    across = rng.normal(size=d)
    across -= (across @ w) * w
    across /= np.linalg.norm(across)
    u, v = rng.normal(size=(200, d)), rng.normal(size=200)
    u[50], u[120] = w + 0.5 * scale * across, w - 0.5 * scale * across
    v[50], v[120] = 0.4, 0.6
    with jax.enable_x64(True):
        search = jax.jit(best_in_cap)
        args = [KEY, *(jnp.asarray(x) for x in (u, v, w))]
        error, mask = search(*args, jnp.arange(200) < 200, jnp.asarray(scale))
        mask = np.asarray(mask)
        assert mask[[50, 120]].all()
        low, high = sphere.certified_error(u, v, w, mask, eps=scale)
        assert float(error) <= high <= scale
        assert low <= high
        # Without one of them nothing is that near.
        error, without = search(*args, jnp.arange(200) < 120, jnp.asarray(scale))
        assert float(error) > 1.2 * scale
        assert not np.asarray(without)[120:].any()
        error, none = search(*args, jnp.arange(200) < 0, jnp.asarray(scale))
        assert np.isinf(float(error))
        assert not np.asarray(none).any()


def test_hits_in_a_cap_are_hits():
    """Below ε = 0.01 caps are drawn; masks in hand are checked by another evaluation of the error, at points."""
    problem, eps, n = ltjax.NeuronPruning(d=3), 0.009, 300_000
    cell = decided(problem, (n,), (eps,), 12, KEY)[n, eps]
    hits = np.flatnonzero(cell.status == HIT)
    assert len(hits) >= 3
    x = points_of(np.random.default_rng(0), 3, 20_000)
    x[::2, 0] *= 0.05
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    for t in hits:
        u, v, number = (cell.instance[name][t] for name in ("u", "v", "number"))
        mask = cell.witness["mask"][t]
        assert np.all(number[mask] <= n)
        error = np.abs(np.maximum(x @ u[mask].T, 0.0) @ v[mask] - np.maximum(x[:, 0], 0.0)).max()
        assert 0.3 * eps < error <= cell.upper[t] <= eps


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_certified_of_what_is_not_known(bad):
    with jax.enable_x64(True):
        cosine, sine, kappa = jnp.array([0.1]), jnp.array([0.99]), jnp.array([1.0])
        sure = normals.too_little(cosine, sine, kappa, jnp.asarray(jnp.inf), jnp.asarray(0.01), d=3)
        assert bool(sure[0])
        for parts in ((cosine * bad, sine, kappa), (cosine, sine * bad, kappa), (cosine, sine, kappa * bad)):
            assert not bool(normals.too_little(*parts, jnp.asarray(jnp.inf), jnp.asarray(0.01), d=3)[0])
        for window, eps in ((jnp.inf, jnp.nan), (jnp.nan, 0.01), (0.01, 0.01), (jnp.inf, 0.0)):
            found = normals.too_little(cosine, sine, kappa, jnp.asarray(window), jnp.asarray(eps), d=3)
            assert not bool(found[0])


@pytest.mark.slow
def test_caps_and_whole_networks_miss_alike():
    """The same certificate on both kinds of draws, at the same cell: shares differ by chance only."""
    import scipy.stats

    problem, n, eps, trials = ltjax.NeuronPruning(d=3), 300, 0.012, 160
    missed = []
    for choice in (InOrder((NearestNormal(),)), None):
        found = ltjax.estimate(problem, n=n, eps=eps if choice else 0.0099, trials=trials, key=KEY, solver=choice)
        missed.append(found.misses)
    # The finer of the two precisions has more misses; by little.
    table: Any = scipy.stats.fisher_exact([[m, trials - m] for m in missed])
    assert table.pvalue > 1e-3
    assert min(missed) > 0.4 * trials


def test_a_proof_that_does_not_hold_is_no_miss():
    problem, solver = ltjax.NeuronPruning(d=3), NearestNormal()
    choice = choose(problem, 100, 0.005)
    assert choice.window is not None
    assert str(choice.solver) == "nearest normal, cap search"
    with jax.enable_x64(True):
        drawn = jax.tree.map(np.asarray, jax.vmap(lambda key: choice.draw(problem, key, 100))(jax.random.split(KEY, 3)))
    holding = 0
    for t, alpha in itertools.product(range(3), np.geomspace(0.06, 0.6, 12)):
        holding += solver.holds(problem, at_trial(drawn, t), 100, 0.005, np.array([alpha, 0.0, 0.0]))
    assert 3 <= holding < 36
    instance = at_trial(drawn, 0)
    for alpha in (0.0, np.nan, 2.0, float(instance.window) * 1.01):
        assert not solver.holds(problem, instance, 100, 0.005, np.array([alpha, 0.0, 0.0]))
    assert not solver.holds(problem, instance, int(instance.upto) + 1, 0.005, np.array([0.1, 0.0, 0.0]))


@pytest.mark.wrong_types
def test_bad_arguments_and_orders():
    with pytest.raises(ValueError, match=r"alpha=1.6 is not allowed"):
        nearest_normal.masked_bound(np.ones((2, 3)), np.ones(2), np.eye(3)[0], 1.6)
    with pytest.raises(ValueError, match="u, v, w have shapes"):
        nearest_normal.masked_bound(np.ones((2, 3)), np.ones(3), np.eye(3)[0], 0.5)
    with pytest.raises(ValueError, match="methods that give proofs come before all others"):
        InOrder((Descent(), Uncovered()))
    InOrder((NearestNormal(), Uncovered(), AllRows()))
    for problem in (ltjax.NeuronPruning(d=3, readout="relu"), ltjax.NeuronPruning(d=20)):
        with pytest.raises(ValueError, match="it answers another question"):
            ltjax.estimate(problem, n=4, eps=0.1, trials=4, key=KEY, solver=NearestNormal())
    with pytest.raises(ValueError, match="it answers another question"):
        ltjax.estimate(ltjax.NeuronPruning(d=3, readout="relu"), n=4, eps=0.1, trials=4, key=KEY, solver=CapSearch())


def test_the_dimensions_that_are_drawn_in_caps_are_those_with_weights():
    assert max(nearest_normal.DIMENSIONS) == MOST_DIMENSIONS
