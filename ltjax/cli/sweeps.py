"""What `ltjax sweep` computes and prints."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ltjax import arguments, files
from ltjax.arguments import ArgumentError
from ltjax.cli.console import note, print_json, progress, say, show, start_devices, table
from ltjax.cli.stopping import work_begins
from ltjax.machine import devices as parallel
from ltjax.machine.compilation import use_compilation_cache
from ltjax.sweeps import engines, memory
from ltjax.sweeps.forecast import forecast
from ltjax.sweeps.run import Status, Summary, run
from ltjax.sweeps.spec import Spec, read_spec
from ltjax.sweeps.store import Store, check


def sweep(
    spec: Path,
    *,
    store: Path,
    engine: str = "serial",
    scheduler: str | None = None,
    workers: int | None = None,
    until: str | None = None,
    dry_run: bool = False,
    devices: int | None = None,
    json: bool = False,
) -> int:
    """Run a sweep, or say what it would take.

    Args:
        spec, store: the files.
        engine: serial or dask.
        scheduler, workers: of the Dask engine.
        until: overrides the spec's.
        dry_run: only plan and time; nothing is written.
        devices: of the serial engine.
        json: print one JSON object.

    Returns:
        The exit status: 1 where a task failed, 130 where Ctrl-C stopped it, else 0.
    """
    arguments.choice("engine", engine, ["serial", "dask"])
    for name, value in (("scheduler", scheduler), ("workers", workers)):
        if value is not None and engine != "dask":
            raise ArgumentError(f"{name}={value!r} is not allowed: it goes with engine=dask")
    if scheduler is not None and workers is not None:
        raise ArgumentError(f"workers={workers} is not allowed: the scheduler at {scheduler} has its own")
    files.apart("store", store, "spec", spec)
    asked = read_spec(spec, until=until)
    check(store)
    use_compilation_cache()
    if engine == "dask" and not dry_run:
        # The devices are the workers'; this process only plans.
        jax.config.update("jax_platforms", "cpu")
        runner: engines.AbstractEngine = engines.Dask(scheduler, workers, say=note)
    else:
        asked.tasks()  # a mistake in the spec is said before devices are looked for
        runner = engines.Serial(start_devices(devices))
    if dry_run:
        many = (workers or len(engines.local_gpus()) or parallel.cores()) if engine == "dask" else None
        return _dry_run(asked, store, runner, many, json)
    bar = _Bar()
    work_begins()
    try:
        with bar:
            summary = run(asked, store, engine=runner, progress=bar.show)
    except KeyboardInterrupt:
        note(f"stopped: {bar.trials} trials of this run are in {store}; the same command goes on")
        return 130
    if json:
        print_json(dataclasses.asdict(summary) | {"saved": summary.saved})
    else:
        say("\n".join(_told(asked, summary, store)))
    for each in summary.failed:
        n, eps = _ends(each["n"], "sizes"), _ends(each["eps"], "precisions")
        note(f"failed: {each['problem']}, n {n}, ε {eps}: {each['reason']}")
    return 1 if summary.failed else 0


def _told(spec: Spec, summary: Summary, store: Path) -> Iterator[str]:
    yield f"{summary.cells_done} of {summary.cells} cells done in {store}"
    yield f"{summary.trials_added} trials of {summary.tasks} tasks added in {summary.seconds:.1f} s"
    if summary.earlier:
        yield f"{summary.earlier} cells of another version of ltjax stay in the store: exported, never added to"
    if summary.other_code:
        yield _of_other_code(spec, store, summary.other_code)
    if spec.until is not None:
        most = f"{summary.trials_used} of at most {summary.trials_asked}"
        yield f"stopping early saved {100 * summary.saved:.0f}% of the cells' trials ({most})"
        short, hopeless = summary.short
        if short:
            yield f"{short} cells used all their trials before {spec.until}"
        if hopeless:
            yield f"in {hopeless} of them the undecided trials seen are too many for more to help"


def _of_other_code(spec: Spec, store: Path, cells: int) -> str:
    return f"{cells} cells of {spec.problem} in {store} were counted by other code: they stay, exported, never added to"


def _dry_run(spec: Spec, store: Path, runner: engines.AbstractEngine, workers: int | None, json: bool) -> int:
    with runner:
        found = forecast(spec, runner, store=store, devices=1 if workers else runner.devices)
    together = workers or 1
    compiling = sum(each.compiling for each in found) / together
    seconds = sum(each.seconds for each in found) / together + compiling
    cells, others = sum(len(each.task) for each in found), 0
    if check(store):
        with Store(store, read_only=True) as file:
            others = file.other_code([each.task for each in found])
    if json:
        tasks = [
            {"problem": each.task.described, "n": each.task.ns, "eps": each.task.eps, "trials": each.trials}
            | {"memory_bytes": each.memory, "seconds": each.seconds / together, "measured": each.measured}
            for each in found
        ]
        plan = {"cells": cells, "tasks": tasks, "seconds": seconds, "compiling": compiling, "other_code": others}
        print_json(plan | {"together": workers or runner.devices})
        return 0
    most = "at most " if spec.until is not None else ""
    say(f"{cells} cells in {len(found)} tasks")
    if others:
        say(_of_other_code(spec, store, others))
    for described, group in itertools.groupby(found, lambda each: memory.describe(each.task)):
        rows = table("n (sizes)", "ε (precisions)", "cells", f"{most}trials left", "memory", "time", title=described)
        for each in group:
            task, guess = each.task, "" if each.measured else "?"
            rows.add_row(
                _ends(task.ns),
                _ends(task.eps),
                str(len(task)),
                str(each.trials),
                memory.in_words(each.memory),
                _duration(each.seconds / together) + guess,
            )
        show(rows)
    number, kind = (workers, "worker") if workers else (runner.devices, "device")
    where = f"{number} {kind}{'s' * (number > 1)}"
    say(f"{most}about {_duration(seconds)} on {where}, {_duration(compiling)} of it compiling; nothing was written")
    return 0


def _ends(values: Any, what: str = "") -> str:
    low, high = f"{values[0]:g}", f"{values[-1]:g}"
    return low if len(values) == 1 else f"{low} … {high} ({f'{len(values)} {what}'.rstrip()})"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.2g} s"


class _Bar:
    """Cells done, trials a second, time left; on standard error, and only if that is a terminal."""

    def __init__(self) -> None:
        self.trials = 0
        columns = (
            TextColumn("cells {task.fields[cells]}"),
            BarColumn(),
            TextColumn("{task.fields[speed]} trials/s"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = progress(*columns)

    def __enter__(self) -> "_Bar":
        self._progress.__enter__()
        self._task = self._progress.add_task("", total=None, cells="…: compiling, first trials", speed="…")
        return self

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)

    def show(self, status: Status) -> None:
        """Redraw."""
        self.trials = status.trials
        self._progress.update(
            self._task,
            total=status.work,
            completed=status.work_done,
            cells=f"{status.cells_done}/{status.cells}",
            speed=f"{status.trials / max(status.seconds, 1e-9):,.0f}",
        )


__all__ = ["sweep"]
