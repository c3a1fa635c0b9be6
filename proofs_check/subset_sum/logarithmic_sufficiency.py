r"""SS-2: A logarithmic number suffices.

**Hypotheses.** $X_1,\dots,X_n$ independent, uniform on $[-1,1]$.

**Statement.** There is a constant $C$ such that $n\ge C\log_2(1/\varepsilon)$ implies
$$P\bigl(\text{every }z\in[-1,1]\text{ is within }\varepsilon\text{ of a subset sum}\bigr)\ge1-\varepsilon.$$

**Source.** Lueker (1998), corollary 3.3; a shorter proof in da Cunha, d'Amore, Natale (2023), *Revisiting the
random subset sum problem*.

**Checked.** The constant is not named, so growth is: the median threshold of coverage, as a function of
$\log_2(1/\varepsilon)$, follows a straight line better than a power law or a square (trial by trial, Vuong's test),
with a slope between the counting limit's 1 and 2 per bit. And the statement itself, with $C=4.5$, where
$1-\varepsilon$ is measurable.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, FitsBetter, InRange, Test

EPS = tuple(2.0**-bits for bits in (2, 4, 6, 8, 10, 12))
NS = tuple(range(1, 20))
LAWS = ("logarithmic", "power", "log-squared")
SUFFICIENT = (2.0**-2, 2.0**-4)


@dataclasses.dataclass(frozen=True)
class LogarithmicSufficiency(Claim):
    id = "SS-2"
    controls = (
        Control("SS-2-power", r"the threshold grows like $\varepsilon^{-\gamma}$", {"law": "power"}),
        Control("SS-2-constant", "a constant number suffices", {"slope": (-0.5, 0.5)}),
        Control("SS-2-small-constant", "$C=1.5$ suffices", {"constant": 1.5}),
    )
    caption = (
        "Left: probability that all of [−1, 1] is covered, 99% limits. Right: the threshold at probability ½ "
        "(dots interpolated, bars certified brackets) with fitted laws."
    )

    law: str = "logarithmic"
    slope: tuple[float, float] = (1.0, 2.0)
    """Of the straight line, in numbers a bit."""
    constant: float = 4.5
    """C: so many numbers a bit suffice."""

    def measure(self, run: Run) -> dict[str, Any]:
        outcomes = run.first_hits(SubsetSum(law="uniform", target="cover"), NS, EPS, 800, solver="float64")
        return {"outcomes": outcomes, "fits": {law: scaling.fit(outcomes, law) for law in LAWS}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        fits, counts = data["fits"], data["outcomes"].counts()
        claimed, line = fits[self.law], fits["logarithmic"]
        found: list[Test] = [
            FitsBetter(f"median threshold grows {self.law}, not {rival}", claimed, fits[rival])
            for rival in LAWS
            if rival != self.law
        ]
        estimate = {"estimate": line.estimate}
        found.append(InRange("slope per bit", Parameter(line, "a"), self.slope, numbers=estimate))
        for e in SUFFICIENT:
            n = math.ceil(-self.constant * math.log2(e))
            name = f"P(all covered) at n = {self.constant:g}·log2(1/ε) = {n}, ε = {e:g}"
            found.append(AtLeast(name, hit_rate(counts, n, e), 1.0 - e))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        outcomes, counts = data["outcomes"], data["outcomes"].counts()
        figure, (left, right) = drawing.panels(2)
        for j, e in enumerate(EPS):
            drawing.frequencies(
                left, NS, counts.hits[:, j], counts.trials, j, drawing.power_of_two(e), counts.undecided[:, j]
            )
        left.set(xlabel="n", ylabel="P([−1, 1] is covered)")
        drawing.whole_ticks(left.xaxis)
        left.legend(title="ε", ncols=2)
        bits = -np.log2(EPS)
        for threshold, x in zip(thresholds.brackets(outcomes, 0.5, 0.99, {}), bits, strict=True):
            top = threshold.upper if threshold.upper is not None else NS[-1]
            right.plot([x, x], [threshold.lower, top], color="#888888", linewidth=4, alpha=0.6, solid_capstyle="butt")
            if threshold.interpolated is not None:
                right.plot(x, threshold.interpolated, "ko")
        line = np.linspace(bits[0] - 0.5, bits[-1] + 0.5, 50)
        for i, law in enumerate(("logarithmic", "power")):
            right.plot(line, data["fits"][law].median(2.0**-line), **drawing.style(i + 1, marker=""), label=law)
        right.plot(line, line, color="#000000", linewidth=0.8, label="counting limit")
        right.set(xlabel="log₂(1/ε)", ylabel="n at probability ½", ylim=(0, None))
        right.legend()
        return figure
