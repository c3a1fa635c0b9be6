"""Proofs by ball arithmetic prove what is true and nothing else."""

import pytest
from flint import arb

from ltjax.verify.rigorous import prove_positive
from proofs_check.subset_sum import counting_limit, products


def test_proves_a_tight_inequality_over_a_range():
    # x - x²/2 + x³/3 > ln(1 + x) on [0.2, 1]
    proof = prove_positive(lambda x: x - x**2 / 2 + x**3 / 3 - (1 + x).log(), 0.2, 1.0)
    assert proof.proved
    assert proof.boxes > 1
    assert proof.least is not None
    assert 0 < proof.least < 1e-3


def test_finds_the_place_where_an_inequality_fails():
    proof = prove_positive(lambda x: (x - arb("0.3")) ** 2 - arb("0.0001"), 0.0, 1.0)
    assert not proof.proved
    assert proof.counter_example is not None
    low, high = proof.counter_example
    assert low < 0.31
    assert high > 0.29


def test_a_zero_is_a_counter_example():
    proof = prove_positive(lambda x: (x - arb("0.5")) ** 2, 0.0, 1.0)
    assert not proof.proved
    assert proof.counter_example == (0.0, 1.0)
    assert prove_positive(lambda x: 0 * x, 0.0, 1.0).counter_example == (0.0, 1.0)


def test_neither_proves_nor_refutes_beyond_its_boxes():
    proof = prove_positive(lambda x: (x - 1 / arb(3)) ** 2, 0.0, 1.0, max_boxes=200)
    assert not proof.proved
    assert proof.counter_example is None
    assert proof.least is None
    assert proof.boxes == 200


def test_a_proof_counts_its_boxes():
    assert prove_positive(lambda x: 1 + x, 0.0, 1.0).boxes == 1
    # Not sure on [0, 1], sure on either half.
    assert prove_positive(lambda x: 1 + x - x, 0.0, 1.0).boxes == 3


@pytest.mark.parametrize("r", [0.05, 0.4, 1.0])
def test_series_of_the_normal_product_against_scipy(r):
    import math

    import scipy.special

    c, d = (float(x.mid()) for x in products._bessel_series(arb(r)))
    assert r * (c * math.log(1 / r) + d) == pytest.approx(scipy.special.iti0k0(r)[1], rel=1e-12)


def test_peak_density_against_quadrature():
    import numpy as np

    grid = np.linspace(-6, 6, 2401)
    density = np.where(np.abs(grid) <= 1, 0.5, 0.0)
    one = density / density.sum()
    sum_of = one
    for k in range(2, 5):
        sum_of = np.convolve(sum_of, one, mode="same")
        exact = counting_limit.peak_density(k)
        assert sum_of[1200] / (grid[1] - grid[0]) == pytest.approx(float(exact.p) / float(exact.q), rel=1e-2)
