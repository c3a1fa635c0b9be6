"""Run claims under one error budget."""

import dataclasses
import datetime
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax

import ltjax
from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.verify.claim import BUDGETS, Claim, Control, Evidence, Run, Verdict

ERROR_BUDGET = 1e-6
"""The chance that a catalogue of true claims reports any refutation."""
PACKAGES = ("jax", "jaxlib", "numpy", "scipy", "optax", "python-flint")


@dataclasses.dataclass(frozen=True)
class Result:
    """One claim's evidence, that of its controls, and where its draws came from."""

    claim: Claim
    evidence: Evidence
    controls: tuple[tuple[Control, Evidence], ...]
    data: Any
    level: float
    seconds: float
    drawn: tuple[dict[str, Any], ...]

    @property
    def verdict(self) -> Verdict:
        return self.evidence.verdict

    @property
    def sound(self) -> bool:
        """Every control refuted: the check can fail."""
        return all(evidence.verdict is Verdict.REFUTED for _, evidence in self.controls)


@dataclasses.dataclass(frozen=True)
class Report:
    """The results of a run and its provenance."""

    results: tuple[Result, ...]
    provenance: dict[str, Any]

    @property
    def passed(self) -> bool:
        """Nothing refuted, every control refuted."""
        return all(result.verdict is not Verdict.REFUTED and result.sound for result in self.results)


def catalogue() -> dict[str, Claim]:
    """Every claim of every installed catalogue (entry points of the group `ltjax.claims`), by id.

    Raises:
        ArgumentError: if two catalogues use the same id.
    """
    found: dict[str, Claim] = {}
    for entry in sorted(importlib.metadata.entry_points(group="ltjax.claims"), key=lambda e: e.name):
        for claim in entry.load()():
            if claim.id in found:
                raise ArgumentError(f"id={claim.id!r} is taken: two catalogues of the group ltjax.claims use it")
            found[claim.id] = claim
    return found


def select(ids: Sequence[str], known: dict[str, Claim]) -> list[Claim]:
    """The claims of those ids, or of a family ("SS" for SS-1, SS-2, …); all for none.

    Raises:
        ArgumentError: for an id that fits no claim.
    """
    chosen: dict[str, Claim] = {}
    for wanted in ids:
        fits = {
            id: c
            for id, c in known.items()
            if id.upper() == wanted.upper() or id.upper().startswith(f"{wanted.upper()}-")
        }
        if not fits:
            raise ArgumentError(f"claim {wanted!r} is not known: claims are {', '.join(known)}")
        chosen |= fits
    return list((chosen or known).values())


def run_claim(claim: Claim, run: Run, level: float) -> Result:
    """Measure once, judge the claim and each of its controls on the same draws."""
    start = time.perf_counter()
    data = claim.measure(run)
    evidence = claim.evidence(data, level)
    controls = tuple((control, claim.evidence(data, level, control)) for control in claim.controls)
    return Result(claim, evidence, controls, data, level, time.perf_counter() - start, tuple(run.drawn))


def verify(
    ids: Sequence[str] = (),
    *,
    budget: str = "quick",
    seed: int = 0,
    started: Callable[[Claim], None] = lambda claim: None,
    progress: Callable[[str], None] = lambda message: None,
    finished: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Check claims and their controls.

    The error budget is split evenly over *all* installed claims, whichever are selected, so that a claim's
    verdict does not depend on its company; a judge splits its share over its tests.

    Args:
        ids: claims or families; all by default.
        budget: "quick", "standard" or "full": how many trials.
        seed: the run's key; a claim's own key depends on this and its id alone.
        started, progress, finished: told of each claim as it goes.
    """
    known = catalogue()
    claims = select(ids, known)
    arguments.choice("budget", budget, BUDGETS)
    seed = arguments.whole("seed", seed, 0, 2**32 - 1)
    level = ERROR_BUDGET / len(known)
    begun, start = datetime.datetime.now(datetime.UTC), time.perf_counter()
    results = []
    for claim in claims:
        started(claim)
        key = jax.random.fold_in(jax.random.key(seed), claim.stream)
        results.append(run_claim(claim, Run(key, budget, progress), level))
        finished(results[-1])
    devices = jax.local_devices()
    provenance = {
        "ltjax": ltjax.__version__,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "device": devices[0].device_kind,
        "devices": len(devices),
        "machine": f"{platform.system()} {platform.machine()}",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS") or "none",
        "budget": budget,
        "seed": seed,
        "error budget": ERROR_BUDGET,
        "claims installed": len(known),
        "begun": begun.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
    }
    return Report(tuple(results), provenance)
