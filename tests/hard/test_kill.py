"""A sweep killed -9 at random moments loses no row that it acknowledged, and ends with the same counts.

`python -m tests.hard.test_kill 100` kills as often as that on each engine, from the root of the tree.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from ltjax.sweeps.store import Store, check

TESTS = Path(__file__).parents[1]
SPEC = {"problem": "toy:Toy", "n": [1, 2], "eps": [1.0, 0.1], "rate": [1.0, 2.0], "trials": 1500}
SPEC |= {"slow": 0.01, "chunk": 32}
DRIVER = """
import json, sys
from ltjax import sweeps
if __name__ == "__main__":
    sys.modules["ltjax.sweeps.run"].SECONDS_A_JOB = 0.05  # many small jobs
    engine = sweeps.Dask(workers=2) if sys.argv[3] == "dask" else sweeps.Serial()
    told = lambda status: print(status.trials, flush=True)
    sweeps.run(sweeps.parse_spec(json.loads(sys.argv[1])), sys.argv[2], engine=engine, progress=told)
"""
ROWS = "select cell, first, trials, hits, misses from counts order by cell, first"


def driver(folder, store, engine):
    """A process that sweeps, in a file of its own: workers run it too."""
    (folder / "driver.py").write_text(DRIVER)
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
    words = [sys.executable, folder / "driver.py", json.dumps(SPEC), store, engine]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=folder)


def rows(path):
    """What is stored; the file passes SQLite's own check."""
    if not path.exists() or not check(path):
        return []
    with Store(path, read_only=True) as store:
        assert list(store.query("pragma integrity_check")) == [("ok",)]
        return list(store.query(ROWS))


def killed(folder, engine, moments, seed=0):
    """Kill `moments` times, each time uniformly over the time that a whole sweep takes; how many met it at work."""
    random_, met = random.Random(seed), 0
    began = time.perf_counter()
    with driver(folder, folder / "whole.db", engine) as process:
        process.communicate()
    assert process.returncode == 0
    lasts, whole = time.perf_counter() - began, rows(folder / "whole.db")
    store, number = folder / "0.db", 0
    for _ in range(moments):
        before = rows(store)
        with driver(folder, store, engine) as process:
            time.sleep(random_.uniform(0.0, lasts))
            working = process.poll() is None
            process.kill()
            acknowledged = [int(line) for line in process.communicate()[0].split("\n")[:-1]]
        met += working
        after = rows(store)
        assert set(before) <= set(after) <= set(whole)
        new = sum(row[2] for row in after) - sum(row[2] for row in before)
        assert new >= 4 * (acknowledged[-1] if acknowledged else 0)
        if after == whole:
            number += 1
            store = folder / f"{number}.db"
    with driver(folder, store, engine) as process:
        process.communicate()
    assert rows(store) == whole
    return met


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "moments"), [("serial", 6), ("dask", 3)])
def test_killed_at_random_moments(tmp_path, engine, moments):
    # How many met it at work depends on how busy the machine is.
    assert killed(tmp_path, engine, moments) > 0


if __name__ == "__main__":
    for each in sys.argv[2:] or ["serial", "dask"]:
        with tempfile.TemporaryDirectory() as place:
            at_work = killed(Path(place), each, int(sys.argv[1]))
            print(f"{each}: {sys.argv[1]} kills, {at_work} of them at work: nothing lost, equal counts", flush=True)
