"""The published experiment, small: a network trained on digits, and its tickets."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from ltjax.patterns import get_pattern
from ltjax.tickets import build

PATH = Path(__file__).parent.parent / "benchmarks" / "tickets.py"
spec = importlib.util.spec_from_file_location("tickets_benchmark", PATH)
assert spec is not None
assert spec.loader is not None
benchmark = importlib.util.module_from_spec(spec)
spec.loader.exec_module(benchmark)


@pytest.fixture(scope="module")
def trained():
    images, classes = benchmark.digits(8)
    held = benchmark.HELD_OUT
    target = benchmark.trained(images[:-held], classes[:-held], 16, bias=True, steps=400)
    return target, images[-held:], classes[-held:]


@pytest.mark.parametrize(
    ("pattern", "kind", "redundancy"),
    [
        ("weights", "parallel", 15),
        pytest.param("weights", "products", 32, marks=pytest.mark.slow),
        pytest.param("2:4", "products", 44, marks=pytest.mark.slow),
    ],
)
def test_a_ticket_of_a_digits_network_classifies_as_well(trained, pattern, kind, redundancy):
    target, images, classes = trained
    how = {"kind": kind, "redundancy": redundancy, "pattern": pattern}
    ticket = build(target, 0.02, low=0.0, high=1.0, **how)
    said = benchmark.reported(target, ticket, images, classes, 0.0)
    assert all(get_pattern(pattern).allows(mask) for mask in ticket.masks)
    assert said["weights reached"] >= 0.97
    assert said["accuracy of the target"] >= 0.93
    assert abs(said["accuracy of the ticket"] - said["accuracy of the target"]) <= 0.005
    assert said["start weights"] == ticket.start.size
    assert said["surviving weights"] == ticket.kept < 0.6 * ticket.start.size
    assert 0.0 < said["largest difference, adversary"] <= said["largest difference, certified"]
    assert np.isfinite(said["largest difference, certified"])
