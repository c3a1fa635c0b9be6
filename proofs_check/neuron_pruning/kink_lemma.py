r"""NP-1: The kink lemma.

**Hypotheses.** A network $g(x)=\sum_i a_i\sigma(\langle u_i,x\rangle)$ in the plane, any real $a_i$; target
$f(x)=\sigma(\langle w,x\rangle)$ with $\|w\|=1$; no line $u_i^\perp$ within the angle $\alpha<\pi/2$ of $w^\perp$.

**Statement.**
$$\sup_{\|x\|\le1}|g(x)-f(x)|\ \ge\ \tfrac12\tan(\alpha/2)\ \ge\ \alpha/4.$$
In any dimension $d\ge2$ the same holds in every plane that contains $w$.

**Proof.** On the arc $|t|\le\alpha$ the network is $a\cos t+b\sin t$ and the target $\sigma(\sin t)$. The errors at
$-\alpha$, $0$, $\alpha$ give $\sin\alpha=e(\alpha)+e(-\alpha)+2a\cos\alpha$ with $|a|\le E$, hence
$\sin\alpha\le2E(1+\cos\alpha)$.

**Source.** Worked out for this project from the summary of Ferre', Giroire, Mallmann-Trenn, Natale, *Structured vs.
unstructured pruning: an exponential gap* (arXiv 2603.02234).

**Checked.** By attack: for random networks without a near kink, linear programming finds the best real coefficients
on a grid of the circle that contains the three points of the proof; no network may beat the bound, and the best
ones come within 1% of it. $\tfrac12\tan(\alpha/2)-\alpha/4>0$ on $(0,\pi/2]$ by ball arithmetic: the function and its
first two derivatives vanish at 0, and its third is positive on $[0,\pi/2]$.
"""

import dataclasses
import math
from typing import Any

import numpy as np
import scipy.optimize
from flint import arb
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.verify.claim import Claim, Control
from ltjax.verify.rigorous import Proof, prove_positive
from ltjax.verify.run import Run
from ltjax.verify.tests import Holds, Test, proved

ANGLES = (0.05, 0.2, 0.5, 1.0, 1.4)
NEURONS = 40
NETWORKS = 8
TIGHT = 1.01


def best_error(theta: np.ndarray, alpha: float) -> float:
    """The least sup error over real coefficients, on a grid of the circle: a lower bound of the true least error.

    Args:
        theta: where each neuron switches on, in the target's frame, shape (n,).
        alpha: the angle; ±α and 0 are among the grid's points.
    """
    angles = np.concatenate([np.linspace(0, 2 * np.pi, 120, endpoint=False), [-alpha, alpha], theta, theta + np.pi])
    values = np.maximum(np.sin(angles[:, None] - theta), 0.0)
    target = np.maximum(np.sin(angles), 0.0)
    ones = np.ones((len(angles), 1))
    result = scipy.optimize.linprog(
        np.append(np.zeros(len(theta)), 1.0),
        A_ub=np.block([[values, -ones], [-values, -ones]]),
        b_ub=np.concatenate([target, -target]),
        bounds=[(None, None)] * len(theta) + [(0, None)],
    )
    return float(result.fun)


def prove_weaker_form(divisor: float) -> Proof:
    """½·tan(α/2) > α/divisor on (0, π/2], for divisor 4 by the third derivative, else by boxes from 0.1 on."""
    if divisor == 4.0:
        # With y = α/2: f''' = (1/16)·tan'''(y), tan''' = 2·sec⁴ + 4·tan²·sec².
        return prove_positive(
            lambda x: (2 * (1 / (x / 2).cos()) ** 4 + 4 * (x / 2).tan() ** 2 / (x / 2).cos() ** 2) / 16,
            0.0,
            math.pi / 2 + 1e-15,
        )
    return prove_positive(lambda x: (x / 2).tan() / 2 - x / arb(divisor), 0.1, math.pi / 2)


@dataclasses.dataclass(frozen=True)
class KinkLemma(Claim):
    id = "NP-1"
    controls = (
        Control("NP-1-doubled", r"the error is at least $\tan(\alpha/2)$", {"factor": 2.0}),
        Control("NP-1-third", r"$\tfrac12\tan(\alpha/2)\ge\alpha/3$ on all of $(0,\pi/2]$", {"divisor": 3.0}),
    )
    caption = (
        "Best error that any real output coefficients reach (dots): networks of 40 neurons, no kink line within α."
    )

    factor: float = 1.0
    """Of ½·tan(α/2)."""
    divisor: float = 4.0
    """½·tan(α/2) is at least α over this."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = np.random.default_rng(np.random.SeedSequence(260302234))
        ratios = {}
        for alpha in ANGLES:
            run.progress(f"linear programmes, α = {alpha}")
            # Kink lines outside the forbidden arc, both orientations.
            lines = rng.uniform(alpha, np.pi - alpha, (NETWORKS, NEURONS))
            theta = lines + np.pi * rng.integers(0, 2, lines.shape)
            ratios[alpha] = [best_error(row, alpha) / bounds.kink_bound(alpha) for row in theta]
        return {"ratios": ratios, "proofs": {divisor: prove_weaker_form(divisor) for divisor in (4.0, 3.0)}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        least = {alpha: min(ratios) for alpha, ratios in data["ratios"].items()}
        lowest = min(least.values())
        return [
            Holds(
                "no network without a near kink beats the bound",
                lowest >= self.factor * (1.0 - 1e-7),  # the programmes are solved to about 1e-8
                numbers={"least error over bound, by α": least, "claimed at least": self.factor},
            ),
            Holds(
                "the bound is attained within 1%",
                lowest <= self.factor * TIGHT,
                numbers={"least error over bound": lowest},
            ),
            proved(f"½·tan(α/2) ≥ α/{self.divisor:g} on (0, π/2]", data["proofs"][self.divisor]),
        ]

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for alpha, ratios in data["ratios"].items():
            ax.plot([alpha] * len(ratios), np.array(ratios) * bounds.kink_bound(alpha), "o", color=drawing.COLOURS[1])
        grid = np.linspace(0.03, np.pi / 2, 200)
        ax.plot(grid, [bounds.kink_bound(a) for a in grid], color="#000000", label="½·tan(α/2)")
        ax.plot(grid, grid / 4, **drawing.style(2, marker="", linestyle="--"), label="α/4")
        ax.set(xlabel="α: angle to the nearest kink", ylabel="best error", xscale="log", yscale="log")
        ax.legend(title="dots: best real coefficients")
        return figure
