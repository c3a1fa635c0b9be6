"""Figures that others published or that the theory states, reproduced."""

import jax
import pytest

import ltjax


def test_burkholz_2022_table():
    """Stored output of the published experiment: 404 misses in 100,000 trials, subsets of at most 14 of 15."""
    found = ltjax.estimate(
        ltjax.SubsetSum(law="uniform", target="uniform", max_size=14),
        n=15,
        eps=0.01,
        trials=100_000,
        key=jax.random.key(0),
        confidence=0.99,
    )
    assert found.undecided <= 5
    assert 1 - found.upper <= 0.00404 <= 1 - found.lower


@pytest.mark.slow
def test_coverage_thresholds():
    """Measured before for this project: 5.2, 7.8, … at ε = 2^-2, 2^-4, …, interpolated, within 0.4."""
    eps = [2.0**-bits for bits in (2, 4, 6, 8, 10, 12)]
    found = ltjax.threshold(ltjax.SubsetSum(target="cover"), eps=eps, key=jax.random.key(0), trials=400, n_max=19)
    for one, expected in zip(found, (5.2, 7.8, 10.2, 12.6, 15.1, 17.2), strict=True):
        assert one.interpolated == pytest.approx(expected, abs=0.4)
        assert one.interpolated is not None
        assert one.lower <= one.interpolated + 1
        assert one.upper is not None
        assert one.upper >= one.interpolated
