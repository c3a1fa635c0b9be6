"""The store: the same counts however a sweep is cut, stopped, shared or repeated."""

import contextlib
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest
from toy import NAME, Toy, toy

import ltjax
from ltjax import sweeps
from ltjax.sweeps.store import Store
from ltjax.sweeps.work import stream_key
from ltjax.trials.counts import count

COUNTS = "select cell, first, trials, hits, misses from counts order by cell, first"


def counts(path):
    """All rows but for what computed them; the file passes SQLite's own check."""
    with Store(path, read_only=True) as store:
        assert list(store.query("pragma integrity_check")) == [("ok",)]
        return list(store.query(COUNTS))


def totals(path):
    """Counts of each cell."""
    columns = ["cell", "trials", "hits", "misses", "undecided"]
    return sweeps.load(path).filter(columns).sort_values("cell").to_dict("list")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished store of `toy()`."""
    path = tmp_path_factory.mktemp("whole") / "store.db"
    sweeps.run(toy(), path)
    return path


def test_a_problem_from_outside_can_be_swept(tmp_path):
    summary = sweeps.run(toy(), tmp_path / "store.db")
    assert (summary.cells, summary.cells_done, summary.trials_added) == (6, 6, 700)
    frame = sweeps.load(tmp_path / "store.db")
    assert list(frame["n"]) == [1, 2, 5, 1, 2, 5]
    assert set(frame["trials"]) == {700}
    assert max(frame["undecided"]) > 0
    expected = 1.0 - np.exp(-frame["n"] * frame["eps"])
    assert np.all((frame["lower"] <= expected) & (expected <= frame["upper"]))


def test_its_trials_are_those_of_its_key(tmp_path):
    (task,) = toy(seed=5).tasks()
    sweeps.run(toy(seed=5), tmp_path / "store.db")
    counts = count(Toy(), (1, 2, 5), (1.0, 0.1), 700, stream_key(5, task.stream))
    frame = sweeps.load(tmp_path / "store.db")
    assert list(frame["hits"]) == list(counts.hits.T.reshape(-1))
    assert list(frame["misses"]) == list(counts.misses.T.reshape(-1))
    assert ltjax.__version__ == frame["ltjax"][0]


@pytest.mark.parametrize("devices", [1, 2, 4])
@pytest.mark.parametrize("chunk", [None, 64, 192])
def test_counts_do_not_depend_on_devices_or_chunks(tmp_path, whole, devices, chunk):
    options = {} if chunk is None else {"chunk": chunk}
    sweeps.run(toy(**options), tmp_path / "store.db", engine=sweeps.Serial(jax.local_devices()[:devices]))
    assert counts(tmp_path / "store.db") == counts(whole)


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2, 4])
@pytest.mark.parametrize("chunk", [256, 1024])
def test_counts_of_subset_sums_do_not_depend_on_devices_or_chunks(tmp_path, devices, chunk):
    table = {"problem": "subset-sum", "n": [8, 12], "eps": [0.01, 1e-5], "trials": 3000}
    sweeps.run(sweeps.parse_spec(table), tmp_path / "one.db", engine=sweeps.Serial(jax.local_devices()[:1]))
    engine = sweeps.Serial(jax.local_devices()[:devices])
    sweeps.run(sweeps.parse_spec({**table, "chunk": chunk}), tmp_path / "many.db", engine=engine)
    assert counts(tmp_path / "one.db") == counts(tmp_path / "many.db")


def test_the_same_sweep_again_adds_nothing(tmp_path, whole):
    before = whole.read_bytes()
    summary = sweeps.run(toy(), whole)
    assert (summary.trials_added, summary.cells_done) == (0, 6)
    assert whole.read_bytes() == before
    assert [path.name for path in whole.parent.iterdir()] == ["store.db"]


def test_more_trials_extend_the_stream(tmp_path):
    for enough in (5, 20, 333, 334, 700):
        sweeps.run(toy(trials=enough), tmp_path / "parts.db")
        sweeps.run(toy(trials=enough), tmp_path / f"{enough}.db")
        assert totals(tmp_path / "parts.db") == totals(tmp_path / f"{enough}.db")
    summary = sweeps.run(toy(trials=100), tmp_path / "parts.db")
    assert summary.trials_added == 0


def test_two_sweeps_share_cells_in_one_store(tmp_path, whole):
    path = tmp_path / "store.db"
    sweeps.run(toy(n=[2, 4], eps=0.1, trials=900), path)
    sweeps.run(toy(), path)
    both = sweeps.load(path)
    assert len(both) == 7
    merged = both.merge(sweeps.load(whole), on="cell", suffixes=("", "_whole"))
    assert len(merged) == 6
    alike = merged["trials"] == merged["trials_whole"]
    assert list(merged[~alike]["n"]) == [2]
    assert list(merged[~alike]["trials"]) == [900]
    assert list(merged[alike]["hits"]) == list(merged[alike]["hits_whole"])


def test_two_drivers_may_write_one_store_at_once(tmp_path, whole):
    path, fewer = tmp_path / "store.db", toy(trials=333)
    met = []

    def meanwhile(status):
        # The first driver has rows that the second does not know of, and the other way round.
        if not met:
            met.append(sweeps.run(fewer, path))

    sweeps.run(toy(chunk=64), path, progress=meanwhile)
    assert met[0].cells_done == 6
    assert totals(path) == totals(whole)


DRIVER = """
import json, sys
from ltjax import sweeps
sys.modules["ltjax.sweeps.run"].SECONDS_A_JOB = 0.02  # many small jobs, so that a sweep outlives many kills
spec = sweeps.parse_spec(json.loads(sys.argv[1]))
sweeps.run(spec, sys.argv[2], progress=lambda status: print(status.trials, flush=True))
"""


def killed(spec, path, wait):
    """Run a driver and kill it -9 when `wait`, given its standard output, returns; whether it was still at work."""
    words = [sys.executable, "-c", DRIVER, json.dumps(spec), str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent) as process:
        wait(process.stdout)
        process.kill()
        process.wait()
        return process.returncode == -9


def test_kill_9_and_resume(tmp_path):
    spec = {"problem": NAME, "n": [1, 2], "eps": [1.0, 0.1], "trials": 600, "slow": 0.01, "chunk": 32}
    path, random_ = tmp_path / "store.db", random.Random(0)
    for _ in range(2):
        before = counts(path) if path.exists() else []
        said, reports = [], random_.randrange(1, 4)

        def wait(lines, said=said, reports=reports):
            said += [int(next(lines)) for _ in range(reports)]

        assert killed(spec, path, wait)
        after = counts(path)
        assert set(before) <= set(after)
        assert sum(row[2] for row in after) - sum(row[2] for row in before) >= 4 * said[-1]
    sweeps.run(sweeps.parse_spec(spec), path)
    sweeps.run(sweeps.parse_spec(spec), tmp_path / "whole.db")
    assert counts(path) == counts(tmp_path / "whole.db")


@pytest.mark.slow
@pytest.mark.parametrize(("until", "slow"), [(None, 0.002), ("verdict", 0.03)])
def test_two_hundred_cells_killed_five_times(tmp_path, until, slow):
    rates = [0.5, 1.0, 1.5, 2.0, 3.0]
    spec = {
        "problem": NAME,
        "n": [1, 2, 3, 4, 5],
        "eps": [0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.07, 0.05],
        "rate": rates,
        "slow": slow,
    }
    spec |= {"trials": 2000, "chunk": 16} | ({} if until is None else {"until": until})
    total = sweeps.run(sweeps.parse_spec(spec), tmp_path / "whole.db").trials_added
    path, random_, before = tmp_path / "store.db", random.Random(1), []
    for _ in range(5):
        # Moments are told by the work done, not by the clock: the sweep outlives five kills on any machine.
        moment = random_.randrange(total // 20)

        def wait(lines, moment=moment):
            next(line for line in lines if int(line) >= moment)

        assert killed(spec, path, wait), "the sweep was over before it was killed five times"
        after = counts(path)
        assert set(before) <= set(after)
        before = after
    sweeps.run(sweeps.parse_spec(spec), path)
    assert counts(path) == counts(tmp_path / "whole.db")


def test_cells_stop_when_they_have_enough(tmp_path):
    table = {"n": [1, 2, 3, 4, 5], "eps": [0.5, 0.3, 0.1, 0.05], "trials": 6_000}
    for until, reached in [
        ("verdict", lambda cell: cell["lower"] > 0.5 or cell["upper"] < 0.5),
        ("width=0.08", lambda cell: cell["upper"] - cell["lower"] <= 0.08),
    ]:
        spec, path = toy(**table, until=until), tmp_path / f"{until}.db"
        summary = sweeps.run(spec, path)
        frame = sweeps.load(path)
        assert all(reached(cell) or cell["trials"] == 6_000 for _, cell in frame.iterrows())
        assert summary.cells_done == 20
        assert summary.trials_used == frame["trials"].sum()
        assert summary.saved == pytest.approx(1 - frame["trials"].mean() / 6_000)
        assert summary.saved > 0.3
        assert len(set(frame["trials"])) > 3
        # Cut differently, stopped early, on other devices: every cell stops where it stopped.
        other = tmp_path / f"{until}-other.db"
        engine = sweeps.Serial(jax.local_devices()[:1])

        class Stop(Exception):
            pass

        def stop(status):
            if status.trials > 1500:
                raise Stop

        with pytest.raises(Stop):
            sweeps.run(toy(**table, until=until, chunk=64), other, engine=engine, progress=stop)
        sweeps.run(toy(**table, until=until, chunk=320), other, engine=engine)
        assert counts(other) == counts(path)
        assert sweeps.run(spec, path).trials_added == 0


def test_a_task_that_fails_says_why_and_the_others_finish(tmp_path):
    summary = sweeps.run(toy(what=["raises", "works"]), tmp_path / "store.db")
    (failed,) = summary.failed
    assert failed["reason"] == "RuntimeError: the solver is broken"
    assert "what raises" in failed["problem"]
    assert (summary.cells, summary.cells_done) == (12, 6)
    assert sorted(sweeps.load(tmp_path / "store.db")["trials"]) == [0] * 6 + [700] * 6


def foreign(path):
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("create table thesis (years)")


def newer(path):
    sweeps.run(toy(trials=1), path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("pragma user_version = 7")


REFUSED = {
    "text": (lambda path: path.write_text("years of work, for the most part"), "it is no SQLite file"),
    "sqlite": (foreign, "it is an SQLite file of another kind"),
    "schema": (newer, "has schema version 7, and this ltjax reads version 1"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "torn": (lambda path: path.write_bytes(b"SQLite format 3\0" + bytes(500)), "cannot be read"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_files_that_are_no_store_are_refused_and_left_alone(tmp_path, name):
    make, message = REFUSED[name]
    path = tmp_path / "store.db"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for use in (lambda: sweeps.run(toy(), path), lambda: sweeps.load(path)):
        with pytest.raises(ValueError, match=r"^store=[^\n]*$") as error:
            use()
        assert message in str(error.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_store_that_is_missing_or_has_no_place(tmp_path):
    with pytest.raises(ValueError, match="there is no such file"):
        sweeps.load(tmp_path / "none.db")
    with pytest.raises(ValueError, match="there is no folder"):
        sweeps.run(toy(), tmp_path / "none" / "store.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_from_a_run_that_was_killed_at_once_becomes_a_store(tmp_path):
    path = tmp_path / "store.db"
    path.touch()
    sweeps.run(toy(), path)
    assert len(sweeps.load(path)) == 6


def test_rows_beyond_a_gap_wait_for_it(tmp_path, whole):
    path = tmp_path / "store.db"
    path.write_bytes(whole.read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("delete from counts where first = 64")
    assert set(sweeps.load(path)["trials"]) == {64}
    sweeps.run(toy(), path)
    assert counts(path) == counts(whole)


def test_export(tmp_path, whole):
    frame = sweeps.load(whole)
    assert sweeps.export(whole, tmp_path / "cells.parquet") == 6
    assert sweeps.export(whole, tmp_path / "cells.csv") == 6
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "cells.parquet"), frame, check_dtype=False)
    # As text: pandas before 3 reads a number only nearly right.
    again = pd.read_csv(tmp_path / "cells.csv", dtype=str)
    assert list(again.columns) == list(frame.columns)
    for key in ("n", "eps", "trials", "hits", "lower", "upper"):
        assert [float(x) for x in again[key]] == list(frame[key])
    with pytest.raises(ValueError, match=r"the name ends in \.parquet or \.csv"):
        sweeps.export(whole, tmp_path / "cells.xlsx")
    with pytest.raises(ValueError, match="cannot be written"):
        sweeps.export(whole, tmp_path / "none" / "cells.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.csv", "cells.parquet"]


def test_export_of_options_that_are_words_or_numbers(tmp_path):
    table = {"problem": "subset-sum", "n": 2, "eps": 0.1, "target": [0.5, "uniform"], "trials": 16}
    sweeps.run(sweeps.parse_spec(table), tmp_path / "store.db")
    sweeps.export(tmp_path / "store.db", tmp_path / "cells.parquet")
    assert list(pd.read_parquet(tmp_path / "cells.parquet")["target"]) == ["0.5", "uniform"]


def test_intervals_of_a_table(whole):
    from ltjax.inference import intervals

    for interval, limits in [("anytime", intervals.anytime), ("exact", intervals.clopper_pearson)]:
        for _, cell in sweeps.load(whole, confidence=0.9, interval=interval).iterrows():
            lower, upper = limits(cell["hits"], cell["trials"], 0.9, cell["undecided"])
            assert (cell["lower"], cell["upper"]) == (lower, upper)


def test_a_plot_names_what_it_leaves_out_and_explains_its_arrows(tmp_path):
    from ltjax.sweeps.plotting import figure, plot

    spec = {"problem": "toy:Toy", "n": [1, 4], "eps": [0.5], "rate": [1.0, 2.0], "trials": 64}
    path = tmp_path / "store.db"
    sweeps.run(sweeps.parse_spec(spec), path, engine=sweeps.Serial())
    assert plot(path, tmp_path / "all.png") == []
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        (cell,) = db.execute("select stream from streams where content like '%2.0%'").fetchone()
        db.execute("delete from counts where cell in (select cell from cells where stream = ?)", (cell,))
    assert plot(path, tmp_path / "half.png") == ["2.0"]
    frame = sweeps.load(path)
    titles = [figure(frame[frame["trials"] > 0], p).axes[1].get_title() for p in (1e-9, 0.5)]
    assert titles[0] == "▲ ▼: open, no n of the sweep is certified there"
    # Where all sizes are certainly too small, the arrow stands above them.
    (bar, low, high) = figure(frame[frame["trials"] > 0], 1.0 - 1e-9).axes[1].lines
    assert (np.asarray(bar.get_ydata()).tolist(), high.get_marker(), low.get_marker()) == ([5, 5], "^", "_")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_plot_also_of_an_unfinished_store(tmp_path, whole, ending):
    from ltjax.sweeps.plotting import plot

    path = tmp_path / "store.db"
    path.write_bytes(whole.read_bytes())
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        cell, _ = db.execute("select cell, min(first) from counts").fetchone()
        db.execute("delete from counts where cell = ? or first > 200", (cell,))
    for store in (whole, path):
        plot(store, tmp_path / f"one.{ending}")
        plot(store, tmp_path / f"two.{ending}", where=["rate=1.0"])
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()
    with pytest.raises(ValueError, match="holds no trials"):
        plot(whole, tmp_path / f"none.{ending}", where=["rate=7"])
    with pytest.raises(ValueError, match="where='colour=red' is not allowed"):
        plot(whole, tmp_path / f"none.{ending}", where=["colour=red"])
    with pytest.raises(ValueError, match=r"the name ends in \.png"):
        plot(whole, tmp_path / "figure.txt")
