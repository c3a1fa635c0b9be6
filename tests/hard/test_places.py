"""Odd places to run in: nobody's home, Python without docstrings, scripts without a guard, questions far away."""

import json
import os
import re
import subprocess
import sys

import pytest

import ltjax
from ltjax.machine import checkout
from tests.commands import process, run

HOMELESS = """
import os, pwd
os.environ.pop("HOME", None)
def nobody(*arguments):
    raise KeyError("no such user")
pwd.getpwuid = nobody
from ltjax.cli import main
main("estimate subset-sum --n 4 --eps 0.25 --trials 20".split())
"""
NO_GUARD = """
from ltjax import sweeps
spec = sweeps.parse_spec({"problem": "subset-sum", "n": 4, "eps": 0.1, "trials": 10})
sweeps.run(spec, "k.db", engine=sweeps.Dask(workers=1))
"""


def test_nobodys_home():
    done = subprocess.run([sys.executable, "-c", HOMELESS], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "20 trials" in done.stdout


def test_python_without_docstrings_is_told_before_anything():
    code, out, err = process("claims", env={"PYTHONOPTIMIZE": "2"})
    assert (code, out) == (2, "")
    assert "run Python without -OO" in err
    assert err.count("\n") == 1


def test_the_rooms_of_the_package_need_no_import_of_their_own():
    code = "import ltjax; print(ltjax.sweeps.load.__name__, ltjax.verify.__name__, ltjax.bounds.__name__)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "load ltjax.verify ltjax.bounds\n"
    assert {"sweeps", "verify", "bounds", "testing"} <= set(dir(ltjax))


def test_a_script_without_a_main_guard_is_one_line(tmp_path):
    (tmp_path / "script.py").write_text(NO_GUARD)
    how = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 120}
    done = subprocess.run([sys.executable, "script.py"], check=False, **how)
    assert done.returncode == 1
    assert "under `if __name__ == '__main__':`" in done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") == 1


@pytest.mark.slow
def test_a_scheduler_that_is_not_there_is_one_line(tmp_path):
    (tmp_path / "s.toml").write_text('problem = "subset-sum"\nn = 4\neps = 0.1\ntrials = 10\n')
    words = ["sweep", "s.toml", "--store", "k.db", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:9"]
    code, out, err = process(*words, cwd=tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("ltjax: scheduler='tcp://127.0.0.1:9' cannot be reached")
    assert err.count("\n") == 1


def test_a_target_out_of_reach_ends(capsys):
    code, out, _ = run(capsys, "threshold", "subset-sum", "--target", "30", "--eps", "0.5", "--trials", "40", "--json")
    (found,) = json.loads(out)["thresholds"]
    assert code == 0
    assert found["upper"] is None
    assert 10 <= found["n_max"] < 20
    assert found["lower"] == found["n_max"] + 1
    out = run(capsys, "threshold", "subset-sum", "--eps", "0.001", "--n-max", "4", "--trials", "40")[1]
    assert re.search(r"0\.001 │ 5 +│ open \(looked to 4\)", out)


@pytest.mark.parametrize("chunk", [10**6, 2**32 - 1])
def test_a_chunk_far_above_the_trials_costs_nothing(capsys, chunk):
    words = ["estimate", "subset-sum", "--n", "4", "--eps", "0.25", "--trials", "20", "--json"]
    assert run(capsys, *words, "--chunk", str(chunk))[1] == run(capsys, *words)[1]


def test_no_more_devices_than_there_are(capsys):
    code, _, err = run(capsys, "estimate", "subset-sum", "--n", "4", "--eps", "0.25", "--devices", "500")
    assert code == 2
    assert re.search(r"devices=500 is not allowed: devices is a whole number from 1 to \d+", err)


def test_git_is_asked_without_a_lock(tmp_path):
    """Who is killed meanwhile leaves no lock in a user's checkout, and a commit at the same time goes through."""
    home = tmp_path / "home"
    ask = ["git", "-C", str(home), "-c", "user.email=a@b", "-c", "user.name=n"]
    subprocess.run(["git", "init", "-q", str(home)], check=True)
    (home / "a.py").write_text("1\n")
    subprocess.run([*ask, "add", "."], check=True)
    subprocess.run([*ask, "commit", "-qm", "one"], check=True)
    os.utime(home / "a.py", (1, 1))  # of which a lock would make a note
    before = (home / ".git" / "index").read_bytes()
    assert not checkout.changed(home, new=True)
    assert (home / ".git" / "index").read_bytes() == before
    (home / "b.py").write_text("1\n")
    assert (checkout.changed(home, new=True), checkout.changed(home, new=False)) == (True, False)
    (home / "a.py").write_text("2\n")
    assert checkout.changed(home, new=False)
