r"""GAP-2: Ten times more precise costs a few neurons, or ten times the network.

**Hypotheses.** As for GAP-1, $d=2$.

**Statement.** From $\varepsilon$ to $\varepsilon/10$ the number of neurons that scissors need grows by a constant,
that of rows by a factor that tends to 10.

**Source.** Ferre', Giroire, Mallmann-Trenn, Natale (arXiv 2603.02234); constants worked out for this project.

**Checked.** Scissors, readout relu with a generic and readout linear with an axis target, for
$\varepsilon=10^{-1},\dots,10^{-6}$: the increments a decade of what the construction needs have a common value within
their confidence intervals; a straight line fitted to it has a slope of 11 to 19 neurons a decade (relu, four sums)
and 4 to 8 (linear, one sum), and fits better than $1/\varepsilon$. Rows: the factors of the lower bounds of NP-2 (a
closed form) and NP-3 (with its numerical error) from $10^{-3}$ on lie in $[7,13]$; that rows need no more than ten
times as much a decade is NP-4, in the plane.
"""

import itertools
import math
import sys
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.trials.dispatch import FirstHits
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, claim_of
from proofs_check.gap.exponential import AXIS, AXIS_SIZES, EPS, generic, rows, sizes
from proofs_check.weight_pruning.sufficiency import constructed

KINDS = {"relu": "relu, generic", "linear": "linear, axis"}
SLOPES = {"relu": (11.0, 19.0), "linear": (4.0, 8.0)}
TRIALS = {"relu": 300, "linear": 400}
FACTOR = (7.0, 13.0)
LOG2_10 = math.log2(10.0)


def measure(run: Run) -> dict[str, Any]:
    found = {
        "relu": run.first_hits(generic(2), sizes(2), EPS, TRIALS["relu"]),
        "linear": run.first_hits(AXIS, AXIS_SIZES, EPS, TRIALS["linear"]),
    }
    needed = {readout: constructed(outcomes) for readout, outcomes in found.items()}
    fits = {readout: {law: scaling.fit(o, law) for law in ("logarithmic", "inverse")} for readout, o in needed.items()}
    run.progress("what rows need, by closed forms")
    least = {readout: {e: rows(readout, e) for e in EPS} for readout in KINDS}
    return {"needed": needed, "fits": fits, "rows": least}


def increments(needed: FirstHits, level: float) -> list[tuple[float, float]]:
    """Confidence limits of what each further decade costs, all together at that level; infinite where the sizes
    looked at end too early."""
    each = thresholds.brackets(needed, 0.5, 1.0 - level / len(needed.eps), {})
    upper = [math.inf if end.upper is None else float(end.upper) for end in each]
    return [
        (b.lower - top, last - a.lower)
        for (a, b), top, last in zip(itertools.pairwise(each), upper, upper[1:], strict=False)
    ]


def factors(least: dict[float, int]) -> dict[float, float]:
    """By which factor what rows need at least grows from 10ε to ε, by ε."""
    eps = sorted(least, reverse=True)
    return {b: least[b] / least[a] for a, b in itertools.pairwise(eps)}


def judge(data: dict[str, Any], level: float, tenfold: bool = False, flat: bool = False) -> Sequence[Finding]:
    found, level = [], level / (3 * len(KINDS))
    claimed, rival = ("inverse", "logarithmic") if tenfold else ("logarithmic", "inverse")
    for readout, kind in KINDS.items():
        fits, limits = data["fits"][readout], increments(data["needed"][readout], level)
        slope = tuple(LOG2_10 * x for x in fits["logarithmic"].interval("a", level))
        common = max(low for low, _ in limits), min(high for _, high in limits)
        found += [
            findings.holds(
                f"scissors, {kind}: neurons a decade, a common value",
                common[0] <= common[1],
                increments=limits,
                common=list(common),
            ),
            findings.inside(
                f"scissors, {kind}: neurons a decade, fitted", (slope[0], slope[1]), SLOPES[readout], level=level
            ),
            findings.beats(f"scissors, {kind}: growth is {claimed}, not {rival}", fits[claimed], fits[rival], level),
        ]
        low, high = (0.9, 1.5) if flat else FACTOR
        grows = {f"{e:g}": x for e, x in factors(data["rows"][readout]).items() if e <= 1.01e-4}
        found.append(
            findings.holds(
                f"rows, {kind}: factor a decade from 0.001 on",
                all(low <= x <= high for x in grows.values()),
                factors=grows,
                claimed=[low, high],
            )
        )
    return found


def headline(data: dict[str, Any]) -> str:
    lines = [
        "**Ten times more precise costs …** (certified numbers of neurons at probability one half, $d=2$)",
        "",
        "| readout, target | ε | scissors: at most | more than at 10 ε | rows: at least | times that at 10 ε |",
        "|---|---|---|---|---|---|",
    ]
    for readout, kind in KINDS.items():
        least = data["rows"][readout]
        each = thresholds.brackets(data["needed"][readout], 0.5, 0.99, {})
        more, times = increments(data["needed"][readout], 0.01), factors(least)
        for e, end, (low, high) in zip(EPS[1:], each[1:], more, strict=True):
            cells = kind, f"$10^{{{round(math.log10(e))}}}$", end.upper, f"{low:+g} to {high:+g}", f"{least[e]:,}"
            lines.append("| " + " | ".join(map(str, (*cells, f"{times[e]:.1f}"))) + " |")
    return "\n".join(lines)


def draw(data: dict[str, Any]) -> Figure:
    figure, (left, right) = drawing.panels(2)
    for i, (readout, kind) in enumerate(KINDS.items()):
        limits = increments(data["needed"][readout], 0.01)
        middle = [(low + high) / 2 for low, high in limits]
        reach = [(high - low) / 2 for low, high in limits]
        left.errorbar(
            EPS[1:], middle, yerr=reach, capsize=2, elinewidth=1, **drawing.style(i, linestyle=""), label=kind
        )
        a = LOG2_10 * data["fits"][readout]["logarithmic"].estimate["a"]
        left.axhline(a, color=drawing.COLOURS[i], linewidth=0.8)
        grows = factors(data["rows"][readout])
        right.plot(list(grows), list(grows.values()), **drawing.style(i), label=kind)
    right.axhline(10.0, color="#888888", linewidth=0.8)
    left.set(ylabel="n(ε) - n(10ε)", ylim=(0, None), title="scissors: added")
    right.set(ylabel="n(ε) / n(10ε)", ylim=(0, 11), title="rows: times")
    for ax in (left, right):
        ax.set(xscale="log", xlabel="ε")
        ax.invert_xaxis()
        ax.legend()
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "GAP-2",
    [
        Control("GAP-2-tenfold", "scissors too need ten times the network", {"tenfold": True}),
        Control("GAP-2-flat", "rows need half as many again at most", {"flat": True}),
    ],
    "What a decade of precision costs. Left: scissors, neurons added, with 99% limits and the fitted line. Right: "
    "rows, by which factor the lower bound on their number grows.",
)
