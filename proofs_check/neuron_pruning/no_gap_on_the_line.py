r"""NP-6: On the line there is no gap.

**Hypotheses.** $d=1$, no bias, readout linear or relu, law normal.

**Statement.** Every kink is at 0, and neuron pruning is subset sum: the sums of $v_i\,u_i^+$ have to reach 1. So
$O(\log(1/\varepsilon))$ neurons suffice, as for single weights.

**Source.** Lueker (1998) for the sums; worked out for this project. A control: a suite that finds a gap here is broken.

**Checked.** The median threshold follows a straight line in $\log_2(1/\varepsilon)$ better than $1/\varepsilon$ or a
constant (trial by trial, Vuong's test), and if it were a power of $1/\varepsilon$, its exponent would lie in
$[0,0.3]$ over the range measured, far from the 1 of the plane.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.neuron_pruning import NeuronPruning
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, claim_of

EPS = tuple(2.0**-bits for bits in (2, 4, 6, 8, 10))
NS = tuple(range(1, 31))
LAWS = ("logarithmic", "inverse", "constant")
FLAT = (0.0, 0.3)


def measure(run: Run) -> dict[str, Any]:
    outcomes = run.first_hits(NeuronPruning(d=1), NS, EPS, 600)
    return {"outcomes": outcomes, "fits": {law: scaling.fit(outcomes, law) for law in (*LAWS, "power")}}


def judge(
    data: dict[str, Any], level: float, law: str = "logarithmic", exponent: float | None = None
) -> Sequence[Finding]:
    rivals = [rival for rival in LAWS if rival != law]
    fits, level = data["fits"], level / (len(rivals) + 1)
    found = [findings.beats(f"median threshold grows {law}, not {r}", fits[law], fits[r], level) for r in rivals]
    power = fits["power"]
    claimed = FLAT if exponent is None else (exponent - 0.15, exponent + 0.15)
    limits = power.interval("gamma", level)
    return [*found, findings.inside("exponent of a power law", limits, claimed, estimate=power.estimate, level=level)]


def draw(data: dict[str, Any]) -> Figure:
    figure, (ax,) = drawing.panels()
    bits = -np.log2(EPS)
    for threshold, x in zip(thresholds.brackets(data["outcomes"], 0.5, 0.99, {}), bits, strict=True):
        top = threshold.upper if threshold.upper is not None else NS[-1]
        ax.plot([x, x], [threshold.lower, top], color="#888888", linewidth=4, alpha=0.6, solid_capstyle="butt")
        if threshold.interpolated is not None:
            ax.plot(x, threshold.interpolated, "ko")
    line = np.linspace(bits[0] - 0.5, bits[-1] + 0.5, 50)
    for i, law in enumerate(("logarithmic", "inverse")):
        ax.plot(line, data["fits"][law].median(2.0**-line), **drawing.style(i + 1, marker=""), label=law)
    ax.set(xlabel="log₂(1/ε)", ylabel="neurons at probability ½", ylim=(0, NS[-1]))
    ax.legend()
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "NP-6",
    [
        Control("NP-6-gap", r"at $d=1$ rows need about $1/\varepsilon$ neurons, as in the plane", {"law": "inverse"}),
        Control("NP-6-root", r"at $d=1$ the threshold grows like $\varepsilon^{-1/2}$", {"exponent": 0.5}),
    ],
    "Neurons needed at d = 1 (dots interpolated, bars certified brackets) with two fitted laws.",
)
