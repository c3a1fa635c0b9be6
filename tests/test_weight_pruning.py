"""Weight pruning: decisions against all masks, witnesses re-checked apart, the same for any chunk and device."""

import dataclasses
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brute import least_error

from ltjax.certify.errors import plane as plane_error
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.problems.weight_pruning import Found, Instance, WeightPruning
from ltjax.search.masks import single_weights as weight_masks
from ltjax.trials import dispatch as trials

KEY = jax.random.key(5)
KINDS = list(itertools.product(["linear", "relu"], ["axis", "generic"]))


def decide(problem, ns, eps, count):
    """On one device, without padding."""
    return next(iter(trials.decisions(problem, ns, eps, count, KEY, chunk=count, devices=jax.local_devices()[:1])))


def networks(u, v, x, readout):
    """The values at points x of every network that weight pruning can leave, all (2^d)^n of them."""
    total = np.zeros((1, len(x)))
    for row, weight in zip(u, v, strict=True):
        rows = [np.where(keep, row, 0.0) for keep in itertools.product([False, True], repeat=len(row))]
        values = np.stack([weight * np.maximum(x @ r, 0) for r in rows])
        total = (total[:, None] + values).reshape(-1, len(x))
    return np.maximum(total, 0) if readout == "relu" else total


def circle(count):
    angle = np.linspace(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def recheck(found, ns, eps, readout, points=4000):
    """No network that a witness leaves is off by more than ε anywhere: a few lines that share nothing."""
    d = found.instance["w"].shape[1]
    x = circle(points) if d == 2 else np.random.default_rng(0).normal(size=(points, d))
    # Kinks and crests of what the construction leaves lie on the axes and in the orthants' faces.
    x = np.concatenate([x, np.eye(d), -np.eye(d)] + [np.where(np.arange(d) < k, x, 0) for k in range(2, d)])
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    hits = np.argwhere(found.status == HIT)
    for t, i, j in hits:
        u, v, w = (found.instance[name][t] for name in ("u", "v", "w"))
        mask_u, mask_v = found.witness["mask_u"][t, i], found.witness["mask_v"][t, i]
        assert not mask_u[ns[i] :].any()
        assert not mask_v[ns[i] :].any()
        g = np.maximum(x @ (u * mask_u).T, 0) @ (v * mask_v)
        g = np.maximum(g, 0) if readout == "relu" else g
        error = np.abs(g - np.maximum(x @ w, 0)).max()
        assert error <= eps[j]
        assert found.lower[t, i] <= found.upper[t, i]
        assert error <= found.upper[t, i] <= eps[j]
    return len(hits)


EPS, NS = (1e-1, 1e-2, 1e-3), tuple(range(4, 45, 4))


@pytest.fixture(scope="module")
def surface():
    """One run over sizes and precisions, as in the theory's main case."""
    return decide(WeightPruning(), NS, EPS, 40)


@pytest.mark.parametrize(("readout", "target"), KINDS)
def test_nothing_contradicts_all_masks(readout, target, surface):
    """Up to n·d = 12 next to nothing is undecided; n = 7 is left to the constructions and the kink lemma."""
    problem, ns, eps = WeightPruning(readout=readout, target=target), (3, 5, 7, 24), (0.6, 0.35, 0.1)
    found = decide(problem, ns, eps, 16)
    # The first neurons of a draw do not depend on how many there are, nor on the question.
    np.testing.assert_array_equal(found.instance["u"], surface.instance["u"][:16, :24])
    np.testing.assert_array_equal(found.instance["v"], surface.instance["v"][:16, :24])
    for t, i in np.ndindex(8, 3):
        x = circle(1441 if ns[i] < 7 else 181)
        u, v, w = (found.instance[name][t] for name in ("u", "v", "w"))
        u, v = u[: ns[i]], v[: ns[i]]
        sampled = np.abs(networks(u, v, x, readout) - np.maximum(x @ w, 0)).max(axis=1).min()
        # The true least error: between points, a network's slope is at most Σ|v|‖u‖.
        least = (1 + np.sum(np.abs(v) * np.linalg.norm(u, axis=1))) * np.pi / (len(x) - 1) + sampled
        assert sampled <= found.upper[t, i] + 1e-12
        assert found.lower[t, i] <= least
        for j, e in enumerate(eps):
            assert found.status[t, i, j] != HIT or sampled <= e
            assert found.status[t, i, j] != MISS or least > e
    assert np.mean(found.status[:, :2] == UNDECIDED) < 0.03
    # Scissors that are no better than rows (WP-3) need more neurons than 24 at ε = 0.1.
    column, least = (1, 0.25) if (readout, target) == ("linear", "generic") else (2, 0.5)
    assert (found.status[:, 3, column] == HIT).mean() > least
    assert recheck(found, ns, eps, readout) > 0


@pytest.mark.parametrize(
    ("options", "n", "eps", "least"),
    [
        ({"d": 3, "law": "uniform"}, 50, 1e-2, 0.6),
        ({"construction": "blocks", "law": "uniform", "target": 2.4}, 48, 5e-2, 0.5),
    ],
)
def test_the_constructions_hit_and_anyone_can_sample_it(options, n, eps, least):
    problem = WeightPruning(**options)
    found = decide(problem, (n // 2, n), (eps, 5 * eps), 24)
    hits = (found.status == HIT).mean(axis=0)
    assert hits[1, 0] >= least
    assert np.all(np.diff(hits, axis=0) >= 0)
    assert np.all(np.diff(hits, axis=1) >= 0)
    # The construction: a neuron keeps one input weight; blocks: that of its own coordinate.
    mask = found.witness["mask_u"][:, 1]
    assert mask.sum(axis=2).max() == 1
    np.testing.assert_array_equal(found.witness["mask_v"], found.witness["mask_u"].any(axis=3))
    if problem.construction == "blocks" and problem.target != "axis":
        _, neuron, coordinate = np.nonzero(mask)
        np.testing.assert_array_equal(neuron % problem.d, coordinate)
    assert recheck(found, (n // 2, n), (eps, 5 * eps), problem.readout) > 0


def test_growth_is_logarithmic(surface):
    hits = (surface.status == HIT).sum(axis=0)
    assert np.all(np.diff(hits, axis=0) >= 0)
    assert np.all(np.diff(hits, axis=1) <= 0)
    assert hits[-1, -1] >= 34
    assert recheck(surface, NS, EPS, "relu", points=2000) > 400
    half = [NS[int(np.argmax(hits[:, j] >= 20))] for j in range(3)]
    # Four sums with log2(3) bits a neuron: a decade costs about 4·log2(10)/log2(3) = 8.4 neurons.
    assert all(4 <= more - fewer <= 12 for fewer, more in itertools.pairwise(half))


def test_linear_readout_meets_the_kink_lemma():
    """WP-3: misses where no kink is near, whatever is cut; hits by whole neurons."""
    eps, ns = (0.1, 0.02), (10, 60)
    found = decide(WeightPruning(readout="linear"), ns, eps, 24)
    u, w = found.instance["u"], found.instance["w"]
    angle = np.abs(np.angle(np.exp(2j * (np.arctan2(u[..., 1], u[..., 0]) - np.arctan2(w[0, 1], w[0, 0]))))) / 2
    for i, n in enumerate(ns):
        for j, e in enumerate(eps):
            expected = angle[:, :n].min(axis=1) > 2 * np.arctan(2 * e)
            np.testing.assert_array_equal(found.status[:, i, j] == MISS, expected)
    assert recheck(found, ns, eps, "linear") > 0


def test_on_the_line_it_is_subset_sum():
    for found in trials.decisions(WeightPruning(d=1, law="uniform"), (6, 11), (0.05,), 60, KEY):
        for t, i in np.ndindex(len(found), 2):
            n, u, v = (6, 11)[i], found.instance["u"][t, :, 0], found.instance["v"][t]
            least = least_error((v * np.maximum(u, 0))[:n], 1.0)
            assert found.lower[t, i] <= least <= found.upper[t, i] <= least + 1e-9
        assert found.witness["mask_u"].shape == (60, 2, 11, 1)
        for readout in ("linear", "relu"):
            assert recheck(found, (6, 11), (0.05,), readout) > 0


def test_decisions_do_not_depend_on_devices_or_chunks(surface):
    how = {"chunk": 16, "devices": jax.local_devices()[:3]}
    parts = list(trials.decisions(WeightPruning(), NS, EPS, 40, KEY, **how))
    for name in ("status", "lower", "upper"):
        together = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(together, getattr(surface, name))


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"construction": "blocks"}, {"readout": "linear"}, {"d": 3}])
def test_counts_do_not_depend_on_devices_or_chunks(options):
    one, three = (
        trials.count(WeightPruning(**options), (5, 12, 20), (0.2, 0.05), 36, KEY, chunk=16, devices=devices)
        for devices in (jax.local_devices()[:1], jax.local_devices()[:3])
    )
    np.testing.assert_array_equal(one.hits, three.hits)
    np.testing.assert_array_equal(one.misses, three.misses)


def test_separable_error_is_the_supremum():
    """Against the exact error in the plane of the network itself, and never below a sample in four dimensions."""
    rng = np.random.default_rng(1)
    u = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    with jax.enable_x64(True):
        for _ in range(20):
            r = rng.normal(size=4)
            # The target's own neuron is cancelled, so that only the residuals are left.
            rows, weights = np.concatenate([u, [[0.6, 0.8]]]), np.append(r, 1.0)
            value, margin = plane_error.exact_error(rows, weights, np.array([0.6, 0.8]))
            assert abs(float(weight_masks.separable_error(jnp.asarray(r))) - value) <= 1e-12 + margin
        r = rng.normal(size=8)
        bound = float(weight_masks.separable_error(jnp.asarray(r)))
        x = rng.normal(size=(200_000, 4))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        values = np.stack([np.maximum(x, 0), np.maximum(-x, 0)], axis=2).reshape(len(x), -1) @ r
        assert 0.9 * bound <= np.abs(values).max() <= bound


def test_subset_table_lists_small_subsets_first():
    table, count = weight_masks.subset_table(5, 20)
    assert count.tolist() == [1, 2, 4, 8, 16, 20]
    for m in range(6):
        rows = table[m, : count[m]]
        assert len({tuple(row) for row in rows}) == count[m]
        assert np.all(np.diff(rows.sum(axis=1)) >= 0)
        assert not rows[:, m:].any()


def test_a_broken_solver_is_caught(surface):
    """Masks that are not there, or networks that are not what they should be, never become hits."""
    procedure, eps = WeightPruning().resolved(min(EPS)), np.array(EPS)
    instance = Instance(**surface.instance)
    found: Any = Found._make([surface.lower, surface.witness["mask_u"], surface.upper])
    np.testing.assert_array_equal(procedure.judge(instance, found, NS, eps).status, surface.status)
    with pytest.raises(RuntimeError, match="neurons that are not there"):
        procedure.judge(instance, found._replace(mask=np.ones_like(found.mask)), NS, eps)
    # What the solver says of its masks counts for nothing: here they are those of other networks.
    other = found._make([np.zeros_like(found.least), np.roll(found.mask, 1, axis=0), np.zeros_like(found.error)])
    assert (procedure.judge(instance, other, NS, eps).status[..., 1:] == HIT).mean() < 0.01
    with pytest.raises(RuntimeError, match="a certificate says miss where a mask hits"):
        procedure.judge(instance, found._replace(least=np.full_like(found.least, 0.5)), NS, eps)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"d": 0}, "d=0 is not allowed: d is a whole number from 1 to 64"),
        ({"d": 2.5}, "d=2.5 is not allowed"),
        ({"readout": "softmax"}, "readout='softmax' is not known"),
        ({"law": "rademacher"}, "law='rademacher' is not known"),
        ({"construction": "stacked"}, "construction='stacked' is not known: construction is one of blocks, shared"),
        ({"target": "diagonal"}, "target='diagonal' is not known"),
        ({"target": float("nan")}, "target=nan is not allowed"),
        ({"target": 0.7, "d": 3}, "an angle names a target in the plane only"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        WeightPruning(**options)


def test_it_is_a_plain_value():
    problem = WeightPruning(construction="blocks")
    assert hash(problem) == hash(WeightPruning(construction="blocks")) != hash(WeightPruning())
    assert problem.describe() == {
        "problem": "weight-pruning",
        "d": 2,
        "readout": "relu",
        "law": "normal",
        "target": "generic",
        "construction": "blocks",
    }
    assert dataclasses.replace(problem, d=3).provenance(1e-3)["d"] == 3
    with pytest.raises(ValueError, match="solver='milp' is not known"):
        problem.with_solver("milp")


def test_masks_that_keep_several_weights_of_a_row_are_certified():
    """d = 3: at ε just above 1 the empty mask hits; at 0.4 a row may be kept whole."""
    found = decide(WeightPruning(d=3), (1, 3), (1.001, 0.4), 300)
    assert (found.status[:, :, 0] == HIT).mean() > 0.95
    several = found.witness["mask_u"].sum(axis=3).max(axis=2) > 1
    assert np.any(several & (found.status[:, :, 1] == HIT))
