r"""WP-3: With a linear readout and a generic target scissors are no better than rows.

**Hypotheses.** Readout linear, $d=2$, $w$ away from the axes, law normal.

**Statement.** A weight-pruned network bends only along the lines of its rows and along the axes: sub-rows of $u_i$
are $u_i$ itself and multiples of the axes. None of these can be moved, so the kink lemma (NP-1) holds for weight
pruning too, and $n_{1/2}\ge\Omega(1/\varepsilon)$: no gap. It is the outer ReLU (or an axis target) that gives
scissors their advantage. In $d\ge3$ dimensions a sub-row that lacks a weight lies in a coordinate hyperplane, at a
fixed angle from $w$. So for small $\varepsilon$ only a whole row can have a normal near $w$, and by NP-8
$n_{1/2}\ge C\varepsilon^{-(d-1)}$ for every pattern of cuts.

**Source.** Worked out for this project.

**Checked.** $w$ at 0.7 rad: at $n=0.5\cdot\frac\pi8\ln2/\varepsilon$ more than half of the networks have a
certificate that no mask on the weights works, for $\varepsilon=0.03,0.01,0.003$: $n_{1/2}\,\varepsilon$ is above
0.13. With an outer ReLU the number of neurons that suffice is logarithmic: WP-1.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.networks import GENERIC_ANGLE
from ltjax.problems.pruning import WeightPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Scaled, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import InRange, Test

EPS = (0.03, 0.01, 0.003)
SHARE = 0.5
NEEDED = (0.13, math.inf)
GROWTH: dict[str, tuple[str, Callable[[float], float]]] = {
    "inverse": ("1/ε", lambda e: 1.0 / e),
    "logarithmic": ("log2(1/ε)", lambda e: -math.log2(e)),
}


def size(eps: float) -> int:
    return max(1, math.floor(SHARE * bounds.kink_threshold(0.5, eps)))


def logarithmic(eps: float) -> int:
    return max(1, math.ceil(-2.0 * math.log2(eps)))


@dataclasses.dataclass(frozen=True)
class LinearReadout(Claim):
    id = "WP-3"
    controls = (
        Control(
            "WP-3-logarithmic",
            r"with a linear readout too, $2\log_2(1/\varepsilon)$ neurons suffice for scissors",
            {"law": "logarithmic", "needed": (0.0, 2.0)},
        ),
        Control(
            "WP-3-tenth",
            r"with a linear readout $0.1/\varepsilon$ neurons suffice for scissors",
            {"needed": (0.0, 0.1)},
        ),
    )
    caption = (
        "Left: a generic target and the only directions along which a weight-pruned network can bend. Right: the hit "
        "probability of weight pruning is at most this, with 99% limits."
    )

    law: str = "inverse"
    needed: tuple[float, float] = NEEDED
    """n at probability one half, over what the law says."""

    def measure(self, run: Run) -> dict[str, Any]:
        # One run for all: a size serves every precision.
        ns = tuple(sorted({1, 2, 3} | {n for e in EPS for n in (size(e), logarithmic(e))}))
        return {"counts": run.count(WeightPruning(readout="linear"), ns, EPS, 300)}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        return [
            InRange(
                f"n at probability ½ over {GROWTH[self.law][0]}, ε = {e:g}",
                Scaled(Threshold(data["counts"], e), 1.0 / GROWTH[self.law][1](e)),
                self.needed,
            )
            for e in EPS
        ]

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        rng = np.random.default_rng(5)
        angle = np.linspace(-np.pi, np.pi, 1000)
        target = np.maximum(np.cos(angle - GENERIC_ANGLE), 0.0)
        left.plot(angle, target, "k-", label="target")
        rows = np.mod(np.arctan2(*rng.normal(size=(2, 12))) + np.pi / 2, np.pi)
        lines = np.concatenate([rows, rows - np.pi])
        axes = np.array([-np.pi, -np.pi / 2, 0.0, np.pi / 2, np.pi])
        left.plot(lines, np.full(len(lines), -0.15), "|", color="#888888", markersize=8, label="bends of whole rows")
        left.plot(
            axes, np.full(len(axes), -0.15), "|", color=drawing.COLOURS[2], markersize=16, label="of sub-rows: axes"
        )
        for pole in (GENERIC_ANGLE - np.pi / 2, GENERIC_ANGLE + np.pi / 2):
            left.axvline(pole, color="#000000", linewidth=0.8, linestyle=":")
        left.set(xlabel="angle", ylim=(-0.3, 1.6), title="scissors add bends at the axes only")
        left.set_xticks([-np.pi, 0, np.pi], ["-π", "0", "π"])
        left.legend(loc="upper right", fontsize=7)
        counts = data["counts"]
        for j, e in enumerate(EPS):
            x = np.array(counts.ns) * e
            near = x <= 1.5
            ceiling = (counts.hits + counts.undecided)[near, j]
            drawing.frequencies(right, list(x[near]), ceiling, counts.trials, j, f"ε = {e:g}")
        right.axhline(0.5, color="#888888", linewidth=0.8)
        right.set(xlabel="n·ε", ylabel="P(hit) is at most", ylim=(0, 1.02))
        right.legend()
        return figure
