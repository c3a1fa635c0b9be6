"""What a trial draws is part of its identity: no setting of the user's changes it, or ends a run."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from toy import toy

from ltjax import sweeps
from ltjax.arguments import ArgumentError
from ltjax.machine import settings
from ltjax.sweeps import work
from tests.commands import process, run

ESTIMATE = ["estimate", "subset-sum", "--n", "6", "--eps", "0.1", "--trials", "500", "--json"]
HOSTILE = {
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "JAX_NUMPY_RANK_PROMOTION": "raise",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_TRANSFER_GUARD": "disallow",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_DEBUG_INFS": "1",
    "JAX_ENABLE_X64": "1",
    "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16",
    "MPLBACKEND": "module://nowhere.backend",
}


def test_no_setting_changes_what_is_drawn(capsys):
    plain = json.loads(run(capsys, *ESTIMATE)[1])
    code, out, err = process(*ESTIMATE, env=HOSTILE)
    assert (code, err) == (0, "")
    assert json.loads(out) == plain


def test_platforms_without_a_device_are_one_line():
    code, out, err = process(*ESTIMATE, env={"JAX_PLATFORMS": "cuda", "CUDA_VISIBLE_DEVICES": ""})
    assert (code, out) == (2, "")
    assert err.startswith("ltjax: JAX has no device with JAX_PLATFORMS='cuda'")
    assert err.count("\n") == 1


def test_the_same_bits_for_ever():
    assert settings.generator() == "threefry2x32 01de03650559215094d85fc8"


def test_a_store_of_another_generator_is_refused(tmp_path):
    path = tmp_path / "store.db"
    sweeps.run(toy(trials=20), path)
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("update origins set content = json_set(content, '$.generator', 'rbg 00')")
    with pytest.raises(ArgumentError, match=r"^store=\S+ holds trials of another random generator, rbg 00"):
        sweeps.run(toy(), path)
    assert set(sweeps.load(path)["trials"]) == {20}


def test_a_worker_of_another_generator_adds_nothing(tmp_path, monkeypatch):
    versions = work.versions()
    monkeypatch.setattr(work, "versions", lambda: versions | {"generator": "rbg 00"})
    summary = sweeps.run(toy(), tmp_path / "store.db")
    assert "its worker draws rbg 00" in summary.failed[0]["reason"]
    assert set(sweeps.load(tmp_path / "store.db")["trials"]) == {0}


FORK = """
import os, sys, warnings, jax, ltjax
warnings.simplefilter("ignore")
key = jax.random.key(0)
if os.fork() == 0:
    try:
        ltjax.estimate(ltjax.SubsetSum(), n=4, eps=0.1, trials=10, key=key)
    except ltjax.arguments.ArgumentError as error:
        print(error, flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_after_a_fork_one_line_says_so_instead_of_hanging():
    done = subprocess.run([sys.executable, "-c", FORK], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("JAX ran before this process was forked")


@pytest.mark.parametrize(("own", "limit"), [({}, 0.2), ({"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.7"}, 0.7)])
@pytest.mark.parametrize("folder", [None, "elsewhere"])
def test_short_programs_are_kept_too_wherever_the_cache_is(tmp_path, own, limit, folder):
    env = os.environ | own | {"XDG_CACHE_HOME": str(tmp_path)}
    env.pop("JAX_COMPILATION_CACHE_DIR", None)
    if folder:
        env["JAX_COMPILATION_CACHE_DIR"] = str(tmp_path / folder)
    ask = (
        "import jax; from ltjax.machine.compilation import use_compilation_cache as use; "
        "print(use(), jax.config.jax_persistent_cache_min_compile_time_secs)"
    )
    out = subprocess.run([sys.executable, "-c", ask], env=env, capture_output=True, text=True, check=True).stdout
    assert out.split() == [str(tmp_path / (folder or "ltjax/compiled")), f"{limit}"]
