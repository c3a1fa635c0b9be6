"""In the tests every call is checked against its annotations, shapes included; see `conftest.py`."""

from typing import Any

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

import ltjax
from ltjax import networks
from ltjax.arguments import ArgumentError
from proofs_check.subset_sum import counting_limit


def test_a_wrong_shape_raises():
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'values'"):
        ltjax.nearest_subset_sums(np.zeros(3, np.float32), 0.5)


def test_a_wrong_dtype_raises():
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'values'"):
        ltjax.nearest_subset_sums(np.zeros((1, 3), np.int32), 0.5)


def test_shapes_that_do_not_fit_each_other_raise_also_under_jit():
    network = networks.sample_network(jax.random.key(0), 4, 3)
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'v'"):
        networks.TwoLayerNetwork(network.u, jnp.ones(5))
    with pytest.raises(jaxtyping.TypeCheckError, match="parameter 'v'"):
        jax.jit(networks.TwoLayerNetwork)(network.u, jnp.ones(5))


def test_the_theorems_are_checked_too():
    half: Any = 2.5
    with pytest.raises(jaxtyping.TypeCheckError):
        counting_limit.peak_density(half)


@pytest.mark.wrong_types
def test_marked_tests_meet_what_a_user_meets():
    with pytest.raises(ArgumentError, match="values of shape"):
        ltjax.nearest_subset_sums(np.zeros(3, np.float32), 0.5)
