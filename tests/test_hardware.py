"""HW-1: what is timed is what it says, and the judge tells true timings from false ones. Nothing here is timed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_up import hw_1 as data

from ltjax.machine import timing
from ltjax.networks import TwoLayerNetwork, apply, prune_neurons, prune_weights
from ltjax.verify import check
from proofs_check.gap import hardware

LEVEL = 1e-7
CLAIM = hardware.Hardware()
RNG = np.random.default_rng(0)


def tickets(count=3, n=10):
    u, v = RNG.standard_normal((count, n, 2)), RNG.standard_normal((count, n))
    start = TwoLayerNetwork(jnp.asarray(u, jnp.float32), jnp.asarray(v, jnp.float32), readout="relu")
    w = RNG.standard_normal((count, 2))
    rows = RNG.random((count, n)) < 0.3
    rows[0] = False
    weights = (RNG.random((count, n, 2)) < 0.4) & ~RNG.permuted(np.tile([True, False], (count, n, 1)), axis=2)
    return hardware.Tickets(start, w / np.linalg.norm(w, axis=1, keepdims=True), rows, weights)


def test_every_form_of_a_ticket_computes_what_its_mask_does():
    made = tickets()
    forms = hardware.forms_of(made)
    x = jnp.asarray(RNG.standard_normal((50, 2)), jnp.float32)
    assert forms["rows"].n == made.rows.sum(axis=1).max() < made.start.n
    assert forms["emptied"].n == made.weights.any(axis=2).sum(axis=1).max() < made.start.n
    assert forms["masked"].n == made.start.n
    for i in range(len(made.w)):
        one = jax.tree.map(lambda x, i=i: x[i], made.start)
        rows = apply(prune_neurons(one, jnp.asarray(made.rows[i])), x)
        cut = jnp.asarray(made.weights[i])
        weights = apply(prune_weights(one, cut, cut.any(axis=1)), x)
        np.testing.assert_allclose(hardware.serve(forms["rows"], x)[i], rows, atol=1e-5)
        for name in ("masked", "emptied"):
            np.testing.assert_allclose(hardware.serve(forms[name], x)[i], weights, atol=1e-5)


def test_errors_are_those_of_the_worst_ticket():
    angle = np.array([0.3, 2.0])
    w = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    # Networks that are their targets, but for one whose weight is a tenth too large.
    network = TwoLayerNetwork(
        jnp.asarray(w[:, None], jnp.float32), jnp.asarray([[1.0], [1.1]], jnp.float32), readout="relu"
    )
    made = hardware.Tickets(network, w, np.ones((2, 1), bool), np.ones((2, 1, 2), bool))
    points = jnp.asarray(w, jnp.float32)
    errors = hardware.errors_of(hardware.forms_of(made), made, points)
    assert errors == pytest.approx({"rows": 0.1, "masked": 0.1, "emptied": 0.1}, abs=1e-6)


def test_tickets_repeat():
    made = tickets(3)
    again = hardware.repeated(made, 7)
    np.testing.assert_array_equal(again.w, made.w[[0, 1, 2, 0, 1, 2, 0]])
    assert again.start.u.shape == (7, 10, 2)


@pytest.mark.parametrize("share", [1 / 16, 0.3, 0.5])
def test_sparse_and_masked_matrices_hold_the_same_weights(share):
    u = RNG.standard_normal((16, 16)).astype(np.float32)
    order = RNG.permutation(u.size)
    masked = np.asarray(hardware.masked_matrix(share, u, order))
    assert np.count_nonzero(masked) == round(share * u.size)
    assert np.all((masked == 0.0) | (masked == u))
    x = jnp.asarray(RNG.standard_normal((16, 5)), jnp.float32)
    matrix = hardware.sparse_matrix(share, u, order)
    assert matrix.nse == round(share * u.size)
    np.testing.assert_array_equal(matrix.todense(), masked)
    np.testing.assert_allclose(hardware.hidden(matrix, x), hardware.hidden(jnp.asarray(masked), x), atol=1e-5)


def test_sizes_grow_until_a_call_takes_long(monkeypatch):
    monkeypatch.setattr(timing, "quickest", lambda call: call())
    sizes = (1, 2, 4, 8)
    assert hardware.grown(lambda size: lambda: 0.01 * size, sizes, 0.015) == 2
    assert hardware.grown(lambda size: lambda: 0.0, sizes, 0.015) == 8


def verdict(made):
    return check.judged(CLAIM.tests(made), LEVEL).verdict


@pytest.mark.parametrize(
    "false",
    [
        {"rows": 1.2},
        {"masked": 0.5},
        {"rows": 0.5, "sparse": lambda share: 2.0 * share},  # sparse tickets are faster than rows
        {"sparse": lambda share: 0.4},  # no break-even at one half
        {"sparse": lambda share: 2.0 if share < 0.05 else 0.3},  # faster where it is denser
        {"errors": 0.06},
        {"deviation": 0.1},
    ],
)
def test_false_timings_are_refuted(false):
    assert verdict(data(**false)) == "refuted"


def test_what_the_rounds_cannot_tell_is_left_open():
    assert verdict(data(rounds=20)) == "inconclusive"
    assert verdict(data(noise=2.0)) == "inconclusive"
    # A matrix that comes to take so long that no denser one is timed is slower than the start network.
    assert verdict(data(sparse=lambda share: 0.5 if share < 0.1 else 4.0)) == "supported"


def test_break_even_lies_between_the_matrices_that_tell():
    layer = data()["layers"][1]  # as fast as the start network at a share of 0.05
    found = hardware.break_even(layer, 0.005)
    assert (found.faster, found.slower) == (2.0**-5, 0.06)
    assert found.sparsity == "0.94 to 0.9688"
    assert hardware.BreakEven({0.01: (2.0, 3.0), 0.1: (4.0, 5.0)}, 0.0, 0.01).sparsity == "> 0.99"
    assert hardware.BreakEven({0.01: (0.2, 0.3), 0.1: (0.4, 0.5)}, 0.1, 1.0).sparsity == "< 0.9"
    assert layer.ticket(0.06) == 0.06
    assert layer.ticket(0.05) == 2.0**-5


def test_headline_and_figure():
    text = CLAIM.headline(data())
    assert "made up" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
    figure = CLAIM.figure(data())
    assert len(figure.axes) == 2


@pytest.mark.slow
def test_tickets_are_within_their_precision():
    found = hardware.find_tickets(jax.random.key(0))
    assert len(found.w) >= 4
    angle = np.linspace(0.0, 2.0 * np.pi, 2000)
    points = jnp.asarray(np.stack([np.cos(angle), np.sin(angle)], axis=1), jnp.float32)
    errors = hardware.errors_of(hardware.forms_of(found), found, points)
    assert max(errors.values()) <= hardware.EPS + hardware.ROUNDING
    assert 0.02 < found.rows.mean() < 0.3
    assert 0.02 < found.weights.mean() < 0.3
