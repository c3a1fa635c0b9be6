"""Run claims under one error budget, each apart from the others."""

import dataclasses
import datetime
import functools
import importlib.metadata
import itertools
import os
import platform
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ltjax
from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.machine.checkout import changed, git
from ltjax.machine.interrupts import started as in_thread
from ltjax.verify import budget as budgets
from ltjax.verify.catalogue import Catalogue, catalogue, select
from ltjax.verify.check import Result, Terms
from ltjax.verify.claim import Claim
from ltjax.verify.worker import Worker

PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "optax", "python-flint")
MOST_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of a run and its provenance.

    Attributes:
        results: of the claims that were finished.
        provenance: of the run.
        broken: tracebacks of catalogues and files that could not be loaded, by name.
        stopped: whether the run was stopped before its last claim.
    """

    results: tuple[Result, ...]
    provenance: dict[str, Any]
    broken: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stopped: bool = False

    @property
    def passed(self) -> bool:
        """All finished; nothing refuted, nothing broken, every control refuted."""
        return not self.stopped and not self.broken and all(result.passed for result in self.results)


def revision() -> str:
    """The commit of the checkout that ltjax runs from, with "-dirty" where it was changed since."""
    home = Path(ltjax.__file__).parents[1]
    try:
        if not (home / ".git").exists():
            return "none: installed, not run from a checkout"
        return git(home, "describe", "--always") + ("-dirty" if changed(home, new=False) else "")
    except (OSError, subprocess.SubprocessError):
        return "unknown"


Event = tuple[str, Claim, Any]
"""What happens to a claim: "started", None; "progress", a message; "finished", its result."""
Check = Callable[[Claim, Callable[[str], None]], Any]
"""`claim, progress -> result`, or what it prepares; progress takes a message."""


def events(claims: Sequence[Claim], homes: Mapping[str, str], terms: Terms, at_once: int) -> Iterator[Event]:
    """Check claims, several at a time; those that want to be alone prepare beside the others and come last, one by one.

    Compiling takes one core, and so do many of the programs: two claims at a time use what one leaves idle. Each has a
    process and devices of its own, so that none waits for another's work. What a claim draws depends on its own key
    alone.

    Args:
        claims: the claims.
        homes: by id the installed catalogue or the file that a claim comes from.
        terms: what all are checked under.
        at_once: how many at a time; 1 checks them in this process.
    """
    beside = _apart([claim for claim in claims if not claim.alone])
    alone = [claim for claim in claims if claim.alone]
    count, prepared = min(at_once, len(beside)), dict[str, Any]()
    if count > 1:
        workers = [Worker(terms, homes, max(1, len(parallel.local()) // count)) for _ in range(count)]

        def at(worker: Worker) -> Check:
            return lambda claim, say: (worker.prepare if claim.alone else worker.check)(claim, say)

        try:
            for kind, claim, what in _together([*alone, *beside], [at(worker) for worker in workers]):
                if not claim.alone or kind == "progress":
                    yield kind, claim, what
                elif kind == "finished":
                    prepared[claim.id] = what
        finally:
            for worker in workers:
                worker.close()
        beside = []
    yield from _together([*beside, *alone], [lambda claim, say: terms.check(claim, say, prepared.get(claim.id))])


def _apart(claims: Sequence[Claim]) -> list[Claim]:
    """The first claim of each family, then the second of each, and so on: claims of one family share programs, and two
    of them side by side would both compile these."""
    families: dict[str, list[Claim]] = {}
    for claim in claims:
        families.setdefault(claim.id.split("-")[0], []).append(claim)
    rounds = itertools.zip_longest(*families.values())
    return [claim for each in rounds for claim in each if claim is not None]


def _together(claims: Sequence[Claim], checks: Sequence[Check]) -> Iterator[Event]:
    """Check claims in a thread for each of `checks`. What one raises, Ctrl-C above all, is raised here and ends the
    others."""
    waiting, told = queue.SimpleQueue[Claim](), queue.SimpleQueue[Event | BaseException]()
    over = threading.Event()

    def tell(kind: str, claim: Claim, what: Any) -> None:
        if over.is_set():  # nobody listens any more
            raise KeyboardInterrupt
        told.put((kind, claim, what))

    def work(check: Check) -> None:
        try:
            while True:
                try:
                    claim = waiting.get_nowait()
                except queue.Empty:
                    return
                tell("started", claim, None)
                tell("finished", claim, check(claim, functools.partial(tell, "progress", claim)))
        except BaseException as error:
            told.put(error)

    for claim in claims:
        waiting.put(claim)
    try:
        for check in checks:
            in_thread(functools.partial(work, check))
        left = len(claims)
        while left:
            event = told.get()
            if isinstance(event, BaseException):
                raise event
            left -= event[0] == "finished"
            yield event
    finally:
        over.set()


def verify(
    wanted: Sequence[str] = (),
    *,
    budget: str = "quick",
    seed: int = 0,
    known: Catalogue | None = None,
    chosen: Catalogue | None = None,
    at_once: int = 1,
    pictures: bool = False,
    started: Callable[[Claim], None] = lambda claim: None,
    progress: Callable[[str], None] = lambda message: None,
    finished: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Check claims and their controls; see `ltjax.verify.budget` for who gets which share of the error budget.

    A claim that raises an error is broken, and the others are checked. Ctrl-C ends the run with what is finished.

    Args:
        wanted: claims, families, catalogues or files; the built-in claims by default.
        budget: "quick", "standard" or "full": how many trials.
        seed: the run's key; a claim's own key depends on this and its id alone.
        known: the installed catalogues, if they are loaded already.
        chosen: what `select` made of `wanted`, if that is done already.
        at_once: how many claims are checked at a time. Results do not depend on it; several are checked in processes of
            their own, so they come from catalogues or files, and a script that asks for it has a main guard.
        pictures: whether the claims' figures are drawn.
        started, progress, finished: told of each claim as it goes, in this thread.
    """
    known = catalogue() if known is None else known
    chosen = select(wanted, known) if chosen is None else chosen
    arguments.choice("budget", budget, budgets.BUDGETS)
    seed = arguments.whole("seed", seed, 0, 2**32 - 1)
    devices = parallel.local()
    at_once = arguments.whole("at_once", at_once, 1, MOST_AT_ONCE)
    if at_once > 1 and devices[0].platform != "cpu":
        raise ArgumentError(
            f"at_once={at_once} is not allowed: on {devices[0].platform} claims run one at a time, as each takes the "
            "devices' whole memory"
        )
    begun, start = datetime.datetime.now(datetime.UTC), time.perf_counter()
    results: dict[str, Result] = {}
    stopped = False

    terms = Terms(seed, budget, known.level, pictures)

    try:
        for kind, claim, what in events(list(chosen.claims.values()), chosen.homes, terms, at_once):
            if kind == "started":
                started(claim)
            elif kind == "progress":
                progress(f"{claim.id}: {what}")
            else:
                results[claim.id] = what
                finished(what)
    except KeyboardInterrupt:
        stopped = True
    provenance = {
        "ltjax": ltjax.__version__,
        "revision": revision(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "device": devices[0].device_kind,
        "devices": len(devices),
        "machine": f"{platform.system()} {platform.machine()}",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS") or "none",
        "budget": budget,
        "seed": seed,
        "error budget": budgets.ERROR_BUDGET,
        "claims at a time": at_once,
        "claims in the budget": len(known.built_in),
        "level of a claim": known.level,
        "begun": begun.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
    }
    in_order = tuple(results[id] for id in chosen.claims if id in results)
    return Report(in_order, provenance, dict(chosen.broken), stopped)
