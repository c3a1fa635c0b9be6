r"""PAT-4: Structure across units costs a factor.

**Hypotheses.** Target $\sigma(x_1)$, readout linear, law normal. Blocks of one input and $R$ neurons: the weight
$u_{i1}$ is kept or cut for $R$ neighbouring neurons together.

**Statement.** A group adds one vector $(\sum v_iu_{i1}^+,\ \sum v_iu_{i1}^-)$ to what has to be $(1,0)$: a subset sum
in two dimensions, so $O(\log(1/\varepsilon))$ groups suffice, and neurons a bit are proportional to $R$.

**Source.** Worked out for this project; sums of vectors: Becchetti et al. (2022), see SS-5.

**Checked.** Exactly, by all sums: for $R=2,4,8$ the number of neurons at which a mask first hits follows a straight
line in $\log_2(1/\varepsilon)$ better than $1/\varepsilon$, and groups a bit are near the counting limit of two
dimensions, 2. At $\varepsilon=2^{-4}$ a mask takes $R$ times one number of groups to within 15%: neurons, and neurons a
bit, are proportional to $R$.
"""

import dataclasses
import math
from typing import Any

from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.problems.pruning import Pruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter, Scaled, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import FitsBetter, InRange, Test

GROUPS = (2, 4, 8)
EPS = tuple(2.0**-bits for bits in (2.0, 3.0, 4.0))
COUNTS, TRIALS = tuple(range(5, 15)), 1_500
NEEDED, SAME = 12.5, 0.15
"""Groups at the finest ε for any R, and to within which share."""
A_BIT = (1.4, 3.0)
"""Groups."""
LAWS = ("logarithmic", "inverse")


def problem(neurons: int) -> Pruning:
    return Pruning(d=2, pattern=f"block:{neurons}x1", readout="linear", target="axis")


def sizes(neurons: int) -> tuple[int, ...]:
    return tuple(neurons * groups for groups in COUNTS)


@dataclasses.dataclass(frozen=True)
class AcrossNeurons(Claim):
    id = "PAT-4"
    controls = (
        Control("PAT-4-inverse", r"blocks across $R$ neurons cost about $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-4-free", "they cost nothing: the number of neurons does not depend on $R$", {"power": 0.0}),
        Control("PAT-4-cube", "the number of neurons grows like $R^3$", {"power": 3.0}),
    )
    caption = (
        "Left: neurons at probability ½ for blocks of one input and R neurons, certified brackets. Right: the same in "
        "groups of R neurons, one curve."
    )

    law: str = "logarithmic"
    power: float = 1.0
    """Of R, in the number of neurons."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {r: run.first_hits(problem(r), sizes(r), EPS, TRIALS) for r in GROUPS}
        return {"found": found, "fits": {r: {law: scaling.fit(each, law) for law in LAWS} for r, each in found.items()}}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        (rival,) = (law for law in LAWS if law != self.law)
        for r, fits in data["fits"].items():
            tests.append(
                FitsBetter(f"R = {r}: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival])
            )
            slope = Scaled(Parameter(fits["logarithmic"], "a"), 1.0 / r)
            tests.append(InRange(f"groups of R = {r} neurons a bit", slope, A_BIT))
        for r, found in data["found"].items():
            counts = found.counts()
            # A group that is not complete is none.
            groups = dataclasses.replace(counts, ns=tuple(n // r for n in counts.ns))
            claimed = NEEDED * (r / GROUPS[1]) ** (self.power - 1.0)
            limits = ((1.0 - SAME) * claimed, (1.0 + SAME) * claimed)
            tests.append(InRange(f"ε = {EPS[-1]:g}: groups of R = {r} neurons", Threshold(groups, EPS[-1]), limits))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, axes = drawing.panels(2)
        bits = [-math.log2(e) for e in EPS]
        for i, (r, found) in enumerate(data["found"].items()):
            each = thresholds.brackets(found, 0.5, 0.99, {})
            drawing.brackets(axes[0], [b + 0.06 * i for b in bits], each, i, f"R = {r}")
            middle = [math.nan if one.interpolated is None else one.interpolated / r for one in each]
            axes[1].plot(bits, middle, **drawing.style(i), label=f"R = {r}")
        axes[0].set(xlabel="log₂(1/ε)", ylabel="neurons at probability ½", yscale="log")
        axes[1].set(xlabel="log₂(1/ε)", ylabel="groups at probability ½", ylim=(0, None))
        for ax in axes:
            ax.legend()
        return figure
