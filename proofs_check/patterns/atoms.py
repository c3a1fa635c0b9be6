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
suffice at $\varepsilon=10^{-4}$. 9, 33 and 129 levels: rows that bend near the target's kink are as frequent at
$\varepsilon=3/L$ as without atoms, and at $\varepsilon=1/(10L)$ so frequent that the lower end bends within a factor 3
of $1/L$. Masks in hand bend there too, which takes longer: a test fits $n_{1/2}$ of nine levels as
$C/(\varepsilon+\varepsilon_0)$ and finds $\varepsilon_0$ within a factor 3 of $1/L$.
"""

import dataclasses
import math
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.networks import sample_weights
from ltjax.problems.pruning import NeuronPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Proportion, Ratio, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, FitsBetter, Holds, InRange, Less, Test
from proofs_check.weight_pruning.sufficiency import constructed

EPS = (1e-1, 1e-2, 1e-3, 1e-4)
NS = (20, 40, 60, 80, 100, 120, 150, 180, 240)
LAWS = ("logarithmic", "inverse")
FEWER, BEST, MORE = 0.06, 0.25, 0.6
"""At d = 4: of weights that are left."""
D, SIZE, AT = 4, 150, 1e-2
LEVELS, ENOUGH = 9, 500
BENT, ROWS, NETWORKS = (9, 33, 129), 4_000, 200
"""Numbers of levels, and rows that are drawn of each."""
ABOVE, BELOW, WITHIN, AGREE = 3.0, 0.1, 3.0, 0.25
"""Precisions above and below the bend, times L; a factor around the bend; how far shares above it may differ."""


def near_rows(key: Any, levels: int) -> Any:
    """How many rows bend so near the target's kink that the lemma is silent, at ABOVE/L and at BELOW/L."""
    u = sample_weights(key, ROWS, 2, f"levels:{levels}").u
    return jnp.stack([jnp.sum(jnp.abs(u[:, 1]) < x * jnp.abs(u[:, 0])) for x in map(slope, eps_of(levels))])


def eps_of(levels: int) -> tuple[float, float]:
    return ABOVE / levels, BELOW / levels


def slope(eps: float) -> float:
    """|u_2|/|u_1| of a row that bends at the lemma's angle: tan α = 4ε/(1 - 4ε²), ε < ½."""
    return math.tan(bounds.kink_angle(eps))


def share_without_atoms(eps: float) -> float:
    """Of rows whose weights are uniform: the part of the square where |u_2| < |u_1|·tan α; about 2ε."""
    x = slope(eps)
    return 0.5 * x if x <= 1.0 else 1.0 - 0.5 / x


@dataclasses.dataclass(frozen=True)
class Atoms(Claim):
    id = "PAT-7"
    controls = (
        Control("PAT-7-inverse", r"pre-pruned rows still cost about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-7-denser", "at $d=4$ the best $p$ is 0.6", {"best": MORE, "other": BEST}),
        Control("PAT-7-bound", r"240 neurons suffice without atoms too", {"asked": 240}),
        Control("PAT-7-bend", "with L levels the lower end bends at 10/L", {"bend": 10.0}),
    )
    caption = "Neurons at probability ½: rows of networks that lack half of their weights; without atoms, at least."

    law: str = "logarithmic"
    best: float = BEST
    other: float = MORE
    asked: int = 2_700
    """Neurons at ε = 0.0001 without atoms, about."""
    bend: float = 1.0
    """Times 1/L: the precision where the lower end bends, within a factor 3."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = run.first_hits(NeuronPruning(law="sparse:0.5", target="axis"), NS, EPS, 120)
        shares = {}
        for p in (FEWER, BEST, MORE):
            shares[p] = run.count(NeuronPruning(d=D, law=f"sparse:{p}", target="axis"), (SIZE,), (AT,), 400)
        levels = run.count(NeuronPruning(law=f"levels:{LEVELS}", target="axis"), (ENOUGH,), (1e-4,), 60)
        near = {}
        for number in BENT:
            what: dict[str, Any] = {"problem": f"rows near the axis, {number} levels", "d": 2, "n": ROWS}
            near[number] = np.sum(run.each(partial(near_rows, levels=number), NETWORKS, block=20, **what), axis=0)
        rows = ROWS * run.trials(NETWORKS)
        fits = {law: scaling.fit(constructed(found), law) for law in LAWS}
        return {"found": found, "shares": shares, "levels": levels, "near": near, "rows": rows, "fits": fits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits, counts, shares = data["fits"], data["found"].counts(), data["shares"]
        asked = bounds.kink_threshold(0.5, 1e-4)

        def rate(p: float) -> Any:
            # Not finding such a mask is an answer to whether one is in hand.
            return Proportion(shares[p].at(SIZE, AT)[0], shares[p].trials)

        tests: list[Test] = [
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
        for levels, counted in data["near"].items():
            above, below = (Proportion(int(x), data["rows"]) for x in counted)
            known = Exact(share_without_atoms(ABOVE / levels))
            tests.append(
                Equivalent(
                    f"{levels} levels, ε = {ABOVE:g}/L: near rows against a law without atoms",
                    Ratio(above, known),
                    Exact(1.0),
                    AGREE,
                )
            )
            # Without atoms there are about 2ε: the two lower ends meet where 2ε is what is left at the finest.
            where = Ratio(below, Exact(2.0 / levels))
            name = f"{levels} levels: L·ε where the lower end bends"
            tests.append(InRange(name, where, (self.bend / WITHIN, self.bend * WITHIN)))
        return tests

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
