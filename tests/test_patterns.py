"""Patterns against all masks of small networks: what is counted, contained, restricted; names."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from ltjax import patterns
from ltjax.arguments import ArgumentError
from ltjax.patterns import get_pattern
from ltjax.testing import check_pattern

sys.path.insert(0, str(Path(__file__).parent / "strangers"))

NAMES = [
    *("rows", "weights", "block:1x1", "block:1x2", "block:1x3", "block:2x1", "block:2x2", "block:3x1"),
    *("1:2", "2:2", "1:4", "2:4", "3:4", "exactly:1", "exactly:2", "exactly:3"),
    *(
        "budget:1",
        "budget:2",
        "budget:9",
        "rows+columns",
        "rows+cuts:0",
        "rows+cuts:2",
        "rows+cuts:5",
        "diagonals:Parity",
    ),
]
SIZES = [(1, 3), (2, 3), (3, 3), (4, 3), (3, 4), (2, 5)]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_and_said(name):
    pattern = get_pattern(name)
    assert pattern.name == str(pattern) == name
    assert get_pattern(pattern) is pattern
    assert hash(pattern) == hash(get_pattern(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_keeps_its_contract(name):
    for n, d in ((4, 3), (3, 4)):
        check_pattern(get_pattern(name), n=n, d=d)


@pytest.mark.parametrize("name", NAMES)
def test_so_many_masks_are_allowed(name):
    pattern = get_pattern(name)
    for n, d in SIZES:
        masks = pattern.masks(n, d)
        assert not masks[0].any()
        assert abs(pattern.bits(n, d) - np.log2(len(masks))) < 1e-9


@pytest.mark.parametrize("name", NAMES)
def test_masks_of_fewer_neurons_are_masks_of_more(name):
    pattern = get_pattern(name)
    for n, d in SIZES:
        if (n + 1) * d <= patterns.FEW:
            assert np.all(pattern.allows(np.pad(pattern.masks(n, d), ((0, 0), (0, 1), (0, 0)))))


@pytest.mark.parametrize("name", NAMES)
def test_where_a_pattern_is_whole_rows(name):
    """All masks of whole rows on these inputs are there; exact: no others are seen on them."""
    pattern, n = get_pattern(name), 3
    for d in (3, 4):
        masks = pattern.masks(n, d)
        for support in [s for k in (1, 2) for s in itertools.combinations(range(d), k)]:
            found = pattern.rows_on(support, d)
            if found is None:
                continue
            inputs, rows = found.inputs, get_pattern("rows")
            assert set(support) <= set(inputs)
            assert bool(np.all(rows.allows(masks[:, :, inputs]))) == found.exact
            rest = np.delete(masks, inputs, axis=2)
            alone = masks[~rest.any(axis=(1, 2))][:, :, inputs]
            assert len(np.unique(alone[rows.allows(alone)], axis=0)) == 2**n


def test_whole_rows_are_seen_where_they_are():
    def on(name, *support):
        return get_pattern(name).rows_on(support, 4)

    assert on("block:1x2", 2) == ((2, 3), True)
    assert on("block:1x3", 3) == ((3,), True)
    assert on("block:1x2", 1, 2) == ((0, 1, 2, 3), False)
    assert on("2:4", 0) == on("rows+columns", 0) == ((0,), True)
    assert on("2:4", 0, 3) == ((0, 3), False)
    assert on("rows", 0) == ((0, 1, 2, 3), True)
    assert on("exactly:2", 0) == ((0, 1), False)
    assert on("exactly:2", 0, 1, 2) is None
    assert on("rows+cuts:0", 0) == ((0, 1, 2, 3), True)
    assert on("rows+cuts:1", 0) == ((0, 1, 2, 3), False)
    for name in ("budget:2", "block:2x1", "diagonals:Parity"):
        assert on(name, 0) is None


@pytest.mark.parametrize("name", NAMES)
def test_one_weight_each_is_allowed_where_that_is_said(name):
    pattern = get_pattern(name)
    for n, d in SIZES:
        masks = get_pattern("exactly:1").masks(n, d)
        assert not pattern.one_each or np.all(pattern.allows(masks))
    alone = get_pattern("exactly:1").masks(3, 4)
    assert pattern.one_each == bool(np.all(pattern.allows(alone))) or name == "budget:9"


@pytest.mark.parametrize(
    ("less", "more"),
    [
        *[("rows", x) for x in ("block:1x2", "block:1x3", "weights", "rows+columns", "exactly:4")],
        *[("block:2x2", "block:1x2"), ("block:2x2", "block:2x1"), ("block:2x1", "block:1x1"), ("block:1x2", "weights")],
        *[("1:4", "2:4"), ("2:4", "3:4"), ("3:4", "4:4"), ("1:2", "2:4"), ("exactly:1", "1:4"), ("exactly:2", "2:4")],
        *[("rows", "rows+cuts:0"), ("rows+cuts:0", "rows"), ("rows+cuts:1", "rows+cuts:2"), ("rows+cuts:9", "weights")],
        *[("budget:1", "budget:2"), ("budget:2", "weights"), ("4:4", "weights"), ("rows+columns", "weights")],
    ],
)
def test_which_patterns_allow_more(less, more):
    for n, d in ((1, 4), (3, 4), (4, 4)):
        masks = get_pattern(less).masks(n, d)
        assert np.all(get_pattern(more).allows(masks))
        assert get_pattern(less).bits(n, d) <= get_pattern(more).bits(n, d) + 1e-12


def test_blocks_wait_for_neurons_that_do_not_exist_yet():
    mask = np.array([[True], [True], [True]])
    assert not get_pattern("block:2x1").allows(mask)
    assert get_pattern("block:2x1").allows(mask & np.array([[True], [True], [False]]))
    assert get_pattern("block:3x1").allows(mask)


def test_counts_of_large_networks_are_no_overflow():
    assert get_pattern("rows+columns").bits(10_000, 4) == pytest.approx(10_000 + np.log2(15))
    assert get_pattern("2:4").bits(1000, 8) == pytest.approx(2000 * np.log2(11))
    assert get_pattern("rows+cuts:0").bits(10_000, 4) == 10_000
    assert get_pattern("rows+cuts:1").bits(10_000, 4) == pytest.approx(9_999 + np.log2(40_002))
    assert get_pattern("budget:3").bits(10_000, 2) == pytest.approx(2 * np.log2(10_000**3 / 6), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("columns", "pattern='columns' is not known: pattern is one of rows, weights, block:RxC, N:M"),
        ("block:0x2", "pattern='block:0x2' is not allowed: neurons=0 is not allowed"),
        ("5:4", "pattern='5:4' is not allowed: kept=5 is not allowed: kept is a whole number from 1 to 4"),
        ("exactly:0", "pattern='exactly:0' is not allowed"),
        ("budget:0", "pattern='budget:0' is not allowed"),
        ("no_such_module:Pattern", "pattern='no_such_module:Pattern' cannot be loaded"),
        ("diagonals:np", "pattern='diagonals:np' is not allowed: diagonals:np is no pattern class"),
        (4, "pattern=4 is not known"),
    ],
)
def test_wrong_names_are_told(name, why):
    with pytest.raises(ArgumentError) as error:
        get_pattern(name)
    assert str(error.value).startswith(why)
    assert "\n" not in str(error.value)


def test_many_weights_are_not_listed():
    with pytest.raises(ArgumentError, match="n·d=20 is not allowed"):
        get_pattern("rows").masks(5, 4)
