"""A workload, what a user would otherwise pick for it, and their times beside ltjax's, in one run.

Every round times ltjax and each peer once, in an order drawn anew (`ltjax.machine.timing`), so that a load of the
machine slows both. The figure is the median over the rounds of peer's time over ltjax's, for the same amount of work,
between limits each of which is wrong with probability at most 5%, whatever the times' distribution. First calls, which
compile, stand apart. Answers are compared: a faster wrong answer ends the run with an error.
"""

import dataclasses
import math
import os
import platform
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ltjax.machine import timing

ROUNDS = 5
"""The fewest that have limits at `LEVEL`."""
LEVEL = 0.05
BLOCK = re.compile(r"(<!-- bench -->\n).*?(<!-- /bench -->)", re.DOTALL)

Amount = Callable[[Any], float]
"""What a call got done, by its result: instances, decided trials, cells."""


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another way to do a workload, or a part of it.

    Attributes:
        call: does it.
        done: the amount of work that its result stands for.
        agrees: whether its answers and ltjax's (results of both calls) can both be right.
        tried: the amount that it looks at, where it may get nothing done: then its time is a lower bound.
    """

    call: timing.Variant
    done: Amount
    agrees: Callable[[Any, Any], bool]
    tried: float = 1.0


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row for each peer.

    Attributes:
        name: what is done.
        unit: what `done` counts.
        ltjax: does it.
        done: the amount of work that its result stands for.
        peers: by name.
        rounds: timings of each; fewer than `ROUNDS` have no limits.
    """

    name: str
    unit: str
    ltjax: timing.Variant
    done: Amount
    peers: Mapping[str, Peer]
    rounds: int = ROUNDS


def all_of(amount: float) -> Amount:
    """The amount of a call that always gets all done."""
    return lambda result: float(amount)


def measure(workload: Workload, clock: Callable[[], float] = time.perf_counter) -> dict[str, Any]:
    """Times of one workload; of peers that get nothing done, how long as much as they tried took them at least."""
    calls = {"ltjax": workload.ltjax} | {name: peer.call for name, peer in workload.peers.items()}
    found = timing.interleaved(calls, workload.rounds, shortest=0.0, clock=clock)
    ours = found.results["ltjax"]
    done = float(workload.done(ours))
    row: dict[str, Any] = {"workload": workload.name, "unit": workload.unit, "amount": done, "rounds": workload.rounds}
    row |= {"seconds": found.median("ltjax") / done if done else None, "first": found.first["ltjax"], "peers": []}
    for name, peer in workload.peers.items():
        theirs = found.results[name]
        amount = float(peer.done(theirs))
        line = {"peer": name, "amount": amount, "first": found.first[name], "agrees": bool(peer.agrees(ours, theirs))}
        line |= {"seconds": found.median(name) / (amount or peer.tried), "ratio": None, "low": None, "high": None}
        if done:
            ratios = found.ratios(name, "ltjax") * done / (amount or peer.tried)
            low, high = timing.median_interval(ratios, LEVEL)
            line |= {"ratio": float(np.median(ratios))} | ({"low": low, "high": high} if math.isfinite(low) else {})
        row["peers"].append(line)
    return row


def machine() -> dict[str, Any]:
    """Where the times were taken."""
    devices = jax.local_devices()
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    return {
        "device": f"{len(devices)} × {devices[0].device_kind}",
        "jax": jax.__version__,
        "python": platform.python_version(),
        "load": None if load is None else round(load[0], 1),
    }


def shown(seconds: float | None) -> str:
    """Seconds in the unit that suits them."""
    if seconds is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{seconds / size:.3g} {unit}"
    return ""


def figure(x: float) -> str:
    """A ratio with two or three digits that count."""
    return f"{x:,.0f}" if x >= 99.5 else f"{x:.2g}" if x >= 10 or x < 1 else f"{x:.3g}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, a line for each peer."""
    head = ["workload", "ltjax", "first call", "beside", "", "times as long"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for row in rows:
        own = [f"{row['workload']}, per {row['unit']}", shown(row["seconds"]), shown(row["first"])]
        for peer in row["peers"] or [None]:
            if peer is None:
                cells = ["", "", ""]
            else:
                least = "" if peer["amount"] else "more than "
                cells = [peer["peer"], least + shown(peer["seconds"]), ""]
                if peer["ratio"] is not None:
                    limits = "" if peer["low"] is None else f" ({figure(peer['low'])} to {figure(peer['high'])})"
                    cells[2] = f"{least}{figure(peer['ratio'])}{limits}"
            lines.append("| " + " | ".join([*own, *cells]) + " |")
            own = ["", "", ""]
    return "\n".join(lines)


def include(page: Path, text: str) -> None:
    """Put a text between the lines `<!-- bench -->` and `<!-- /bench -->` of a page."""
    old = page.read_text("utf-8")
    if not BLOCK.search(old):
        raise SystemExit(f"{page} has no block between <!-- bench --> and <!-- /bench -->")
    page.write_text(BLOCK.sub(lambda match: match[1] + text + "\n" + match[2], old), "utf-8")
