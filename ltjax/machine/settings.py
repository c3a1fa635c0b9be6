"""JAX's settings that change what is drawn or computed, held fixed while ltjax computes.

A user may have others, in the environment or in the program: another random generator, strict promotion, no
compilation. What a trial draws must depend on its key alone, and a setting meant for the user's code must not end ours.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from ltjax.arguments import ArgumentError
from ltjax.machine import forks, programs

GENERATOR = "threefry2x32"
PINNED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "default_prng_impl": (jax.default_prng_impl, GENERATOR),
    "threefry_partitionable": (jax.threefry_partitionable, True),
    "numpy_rank_promotion": (jax.numpy_rank_promotion, "allow"),
    "numpy_dtype_promotion": (jax.numpy_dtype_promotion, "standard"),
    "default_matmul_precision": (jax.default_matmul_precision, None),
    "transfer_guard": (jax.transfer_guard, "allow"),
    "disable_jit": (jax.disable_jit, False),
    # Infinity says that nothing is known.
    "debug_nans": (jax.debug_nans, False),
    "debug_infs": (jax.debug_infs, False),
}
"""By name, how a setting is made for a while, and its value here."""


@contextlib.contextmanager
def pinned() -> Iterator[None]:
    """Also a decorator: what is inside runs under the settings of `PINNED`, in this thread, with room for its programs.

    Raises:
        ArgumentError: in a process that was forked after JAX had run, where any computation would hang.
    """
    if forks.after_jax():
        raise ArgumentError(
            "JAX ran before this process was forked, and would hang in it: start processes by spawn, as "
            'multiprocessing.get_context("spawn") does'
        )
    programs.make_room()
    with contextlib.ExitStack() as stack:
        for setting, value in PINNED.values():
            stack.enter_context(setting(value))
        yield


def key(seed: Any) -> Key[Array, ""]:
    """The key of a seed from 0 to 2^32 - 1: `jax.random.key(seed)` under JAX's own settings."""
    with pinned():
        words = jax.numpy.asarray(seed, "uint32")
        return jax.random.wrap_key_data(jax.numpy.stack([jax.numpy.zeros_like(words), words]), impl=GENERATOR)


@functools.cache
def generator() -> str:
    """The random generator and a few bits that it draws: equal wherever the same key draws the same trial."""
    with pinned():
        drawn = jax.random.bits(jax.random.fold_in(key(0), 1), (3,), "uint32")
        return f"{GENERATOR} {bytes(np.asarray(drawn).astype('>u4')).hex()}"


__all__ = ["GENERATOR", "PINNED", "generator", "key", "pinned"]
