r"""GAP-1: Rows need exponentially more neurons than scissors.

**Hypotheses.** One start network, law normal; readout relu with a generic target, $d=2,3,8$, or readout linear with an
axis target, $d\ge2$.

**Statement.** The certified lower bound on the number of neurons that rows need (NP-2 for readout linear, NP-3 for
relu) over the certified upper bound on what scissors need (masks in hand, WP-1 and WP-4) grows like
$(1/\varepsilon)/\log(1/\varepsilon)$: in a log-log plot its slope in $1/\varepsilon$ tends to 1.

**Source.** Ferre', Giroire, Mallmann-Trenn, Natale (arXiv 2603.02234); constants worked out for this project.

**Checked.** Masks found for $\varepsilon=10^{-1},\dots,10^{-6}$ and $10^{-8}$, each coordinate by neurons of its own
(the construction of the textbook proof; sharing neurons halves what it needs, see WP-1), give an upper end of what
scissors need. An axis target takes one subset sum of products $v_iu_{i1}$, whose law does not depend on $d$, and
neither do the bounds of NP-2 and NP-3. The ratio is above 1 from $\varepsilon=10^{-5}$ on, above 1000 at $10^{-8}$
($d=2$, relu), and its slope over the last decades is in $[0.7,1]$. Certified are the curves at these precisions;
between and beyond them they are extrapolated. How many neurons rows need at most was measured in the plane only. The
false gap, $d=1$: the same judge on rows and scissors of the line, where both are subset sum, must find none.
"""

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.inference.thresholds import Threshold, bracket
from ltjax.problems.neuron_pruning import NeuronPruning
from ltjax.problems.weight_pruning import WeightPruning
from ltjax.trials.dispatch import Counts
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, Verdict, claim_of
from proofs_check.neuron_pruning import no_gap_on_the_line, sufficiency

EPS = tuple(10.0**-k for k in range(1, 7))
DIMENSIONS = (2, 3, 8)
TRIALS = {2: 100, 3: 80, 8: 60}
FAR_EPS, FAR_N = 1e-8, 176
AXIS_SIZES = tuple(range(2, 61, 2))
ROWS_EPS = (1e-2, 1e-4)
DRAWS = 8192
SLOPE = (0.7, 1.0)
BRACKETS = 40
"""At most so many confidence limits enter the judge."""
CONFIDENCE = 1.0 - 1e-9
"""Of the numerical error of NP-3's bound: below this claim's share of the error budget for each limit."""


def sizes(d: int) -> tuple[int, ...]:
    """Start networks looked at: d blocks of equal size."""
    return tuple(d * k for k in (1, 2, 3, *range(8, 81, 2)))


def generic(d: int) -> WeightPruning:
    return WeightPruning(d=d, construction="blocks")


AXIS = WeightPruning(readout="linear", target="axis")


def rows(readout: str, eps: float, draws: int = DRAWS) -> int:
    """A lower bound on n_{1/2} of neuron pruning, d >= 2: NP-2 in closed form, NP-3 with its numerical error."""
    if readout == "linear":
        return bounds.kink_threshold(0.5, eps)
    return bounds.relu_threshold(0.5, eps, draws=draws, confidence=CONFIDENCE) + 1


def measure(run: Run) -> dict[str, Any]:
    counts = {f"relu, generic, d = {d}": run.count(generic(d), sizes(d), EPS, TRIALS[d]) for d in DIMENSIONS}
    counts["linear, axis"] = run.count(AXIS, AXIS_SIZES, EPS, 200)
    far = run.count(generic(2), (FAR_N,), (FAR_EPS,), 60)
    run.progress("what rows need, by closed forms")
    least = {readout: {e: rows(readout, e) for e in (*EPS, FAR_EPS)} for readout in ("relu", "linear")}
    # Sizes and precisions of NP-4 and NP-6, whose compiled searches these are.
    most = {e: run.count(NeuronPruning(sampling="near"), sufficiency.sizes(e), (e,), 40) for e in ROWS_EPS}
    on_the_line = (NeuronPruning(d=1), WeightPruning(d=1))
    line = [run.count(each, no_gap_on_the_line.NS, no_gap_on_the_line.EPS, 600) for each in on_the_line]
    return {"counts": counts, "far": far, "least": least, "most": most, "line": line}


def ends(counts: Counts, level: float) -> dict[float, Threshold]:
    """The certified bracket of n_{1/2}, by ε, each end at that level."""
    return {e: bracket(counts, j, 0.5, 1.0 - 2.0 * level, {}) for j, e in enumerate(counts.eps)}


def scissors(data: dict[str, Any], name: str, level: float) -> dict[float, Threshold]:
    """The brackets of one kind of start network; at the finest precision one size was looked at."""
    far = ends(data["far"], level) if name.endswith("d = 2") else {}
    return ends(data["counts"][name], level) | far


def ratios(data: dict[str, Any], level: float) -> dict[str, dict[float, float]]:
    """Rows' certified lower end over scissors' certified upper end; 0 where the latter was not reached."""
    found = {}
    for name in data["counts"]:
        least = data["least"][name.split(",")[0]]
        found[name] = {e: least[e] / end.upper if end.upper else 0.0 for e, end in scissors(data, name, level).items()}
    return found


def line_ratios(data: dict[str, Any], level: float) -> dict[float, tuple[float, float]]:
    """At d = 1, limits of n_{1/2} of rows over that of scissors, by ε."""
    rows, scissors = (ends(counts, level) for counts in data["line"])
    return {
        e: (rows[e].lower / (scissors[e].upper or math.inf), (rows[e].upper or math.inf) / scissors[e].lower)
        for e in rows
    }


def judge(data: dict[str, Any], level: float, d: int = 2) -> Sequence[Finding]:
    level /= BRACKETS
    if d == 1:
        limits = line_ratios(data, level)
        coarse, fine = max(limits), min(limits)
        decades = math.log10(coarse / fine)
        slope = [
            math.log10(max(fine_end / coarse_end, 1e-9)) / decades
            for fine_end, coarse_end in (
                (limits[fine][0], limits[coarse][1]),
                (limits[fine][1], limits[coarse][0]),
            )
        ]
        numbers = {"rows over scissors, by ε": {f"{e:g}": list(ends) for e, ends in limits.items()}}
        return [findings.inside("d = 1: slope of the ratio", (slope[0], slope[1]), SLOPE, **numbers)]
    found = []
    for name, ratio in ratios(data, level).items():
        eps = sorted(ratio)
        near = next(e for e in eps[1:] if e >= 9.9 * eps[0])
        certified = {"rows over scissors, by ε": {f"{e:g}": ratio[e] for e in eps}}
        small = all(ratio[e] > 1.0 for e in eps if e <= 1.01e-5)
        found.append(_certified(f"{name}: certified ratio at small ε above 1", small, certified))
        grown = ratio[eps[0]] / ratio[near] if ratio[near] else 0.0
        slope = math.log(grown) / math.log(near / eps[0]) if grown else 0.0
        what = f"{name}: slope of the certified ratio from ε = {near:g} to {eps[0]:g}"
        found.append(_certified(what, SLOPE[0] <= slope <= SLOPE[1], {"slope": slope, "claimed": list(SLOPE)}))
        if eps[0] <= FAR_EPS:
            far = ratio[eps[0]]
            what = f"{name}: certified ratio above 1000 at ε = {eps[0]:g}"
            found.append(_certified(what, far > 1000.0, {"ratio": far}))
    return found


def _certified(name: str, true: bool, numbers: dict[str, Any]) -> Finding:
    """What certified limits show. Where they do not, better limits might: that refutes nothing."""
    return Finding(name, Verdict.SUPPORTED if true else Verdict.INCONCLUSIVE, numbers)


def headline(data: dict[str, Any]) -> str:
    finest = EPS[-1]
    most = scissors(data, "relu, generic, d = 2", 0.01)[finest].upper
    least = data["least"]["relu"][finest]
    if most is None:
        return "The masks that scissors need were not found within the sizes looked at."
    return (
        "A large random network of ReLU units contains, with nothing trained, a small network that computes a given "
        f"function. With *scissors*, which cut single weights, {most} random units hold it, to within one part in a "
        f"million, more often than not; whoever may only take out whole *rows* of weights needs at least {least:,}, "
        "and every further digit costs scissors a few units more but multiplies the network that rows need. The reason "
        "is where a unit bends: scissors can undo a bend that lies in the wrong place, rows have to wait for one that "
        "chance puts in the right place."
    )


def draw(data: dict[str, Any]) -> Figure:
    figure, (left, right) = drawing.panels(2)
    least, shown = data["least"]["relu"], scissors(data, "relu, generic, d = 2", 0.01)
    most = {e: end.upper for e, counts in data["most"].items() for end in ends(counts, 0.01).values() if end.upper}
    left.plot(list(least), list(least.values()), **drawing.style(2), label="rows: at least")
    left.plot(list(most), list(most.values()), **drawing.style(2, marker="v", linestyle=":"), label="rows: at most")
    left.fill_between(list(most), [least[e] for e in most], list(most.values()), color=drawing.COLOURS[2], alpha=0.2)
    upper = {e: end.upper for e, end in shown.items() if end.upper}
    left.plot(list(upper), list(upper.values()), **drawing.style(1), label="scissors: at most")
    lower = {e: end.lower for e, end in shown.items() if e in upper and e in EPS}
    left.plot(
        list(lower), list(lower.values()), **drawing.style(1, marker="", linestyle=":"), label="scissors: at least"
    )
    left.fill_between(list(lower), list(lower.values()), [upper[e] for e in lower], color=drawing.COLOURS[1], alpha=0.2)
    left.set(ylabel="neurons at probability ½", ylim=(1, 1e8), title="readout relu, generic target, d = 2")
    for i, (name, ratio) in enumerate(ratios(data, 0.01).items()):
        shown_ratio = {e: x for e, x in ratio.items() if x}
        right.plot(list(shown_ratio), list(shown_ratio.values()), **drawing.style(i), label=name)
    line = {e: math.sqrt(low * high) for e, (low, high) in line_ratios(data, 0.01).items()}
    right.plot(list(line), list(line.values()), **drawing.style(5), label="d = 1: no gap")
    grid = np.logspace(-8, -1, 50)
    right.plot(grid, 0.01 / (grid * np.log(1 / grid)), "-", color="#888888", linewidth=0.8, label="(1/ε)/ln(1/ε)")
    right.axhline(1.0, color="#000000", linewidth=0.6)
    right.set(ylabel="rows over scissors, certified", title="how many times as many")
    for ax in (left, right):
        ax.set(xscale="log", yscale="log", xlabel="ε: precision")
        ax.invert_xaxis()
        ax.legend(fontsize=7.5, loc="upper left")
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "GAP-1",
    [Control("GAP-1-line", "the gap exists at $d=1$", {"d": 1})],
    "Left: neurons needed against precision, with certified limits: rows at least by theorem, at most by networks "
    "found; scissors at most by masks found, at least by exhaustion. Right: the certified ratio; at d = 1 both kinds "
    "of pruning are the same.",
)
