"""Numbers are what they say, and a collection is a collection."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import ltjax
from ltjax import sweeps
from tests.commands import process, run

WORDS = ["estimate", "subset-sum", "--eps", "0.1"]


@pytest.mark.parametrize("number", ["6.9", "1e-1", "nan", "inf", "1e999999999", "six", "0x6", ""])
def test_what_is_no_whole_number_is_refused_not_rounded(capsys, number):
    code, out, err = run(capsys, *WORDS, "--n", number)
    assert (code, out) == (2, "")
    assert f"n='{number}' is not allowed: n is a whole number" in err


def test_whole_numbers_as_people_write_them():
    code, out, _ = process(*WORDS, "--n", "6.0", "--trials", "1e2", "--d", "1.0", "--seed", "1E1")
    assert code == 0
    assert "100 trials" in out
    assert "n = 6," in out


def cells(**options):
    """The names of the cells of a small spec."""
    spec = sweeps.parse_spec({"problem": "subset-sum", "n": 4, "eps": 0.1, "trials": 10, **options})
    return {task.cell(n, eps) for task in spec.tasks() for n in task.ns for eps in task.eps}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"d": 2}, {"d": 2.0}),
        ({"target": 0.0}, {"target": -0.0}),
        ({"target": 1}, {"target": 1.0}),
        ({"size": 2}, {"size": 2.0}),
        ({"n": 4}, {"n": 4.0}),
        ({"seed": 3}, {"seed": 3.0}),
    ],
)
def test_one_number_is_one_cell(one, other):
    assert cells(**one) == cells(**other)


@pytest.mark.parametrize(
    ("problem", "options"),
    [("subset-sum", {"d": 2.5}), ("subset-sum", {"target": float("nan")}), ("neuron-pruning", {"d": 1, "bias": 1})],
)
def test_a_spec_is_refused_where_a_value_is_of_another_kind(problem, options):
    with pytest.raises(ValueError, match=f"{list(options)[-1]}=.* is not allowed"):
        sweeps.parse_spec({"problem": problem, "n": 4, "eps": 0.1, "trials": 10, **options}).tasks()


@pytest.mark.wrong_types
def test_numbers_of_numpy_make_results_that_are_json():
    key = jax.random.key(0)
    one, four, forty, half, eps = np.int64(1), np.int16(4), np.int64(40), np.float32(0.5), np.float64(0.25)
    problem = ltjax.SubsetSum(d=one, target=half)  # type: ignore[arg-type]
    found = ltjax.estimate(problem, n=four, eps=eps, trials=forty, key=key)  # type: ignore[arg-type]
    bracket = ltjax.threshold(problem, eps=eps, trials=forty, n_max=four, key=key)
    for each in (found, bracket):
        assert json.loads(json.dumps(dataclasses.asdict(each)))["trials"] == 40


@pytest.mark.parametrize(
    "eps",
    [
        np.array([0.5, 0.25]),
        jnp.array([0.5, 0.25]),
        pd.Series([0.5, 0.25]),
        pd.Index([0.5, 0.25]),
        {0.5: "a", 0.25: "b"}.keys(),
        (1 / k for k in (2, 4)),
        (0.5, 0.25),
    ],
    ids=lambda eps: type(eps).__name__,
)
@pytest.mark.wrong_types
def test_a_collection_is_a_collection(eps):
    found = ltjax.threshold(ltjax.SubsetSum(), eps=eps, trials=40, n_max=4, key=jax.random.key(0))
    assert [one.eps for one in found] == [0.5, 0.25]
