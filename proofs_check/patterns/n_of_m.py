r"""PAT-3: N:M costs nothing in order.

**Hypotheses.** Readout relu, generic target, law normal, $d=4$; at most two of every four inputs of a neuron
stay (2:4).

**Statement.** The construction of WP-1 keeps one weight a neuron, so all its masks are N:M masks:
$n=O(d\log(d/\varepsilon))$. Only the counting limit changes: $\log_2\sum_{k\le N}\binom Mk$ bits for $M$ weights in
place of $M$; for 2:4 that is 3.46 of 4.

**Source.** Worked out for this project, from Pensia et al. (2020).

**Checked.** What is needed at 2:4 follows a straight line in $\log_2(1/\varepsilon)$ better than $1/\varepsilon$, with
at most 1.5 times the neurons a bit of free scissors, each on draws of its own; a row that keeps one weight is allowed;
no hit rate exceeds the counting limit at a size below it.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import weight_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.patterns import get_pattern
from ltjax.problems.pruning import Pruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter, Ratio, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, FitsBetter, Holds, InRange, Test
from proofs_check.weight_pruning.sufficiency import constructed

D = 4
NS, EPS = tuple(range(8, 57, 6)), (1e-1, 3e-2, 1e-2)
LAWS = ("logarithmic", "inverse")
TRIALS = 100
COUNTED = (1, 2e-3)
"""A size and a precision at which the counting limit says much."""


@dataclasses.dataclass(frozen=True)
class NOfM(Claim):
    id = "PAT-3"
    controls = (
        Control("PAT-3-inverse", r"2:4 costs about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-3-twice", "2:4 needs twice what free scissors need", {"least": 2.0, "most": 4.0}),
        Control("PAT-3-bits", "2:4 has two bits for four weights", {"bits": 2.0}),
    )
    caption = "Neurons at probability ½, upper ends in hand: free scissors and 2:4; lines: the counting limits."

    law: str = "logarithmic"
    least: float = 0.0
    most: float = 1.5
    """Between these, 2:4 over free scissors."""
    bits: float = math.log2(11.0)
    """Of four weights."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {name: run.first_hits(Pruning(d=D, pattern=name), NS, EPS, TRIALS) for name in ("weights", "2:4")}
        few = run.count(Pruning(d=D, pattern="2:4"), COUNTED[:1], COUNTED[1:], 2_000)
        fits = {name: {law: scaling.fit(constructed(each), law) for law in LAWS} for name, each in found.items()}
        return {"found": found, "few": few, "fits": fits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits = data["fits"]["2:4"]
        ratio = Ratio(*(Parameter(data["fits"][name]["logarithmic"], "a") for name in ("2:4", "weights")))
        (n, e), pattern = COUNTED, get_pattern("2:4")
        return [
            FitsBetter(f"2:4: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival]),
            InRange("neurons a bit, 2:4 over free scissors", ratio, (self.least, self.most)),
            AtMost(
                f"2:4: P(hit) at n = {n}, ε = {e:g}", hit_rate(data["few"], n, e), bounds.counting_bound(n, D, e, "2:4")
            ),
            Holds(
                "a row that keeps one of four weights is allowed",
                bool(np.all(pattern.allows(np.eye(D, dtype=bool)[:, None]))),
                True,
            ),
            Holds(
                "bits for four weights",
                abs(pattern.bits(1, D) - self.bits) < 1e-12 and len(pattern.masks(1, D)) == round(2.0**self.bits),
                True,
                {"bits": pattern.bits(1, D)},
            ),
        ]

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for i, (name, found) in enumerate(data["found"].items()):
            ends = [(one.eps, one.upper) for one in thresholds.brackets(found, 0.5, 0.99, {}) if one.upper is not None]
            ax.plot(*np.transpose(ends), **drawing.style(i), label=f"{name}: at most")
            limit = [bounds.counting_threshold(0.5, D, e, name) for e in EPS]
            ax.plot(EPS, limit, **drawing.style(i, marker=""), alpha=0.5)
        ax.set(xscale="log", xlabel="ε", ylabel="neurons at probability ½", ylim=(0, None))
        ax.legend()
        return figure
