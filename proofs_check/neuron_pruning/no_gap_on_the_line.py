r"""NP-6: On the line there is no gap.

**Hypotheses.** $d=1$, no bias, readout linear or relu, law normal.

**Statement.** Every kink is at 0, and neuron pruning is subset sum: the sums of $v_i\,u_i^+$ have to reach 1. So
$O(\log(1/\varepsilon))$ neurons suffice, as for single weights.

**Source.** Lueker (1998) for the sums; worked out for this project. A control: a suite that finds a gap here is broken.

**Checked.** The median threshold follows a straight line in $\log_2(1/\varepsilon)$ better than $1/\varepsilon$
(trial by trial, Vuong's test), with a slope above 0, and if it were a power of $1/\varepsilon$, its exponent would
lie in $[0,0.3]$ over the range measured, far from the 1 of the plane.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.pruning import NeuronPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter
from ltjax.verify.run import Run
from ltjax.verify.tests import FitsBetter, InRange, Test

EPS = tuple(2.0**-bits for bits in (2, 4, 6, 8, 10))
NS = tuple(range(2, 31, 2))
LAWS = ("logarithmic", "inverse")
FLAT = (0.0, 0.3)


@dataclasses.dataclass(frozen=True)
class NoGapOnTheLine(Claim):
    id = "NP-6"
    controls = (
        Control("NP-6-gap", r"at $d=1$ rows need about $1/\varepsilon$ neurons, as in the plane", {"law": "inverse"}),
        Control("NP-6-root", r"at $d=1$ the threshold grows like $\varepsilon^{-1/2}$", {"exponent": (0.35, 0.65)}),
        Control("NP-6-steep", "at $d=1$ rows need more than ten neurons a bit", {"least_slope": 10.0}),
    )
    caption = "Neurons needed at d = 1 (dots interpolated, bars certified brackets) with two fitted laws."

    law: str = "logarithmic"
    least_slope: float = 0.0
    """Neurons a bit are more than this: the number does grow."""
    exponent: tuple[float, float] = FLAT
    """Of 1/ε, if the threshold were a power of it."""

    def measure(self, run: Run) -> dict[str, Any]:
        outcomes = run.first_hits(NeuronPruning(d=1), NS, EPS, 600)
        return {"outcomes": outcomes, "fits": {law: scaling.fit(outcomes, law) for law in (*LAWS, "power")}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        fits = data["fits"]
        line, power = fits["logarithmic"], fits["power"]
        found: list[Test] = [
            FitsBetter(f"median threshold grows {self.law}, not {rival}", fits[self.law], fits[rival])
            for rival in LAWS
            if rival != self.law
        ]
        slope, gamma = Parameter(line, "a"), Parameter(power, "gamma")
        found += [
            InRange("neurons a bit", slope, (self.least_slope, math.inf), numbers={"estimate": line.estimate}),
            InRange("exponent of a power law", gamma, self.exponent, numbers={"estimate": power.estimate}),
        ]
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
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
