"""Many trials on one or many devices, in blocks of one fixed size.

Floating point under `vmap` may change bits with the batch's shape (vector body against scalar
remainder), so a trial must always meet the same shape: devices work through padded blocks of one
size with `jax.lax.map`, inside `jax.shard_map`. The number of blocks and of devices then changes who
does the work, never the result.
"""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ltjax.arguments import ArgumentError

AXIS = "trials"
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false"
"""XLA's flag for a CPU device of one thread."""
ARENA_MAX = -8
"""`M_ARENA_MAX` of glibc's malloc.h."""
Device = Any
"""A `jax.Device`, which type checkers do not take for a class."""
_own: ContextVar[tuple[Device, ...] | None] = ContextVar("_own", default=None)


def map_blocks(fn: Callable[..., Any], block: int, devices: Sequence[Device] | None = None) -> Callable[..., Any]:
    """`fn`, which takes and returns pytrees of `block` rows, as a function of any number of rows.

    Args:
        fn: `(rows, *shared) -> rows`; pure, `block` rows at a time; `shared` goes to every block unchanged.
        block: rows a call of `fn`.
        devices: share the rows among these; None, or a single one, runs where the data are, without sharding.

    Returns:
        A traceable function `(rows, *shared) -> rows`; the number of rows is a multiple of
        `block * len(devices)` (`padded` rounds up to it).
    """

    def serial(rows: Any, *shared: Any) -> Any:
        blocks = jax.tree.map(lambda x: x.reshape((-1, block, *x.shape[1:])), rows)
        out = jax.lax.map(lambda part: fn(part, *shared), blocks)
        return jax.tree.map(lambda x: x.reshape((-1, *x.shape[2:])), out)

    if devices is None or len(devices) == 1:
        return serial
    mesh = Mesh(np.asarray(devices), (AXIS,))
    split, whole = PartitionSpec(AXIS), PartitionSpec()

    def sharded(rows: Any, *shared: Any) -> Any:
        # Every row is its own computation, so there is nothing for the varying-axes check to find.
        spread = partial(jax.shard_map, mesh=mesh, out_specs=split, check_vma=False)
        return spread(serial, in_specs=(split, *[whole] * len(shared)))(rows, *shared)

    return sharded


def put(rows: Any, devices: Sequence[Device] | None) -> Any:
    """`rows` laid out as `map_blocks` wants them on these devices."""
    if devices is None:
        return rows
    if len(devices) == 1:
        return jax.device_put(rows, devices[0])
    mesh = Mesh(np.asarray(devices), (AXIS,))
    return jax.device_put(rows, NamedSharding(mesh, PartitionSpec(AXIS)))


def padded(rows: int, block: int, devices: Sequence[Device] | None = None) -> int:
    """The least multiple of `block * len(devices)` that holds `rows`."""
    step = block * (len(devices) if devices is not None else 1)
    return -(-rows // step) * step


def pad_rows(array: jax.Array, rows: int) -> jax.Array:
    """`array` with its last row repeated up to `rows` rows."""
    return jnp.concatenate([array, jnp.repeat(array[-1:], rows - array.shape[0], axis=0)])


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local() -> tuple[Device, ...]:
    """This process's devices, or those that `limited_to` names.

    Raises:
        ArgumentError: where JAX finds none, as for JAX_PLATFORMS=cuda without a GPU.
    """
    own = _own.get()
    if own is not None:
        return own
    try:
        return tuple(jax.local_devices())
    except (RuntimeError, AssertionError) as error:  # the latter bare
        asked = getattr(jax.config, "jax_platforms", None)
        reason = " ".join(str(error).split()) or "none of them is here"
        raise ArgumentError(f"JAX has no device with JAX_PLATFORMS={asked or ''!r}: {reason}") from None


@contextlib.contextmanager
def limited_to(devices: tuple[Device, ...]) -> Iterator[None]:
    """In this thread these are the local devices, and what names no device computes on the first of them."""
    before = _own.set(devices)
    try:
        with jax.default_device(devices[0]):
            yield
    finally:
        _own.reset(before)


def use_cores(count: int | None = None) -> None:
    """Let a CPU show as one device a core, each of one thread; to be called before JAX computes anything.

    Blocks of trials keep all devices busy, so that threads within a device gain nothing, and on few cores XLA's pool
    of such threads can come to a standstill in the middle of a program. What was configured already, by
    `jax_num_cpu_devices` or XLA_FLAGS, stands.

    Args:
        count: devices; default: as many as cores.
    """
    _share_memory()
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = " ".join([*flags.split(), ONE_THREAD])
    chosen = "xla_force_host_platform_device_count" in flags or getattr(jax.config, "jax_num_cpu_devices", -1) >= 0
    if not chosen:
        jax.config.update("jax_num_cpu_devices", count or cores())


def _share_memory() -> None:
    """Let all threads take memory from one pool: glibc gives each its own, and what a chunk of trials left in one is of
    no use to the thread that computes the next."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(ARENA_MAX, 1)
