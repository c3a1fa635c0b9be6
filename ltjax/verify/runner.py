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
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

import ltjax
from ltjax import arguments
from ltjax.machine import devices as parallel
from ltjax.machine import settings
from ltjax.machine.interrupts import started as in_thread
from ltjax.verify import budget as budgets
from ltjax.verify.catalogue import Catalogue, catalogue, select
from ltjax.verify.claim import Claim, Control, Evidence, controlled, kinds, stream
from ltjax.verify.run import Run
from ltjax.verify.tests import Test, Verdict

PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "optax", "python-flint")
Rows = Sequence[Mapping[str, Any]]
MOST_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Result:
    """One claim's evidence, that of its controls, and where its draws came from.

    Attributes:
        claim: the claim.
        evidence: its findings.
        controls: its controls, each with its findings on the same data.
        tables: evidence beside the tests: rows by title.
        headline: what opens the report, if the claim has a headline.
        data: what was measured.
        level: this claim's share of the error budget.
        seconds: how long it took.
        drawn: provenance of its draws.
        error: the traceback, where anything in the claim raised an error; its verdict is then broken.
    """

    claim: Claim
    evidence: Evidence
    controls: tuple[tuple[Control, Evidence], ...]
    tables: Mapping[str, Rows]
    headline: str | None
    data: Any
    level: float
    seconds: float
    drawn: tuple[dict[str, Any], ...]
    error: str | None = None

    @property
    def verdict(self) -> Verdict:
        return Verdict.BROKEN if self.error is not None else self.evidence.verdict

    @property
    def sound(self) -> bool:
        """Every control refuted: the check can fail."""
        return all(evidence.verdict is Verdict.REFUTED for _, evidence in self.controls)

    @property
    def passed(self) -> bool:
        """Neither refuted nor broken, and every control refuted."""
        return self.verdict not in (Verdict.REFUTED, Verdict.BROKEN) and self.sound


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
    ask = ["git", "-C", str(home), "describe", "--always", "--dirty"]
    try:
        if not (home / ".git").exists():
            return "of no checkout"
        return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def judged(tests: Sequence[Test], level: float) -> Evidence:
    """The findings of a claim's tests at its level, which is split evenly over them."""
    share = budgets.level_of_test(level, max(1, len(tests)))
    return Evidence(tuple(test.evaluate(share) for test in tests))


def evidence_of(claim: Claim, data: Any, level: float) -> tuple[Evidence, tuple[tuple[Control, Evidence], ...]]:
    """The findings of a claim and of its controls, on the same data.

    Raises:
        TypeError: if a claim has no tests, or a control's tests differ from the claim's in kind, number or order.
    """
    tests = list(claim.tests(data))
    if not tests:
        raise TypeError(f"claim {claim.id} has no tests")
    controls = []
    for control in claim.controls:
        false = list(controlled(claim, control).tests(data))
        if kinds(false) != kinds(tests):
            raise TypeError(
                f"control {control.id} has other tests than {claim.id}: a control changes numbers, never the kind, "
                f"number or order of tests ({len(false)} against {len(tests)})"
            )
        controls.append((control, judged(false, level)))
    return judged(tests, level), tuple(controls)


@settings.pinned()
def run_claim(claim: Claim, run: Run, level: float) -> Result:
    """Measure once, judge the claim and each of its controls on the same draws.

    Whatever the claim raises is kept in its result. Ctrl-C is let through.
    """
    start = time.perf_counter()
    data, evidence, controls, tables, headline, error = None, Evidence(()), (), {}, None, None
    try:
        data = claim.measure(run)
        evidence, controls = evidence_of(claim, data, level)
        tables, headline = dict(claim.tables(data)), claim.headline(data)
    except Exception:
        error = traceback.format_exc()
    seconds = time.perf_counter() - start
    return Result(claim, evidence, controls, tables, headline, data, level, seconds, tuple(run.drawn), error)


Event = tuple[str, Claim, Any]
"""What happens to a claim: "started", None; "progress", a message; "finished", its result."""


def events(claims: Sequence[Claim], check: Callable[[Claim, Any], Result], at_once: int) -> Iterator[Event]:
    """Check claims, several at a time; those that want to be alone come last, one by one.

    Compiling takes one core, and so do many of the programs: two claims at a time use what one leaves idle. Each has
    devices of its own, so that none waits for a device at another's work. What a claim draws depends on its own key
    alone.

    Args:
        claims: the claims.
        check: `claim, progress -> result`; progress takes a message.
        at_once: how many at a time.
    """
    yield from _together(_apart([claim for claim in claims if not claim.alone]), check, at_once)
    for claim in claims:
        if claim.alone:
            yield from _together([claim], check, 1)


def _apart(claims: Sequence[Claim]) -> list[Claim]:
    """The first claim of each family, then the second of each, and so on: claims of one family share programs, and two
    of them side by side would both compile these."""
    families: dict[str, list[Claim]] = {}
    for claim in claims:
        families.setdefault(claim.id.split("-")[0], []).append(claim)
    rounds = itertools.zip_longest(*families.values())
    return [claim for each in rounds for claim in each if claim is not None]


def _together(claims: Sequence[Claim], check: Callable[[Claim, Any], Result], workers: int) -> Iterator[Event]:
    """Check claims in so many threads. What one raises, Ctrl-C above all, is raised here and ends the others."""
    waiting, told = queue.SimpleQueue[Claim](), queue.SimpleQueue[Event | BaseException]()
    over = threading.Event()

    def tell(kind: str, claim: Claim, what: Any) -> None:
        if over.is_set():  # nobody listens any more
            raise KeyboardInterrupt
        told.put((kind, claim, what))

    def work(devices: tuple[parallel.Device, ...]) -> None:
        try:
            with parallel.limited_to(devices):
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
        for devices in parallel.shares(min(workers, len(claims))):
            in_thread(functools.partial(work, devices))
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
    at_once: int | None = None,
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
        at_once: how many claims are checked at a time; two by default on a CPU of several cores, else one. Results
            do not depend on it.
        started, progress, finished: told of each claim as it goes, in this thread.
    """
    known = catalogue() if known is None else known
    chosen = select(wanted, known) if chosen is None else chosen
    arguments.choice("budget", budget, budgets.BUDGETS)
    seed = arguments.whole("seed", seed, 0, 2**32 - 1)
    devices = parallel.local()
    if at_once is None:
        at_once = 2 if devices[0].platform == "cpu" and parallel.cores() > 1 else 1
    at_once = arguments.whole("at_once", at_once, 1, MOST_AT_ONCE)
    begun, start = datetime.datetime.now(datetime.UTC), time.perf_counter()
    results: dict[str, Result] = {}
    stopped = False

    def check(claim: Claim, say: Callable[[str], None]) -> Result:
        with settings.pinned():
            key = jax.random.fold_in(settings.key(seed), stream(claim))
        return run_claim(claim, Run(key, budget, say), known.level)

    try:
        for kind, claim, what in events(list(chosen.claims.values()), check, at_once):
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
