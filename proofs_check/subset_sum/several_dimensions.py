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

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.stats
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, claim_of

DIMENSIONS = (1, 2, 3, 4)
EPS = tuple(2.0**-bits for bits in (1.5, 2.0, 2.5))
# In the line, finer: there ε = 2^-2 takes three numbers, too few for a slope.
EPS_OF_LINE = tuple(2.0**-bits for bits in (2, 3, 4, 5, 6, 7, 8))
NS = tuple(range(1, 17))
NS_OF_LINE = tuple(range(2, 23, 2))
TARGET = 0.5


def measure(run: Run) -> dict[str, Any]:
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


def exponent(fits: dict[int, scaling.Fit]) -> tuple[float, float]:
    """Least-squares slope of ln(neurons a bit) against ln d, and its standard error by propagation."""
    x = np.log(DIMENSIONS)
    slopes = np.array([fits[d].estimate["a"] for d in DIMENSIONS])
    errors = np.array([math.sqrt(fits[d].covariance[0, 0]) for d in DIMENSIONS]) / slopes
    weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    return float(weight @ np.log(slopes)), float(np.sqrt((weight**2) @ errors**2))


def judge(
    data: dict[str, Any], level: float, extra_dimensions: int = 0, claimed_exponent: float = 1.0
) -> Sequence[Finding]:
    law = get_law("uniform")
    cells = [(d, n, e) for d in DIMENSIONS[1:] for n in NS for e in EPS]
    bound = {(d, n, e): bounds.vector_hit_bound(n, d + extra_dimensions, e, law, TARGET) for d, n, e in cells}
    cells = [cell for cell in cells if bound[cell] < 0.9]
    level /= len(cells) + 1
    counts = {d: data["outcomes"][d].counts() for d in DIMENSIONS}
    found = []
    for d, n, e in cells:
        hits = int(counts[d].hits[NS.index(n), EPS.index(e)])
        name = f"P(hit) at d = {d}, n = {n}, ε = {e:.3g}"
        found.append(findings.at_most(name, hits, counts[d].trials, bound[d, n, e], level))
    power, error = exponent(data["fits"])
    half = float(scipy.stats.norm.isf(level / 2.0)) * error
    found.append(
        findings.inside(
            "neurons a bit grow like d to this power",
            (power - half, power + half),
            (claimed_exponent - 0.5, claimed_exponent + 0.5),
            **{"neurons a bit": {d: data["fits"][d].estimate["a"] for d in DIMENSIONS}, "level": level},
        )
    )
    return found


def draw(data: dict[str, Any]) -> Figure:
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


CLAIM = claim_of(
    sys.modules[__name__],
    "SS-5",
    [
        Control("SS-5-more-dimensions", r"$P(\text{hit})\le(2^n-1)\varepsilon^{d+1}$", {"extra_dimensions": 1}),
        Control("SS-5-cubic", "the truth grows like $d^3$", {"claimed_exponent": 3.0}),
    ],
    "Left: hit frequency with 99% limits, and the counting bound (thin). Right: numbers needed for each bit of "
    "precision against the dimension.",
)
