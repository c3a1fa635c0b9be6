r"""GAP-2: Ten times more precise costs a few neurons, or ten times the network.

**Hypotheses.** As for GAP-1.

**Statement.** From $\varepsilon$ to $\varepsilon/10$ the number of neurons that scissors need grows by a constant,
that of rows by a factor that tends to 10.

**Source.** Ferre', Giroire, Mallmann-Trenn, Natale (arXiv 2603.02234); constants worked out for this project.

**Checked.** Scissors, readout linear, axis target, for $\varepsilon=10^{-1},\dots,10^{-6}$: the increments a decade,
from a straight line fitted to what the construction needs, are 4 to 7 neurons, and a line fits better than a square
or a power with exponent above 0.3. Rows: the factors of the lower bounds of NP-2 and NP-3 from $10^{-3}$ on lie in
$[7,13]$.
"""

import itertools
import math
import sys
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ltjax import drawing
from ltjax.inference import scaling
from ltjax.problems.weight_pruning import WeightPruning
from proofs_check import findings
from proofs_check.catalogue.gap.exponential import rows
from proofs_check.catalogue.weight_pruning.sufficiency import constructed
from proofs_check.claim import Control, Finding, Run, claim_of

EPS = tuple(10.0**-k for k in range(1, 6))
NS = tuple(range(2, 49, 2))
INCREMENT = (4.0, 7.0)
FACTOR = (7.0, 13.0)
LOG2_10 = math.log2(10.0)


def measure(run: Run) -> dict[str, Any]:
    found = run.first_hits(WeightPruning(readout="linear", target="axis"), NS, EPS, 400)
    needed = constructed(found)
    fits = {law: scaling.fit(needed, law) for law in ("logarithmic", "inverse", "power")}
    run.progress("what rows need")
    precisions = [10.0**-k for k in range(2, 8)]
    return {"fits": fits, "rows": {r: {e: rows(r, e) for e in precisions} for r in ("linear", "relu")}}


def judge(data: dict[str, Any], level: float, tenfold: bool = False, flat: bool = False) -> Sequence[Finding]:
    fits, level = data["fits"], level / 3
    slope = tuple(LOG2_10 * x for x in fits["logarithmic"].interval("a", level))
    claimed, rival = ("inverse", "logarithmic") if tenfold else ("logarithmic", "inverse")
    found = [
        findings.inside("scissors: neurons a decade", (slope[0], slope[1]), INCREMENT, level=level),
        findings.beats(f"scissors: growth is {claimed}, not {rival}", fits[claimed], fits[rival], level),
    ]
    for readout, bound in data["rows"].items():
        eps = sorted(bound, reverse=True)
        factors = {f"{b:g}": bound[b] / bound[a] for a, b in itertools.pairwise(eps) if a <= 1.01e-3}
        low, high = (0.9, 1.5) if flat else FACTOR
        found.append(
            findings.holds(
                f"rows, readout {readout}: factor a decade",
                all(low <= x <= high for x in factors.values()),
                factors=factors,
                claimed=[low, high],
            )
        )
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure, (ax,) = drawing.panels()
    for i, (readout, bound) in enumerate(data["rows"].items()):
        eps = sorted(bound, reverse=True)
        factors = [bound[b] / bound[a] for a, b in itertools.pairwise(eps)]
        ax.plot(eps[1:], factors, **drawing.style(i), label=f"rows, readout {readout}")
    median = data["fits"]["logarithmic"].median
    factors = [float(median(e) / median(10 * e)) for e in EPS[1:]]
    ax.plot(EPS[1:], factors, **drawing.style(2), label="scissors, axis target")
    ax.axhline(10.0, color="#888888", linewidth=0.8)
    ax.axhline(1.0, color="#888888", linewidth=0.8)
    ax.set(xscale="log", xlabel="ε", ylabel="n(ε) / n(10ε)", ylim=(0, 11))
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
    "By which factor the number of neurons grows when the precision is ten times finer.",
)
