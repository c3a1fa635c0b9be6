r"""WP-1: Scissors need a logarithmic number of neurons.

**Hypotheses.** Readout relu, any target $w$, law normal.

**Statement.** $n=O(d\log(d/\varepsilon))$ neurons suffice. Keep at most one input weight a neuron:
$v_i\,\sigma(u_{ij}x_j)$ is $v_i|u_{ij}|\,\sigma(\pm x_j)$, and $\langle
w,x\rangle=\sum_jw_j\sigma(x_j)-w_j\sigma(-x_j)$ asks for $2d$ subset sums of such products, each within
$\varepsilon/\sqrt d$: the error on the ball is at most the norm of the residuals.

**Source.** Pensia, Rajput, Nagle, Vishwakarma, Papailiopoulos (2020) for the readout; Lueker (1998) for the sums.

**Checked.** $d=2$: the number of neurons at which masks are *found* (in hand, checked again as networks), in two
ways: each coordinate with neurons of its own (blocks), and any neuron for any coordinate (shared). What the
construction needs is more than what exists, so its growth bounds the truth from above: it follows a straight line in
$\log_2(1/\varepsilon)$ better than $1/\varepsilon$, with a slope above 0, and as a power of $1/\varepsilon$ its
exponent would be below 0.3. At $\varepsilon=10^{-3}$, 64 neurons suffice with blocks and 40 shared. At
$\varepsilon=0.1$, from $d=2$ to 4, 8 and 16, what the shared construction needs grows as a power of $d$ with exponent
between 0.2 and 1.2.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.pruning import WeightPruning
from ltjax.solvers.choose import in_blocks
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import LogSlope, Parameter, Threshold, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, FitsBetter, InRange, Test

EPS = (1e-1, 1e-2, 1e-3)
NS = {"blocks": tuple(range(16, 89, 4)), "shared": (6, 10, 12, 14, 16, 18, 20, 22, 26, 30, 35, 40, 45, 50, 56)}
ENOUGH = {"blocks": 64, "shared": 40}
TRIALS = {"blocks": 400, "shared": 100}
LAWS = ("logarithmic", "inverse")
FLAT = (0.0, 0.3)
DIMENSIONS = {2: (14, 18, 22, 26), 4: (16, 20, 24, 30), 8: (24, 32, 40, 54), 16: (44, 56, 80)}
GROWN = {2: 300, 4: 40, 8: 40, 16: 64}
"""Networks, by d; at d = 16 the construction fails in some, however many neurons there are."""
GROWTH = (0.2, 1.2)


def constructed(found: FirstHits) -> FirstHits:
    """The trials' outcomes for "is a mask found?": not finding one is an answer to that, if not to "is there one?"."""
    ns = np.array([0, *found.ns, max(found.ns) + 1])
    before = ns[np.searchsorted(ns, found.first_hit) - 1]
    return FirstHits(found.ns, found.eps, before.astype(np.int32), found.first_hit)


def needs(data: dict[str, Any]) -> dict[int, Threshold]:
    """The number of neurons that the shared construction needs at ε = 0.1, by d."""
    return {d: Threshold(constructed(found).counts(), EPS[0]) for d, found in data["grow"].items()}


@dataclasses.dataclass(frozen=True)
class Sufficiency(Claim):
    id = "WP-1"
    controls = (
        Control("WP-1-inverse", r"the construction needs about $1/\varepsilon$ neurons", {"law": "inverse"}),
        Control("WP-1-root", r"the construction needs about $\varepsilon^{-1/2}$ neurons", {"exponent": (0.35, 0.65)}),
        Control("WP-1-steep", "the construction needs more than twenty neurons a bit", {"least_slope": 20.0}),
        Control("WP-1-square", "what the shared construction needs grows like $d^2$", {"growth": (1.7, 2.3)}),
        Control("WP-1-any", "the dimension does not matter", {"growth": (-0.2, 0.2)}),
    )
    caption = (
        "Left: certified upper ends of the number of neurons at probability one half, with straight lines fitted, each "
        "coordinate by neurons of its own (blocks) or any neuron for any coordinate (shared): the saving is about a "
        "third to a half. Right: growth with the dimension, 99% limits."
    )

    law: str = "logarithmic"
    least_slope: float = 0.0
    """Neurons a bit are more than this: the number does grow."""
    exponent: tuple[float, float] = FLAT
    """Of 1/ε, if the number were a power of it."""
    growth: tuple[float, float] = GROWTH
    """Exponent of d."""

    def measure(self, run: Run) -> dict[str, Any]:
        ways = {"blocks": in_blocks(WeightPruning(), EPS[-1]), "shared": "shared"}
        found = {
            name: run.first_hits(WeightPruning(), NS[name], EPS, TRIALS[name], solver=way) for name, way in ways.items()
        }
        needed = {name: constructed(outcomes) for name, outcomes in found.items()}
        fits = {name: {law: scaling.fit(o, law) for law in (*LAWS, "power")} for name, o in needed.items()}
        grow = {d: run.first_hits(WeightPruning(d=d), ns, EPS[:1], GROWN[d]) for d, ns in DIMENSIONS.items()}
        return {"found": found, "fits": fits, "grow": grow}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: list[Test] = []
        for name, fits in data["fits"].items():
            for rival in LAWS:
                if rival != self.law:
                    what = f"{name}: what is needed grows {self.law}, not {rival}"
                    found.append(FitsBetter(what, fits[self.law], fits[rival]))
            slope, power = Parameter(fits["logarithmic"], "a"), Parameter(fits["power"], "gamma")
            found.append(InRange(f"{name}: neurons a bit", slope, (self.least_slope, math.inf)))
            found.append(InRange(f"{name}: exponent of a power law", power, self.exponent))
            counts, n = data["found"][name].counts(), ENOUGH[name]
            found.append(AtLeast(f"{name}: P(hit) at n = {n}, ε = 0.001", hit_rate(counts, n, 1e-3), 0.5))
        need = needs(data)
        slope = LogSlope(need[16], need[2], 8.0)
        found.append(InRange("shared: exponent of d from 2 to 16, ε = 0.1", slope, self.growth))
        return found

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        limits = ((d, need.limits(0.01)) for d, need in needs(data).items())
        rows = [{"d": d, "at least": low, "at most": high} for d, (low, high) in limits]
        return {"shared: neurons needed at probability ½, ε = 0.1, 99% limits": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        bits = -np.log2(EPS)
        for i, (name, outcomes) in enumerate(data["found"].items()):
            upper = [t.upper for t in thresholds.brackets(outcomes, 0.5, 0.99, {})]
            shown = [(x, n) for x, n in zip(bits, upper, strict=True) if n is not None]
            left.plot(*zip(*shown, strict=True), **drawing.style(i, linestyle=""), label=f"{name}: at most")
            line = np.linspace(bits[0], bits[-1], 50)
            left.plot(line, data["fits"][name]["logarithmic"].median(2.0**-line), **drawing.style(i, marker=""))
        left.set(xlabel="log₂(1/ε)", ylabel="neurons at probability ½, found", ylim=(0, None), title="d = 2")
        left.legend()
        d, low, high = np.array([(d, *need.limits(0.01)) for d, need in needs(data).items()], float).T
        right.errorbar(
            d,
            np.sqrt(low * high),
            yerr=[np.sqrt(low * high) - low, high - np.sqrt(low * high)],
            capsize=2,
            elinewidth=1,
            **drawing.style(1, linestyle=""),
        )
        line = np.linspace(2.0, 16.0, 50)
        right.plot(line, low[0] * line / 2.0, "-", color="#888888", linewidth=0.8, label="in proportion to d")
        right.set(xscale="log", yscale="log", xlabel="d", ylabel="neurons at probability ½", title="shared, ε = 0.1")
        right.set_xticks([2, 4, 8, 16], ["2", "4", "8", "16"])
        right.set_xticks([], minor=True)
        right.legend()
        return figure
