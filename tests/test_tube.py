"""The exhaustive planar decision against brute force over all masks and against integer programming."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from ltjax.certify import integer_program
from ltjax.certify.errors import plane as plane_error
from ltjax.search import plane as planar
from ltjax.search.masks import walk as tube
from ltjax.search.obstructions import kink

W = jnp.array([np.cos(0.7), np.sin(0.7)], jnp.float32)


def draw(seed, trials, n, law="normal"):
    key_u, key_v = jax.random.split(jax.random.key(seed))
    sample = jax.random.normal if law == "normal" else functools.partial(jax.random.uniform, minval=-1.0)
    return sample(key_u, (trials, n, 2)), sample(key_v, (trials, n))


@functools.partial(jax.jit, static_argnames=("readout", "capacity"))
def scan(theta, kappa, eps, readout, capacity):
    return jax.lax.map(lambda pair: tube.scan_masks(*pair, eps, readout=readout, capacity=capacity), (theta, kappa))


@functools.partial(jax.jit, static_argnames=("readout",))
def brute(theta, kappa, readout):
    n = theta.shape[1]
    masks = (jnp.arange(2**n)[:, None] >> jnp.arange(n)) & 1 == 1
    return jax.lax.map(lambda pair: jnp.min(planar.masked_errors(*pair, masks, readout=readout)), (theta, kappa))


@pytest.mark.parametrize("readout", ["linear", "relu"])
@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_scan_is_brute_force(n, readout):
    u, v = draw(n, 300, n)
    theta, kappa = planar.frame(u, v, W)
    least = np.asarray(brute(theta, kappa, readout))
    for eps in (0.2, 0.45, 0.8):
        found = scan(theta, kappa, eps, readout, 256)
        status = np.asarray(found.status)
        border = np.abs(least - eps) < 1e-3
        assert np.all((status == 1) == (least <= eps), where=~border)
        assert np.all((status == -1) == (least > eps), where=~border)
        assert not np.any((status == 1) & (least > eps + 1e-5))
        assert not np.any((status == -1) & (least < eps - 1e-5))
        for i in np.flatnonzero(status == 1)[:20]:
            value, margin = plane_error.exact_error(u[i], v[i], W, found.mask[i], readout=readout)
            assert value + margin <= eps
            assert value == pytest.approx(float(found.error[i]), abs=1e-4)


@pytest.mark.parametrize("capacity", [8, 64])
def test_small_frontier_never_lies(capacity):
    """With too little room the answer may be undecided, and what it decides stays true."""
    u, v = draw(77, 200, 10)
    theta, kappa = planar.frame(u, v, W)
    least = np.asarray(brute(theta, kappa, "linear"))
    found = scan(theta, kappa, 0.3, "linear", capacity)
    status = np.asarray(found.status)
    assert np.all(least[status == 1] <= 0.3 + 1e-5)
    assert np.all(least[status == -1] >= 0.3 - 1e-5)
    assert np.all(np.any(np.asarray(found.overflow)[status == 0], axis=1) | (np.abs(least[status == 0] - 0.3) < 1e-3))
    if capacity == 8:
        assert np.mean(status == 0) > 0.2


@pytest.mark.parametrize("readout", ["linear", "relu"])
@pytest.mark.parametrize(("law", "n", "eps"), [("normal", 18, 0.2), ("uniform", 18, 0.25)])
def test_scan_agrees_with_integer_programming(law, n, eps, readout):
    u, v = draw(5, 60, n, law)
    theta, kappa = planar.frame(u, v, W)
    status = np.asarray(scan(theta, kappa, eps, readout, 4096).status)
    judge = np.array([integer_program.decide(u[i], v[i], W, eps, readout=readout).status for i in range(60)])
    assert not np.any(status * judge == -1)
    assert np.mean(status == 0) <= 0.05
    assert np.mean(judge == 0) <= 0.05
    assert 0 < np.sum(judge == 1) < 60


@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_integer_programming_is_brute_force(readout):
    u, v = draw(6, 40, 9)
    theta, kappa = planar.frame(u, v, W)
    least = np.asarray(brute(theta, kappa, readout))
    for i in range(40):
        for factor in (0.99, 1.01):
            eps = float(least[i]) * factor
            found = integer_program.decide(u[i], v[i], W, eps, readout=readout)
            assert found.status in ((0, 1) if factor > 1 else (0, -1))
            if found.status == 1:
                assert found.error + found.margin <= eps
        assert found.status == 1


@pytest.mark.parametrize(("up", "down", "guard"), [(0.25, 0.25, 0.0), (0.2, 0.2, 0.05), (0.15, 0.35, 0.0)])
def test_walk_drops_exactly_what_no_line_holds(up, down, guard):
    """The frontier against linear programming: a choice survives if and only if some start holds it, in the tube from
    -down to up and both widened by the guard."""
    rng = np.random.default_rng(0)
    k = 6
    points = np.sort(rng.uniform(0.1, 2.4, k))
    points = np.concatenate([[0.0], points, [2.5]])
    kappa = rng.laplace(size=k)
    with jax.enable_x64(True):
        top, bottom = jnp.full((1, k + 2), up), jnp.full((1, k + 2), -down)
        chosen, alive, overflow = tube.walk(
            jnp.asarray(points), jnp.asarray(kappa), top, bottom, jnp.asarray(guard), 2**k
        )
    assert not overflow
    survivors = {tuple(row) for row in np.asarray(chosen)[np.asarray(alive)].tolist()}
    lines = np.stack([np.cos(points), np.sin(points)], axis=1)
    for choice in itertools.product([False, True], repeat=k):
        value = np.maximum(np.sin(points[:, None] - points[None, 1:-1]), 0.0)
        value = np.where(points[:, None] > points[None, 1:-1], value, 0.0) @ (kappa * np.array(choice))
        # least s with -down - s <= line + value <= up + s at all points
        result = scipy.optimize.linprog(
            [0, 0, 1],
            A_ub=np.block([[lines, -np.ones((k + 2, 1))], [-lines, -np.ones((k + 2, 1))]]),
            b_ub=np.concatenate([up - value, down + value]),
            bounds=[(None, None)] * 3,
        )
        if abs(result.fun - guard) > 1e-7:
            assert (choice in survivors) == (result.fun <= guard)
    assert 0 < len(survivors) < 2**k


def test_padding_changes_nothing():
    u, v = draw(8, 50, 8)
    theta, kappa = planar.frame(u, v, W)
    padded = jnp.pad(theta, ((0, 0), (0, 3)), constant_values=1.0), jnp.pad(kappa, ((0, 0), (0, 3)))
    a = scan(theta, kappa, 0.4, "linear", 256)
    b = scan(*padded, 0.4, "linear", 256)
    assert np.array_equal(a.status, b.status)
    assert not np.any(np.asarray(b.mask)[:, 8:])


def test_local_obstruction_is_a_miss():
    """The local certificate against brute force; it must say more than NP-1 does."""
    u, v = draw(9, 600, 9)
    theta, kappa = planar.frame(u, v, W)
    least = np.asarray(brute(theta, kappa, "linear"))
    eps = 0.12
    line = theta - jnp.pi * jnp.round(theta / jnp.pi)

    @jax.jit
    def certify(line, kappa):
        return jax.lax.map(
            lambda pair: kink.kink_obstructed(*pair, jnp.ones(9, bool), 1.5, eps, capacity=64, lines=6),
            (line, kappa),
        )

    # Lines beyond 1.5 rad of the target's break the promise about the window: leave those networks out.
    fits = np.asarray(jnp.max(jnp.abs(line), axis=1) < 1.5)
    certified = np.asarray(certify(line, kappa)) & fits
    lemma = np.asarray(kink.kink_misses(theta, eps)) & fits
    assert np.all(least[certified] > eps)
    assert np.mean(certified[lemma]) > 0.99
    assert certified.sum() > 1.2 * lemma.sum()


def test_bad_arguments():
    u, v = draw(1, 1, 4)
    theta, kappa = planar.frame(u[0], v[0], W)
    with pytest.raises(ValueError, match="readout='cubic'"):
        tube.scan_masks(theta, kappa, 0.1, readout="cubic")
    with pytest.raises(ValueError, match=r"eps=0 is not allowed"):
        integer_program.decide(u[0], v[0], W, 0)
