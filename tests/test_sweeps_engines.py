"""Dask: the same counts as in this process, workers killed, tasks that kill their workers."""

import importlib
import os
import signal
from typing import Any

import pytest
from test_sweeps_store import counts
from toy import toy

from ltjax import sweeps
from ltjax.sweeps import engines

driver = importlib.import_module("ltjax.sweeps.run")  # the package's `run` is the function

dask: Any = pytest.importorskip("dask")
pytest.importorskip("distributed")


@pytest.fixture(autouse=True)
def _small_workers(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")


@pytest.mark.slow
def test_workers_killed_and_a_task_that_kills_its_workers(tmp_path, monkeypatch):
    monkeypatch.setattr(driver, "SECONDS_A_JOB", 0.1)
    engine = sweeps.Dask(workers=2)
    kills = []

    def kill(status):
        # Twice in the middle, another worker each time.
        if status.trials > 100 * (len(kills) + 1) and len(kills) < 2:
            assert status.cells_done == 0
            kills.append(engine.cluster.workers[len(kills)].pid)
            os.kill(kills[-1], signal.SIGKILL)

    spec = toy(what=["works", "kills"], chunk=32, slow=0.1, trials=900)
    # As on a machine so busy that a worker is away for longer than a cluster waits for it by default.
    with dask.config.set({"distributed.deploy.lost-worker-timeout": "10 ms"}):
        summary = sweeps.run(spec, tmp_path / "dask.db", engine=engine, progress=kill)
    assert len(kills) == 2
    (failed,) = summary.failed
    assert failed["reason"] == "it killed its worker 3 times"
    assert "what kills" in failed["problem"]
    assert (summary.cells, summary.cells_done) == (12, 6)
    sweeps.run(toy(slow=0.1, trials=900), tmp_path / "serial.db")
    assert counts(tmp_path / "dask.db") == counts(tmp_path / "serial.db")


@pytest.mark.slow
def test_workers_that_do_not_come_back(tmp_path):
    engine = sweeps.Dask(workers=1)

    def give_up(status):
        (nanny,) = engine.cluster.workers.values()
        engine.cluster.sync(nanny.close)

    with pytest.raises(ValueError, match="no worker is left; what was stored stays"):
        sweeps.run(toy(chunk=32), tmp_path / "dask.db", engine=engine, progress=give_up)


@pytest.mark.slow
def test_counts_of_subset_sums_are_those_of_one_process(tmp_path):
    table = {"problem": "subset-sum", "n": [8, 12], "eps": [0.01, 1e-5], "law": ["uniform", "normal"]}
    for how in ({"trials": 30_000}, {"until": "width=0.05"}):
        spec = sweeps.parse_spec(table | how)
        name = next(iter(how))
        sweeps.run(spec, tmp_path / f"{name}-serial.db")
        sweeps.run(spec, tmp_path / f"{name}-dask.db", engine=sweeps.Dask(workers=2))
        assert counts(tmp_path / f"{name}-dask.db") == counts(tmp_path / f"{name}-serial.db")


@pytest.mark.slow
def test_a_scheduler_that_runs_already(tmp_path):
    from distributed import LocalCluster

    start: Any = LocalCluster
    with start(n_workers=1, threads_per_worker=1, dashboard_address=None, memory_limit=0) as cluster:
        summary = sweeps.run(toy(), tmp_path / "dask.db", engine=sweeps.Dask(cluster.scheduler_address))
    assert summary.cells_done == 6
    sweeps.run(toy(), tmp_path / "serial.db")
    assert counts(tmp_path / "dask.db") == counts(tmp_path / "serial.db")


@pytest.mark.slow
def test_a_scheduler_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"scheduler='tcp://127.0.0.1:9' cannot be reached"):
        sweeps.run(toy(), tmp_path / "store.db", engine=sweeps.Dask("tcp://127.0.0.1:9"))
    assert list(tmp_path.iterdir()) == []


def test_gpus_are_told_by_the_environment(monkeypatch):
    assert engines.local_gpus() == []
    monkeypatch.setenv("JAX_PLATFORMS", "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert engines.local_gpus() == ["0", "3"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert engines.local_gpus() == []


def test_bad_workers():
    with pytest.raises(ValueError, match="workers=0 is not allowed"):
        sweeps.Dask(workers=0)
