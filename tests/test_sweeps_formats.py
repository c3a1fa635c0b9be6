"""Stores of earlier versions: said in one line, exported as they are, never mixed with new cells."""

import contextlib
import json
import sqlite3

import pytest

from ltjax import cli, sweeps

SPEC = 'problem = "subset-sum"\nn = [3, 5]\neps = 0.1\ntrials = 64\n'
OLD = {"format": 1, "seed": 0, "problem": "subset-sum", "law": "uniform", "target": 0.5, "size": None}
OLD |= {"max_size": None, "d": 1, "dtype": "float32"}


@pytest.fixture
def old(tmp_path):
    """A store with a cell named as version 0.1 did."""
    spec, store = tmp_path / "spec.toml", tmp_path / "old.db"
    spec.write_text(SPEC)
    sweeps.run(sweeps.read_spec(spec), store)
    with contextlib.closing(sqlite3.connect(store)) as db, db:
        for table in ("counts", "cells", "streams"):
            db.execute(f"delete from {table}")
        db.execute("insert into streams values ('old', ?)", (json.dumps(OLD),))
        db.execute("insert into cells values ('cell', 'old', 3, 0.1)")
        (origin,) = db.execute("select origin from origins").fetchone()
        db.execute("insert into counts values ('cell', 0, 64, 40, 20, ?)", (origin,))
    return spec, store


def test_an_earlier_store_is_exported_as_it_is_and_said_in_one_line(old, capsys):
    spec, store = old
    assert sweeps.load(store)[["n", "trials", "hits", "misses"]].values.tolist() == [[3, 64, 40, 20]]
    with pytest.raises(SystemExit) as stop:
        cli.main(["sweep", str(spec), "--store", str(store)])
    assert stop.value.code == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "another version" in line]
    assert told == ["1 cells of another version of ltjax stay in the store: exported, never added to"]
    table = sweeps.load(store)
    assert len(table) == 3
    assert table.loc[table["cell"] == "cell", ["trials", "hits", "misses"]].to_numpy().tolist() == [[64, 40, 20]]
    assert sorted(table[table["cell"] != "cell"]["n"]) == [3, 5]
