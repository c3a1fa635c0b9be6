"""HW-2: what is timed is what it says, and the judge tells true timings from false ones. Nothing here is timed."""

import jax.numpy as jnp
import numpy as np
import pytest
from made_up import hw_2 as data

from ltjax.patterns import get_pattern
from ltjax.verify import check
from proofs_check.patterns import hardware

CLAIM, LEVEL = hardware.Patterns(), 1e-7
NAMES = (*hardware.ACROSS, *hardware.ALONG)


@pytest.mark.parametrize("name", ["rows", *NAMES])
def test_masks_are_their_patterns_and_keep_half(name):
    mask = hardware.half(name, 64, np.random.default_rng(0))
    assert get_pattern(name).allows(mask)
    assert mask.mean() == 0.5
    per_row = mask.sum(axis=1)
    assert set(per_row) == ({0, 64} if name == "rows" else {32})


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", NAMES)
def test_every_form_computes_what_its_mask_does(name, batch):
    rng = np.random.default_rng(1)
    u, x = rng.standard_normal((64, 64)).astype(np.float32), rng.standard_normal((64, batch)).astype(np.float32)
    mask = hardware.half(name, 64, rng)
    group = hardware.ACROSS.get(name, 1)
    small, inputs = hardware.regrouped(u, mask, group)
    assert small.shape == (64 // group, group, 32)
    found = hardware.gathered(small, inputs, jnp.asarray(x))
    np.testing.assert_allclose(found, np.maximum(np.where(mask, u, 0) @ x, 0), atol=1e-5)


def verdict(made):
    return check.judged(CLAIM.tests(made), LEVEL).verdict


@pytest.mark.parametrize(
    "false",
    [{"rows": 1.2}, {"along": 0.7}, {"along": 0.9, "tall": 1.0}, {"deviation": 0.1}, {"kept": 0.25}],
)
def test_false_timings_are_refuted(false):
    assert verdict(data(**false)) == "refuted"


def test_what_the_rounds_cannot_tell_is_left_open():
    assert verdict(data()) == "supported"
    assert verdict(data(rounds=20)) == "inconclusive"


def test_the_map_has_every_pattern_and_says_which_ends_are_certified():
    needs = hardware.needs(data())
    assert set(needs) == {"rows", *NAMES}
    assert [name for name, (_, least) in needs.items() if least] == ["rows", "block:1x2"]
    assert needs["2:4"][0] < needs[f"block:{hardware.TALL}x1"][0] < needs["rows"][0]
    text = CLAIM.headline(data())
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in rows}) == 1
