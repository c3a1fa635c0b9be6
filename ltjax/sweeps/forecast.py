"""What a sweep will take, before it runs: `--dry-run`."""

import dataclasses
import time
from typing import Any

from ltjax.machine import devices as parallel
from ltjax.sweeps import memory
from ltjax.sweeps.engines import AbstractEngine
from ltjax.sweeps.run import plan
from ltjax.sweeps.spec import Spec, Task
from ltjax.sweeps.work import dispatch_size, stream_key
from ltjax.trials.dispatch import decisions


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Of one task: bytes of memory a process, seconds of one device, and whether those were measured."""

    task: Task
    memory: int
    seconds: float
    measured: bool


def forecast(spec: Spec, engine: AbstractEngine, *, patience: float = 60.0) -> list[Forecast]:
    """Plan a sweep and time one block of each different program on this process's first device.

    Args:
        spec: the sweep.
        engine: entered; says how much memory there is.
        patience: seconds to spend on timing, compilations included; programs beyond that (but the first) are
            guessed to take as long a block as the mean of those timed.

    Raises:
        ValueError: as `run` does.
    """
    tasks, began = plan(spec, engine), time.perf_counter()
    device = parallel.local()[0]
    timed: dict[Any, float] = {}
    for task in tasks:
        if _program(task) not in timed and (not timed or time.perf_counter() - began < patience):
            timed[_program(task)] = _block_seconds(task, device)
    mean = sum(timed.values()) / len(timed)
    found = []
    for task in tasks:
        block = task.choice.solver.block(max(task.ns))
        seconds = -(-task.trials // block) * timed.get(_program(task), mean)
        _, share = engine.memory
        chunk = dispatch_size(task, max(task.ns), [None] * engine.devices) * share // engine.devices
        found.append(Forecast(task, memory.need(task).total(chunk, share), seconds, _program(task) in timed))
    return found


def _program(task: Task) -> Any:
    """What tasks share when they share a compilation of the search."""
    return task.choice.solver, task.ns, task.eps


def _block_seconds(task: Task, device: Any) -> float:
    share, key = task.share(), stream_key(task.seed, task.stream)
    block = share.solver.block(max(task.ns))
    seconds = 0.0
    for _ in range(2):  # the first compiles
        began = time.perf_counter()
        for _ in decisions(share, block, key, chunk=block, devices=[device]):
            pass
        seconds = time.perf_counter() - began
    return seconds
