r"""WP-2: No construction beats a logarithm.

**Hypotheses.** $d\ge2$, $w$ uniform on the sphere, any law of the weights, any readout.

**Statement.** Cutting $v_i$ is cutting row $i$, so at most $2^{nd}$ networks can be left. If one network approximates
two unit targets within $\varepsilon$, these are at distance at most $4\varepsilon$. Hence
$$P(\text{hit})\le2^{nd}\cdot\mu\bigl(\text{cap of angular radius }2\arcsin(2\varepsilon)\bigr),\qquad
n\ge\frac{d-1}d\log_2\frac c\varepsilon.$$

**Proof.** $\sup|\sigma(\langle w,x\rangle)-\sigma(\langle w',x\rangle)|\ge\tfrac12\|w-w'\|$: at $x$ along $w-w'$ the
two values are $\pm\tfrac12\|w-w'\|$ before $\sigma$.

**Source.** Worked out for this project.

**Checked.** The inequality of the proof, by sampling the supremum for random pairs of targets. The bound against
networks whose masks are all looked at.
"""

import dataclasses
import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import weight_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.problems.pruning import WeightPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, Holds, Test

CELLS = (1, 2, 3)
EPS = (0.2, 0.1, 0.05, 0.02)
PAIRS = 200


@dataclasses.dataclass(frozen=True)
class CountingLimit(Claim):
    id = "WP-2"
    controls = (
        Control(
            "WP-2-twice",
            r"if one network approximates two unit targets within $\varepsilon$, they are within $2\varepsilon$",
            {"factor": 1.0},
        ),
    )
    caption = "The number of neurons below which no construction hits with probability one half, for a random target."

    factor: float = 0.5
    """Of the distance of two targets: their difference is somewhere that large."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = np.random.default_rng(260302234)
        ratios = []
        for d in (2, 3, 8):
            for _ in range(PAIRS):
                w, other = rng.normal(size=(2, d))
                w /= np.linalg.norm(w)
                other = w + rng.choice([0.01, 0.1, 1.0, 3.0]) * other
                other /= np.linalg.norm(other)
                x = np.concatenate([rng.normal(size=(4000, d)), [w, other, w - other, other - w]])
                x /= np.linalg.norm(x, axis=1, keepdims=True)
                error = np.abs(np.maximum(x @ w, 0) - np.maximum(x @ other, 0)).max()
                ratios.append(float(error / np.linalg.norm(w - other)))
        counts = run.count(WeightPruning(d=3), CELLS, EPS, 2000)
        return {"ratios": ratios, "counts": counts}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        counts, least = data["counts"], min(data["ratios"])
        found: list[Test] = [
            Holds(
                "two targets: sup of the difference over the distance",
                least >= self.factor * (1.0 - 1e-9),
                numbers={"least": least, "claimed": self.factor},
            )
        ]
        for n, e in itertools.product(counts.ns, counts.eps):
            bound = bounds.counting_bound(n, 3, e)
            if bound <= 0.9:  # nothing could contradict one near 1
                found.append(AtMost(f"d = 3: P(hit) at n = {n}, ε = {e:g}", hit_rate(counts, n, e), bound))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        eps = np.logspace(-8, -1, 30)
        for i, d in enumerate((2, 3, 8)):
            ax.plot(
                eps,
                [bounds.counting_threshold(0.5, d, e) for e in eps],
                **drawing.style(i, marker=""),
                label=f"d = {d}",
            )
        ax.set(xscale="log", xlabel="ε", ylabel="n: no hit is likelier than ½ below", ylim=(0, None))
        ax.legend()
        return figure
