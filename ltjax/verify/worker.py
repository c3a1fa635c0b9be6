"""A process that checks claims, one after the other.

Claims beside each other in one process would wait for each other: tracing and lowering programs hold Python's lock, and
that is much of what they do. A process also dies alone: a claim that runs out of memory is broken, and the
others go on.
"""

import contextlib
import dataclasses
import functools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import jax

from ltjax.machine import devices
from ltjax.machine.interrupts import interruptible
from ltjax.verify.catalogue import Catalogue, catalogue, is_file, load_file
from ltjax.verify.check import Prepared, Result, Terms, broken
from ltjax.verify.claim import Claim

CONFIGURED = (
    "jax_num_cpu_devices",
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
)
"""JAX's settings that a worker takes over from its parent; those of the environment it inherits."""


class Worker:
    """A process that checks claims by their names.

    It has the parent's settings, and of its devices the first `devices`; it ends with its parent.

    Args:
        terms: what all claims are checked under.
        homes: by id the installed catalogue or the file that a claim comes from.
        devices: how many devices the claims use.
    """

    def __init__(self, terms: Terms, homes: Mapping[str, str], devices: int) -> None:
        self._terms, self._homes, self._devices = terms, homes, devices
        self._over, self._lock = False, threading.Lock()
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        configured = {name: getattr(jax.config, name) for name in CONFIGURED}
        given = (theirs, self._terms, self._devices, configured)
        self._process = context.Process(target=_serve, args=given, name="ltjax-claims", daemon=True)
        with _unheard(signal.SIGINT):
            self._process.start()
        theirs.close()

    def check(self, claim: Claim, say: Callable[[str], None]) -> Result:
        """Check a claim; where the process dies of it, the claim is broken, and the next one gets a new process.

        Args:
            claim: the claim.
            say: told of finished trials.
        """
        start = time.perf_counter()
        try:
            what = self._asked("check", claim, say)
        except (EOFError, OSError):
            error = self._again("checked")
            return broken(claim, self._terms.level, time.perf_counter() - start, error)
        # A claim that is broken may have no evidence of its controls.
        controls = tuple(zip(claim.controls, what.controls, strict=False))
        return dataclasses.replace(what, claim=claim, controls=controls)

    def prepare(self, claim: Claim, say: Callable[[str], None]) -> Prepared:
        """What a claim prepares; where the process dies of it, the claim is broken: what killed one would kill the
        process that checks it alone."""
        start = time.perf_counter()
        try:
            return self._asked("prepare", claim, say)
        except (EOFError, OSError):
            return Prepared(None, [], time.perf_counter() - start, self._again("prepared"))

    def _asked(self, task: str, claim: Claim, say: Callable[[str], None]) -> Any:
        """What the process answers."""
        home = self._homes[claim.id]
        self._pipe.send((task, claim.id, str(Path(home).resolve()) if is_file(home) else home))
        while True:
            kind, what = self._pipe.recv()
            if kind == "finished":
                return what
            say(what)

    def _again(self, did: str) -> str:
        """Another process, in place of one that ended; and how that one did."""
        error = f"the process that {did} it ended: {self._ended()}"
        with self._lock:
            if not self._over:
                self._start()
        return error

    def _ended(self) -> str:
        """How the process ended."""
        self._process.join()
        code = self._process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"

    def close(self) -> None:
        """End the process, whatever it does."""
        with self._lock:
            self._over = True
            self._process.kill()
            self._process.join(1.0)


@contextlib.contextmanager
def _unheard(number: signal.Signals) -> Iterator[None]:
    """A process started inside never hears of this signal: Ctrl-C reaches every process of a terminal, and the parent
    says what is to be done about it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # which would unblock it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, terms: Terms, count: int, configured: dict[str, Any]) -> None:
    """What a worker does: takes names, sends results."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name, value in configured.items():
        jax.config.update(name, value)
    known, own = catalogue(), devices.local()[:count]
    while True:
        try:
            task, id, home = pipe.recv()
        except EOFError:
            return
        result = interruptible(_done, task, id, home, known, terms, own, lambda text: pipe.send(("progress", text)))
        if not isinstance(result, Result):
            pipe.send(("finished", result))
            continue
        # Claims need not be found by their class's name: the parent has its own.
        evidence = tuple(found for _, found in result.controls)
        pipe.send(("finished", dataclasses.replace(result, claim=None, controls=evidence)))  # type: ignore[arg-type]


def _done(
    task: str,
    id: str,
    home: str,
    known: Catalogue,
    terms: Terms,
    own: tuple[devices.Device, ...],
    say: Callable[[str], None],
) -> Result | Prepared:
    """A claim's result, or what it prepares."""
    claim = _claims_in(home)[id] if is_file(home) else known.claims[id]
    with devices.limited_to(own):
        return terms.prepare(claim, say) if task == "prepare" else terms.check(claim, say)


@functools.cache
def _claims_in(file: str) -> dict[str, Claim]:
    return {claim.id: claim for claim in load_file(Path(file))}


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


__all__ = ["Worker"]
