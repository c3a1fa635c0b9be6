r"""PAT-2: Each further weight in a block costs another factor $1/\varepsilon$.

**Hypotheses.** Target $\sigma(x_1)$, readout linear, law normal (no atoms), $d=4$; blocks of $1\times b$ inputs.

**Statement.** A kept row keeps $b-1$ weights together with the target's, and $n_{1/2}\ge C_b\,\varepsilon^{-(b-1)}$;
$b=1$ is a subset sum, $O(\log(1/\varepsilon))$. The transition is between $b=1$ and $b=2$.

**Source.** PAT-1 (rows in dimension $b$), NP-2 and NP-9; Lueker (1998) for $b=1$. That $1/\varepsilon$ suffices for
$b=2$, up to a constant: NP-4.

**Checked.** $b=1$: decided exactly, a straight line in $\log_2(1/\varepsilon)$ fits better than a power, and 21 neurons
suffice at $\varepsilon=10^{-2}$. $b=2,3,4$: at the $n$ that the closed form names, the event that it speaks of has its
probability, in networks of four inputs of which only the block is looked at; between $10^{-2}$ and $10^{-5}$ the closed
form grows with exponent $b-1$.
"""

import dataclasses
import math
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.networks import sample_weights
from ltjax.problems.pruning import Pruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Proportion, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, FitsBetter, Holds, Test

D = 4
NS, EPS = tuple(range(2, 32)), (3e-1, 1e-2, 1e-4)
LAWS = ("logarithmic", "power")
ENOUGH, AT = 21, 1e-2
DRAWN = {2: 1e-2, 3: 2e-2, 4: 2e-2}
"""By b: the precision at which networks are drawn."""
COARSE, FINE = 1e-2, 1e-5
TRIALS, MARGIN = 6_000, 0.06


def event(key: Any, b: int, n: int, alpha: float) -> Any:
    """Whether some block's row is within α of the axis."""
    u = sample_weights(key, n, D).u[:, :b]
    return jnp.any(jnp.linalg.norm(u[:, 1:], axis=1) <= math.tan(alpha) * jnp.abs(u[:, 0]))


@dataclasses.dataclass(frozen=True)
class ExponentLaw(Claim):
    id = "PAT-2"
    controls = (
        Control("PAT-2-power", r"$b=1$ costs a power of $1/\varepsilon$", {"law": "power"}),
        Control("PAT-2-less", r"the exponent is $b-2$", {"less": 1.0}),
        Control("PAT-2-whole", "a block is pruned as rows in all four dimensions", {"dimensions": D}),
    )
    caption = (
        "Neurons at probability ½ for blocks of b inputs: certified brackets for b = 1, certified lower ends beyond."
    )

    law: str = "logarithmic"
    less: float = 0.0
    """The exponent is b - 1 less this."""
    dimensions: int = 0
    """In which the event of a block is that of rows; 0: in b."""

    def measure(self, run: Run) -> dict[str, Any]:
        problem = Pruning(d=D, pattern="block:1x1", readout="linear", target="axis")
        found = run.first_hits(problem, NS, EPS, 300)
        events = {}
        for b, e in DRAWN.items():
            n, what = bounds.threshold(0.5, e, b), {"problem": f"a block of {b} near the axis", "d": D, "law": "normal"}
            happened = run.each(
                partial(event, b=b, n=n, alpha=bounds.angle(e, b)), TRIALS, block=100, **what, n=n, eps=e
            )
            events[b] = (n, int(np.sum(happened)), len(happened))
        return {"found": found, "fits": {law: scaling.fit(found, law) for law in LAWS}, "events": events}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits, counts = data["fits"], data["found"].counts()
        tests: list[Test] = [
            FitsBetter(f"b = 1: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival]),
            AtLeast(f"b = 1, ε = {AT:g}: P(hit) at n = {ENOUGH}", hit_rate(counts, ENOUGH, AT), 0.5),
        ]
        for b, (n, events, trials) in data["events"].items():
            e, whole = DRAWN[b], self.dimensions or b
            one = bounds.share(bounds.angle(e, b), whole)
            expected = Exact(-math.expm1(n * math.log1p(-one)))
            name = f"b = {b}, ε = {e:g}: frequency of a near block at n = {n:,}"
            tests.append(Equivalent(name, Proportion(events, trials), expected, MARGIN))
            slope = math.log(bounds.threshold(0.5, FINE, b) / bounds.threshold(0.5, COARSE, b)) / math.log(
                COARSE / FINE
            )
            claimed = b - 1.0 - self.less
            numbers = {"exponent": slope, "claimed": claimed}
            tests.append(Holds(f"b = {b}: exponent of the lower end", abs(slope - claimed) <= 0.1, False, numbers))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        drawing.brackets(ax, EPS, thresholds.brackets(data["found"], 0.5, 0.99, {}), 0, "b = 1")
        grid = np.geomspace(1e-4, 1e-1, 40)
        for i, b in enumerate(DRAWN, 1):
            known = [e for e in grid if e < 0.9 * bounds.error_bound(1.5, b)]
            least = [bounds.threshold(0.5, e, b) for e in known]
            ax.plot(known, least, **drawing.style(i, marker=""), label=f"b = {b}: at least")
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½", ylim=(1, 1e8))
        ax.legend()
        return figure
