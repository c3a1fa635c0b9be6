"""What a sweep will take, before it runs: `--dry-run`."""

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ltjax.machine import devices as parallel
from ltjax.sweeps import memory
from ltjax.sweeps.engines import AbstractEngine
from ltjax.sweeps.run import plan, trials_left
from ltjax.sweeps.spec import Spec, Task
from ltjax.sweeps.store import Store, check
from ltjax.sweeps.work import dispatch_size, stream_key
from ltjax.trials.dispatch import decisions


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a task will take.

    Attributes:
        task: the task.
        trials: those that the store lacks; with `until`, at most.
        memory: bytes a process.
        seconds: on the devices that were timed, besides compiling.
        compiling: seconds; 0 where an earlier task of the list has the same program.
        measured: whether its program was timed, or is guessed to be like the others.
    """

    task: Task
    trials: int
    memory: int
    seconds: float
    compiling: float
    measured: bool


def forecast(
    spec: Spec, engine: AbstractEngine, *, store: Path | None = None, devices: int = 1, patience: float = 60.0
) -> list[Forecast]:
    """Plan a sweep and time one dispatch of each different program, a block on each device.

    Args:
        spec: the sweep.
        engine: entered; says how much memory there is.
        store: what is in it already takes no time.
        devices: how many of this process's devices share a dispatch.
        patience: seconds to spend on timing, compilations included; programs beyond that (but the first) are
            guessed to take as long a block as the mean of those timed.

    Raises:
        ArgumentError: as `run` does.
    """
    tasks, began = plan(spec, engine), time.perf_counter()
    left = [task.trials for task in tasks]
    if store is not None and check(store):
        with Store(store, read_only=True) as file:
            left = [trials_left(task, spec, file.rows(task)) for task in tasks]
    used = parallel.local()[:devices]
    timed: dict[Any, tuple[float, float]] = {}
    for task, trials in zip(tasks, left, strict=True):
        if trials and _program(task) not in timed and (not timed or time.perf_counter() - began < patience):
            timed[_program(task)] = _times(task, used)
    mean = tuple(sum(each) / len(timed) for each in zip(*timed.values(), strict=True)) if timed else (0.0, 0.0)
    found, compiled = [], set()
    for task, trials in zip(tasks, left, strict=True):
        program = _program(task)
        once, compiling = timed.get(program, mean)
        dispatches = -(-trials // (task.choice.solver.block(max(task.ns)) * devices))
        _, share = engine.memory
        chunk = dispatch_size(task, max(task.ns), [None] * engine.devices) * share // engine.devices
        need = memory.need(task).total(chunk, share)
        compiling = compiling if trials and program not in compiled else 0.0
        found.append(Forecast(task, trials, need, dispatches * once, compiling, program in timed or not trials))
        compiled.add(program)
    return found


def _program(task: Task) -> Any:
    """What tasks share when they share a compilation of the search."""
    return task.choice.solver, task.ns, task.eps


def _times(task: Task, devices: Sequence[Any]) -> tuple[float, float]:
    """Seconds of a dispatch of one block a device, and those that compiling it takes before."""
    share, key = task.share(), stream_key(task.seed, task.stream)
    chunk = share.solver.block(max(task.ns)) * len(devices)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        for _ in decisions(share, chunk, key, chunk=chunk, devices=devices):
            pass
        seconds.append(time.perf_counter() - began)
    return seconds[1], max(seconds[0] - seconds[1], 0.0)
