"""Counts made before a method changed hands stay what they were: same draws, same decisions."""

import json
from pathlib import Path

import jax
import pytest

import ltjax
from ltjax.inference import intervals
from ltjax.solvers.choose import choose
from ltjax.trials.counts import count

ROWS = json.loads((Path(__file__).parent / "data" / "counts.json").read_text(encoding="utf-8"))
FINER = [
    {"law": "normal", "n": 5, "eps": 0.1},
    {"size": 4, "n": 12, "eps": 0.01},
]
"""Here margins have become smaller: some trial that was undecided is a hit."""


def finer(row):
    """Whether more trials may be decided than then: rows in the plane have exact methods since, linear ones in more
    dimensions a certificate by their nearest normals."""
    options = row["options"]
    linear = options.get("readout", "linear") == "linear" and not options.get("bias")
    rows = row["problem"] == "NeuronPruning" and (options.get("d", 2) == 2 or linear)
    return rows or row["options"] | {"n": row["n"], "eps": row["eps"]} in FINER


def problem_of(row):
    return getattr(ltjax, row["problem"])(**row["options"])


def named(row):
    options = ", ".join(f"{key} {value}" for key, value in row["options"].items())
    return f"{row['problem']}, {options}, n {row['n']}, eps {row['eps']}, {row.get('construction', 'auto')}"


def drawn_anew(row):
    """Whether the default draws other numbers now: float64, where float32 served down to 2^-10."""
    dtype = choose(problem_of(row), row["n"], row["eps"]).solver.dtype
    return row["problem"] == "SubsetSum" and row["eps"] >= 2.0**-10 and dtype == "float64"


def dear(row):
    """Searches of many neurons take long to compile."""
    d = row["options"].get("d", 2)
    return row["problem"] != "SubsetSum" and (d > 2 or (d == 2 and row["n"] > 10) or row["n"] > 20)


def counted(row, solver):
    ask = problem_of(row), (row["n"],), (row["eps"],), row["trials"], jax.random.key(row["seed"])
    # One block at a time: there are few trials.
    how = {"chunk": 1, "devices": jax.local_devices()[:1]}
    return count(*ask, solver=solver, **how).at(row["n"], row["eps"])


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=named(row), marks=[pytest.mark.slow] if dear(row) else []) for row in ROWS]
)
def test_counts_are_what_they_were(row):
    """Where the default draws in float64 by now, float32 is asked for."""
    solver = "float32" if drawn_anew(row) else row.get("construction")
    hits, misses, undecided = counted(row, solver)
    assert hits + misses + undecided == row["trials"]
    open_then = row["trials"] - row["hits"] - row["misses"]
    if drawn_anew(row):
        # Sums are of a quantum now that suits any draw, so a miss may need a wider margin. Nothing turns over.
        assert row["hits"] <= hits <= row["hits"] + open_then
        assert row["misses"] - 2 <= misses <= row["misses"] + open_then
    elif finer(row):
        assert hits >= row["hits"]
        assert misses >= row["misses"]
    else:
        assert (hits, misses) == (row["hits"], row["misses"])


@pytest.mark.parametrize("row", [pytest.param(row, id=named(row)) for row in ROWS if drawn_anew(row)])
def test_finer_draws_have_the_same_law(row):
    hits, misses, undecided = counted(row, None)
    limits = [
        intervals.clopper_pearson(hit, row["trials"], 1 - 1e-9, row["trials"] - hit - miss)
        for hit, miss in ((hits, misses), (row["hits"], row["misses"]))
    ]
    assert max(lower for lower, _ in limits) <= min(upper for _, upper in limits)
    assert undecided <= row["trials"] - row["hits"] - row["misses"]


def test_some_rows_are_drawn_anew():
    assert 3 <= sum(map(drawn_anew, ROWS)) <= 10
