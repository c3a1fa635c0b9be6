r"""PAT-3: N:M costs nothing in order.

**Hypotheses.** Readout relu, generic target, law normal, $d=4$ and 8; at most two of every four inputs of a neuron
stay (2:4).

**Statement.** The construction of WP-1 keeps one weight a neuron, so all its masks are N:M masks:
$n=O(d\log(d/\varepsilon))$. Only the counting limit changes: $\log_2\sum_{k\le N}\binom Mk$ bits for $M$ weights in
place of $M$; for 2:4 that is 3.46 of 4.

**Source.** Worked out for this project, from Pensia et al. (2020).

**Checked.** What is needed at 2:4, $d=4$, follows a straight line in $\log_2(1/\varepsilon)$ better than
$1/\varepsilon$ down to $10^{-3}$; there, with 1.3 times the neurons, masks are in hand more often than for free
scissors; at $10^{-6}$ each coordinate by neurons of its own is made with 272. $d=8$: 92 neurons suffice at $10^{-3}$.
A row that keeps one weight is allowed; no hit rate exceeds the counting limit at a size below it. All masks that are
found keep one weight a neuron, so both patterns find the same: what free scissors could save beyond is between that and
the counting limit.
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
from ltjax.solvers.single_weights import Blocks
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, AtMost, FitsBetter, Holds, Less, Test
from proofs_check.weight_pruning.sufficiency import constructed

D = 4
NS, EPS = tuple(range(14, 63, 6)), (1e-1, 1e-2, 1e-3)
LAWS = ("logarithmic", "inverse")
TRIALS = 40
FREE, AT, FACTORS, COMPARED = 45, 1e-3, (0.7, 1.3), 150
FINE, ENOUGH, TERMS = 1e-6, 272, 26
"""A precision, neurons that suffice there, and so many of them make a sum: a few more than log2(2/ε)."""
WIDE, ENOUGH_WIDE, FEW = 8, 92, 40
"""More dimensions, and neurons that suffice there at AT; these are nearly always enough, so that few trials tell."""
COUNTED = (1, 2e-3)
"""A size and a precision at which the counting limit says much."""


@dataclasses.dataclass(frozen=True)
class NOfM(Claim):
    id = "PAT-3"
    controls = (
        Control("PAT-3-inverse", r"2:4 costs about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-3-fewer", "2:4 needs fewer neurons than free scissors", {"factor": 0.7}),
        Control("PAT-3-bits", "2:4 has two bits for four weights", {"bits": 2.0}),
    )
    caption = (
        "Neurons at probability ½ for 2:4, upper ends in hand; and the counting limits of 2:4 and of free scissors."
    )

    law: str = "logarithmic"
    factor: float = 1.3
    """So many times the neurons of free scissors are enough for 2:4."""
    bits: float = math.log2(11.0)
    """Of four weights."""

    def measure(self, run: Run) -> dict[str, Any]:
        weights, pattern = (Pruning(d=D, pattern=name) for name in ("weights", "2:4"))
        found = run.first_hits(pattern, NS, EPS, TRIALS)
        free = run.count(weights, (FREE,), (AT,), COMPARED)
        ruled = run.count(pattern, tuple(math.ceil(x * FREE) for x in FACTORS), (AT,), COMPARED)
        few = run.count(pattern, COUNTED[:1], COUNTED[1:], 2_000)
        fine = run.count(pattern, (ENOUGH,), (FINE,), 2 * FEW, solver=Blocks(terms=TERMS))
        wide = run.count(Pruning(d=WIDE, pattern="2:4"), (ENOUGH_WIDE,), (AT,), FEW)
        fits = {law: scaling.fit(constructed(found), law) for law in LAWS}
        return {"found": found, "free": free, "ruled": ruled, "few": few, "fine": fine, "wide": wide, "fits": fits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits, size = data["fits"], math.ceil(self.factor * FREE)

        def in_hand(counts: Any, n: int) -> Proportion:
            # Not finding a mask is an answer to whether one is in hand.
            return Proportion(counts.at(n, AT)[0], counts.trials)

        (n, e), pattern = COUNTED, get_pattern("2:4")
        return [
            FitsBetter(f"2:4: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival]),
            Less(
                f"ε = {AT:g}: masks in hand, free scissors at n = {FREE}, 2:4 at {size}",
                in_hand(data["free"], FREE),
                in_hand(data["ruled"], size),
            ),
            AtLeast(f"2:4, ε = {FINE:g}: P(hit) at n = {ENOUGH}", hit_rate(data["fine"], ENOUGH, FINE), 0.5),
            AtLeast(
                f"2:4, d = {WIDE}, ε = {AT:g}: P(hit) at n = {ENOUGH_WIDE}",
                hit_rate(data["wide"], ENOUGH_WIDE, AT),
                0.5,
            ),
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
        each = thresholds.brackets(data["found"], 0.5, 0.99, {})
        ends = [(one.eps, one.upper) for one in each if one.upper is not None]
        ax.plot(*np.transpose(ends), **drawing.style(0), label="2:4: at most")
        for i, name in enumerate(("2:4", "weights"), 1):
            limit = [bounds.counting_threshold(0.5, D, e, name) for e in EPS]
            ax.plot(EPS, limit, **drawing.style(i, marker=""), label=f"{name}: counting limit")
        ax.set(xscale="log", xlabel="ε", ylabel="neurons at probability ½", ylim=(0, None))
        ax.legend()
        return figure
