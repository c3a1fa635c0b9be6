"""`ltjax sweep`, `ltjax export`, `ltjax plot`: what the command line calls."""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.machine.compilation import use_compilation_cache
from ltjax.sweeps import engines, memory
from ltjax.sweeps.forecast import forecast
from ltjax.sweeps.run import Status, Summary, run
from ltjax.sweeps.spec import Spec, read_spec
from ltjax.sweeps.store import check


def sweep(
    spec: Path,
    *,
    store: Path,
    engine: str = "serial",
    scheduler: str | None = None,
    workers: int | None = None,
    until: str | None = None,
    dry_run: bool = False,
    start_devices: Callable[[], list[Any]],
    notes: Console,
    say: Callable[[dict[str, Any]], None] | None = None,
) -> int:
    """Run a sweep, or say what it would take.

    Args:
        spec, store: the files.
        engine: serial or dask.
        scheduler, workers: of the Dask engine.
        until: overrides the spec's.
        dry_run: only plan and time; nothing is written.
        start_devices: gives this process's devices; not called where workers have them.
        notes: where people read.
        say: takes the result as plain values, for `--json`.

    Returns:
        The exit status: 1 where a task failed, else 0.
    """
    arguments.choice("engine", engine, ["serial", "dask"])
    for name, value in (("scheduler", scheduler), ("workers", workers)):
        if value is not None and engine != "dask":
            raise ArgumentError(f"{name}={value!r} is not allowed: it goes with engine=dask")
    if scheduler is not None and workers is not None:
        raise ArgumentError(f"workers={workers} is not allowed: the scheduler at {scheduler} has its own")
    asked = read_spec(spec, until=until)
    check(store)
    use_compilation_cache()
    if engine == "dask" and not dry_run:
        # The devices are the workers'; this process only plans.
        jax.config.update("jax_platforms", "cpu")
        runner: engines.AbstractEngine = engines.Dask(scheduler, workers)
    else:
        asked.tasks()  # a mistake in the spec is said before devices are looked for
        runner = engines.Serial(start_devices())
    if dry_run:
        many = (workers or len(engines.local_gpus()) or parallel.cores()) if engine == "dask" else None
        return _dry_run(asked, runner, many, say)
    with _Bar(notes) as bar:
        summary = run(asked, store, engine=runner, progress=bar.show)
    if say is not None:
        say(dataclasses.asdict(summary) | {"saved": summary.saved})
    else:
        _tell(asked, summary, store)
    return 1 if summary.failed else 0


def _tell(spec: Spec, summary: Summary, store: Path) -> None:
    print(f"{summary.cells_done} of {summary.cells} cells done in {store}")
    print(f"{summary.trials_added} trials of {summary.tasks} tasks added in {summary.seconds:.1f} s")
    if summary.earlier:
        print(f"{summary.earlier} cells of another version of ltjax stay in the store: exported, never added to")
    if spec.until is not None:
        most = f"{summary.trials_used} of at most {summary.trials_asked}"
        print(f"stopping early saved {100 * summary.saved:.0f}% of the cells' trials ({most})")
        short, hopeless = summary.short
        if short:
            print(f"{short} cells used all their trials before {spec.until}")
        if hopeless:
            print(f"in {hopeless} of them the undecided trials seen are too many for more to help")
    for each in summary.failed:
        n, eps = _ends(each["n"]), _ends(each["eps"])
        print(f"failed: {each['problem']}, n {n}, ε {eps}: {each['reason']}", file=sys.stderr)


def _dry_run(spec: Spec, runner: engines.AbstractEngine, workers: int | None, say: Any) -> int:
    with runner:
        found = forecast(spec, runner)
        together = workers or runner.devices
    seconds = sum(each.seconds for each in found) / together
    cells = sum(len(each.task) for each in found)
    if say is not None:
        tasks = [
            {"problem": each.task.described, "n": each.task.ns, "eps": each.task.eps, "trials": each.task.trials}
            | {"memory_bytes": each.memory, "seconds": each.seconds / together, "measured": each.measured}
            for each in found
        ]
        say({"cells": cells, "tasks": tasks, "seconds": seconds, "together": together})
        return 0
    most = "at most " if spec.until is not None else ""
    table = Table(
        "task", "n", "ε", "cells", f"{most}trials", "memory", "time", title=f"{cells} cells in {len(found)} tasks"
    )
    for each in found:
        task, guess = each.task, "" if each.measured else "?"
        table.add_row(
            memory.describe(task),
            _ends(task.ns),
            _ends(task.eps),
            str(len(task)),
            str(task.trials),
            memory.in_words(each.memory),
            _duration(each.seconds / together) + guess,
        )
    Console().print(table)
    devices = f"{together} worker{'s' * (together > 1)}" if workers else f"{together} device{'s' * (together > 1)}"
    print(f"{most}about {_duration(seconds)} on {devices}, besides compiling; nothing was written")
    return 0


def _ends(values: Any) -> str:
    low, high = f"{values[0]:g}", f"{values[-1]:g}"
    return low if len(values) == 1 else f"{low} … {high} ({len(values)})"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"


class _Bar:
    """Cells done, trials a second, time left; on standard error, and only if that is a terminal."""

    def __init__(self, notes: Console) -> None:
        columns = (
            TextColumn("cells {task.fields[cells]}"),
            BarColumn(),
            TextColumn("{task.fields[speed]} trials/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)

    def __enter__(self) -> "_Bar":
        self._progress.__enter__()
        self._task = self._progress.add_task("", total=None, cells="…", speed="…")
        return self

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)

    def show(self, status: Status) -> None:
        """Redraw."""
        self._progress.update(
            self._task,
            total=status.work,
            completed=status.work_done,
            cells=f"{status.cells_done}/{status.cells}",
            speed=f"{status.trials / max(status.seconds, 1e-9):,.0f}",
        )


__all__ = ["sweep"]
