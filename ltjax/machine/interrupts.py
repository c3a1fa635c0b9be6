"""Ctrl-C is heard at once, also while a long program computes."""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
STACK = 1 << 26
"""Bytes of stack of a thread that may compile: compilers recurse deeply, and a thread has 8 MiB only."""


def started(run: Callable[[], None]) -> threading.Thread:
    """A thread that runs, with a stack for compilers, and that nobody waits for when the process ends."""
    thread = threading.Thread(target=run, name="ltjax", daemon=True)
    before = threading.stack_size(STACK)
    try:
        thread.start()
    finally:
        threading.stack_size(before)
    return thread


def interruptible(call: Callable[..., T], *args: Any) -> T:
    """`call(*args)`, left behind where Ctrl-C interrupts it.

    Python hears a signal in its main thread, between two of its own steps; a compiled program is one step and may take
    minutes. So the call runs in a thread of its own, and the main thread waits where it can be interrupted. What is
    left behind goes on until its program ends; nobody asks for its result.
    """
    if threading.current_thread() is not threading.main_thread():
        return call(*args)
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call(*args))
        except BaseException as error:
            errors.append(error)

    started(run).join()
    if errors:
        raise errors.pop()
    return results.pop()


__all__ = ["interruptible", "started"]
