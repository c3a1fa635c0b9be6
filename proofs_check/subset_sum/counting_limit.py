r"""SS-1: The counting limit.

**Hypotheses.** $X_1,\dots,X_n$ real; for the probability, independent and uniform on $[-1,1]$; $z$ fixed.

**Statement.** If every $z\in[-1,1]$ is within $\varepsilon$ of a sum $\sum_{i\in S}X_i$, then
$2^n\ge 1/\varepsilon$. For a fixed $z$,
$$P(\text{hit})\le(2^n-1)\,\varepsilon+\mathbf 1[\,|z|\le\varepsilon\,].$$

**Proof.** The $2^n$ intervals of length $2\varepsilon$ around the sums must cover length 2. The sum of $k\ge1$
uniform variables has density at most $\tfrac12$, so each non-empty subset hits with probability at most
$2\varepsilon\cdot\tfrac12$; add them up.

**Source.** Folklore; the union bound of Lueker (1998), *Exponentially small bounds on the expected optimum of
the partition and subset sum problems*.

**Checked.** The probability, cell by cell, with an exact one-sided test ($n=1$ attains the bound). The covering
statement, by an attack: a search for numbers whose covering radius is below $2^{-n}$, started from random ones
and from $\{-(2^{n-1}-1),1,2,4,\dots,2^{n-2}\}\cdot 2/(2^n-1)$, which comes within the factor
$2^n/(2^n-1)$ of it: the limit cannot be improved. The density bound, for $k\le40$, in exact rational arithmetic.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from flint import fmpq
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.search.sums.nearest import MAX_TERMS
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, Holds, Test

NS = (1, 2, 3, 4, 6, 8, 10, 12)
EPS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
TARGET = 0.5
ATTACKED = (2, 3, 5, 8)


def covering_radius(values: np.ndarray) -> np.ndarray:
    """Largest distance from a point of [-1, 1] to the nearest subset sum; plain NumPy, apart from the kernels.

    Args:
        values: shape (sets, n).
    """
    n = values.shape[1]
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    sums = np.sort(values @ masks.T.astype(float), axis=1)
    left, right = sums[:, :-1], sums[:, 1:]
    point = np.clip((left + right) / 2, -1.0, 1.0)
    between = np.minimum(point - left, right - point).max(axis=1)
    return np.maximum(between, np.maximum(sums[:, 0] + 1.0, 1.0 - sums[:, -1]))


def attack(n: int, rng: np.random.Generator, sets: int = 256, steps: int = 60) -> float:
    """The least covering radius found, times 2^n: random starts and one clever one, then hill climbing."""
    values = rng.uniform(-1.0, 1.0, (sets, n))
    values[0] = np.array([-(2 ** (n - 1) - 1), *(2**i for i in range(n - 1))]) * 2.0 / (2**n - 1)
    best = covering_radius(values)
    for step in range(steps):
        moved = values + rng.normal(size=values.shape) * 0.3 * 0.9**step
        radius = covering_radius(moved)
        better = radius < best
        values[better], best[better] = moved[better], radius[better]
    return float(best.min() * 2.0**n)


def peak_density(k: int) -> fmpq:
    """The density at 0, its maximum, of a sum of k uniform variables on [-1, 1]: exact (Irwin, Hall 1927)."""
    total = fmpq(0)
    for j in range(k // 2 + 1):
        total += (-1) ** j * math.comb(k, j) * fmpq(k - 2 * j, 2) ** (k - 1)
    return total / (2 * math.factorial(k - 1))


@dataclasses.dataclass(frozen=True)
class CountingLimit(Claim):
    id = "SS-1"
    controls = (
        Control("SS-1-half", r"$P(\text{hit})\le\tfrac12(2^n-1)\varepsilon$", {"factor": 0.5}),
        Control("SS-1-tenth-more", r"covering needs $2^n\ge1.1/\varepsilon$", {"cover_factor": 1.1}),
    )
    caption = "Hit frequency with 99% limits against n, and the counting bound (thin lines)."

    factor: float = 1.0
    """Of the bound on the hit probability."""
    cover_factor: float = 1.0
    """Of 1/ε, in what covering needs."""

    def measure(self, run: Run) -> dict[str, Any]:
        problem = SubsetSum(law="uniform", target=TARGET)
        rng = np.random.default_rng(np.random.SeedSequence(1))
        return {
            "counts": run.count(problem, NS, EPS, 100_000, solver="float64"),
            "attack": {n: attack(n, rng) for n in ATTACKED},
            "peak": [peak_density(k) for k in range(1, MAX_TERMS + 1)],
        }

    def tests(self, data: dict[str, Any]) -> list[Test]:
        counts, law = data["counts"], get_law("uniform")
        bound = {(n, e): bounds.hit_probability_bound(n, e, law, TARGET) for n in NS for e in EPS}
        # Nothing could contradict a bound near 1.
        found: list[Test] = [
            AtMost(f"P(hit) at n = {n}, ε = {e:g}", hit_rate(counts, n, e), self.factor * bound[n, e])
            for n, e in bound
            if bound[n, e] < 0.9
        ]
        radius, peak, half = data["attack"], max(data["peak"]), fmpq(1, 2)
        least = {"least radius · 2^n found": radius, "claimed at least": self.cover_factor}
        low_enough = min(radius.values()) >= self.cover_factor - 1e-12
        found += [
            Holds("no set found whose covering radius is below the limit", low_enough, numbers=least),
            Holds(
                "density of a sum of k uniform variables at most 1/2, k = 1..40",
                peak <= half,
                proof=True,
                numbers={"largest": float(peak.p) / float(peak.q)},
            ),
        ]
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        counts = data["counts"]
        figure, (ax,) = drawing.panels()
        for i, e in enumerate((0.1, 0.01, 0.001, 0.0001)):
            drawing.frequencies(ax, NS, counts.hits[:, EPS.index(e)], counts.trials, i, f"ε = {e:g}")
            line = [bounds.hit_probability_bound(n, e, get_law("uniform"), TARGET) for n in NS]
            ax.plot(NS, line, color=drawing.COLOURS[i], linewidth=0.8, alpha=0.7)
        ax.set(yscale="log", ylim=(5e-5, 1.5), xlabel="n", ylabel="P(hit), z = 0.5")
        drawing.whole_ticks(ax.xaxis)
        ax.legend(title="thin line: (2ⁿ − 1)ε", loc="lower right")
        return figure
