"""Whatever is typed ends with exit status 0, 1 or 2, and with one line on 2.

`python -m tests.hard.test_fuzz 2000` tries as many command lines and specifications as that, from the root of the tree.
"""

# ruff: noqa: SIM905 - a line of words
import contextlib
import io
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from ltjax import cli, sweeps
from ltjax.arguments import ArgumentError
from ltjax.problems.registry import PROBLEMS

NUMBERS = ["", *"0 1 2 3 6 -1 0.5 1e-3 -0.0 nan inf 1e400 1e2 0x10 ٣ 1_0 six".split()]
WORDS = "uniform normal cover axis generic linear relu auto float32 milp exact anytime".split()
ODD = ["\x00", "a" * 300, *"-- - = a=b : json:JSONDecoder os:nowhere no.where:X ε 🦆 [red] %s".split()]
OPTIONS = """
    --n --eps --trials --law --target --size --max-size --d --readout --bias --seed --confidence --solver --chunk
    --devices --json --interval --p --n-max --witness --help --store --to --out --where --engine --scheduler --workers
    --until --dry-run --budget --version --epsilon -n -h
""".split()
values = st.sampled_from([*NUMBERS, *WORDS, *ODD]) | st.text(max_size=8)
commands = st.sampled_from("estimate threshold sweep export plot claims verify estimat --help".split())
lines = st.builds(
    lambda command, name, rest: [command, *name, *(word for pair in rest for word in pair)],
    commands,
    st.lists(st.sampled_from([*PROBLEMS, "toy:Toy", "nothing.db", "spec.toml", "SS-1", *ODD]), max_size=1),
    st.lists(st.tuples(st.sampled_from(OPTIONS), values) | st.tuples(values), max_size=5),
)
# Mostly right, so that it comes as far as the work.
nearly = st.builds(
    lambda problem, n, eps, name, value: ["estimate", problem, "--n", n, "--eps", eps, "--trials", "2", name, value],
    st.sampled_from(list(PROBLEMS)),
    st.sampled_from(NUMBERS),
    st.sampled_from(NUMBERS),
    st.sampled_from(OPTIONS),
    values,
)


class Reached(Exception):
    """The work would begin here."""


def work(*arguments, **how):
    raise Reached


PLACES = ["ltjax.inference.estimates.decisions", "ltjax.inference.thresholds.count", "ltjax.verify.runner.verify"]
PLACES += ["ltjax.cli.sweeps.run", "ltjax.cli.sweeps.forecast"]


def check_line(words):
    """Nothing is computed: where the work would begin, the line was understood."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(words)
        except Reached:
            return
        except SystemExit as stop:
            status = stop.code
        else:
            raise AssertionError("a command returned")
    assert status in (0, 1, 2)
    if status == 2:
        assert err.getvalue().startswith("ltjax: ")
        assert err.getvalue().count("\n") == 1


keys = ["problem", "n", "eps", "trials", "until", "confidence", "seed", "chunk", "memory", "solver", "law", "target"]
keys += ["d", "readout", "bias", "size", "max_size", "rate", "what", "trails"]
numbers = st.integers(-3, 40) | st.integers() | st.floats() | st.sampled_from([0.5, 1e-3, -0.0, 2.0, 10**400])
words = st.sampled_from([*PROBLEMS, *WORDS, "verdict", "width=0.1", "width=x", "toy:Toy", "json:JSONDecoder", ""])
single = numbers | words | st.booleans() | st.text(max_size=5)
tables = st.dictionaries(st.sampled_from(["logspace", "range", "x"]), st.lists(single, max_size=4) | single, max_size=2)
anything = single | st.lists(single, max_size=4) | tables
specs = st.builds(
    lambda base, more, left: {k: v for k, v in (base | more).items() if k not in left},
    st.sampled_from(
        [{"problem": name, "n": [2, 4], "eps": [0.5, 0.1], "trials": 10} for name in (*PROBLEMS, "toy:Toy")]
    ),
    st.dictionaries(st.sampled_from(keys), anything, max_size=3),
    st.sets(st.sampled_from(keys[:4]), max_size=1),
)


def check_spec(table):
    """A specification is cells with names, or one line that says why not."""
    with contextlib.suppress(ArgumentError):
        spec = sweeps.parse_spec(table)
        if spec.trials < 1000 and len(spec.n) * len(spec.eps) < 100:
            for task in spec.tasks():
                assert all(len(task.cell(n, eps)) == 24 for n in task.ns for eps in task.eps)


def check_text(text):
    """A file of any text at all."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.toml"
        path.write_bytes(text)
        with contextlib.suppress(ArgumentError):
            sweeps.read_spec(path)


@pytest.fixture
def idle(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text('problem = "subset-sum"\nn = 4\neps = 0.1\ntrials = 10\n')
    for place in PLACES:
        monkeypatch.setattr(place, work)


few = hypothesis.settings(
    max_examples=150, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], database=None
)


@pytest.mark.wrong_types
@few
@hypothesis.given(words=lines | nearly)
def test_any_command_line(idle, words):
    check_line(words)


@pytest.mark.wrong_types
@few
@hypothesis.given(table=specs)
def test_any_specification(table):
    check_spec(table)


@pytest.mark.wrong_types
@few
@hypothesis.given(text=st.binary(max_size=60))
def test_any_file(text):
    check_text(text)


def main(count):
    """As many examples as asked, of each kind."""
    many = hypothesis.settings(max_examples=count, deadline=None, derandomize=False, database=None)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.chdir(folder)
        Path("spec.toml").write_text('problem = "subset-sum"\nn = 4\neps = 0.1\ntrials = 10\n')
        for place in PLACES:
            patch.setattr(place, work)
        for check, strategy in [
            (check_line, lines | nearly),
            (check_spec, specs),
            (check_text, st.binary(max_size=60)),
        ]:
            many(hypothesis.given(strategy)(check))()
            print(f"{check.__name__}: {count} examples", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
