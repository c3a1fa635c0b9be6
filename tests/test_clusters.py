"""Hits for readout relu by clusters that cancel: masks checked by another formula, and against exact methods."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.certify.errors import plane as plane_error
from ltjax.outcomes import HIT, MISS
from ltjax.problems.pruning import NeuronPruning
from ltjax.search import plane
from ltjax.search.masks import clusters
from ltjax.solvers.choose import choose
from ltjax.solvers.plane import Clusters
from tests.cells import decided

RELU = NeuronPruning(d=2, readout="relu")


def searched(n, eps, trials):
    """For each draw: its rows, weights and target, the mask and the error that the search gives."""
    for trial in range(trials):
        with jax.enable_x64(True):
            drawn = RELU.draw(jax.random.fold_in(jax.random.key(5), trial), n)
            u, v, w = (jnp.asarray(x) for x in (drawn.u, drawn.v, drawn.w))
            theta, kappa = plane.frame(u, v, w)
            there, tube = jnp.ones(n, bool), jnp.asarray(eps)
            mask, error = clusters.best_clusters(theta, kappa, there, tube, capacity=1 << 13)
            yield u, v, w, np.asarray(mask), float(error)


@pytest.fixture(scope="module")
def found():
    return list(searched(300, 0.01, 12))


def test_the_error_that_is_given_is_that_of_the_mask(found):
    for u, v, w, mask, error in found:
        if mask.any():
            exact, margin = plane_error.exact_error(u, v, w, mask, readout="relu")
            assert abs(error - exact) <= margin + 1e-9


def test_most_networks_hit_far_below_where_the_search_near_the_kink_begins(found):
    assert sum(error <= 0.01 for *_, error in found) >= 5
    near = decided(RELU, [300], [0.01], 12, jax.random.key(5), "near")[300, 0.01]
    assert np.sum(near.status == HIT) <= 2, np.sum(near.status == HIT)


def test_kept_neurons_bend_both_ways_and_cancel(found):
    """What makes it no search near the kink: most kept lines are far from the target's, and their jumps add up to 0
    where they stand together."""
    for u, v, w, mask, error in found:
        if error <= 0.01:
            with jax.enable_x64(True):
                theta, kappa = plane.frame(*(jnp.asarray(x) for x in (u[mask], v[mask], w)))
                assert np.mean(np.asarray(plane.kink_distance(theta)) > 0.1) > 0.5
                assert kappa.min() < 0.0 < kappa.max()


def test_neurons_that_are_absent_are_not_kept():
    with jax.enable_x64(True):
        drawn = RELU.draw(jax.random.key(2), 320)
        theta, kappa = plane.frame(*(jnp.asarray(x) for x in (drawn.u, drawn.v, drawn.w)))
        present = jnp.arange(320) < 250
        jump = jnp.where(present, kappa, 0.0)
        mask, error = clusters.best_clusters(theta, jump, present, jnp.asarray(0.02), capacity=1 << 12)
        assert np.isfinite(float(error))
        assert not np.any(np.asarray(mask) & ~np.asarray(present))


@pytest.mark.parametrize("capacity", [1 << 10, 1 << 14])
def test_a_walk_is_the_same_in_whatever_room(capacity, monkeypatch):
    """Room that grows with the choices, where they overflow in the end and where they do not."""
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        place = np.sort(rng.uniform(0.0, 1.5, 300))
        lines = clusters._Lines(*(jnp.asarray(x) for x in (place, rng.normal(size=300), rng.normal(size=(300, 2)))))
        found = clusters._clusters(lines, jnp.asarray(0.01), 48)
        order = jnp.argsort(found.place)
        found, started = jax.tree.map(lambda x: x[order], found), jnp.asarray([True, False, True, True])
        parts = jnp.asarray(rng.normal(size=(4, 2)))

        def walked():
            now, way, log = clusters._walked(found, jnp.asarray(40), started, parts, 1.5, capacity)
            alive = np.flatnonzero(now.alive)
            chosen, begun = clusters._retraced(way, jnp.asarray(40), jnp.asarray(alive))
            # What was carried is what was chosen.
            part = np.stack([x[alive] for x in now.part], axis=1)
            np.testing.assert_allclose(part, parts[begun] + chosen.astype(float) @ found.part, atol=1e-9)
            assert np.all(started[begun])
            assert np.all(now.behind[alive] == jnp.max(jnp.where(chosen, found.last, -1), axis=1))
            kept = jax.tree.map(lambda x: x[alive], now), chosen, begun, log
            return len(alive), jax.tree.map(np.asarray, kept)

        growing = walked()
        monkeypatch.setattr(clusters, "_rooms", lambda capacity, least: [capacity])
        whole = walked()
    assert growing[0] > capacity // 8
    jax.tree.map(np.testing.assert_array_equal, growing, whole)


def test_nothing_is_found_where_choices_cannot_meet():
    for *_, mask, error in searched(300, 1e-6, 1):
        assert error == np.inf
        assert not mask.any()


def test_numbers_that_are_none_are_no_hits():
    with jax.enable_x64(True):
        theta, kappa = jnp.linspace(-3.0, 3.0, 64), jnp.full(64, jnp.nan)
        mask, error = clusters.best_clusters(theta, kappa, jnp.ones(64, bool), jnp.asarray(0.1), capacity=1 << 10)
        assert error == np.inf
        assert not np.any(mask)


@pytest.mark.slow
def test_no_hit_is_one_where_exact_methods_say_miss():
    """Every network of 40 neurons at ε = 0.1 is decided by arcs. So coarse, few hits are clusters; none is wrong."""
    key = jax.random.key(0)
    exact, own = (decided(RELU, [40], [0.1], 12, key, solver)[40, 0.1].status for solver in ("arcs", "clusters"))
    assert not np.any(own == MISS)
    assert not np.any((own == HIT) & (exact != HIT))
    assert np.any(own == HIT)


def test_the_capacity_follows_the_precision():
    assert [Clusters.fine(eps).capacity for eps in (0.1, 0.01, 1e-3, 1e-4)] == [1 << 14, 1 << 14, 1 << 17, 1 << 19]
    assert not Clusters().serves(NeuronPruning(d=2, readout="linear"))
    assert not Clusters().serves(NeuronPruning(d=3, readout="relu"))


@pytest.mark.parametrize(
    ("n", "eps", "there"), [(200, 0.01, True), (48, 0.1, False), (700, 0.01, False), (100, 1e-5, False)]
)
def test_where_clusters_are_asked(n, eps, there):
    assert ("clusters" in choose(RELU, n, eps).solver.methods) == there
