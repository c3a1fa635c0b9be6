"""Arcs merged to a circle: no mask is lost, none is made up; against all masks and against integer programming."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from ltjax.arguments import ArgumentError
from ltjax.certify.integer_program import decide
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.search import plane as planar
from ltjax.search.masks import arcs, selection

READOUTS = ("linear", "relu")


def networks(seed, trials, n):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(trials, n, 2)), rng.normal(size=(trials, n))


@jax.jit
def framed(u, v):
    return jax.vmap(planar.frame, (0, 0, None))(u, v, jnp.asarray([0.0, 1.0]))


@functools.partial(jax.jit, static_argnames=("readout",))
def errors(theta, kappa, masks, readout):
    return jax.lax.map(lambda each: planar.masked_errors(*each, masks, readout=readout), (theta, kappa))


@functools.cache
def scan(readout, **how):
    return jax.jit(functools.partial(arcs.scan_masks, readout=readout, **how))


def scanned(theta, kappa, eps, readout, **how):
    """Network by network, so that tests of as many neurons share a program, however many networks they have."""
    one = scan(readout, **how)
    found = [one(*each) for each in zip(theta, kappa, np.asarray(eps), strict=True)]
    return jax.tree.map(lambda *x: np.stack(x), *found)


SMALL = {"lines": 3, "capacity": 64}
MASKS = (np.arange(1 << 10)[:, None] >> np.arange(10)) & 1 == 1
"""All of ten neurons."""


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("n", [1, 5, 10])
def test_a_hair_above_the_least_error_is_a_hit_and_a_hair_below_is_a_miss(readout, n):
    with jax.enable_x64(True):
        theta, kappa = framed(*networks(n, 60, 10))
        kappa = kappa.at[:, n:].set(0.0)
        least = np.min(errors(theta, kappa, MASKS, readout), axis=1)
        above = scanned(theta, kappa, least * (1.0 + 1e-9), readout, **SMALL)
        below = scanned(theta, kappa, least * (1.0 - 1e-9), readout, **SMALL)
    assert np.all(above.status == HIT)
    assert np.all(below.status == MISS)
    np.testing.assert_allclose(above.error, least, rtol=1e-8)


@pytest.mark.parametrize("readout", READOUTS)
def test_it_does_not_matter_in_what_pieces_lists_are_worked_through(readout, monkeypatch):
    """Ten neurons fill no piece of the usual size; here each takes many, and cells are left half done."""
    for module, sizes in ((arcs, {"TILE": 2, "STEP": 4, "CLOSER": 2, "FEW": 1, "BATCH": 2}), (selection, {"BATCH": 2})):
        for name, size in sizes.items():
            monkeypatch.setattr(module, name, size)
    one = jax.jit(functools.partial(inspect.unwrap(arcs.scan_masks), readout=readout, **SMALL))
    with jax.enable_x64(True):
        theta, kappa = framed(*networks(10, 40, 10))
        least = np.min(errors(theta, kappa, MASKS, readout), axis=1)
        for times, status in ((1.0 + 1e-9, HIT), (1.0 - 1e-9, MISS)):
            found = [int(one(*each).status) for each in zip(theta, kappa, least * times, strict=True)]
            assert set(found) == {status}


@pytest.mark.parametrize("readout", READOUTS)
def test_integer_programming_says_the_same_of_networks_too_large_for_all_masks(readout):
    u, v = networks(7, 24, 20)
    with jax.enable_x64(True):
        theta, kappa = framed(u, v)
        found = scanned(theta, kappa, np.full(24, 0.25), readout, capacity=4096)
    judged = [
        decide(rows, weights, np.array([0.0, 1.0]), 0.25, readout=readout).status
        for rows, weights in zip(u, v, strict=True)
    ]
    assert found.status.tolist() == judged
    assert {HIT, MISS} == set(judged)


def test_absent_neurons_change_nothing():
    """Three of ten, before the others or behind them; the test above says that the others alone are decided right."""
    with jax.enable_x64(True):
        theta, kappa = framed(*networks(3, 40, 10))
        last = kappa.at[:, 7:].set(0.0)
        eps = np.full(40, 0.35)
        behind = scanned(theta, last, eps, "linear", **SMALL)
        before = scanned(jnp.roll(theta.at[:, 7:].set(0.3), 3, 1), jnp.roll(last, 3, 1), eps, "linear", **SMALL)
    assert {HIT, MISS} == set(before.status.tolist())
    assert np.array_equal(before.status, behind.status)
    assert np.array_equal(before.mask[:, 3:], behind.mask[:, :7])
    assert not before.mask[:, :3].any()
    assert not behind.mask[:, 7:].any()


def test_what_overflows_or_makes_no_sense_is_undecided():
    with jax.enable_x64(True):
        theta, kappa = framed(*networks(5, 8, 10))
        few = kappa.at[:, 7:].set(0.0)
        miss, tiny = np.full(8, 1e-6), {"lines": 2, "capacity": 2}
        assert np.all(scanned(theta, kappa, miss, "linear", **SMALL).status == MISS)
        assert np.all(scanned(theta, few, miss, "linear", **tiny).status == MISS)
        # More neurons are present than four arcs of two lines hold.
        assert np.all(scanned(theta, kappa, miss, "linear", **tiny).status == UNDECIDED)
        # A half has more choices than the list.
        crowded = scanned(theta, few, np.full(8, 0.9), "linear", **tiny)
        assert np.all(crowded.status[crowded.overflow] != MISS)
        assert crowded.overflow.any()
        for bad in (np.nan, np.inf, 1e9):
            assert np.all(scanned(theta, kappa.at[:, 3].set(bad), miss, "linear", **SMALL).status == UNDECIDED)


def test_a_wrong_argument_is_one_line():
    with pytest.raises(ArgumentError, match="readout='cubic'"):
        arcs.scan_masks(jnp.zeros(4), jnp.ones(4), 0.1, readout="cubic")
    with pytest.raises(ArgumentError, match="lines=13"):
        arcs.scan_masks(jnp.zeros(52), jnp.ones(52), 0.1)


@pytest.mark.parametrize("open_below", [False, True])
def test_choices_of_an_arc_are_linear_programming(open_below):
    """A choice is alive where some start a·cos + b·sin and the kinks kept stay within the tube at every point."""
    rng = np.random.default_rng(2)
    k, counts = 3, np.zeros(2, int)
    walked = jax.jit(arcs._walked)
    for _ in range(40):
        points, kappa = np.sort(rng.uniform(0.0, 2.5, k + 2)), 2.0 * rng.laplace(size=k)
        middle = rng.uniform(-0.8, 0.8, k + 2)
        upper, lower = middle + 0.7, middle - 0.7
        if open_below:
            lower[:2] = -arcs.BIG
        with jax.enable_x64(True):
            alive = np.asarray(walked(*(jnp.asarray(x) for x in (points, kappa, upper, lower)))[0])
        start = np.stack([np.cos(points), np.sin(points)], axis=1)
        after = np.sin(np.maximum(points[:, None] - points[1:-1], 0.0)) * kappa
        for choice in range(1 << k):
            value = after @ ((choice >> np.arange(k)) & 1)
            # How far the tube must be widened, below 0 by how much it may be narrowed.
            some = lower > -arcs.BIG
            rows = np.concatenate([start, -start[some]])
            room = np.concatenate([upper - value, (value - lower)[some]])
            least = scipy.optimize.linprog(
                [0, 0, 1], A_ub=np.column_stack([rows, -np.ones(len(rows))]), b_ub=room, bounds=(None, None)
            ).fun
            if abs(least) > 1e-7:
                assert alive[choice] == (least < 0.0)
                counts[int(least < 0.0)] += 1
    assert np.all(counts > 20)


@pytest.mark.slow
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("sabotage", ["slopes", "tangent"])
def test_a_walk_that_is_wrong_is_seen(monkeypatch, readout, sabotage):
    """Steps that are easy to get wrong: a line's slope forgotten, an angle taken for its tangent."""
    jax.clear_caches()
    if sabotage == "slopes":
        turned = arcs._turned
        monkeypatch.setattr(arcs, "_turned", lambda line, angle: turned(line.at[:, 1].set(0.0), angle))
    else:
        walked = arcs._walked
        monkeypatch.setattr(arcs, "_walked", lambda points, *rest: walked(jnp.tan(0.4 * points), *rest))
    u, v = networks(11, 40, 10)
    with jax.enable_x64(True):
        theta, kappa = framed(u, v)
        eps = np.min(errors(theta, kappa, MASKS, readout), axis=1) * (1.0 + 1e-9)
        found = scanned(theta, kappa, eps, readout, **SMALL)
    jax.clear_caches()
    assert np.any(found.status != HIT)
