"""What an engine runs: a stretch of one task's trials, in; counts, out. Plain data both ways.

Why rows are cut as they are. Counts are stored in rows of consecutive trials. Where a row ends must not depend
on chunk size, devices, engine or how often a run was stopped, or rows of different runs could not be added. So
the cuts are constants: rows of 16 trials first, then a power of two, about a fifth of the trials before
(`row_end`). Rows stay few, and what is lost when a row is not finished is always a small part.
"""

import dataclasses
import functools
import importlib.metadata
import platform
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, Key

import ltjax
from ltjax.machine import devices as parallel
from ltjax.machine import settings
from ltjax.machine.checkout import changed, git
from ltjax.outcomes import HIT, MISS
from ltjax.sweeps.code import KEY, own_code
from ltjax.sweeps.spec import Task
from ltjax.trials import dispatch as engine

SHORTEST_ROW, LONGEST_ROW = 16, 1 << 16


def row_end(trial: int) -> int:
    """Where the row of the store that holds this trial ends."""
    length = min(max(1 << (max(trial // 4, 1).bit_length() - 1), SHORTEST_ROW), LONGEST_ROW)
    return trial - trial % length + length


def rows(start: int, stop: int) -> list[tuple[int, int]]:
    """[start, stop) cut into rows."""
    found = []
    while start < stop:
        end = min(row_end(start), stop)
        found.append((start, end))
        start = end
    return found


@dataclasses.dataclass(frozen=True)
class Job:
    """Trials start..stop-1 of a task, for some of its n and ε.

    Attributes:
        index: which task of the sweep, for the driver.
    """

    index: int
    task: Task
    ns: tuple[int, ...]
    eps: tuple[float, ...]
    start: int
    stop: int


@dataclasses.dataclass(frozen=True)
class Tally:
    """Counts of trials first..first+trials-1; what is neither hit nor miss is undecided."""

    first: int
    trials: int
    hits: Int[np.ndarray, "ns eps"]
    misses: Int[np.ndarray, "ns eps"]


@dataclasses.dataclass(frozen=True)
class Done:
    """A job's rows, how long it took, and on what."""

    tallies: list[Tally]
    seconds: float
    origin: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Failed:
    """Why a job could not be done."""

    reason: str


def stream_key(seed: int, stream: str) -> Key[Array, ""]:
    """The key of a stream: 64 bits of its hash, folded into the seed."""
    key = settings.key(seed)
    with settings.pinned():
        for part in (stream[:8], stream[8:16]):
            key = jax.random.fold_in(key, np.uint32(int(part, 16)))
        return key


def dispatch_size(task: Task, n: int, devices: Sequence[parallel.Device]) -> int:
    """Trials a dispatch at size n: what the task says, else the solver's choice, but no more than there are."""
    solver = task.choice.solver
    size = engine.chunk_size(solver, n, devices, task.chunk)
    return min(size, parallel.padded(task.trials, solver.block(n), devices))


def decide(job: Job, devices: Sequence[parallel.Device] | None = None) -> Done:
    """Do a job on these devices (default: all local ones)."""
    began = time.perf_counter()
    devices = tuple(devices) if devices is not None else parallel.local()
    task, share = job.task, job.task.share(job.ns, job.eps)
    # A worker that runs for long may have loaded a module before it was edited, or another file of that name.
    code, asked = own_code(share.problem, share.solver).get(KEY), task.described.get(KEY)
    if code != asked:
        raise RuntimeError(f"its worker has other code, {code}, than this sweep, {asked}: start the workers anew")
    chunk = dispatch_size(task, max(job.ns), devices)
    cuts = rows(job.start, job.stop)
    shape = (len(cuts), len(job.ns), len(job.eps))
    hits, misses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    at = job.start
    for decision in engine.decisions(
        share,
        job.stop - job.start,
        stream_key(task.seed, task.stream),
        first=job.start,
        chunk=chunk,
        devices=devices,
    ):
        for i, (start, stop) in enumerate(cuts):
            if stop <= at or start >= at + len(decision):
                continue
            part = decision.status[max(start - at, 0) : stop - at]
            hits[i] += (part == HIT).sum(axis=0)
            misses[i] += (part == MISS).sum(axis=0)
        at += len(decision)
    tallies = [Tally(start, stop - start, hits[i], misses[i]) for i, (start, stop) in enumerate(cuts)]
    origin = {
        **versions(),
        "device": f"{len(devices)} × {devices[0].device_kind}",
        "platform": devices[0].platform,
        "dtype": task.choice.solver.dtype,
        "chunk": chunk,
    }
    return Done(tallies, time.perf_counter() - began, origin)


@functools.cache
def versions() -> dict[str, Any]:
    """What computes: versions, and the source's git revision where there is one."""
    found: dict[str, Any] = {"ltjax": ltjax.__version__, "python": platform.python_version()}
    found |= {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "numpy", "scipy")}
    found["generator"] = settings.generator()
    found["git"] = _git_revision(Path(ltjax.__file__).parent)
    return found


def _git_revision(folder: Path) -> str | None:
    try:
        # Some other project's repository that ltjax is merely installed in says nothing about ltjax.
        if not git(folder, "ls-files", "--", "__init__.py"):
            return None
        return git(folder, "rev-parse", "HEAD") + ("+changes" if changed(folder, new=True) else "")
    except (OSError, subprocess.SubprocessError):
        return None
