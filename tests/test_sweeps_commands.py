"""`ltjax sweep`, `plot`, `export` as a hurried person types them."""

import json

import pytest

from ltjax import sweeps
from tests.commands import run

SPEC = """
problem = "toy:Toy"
n = [1, 4]
eps = [0.5, 0.1]
trials = 64
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


def test_sweep_export_plot(capsys, here):
    code, out, err = run(capsys, "sweep", "spec.toml", "--store", "results.db")
    assert (code, err) == (0, "")
    assert "4 of 4 cells done in results.db" in out
    assert "64 trials of 1 tasks added" in out
    code, out, _ = run(capsys, "sweep", "spec.toml", "--store", "results.db", "--json")
    assert json.loads(out)["trials_added"] == 0
    assert run(capsys, "export", "results.db", "--to", "results.csv")[0] == 0
    assert run(capsys, "plot", "results.db", "--out", "results.png") == (0, "figure written to results.png\n", "")
    assert (here / "results.csv").read_text().count("\n") == 5
    assert (here / "results.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_read_is_never_written_over(capsys, here):
    assert run(capsys, "sweep", "spec.toml", "--store", "results.csv")[0] == 0
    (here / "results.png").symlink_to(here / "results.csv")
    (here / "spec.db").symlink_to(here / "spec.toml")
    before = (here / "results.csv").read_bytes()
    for words, line in (
        (
            ("export", "results.csv", "--to", "results.csv"),
            "to='results.csv' is not allowed: it is the file that store=",
        ),
        (
            ("plot", "results.csv", "--out", "results.png"),
            "out='results.png' is not allowed: it is the file that store=",
        ),
        (("sweep", "spec.toml", "--store", "spec.db"), "store='spec.db' is not allowed: it is the file that spec="),
    ):
        code, out, err = run(capsys, *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert line in err
    assert (here / "results.csv").read_bytes() == before
    assert (here / "spec.toml").read_text() == SPEC


def test_dry_run_says_what_it_takes_and_writes_nothing(capsys, here):
    before = sorted(path.name for path in here.iterdir())
    code, out, err = run(capsys, "sweep", "spec.toml", "--store", "results.db", "--dry-run")
    assert (code, err) == (0, "")
    for word in (
        "4 cells in 1 tasks",
        "n (sizes)",
        "ε (precisions)",
        "1 … 4 (2)",
        "0.5 … 0.1 (2)",
        "memory",
        "time",
        "nothing was written",
    ):
        assert word in out
    code, out, _ = run(capsys, "sweep", "spec.toml", "--store", "results.db", "--dry-run", "--json")
    plan = json.loads(out)
    assert plan["cells"] == 4
    assert plan["tasks"][0]["memory_bytes"] > 0
    assert plan["tasks"][0]["measured"]
    assert sorted(path.name for path in here.iterdir()) == before


def test_cells_that_cannot_get_there_are_told(capsys, here):
    """Where no trial is certified to miss and many do not hit, no number of them makes the interval narrow."""
    (here / "spec.toml").write_text(SPEC + 'doubt = 1.0\nuntil = "width=0.2"\n')
    code, out, _ = run(capsys, "sweep", "spec.toml", "--store", "results.db")
    assert code == 0
    assert "4 cells used all their trials before width=0.2" in out
    # With n = 4 and ε = 0.5 six of seven hit.
    assert "in 3 of them the undecided trials seen are too many for more to help" in out


BAD = {
    "unknown key": ("trails = 10\n", "key 'trails' is not known"),
    "negative seed": ("seed = -1\n", "seed=-1 is not allowed"),
    "no TOML": ("= 3\n", "is no TOML file"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_specs_are_one_line_and_nothing_is_written(capsys, here, name):
    more, message = BAD[name]
    (here / "spec.toml").write_text(SPEC + more)
    code, out, err = run(capsys, "sweep", "spec.toml", "--store", "results.db")
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("ltjax: ")
    assert err.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["spec.toml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine", "sparks"), "engine='sparks' is not known"),
        (("--workers", "2"), "workers=2 is not allowed: it goes with engine=dask"),
        (("--scheduler", "tcp://here:1"), "scheduler='tcp://here:1' is not allowed: it goes with engine=dask"),
        (("--until", "soon"), "until='soon' is not allowed"),
    ],
)
def test_bad_options(capsys, here, words, message):
    code, _, err = run(capsys, "sweep", "spec.toml", "--store", "results.db", *words)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["spec.toml"]


def test_a_forecast_guesses_what_it_had_no_patience_to_time(here):
    from ltjax.sweeps.engines import Serial
    from ltjax.sweeps.forecast import forecast

    spec = sweeps.parse_spec({"problem": "toy:Toy", "n": [1, 4], "eps": [0.5], "rate": [1.0, 2.0], "trials": 64})
    with Serial() as engine:
        first, second = forecast(spec, engine, patience=1e-9)
    assert first.measured
    assert first.seconds > 0.0
    assert second.seconds > 0.0
