r"""NP-3: With an outer ReLU, rows still need about 1/(ε·ln(1/ε)).

**Hypotheses.** Readout relu, $d\ge2$, law normal, $t_0=\arcsin\varepsilon$; $\tau_1<\dots<\tau_m$ uniform on
$(t_0,\pi-t_0)$, sorted, $t_j$ these with the two ends, $g_j$ their $m+1$ gaps.

**Statement.**
$$P(\text{hit})\le\frac{2t_0n}\pi+\sum_{m\ge1}\binom nm\,E\Bigl[\min\Bigl(1,\;\varepsilon^m\sum_{p<q}\sin(t_q-t_p)
\Big/\prod_j\sin g_j\Bigr)\Bigr]$$
(an expectation counts the event that all $m$ kinks are inside the arc), hence
$n_{1/2}>1/(30\,\varepsilon\ln(1/\varepsilon))$ for every $\varepsilon\le10^{-2}$.

**Proof.** Between the kinks inside the arc the error solves $e''+e=0$, so the slope jumps are
$$\kappa_b=\frac{e(t_{b-1})}{\sin g_{b-1}}+\frac{e(t_{b+1})}{\sin g_b}
-e(t_b)\frac{\sin(g_{b-1}+g_b)}{\sin g_{b-1}\sin g_b};$$
with $|e|\le\varepsilon$ they fill a zonotope whose volume is $(2\varepsilon)^m$ times the sum of the minors of that
matrix, and their density is at most $2^{-m}$. Let $Y$ be what stands beside the 1. Always
$Y\le\frac43(m+2)^2\varepsilon^m/\prod_jg_j$, for $\prod_j(\sin g_j)/g_j$ and the sum of sines are small together, when
one gap is nearly $\pi$. Since $\min(1,Y)\le Y^s$ for $0<s<1$ and the gaps are $L=\pi-2t_0$ times a uniform point of
the simplex, a summand is at most
$$\binom nm\Bigl(\frac L\pi\Bigr)^m\Bigl(\frac43(m+2)^2\varepsilon^m\Bigr)^sL^{-s(m+1)}\,
\frac{m!\,\Gamma(1-s)^{m+1}}{\Gamma((m+1)(1-s))},$$
and for one $s$ the ratio of a summand to the one before falls with $m$, so that a geometric series bounds all that
follow. $s=1-1/\ln(1/\varepsilon)$ in each gives the last line.

**Source.** Worked out for this project.

**Checked.** The minors' formula against determinants. Proved, in ball arithmetic: the summand $m=1$ (its integral is
elementary) and all of $m>8$ together (`relu_tail`; `relu_moment` has the inequality's steps). Sampled: $m=2,\dots,8$,
by importance sampling with scrambled Sobol points; their error (Student's t over replicates) and the proved rest are
part of the bound. The $n$ below which the bound, error included, is under one half, for
$\varepsilon=10^{-2},\dots,10^{-6}$: $n\,\varepsilon\ln(1/\varepsilon)$ stays in $[0.15,0.3]$; with nothing sampled,
every $m>1$ bounded as above, in $[0.1,0.3]$. The last line of the statement, for all $\varepsilon$ at once. And that
no more networks hit than the bound allows.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.problems.pruning import NeuronPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, Holds, Test

EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
CELLS = ((2, 0.05), (4, 0.02), (8, 0.005))
DRAWS = 8192
LIMITS = (0.15, 0.3)
PROVED = (0.1, 0.3)
EVERYWHERE = (1.0 / 30.0, 1e-2)
"""For n·ε·ln(1/ε) up to the first and ε up to the second the bound is under one half."""
GROWTH: dict[str, Callable[[float], float]] = {
    "nearly inverse": lambda e: 1.0 / (e * math.log(1.0 / e)),
    "logarithmic": lambda e: math.log(1.0 / e),
}
EVERY_PAIR = 6
"""The matrices looked at have at most seven columns."""
COLUMNS = (EVERY_PAIR, 1)
"""The reach of each column of the measured ratios."""


def determinants(tau: np.ndarray, start: float) -> float:
    """Σ |m×m minors| of the matrix that takes (e(t_0), …, e(t_{m+1})) to (κ_1, …, κ_m), by brute force."""
    t = np.concatenate([[start], tau, [math.pi - start]])
    m, sine = len(tau), np.sin(np.diff(t))
    matrix = np.zeros((m, m + 2))
    for b in range(m):
        matrix[b, b] = 1.0 / sine[b]
        matrix[b, b + 1] = -math.sin(t[b + 2] - t[b]) / (sine[b] * sine[b + 1])
        matrix[b, b + 2] = 1.0 / sine[b + 1]
    return sum(abs(np.linalg.det(matrix[:, list(columns)])) for columns in itertools.combinations(range(m + 2), m))


@dataclasses.dataclass(frozen=True)
class ReluBound(Claim):
    id = "NP-3"
    controls = (
        Control("NP-3-neighbours", r"in the sum of the minors only neighbours, $q=p+1$, count", {"reach": 1}),
        Control(
            "NP-3-logarithmic",
            r"the bound asks for a number of neurons that grows like $\ln(1/\varepsilon)$",
            {"law": "logarithmic", "reached": (0.5, 2.0), "proved": (0.5, 2.0)},
        ),
    )
    caption = (
        "Left: the n up to which the bound on the hit probability stays below one half, with readout relu and linear. "
        "Right: the bound's summands at ε = 0.001; the last bar bounds all that follow."
    )

    law: str = "nearly inverse"
    reached: tuple[float, float] = LIMITS
    """The n at which the bound reaches one half, over what the law says."""
    proved: tuple[float, float] = PROVED
    """The same where nothing is sampled: all summands but the first are bounded in closed form."""
    reach: int = EVERY_PAIR
    """In the sum of the minors, pairs p < q with q - p up to this count."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = np.random.default_rng(260302234)
        ratios = []
        for m in (1, 2, 3, 4, 5):
            for _ in range(20):
                start = rng.uniform(0.001, 0.3)
                tau = np.sort(rng.uniform(start, math.pi - start, m))
                exact = determinants(tau, start)
                t = np.concatenate([[start], tau, [math.pi - start]])
                neighbours = np.sum(np.sin(np.diff(t))) / np.prod(np.sin(np.diff(t)))
                ratios.append((float(bounds.minors_sum(tau, start)) / exact, float(neighbours) / exact))
        thresholds = {}
        for e in EPS:
            run.progress(f"relu bound, ε = {e:g}")
            n = bounds.relu_threshold(0.5, e, draws=run.trials(DRAWS))
            thresholds[e] = {
                "n": n,
                "bound": bounds.relu_bound(max(n, 1), e, draws=run.trials(DRAWS)),
                "proved": bounds.relu_threshold(0.5, e, most=0),
            }
        ns, eps = tuple(n for n, _ in CELLS), tuple(e for _, e in CELLS)
        counts = run.count(NeuronPruning(readout="relu"), ns, eps, 400, solver="whole")
        cells = {}
        for i, (n, e) in enumerate(CELLS):
            bound = bounds.relu_bound(n, e, draws=run.trials(DRAWS))
            cells[n, e] = {"hits": int(counts.hits[i, i]), "trials": counts.trials, "bound": bound.value + bound.error}
        return {"ratios": np.array(ratios), "thresholds": thresholds, "cells": cells}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        ratios = data["ratios"][:, COLUMNS.index(self.reach)]
        scale = GROWTH[self.law]
        reached = {e: cell["n"] / scale(e) for e, cell in data["thresholds"].items()}
        proved = {e: cell["proved"] / scale(e) for e, cell in data["thresholds"].items()}
        low, high = self.reached
        at_least, at_most = self.proved
        factor, largest = EVERYWHERE
        everywhere = bounds.relu_bound_below(factor, largest)
        found: list[Test] = [
            Holds(
                "sum of the minors, formula over determinants",
                bool(np.all(np.abs(ratios - 1.0) < 1e-9)),
                numbers={"ratios": [float(ratios.min()), float(ratios.max())]},
            ),
            Holds(
                f"n at which the bound reaches one half, over the {self.law} law",
                all(low <= x <= high for x in reached.values()),
                numbers={"by ε": reached, "claimed in": [low, high]},
            ),
            Holds(
                f"the same where nothing is sampled, over the {self.law} law",
                all(at_least <= x <= at_most for x in proved.values()),
                numbers={"by ε": proved, "claimed in": [at_least, at_most]},
            ),
            Holds(
                f"the bound for all n·ε·ln(1/ε) <= 1/{1.0 / factor:g} and ε <= {largest:g} is under one half",
                # A bound above one half would refute nothing.
                True if everywhere < 0.5 else None,
                proof=True,
                numbers={"bound": everywhere},
            ),
        ]
        for (n, e), cell in data["cells"].items():
            rate = Proportion(cell["hits"], cell["trials"])
            found.append(AtMost(f"P(hit) at n = {n}, ε = {e:g}", rate, cell["bound"]))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        eps = np.array(list(data["thresholds"]))
        n = np.array([cell["n"] for cell in data["thresholds"].values()])
        left.plot(eps, n, **drawing.style(0), label="bound below ½ up to here")
        proved = np.array([cell["proved"] for cell in data["thresholds"].values()])
        left.plot(eps, proved, **drawing.style(2), label="the same, nothing sampled")
        left.plot(eps, 0.2 / (eps * np.log(1 / eps)), "k-", linewidth=0.8, label="0.2/(ε·ln(1/ε))")
        linear = [bounds.kink_threshold(0.5, e) for e in eps]
        left.plot(eps, linear, **drawing.style(1), label="readout linear, NP-2")
        left.set(xscale="log", yscale="log", xlabel="ε", ylabel="n")
        left.legend()
        bound = data["thresholds"][EPS[1]]["bound"]
        summands = [bound.boundary, *bound.terms]
        right.bar(range(len(summands)), summands, color=drawing.COLOURS[1])
        right.bar(len(summands), bound.tail, color=drawing.COLOURS[2], label="all beyond, at most (proved)")
        right.legend()
        right.set(
            yscale="log",
            xlabel="m (0: kinks at the arc's ends)",
            ylabel=f"summand at n = {data['thresholds'][EPS[1]]['n']}",
        )
        right.set_ylim(1e-7, 1)
        drawing.whole_ticks(right.xaxis)
        return figure
