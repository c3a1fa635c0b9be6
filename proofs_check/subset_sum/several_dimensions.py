r"""SS-5: Several dimensions.

**Hypotheses.** $X_1,\dots,X_n$ independent in $\mathbf R^d$, coordinates independent and uniform on $[-1,1]$; sup
norm; $z=(\tfrac12,\dots,\tfrac12)$.

**Statement.** $P(\text{hit})\le(2^n-1)\,\varepsilon^d+\mathbf 1[\,\|z\|\le\varepsilon\,]$, hence
$n\ge d\log_2(1/\varepsilon)+O(1)$. The proved sufficiency is
$n=O\bigl(d^3\log\tfrac1\varepsilon(\log\tfrac1\varepsilon+\log d)\bigr)$. The claim checked: the truth grows like
the counting limit, with $d^1$, not with $d^3$.

**Source.** Becchetti, da Cunha, Clementi, d'Amore, Lesfari, Natale, Trevisan (2022), *On the multidimensional
random subset sum problem*; the union bound is that of SS-1, coordinate by coordinate.

**Checked.** The bound, cell by cell, with an exact one-sided test. Growth: neurons a bit of precision, fitted for
each $d=1,\dots,4$, against $d$ on log-log axes: the exponent's confidence interval.
"""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Normal, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, InRange, Test

DIMENSIONS = (1, 2, 3, 4)
EPS = tuple(2.0**-bits for bits in (1.5, 2.0, 2.5))
# In the line, finer: there ε = 2^-2 takes three numbers, too few for a slope.
EPS_OF_LINE = tuple(2.0**-bits for bits in (2, 3, 4, 5, 6, 7, 8))
NS = tuple(range(1, 17))
NS_OF_LINE = tuple(range(2, 23, 2))
TARGET = 0.5


def exponent(fits: dict[int, scaling.Fit]) -> Normal:
    """Least-squares slope of ln(neurons a bit) against ln d, with its standard error by propagation."""
    x = np.log(DIMENSIONS)
    slopes = np.array([fits[d].estimate["a"] for d in DIMENSIONS])
    errors = np.array([math.sqrt(fits[d].covariance[0, 0]) for d in DIMENSIONS]) / slopes
    weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    error = float(np.sqrt((weight**2) @ errors**2))
    return Normal(float(weight @ np.log(slopes)), error, min(len(fits[d].log_likelihood) for d in DIMENSIONS))


@dataclasses.dataclass(frozen=True)
class SeveralDimensions(Claim):
    id = "SS-5"
    controls = (
        Control("SS-5-more-dimensions", r"$P(\text{hit})\le(2^n-1)\varepsilon^{d+1}$", {"extra_dimensions": 1}),
        Control("SS-5-cubic", "the truth grows like $d^3$", {"exponent": (2.5, 3.5)}),
    )
    caption = (
        "Left: hit frequency with 99% limits, and the counting bound (thin). Right: numbers needed for each bit of "
        "precision against the dimension."
    )

    extra_dimensions: int = 0
    exponent: tuple[float, float] = (0.5, 1.5)
    """Of d, in the numbers a bit."""

    def measure(self, run: Run) -> dict[str, Any]:
        outcomes = {
            d: run.first_hits(
                SubsetSum(law="uniform", target=TARGET, d=d),
                NS if d > 1 else NS_OF_LINE,
                EPS if d > 1 else EPS_OF_LINE,
                4_000,
            )
            for d in DIMENSIONS
        }
        return {"outcomes": outcomes, "fits": {d: scaling.fit(outcomes[d], "logarithmic") for d in DIMENSIONS}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        law = get_law("uniform")
        found: list[Test] = []
        for d in DIMENSIONS[1:]:
            counts = data["outcomes"][d].counts()
            for n, e in itertools.product(NS, EPS):
                if bounds.vector_hit_bound(n, d, e, law, TARGET) < 0.9:  # nothing could contradict one near 1
                    bound = bounds.vector_hit_bound(n, d + self.extra_dimensions, e, law, TARGET)
                    found.append(AtMost(f"P(hit) at d = {d}, n = {n}, ε = {e:.3g}", hit_rate(counts, n, e), bound))
        numbers = {"numbers a bit": {d: data["fits"][d].estimate["a"] for d in DIMENSIONS}}
        power = exponent(data["fits"])
        found.append(InRange("neurons a bit grow like d to this power", power, self.exponent, numbers=numbers))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        for i, d in enumerate(DIMENSIONS[1:]):
            counts = data["outcomes"][d].counts()
            drawing.frequencies(left, NS, counts.hits[:, -1], counts.trials, i, f"d = {d}")
            line = [bounds.vector_hit_bound(n, d, EPS[-1], get_law("uniform"), TARGET) for n in NS]
            left.plot(NS, line, color=drawing.COLOURS[i], linewidth=0.8, alpha=0.7)
        left.set(yscale="log", ylim=(2e-4, 1.5), xlabel="n", ylabel=f"P(hit), ε = {EPS[-1]:.3f}")
        drawing.whole_ticks(left.xaxis)
        left.legend(title="thin: (2ⁿ − 1)εᵈ", loc="lower right")
        slopes = [data["fits"][d].estimate["a"] for d in DIMENSIONS]
        error = [data["fits"][d].interval("a", 0.01)[1] - slope for d, slope in zip(DIMENSIONS, slopes, strict=True)]
        right.errorbar(DIMENSIONS, slopes, yerr=error, capsize=3, label="measured", **drawing.style(0))
        grid = np.array([1.0, 4.0])
        right.plot(grid, grid, **drawing.style(1, marker=""), label="d (counting limit)")
        right.plot(grid, grid**3, **drawing.style(2, marker=""), label="d³ (proved sufficiency)")
        right.set(xscale="log", yscale="log", xlabel="d", ylabel="numbers a bit of precision")
        right.set_xticks(DIMENSIONS, [str(d) for d in DIMENSIONS])
        right.minorticks_off()
        right.legend()
        return figure
