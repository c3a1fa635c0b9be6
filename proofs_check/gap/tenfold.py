r"""GAP-2: Ten times more precise costs a few neurons, or ten times the network.

**Hypotheses.** As for GAP-1, $d=2$.

**Statement.** From $\varepsilon$ to $\varepsilon/10$ the number of neurons that scissors need grows by a constant,
that of rows by a factor that tends to 10. (In $d\ge3$ dimensions, readout linear, by $10^{d-1}$: NP-9.)

**Source.** Ferre', Giroire, Mallmann-Trenn, Natale (arXiv 2603.02234); constants worked out for this project.

**Checked.** Scissors, readout relu with a generic and readout linear with an axis target, for
$\varepsilon=10^{-1},\dots,10^{-6}$: by the certified brackets of what the construction needs, the last decade costs
as much as the first, within 40 neurons (relu) and 30 (linear); a straight line fitted to it has a slope of 11 to 19
neurons a decade (relu, four sums) and 4 to 8 (linear, one sum), and fits better than $1/\varepsilon$. Rows: the
factors of the lower bounds of NP-2 (a closed form) and NP-3 (with its numerical error) from $10^{-3}$ on lie in
$[7,13]$; and from $\varepsilon=0.8$ to $10^{-4}$, by certified brackets, what rows need (readout linear) grows with
an exponent of $1/\varepsilon$ above one half. That rows need no more than ten times as much a decade is NP-4, in the
plane.
"""

import dataclasses
import itertools
import math
from typing import Any

from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.problems.pruning import NeuronPruning
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Difference, Parameter, Scaled, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import Equivalent, FitsBetter, Holds, InRange, Test
from proofs_check.gap.exponential import (
    AXIS,
    AXIS_SIZES,
    COARSE_EPS,
    EPS,
    FINE_EPS,
    coarse_rows,
    generic,
    in_blocks,
    rows,
    rows_exponent,
    sizes,
)
from proofs_check.neuron_pruning import sufficiency
from proofs_check.weight_pruning.sufficiency import constructed

KINDS = {"relu": "relu, generic", "linear": "linear, axis"}
TRIALS = {"relu": 200, "linear": 300}
ALIKE = {"relu": 40.0, "linear": 30.0}
"""Neurons by which the cost of the last decade may differ from that of the first; 1/ε would make it thousands."""
LOG2_10 = math.log2(10.0)


def increments(needed: FirstHits) -> dict[float, Difference]:
    """What the decade that ends at ε costs, by ε."""
    counts = needed.counts()
    return {b: Difference(Threshold(counts, b), Threshold(counts, a)) for a, b in itertools.pairwise(counts.eps)}


def factors(least: dict[float, int]) -> dict[float, float]:
    """By which factor what rows need at least grows from 10ε to ε, by ε."""
    eps = sorted(least, reverse=True)
    return {b: least[b] / least[a] for a, b in itertools.pairwise(eps)}


@dataclasses.dataclass(frozen=True)
class Tenfold(Claim):
    id = "GAP-2"
    controls = (
        Control("GAP-2-tenfold", "scissors too need ten times the network", {"law": "inverse"}),
        Control("GAP-2-flat", "rows need half as many again at most", {"factor": (0.9, 1.5)}),
        Control("GAP-2-slow", r"what rows need grows more slowly than $\varepsilon^{-1/4}$", {"rows": (-0.25, 0.25)}),
        Control(
            "GAP-2-double",
            "scissors need twice as many neurons a decade",
            {"relu": (26.0, 34.0), "linear": (11.0, 15.0)},
        ),
    )
    caption = (
        "What a decade of precision costs. Left: scissors, neurons added, with 99% limits and the fitted line. Right: "
        "rows, by which factor the lower bound on their number grows."
    )

    law: str = "logarithmic"
    relu: tuple[float, float] = (11.0, 19.0)
    """Neurons a decade that scissors need, readout relu, generic target: four sums."""
    linear: tuple[float, float] = (4.0, 8.0)
    """Readout linear, axis target: one sum."""
    factor: tuple[float, float] = (7.0, 13.0)
    """By which rows' bound grows a decade, from ε = 0.001 on."""
    rows: tuple[float, float] = (0.5, math.inf)
    """Exponent of 1/ε in what rows need, from certified ends."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {
            "relu": run.first_hits(generic(2), sizes(2), EPS, TRIALS["relu"], solver=in_blocks(generic(2))),
            "linear": run.first_hits(AXIS, AXIS_SIZES, EPS, TRIALS["linear"], solver=in_blocks(AXIS)),
        }
        needed = {readout: constructed(outcomes) for readout, outcomes in found.items()}
        fits = {
            readout: {law: scaling.fit(o, law) for law in ("logarithmic", "inverse")} for readout, o in needed.items()
        }
        run.progress("what rows need, by closed forms")
        least = {readout: {e: rows(readout, e) for e in EPS} for readout in KINDS}
        coarse = coarse_rows(run)
        # Sizes and precision of NP-4, whose compiled search this is.
        few = sufficiency.sizes(FINE_EPS)
        most = {FINE_EPS: run.count(NeuronPruning(), few, (FINE_EPS,), 40, solver=sufficiency.NEAR)}
        return {"needed": needed, "fits": fits, "least": least, "coarse": coarse, "most": most}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: list[Test] = []
        for readout, kind in KINDS.items():
            fits, each = data["fits"][readout], increments(data["needed"][readout])
            slope = Scaled(Parameter(fits["logarithmic"], "a"), LOG2_10)
            claimed = {"relu": self.relu, "linear": self.linear}[readout]
            first, last = max(each), min(each)
            alike = f"scissors, {kind}: the last decade against the first, neurons"
            found.append(Equivalent(alike, each[last], each[first], ALIKE[readout]))
            found.append(InRange(f"scissors, {kind}: neurons a decade, fitted", slope, claimed))
            for rival in fits:
                if rival != self.law:
                    name = f"scissors, {kind}: growth is {self.law}, not {rival}"
                    found.append(FitsBetter(name, fits[self.law], fits[rival]))
            low, high = self.factor
            grows = {f"{e:g}": x for e, x in factors(data["least"][readout]).items() if e <= 1.01e-4}
            found.append(
                Holds(
                    f"rows, {kind}: factor a decade of their bound, from 0.001 on",
                    all(low <= x <= high for x in grows.values()),
                    numbers={"factors": grows, "claimed": [low, high]},
                )
            )
        name = f"rows, linear: exponent of 1/ε from ε = {COARSE_EPS:g} to {FINE_EPS:g}"
        found.append(InRange(name, rows_exponent(data), self.rows))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        for i, (readout, kind) in enumerate(KINDS.items()):
            limits = [more.limits(0.01) for more in increments(data["needed"][readout]).values()]
            limits = [(max(low, -1e3), min(high, 1e3)) for low, high in limits]  # where no end was found
            middle = [(low + high) / 2 for low, high in limits]
            reach = [(high - low) / 2 for low, high in limits]
            left.errorbar(
                EPS[1:], middle, yerr=reach, capsize=2, elinewidth=1, **drawing.style(i, linestyle=""), label=kind
            )
            a = LOG2_10 * data["fits"][readout]["logarithmic"].estimate["a"]
            left.axhline(a, color=drawing.COLOURS[i], linewidth=0.8)
            grows = factors(data["least"][readout])
            right.plot(list(grows), list(grows.values()), **drawing.style(i), label=kind)
        right.axhline(10.0, color="#888888", linewidth=0.8)
        left.set(ylabel="n(ε) - n(10ε)", ylim=(0, None), title="scissors: added")
        right.set(ylabel="n(ε) / n(10ε)", ylim=(0, 11), title="rows: times")
        for ax in (left, right):
            ax.set(xscale="log", xlabel="ε")
            ax.invert_xaxis()
            ax.legend()
        return figure

    def headline(self, data: dict[str, Any]) -> str:
        # How many neurons there are in all is GAP-1's to say, from its own draws and by its sharper bounds.
        lines = [
            "**Ten times more precise costs …** (at probability one half, $d=2$; how many neurons in all: GAP-1)",
            "",
            "| readout, target | from ε | to ε | scissors: neurons more, certified | rows: their bound times |",
            "|---|---|---|---|---|",
        ]
        for readout, kind in KINDS.items():
            times = factors(data["least"][readout])
            for e, more in increments(data["needed"][readout]).items():
                low, high = more.limits(0.01)
                decade = round(math.log10(e))
                cells = (
                    kind,
                    f"$10^{{{decade + 1}}}$",
                    f"$10^{{{decade}}}$",
                    f"{low:+g} to {high:+g}",
                    f"{times[e]:.1f}",
                )
                lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)
