r"""WP-4: An axis target needs one subset sum.

**Hypotheses.** Readout linear, $w=e_1$, $d\ge1$, law normal.

**Statement.** Keep $u_{i1}$ alone of the neurons with $u_{i1}>0$: a subset sum of $v_iu_{i1}$ near 1 is enough, so
$n=O(\log(1/\varepsilon))$, while rows need about $1/\varepsilon$ (NP-2 holds for every $w$).

**Source.** Lueker (1998) for the sums; worked out for this project.

**Checked.** $d=2$: the number of neurons at which a mask is found follows a straight line in $\log_2(1/\varepsilon)$
better than $1/\varepsilon$, and its slope is above 0; 26 suffice at $\varepsilon=10^{-3}$, where NP-2 asks rows for
270 and more.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.pruning import WeightPruning
from ltjax.solvers.choose import in_blocks
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, FitsBetter, Holds, InRange, Test
from proofs_check.weight_pruning.sufficiency import constructed

EPS = (1e-1, 1e-2, 1e-3)
NS = tuple(range(1, 31))
LAWS = ("logarithmic", "inverse")
ENOUGH, ROWS = 26, 270


@dataclasses.dataclass(frozen=True)
class AxisTarget(Claim):
    id = "WP-4"
    controls = (
        Control("WP-4-inverse", r"scissors need about $1/\varepsilon$ neurons for an axis target", {"law": "inverse"}),
        Control("WP-4-steep", "scissors need more than ten neurons a bit for an axis target", {"least_slope": 10.0}),
        Control("WP-4-rows", r"rows need 300 neurons at $\varepsilon=10^{-3}$ by NP-2", {"rows": 300}),
    )
    caption = (
        "Neurons needed for an axis target with a linear readout: certified upper ends for scissors, the lower bound "
        "of NP-2 for rows."
    )

    law: str = "logarithmic"
    least_slope: float = 0.0
    """Neurons a bit are more than this: the number does grow."""
    rows: int = ROWS
    """What rows need at ε = 0.001, by NP-2."""

    def measure(self, run: Run) -> dict[str, Any]:
        problem = WeightPruning(readout="linear", target="axis")
        # One search, as fine as the finest precision asks for.
        found = run.first_hits(problem, NS, EPS, 600, solver=in_blocks(problem, min(EPS)))
        return {"found": found, "fits": {law: scaling.fit(constructed(found), law) for law in LAWS}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        fits, counts = data["fits"], data["found"].counts()
        asked = bounds.kink_threshold(0.5, 1e-3)
        found: list[Test] = [
            FitsBetter(f"what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival])
            for rival in LAWS
            if rival != self.law
        ]
        slope = Parameter(fits["logarithmic"], "a")
        found += [
            InRange("neurons a bit", slope, (self.least_slope, math.inf)),
            AtLeast(f"P(hit) at n = {ENOUGH}, ε = 0.001", hit_rate(counts, ENOUGH, 1e-3), 0.5),
            Holds(
                "rows asked for at ε = 0.001 (NP-2)", asked >= self.rows, numbers={"asked": asked, "claimed": self.rows}
            ),
        ]
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for threshold in thresholds.brackets(data["found"], 0.5, 0.99, {}):
            if threshold.upper is not None:
                ax.plot(
                    threshold.eps,
                    threshold.upper,
                    **drawing.style(0),
                    label="scissors: at most" if threshold.eps == EPS[0] else None,
                )
        eps = np.logspace(-3, -1, 20)
        ax.plot(
            eps, [bounds.kink_threshold(0.5, e) for e in eps], **drawing.style(1, marker=""), label="rows: at least"
        )
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½")
        ax.legend()
        return figure
