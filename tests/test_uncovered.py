"""Search for directions no zone covers: against exact covering in d = 3, planted gaps, certificates re-checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.certify.uncovered import verify_uncovered
from ltjax.search.obstructions import zones

EPS = 0.1
ROWS = 110
"""Every network has so many rows, the last ones zero where fewer are wanted: one compiled program a dimension."""


def target(d):
    w = np.arange(1.0, d + 1.0)
    return (w / np.linalg.norm(w)).astype(np.float32)


def network(seed, n, d):
    return np.random.default_rng([seed, d]).normal(size=(n, d)).astype(np.float32)


def pad(u):
    return jnp.asarray(np.concatenate([u, np.zeros((ROWS - len(u), u.shape[1]), np.float32)]))


def search(seed, u, size=ROWS):
    d = u.shape[1]
    return zones.search_uncovered(
        jax.random.key(seed), pad(u), jnp.asarray(target(d)), EPS, size=size, starts=32, steps=150
    )


def last(seed, u):
    d = u.shape[1]
    return zones.last_uncovered(
        jax.random.key(seed), pad(u), jnp.asarray(target(d)), EPS, starts=64, steps=150, rounds=6
    )


def test_against_exact_covering():
    """d = 3, sizes 1 to 16: no certificate where they cover, one at 95% of the other sizes at least."""
    n, w = 16, target(3)
    found, uncovered = 0, 0
    for seed in range(8):
        u = network(seed, n, 3)
        low, high = (int(x) for x in zones.least_cover(jnp.asarray(u), jnp.asarray(w), jnp.asarray(EPS)))
        for size in range(1, n + 1):
            result = search(seed, u, size)
            if float(result.margin) > 0.0:
                assert size < high
                assert int(result.size) >= size
                assert verify_uncovered(u[:size], w, result.direction, EPS)
                found += 1
        uncovered += low - 1
    assert 40 < uncovered < 8 * n
    assert found >= 0.95 * uncovered


def test_last_uncovered_is_exact_in_three_dimensions():
    """At most one of 30 trials falls short of the exact number, none exceeds it."""
    w, short = target(3), 0
    for seed in range(30):
        u = network(seed, 50, 3)
        low, high = (int(x) for x in zones.least_cover(jnp.asarray(u), jnp.asarray(w), jnp.asarray(EPS)))
        assert high <= 50
        found = last(seed, u)
        size = int(found.size)
        assert size < high
        assert size == 0 or verify_uncovered(u[:size], w, found.direction, EPS)
        short += size + 1 < low
    assert short <= 1


def test_certificates_hold_and_reach_far():
    """d = 9: the mean of 6 trials stays where it was measured to be; every smaller number is certified as well."""
    w, reached = target(9), []
    for seed in range(6):
        u = network(seed, ROWS, 9)
        found = last(seed, u)
        size, q = int(found.size), np.asarray(found.direction)
        reached.append(size)
        assert abs(q @ w) < 1e-6
        assert abs(np.linalg.norm(q) - 1.0) < 1e-6
        assert 1 <= size < ROWS
        assert float(found.margin) > 0.0
        for fewer in (1, (size + 1) // 2, size):
            assert verify_uncovered(u[:fewer], w, q, EPS)
        # The next neuron's zone holds the direction, up to the search's own guard.
        assert not verify_uncovered(u[: size + 1], w, q, EPS + 1e-4)
    assert np.mean(reached) >= 40.0


@pytest.mark.parametrize("d", [3, 9])
def test_planted_gap_is_found(d):
    """A hundred neurons whose zones all avoid one small cap: far more than leave a gap by chance."""
    w = target(d).astype(float)
    rng = np.random.default_rng(d)
    basis = np.linalg.qr(np.column_stack([w, rng.normal(size=(d, d - 1))]))[0][:, 1:].T
    planted, rest = basis[0], basis[1:]
    across = rng.normal(size=(100, d - 2)) @ rest
    along = rng.uniform(-1.0, 1.0, size=100)
    # So long a part along the planted direction that it is 0.3 radians outside, or more.
    lift = np.tan(2.0 * np.arctan(2.0 * EPS) + 0.3) * np.abs(along) + 0.2
    u = (along[:, None] * w + across + lift[:, None] * planted).astype(np.float32)
    assert verify_uncovered(u, w, planted, EPS)
    assert not any(verify_uncovered(u, w, q, EPS) for q in rest)
    found = search(0, u)
    assert float(found.margin) > 0.0
    assert verify_uncovered(u, w, found.direction, EPS)
    assert int(last(0, u).size) == ROWS


def test_margin_is_the_angle_left():
    """The margin is the least angle outside the zones, whether or not it is positive; here against NumPy."""
    w = target(9).astype(float)
    for seed, n in ((0, 3), (1, 20), (2, 110)):
        u = network(seed, n, 9)
        found = search(seed, u)
        q = np.asarray(found.direction, np.float64)
        margin = np.min(np.arctan2(np.abs(u @ q), np.abs(u @ w))) - 2.0 * np.arctan(2.0 * EPS)
        assert float(found.margin) == pytest.approx(margin, abs=2e-6)
        assert (float(found.margin) > 0.0) == (n < 110)


def test_idle_and_covering_rows():
    """A zero row covers nothing, a row along w everything; a direction is then never certified."""
    w = target(9)
    u = network(0, 4, 9)
    u[1] = 0.0
    found = search(0, u)
    assert float(found.margin) > 0.0
    assert verify_uncovered(u, w, found.direction, EPS)
    u[2] = 3.0 * w
    assert int(last(0, u).size) == 2
    assert float(search(0, u).margin) <= 0.0


def test_under_vmap_with_traced_sizes():
    w, u = jnp.asarray(target(3)), pad(network(3, 20, 3))
    sizes = jnp.arange(1, 6)
    found = jax.vmap(lambda size: zones.search_uncovered(jax.random.key(0), u, w, EPS, size=size, starts=16, steps=60))(
        sizes
    )
    assert found.direction.shape == (5, 3)
    assert np.any(np.asarray(found.margin) > 0.0)
    for i, size in enumerate(np.asarray(sizes)):
        if float(found.margin[i]) > 0.0:
            assert verify_uncovered(u[:size], w, found.direction[i], EPS)


@pytest.mark.parametrize("d", [3, 9])
def test_rows_beyond_those_asked_about_change_nothing(d):
    w, most = jnp.asarray(target(d)), 20
    ask = jax.jit(
        lambda u, most: zones.last_uncovered(jax.random.key(0), u, w, EPS, most=most, starts=16, steps=60, rounds=2)
    )
    u, other = network(0, ROWS, d), network(1, ROWS, d)
    other[:most] = u[:most]
    first, second = ask(u, most), ask(other, most)
    for x, y in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, y)
    size = int(first.size)
    assert 1 <= size <= most
    assert verify_uncovered(u[:size], target(d), first.direction, EPS)
    # Where nothing covers, all that were asked about are left uncovered, and no more.
    assert int(ask(np.zeros_like(u), most).size) == most


@pytest.mark.wrong_types
@pytest.mark.parametrize("function", [zones.search_uncovered, zones.last_uncovered])
def test_bad_arguments(function):
    for d in (1, 2):
        with pytest.raises(ValueError, match=r"allowed are \(n, d\), \(d,\), n >= 1, d >= 3$"):
            function(jax.random.key(0), jnp.ones((4, d)), jnp.ones(d), EPS)
    with pytest.raises(ValueError, match="u, w have shapes"):
        function(jax.random.key(0), jnp.ones((4, 3)), jnp.ones(4), EPS)
    with pytest.raises(ValueError, match=r"eps=0.5 is not allowed"):
        function(jax.random.key(0), jnp.ones((4, 3)), jnp.ones(3), 0.5)
    with pytest.raises(ValueError, match=r"starts=0 is not allowed"):
        function(jax.random.key(0), jnp.ones((4, 3)), jnp.ones(3), EPS, starts=0)
