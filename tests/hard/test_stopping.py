"""Whatever computes stops within two seconds of a signal, says what is kept, and leaves no stray file."""

import contextlib
import os
import random
import re
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from ltjax.sweeps.store import Store, check
from tests.commands import started

TESTS = Path(__file__).parents[1]
LIMIT = 2.0
WEIGHTS = np.random.default_rng(0).standard_normal((1000, 2000), np.float32) * 0.05
SPEC = 'problem = "neuron-pruning"\nd = 5\nn = [20, 36]\neps = [0.1, 0.01]\ntrials = 100_000\n'
LONG = {
    # A dispatch of these takes many seconds.
    "estimate": "estimate neuron-pruning --d 5 --n 36 --eps 0.05 --trials 100000 --witness hits.npz",
    "threshold": "threshold neuron-pruning --eps 0.01 0.02 --trials 10000",
    "verify": "verify SS-5 NP-9 --out report",
    "sweep": "sweep spec.toml --store results.db",
    "ticket": "ticket target.npz --eps 0.01 --redundancy 21 --out ticket.npz",
}
LEFT = {"spec.toml", "target.npz", "ticket.npz", "hits.npz", "report", "results.db", "results.db-wal", "results.db-shm"}


def listening(pid):
    """Whether a process hears SIGTERM; before that it is Python's own start, which ends in Python's own way."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True  # no way to ask
    caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)  # type: ignore[index]
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def stopped(command, folder, moment, number):
    """Seconds from the signal to the end, exit status, what was said; the process is looked at, not its pipes."""
    (folder / "spec.toml").write_text(SPEC)
    np.savez(folder / "target.npz", W1=WEIGHTS, W2=WEIGHTS[:10, :1000])
    with started(*command, cwd=folder) as running:
        while running.poll() is None and not listening(running.pid):
            time.sleep(0.005)
        moment()
        assert running.poll() is None, running.communicate()
        sent = time.perf_counter()
        running.send_signal(number)
        while running.poll() is None and time.perf_counter() - sent < 60.0:
            time.sleep(0.005)
        took = time.perf_counter() - sent
        running.kill()
        return took, running.returncode, *running.communicate()


@pytest.mark.parametrize(
    ("name", "number"), [("estimate", signal.SIGTERM), ("sweep", signal.SIGINT), ("verify", signal.SIGHUP)]
)
def test_a_long_computation_hears_a_signal(tmp_path, name, number):
    took, status, _, err = stopped(LONG[name].split(), tmp_path, lambda: time.sleep(4.0), number)
    assert took < LIMIT
    assert status == 128 + number
    assert err.startswith("stopped")
    assert err.count("\n") == 1
    # With programs compiled before, an estimate may know something by then, and writes its hits.
    assert {path.name for path in tmp_path.iterdir()} <= LEFT - {"report"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_of_claims_end_with_the_command(tmp_path, number):
    """Ctrl-C reaches all of them, and they say nothing; a kill reaches the command alone, and they go too."""

    def inside():
        """The processes of the command's group, which is its own."""
        found = set()
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
                if state != "Z" and group == str(running.pid):
                    found.add(int(stat.parent.name))
        return found

    def until(holds):
        deadline = time.perf_counter() + 60.0
        while not holds() and time.perf_counter() < deadline:
            time.sleep(0.05)
        assert holds()

    with started(*["verify", "SS-5", "NP-9", "--out", "report"], cwd=tmp_path, start_new_session=True) as running:
        until(lambda: len(inside()) == 4)  # with one that Python has for itself
        time.sleep(0.5)  # the claims' processes are importing
        others = inside() - {running.pid}
        for each in others:
            os.kill(each, signal.SIGINT)
        time.sleep(0.5)
        assert inside() >= {running.pid, *others}
        (os.killpg if number == signal.SIGINT else os.kill)(running.pid, number)
        _, err = running.communicate()
        until(lambda: not inside())
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert err.startswith("stopped: 0 of 2 claims are finished")
        assert err.count("\n") == 1


TELLS = """
from pathlib import Path
from toy import Toy as Quiet

class Toy(Quiet):
    def errors(self, *arguments):
        with open("looked", "a") as file:
            file.write(".")
        return super().errors(*arguments)
"""


def test_a_stopped_estimate_tells_what_it_knows(tmp_path):
    shutil.copy(TESTS / "toy.py", tmp_path)
    (tmp_path / "tells.py").write_text(TELLS)

    def third_chunk():
        until = time.perf_counter() + 60.0
        while time.perf_counter() < until and not (
            (tmp_path / "looked").exists() and (tmp_path / "looked").stat().st_size > 2
        ):
            time.sleep(0.05)

    words = ["estimate", "tells:Toy", "--n", "2", "--eps", "0.5", "--slow", "0.1", "--witness", "hits.npz"]
    took, status, out, err = stopped([*words, "--trials", "100000", "--chunk", "1"], tmp_path, third_chunk, 2)
    assert took < LIMIT
    assert status == 130
    ((hits, trials),) = re.findall(r"(\d+) hits.* in (\d+) trials", out)
    assert 0 < int(trials) < 100_000
    assert err == f"stopped: that is of {trials} of 100000 trials, and holds whenever one stops\n"
    assert len(np.load(tmp_path / "hits.npz")["trial"]) == int(hits)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", list(LONG))
def test_at_random_moments(tmp_path, name, number):
    """Five moments each, fifty in all."""
    random_, worst = random.Random(f"{name} {number}"), 0.0
    for moment in range(5):
        folder = tmp_path / str(moment)
        folder.mkdir()
        took, status, _, err = stopped(
            LONG[name].split(), folder, lambda: time.sleep(random_.uniform(0.0, 5.0)), number
        )
        worst = max(worst, took)
        assert took < LIMIT, err
        assert status == 128 + number
        assert "Traceback" not in err
        assert {path.name for path in folder.iterdir()} <= LEFT
        if (folder / "results.db").exists() and check(folder / "results.db"):
            with Store(folder / "results.db", read_only=True) as store:
                assert list(store.query("pragma integrity_check")) == [("ok",)]
    print(f"{name}, signal {number}: the worst took {worst:.2f} s")
