"""A store never adds up what two codes counted: a class of one's own is told apart by its file."""

import dataclasses
import json
import sys

import jax
import pytest
from toy import NAME, toy

import ltjax
from ltjax import sweeps
from ltjax.sweeps import spec as specs
from ltjax.sweeps import work
from ltjax.sweeps.code import KEY, own_code
from tests.commands import run

PROBLEM = """
import dataclasses
import jax
from ltjax import AbstractProblem

@dataclasses.dataclass(frozen=True)
class Coin(AbstractProblem):
    name = "coin"
    def draw(self, key, n):
        return jax.random.uniform(key, (n,))
    def error(self, instance, mask, eps=None):
        return ({error},) * 2
"""
PATTERN = """
import dataclasses
import numpy as np
from ltjax.patterns import AbstractPattern

@dataclasses.dataclass(frozen=True)
class P(AbstractPattern):
    def allows(self, mask):
        return mask.sum(axis=(-2, -1)) <= {most}
"""
SOLVER = """
import dataclasses
from ltjax.solvers.all_masks import AllMasks

@dataclasses.dataclass(frozen=True)
class Mine(AllMasks):
    note = {note}
"""
DERIVED = """
import dataclasses
from coins import Coin

@dataclasses.dataclass(frozen=True)
class Derived(Coin):
    pass
"""
LAWFUL = """
import dataclasses
from typing import Any
from coins import Coin
from laws_of_mine import law

@dataclasses.dataclass(frozen=True)
class Lawful(Coin):
    law: Any = law
"""
LAW = """
from ltjax.laws import LAWS, Law
def draw(key, shape, dtype):
    return LAWS[{name}].draw(key, shape, dtype)
law = Law("mine", draw, LAWS["uniform"].concentration, 1.0)
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a module as an editor does: the next command loads it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    names = []

    def written(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        for each in names:
            sys.modules.pop(each, None)

    yield written
    for each in names:
        sys.modules.pop(each, None)


def spec(problem="coins:Coin", **options):
    return sweeps.parse_spec({"problem": problem, "n": [1, 2], "eps": 0.5, "trials": 32, **options})


def test_what_is_built_in_keeps_its_names():
    """Of version 0.1: a store of years ago goes on."""
    pinned = {
        "ccbc68902d4c4a51d80c66ce": {"problem": "subset-sum"},
        "e4db2cc9cdb86da364b4fa22": {"problem": "neuron-pruning", "d": 3, "law": "sparse:0.5"},
        "95131abf078dc0d440908f6f": {"problem": "weight-pruning", "solver": "blocks"},
        "bcd228681d74663cc2df215d": {"problem": "pruning", "d": 4, "pattern": "2:4"},
        "39759a352c65513f4db0f3a5": {"problem": "subset-sum", "solver": "ltjax.solvers.nearest_sum:NearestSum"},
    }
    for stream, options in pinned.items():
        (task,) = sweeps.parse_spec({"n": 4, "eps": 0.1, "trials": 1, **options}).tasks()
        assert task.stream == stream
        assert KEY not in task.content


def test_an_edited_problem_is_counted_anew(tmp_path, write, capsys):
    store, text = tmp_path / "b.db", 'problem = "coins:Coin"\nn = [1, 2]\neps = 0.5\ntrials = 32\n'
    (tmp_path / "spec.toml").write_text(text)
    words = ["sweep", str(tmp_path / "spec.toml"), "--store", str(store)]
    write("coins", PROBLEM.format(error="0.0"))
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "other code" not in out
    write("coins", PROBLEM.format(error="1.0"))
    told = f"2 cells of coins:Coin in {store} were counted by other code: they stay, exported, never added to"
    _, out, _ = run(capsys, *words, "--dry-run")
    assert told in out
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert told in out
    assert "32 trials of 1 tasks added" in out
    frame = sweeps.load(store)
    assert sorted(zip(frame["hits"], frame["misses"], strict=True)) == [(0, 32), (0, 32), (32, 0), (32, 0)]
    assert len(set(frame[KEY])) == 2
    assert sweeps.export(store, tmp_path / "b.parquet") == 4
    # The first code once more: its cells are those that it made.
    write("coins", PROBLEM.format(error="0.0"))
    assert json.loads(run(capsys, *words, "--json")[1])["trials_added"] == 0


def test_cells_of_a_store_that_did_not_know_the_code_are_told_too(tmp_path, write, monkeypatch):
    write("coins", PROBLEM.format(error="0.0"))
    with monkeypatch.context() as before:
        before.setattr(specs, "own_code", lambda *values: {})
        before.setattr(work, "own_code", lambda *values: {})
        sweeps.run(spec(), tmp_path / "b.db")
    summary = sweeps.run(spec(), tmp_path / "b.db")
    assert (summary.other_code, summary.trials_added) == (2, 32)
    assert sorted(sweeps.load(tmp_path / "b.db")["trials"]) == [32] * 4


def test_two_problems_of_one_name_are_two(write):
    write("coins", PROBLEM.format(error="0.0"))
    write("coins_too", PROBLEM.format(error="0.0"))
    (one,), (other,) = spec().tasks(), spec("coins_too:Coin").tasks()
    assert one.content["problem"] == other.content["problem"]
    assert one.stream != other.stream


@pytest.mark.parametrize(
    ("name", "text", "values", "asked"),
    [
        ("coins", PROBLEM, ("error", "0.0", "1.0"), {"problem": "coins:Coin"}),
        ("pp", PATTERN, ("most", "1", "2"), {"problem": "pruning", "pattern": "pp:P", "eps": 0.4}),
        ("solvers", SOLVER, ("note", "1", "2"), {"problem": "coins:Coin", "solver": "solvers:Mine"}),
        ("coins", PROBLEM, ("error", "0.0", "1.0"), {"problem": "derived:Derived"}),
        ("laws_of_mine", LAW, ("name", "'uniform'", "'normal'"), {"problem": "lawful:Lawful"}),
    ],
    ids=["problem", "pattern", "solver", "a base", "a law"],
)
def test_whatever_is_edited_is_seen(write, name, text, values, asked):
    streams = []
    write("coins", PROBLEM.format(error="0.0"))
    write("derived", DERIVED)
    write("lawful", LAWFUL)
    field, *texts = values
    for value in [*texts, texts[0]]:
        write(name, text.format(**{field: value}))
        streams.append(spec(**asked).tasks()[0].stream)
    assert streams[0] == streams[2] != streams[1]


def test_a_file_edited_after_it_was_loaded_is_not_what_runs(tmp_path, write):
    write("coins", PROBLEM.format(error="0.0"))
    (before,) = spec().tasks()
    (tmp_path / "coins.py").write_text(PROBLEM.format(error="1.0"))
    (after,) = spec().tasks()
    assert before.stream == after.stream


def test_a_worker_with_other_code_is_told(tmp_path):
    (task,) = toy().tasks()
    changed = dataclasses.replace(task, described=task.described | {KEY: f"{NAME} 0123456789ab"})
    job = work.Job(0, changed, changed.ns, changed.eps, 0, 16)
    with pytest.raises(RuntimeError, match=r"its worker has other code, .*: start the workers anew"):
        work.decide(job)


def test_code_without_a_file_is_refused(monkeypatch):
    from toy import Toy

    own = type("Own", (Toy,), {"__module__": "nowhere_at_all"})
    with pytest.raises(ValueError, match="nowhere_at_all:Own is not allowed in a sweep: its source cannot be read"):
        own_code(own())


def test_a_class_defined_anew_in_one_process_is_compiled_anew():
    """As in a notebook: same name, same fields, another draw."""
    hits = []
    for shift in (0.0, 1.0):

        @dataclasses.dataclass(frozen=True)
        class Coin(ltjax.AbstractProblem):
            name = "coin"

            def draw(self, key, n, shift=shift):
                return jax.random.uniform(key, (n,)) + shift

            def error(self, instance, mask, eps=None):
                return float(instance[0]), float(instance[0])

        hits.append(ltjax.estimate(Coin(), n=2, eps=0.9, trials=64, key=jax.random.key(0)).hits)
    assert hits[0] > hits[1] == 0
