import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from ltjax import laws
from ltjax import testing as lt
from ltjax.testing.bound import BLOCK

ALL = list(laws.LAWS)
BUDGET = 1e-6


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("float64", [False, True])
def test_first_draws_do_not_depend_on_how_many_follow(name, float64):
    with jax.enable_x64(float64):
        dtype = jnp.float64 if float64 else jnp.float32
        few, many = (laws.get_law(name).draw(jax.random.key(3), (n,), dtype) for n in (5, 40))
        assert few[0].dtype == dtype
        np.testing.assert_array_equal(few[0], many[0][:5])
        np.testing.assert_array_equal(few[1], many[1][:5])


@pytest.mark.parametrize("name", ALL)
def test_moments(name):
    """Mean and variance against the stated ones, within the tests' error budget."""
    law = laws.get_law(name)
    trials = 400_000
    values = np.asarray(law.sample(jax.random.key(5), (trials,)), np.float64)
    slack = scipy.stats.norm.isf(BUDGET / len(ALL) / 4)
    assert abs(values.mean()) < slack * np.sqrt(law.variance / trials)
    assert abs((values**2).mean() - law.variance) <= slack * (values**2).std() / np.sqrt(trials)


def within(key, law, z, r):
    return jnp.abs(laws.get_law(law).sample(key, (1,))[0] - z) <= r


@given(law=lt.laws(), z=st.floats(-2.0, 2.0), r=lt.precisions(1e-2, 0.8))
@settings(max_examples=20)
def test_no_ball_holds_more_than_the_concentration(bound, law, z, r):
    """And the ball around 0, or around an atom, holds as much."""
    law = laws.get_law(law)
    bound.at_most(within, law=law, z=z, r=r, claimed=law.concentration(r), trials=BLOCK)
    bound.equals(within, law=law, z=float(law.name == "rademacher"), r=r, claimed=law.concentration(r), trials=BLOCK)
    if law.density_bound is not None:
        assert law.concentration(r) <= 2 * r * law.density_bound + 1e-12


@pytest.mark.parametrize("float64", [False, True])
def test_resolution_bounds_the_lattice(float64):
    """Moving the uniform variable behind a normal draw by one lattice cell stays within the resolution."""
    with jax.enable_x64(float64):
        dtype = jnp.float64 if float64 else jnp.float32
        values, resolution = (
            np.asarray(x, np.float64) for x in laws.get_law("normal").draw(jax.random.key(0), (100_000,), dtype)
        )
    cell = 2 * float(jnp.finfo(dtype).eps)
    u = np.asarray(scipy.special.erf(values / np.sqrt(2)), np.float64)
    known = np.isfinite(resolution) & (np.abs(u) < 1 - 4 * cell)
    assert known.mean() > 0.999
    for side in (-1, 1):
        moved = np.sqrt(2) * scipy.special.erfinv(np.clip(u + side * cell, -1, 1))
        assert np.all(np.abs(moved - values)[known] <= resolution[known])


def test_float32_uniforms_lie_on_the_stated_lattice():
    values, resolution = laws.get_law("uniform").draw(jax.random.key(0), (1000,), jnp.float32)
    assert float(resolution[0]) == 2.0**-22
    steps = np.asarray(values, np.float64) * 2.0**22
    np.testing.assert_array_equal(steps, np.round(steps))


def test_unknown_law_says_what_is_known():
    with pytest.raises(ValueError, match=r"law='cauchy' is not known: law is one of uniform, normal"):
        laws.get_law("cauchy")
