"""Compiled programs are given up before they are too many for the system.

Linux lets a process map 65,530 pieces of memory (vm.max_map_count), and a program that JAX compiled for the CPU holds
many of them. A process that asks about a few hundred sizes would then end in a segmentation fault, inside the
compiler. JAX keeps every program that it compiled; here it forgets them when half of the limit is used.
"""

import gc
import os
import threading
from pathlib import Path
from typing import Any

import jax

MAPS = Path("/proc/self/maps")
LIMIT = Path("/proc/sys/vm/max_map_count")
LOOK = 8
"""Programs that are compiled between two looks: to count the maps takes milliseconds."""

_compiled = 0
_lock = threading.Lock()


def _count(event: str, *_: Any, **__: Any) -> None:
    global _compiled
    if event.endswith("backend_compile_duration"):
        _compiled += 1


jax.monitoring.register_event_duration_secs_listener(_count)


def mapped() -> tuple[int, int] | None:
    """Pieces of memory that this process maps, and how many it may; None where the system does not say."""
    try:
        with MAPS.open("rb") as lines:
            return sum(1 for _ in lines), int(LIMIT.read_text("ascii"))
    except (OSError, ValueError):
        return None


def make_room() -> bool:
    """Forget all compiled programs if those of this process use half of what the system grants.

    What is asked for again is compiled again (or read from the folder of compiled programs); results do not change.

    Returns:
        whether programs were forgotten.
    """
    global _compiled
    if _compiled < LOOK or not _lock.acquire(blocking=False):
        return False
    try:
        _compiled = 0
        now = mapped()
        if now is None or now[0] <= now[1] // 2:
            return False
        jax.clear_caches()
        gc.collect()
        return True
    finally:
        _lock.release()


# A child of a fork looks for itself.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: globals().update(_lock=threading.Lock()))

__all__ = ["make_room", "mapped"]
