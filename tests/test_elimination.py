"""Elimination along an arc: against all masks, against linear programming, and against small wrong changes."""

import functools

import jax
import numpy as np
import pytest

from ltjax.search import plane as planar
from ltjax.search.obstructions import elimination


def draw(seed, trials, n):
    """Kinks uniform on the circle, Laplace jumps: the normal law's."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, (trials, n)), rng.laplace(size=(trials, n))


@functools.partial(jax.jit, static_argnames=("readout",))
def errors(theta, kappa, masks, readout):
    return jax.lax.map(lambda pair: planar.masked_errors(*pair, masks, readout=readout), (theta, kappa))


def all_masks(theta, kappa, readout):
    """Every mask's error, (trials, 2^n), and the masks."""
    n = theta.shape[1]
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
    with jax.enable_x64(True):
        return np.asarray(errors(theta, kappa, masks, readout)), masks


@pytest.mark.parametrize("readout", ["relu", "linear"])
@pytest.mark.parametrize("n", [1, 2, 5, 9])
def test_no_hit_keeps_what_is_eliminated(readout, n):
    theta, kappa = draw(n, 300, n)
    error, masks = all_masks(theta, kappa, readout)
    gone = missed = 0
    for eps in (0.03, 0.1, 0.2, 0.5, 0.9):
        found = elimination.eliminate(theta, kappa, np.ones_like(theta, bool), eps, readout=readout)
        for trial in range(len(theta)):
            hits = masks[error[trial] <= eps]
            assert not np.any(hits[:, ~found.candidates[trial]]), (trial, eps)
            assert not (found.missed[trial] and len(hits))
        gone, missed = gone + np.sum(~found.candidates), missed + np.sum(found.missed)
    assert gone > 0.25 * 5 * theta.size
    assert missed > 0
