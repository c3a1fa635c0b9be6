"""Networks as pytrees: shapes, masks, prefixes, and one clear line for bad input."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax import networks


def test_apply_is_the_formula():
    net = networks.sample_network(jax.random.key(0), 5, 3, bias=True)
    x = jax.random.normal(jax.random.key(1), (4, 7, 3))
    wanted = np.maximum(np.asarray(x) @ np.asarray(net.u).T + np.asarray(net.b), 0) @ np.asarray(net.v)
    np.testing.assert_allclose(net(x), wanted, rtol=1e-5, atol=1e-5)
    clipped = dataclasses.replace(net, readout="relu")
    np.testing.assert_allclose(clipped(x), np.maximum(wanted, 0), rtol=1e-5, atol=1e-5)
    assert net(x[0, 0]).shape == ()


def test_masks():
    net = networks.sample_network(jax.random.key(2), 6, 2)
    x = jax.random.normal(jax.random.key(3), (9, 2))
    mask = jnp.array([True, False, True, True, False, False])
    small = networks.extract_neurons(net, mask)
    assert small.n == 3
    np.testing.assert_allclose(networks.prune_neurons(net, mask)(x), small(x), rtol=1e-6, atol=1e-6)
    # cutting v_i is cutting row i
    rows = jnp.broadcast_to(mask[:, None], (6, 2))
    full = jnp.ones(6, bool)
    a = networks.prune_weights(net, rows, full)(x)
    b = networks.prune_weights(net, jnp.ones((6, 2), bool), mask)(x)
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.wrong_types
def test_networks_are_pytrees():
    net = networks.sample_network(jax.random.key(0), 4, 2, readout="relu")
    assert len(jax.tree.leaves(net)) == 2
    batch = jax.vmap(lambda key: networks.sample_network(key, 4, 2))(jax.random.split(jax.random.key(0), 3))
    assert batch.u.shape == (3, 4, 2)
    x = jnp.ones(2)
    assert jax.vmap(networks.apply, in_axes=(0, None))(batch, x).shape == (3,)
    assert jax.tree.map(lambda leaf: None, net).readout == "relu"


def test_a_network_begins_with_the_smaller_one():
    small = networks.sample_network(jax.random.key(5), 3, 4, law="uniform")
    large = networks.sample_network(jax.random.key(5), 9, 4, law="uniform")
    assert np.array_equal(large.u[:3], small.u)
    assert np.array_equal(large.v[:3], small.v)


def test_targets():
    assert np.array_equal(networks.make_target("axis", 3).w, [1, 0, 0])
    np.testing.assert_allclose(networks.make_target("generic", 2).w, [math.cos(0.7), math.sin(0.7)], rtol=1e-6)
    np.testing.assert_allclose(networks.make_target(1.2, 2).w, [math.cos(1.2), math.sin(1.2)], rtol=1e-6)
    w = networks.make_target("generic", 5, jax.random.key(0)).w
    assert float(jnp.linalg.norm(w)) == pytest.approx(1.0, abs=1e-6)
    assert float(networks.make_target([0.6, 0.8], 2)(jnp.array([1.0, 1.0]))) == pytest.approx(1.4)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.sample_network(jax.random.key(0), 3, 0), r"d=0 is not allowed"),
        (lambda: networks.sample_network(jax.random.key(0), 0, 2), r"n=0 is not allowed"),
        (
            lambda: networks.sample_network(jax.random.key(0), 3, 2, readout="cubic"),
            r"readout='cubic' is not known",
        ),
        (lambda: networks.sample_network(jax.random.key(0), 3, 2, law="levy"), r"law='levy' is not known"),
        (lambda: networks.make_target([1.0, 1.0], 2), r"Euclidean length 1"),
        (lambda: networks.make_target([1.0, math.nan], 2), r"Euclidean length 1"),
        (lambda: networks.make_target([0.0, 1.0, 0.0], 2), r"target has 3 entries"),
        (lambda: networks.make_target("north", 2), r"target='north' is not known"),
        (lambda: networks.make_target(0.3, 3), r"in the plane only, here d=3"),
        (lambda: networks.make_target("generic", 3), r"it needs a key"),
        (
            lambda: networks.TwoLayerNetwork(jnp.ones((3, 2)), jnp.ones(2)),
            r"v has shape \(2,\): allowed is \(3,\)",
        ),
        (
            lambda: networks.check_network(networks.TwoLayerNetwork(jnp.ones((3, 2)), jnp.array([1.0, jnp.nan, 0.0]))),
            r"v\[1\]=nan is not allowed",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
