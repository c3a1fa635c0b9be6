"""Covering of directions in d = 3: exact against a dense grid, monotone, certificates re-checked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.certify.uncovered import verify_uncovered
from ltjax.search.obstructions import zones

W = np.array([1.0, 2.0, 2.0]) / 3.0


def dense_uncovered(u, w, eps, points=20_001):
    """Directions of a fine grid that no zone covers, by the definition."""
    basis = np.linalg.qr(np.column_stack([w, np.eye(3)[:, :2]]))[0][:, 1:]
    phi = np.linspace(0.0, np.pi, points)
    q = np.cos(phi)[:, None] * basis[:, 0] + np.sin(phi)[:, None] * basis[:, 1]
    tangent = np.tan(2.0 * np.arctan(2.0 * eps))
    return q[~np.any(np.abs(q @ u.T) <= tangent * np.abs(u @ w), axis=1)]


@pytest.mark.parametrize("n", [1, 5, 12, 30])
def test_against_a_dense_grid(n):
    seen = set()
    for seed in range(40):
        u = np.random.default_rng([n, seed]).normal(size=(n, 3))
        eps = 0.08
        with jax.enable_x64(True):
            found = zones.cover_circle(jnp.asarray(u), jnp.asarray(W), jnp.asarray(eps))
            basis = np.asarray(zones.orthogonal_basis(jnp.asarray(W)))
        uncovered = dense_uncovered(u, W, eps)
        status = int(found.status)
        seen.add(status)
        if status == zones.COVERED:
            assert len(uncovered) == 0
        else:
            assert status == zones.UNCOVERED
            assert len(uncovered) > 0 or float(found.gap) < 2 * np.pi / 20_000
            phi = float(found.direction)
            q = np.cos(phi) * basis[0] + np.sin(phi) * basis[1]
            assert verify_uncovered(u, W, q, eps)
        for q in uncovered[:: max(1, len(uncovered) // 5)][1:-1]:
            assert status == zones.UNCOVERED
            assert verify_uncovered(u, W, q, eps - 1e-4)
    assert zones.UNCOVERED in seen or n == 30


def test_least_cover_is_where_the_grid_is_covered():
    for seed in range(20):
        u = np.random.default_rng(seed).normal(size=(60, 3)).astype(np.float32)
        low, high = (int(x) for x in zones.least_cover(jnp.asarray(u), jnp.asarray(W, jnp.float32), 0.08))
        assert 1 <= low <= high <= 61
        if low <= 60:
            assert len(dense_uncovered(u[:high], W, 0.08 + 1e-6)) == 0
            if low > 1:
                assert (
                    int(zones.cover_circle(jnp.asarray(u[: low - 1]), jnp.asarray(W, jnp.float32), 0.08).status) == -1
                )


def test_basis_is_orthonormal():
    for seed in range(10):
        w = np.random.default_rng(seed).normal(size=4)
        w /= np.linalg.norm(w)
        with jax.enable_x64(True):
            basis = np.asarray(zones.orthogonal_basis(jnp.asarray(w)))
        np.testing.assert_allclose(np.vstack([w, basis]) @ np.vstack([w, basis]).T, np.eye(4), atol=1e-14)


def test_wide_zones_cover_alone():
    """A neuron along w has its kink in every plane through w at the target's: it covers everything."""
    found = zones.cover_circle(jnp.asarray(W, jnp.float32)[None], jnp.asarray(W, jnp.float32), 0.05)
    assert int(found.status) == zones.COVERED


def test_covering_law():
    """NP-5 at ε = 0.03: n50·ε/ln(1/ε) = 0.40 within 5% and the error of 2,000 trials."""
    eps, trials = 0.03, 2000
    w = jnp.asarray(W, jnp.float32)

    @jax.jit
    def draw(keys):
        return jax.lax.map(
            lambda key: zones.least_cover(jax.random.normal(key, (220, 3)), w, eps)[0], keys, batch_size=50
        )

    least = np.sort(np.asarray(draw(jax.random.split(jax.random.key(0), trials))))
    # ranks 4.9 standard deviations apart hold the true median but for a chance of 1e-6
    half = 2.45 * np.sqrt(trials)
    low, high = least[int(trials / 2 - half)], least[int(trials / 2 + half)]
    scale = eps / np.log(1 / eps)
    assert low * scale <= 0.40 * 1.05
    assert high * scale >= 0.40 * 0.95


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"eps=0.7 is not allowed"):
        verify_uncovered(np.ones((2, 3)), W, np.ones(3), 0.7)
    with pytest.raises(ValueError, match="u, w, q have shapes"):
        verify_uncovered(np.ones((2, 2)), W, np.ones(3), 0.1)
