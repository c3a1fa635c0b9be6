r"""PAT-7: A law with atoms makes rows cheap.

**Hypotheses.** Whole rows, target $\sigma(x_1)$, readout linear. Input weights pre-pruned at random (each is 0 with
probability $1-p$, else normal), or quantised to $L$ equally likely levels with 0 among them.

**Statement.** A neuron reads the target's input alone with probability $q=p(1-p)^{d-1}$, or about $1/L$ for each
other input: then the possible kinks hold the target's, and rows are a subset sum too,
$n_{1/2}=O(\log(1/\varepsilon)/q)$, least at $p=1/d$. So the lower bounds $\varepsilon^{-(d-1)}$ of NP-2 and NP-9 need
a law without atoms.

**Source.** Worked out for this project.

**Checked.** $d=2$, $p=\tfrac12$: masks in hand follow a straight line in $\log_2(1/\varepsilon)$ better than
$1/\varepsilon$, and 240 neurons suffice at $\varepsilon=10^{-4}$, where a law without atoms asks for 2,700. $d=4$: at
the same size such masks are in hand more often with $p=\tfrac14$ than with 0.06 or 0.6. Nine levels: 500 neurons
suffice at $\varepsilon=10^{-4}$.
"""

import dataclasses
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.pruning import NeuronPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, FitsBetter, Holds, Less, Test
from proofs_check.weight_pruning.sufficiency import constructed

EPS = (1e-1, 1e-2, 1e-3, 1e-4)
NS = (20, 40, 60, 80, 100, 120, 150, 180, 240)
LAWS = ("logarithmic", "inverse")
FEWER, BEST, MORE = 0.06, 0.25, 0.6
"""At d = 4: of weights that are left."""
D, SIZE, AT = 4, 150, 1e-2
LEVELS, ENOUGH = 9, 500


@dataclasses.dataclass(frozen=True)
class Atoms(Claim):
    id = "PAT-7"
    controls = (
        Control("PAT-7-inverse", r"pre-pruned rows still cost about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-7-denser", "at $d=4$ the best $p$ is 0.6", {"best": MORE, "other": BEST}),
        Control("PAT-7-bound", r"240 neurons suffice without atoms too", {"asked": 240}),
    )
    caption = "Neurons at probability ½: rows of networks that lack half of their weights; without atoms, at least."

    law: str = "logarithmic"
    best: float = BEST
    other: float = MORE
    asked: int = 2_700
    """Neurons at ε = 0.0001 without atoms, about."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = run.first_hits(NeuronPruning(law="sparse:0.5", target="axis"), NS, EPS, 120)
        shares = {}
        for p in (FEWER, BEST, MORE):
            shares[p] = run.count(NeuronPruning(d=D, law=f"sparse:{p}", target="axis"), (SIZE,), (AT,), 220)
        levels = run.count(NeuronPruning(law=f"levels:{LEVELS}", target="axis"), (ENOUGH,), (1e-4,), 60)
        fits = {law: scaling.fit(constructed(found), law) for law in LAWS}
        return {"found": found, "shares": shares, "levels": levels, "fits": fits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits, counts, shares = data["fits"], data["found"].counts(), data["shares"]
        asked = bounds.kink_threshold(0.5, 1e-4)

        def rate(p: float) -> Any:
            # Not finding such a mask is an answer to whether one is in hand.
            return Proportion(shares[p].at(SIZE, AT)[0], shares[p].trials)

        return [
            FitsBetter(f"pre-pruned, d = 2: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival]),
            AtLeast("pre-pruned, d = 2, ε = 0.0001: P(hit) at n = 240", hit_rate(counts, 240, 1e-4), 0.5),
            Less(f"d = {D}: masks in hand at p = {FEWER:g} against {self.best:g}", rate(FEWER), rate(self.best)),
            Less(
                f"d = {D}: masks in hand at p = {self.other:g} against {self.best:g}", rate(self.other), rate(self.best)
            ),
            AtLeast(
                f"{LEVELS} levels, ε = 0.0001: P(hit) at n = {ENOUGH}", hit_rate(data["levels"], ENOUGH, 1e-4), 0.5
            ),
            Holds(
                "asked for without atoms at ε = 0.0001 (NP-2)",
                0.9 * self.asked <= asked <= 1.1 * self.asked,
                False,
                {"asked": asked, "claimed": self.asked},
            ),
        ]

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        drawing.brackets(ax, EPS, thresholds.brackets(data["found"], 0.5, 0.99, {}), 0, "half of the weights, d = 2")
        grid = np.geomspace(1e-4, 1e-1, 30)
        ax.plot(
            grid,
            [bounds.kink_threshold(0.5, e) for e in grid],
            **drawing.style(1, marker=""),
            label="no atoms: at least",
        )
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½")
        ax.legend()
        return figure
