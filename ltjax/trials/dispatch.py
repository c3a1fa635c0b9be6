"""Trials by the thousand: keys, chunks, devices; counts out.

A trial is a key: trial i of a run uses `jax.random.fold_in(key, i)`, whatever chunk or device it falls
to. One trial decides every n and ε asked for, since hits are monotone in both.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.outcomes import HIT, MISS
from ltjax.problems.base import AbstractProblem, AbstractProcedure, Decision, draw_rows, search_rows

MAX_TRIALS = 2**32 - 1
"""`fold_in` takes 32 bits."""
Progress = Callable[[int], None]


@dataclasses.dataclass(frozen=True)
class Counts:
    """Hits, misses and undecided trials for each n and ε; they add up to `trials`."""

    ns: tuple[int, ...]
    eps: tuple[float, ...]
    trials: int
    hits: Int[np.ndarray, "ns eps"]
    misses: Int[np.ndarray, "ns eps"]
    undecided: Int[np.ndarray, "ns eps"]


@dataclasses.dataclass(frozen=True)
class FirstHits:
    """For each trial and ε, the least n that hits lies in (last_miss, first_hit].

    `first_hit` is `max(ns) + 1` where no n of the run hits, `last_miss` is 0 where none misses.
    """

    ns: tuple[int, ...]
    eps: tuple[float, ...]
    last_miss: Int[np.ndarray, "trials eps"]
    first_hit: Int[np.ndarray, "trials eps"]

    def counts(self) -> Counts:
        """The same outcomes, counted by n and ε."""
        n = np.asarray(self.ns)[:, None, None]
        hits = (self.first_hit <= n).sum(axis=1)
        misses = (self.last_miss >= n).sum(axis=1)
        trials = self.first_hit.shape[0]
        return Counts(self.ns, self.eps, trials, hits, misses, trials - hits - misses)


@jax.jit
def trial_keys(key: Key[Array, ""], index: Int[Array, " trials"]) -> Key[Array, " trials"]:
    """The keys of trials of the run `key`, by number."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, index)


def chunk_size(problem: AbstractProcedure, n: int, devices: Sequence[parallel.Device], chunk: int | None = None) -> int:
    """Trials a dispatch: as many as wanted (default: the problem's blocks a device), in whole blocks."""
    block = problem.block(n)
    if chunk is None:
        chunk = problem.blocks_per_chunk * block * len(devices)
    return parallel.padded(arguments.whole("chunk", chunk, 1, MAX_TRIALS), block, devices)


def decisions(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    trials: int,
    key: Key[Array, ""],
    *,
    first: int = 0,
    chunk: int | None = None,
    devices: Sequence[parallel.Device] | None = None,
    progress: Progress | None = None,
) -> Iterator[Decision]:
    """Decide trials first..first+trials-1 of the run `key`, chunk by chunk, in order.

    Args:
        problem: what is drawn and decided.
        ns: increasing sizes, each decided from the same draw.
        eps: precisions, each decided from the same draw.
        trials: how many.
        key: a typed key, `jax.random.key(seed)`.
        first: the trial to begin with, so that a run can be done in parts.
        chunk: trials a dispatch, rounded up to whole blocks; changes memory and speed, not the result.
        devices: share the work among these; default: all local devices.
        progress: called with the number of trials after each chunk.
    """
    eps = arguments.precisions(eps)
    procedure = problem.resolved(min(eps))
    ns = arguments.increasing("n", ns, 1, procedure.max_n)
    trials = arguments.whole("trials", trials, 1, MAX_TRIALS)
    first = arguments.whole("first", first, 0, MAX_TRIALS - trials)
    if not (hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ()):
        raise ArgumentError(f"key={key!r} is not allowed: key is one typed key, as jax.random.key(seed) makes it")
    devices = tuple(devices) if devices is not None else tuple(jax.local_devices())
    block = procedure.block(max(ns))
    step = chunk_size(procedure, max(ns), devices, chunk)
    precisions = np.asarray(eps, np.float64)

    def dispatch(start: int) -> Any:
        index = (start + np.arange(step, dtype=np.uint64)).astype(np.uint32)
        with jax.enable_x64(procedure.uses_float64):
            where: dict[str, Any] = {"block": block, "devices": devices}
            keys = trial_keys(key, parallel.put(index, devices))
            instances = draw_rows(keys, problem=procedure, n=max(ns), **where)
            found = search_rows(instances, precisions, problem=procedure.searched_as(), ns=ns, **where)
        return instances, found

    # A trial keeps its place in its block wherever a run begins: bits may depend on it (see `ltjax.machine.devices`).
    begin, end = first - first % block, first + trials
    ahead = dispatch(begin)
    for start in range(begin, end, step):
        # JAX returns before the work is done: the next chunk is computed while this one is judged.
        now, ahead = ahead, dispatch(start + step) if start + step < end else None
        wanted = slice(max(first - start, 0), min(step, end - start))
        instances, found = jax.tree.map(lambda x, wanted=wanted: np.asarray(x)[wanted], now)
        yield procedure.judge(instances, found, ns, precisions)
        if progress is not None:
            progress(wanted.stop - wanted.start)


def count(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    trials: int,
    key: Key[Array, ""],
    *,
    each: Callable[[Decision], None] | None = None,
    **how: Any,
) -> Counts:
    """Counts of hits, misses and undecided trials for every n and ε; arguments as for `decisions`.

    `each` is called with every chunk's decisions, in order.
    """
    shape = (len(ns), len(eps))
    hits, misses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for decision in decisions(problem, ns, eps, trials, key, **how):
        hits += (decision.status == HIT).sum(axis=0)
        misses += (decision.status == MISS).sum(axis=0)
        if each is not None:
            each(decision)
    return Counts(tuple(ns), tuple(eps), trials, hits, misses, trials - hits - misses)


def first_hits(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    trials: int,
    key: Key[Array, ""],
    **how: Any,
) -> FirstHits:
    """For each trial and ε, a bracket of the least n that hits; arguments as for `decisions`."""
    sizes = np.asarray(ns)[:, None]
    last_miss, first_hit = [], []
    for decision in decisions(problem, ns, eps, trials, key, **how):
        last_miss.append(np.where(decision.status == MISS, sizes, 0).max(axis=1).astype(np.int32))
        first_hit.append(np.where(decision.status == HIT, sizes, max(ns) + 1).min(axis=1).astype(np.int32))
    return FirstHits(tuple(ns), tuple(eps), np.concatenate(last_miss), np.concatenate(first_hit))
