"""What a sweep costs beside the trials themselves, as ratios within one run, compilation apart.

- grid: a grid of 20 n × 10 ε over its most expensive single cell. One draw and one search decide them together.
- serial: a sweep over the bare engine on the same cells. The rest is planning, handing out, and the store.
- dask: two local Dask workers over two processes that sweep half of the cells each, one device apiece.

Run: `make bench`, or `python benchmarks/sweeps.py --rounds 5`.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ltjax import sweeps
from ltjax.machine import devices as parallel
from ltjax.machine import timing
from ltjax.machine.compilation import use_compilation_cache
from ltjax.sweeps.work import Job, decide, stream_key
from ltjax.trials.dispatch import decisions

GRIDS = {
    "subset sums": {"problem": "subset-sum", "n": {"range": [5, 24, 1]}, "trials": 20_000},
    "coverage": {"problem": "subset-sum", "target": "cover", "n": {"range": [1, 20, 1]}, "trials": 200},
    "neuron pruning on the line": {"problem": "neuron-pruning", "d": 1, "n": {"range": [5, 24, 1]}, "trials": 8_000},
}
EPS = {"logspace": [1e-1, 1e-3, 10]}
CELLS = {"problem": "subset-sum", "n": 22, "eps": 0.01, "trials": 6000}
"""Some 100 ms each on two cores."""
TASKS = 40
WORKERS = 2

_HALF = """
import json, sys, time
from ltjax import sweeps
from ltjax.machine import devices as parallel
parallel.use_cores(1)
from ltjax.machine.compilation import use_compilation_cache
use_compilation_cache()
spec = sweeps.parse_spec(json.loads(sys.argv[1]))
for line in sys.stdin:
    began = time.perf_counter()
    sweeps.run(spec, line.strip())
    print(time.perf_counter() - began, flush=True)
"""


def targets(count: int, first: int = 0) -> list[float]:
    """Targets that tell tasks apart, and cost the same."""
    return [0.3 + 0.01 * (first + i) for i in range(count)]


@contextlib.contextmanager
def stores() -> Iterator[Callable[[], Path]]:
    """Names of stores that do not exist yet."""
    with tempfile.TemporaryDirectory() as folder:
        count = iter(range(10**6))
        yield lambda: Path(folder) / f"{next(count)}.db"


def ratio(found: timing.Timings, variant: str, base: str) -> dict[str, Any]:
    values = found.ratios(variant, base)
    seconds = {name: round(found.median(name), 3) for name in (variant, base)}
    return {"ratio": round(float(np.median(values)), 3), "of rounds": [round(float(v), 3) for v in sorted(values)]} | {
        "seconds": seconds
    }


def grid(name: str, rounds: int, fresh: Callable[[], Path]) -> dict[str, Any]:
    """A grid over its most expensive cell, the one of the largest n and the smallest ε."""
    whole = {**GRIDS[name], "eps": EPS}
    parsed = sweeps.parse_spec(whole)
    (task,) = parsed.tasks()
    cell = sweeps.parse_spec(whole | {"n": max(task.ns), "eps": min(task.eps)})
    calls = {"grid": lambda: sweeps.run(parsed, fresh()), "cell": lambda: sweeps.run(cell, fresh())}
    return ratio(timing.interleaved(calls, rounds, shortest=0.0, finish=lambda x: x), "grid", "cell")


def serial(rounds: int, fresh: Callable[[], Path]) -> dict[str, Any]:
    """A sweep of many cells over the engine alone."""
    spec = sweeps.parse_spec(CELLS | {"target": targets(TASKS)})

    def bare() -> None:
        for task in spec.tasks():
            key = stream_key(task.seed, task.stream)
            for _ in decisions(task.share(), task.trials, key):
                pass

    calls = {"sweep": lambda: sweeps.run(spec, fresh()), "engine": bare}
    found = ratio(timing.interleaved(calls, rounds, shortest=0.0, finish=lambda x: x), "sweep", "engine")
    return found | {"milliseconds a cell": round(1e3 * found["seconds"]["engine"] / TASKS)}


def _meet(tasks: list[sweeps.Task]) -> None:
    """Compile what these tasks take, in whatever process this runs."""
    for task in tasks:
        decide(Job(0, task, task.ns, task.eps, 0, task.trials))


class _Kept(sweeps.Dask):
    """A cluster that stays up between sweeps, its workers warm, so that starting and compiling is not timed."""

    def __init__(self, tasks: list[sweeps.Task]) -> None:
        super().__init__(workers=WORKERS)
        self._tasks, self._up = tasks, False

    def __enter__(self) -> "_Kept":
        if not self._up:
            super().__enter__()
            self._up = True
            self.client.run(_meet, self._tasks)
        return self

    def __exit__(self, *error: Any) -> None:
        return None

    def close(self) -> None:
        super().__exit__(None, None, None)


def dask(rounds: int, fresh: Callable[[], Path]) -> dict[str, Any]:
    """Two local workers over two processes."""
    whole = CELLS | {"target": targets(TASKS)}
    halves = [CELLS | {"target": targets(TASKS // 2, first)} for first in (0, TASKS // 2)]
    spec = sweeps.parse_spec(whole)
    engine = _Kept(spec.tasks())
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", _HALF, json.dumps(half)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for half in halves
        ]

        def both() -> None:
            for process in processes:
                print(fresh(), file=process.stdin, flush=True)
            for process in processes:
                process.stdout.readline()

        stack.callback(engine.close)
        calls = {"dask": lambda: sweeps.run(spec, fresh(), engine=engine), "processes": both}
        found = timing.interleaved(calls, rounds, shortest=0.0, finish=lambda x: x)
        for process in processes:
            process.stdin.close()
    return ratio(found, "dask", "processes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", choices=["grid", "serial", "dask"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    use_compilation_cache()
    parallel.use_cores()
    began = time.perf_counter()
    with stores() as fresh:
        report = {}
        if options.only in (None, "grid"):
            report |= {f"200 cells over one, {name}": grid(name, options.rounds, fresh) for name in GRIDS}
        if options.only in (None, "serial"):
            report["serial sweep over the engine alone"] = serial(options.rounds, fresh)
        if options.only in (None, "dask"):
            report["two Dask workers over two processes"] = dask(options.rounds, fresh)
    if options.json:
        print(json.dumps(report))
        return
    for name, found in report.items():
        print(f"{name:48} {found['ratio']:.3f}   rounds {found['of rounds']}, seconds {found['seconds']}")
    print(f"in all {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
