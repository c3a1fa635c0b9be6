"""What a sweep asked for is what its table, its figure and its forecast say."""

import json

import pandas as pd
import pytest
from toy import toy

from ltjax import sweeps
from ltjax.inference import intervals
from ltjax.sweeps import plotting
from tests.commands import process, run

SPEC = """
problem = "toy:Toy"
n = [1, 4]
eps = [0.5, 0.1]
trials = 64
confidence = 0.8
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.toml").write_text(SPEC)
    return tmp_path


def test_the_confidence_of_a_spec_is_that_of_its_table(capsys, here):
    assert run(capsys, "sweep", "spec.toml", "--store", "k.db")[0] == 0
    code, _, err = process("export", "k.db", "--to", "own.csv", cwd=here)
    assert (code, err) == (0, "")
    assert run(capsys, "export", "k.db", "--to", "exact.csv", "--confidence", "0.9", "--interval", "exact")[0] == 0
    for name, confidence, limits in [("own", 0.8, intervals.anytime), ("exact", 0.9, intervals.clopper_pearson)]:
        for _, cell in pd.read_csv(f"{name}.csv").iterrows():
            assert cell["confidence"] == confidence
            expected = limits(cell["hits"], cell["trials"], confidence, cell["undecided"])
            assert (cell["lower"], cell["upper"]) == pytest.approx(expected, rel=1e-12)


def test_cells_keep_the_confidence_of_their_own_sweep(tmp_path):
    path = tmp_path / "k.db"
    sweeps.run(toy(n=[1, 2], trials=20, confidence=0.8), path)
    sweeps.run(toy(n=[2, 4], trials=20, confidence=0.9), path)
    frame = sweeps.load(path)
    assert dict(zip(frame["n"], frame["confidence"], strict=True)) == {1: 0.8, 2: 0.9, 4: 0.9}


def test_where_compares_numbers_and_takes_several_values(capsys, here):
    assert run(capsys, "sweep", "spec.toml", "--store", "k.db")[0] == 0
    for name, where in [("a", ["eps=0.1"]), ("b", ["eps=1e-1"]), ("c", ["n=1", "n=4.0", "eps=.1"])]:
        assert run(capsys, "plot", "k.db", "--out", f"{name}.svg", "--where", *where)[0] == 0
    assert (here / "a.svg").read_bytes() == (here / "b.svg").read_bytes() == (here / "c.svg").read_bytes()
    assert run(capsys, "plot", "k.db", "--out", "d.svg", "--interval", "exact", "--confidence", "0.9")[0] == 0
    frame = plotting._chosen(sweeps.load("k.db"), ["eps=5e-1", "n=4"])
    assert list(frame["eps"]) == [0.5]


def test_a_figure_is_drawn_in_its_own_style(here):
    sweeps.run(toy(trials=20), here / "k.db")
    (here / "matplotlibrc").write_text("text.usetex: True\naxes.facecolor: red\n")
    for name, env in [("plain", {}), ("theirs", {"MATPLOTLIBRC": str(here), "MPLBACKEND": "module://nowhere"})]:
        assert process("plot", "k.db", "--out", f"{name}.svg", cwd=here, env=env) == (
            0,
            f"figure written to {name}.svg\n",
            "",
        )
    assert (here / "plain.svg").read_bytes() == (here / "theirs.svg").read_bytes()


def test_a_forecast_counts_what_is_left(capsys, here):
    words = ["sweep", "spec.toml", "--store", "k.db", "--dry-run"]
    assert json.loads(run(capsys, *words, "--json")[1])["tasks"][0]["trials"] == 64
    sweeps.run(sweeps.parse_spec({"problem": "toy:Toy", "n": [1, 4], "eps": [0.5, 0.1], "trials": 16}), "k.db")
    plan = json.loads(run(capsys, *words, "--json")[1])
    assert plan["tasks"][0]["trials"] == 48
    assert plan["seconds"] > plan["compiling"] >= 0
    out = run(capsys, *words)[1]
    assert max(map(len, out.splitlines())) <= 80
    sweeps.run(sweeps.read_spec("spec.toml"), "k.db")
    plan = json.loads(run(capsys, *words, "--json")[1])
    assert (plan["tasks"][0]["trials"], plan["seconds"]) == (0, 0)
