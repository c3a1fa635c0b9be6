r"""SS-4: Subsets of a fixed size.

**Hypotheses.** $X_1,\dots,X_n$ independent, uniform on $[-1,1]$; only subsets of exactly $k\ge1$ elements count;
$z$ fixed.

**Statement.** $\log_2\binom nk$ takes the place of $n$ in the counting limit:
$$P(\text{hit})\le\binom nk\,\varepsilon,\qquad\log_2\tbinom nk\le n\,H(k/n),$$
with $H$ the binary entropy; and up to a constant factor in $\varepsilon$ that many subsets suffice.

**Source.** Natale, Ferré, Giambartolomei, Giroire, Mallmann-Trenn (2024), *On the sparsity of the strong lottery
ticket hypothesis* (random fixed-size subset sum). The union bound is that of SS-1.

**Checked.** The bound, cell by cell, for $k=2$ and $k=n/2$, with an exact one-sided test. Sufficiency: at
$\varepsilon=6/\binom nk$ the hit probability is at least one half. The entropy bound in whole numbers,
$\binom nk k^k(n-k)^{n-k}\le n^n$, for all $k\le n\le64$.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, AtMost, Holds, Test

CASES = ((8, 2), (16, 2), (8, 4), (12, 6), (16, 8))
SHARES = (0.05, 0.2, 0.6)
"""Of one expected hit, by the union bound: where it is tested."""
SUFFICIENT = 6.0
TARGET = 0.5


def precisions(n: int, k: int) -> list[float]:
    """The precisions at which (n, k) is decided, the last for the control that counts all 2^n subsets."""
    count = math.comb(n, k)
    return [share / count for share in (*SHARES, SUFFICIENT)] + [SUFFICIENT / 2.0**n]


@dataclasses.dataclass(frozen=True)
class FixedSize(Claim):
    id = "SS-4"
    controls = (
        Control("SS-4-quarter", r"$P(\text{hit})\le\tfrac14\binom nk\varepsilon$", {"factor": 0.25}),
        Control(
            "SS-4-all-subsets",
            r"subsets of size $k$ reach as far as all $2^n$: $\varepsilon=6/2^n$ suffices",
            {"share": 0.0},
        ),
    )
    caption = "Hit frequency with 99% limits against the number of subsets times ε; the line is the counting bound."

    factor: float = 1.0
    """Of the bound on the hit probability."""
    share: float = 1.0
    """Subsets of size k reach as far as C(n, k)^share · 2^(n(1 - share)) subsets."""

    def measure(self, run: Run) -> dict[str, Any]:
        counts = {}
        for k in sorted({k for _, k in CASES}):
            ns = [n for n, size in CASES if size == k]
            eps = [e for n in ns for e in precisions(n, k)]
            counts[k] = run.count(SubsetSum(law="uniform", target=TARGET, size=k), ns, eps, 20_000, solver="float64")
        return {"counts": counts}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        law = get_law("uniform")
        found: list[Test] = []
        for n, k in CASES:
            counts = data["counts"][k]
            for e in precisions(n, k)[: len(SHARES)]:
                bound = self.factor * bounds.fixed_size_hit_bound(n, k, e, law)
                found.append(AtMost(f"P(hit) at n = {n}, k = {k}, ε = {e:.3g}", hit_rate(counts, n, e), bound))
            e = SUFFICIENT / (float(math.comb(n, k)) ** self.share * 2.0 ** (n * (1.0 - self.share)))
            name = f"P(hit) with {SUFFICIENT:g} expected hits, n = {n}, k = {k}, ε = {e:.3g}"
            found.append(AtLeast(name, hit_rate(counts, n, e), 0.5))
        whole = all(math.comb(n, k) * k**k * (n - k) ** (n - k) <= n**n for n in range(2, 65) for k in range(1, n))
        found.append(Holds("log2 C(n, k) ≤ n·H(k/n) for all 1 ≤ k < n ≤ 64, in whole numbers", whole, proof=True))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for i, (n, k) in enumerate(CASES):
            cells = [hit_rate(data["counts"][k], n, e) for e in precisions(n, k)[:-1]]
            hits, trials = np.array([cell.hits for cell in cells]), cells[0].trials
            drawing.frequencies(ax, (*SHARES, SUFFICIENT), hits, trials, i, f"n = {n}, k = {k}")
        ax.plot([0.04, 1.0, 7.0], [0.04, 1.0, 1.0], color="#000000", linewidth=0.8, label="counting bound")
        ax.set(xscale="log", xlabel=r"$\binom{n}{k}\,\varepsilon$", ylabel="P(hit), z = 0.5")
        ax.legend()
        return figure
