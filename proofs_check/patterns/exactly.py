r"""PAT-8: A row that keeps exactly N weights costs 1/ε^(N-1), whichever it may choose.

**Hypotheses.** Target $\sigma(x_1)$, readout linear, law normal, $d=4$; a row that is kept keeps exactly $N$ weights,
any $N$.

**Statement.** A row that keeps the target's weight keeps $N-1$ others. It may choose the smallest of
$\binom{d-1}{N-1}$, which is a factor: $n_{1/2}\ge C\,\varepsilon^{-(N-1)}$. $N=1$ is a subset sum,
$O(\log(1/\varepsilon))$. So it does not help that a row may choose, as 2:4 may; it helps that 2:4 may keep one.

**Source.** Worked out for this project: the nearest normal (NP-8) over all parts of rows that may be kept.

**Checked.** $N=1$: 21 neurons suffice at $\varepsilon=10^{-2}$, decided exactly. $N=2,3,4$: at the $n$ that the closed
form names the event that some allowed part of a row is near the axis has its probability; between $10^{-3}$ and
$10^{-5}$ the closed form grows with exponent $N-1$.
"""

import dataclasses
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.patterns import get_pattern
from ltjax.problems.pruning import Pruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Holds, Test
from proofs_check.patterns import exponent_law
from proofs_check.patterns.hybrid import D, as_closed_form, exponent, near_parts

ENOUGH, AT = exponent_law.ENOUGH, exponent_law.AT
DRAWN = {2: 1e-3, 3: 3e-3, 4: 1e-2}
"""By N: the precision at which parts of rows are drawn."""


@dataclasses.dataclass(frozen=True)
class Exactly(Claim):
    id = "PAT-8"
    controls = (
        Control("PAT-8-same", r"exactly two costs a logarithm: the exponent is $N-2$", {"less": 1.0}),
        Control("PAT-8-choice", "a row may choose, which takes all exponents away", {"less": 3.0}),
        Control("PAT-8-one", "21 neurons that keep exactly one weight hit with probability 0.99", {"least": 0.99}),
    )
    caption = (
        "Neurons at probability ½ for rows that keep exactly N of four weights: certified lower ends for N = 2, 3, 4."
    )

    less: float = 0.0
    """The exponent is N - 1 less this."""
    least: float = 0.5
    """Of P(hit) at N = 1 and 21 neurons."""

    def measure(self, run: Run) -> dict[str, Any]:
        one = Pruning(d=D, pattern="exactly:1", readout="linear", target="axis")
        events = {n: near_parts(run, n - 1, e) for n, e in DRAWN.items()}
        return {"one": run.first_hits(one, exponent_law.NS, exponent_law.EPS, 400).counts(), "events": events}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = [
            AtLeast(f"N = 1, ε = {AT:g}: P(hit) at n = {ENOUGH}", hit_rate(data["one"], ENOUGH, AT), self.least)
        ]
        for kept, found in data["events"].items():
            tests.append(as_closed_form(f"N = {kept}", found, DRAWN[kept], kept - 1))
            slope, claimed = exponent(kept - 1), kept - 1.0 - self.less
            numbers = {"exponent": slope, "claimed": claimed}
            tests.append(Holds(f"N = {kept}: exponent of the lower end", abs(slope - claimed) <= 0.1, False, numbers))
            masks = get_pattern(f"exactly:{kept}").masks(1, D)
            others = masks[:, 0].sum(axis=1)[masks[:, 0, 0]] - 1
            tests.append(Holds(f"N = {kept}: others kept with the target's", bool(np.all(others == kept - 1))))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        grid = np.geomspace(1e-5, 1e-2, 20)
        for i, kept in enumerate(DRAWN):
            least = [bounds.part_threshold(0.5, e, D, kept - 1) for e in grid]
            ax.plot(grid, least, **drawing.style(i, marker=""), label=f"N = {kept}: at least")
        ax.plot([AT], [ENOUGH], **drawing.style(len(DRAWN), linestyle=""), label="N = 1: at most")
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½")
        ax.legend()
        return figure
