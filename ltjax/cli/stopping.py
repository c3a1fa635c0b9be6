"""A command ends within two seconds of a signal: tidily where it can, and else at once."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

PATIENCE = 1.4
"""Seconds that a command has to tell what it knows and to clean up."""
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


_working = threading.Event()


def work_begins() -> None:
    """From here on a signal raises KeyboardInterrupt; before, it ends the process: what is interrupted while it is
    imported ends in any way."""
    _working.set()


@contextlib.contextmanager
def heard() -> Iterator[list[int]]:
    """Once the work has begun, the first of these signals raises KeyboardInterrupt, whichever it is; a command that has
    not ended some time later, because it is inside a computation that hears nothing, is ended.

    Yields:
        the signal that came, if any.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came  # only the main thread hears signals
        return
    over = threading.Event()
    _working.clear()
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def stop(number: int, frame: FrameType | None) -> None:
        if not _working.is_set():
            end(number)
        if not came:  # what cleans up is not interrupted
            came.append(number)
            raise KeyboardInterrupt

    def end(number: int) -> None:
        if files := sys.modules.get("ltjax.files"):
            files.discard_drafts()
        leave(128 + number, "stopped")

    def watch() -> None:
        # Python's own handlers wait for the main thread; a byte arrives here in any case.
        while numbers := os.read(reader, 1):
            if numbers[0] in SIGNALS and not over.wait(PATIENCE):
                end(numbers[0])

    def dropped(error: Any) -> None:
        if came and isinstance(error.exc_value, KeyboardInterrupt):
            # Raised where Python drops what is raised, as in a callback of the garbage collector: once more, elsewhere.
            threading.Timer(0.02, os.kill, (os.getpid(), came.pop())).start()
        else:
            hook(error)

    hook, sys.unraisablehook = sys.unraisablehook, dropped
    before = {number: signal.signal(number, stop) for number in SIGNALS}
    wakes = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=watch, name="ltjax-signals", daemon=True)
    watcher.start()
    try:
        yield came
    finally:
        over.set()
        sys.unraisablehook = hook
        signal.set_wakeup_fd(wakes)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writer)
        watcher.join()
        os.close(reader)


def leave(status: int, word: str = "") -> None:
    """End this process now: threads that are inside a long computation are left behind."""
    if word:
        with contextlib.suppress(OSError):
            os.write(2, f"{word}\n".encode())
    os._exit(status)


__all__ = ["heard", "leave", "work_begins"]
