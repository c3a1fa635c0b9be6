"""What a task needs of memory, before anything is compiled or run, and what there is."""

import dataclasses
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jax
import jax.extend.core as jex
import numpy as np

from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.machine import settings
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.choose import Choice
from ltjax.sweeps import code
from ltjax.sweeps.spec import Task
from ltjax.trials.dispatch import chunk_size

SHARE = 0.25
"""Of the memory, for a dispatch's rows; a smaller chunk costs little speed."""


@dataclasses.dataclass(frozen=True)
class Need:
    """Bytes: while a device searches one block, and for each trial of a dispatch."""

    block: int
    trial: int

    def total(self, chunk: int, devices: int) -> int:
        """Bytes for dispatches of `chunk` trials on that many devices that share one memory."""
        return devices * self.block + chunk * self.trial


@settings.pinned()
def need(task: Task) -> Need:
    """A model of a task's memory, from its traced program.

    The block's part is the peak of the arrays alive at one time if every operation wrote its result out, in the
    order they were traced: XLA fuses many and so needs less, seldom more. A trial's part is what was drawn and
    found, for two dispatches (one is computed while the other is judged) and once more on the host, where its masks
    also become float64. Of what XLA says of the compiled searches it is 0.9 to 6 times; for the loops of the arcs it is
    0.5 times, of some MiB, and where d >= 3 all masks of few neurons are compared in one fused loop it is far above,
    and still small. What the process takes itself,
    some hundred MiB with its compiler, is not counted.
    """
    share, n = task.share(), max(task.ns)
    drawn = _drawn(share.problem, share.choice, n)
    block, found = _searched(share.problem, share.choice, task.ns, len(task.eps))
    rows = _bytes(jax.tree.leaves(drawn)) + found
    trial = -(-rows // share.solver.block(n))
    return Need(block + 2 * rows, 3 * trial + 9 * len(task.ns) * n)


@lru_cache(maxsize=256)
def _drawn(problem: AbstractProblem, choice: Choice, n: int) -> Any:
    with jax.enable_x64(choice.solver.dtype == "float64"):
        keys = jax.eval_shape(lambda: jax.random.split(settings.key(0), choice.solver.block(n)))
        return jax.eval_shape(jax.vmap(lambda key: choice.draw(problem, key, n)), keys)


@lru_cache(maxsize=256)
def _searched(problem: AbstractProblem, choice: Choice, ns: tuple[int, ...], precisions: int) -> tuple[int, int]:
    """(peak bytes of a block's search, bytes of what it finds)"""
    instances, solver = _drawn(problem, choice, max(ns)), choice.solver
    with jax.enable_x64(solver.dtype == "float64"):
        eps = jax.ShapeDtypeStruct((precisions,), np.dtype(solver.dtype))
        sizes = solver.as_searched(ns)
        traced, found = jax.make_jaxpr(lambda rows, eps: solver.search(rows, sizes, eps), return_shape=True)(
            instances, eps
        )
    return _peak(traced.jaxpr), _bytes(jax.tree.leaves(found))


def _bytes(arrays: Any) -> int:
    return sum(int(np.prod(x.shape, dtype=np.float64)) * (8 if x.dtype.itemsize > 4 else 4) for x in arrays)


def _peak(jaxpr: Any) -> int:
    """Most bytes alive at one time while the operations run in order, inputs included."""

    def size(variables: Any) -> int:
        return _bytes([v.aval for v in variables if hasattr(v.aval, "shape")])

    last = {v: i for i, one in enumerate(jaxpr.eqns) for v in one.invars if isinstance(v, jex.Var)}
    for v in jaxpr.outvars:
        if isinstance(v, jex.Var):
            last[v] = len(jaxpr.eqns)
    alive = most = size([*jaxpr.invars, *jaxpr.constvars])
    for i, one in enumerate(jaxpr.eqns):
        inner = max((_peak(sub) - size(sub.invars) for sub in _inner(one.params.values())), default=0)
        result = size(one.outvars)
        most = max(most, alive + max(inner, result))
        alive += size([v for v in one.outvars if v in last])
        alive -= size({v for v in one.invars if isinstance(v, jex.Var) and last[v] == i})
    return most


def _inner(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, jex.ClosedJaxpr):
            yield value.jaxpr
        elif isinstance(value, jex.Jaxpr):
            yield value
        elif isinstance(value, tuple | list):
            yield from _inner(value)


def fitted(task: Task, memory: int, devices: int = 1, share: int = 1) -> Task:
    """The task with a chunk that leaves room; the problem's own choice wherever that fits.

    Args:
        task: the task.
        memory: bytes of one memory.
        devices: how many devices a dispatch is spread over.
        share: how many of those devices live in that one memory.

    Raises:
        ArgumentError: naming `chunk`, where that is what is too large, or `n`.
    """
    wanted, solver = need(task), task.choice.solver
    block = solver.block(max(task.ns))
    least = parallel.padded(1, block) * share
    if wanted.total(least, share) > memory:
        raise ArgumentError(
            f"n={max(task.ns)} is too large for memory: {describe(task)} needs about "
            f"{in_words(wanted.total(least, share))} and there are {in_words(memory)}"
        )
    if task.chunk is not None:
        chunk = chunk_size(solver, max(task.ns), [None] * devices, task.chunk) * share // devices
        if wanted.total(chunk, share) > memory:
            raise ArgumentError(
                f"chunk={task.chunk} is too large for memory: {describe(task)} needs about "
                f"{in_words(wanted.total(chunk, share))} and there are {in_words(memory)}"
            )
        return task
    room = int(min(SHARE * memory, memory - share * wanted.block) / wanted.trial) * devices // share
    default = chunk_size(solver, max(task.ns), [None] * devices)
    return task if default <= room else dataclasses.replace(task, chunk=max(room - room % block, block))


def describe(task: Task) -> str:
    """The task's problem in a few words."""
    hidden = ("problem", "solver", "window", "dtype", "size", "max_size", code.KEY)
    options = {k: v for k, v in task.described.items() if k not in hidden or (k.endswith("size") and v is not None)}
    return ", ".join([task.problem, *(f"{k} {v}" for k, v in options.items() if k != "problem")])


def in_words(number: float) -> str:
    """Bytes in the largest unit that leaves a whole part."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    power = min(int(np.log2(max(number, 1))) // 10, len(units) - 1)
    return f"{number / 1024**power:.3g} {units[power]}"


def available() -> int:
    """Bytes of main memory that this process may still use."""
    try:
        limits = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        limits = [8 << 30]  # no way to ask
    for file, prefix in (("/proc/meminfo", "MemAvailable:"), ("/sys/fs/cgroup/memory.max", "")):
        try:
            words = next(line.split() for line in Path(file).read_text().splitlines() if line.startswith(prefix))
            limits.append(int(words[1]) * 1024 if prefix else int(words[0]))
        except (OSError, IndexError, StopIteration, ValueError):
            continue
    return min(limits)


def of_device(device: parallel.Device) -> int:
    """Bytes of one device's memory."""
    stats = device.memory_stats() if device.platform != "cpu" else None
    return stats["bytes_limit"] if stats and "bytes_limit" in stats else available()
