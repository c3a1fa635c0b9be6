"""A solver of one's own, as a stranger uses it: `module:Class` in a command and in a sweep, the object in Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import ltjax
from ltjax import sweeps
from ltjax.arguments import ArgumentError
from ltjax.solvers.choose import choose
from ltjax.testing import check_solver
from tests.commands import run

STRANGERS = Path(__file__).parent / "strangers"
CELL = ["subset-sum", "--n", "12", "--eps", "0.01", "--trials", "200", "--json"]


@pytest.fixture
def here(monkeypatch):
    """In the file's folder, with what a command does to the path undone afterwards."""
    monkeypatch.chdir(STRANGERS)
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_in_a_command_and_in_python(capsys, here):
    code, out, err = run(capsys, "estimate", *CELL, "--solver", "greedy:Greedy")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["problem"]["solver"] == "greedy, greedy:Greedy"
    assert 0 < found["hits"] < 60
    assert found["misses"] == 0
    assert found["by"] == {"greedy": [found["hits"], 0]}

    from greedy import Greedy

    for solver in (Greedy(), "greedy:Greedy"):
        same = ltjax.estimate(ltjax.SubsetSum(), n=12, eps=0.01, trials=200, key=jax.random.key(0), solver=solver)
        assert same.hits == found["hits"]
    exact = ltjax.estimate(
        ltjax.SubsetSum(), n=12, eps=0.01, trials=200, key=jax.random.key(0), solver="float64"
    )  # on the same draws
    assert exact.hits > found["hits"]


def test_in_a_threshold(capsys, here):
    words = ["subset-sum", "--eps", "0.2", "--trials", "60", "--n-max", "16", "--json"]
    code, out, _ = run(capsys, "threshold", *words, "--solver", "greedy:Greedy")
    (found,) = json.loads(out)["thresholds"]
    assert code == 0
    assert found["problem"]["solver"] == "greedy, greedy:Greedy"
    assert found["lower"] == 1  # without misses nothing is known from below
    assert found["upper"] is not None


def test_in_a_sweep_in_a_process_of_its_own(tmp_path):
    """Python puts the command's folder first on its path, not the one that the user stands in."""
    spec = tmp_path / "spec.toml"
    spec.write_text(
        'problem = "subset-sum"\nn = [8, 12]\neps = [0.1, 0.01]\ntrials = 200\nsolver = "greedy:Greedy"\n', "utf-8"
    )
    store = tmp_path / "results.db"
    start = "import sys; sys.path[:] = sys.path[1:]; from ltjax import cli; cli.main()"
    words = [sys.executable, "-c", start, "sweep", str(spec), "--store", str(store)]
    root = str(STRANGERS.parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(words, cwd=STRANGERS, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    table = sweeps.load(store)
    assert set(table["solver"]) == {"greedy, greedy:Greedy"}
    assert max(table["misses"]) == 0
    assert min(table["hits"]) > 0


def test_it_keeps_the_contract_of_solvers(here, monkeypatch):
    monkeypatch.syspath_prepend(STRANGERS)
    from greedy import Greedy

    check_solver(ltjax.SubsetSum(target="uniform"), (3, 6), (0.3, 0.05), solver=Greedy())


def test_options_that_the_problem_has_are_the_problems(monkeypatch):
    monkeypatch.syspath_prepend(STRANGERS)
    relu = choose(ltjax.NeuronPruning(readout="relu"), 5, 0.1, "ltjax.solvers.integer_program:IntegerProgram")
    assert relu == choose(ltjax.NeuronPruning(readout="relu"), 5, 0.1, "milp")


BAD = {
    "nowhere:Greedy": "solver='nowhere:Greedy' cannot be loaded: No module named 'nowhere'",
    "greedy:Generous": "solver='greedy:Generous' cannot be loaded: module 'greedy' has no attribute 'Generous'",
    "blocks:BlockPruning": "solver='blocks:BlockPruning' is not allowed: blocks:BlockPruning is no solver class",
    "greedy:dataclasses": "solver='greedy:dataclasses' is not allowed: greedy:dataclasses is no solver class",
    ":Greedy": "solver=':Greedy' cannot be loaded",
    "ltjax.solvers.base:AbstractSolver": "solver='ltjax.solvers.base:AbstractSolver' cannot be made: ",
    "unfinished:Solver": "solver='unfinished:Solver' cannot be made: it lacks block, search\n",
}


@pytest.mark.parametrize("solver", BAD)
def test_a_mistake_is_one_line(capsys, here, solver):
    code, out, err = run(capsys, "estimate", *CELL, "--solver", solver)
    assert (code, out) == (2, "")
    assert err.startswith(f"ltjax: {BAD[solver]}")
    assert err.count("\n") == 1


UNFINISHED = {
    "pruning --pattern unfinished:Pattern": "pattern='unfinished:Pattern' cannot be made: it lacks allows",
    "pruning --pattern unfinished:AtMost": "pattern='unfinished:AtMost' cannot be made: AtMost.__init__() missing 1",
    "pruning --pattern unfinished:Scalar": (
        "pattern='unfinished:Scalar' is not allowed: for masks of shape (16, 2, 2) `allows` gives one bool each, "
        "of shape (16,), not bool of shape ()"
    ),
    "unfinished:Problem": "problem='unfinished:Problem' cannot be made: it lacks error",
}


@pytest.mark.parametrize("asked", UNFINISHED)
def test_what_is_unfinished_is_one_line_too(capsys, here, asked):
    code, out, err = run(capsys, "estimate", *asked.split(), "--n", "2", "--eps", "0.5", "--trials", "8")
    assert (code, out) == (2, "")
    assert err.startswith(f"ltjax: {UNFINISHED[asked]}")
    assert err.count("\n") == 1


def test_an_option_without_a_default_is_asked_for_in_a_sweep(here, monkeypatch):
    monkeypatch.syspath_prepend(STRANGERS)
    with pytest.raises(ArgumentError, match="key 'size' is missing: unfinished:Sized has no usual size"):
        sweeps.parse_spec({"problem": "unfinished:Sized", "n": 2, "eps": 0.5, "trials": 10})


def test_a_question_that_it_does_not_answer(capsys, here):
    code, _, err = run(
        capsys, "threshold", "subset-sum", "--target", "cover", "--eps", "0.1", "--solver", "greedy:Greedy"
    )
    assert code == 2
    assert "solver=greedy is not allowed: it answers another question than SubsetSum(" in err
    spec = {"problem": "subset-sum", "n": 4, "eps": 0.1, "trials": 10, "d": [1, 2], "solver": "greedy:Greedy"}
    with pytest.raises(ArgumentError, match="answers another question"):
        sweeps.parse_spec(spec).tasks()
