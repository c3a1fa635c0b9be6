import math
import pickle

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
from ltjax.arguments import ArgumentError
from ltjax.bounds import nearest_normal, neuron_pruning
from ltjax.testing.bound import BLOCK

ALL = [*laws.LAWS, "sparse:0.3", "levels:9"]
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


@given(law=st.sampled_from(ALL), z=st.floats(-2.0, 2.0), r=lt.precisions(1e-2, 0.8))
@settings(max_examples=20)
def test_no_ball_holds_more_than_the_concentration(bound, law, z, r):
    """And the ball around 0, or around an atom, holds as much."""
    law = laws.get_law(law)
    bound.at_most(within, law=law, z=z, r=r, claimed=law.concentration(r), trials=BLOCK)
    fullest = {"rademacher": 1.0, "levels:9": math.floor(8.0 * r) % 2 / 8.0}.get(law.name, 0.0)
    bound.equals(within, law=law, z=fullest, r=r, claimed=law.concentration(r), trials=BLOCK)
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


def test_laws_with_atoms_are_exactly_what_they_say():
    """Zeros of a sparse law are zeros, levels are levels; each with its probability."""
    sparse, levels = (np.asarray(laws.get_law(name).sample(jax.random.key(2), (40_000,))) for name in ALL[-2:])
    assert abs((sparse == 0.0).mean() - 0.7) < 0.02
    assert set(np.unique(levels)) == set(np.arange(-4, 5) / 4)
    assert np.abs(np.unique(levels, return_counts=True)[1] / 40_000 - 1 / 9).max() < 0.01
    assert laws.get_law("sparse:0.3").atom == 0.7
    assert laws.get_law("levels:9").atom == pytest.approx(1 / 9)
    assert laws.get_law("normal-relu-product").atom == 0.5
    assert [laws.get_law(name).atom for name in ("normal", "uniform", "uniform-product")] == [0.0] * 3


def test_where_the_lattice_decides_an_atom_nothing_is_known():
    values, resolution = laws.get_law("levels:3").draw(jax.random.key(0), (1 << 20,), jnp.float32)
    share = float(np.isinf(resolution).mean())
    assert 0 < share < 1e-4
    assert not np.any(np.isnan(values))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sparse:0", "law='sparse:0' is not allowed: p=0.0 is not allowed: p is a finite number above 0 and at most 1"),
        ("sparse:1.5", "law='sparse:1.5' is not allowed: p=1.5 is not allowed"),
        ("sparse:..", "law='sparse:..' is not allowed: p=nan is not allowed"),
        ("levels:8", "law='levels:8' is not allowed: L=8 is not allowed: L is odd, so that 0 is a level"),
        ("levels:2.5", "law='levels:2.5' is not allowed: L=2.5 is not allowed"),
        ("levels", "law='levels' is not known: law is one of uniform, normal"),
    ],
)
def test_wrong_numbers_of_a_law_are_told(name, why):
    with pytest.raises(ArgumentError) as error:
        laws.get_law(name)
    assert str(error.value).startswith(why)


def test_a_law_with_a_number_travels():
    law = laws.get_law("sparse:0.25")
    assert pickle.loads(pickle.dumps(law)) is law is laws.get_law("sparse:0.25")
    assert repr(law) == "Law('sparse:0.25')"


@pytest.mark.parametrize(
    "bound",
    [
        lambda law: neuron_pruning.kink_event(3, 0.1, law),
        lambda law: neuron_pruning.kink_threshold(0.5, 0.1, law),
        lambda law: nearest_normal.event(3, 0.01, 3, law),
        lambda law: nearest_normal.threshold(0.5, 0.01, 3, law),
    ],
)
def test_bounds_that_need_a_law_without_atoms_refuse_others(bound):
    assert bound("normal") == bound(laws.get_law("normal"))
    for name in ("sparse:0.5", "levels:9"):
        with pytest.raises(ValueError, match=f"law='{name}' is not allowed: this bound needs a law without atoms"):
            bound(name)
    with pytest.raises(ValueError, match="law='uniform' is not known: law is one of normal"):
        bound("uniform")
