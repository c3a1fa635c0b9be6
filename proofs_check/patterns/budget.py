r"""PAT-5: At most m neurons a sum cost 1/ε^(1/m).

**Hypotheses.** Target $\sigma(x_1)$, law normal, any readout; any weights may be cut, but at most $m$ neurons keep any
one input.

**Statement.** On the line of the first input this is a sum of at most $m$ of the products $v_iu_{i1}^+$, and
$n_{1/2}\asymp m\,(C/\varepsilon)^{1/m}$: a fan of slopes $1,\tfrac12,\tfrac13,\dots$ between $1/\varepsilon$ and the
logarithm, which it meets at about $m=\log_2(1/\varepsilon)$.

**Source.** Worked out for this project: $\binom nm$ sums, of which about $\varepsilon\binom nm$ hit.

**Checked.** Exactly, by all sums of at most $m$ terms: the slope of $n_{1/2}$ between two precisions on the log-log
plot, by certified brackets, within 0.3 of 1 for $m=1$, and within 0.15 of
$1/m$ for $m=2,3$.
"""

import dataclasses
from typing import Any

from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import thresholds
from ltjax.problems.pruning import Pruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import LogSlope, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import InRange, Test

EPS = {1: (3e-1, 1e-2), 2: (1e-2, 1e-4), 3: (1e-2, 1e-4)}
NEAR = {1: 5.2, 2: 5.0, 3: 4.5}
"""n at probability one half is about this over ε^(1/m): where sizes are looked at, and nothing more."""
TRIALS = {1: 800, 2: 800, 3: 400}
MARGIN = {1: 0.3, 2: 0.15, 3: 0.15}


def sizes(m: int) -> tuple[int, ...]:
    """Five sizes an octave, up to a factor of 1.75 around both thresholds."""
    near = [NEAR[m] * e ** (-1.0 / m) for e in EPS[m]]
    return tuple(sorted({round(n * 2.0 ** (k / 5)) for n in near for k in range(-4, 5)}))


@dataclasses.dataclass(frozen=True)
class BudgetFan(Claim):
    id = "PAT-5"
    controls = (
        Control("PAT-5-one", r"a budget does not matter: slope 1 for every $m$", {"power": 0.0}),
        Control("PAT-5-logarithm", "from $m=2$ on the growth is no power", {"power": 50.0}),
    )
    caption = "Neurons at probability ½ for sums of at most m products: certified brackets, and lines of slope 1/m."

    power: float = 1.0
    """The slope is 1 over m to this."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {}
        for m, eps in EPS.items():
            problem = Pruning(d=2, pattern=f"budget:{m}", readout="linear", target="axis")
            found[m] = run.first_hits(problem, sizes(m), eps, TRIALS[m])
        return {"found": found}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        for m, found in data["found"].items():
            counts, (coarse, fine) = found.counts(), EPS[m]
            slope = LogSlope(Threshold(counts, fine), Threshold(counts, coarse), coarse / fine)
            claimed = float(m) ** -self.power
            name = f"m = {m}: exponent of 1/ε from {coarse:g} to {fine:g}"
            tests.append(InRange(name, slope, (claimed - MARGIN[m], claimed + MARGIN[m])))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        for i, (m, found) in enumerate(data["found"].items()):
            each = thresholds.brackets(found, 0.5, 0.99, {})
            drawing.brackets(ax, found.eps, each, i, f"m = {m}")
            last = each[-1].interpolated
            if last is not None:
                line = [last * (min(found.eps) / e) ** (1.0 / m) for e in found.eps]
                ax.plot(found.eps, line, **drawing.style(i, marker=""), alpha=0.5)
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½")
        ax.legend()
        return figure
