"""Specs: what is asked for is what is planned, and what cannot be is said in one line before anything is done."""

import jax
import numpy as np
import pytest

from ltjax import sweeps
from ltjax.inference import intervals
from ltjax.sweeps import spec as specs
from ltjax.sweeps.work import row_end, rows

GOOD = {"problem": "subset-sum", "n": [4, 6], "eps": [0.1, 0.01], "trials": 100}


def write(folder, text):
    path = folder / "spec.toml"
    path.write_text(text)
    return path


def test_axes():
    assert specs.axis("n", {"range": [4, 10, 3]}) == (4, 7, 10)
    assert specs.axis("n", {"logspace": [1, 8, 4]}) == (1, 2, 4, 8)
    assert specs.axis("n", {"logspace": [1, 4, 9]}) == (1, 2, 3, 4)
    assert specs.axis("eps", {"logspace": [0.1, 0.001, 3]}) == (0.1, 0.01, 0.001)
    assert specs.axis("eps", {"range": [0.1, 0.5, 0.2]}) == (0.1, 0.3, 0.5)
    assert specs.axis("target", [1, "uniform"]) == (1.0, "uniform")


def test_a_file_becomes_cells_and_tasks(tmp_path):
    path = write(
        tmp_path,
        """
        problem = "subset-sum"
        law = ["uniform", "normal"]
        target = 0.5
        n = { range = [4, 8, 2] }
        eps = { logspace = [1e-1, 1e-5, 5] }
        trials = 1000
        seed = 3
        """,
    )
    tasks = sweeps.read_spec(path).tasks()
    assert sum(len(task) for task in tasks) == 2 * 3 * 5
    # All n and ε of one stream together; float32 and float64 draw different trials.
    assert [task.eps for task in tasks] == [(0.1, 0.01, 0.001), (1e-4, 1e-5), (0.1,), (0.01, 1e-3, 1e-4, 1e-5)]
    assert [task.described["dtype"] for task in tasks] == ["float32", "float64"] * 2
    assert all(task.ns == (4, 6, 8) and task.seed == 3 for task in tasks)


def test_a_cell_is_the_same_in_every_company():
    (alone,) = sweeps.parse_spec({**GOOD, "n": 6, "eps": 0.01, "law": "normal"}).tasks()
    crowd = sweeps.parse_spec({**GOOD, "eps": [1e-6, 0.1, 0.01], "law": ["uniform", "normal"], "trials": 7}).tasks()
    (same,) = [task for task in crowd if task.stream == alone.stream]
    assert same.cell(6, 0.01) == alone.cell(6, 0.01)
    names = [task.cell(n, eps) for task in crowd for n in task.ns for eps in task.eps]
    assert len(set(names)) == len(names)
    (seeded,) = sweeps.parse_spec({**GOOD, "n": 6, "eps": 0.01, "law": "normal", "seed": 1}).tasks()
    assert seeded.cell(6, 0.01) != alone.cell(6, 0.01)


def test_cells_that_are_drawn_and_decided_alike_are_one_task():
    """Near the kink each precision draws its own neurons; whole networks of a size have a method for each size."""
    spec = sweeps.parse_spec({"problem": "neuron-pruning", "n": [50, 100], "eps": [0.1, 0.05, 1e-3, 1e-4], "trials": 1})
    tasks = {(task.ns, task.eps) for task in spec.tasks()}
    assert tasks == {((50,), (0.1, 0.05)), ((100,), (0.1, 0.05)), ((50, 100), (1e-3,)), ((50, 100), (1e-4,))}


def test_a_solver_may_be_named_and_then_decides_every_cell():
    chosen, asked = (
        sweeps.parse_spec({**GOOD, "eps": [0.1, 1e-5], **solver}).tasks() for solver in ({}, {"solver": "float64"})
    )
    assert [task.described["dtype"] for task in chosen] == ["float32", "float64"]
    (task,) = asked
    assert task.described["dtype"] == "float64"
    # How a cell is decided is what its name says of it, not how that was asked for.
    assert task.cell(4, 1e-5) == chosen[1].cell(4, 1e-5)
    assert task.cell(4, 0.1) != chosen[0].cell(4, 0.1)


def test_rows_are_cut_at_the_same_places_whatever_is_asked():
    cuts = {stop for _, stop in rows(0, 10**6)}
    for start, stop in [(0, 1000), (1000, 5000), (4321, 54321), (17, 18)]:
        pieces = rows(start, stop)
        assert [a for a, _ in pieces] == [start, *(b for _, b in pieces[:-1])]
        assert pieces[-1][1] == stop
        assert {b for _, b in pieces[:-1]} <= cuts
    assert all(row_end(trial) > trial for trial in range(3000))
    assert len(rows(0, 10**6)) < 200
    assert len(rows(0, 2**32 - 1)) < 70_000


def test_until():
    assert specs.parse_until("verdict") == specs.Until("verdict")
    until = specs.parse_until("width=0.1")
    most = until.most(0.99)
    lower, upper = intervals.anytime(most // 2, most, 0.99)
    assert upper - lower <= 0.1
    lower, upper = intervals.anytime((most - 2) // 2, most - 2, 0.99)
    assert upper - lower > 0.1
    assert sweeps.parse_spec({**GOOD, "until": "width=0.1"}).trials == 100
    without = {key: value for key, value in GOOD.items() if key != "trials"}
    assert sweeps.parse_spec({**without, "until": "width=0.1"}).trials == most


BAD = {
    "unknown key": ({"epsilon": 0.1}, "key 'epsilon' is not known: keys are problem, n, eps"),
    "misspelt key": ({"trails": 10}, "did you mean trials?"),
    "option of another problem": ({"readout": "relu"}, "key 'readout' is not known"),
    "method as an option": ({"dtype": "float64"}, "key 'dtype' is not known"),
    "solver of another problem": (
        {"solver": "milp"},
        "solver='milp' is not known for subset-sum: solver is one of auto",
    ),
    "solver no word": ({"solver": ["float32"]}, "solver=['float32'] is not"),
    "eps negative": ({"eps": [0.1, -0.1]}, "eps=-0.1 is not allowed: eps is a finite number above 0"),
    "eps zero": ({"eps": 0}, "eps=0 is not allowed"),
    "eps nan": ({"eps": float("nan")}, "eps=nan is not allowed"),
    "eps word": ({"eps": "small"}, "eps='small' is not allowed"),
    "eps missing": ({"eps": None}, "key 'eps' is missing"),
    "n missing": ({"n": None}, "key 'n' is missing"),
    "n empty": ({"n": []}, "n=[] is not allowed: an axis has one value or more"),
    "axis empty": ({"law": []}, "law=[] is not allowed"),
    "n fraction": ({"n": [4.5]}, "n=4.5 is not allowed: n is a whole number"),
    "n zero": ({"n": [0, 4]}, "n=0 is not allowed"),
    "n too large": ({"n": [4, 41]}, "n=41 is not allowed: n is a whole number from 1 to 40"),
    "n twice": ({"n": [4, 4]}, "4 stands there twice"),
    "n nested": ({"n": [[4]]}, "n=[4] is not allowed"),
    "table unknown": ({"n": {"linspace": [1, 2, 3]}}, "a table is {logspace = [low, high, count]}"),
    "range short": ({"n": {"range": [1, 2]}}, "n=[1, 2] is not allowed: range = [low, high, step]"),
    "range that misses its end": (
        {"n": {"range": [6, 17, 4]}},
        "n=[6, 17, 4] is not allowed: both ends belong to a range, and steps of 4 from 6 come to 14 and 18",
    ),
    "range empty": ({"n": {"range": [5, 2, 1]}}, "n=[5, 2, 1] is not allowed: the range is empty"),
    "range still": ({"n": {"range": [1, 2, 0]}}, "n's step=0 is not allowed"),
    "range endless": ({"eps": {"range": [1e-9, 1, 1e-9]}}, "eps=[1e-09, 1, 1e-09] is not allowed"),
    "logspace negative": ({"eps": {"logspace": [-1, 1, 3]}}, "eps's low=-1 is not allowed"),
    "problem": ({"problem": "subset"}, "problem='subset' is not known: problem is one of subset-sum"),
    "problem number": ({"problem": 3}, "problem=3 is not known"),
    "problem missing": ({"problem": None}, "key 'problem' is missing"),
    "problem elsewhere": ({"problem": "nowhere.at:All"}, "problem='nowhere.at:All' cannot be loaded"),
    "problem no problem": ({"problem": "json:JSONDecoder"}, "is no problem class"),
    "law": ({"law": ["uniform", "cauchy"]}, "law='cauchy' is not known"),
    "target": ({"target": "axis"}, "target='axis' is not allowed"),
    "d": ({"d": "two"}, "d='two' is not allowed"),
    "options together": ({"d": 2, "size": 3}, "size and max_size go with d=1"),
    "trials": ({"trials": 0}, "trials=0 is not allowed"),
    "trials missing": ({"trials": None}, "key 'trials' is missing"),
    "seed": ({"seed": -1}, "seed=-1 is not allowed"),
    "chunk": ({"chunk": 0}, "chunk=0 is not allowed"),
    "until": ({"until": "done"}, "until='done' is not allowed: until is width=W"),
    "until width": ({"until": "width=2"}, "until='width=2' is not allowed"),
    "until width tiny": ({"until": "width=1e-6", "trials": None}, "it takes more than"),
    "confidence": ({"confidence": 1}, "confidence=1 is not allowed"),
    "memory": ({"memory": 0}, "memory=0 is not allowed"),
    "cells": ({"target": {"range": [0, 1, 1e-6]}}, "at most 1000000 values"),
    "cells together": ({"target": {"range": [0, 1, 2e-6]}}, "target has too many values: the sweep has 2000004 cells"),
    "too large for memory": ({"n": [4, 40], "memory": 0.01}, "n=40 is too large for memory"),
    "chunk too large for memory": ({"chunk": 10**8, "memory": 1}, "chunk=100000000 is too large for memory"),
}


@pytest.mark.wrong_types
@pytest.mark.parametrize("name", list(BAD))
def test_bad_specs_are_one_line_and_nothing_is_written(tmp_path, name):
    changes, message = BAD[name]
    table = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        sweeps.run(sweeps.parse_spec(table), tmp_path / "store.db")
    assert message in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_files(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        sweeps.read_spec(tmp_path / "none.toml")
    with pytest.raises(ValueError, match="is no TOML file"):
        sweeps.read_spec(write(tmp_path, "n = = 3"))
    (tmp_path / "spec.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="is no TOML file"):
        sweeps.read_spec(tmp_path / "spec.toml")


def test_a_chunk_is_made_to_fit_the_memory():
    from ltjax.sweeps import memory

    (task,) = sweeps.parse_spec({**GOOD, "n": 20, "eps": 0.1}).tasks()
    need = memory.need(task)
    block = task.choice.solver.block(20)
    assert memory.fitted(task, 64 << 30).chunk is None
    assert memory.fitted(task, need.total(3 * block, 1) + 1).chunk == 3 * block
    assert memory.fitted(task, need.total(block, 1) + 1).chunk == block
    with pytest.raises(ValueError, match="n=20 is too large for memory"):
        memory.fitted(task, need.total(block, 1) - 1)


@pytest.mark.parametrize(
    "options",
    [
        {"problem": "neuron-pruning"},
        {"problem": "neuron-pruning", "eps": 1e-3, "n": 4000},
        {"problem": "neuron-pruning", "d": 3},
        {"problem": "weight-pruning"},
        {"problem": "weight-pruning", "readout": "linear"},
    ],
    ids=str,
)
def test_what_every_problem_needs_is_foreseen(options):
    from ltjax.sweeps import memory

    for task in sweeps.parse_spec({**GOOD, **options}).tasks():
        assert memory.need(task).total(task.choice.solver.block(max(task.ns)), 1) > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"n": [20, 24]}, 3.0),
        ({"target": "cover", "n": [8, 17]}, 3.0),
        ({"d": 3, "n": 16}, 3.0),
        ({"problem": "neuron-pruning", "n": 20, "eps": 0.2}, 8.0),
        ({"problem": "neuron-pruning", "n": 4000, "eps": 1e-3}, 3.0),
        ({"problem": "weight-pruning", "n": 40, "eps": 1e-3}, 3.0),
        ({"problem": "weight-pruning", "n": [40, 64], "eps": 1e-3, "solver": "blocks"}, 3.0),
        # XLA folds the comparison of masks into one loop; the model writes the errors of every mask out.
        ({"problem": "neuron-pruning", "d": 3, "n": 13, "eps": 0.1}, 150.0),
        ({"problem": "neuron-pruning", "d": 3, "n": 60, "eps": 0.1}, 16.0),
    ],
    ids=str,
)
def test_the_memory_foreseen_is_what_the_compiled_search_takes(options, most):
    """Never much less, and at most a few times more."""
    from ltjax.sweeps import memory
    from ltjax.trials.dispatch import draw_rows

    (task,) = sweeps.parse_spec({**GOOD, **options}).tasks()
    share, n = task.share(), max(task.ns)
    solver, block = share.solver, share.solver.block(n)
    with jax.enable_x64(solver.dtype == "float64"):
        keys = jax.random.split(jax.random.key(0), block)
        drawn = share.choice.drawn(share.problem, n)
        instances = jax.eval_shape(lambda keys: draw_rows(keys, drawn=drawn, block=block), keys)
        sizes = solver.as_searched(task.ns)

        def search(rows, eps):
            return solver.search(rows, sizes, eps)

        taken = jax.jit(search).lower(instances, np.asarray(task.eps)).compile().memory_analysis()
    assert taken is not None
    taken = taken.temp_size_in_bytes + taken.argument_size_in_bytes + taken.output_size_in_bytes
    # Between the loops of the arcs XLA keeps more than the model knows of: megabytes, and a quarter of memory is used.
    least = 0.5 if "arcs" in task.described["solver"] else 0.7
    assert least * taken <= memory.need(task).total(block, 1) <= most * taken
