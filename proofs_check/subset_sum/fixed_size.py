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

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, claim_of

CASES = ((8, 2), (16, 2), (8, 4), (12, 6), (16, 8))
SHARES = (0.05, 0.2, 0.6)
"""Of one expected hit, by the union bound: where it is tested."""
SUFFICIENT = 6.0
TARGET = 0.5


def precisions(n: int, k: int) -> list[float]:
    """The precisions at which (n, k) is decided, the last for the control that counts all 2^n subsets."""
    count = math.comb(n, k)
    return [share / count for share in (*SHARES, SUFFICIENT)] + [SUFFICIENT / 2.0**n]


def measure(run: Run) -> dict[str, Any]:
    counts = {}
    for k in sorted({k for _, k in CASES}):
        ns = [n for n, size in CASES if size == k]
        eps = [e for n in ns for e in precisions(n, k)]
        counts[k] = run.count(SubsetSum(law="uniform", target=TARGET, size=k), ns, eps, 20_000)
    return {"counts": counts}


def _hits(data: dict[str, Any], n: int, k: int, eps: float) -> tuple[int, int, int]:
    counts = data["counts"][k]
    i, j = counts.ns.index(n), counts.eps.index(eps)
    return int(counts.hits[i, j]), int(counts.undecided[i, j]), counts.trials


def judge(data: dict[str, Any], level: float, factor: float = 1.0, all_subsets: bool = False) -> Sequence[Finding]:
    law = get_law("uniform")
    level /= len(CASES) * (len(SHARES) + 1)
    found = []
    for n, k in CASES:
        eps = precisions(n, k)
        for e in eps[: len(SHARES)]:
            hits, _, trials = _hits(data, n, k, e)
            bound = factor * bounds.fixed_size_hit_bound(n, k, e, law)
            found.append(findings.at_most(f"P(hit) at n = {n}, k = {k}, ε = {e:.3g}", hits, trials, bound, level))
        e = eps[-1] if all_subsets else eps[-2]
        name = f"P(hit) with {SUFFICIENT:g} expected hits, n = {n}, k = {k}, ε = {e:.3g}"
        found.append(findings.at_least(name, *_hits(data, n, k, e), 0.5, level))
    found.append(
        findings.holds(
            "log2 C(n, k) ≤ n·H(k/n) for all 1 ≤ k < n ≤ 64, in whole numbers",
            all(math.comb(n, k) * k**k * (n - k) ** (n - k) <= n**n for n in range(2, 65) for k in range(1, n)),
            proved=True,
        )
    )
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure, (ax,) = drawing.panels()
    for i, (n, k) in enumerate(CASES):
        cells = [_hits(data, n, k, e) for e in precisions(n, k)[:-1]]
        hits, trials = np.array([cell[0] for cell in cells]), cells[0][2]
        drawing.frequencies(ax, (*SHARES, SUFFICIENT), hits, trials, i, f"n = {n}, k = {k}")
    ax.plot([0.04, 1.0, 7.0], [0.04, 1.0, 1.0], color="#000000", linewidth=0.8, label="counting bound")
    ax.set(xscale="log", xlabel=r"$\binom{n}{k}\,\varepsilon$", ylabel="P(hit), z = 0.5")
    ax.legend()
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "SS-4",
    [
        Control("SS-4-quarter", r"$P(\text{hit})\le\tfrac14\binom nk\varepsilon$", {"factor": 0.25}),
        Control(
            "SS-4-all-subsets",
            r"subsets of size $k$ reach as far as all $2^n$: $\varepsilon=6/2^n$ suffices",
            {"all_subsets": True},
        ),
    ],
    "Hit frequency with 99% limits against the number of subsets times ε; the line is the counting bound.",
)
