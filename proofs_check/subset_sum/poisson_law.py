r"""SS-3: The Poisson law.

**Hypotheses.** $X_1,\dots,X_n$ independent, uniform on $[-1,1]$; $z$ fixed; $\mu=\tfrac12\sum X_i$,
$s^2=\tfrac14\sum X_i^2$.

**Statement.** The number of subset sums within $\varepsilon$ of $z$ is asymptotically Poisson given $X$, with mean
$$\lambda(X)=2\varepsilon\,2^n\,\frac1s\,\varphi\!\left(\frac{z-\mu}{s}\right),$$
so that $P(\text{hit})-E[1-e^{-\lambda(X)}]\to0$. The claim checked is $|P(\text{hit})-E[1-e^{-\lambda}]|\le0.01$ for
$n\ge14$.

**Source.** Mertens (2000), *Random costs in combinatorial optimization*; proved for number partitioning by
Borgs, Chayes, Pittel (2001), *Phase transition and finite-size scaling for the integer partitioning problem*.

**Checked.** For $n=14,16$ and precisions with hit probabilities from 0.05 to 0.95, a two-sided equivalence
test: the whole interval of the difference lies within 0.01. The prediction is averaged over draws of NumPy's
own generator, apart from the measured trials, so a biased sampler shows too. That the difference shrinks: at
$n=8$ it is certainly larger than at $n=12$.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Absolute, Difference, Mean, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import Equivalent, Less, Test

NS = (8, 10, 12, 14, 16)
JUDGED = (14, 16)
COMPARED = (8, 12)
RATES = (0.07, 0.25, 0.6, 1.2, 2.5, 5.0, 10.0)
"""Rough mean numbers of hitting subsets; they choose the precisions."""
TARGET = 0.5
MARGIN = 0.01
PREDICTED = 800_000
COMPARED_RATE = 5.0


def precision(n: int, rate: float) -> float:
    """ε at which about `rate` subsets hit: s ≈ √(n/12), φ averaged over X ≈ 0.38."""
    return rate * math.sqrt(n / 12.0) / (2.0 * 2.0**n * 0.38)


def predictions(cells: Sequence[tuple[int, float]], draws: int) -> dict[tuple[int, float], Any]:
    """λ's factors for each cell, over NumPy's own draws: rows of λ(X)."""
    rng = np.random.default_rng(np.random.SeedSequence(20010302))
    values = rng.uniform(-1.0, 1.0, (draws, max(n for n, _ in cells)))
    by_n = {n: bounds.poisson_rate(values[:, :n], TARGET, 1.0) for n in {n for n, _ in cells}}
    return {(n, e): (by_n[n] * e).astype(np.float32) for n, e in cells}


def predicted(rates: np.ndarray, rate: float) -> Mean:
    """E[1 - exp(-rate·λ)], from draws of λ."""
    return Mean(-np.expm1(-rate * rates.astype(float)))


@dataclasses.dataclass(frozen=True)
class PoissonLaw(Claim):
    id = "SS-3"
    controls = (
        Control("SS-3-double", r"the mean is $2\lambda$", {"rate": 2.0}),
        Control("SS-3-tenth-more", r"the mean is $1.1\,\lambda$", {"rate": 1.1}),
    )
    caption = (
        "Left: measured hit frequencies (marks) on the Poisson law (lines). Right: their difference with 99% limits; "
        "grey: the margin claimed for n ≥ 14."
    )

    rate: float = 1.0
    """The mean number of hitting subsets, over λ."""
    margin: float = MARGIN

    def measure(self, run: Run) -> dict[str, Any]:
        problem = SubsetSum(law="uniform", target=TARGET)
        cells = [(n, precision(n, rate)) for n in NS for rate in RATES]
        eps = sorted({e for _, e in cells})
        sharp = [(n, precision(n, COMPARED_RATE)) for n in COMPARED]
        return {
            "counts": run.count(problem, NS, eps, 600_000, solver="float64"),
            "rates": predictions(cells, PREDICTED),
            "sharp": run.count(problem, COMPARED, sorted(e for _, e in sharp), 1_600_000, solver="float64"),
            "sharp_rates": predictions(sharp, 2 * PREDICTED),
        }

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: list[Test] = [
            Equivalent(
                f"P(hit) against E[1 − exp(−λ)] at n = {n}, ε = {e:.3g}",
                hit_rate(data["counts"], n, e),
                predicted(data["rates"][n, e], self.rate),
                self.margin,
            )
            for n, e in data["rates"]
            if n in JUDGED
        ]
        # The least possible |difference| at the smaller n against the greatest possible one at the larger n.
        small, large = (
            Absolute(Difference(hit_rate(data["sharp"], *cell), predicted(data["sharp_rates"][cell], self.rate)))
            for cell in sorted(data["sharp_rates"])
        )
        found.append(Less(f"the difference at n = {COMPARED[1]} is smaller than at n = {COMPARED[0]}", large, small))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        counts, rates = data["counts"], data["rates"]
        figure, (left, right) = drawing.panels(2)
        for i, n in enumerate(NS):
            cells = [cell for cell in rates if cell[0] == n]
            x = [precision(n, r) / precision(n, 1.0) for r in RATES]
            rows = []
            for cell in cells:
                hits, mean = hit_rate(counts, *cell), predicted(rates[cell], 1.0)
                rows.append((*Difference(hits, mean).limits(0.01), hits.estimate, mean.estimate))
            if n in JUDGED:
                left.plot(x, [row[2] for row in rows], **drawing.style(i, linestyle=""), label=f"n = {n}")
                left.plot(x, [row[3] for row in rows], color=drawing.COLOURS[i], linewidth=1)
            gap = [row[2] - row[3] for row in rows]
            error = np.abs([[row[0] for row in rows], [row[1] for row in rows]] - np.array(gap))
            right.errorbar(
                [row[3] for row in rows],
                gap,
                yerr=error,
                capsize=2,
                elinewidth=0.8,
                label=f"n = {n}",
                **drawing.style(i),
            )
        left.set(xscale="log", xlabel="ε, in units of one expected hit", ylabel="P(hit), z = 0.5")
        left.legend(title="lines: Poisson law")
        right.axhspan(-MARGIN, MARGIN, color="#eeeeee", zorder=0)
        right.set(xlabel="E[1 − exp(−λ)]", ylabel="measured − predicted")
        right.legend(ncols=2)
        return figure
