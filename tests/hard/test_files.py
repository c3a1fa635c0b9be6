"""Files appear whole or not at all; what was computed is told even where it cannot be written."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy import NAME, toy

from ltjax import files, sweeps
from ltjax.arguments import ArgumentError
from ltjax.sweeps.plotting import plot
from ltjax.sweeps.store import Store
from tests.commands import process, run

STRANGERS = Path(__file__).parents[1] / "strangers"
ESTIMATE = ["estimate", "subset-sum", "--n", "4", "--eps", "0.25", "--trials", "20"]
# A limit on the size of a file is a full disk that needs no rights; what JAX keeps would meet it too.
SMALL = {"largest": 2, "env": {"JAX_ENABLE_COMPILATION_CACHE": "false"}}


def listed(folder):
    """Names of all files, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path):
    """A small finished store in a folder of its own."""
    path = tmp_path / "in" / "store.db"
    path.parent.mkdir()
    sweeps.run(toy(trials=32), path)
    return path


def test_a_full_disk_after_the_work(tmp_path):
    path = tmp_path / "hits.npz"
    path.write_bytes(b"good")
    code, out, err = process(*ESTIMATE, "--witness", path, **SMALL)
    assert code == 2
    assert out.startswith("P(hit) in [")
    assert err == f"ltjax: witness={str(path)!r} cannot be written: File too large\n"
    assert path.read_bytes() == b"good"
    assert listed(tmp_path) == ["hits.npz"]


def test_a_full_disk_under_a_report(tmp_path):
    shutil.copy(STRANGERS / "claim.py", tmp_path)
    code, out, err = process("verify", "claim.py", "--out", "report", cwd=tmp_path, **SMALL)
    assert code == 2
    assert out.startswith("MINE-1 supported")
    assert err == "ltjax: out='report' cannot be written: File too large\n"
    assert listed(tmp_path) == ["claim.py"]


def test_a_link_stays_a_link_and_a_file_keeps_its_mode(capsys, tmp_path):
    real, link = tmp_path / "real.npz", tmp_path / "link.npz"
    real.touch(mode=0o640)
    link.symlink_to(real)
    assert run(capsys, *ESTIMATE, "--witness", str(link))[0] == 0
    assert link.is_symlink()
    assert real.stat().st_size > 0
    assert real.stat().st_mode & 0o777 == 0o640
    assert listed(tmp_path) == ["link.npz", "real.npz"]


def test_a_folder_in_the_place_of_a_file_is_told_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("ltjax.inference.estimates.decisions", lambda *arguments, **how: pytest.fail("work was done"))
    (tmp_path / "dir.npz").mkdir()
    code, out, err = run(capsys, *ESTIMATE, "--witness", str(tmp_path / "dir.npz"))
    assert (code, out) == (2, "")
    assert err.endswith("cannot be written: it is a folder\n")


def test_a_good_figure_outlives_one_that_cannot_be_written(store, tmp_path, monkeypatch):
    good = tmp_path / "figure.png"
    plot(store, good)
    before = good.read_bytes()

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    for write in (lambda: plot(store, good), lambda: sweeps.export(store, tmp_path / "cells.csv")):
        with pytest.raises(ArgumentError, match="cannot be written: No space left on device"):
            write()
    assert good.read_bytes() == before
    assert listed(tmp_path) == ["figure.png", "in"]


def test_a_store_that_is_no_file_is_refused():
    with pytest.raises(ArgumentError, match="store=':memory:' is not allowed: a store is a file"):
        sweeps.run(toy(), ":memory:")


READ = "import sys; from ltjax import sweeps; frame = sweeps.load(sys.argv[1]); print(len(frame), set(frame['trials']))"


def without_rights(path):
    """What a user who may only read gets: root is first rid of the right to write everywhere."""
    words = [sys.executable, "-c", READ, str(path)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may write everywhere")
        drop = "-dac_override,-dac_read_search,-fowner"
        words = ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}", *words]
    return subprocess.run(words, check=False, capture_output=True, text=True)


def test_a_store_that_may_only_be_read_leaves_nothing_beside_it(store):
    folder = store.parent
    store.chmod(0o444)
    folder.chmod(0o555)
    try:
        done = without_rights(store)
        assert (done.stdout, listed(folder)) == ("6 {32}\n", ["store.db"]), done.stderr
        folder.chmod(0o755)
        done = without_rights(store)
        assert (done.stdout, listed(folder)) == ("6 {32}\n", ["store.db"]), done.stderr
    finally:
        folder.chmod(0o755)


def test_a_copy_of_a_store_in_use_is_a_store(store, tmp_path):
    copy = tmp_path / "copy.db"
    with Store(tmp_path / "new.db") as writing:
        writing.add_tasks(toy().tasks(), 0.9)
        shutil.copy(tmp_path / "new.db", copy)
    assert len(sweeps.load(copy)) in (0, 6)
    with sqlite3.connect(tmp_path / "bare.db", isolation_level=None) as db:
        db.execute("pragma journal_mode = wal")
        db.execute("create table streams (x)")
        shutil.copy(tmp_path / "bare.db", tmp_path / "half.db")
    db.close()
    with pytest.raises(ArgumentError, match=r"it is empty; a copy of a store in use needs 'half\.db-wal' beside it"):
        sweeps.load(tmp_path / "half.db")


def test_a_report_of_other_claims_is_not_replaced(capsys, tmp_path):
    claim = tmp_path / "claim.py"
    shutil.copy(STRANGERS / "claim.py", claim)
    out = str(tmp_path / "report")
    assert run(capsys, "verify", str(claim), "--out", out)[0] == 0
    code, _, err = run(capsys, "verify", "SS-1", "--out", out)
    assert code == 2
    assert "it holds a report of MINE-1, which this run does not check" in err
    assert run(capsys, "verify", str(claim), "--out", out)[0] == 0


DISK = """
import os, sys
from ltjax import sweeps
spec = sweeps.parse_spec({"problem": sys.argv[1], "n": [1, 2, 3, 4], "eps": [1.0, 0.3, 0.1], "trials": 4000,
                          "rate": [0.5, 1.0, 2.0], "chunk": 32})
done = open(sys.argv[3], "a")
def told(status):
    done.write(f"{status.trials}\\n"); done.flush()
try:
    sweeps.run(spec, sys.argv[2], progress=told)
except ValueError as error:
    print(error); sys.exit(2)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system takes root to mount")
def test_a_disk_that_fills_loses_nothing_acknowledged(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = tmp_path / "disk.py"
    script.write_text(DISK)
    failed = 0
    for kilobytes in range(60, 260, 40):
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", disk], check=False)
        if mounted.returncode:
            pytest.skip("no file system can be mounted here")
        try:
            told = tmp_path / f"told-{kilobytes}"
            words = [sys.executable, script, NAME, disk / "store.db", told]
            env = os.environ | {"PYTHONPATH": os.pathsep.join([str(STRANGERS.parent), *sys.path])}
            done = subprocess.run(words, check=False, capture_output=True, text=True, env=env)
            assert done.returncode in (0, 2), done.stderr
            assert done.stdout.count("\n") == (done.returncode == 2)
            failed += done.returncode == 2
            acknowledged = int(told.read_text().split()[-1]) if told.exists() and told.read_text() else 0
            if acknowledged:
                copy = tmp_path / f"copy-{kilobytes}"
                shutil.copytree(disk, copy)  # where there is room to look
                with Store(copy / "store.db", read_only=True) as store:
                    assert list(store.query("pragma integrity_check")) == [("ok",)]
                frame = sweeps.load(copy / "store.db")
                assert int(np.asarray(frame["trials"]).sum()) >= 12 * acknowledged
        finally:
            subprocess.run(["umount", disk], check=True)
    assert failed >= 3
