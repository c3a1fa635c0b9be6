"""Trials by the thousand: keys, chunks, devices; decisions out.

A trial is a key: trial i of a run uses `jax.random.fold_in(key, i)`, whatever chunk or device it falls to.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, UInt

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.machine.interrupts import interruptible
from ltjax.machine.settings import pinned
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.choose import Drawn
from ltjax.trials.decide import Decision, decide
from ltjax.trials.plan import Share

MAX_TRIALS = 2**32 - 1
"""`fold_in` takes 32 bits."""
Progress = Callable[[int], None]


@jax.jit
def trial_keys(key: Key[Array, ""], index: UInt[Array, " trials"]) -> Key[Array, " trials"]:
    """The keys of trials of the run `key`, by number."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


@partial(jax.jit, static_argnames=("drawn", "block", "devices"))
def draw_rows(
    keys: Key[Array, " trials"], *, drawn: Drawn, block: int, devices: tuple[parallel.Device, ...] | None = None
) -> Any:
    """One instance a key, `block` at a time on each device."""
    return parallel.map_blocks(jax.vmap(drawn), block, devices)(keys)


def search_rows(
    instances: Any,
    eps: Float[Array, " eps"] | Float[np.ndarray, " eps"],
    *,
    solver: AbstractSolver,
    ns: tuple[int, ...],
    block: int,
    first: bool = False,
    devices: tuple[parallel.Device, ...] | None = None,
) -> Any:
    """Search every instance, `block` at a time on each device; `first`: only for the least size that hits."""
    sizes = solver.as_searched(ns)
    traced, fixed = (sizes, None) if solver.traced_sizes else (None, sizes)
    first = first and solver.traced_sizes
    return _search_rows(instances, eps, traced, solver=solver, ns=fixed, block=block, first=first, devices=devices)


@partial(jax.jit, static_argnames=("solver", "ns", "block", "first", "devices"))
def _search_rows(
    instances: Any,
    eps: Float[Array, " eps"] | Float[np.ndarray, " eps"],
    traced: Int[Array | np.ndarray, " ns"] | None,
    *,
    solver: AbstractSolver,
    ns: tuple[int, ...] | None,
    block: int,
    first: bool,
    devices: tuple[parallel.Device, ...] | None,
) -> Any:
    def search(rows: Any, eps: Array, traced: Array | None) -> Any:
        look = solver.search_first if first else solver.search
        return look(rows, traced if ns is None else ns, eps)

    return parallel.map_blocks(search, block, devices)(instances, eps, traced)


def chunk_size(
    solver: AbstractSolver, n: int, devices: Sequence[parallel.Device | None], chunk: int | None = None
) -> int:
    """Trials a dispatch: as many as wanted (default: the solver's blocks a device), in whole blocks."""
    block = solver.block(n)
    if chunk is None:
        chunk = solver.blocks_per_chunk * block * len(devices)
    return parallel.padded(arguments.whole("chunk", chunk, 1, MAX_TRIALS), block, devices)


def decisions(
    share: Share,
    trials: int,
    key: Key[Array, ""],
    *,
    first: int = 0,
    among: Bool[np.ndarray, " trials"] | None = None,
    least: bool = False,
    chunk: int | None = None,
    devices: Sequence[parallel.Device] | None = None,
    progress: Progress | None = None,
) -> Iterator[Decision]:
    """Decide trials first..first+trials-1 of the run `key`, chunk by chunk, in order, at every cell of a share.

    Args:
        share: cells that one trial decides; see `ltjax.trials.plan`.
        trials: how many.
        key: a typed key, `jax.random.key(seed)`.
        first: the trial to begin with, so that a run can be done in parts.
        among: which of these trials to decide; None: all.
        least: only the least size that hits and the largest that misses are wanted: where each size costs, others are
            left undecided.
        chunk: trials a dispatch, rounded up to whole blocks; changes memory and speed, not the result.
        devices: share the work among these; default: all local devices.
        progress: called with the number of trials after each chunk.
    """
    trials = arguments.whole("trials", trials, 1, MAX_TRIALS)
    first = arguments.whole("first", first, 0, MAX_TRIALS - trials)
    if not (hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ()):
        raise ArgumentError(f"key={key!r} is not allowed: key is one typed key, as jax.random.key(seed) makes it")
    devices = tuple(devices) if devices is not None else parallel.local()
    solver, ns, most = share.solver, share.ns, max(share.ns)
    block = solver.block(most)
    step = chunk_size(solver, most, devices, chunk)
    precisions = np.asarray(share.eps, np.float64)
    # A trial keeps its place in its block wherever a run begins: bits may depend on it (see `ltjax.machine.devices`).
    blocks: Sequence[int] = range(first // block, -(-(first + trials) // block))
    if among is not None:
        blocks = np.unique((first + np.flatnonzero(among)) // block).tolist()
    if chunk is not None:
        step = min(step, parallel.padded(max(len(blocks), 1) * block, block, devices))

    def numbers(blocks: Sequence[int]) -> np.ndarray:
        return (np.asarray(blocks, np.int64)[:, None] * block + np.arange(block)).ravel()

    @pinned()
    def dispatch(blocks: Sequence[int]) -> Any:
        # The last chunk is filled up with its last block.
        index = numbers([*blocks, *[blocks[-1]] * (step // block - len(blocks))]).astype(np.uint32)
        with jax.enable_x64(solver.dtype == "float64"):
            where: dict[str, Any] = {"block": block, "devices": devices}
            keys = trial_keys(key, parallel.put(index, devices))
            instances = draw_rows(keys, drawn=share.choice.drawn(share.problem, most), **where)
            found = search_rows(instances, precisions, solver=solver, ns=ns, first=least, **where)
        return instances, found

    @pinned()
    def judge(now: Any, wanted: np.ndarray) -> Decision:
        instances, found = jax.tree.map(lambda x: np.asarray(x)[wanted], now)
        return decide(share.problem, solver, instances, found, ns, share.eps)

    each = step // block
    ahead = interruptible(dispatch, blocks[:each]) if blocks else None
    for start in range(0, len(blocks), each):
        # JAX returns before the work is done: the next chunk is computed while this one is judged.
        after = blocks[start + each : start + 2 * each]
        now, ahead = ahead, interruptible(dispatch, after) if after else None
        index = numbers(blocks[start : start + each]) - first
        there = (index >= 0) & (index < trials)
        if among is not None:
            there[there] = among[index[there]]
        wanted = np.flatnonzero(there)
        decision = interruptible(judge, now, wanted)
        # Before it is handed on: who takes it may want no more.
        if progress is not None:
            progress(len(wanted))
        yield decision


__all__ = ["MAX_TRIALS", "Progress", "chunk_size", "decisions", "draw_rows", "search_rows", "trial_keys"]
