r"""PAT-6: A few cuts besides buy the exponential back.

**Hypotheses.** Target $\sigma(x_1)$, readout linear, law normal, $d=4$. Rows are kept or cut whole, and besides at most
$s$ single weights of rows that are kept are cut.

**Statement.** With $s<d-1$ cuts each row that is kept keeps at least $d-1-s$ weights together with the target's, and
$n_{1/2}\ge C\,\varepsilon^{-(d-1-s)}$: each cut takes one factor $1/\varepsilon$ away. With $d-1$ cuts a neuron reads
the target's input alone. So $s=(d-1)\log_2(1/\varepsilon)$ cuts turn $\log_2(1/\varepsilon)$ neurons into terms of a
subset sum, and $2\log_2(1/\varepsilon)+8$ neurons suffice.

**Source.** Worked out for this project: the nearest normal (NP-8) over all parts of rows that may be kept.

**Checked.** At $\varepsilon=10^{-2}$ and $10^{-3}$ masks within so many cuts are in hand in more than half of the
networks of so many neurons; with $d-2$ cuts most networks of as many certifiably hold none at $\varepsilon=10^{-4}$. At
the $n$ that the closed form names for $s=0,1,2$ the event that some part of a row is near the axis has its probability.
Between $10^{-3}$ and $10^{-5}$ the closed form grows with exponent $d-1-s$.
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
from ltjax.networks import sample_weights
from ltjax.problems.pruning import Pruning
from ltjax.trials.counts import Counts
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Proportion, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, Holds, Test

D = 4
ENOUGH = (1e-2, 1e-3)
FEW, AT = D - 2, 1e-4
"""Cuts that make no neuron read the target's input alone, and the precision at which they are counted."""
DRAWN = {0: 1e-2, 1: 3e-3, 2: 1e-3}
"""By cuts: the precision at which parts of rows are drawn."""
COARSE, FINE = 1e-3, 1e-5
TRIALS, MARGIN = 8_000, 0.06


def cuts(eps: float) -> int:
    return (D - 1) * math.ceil(math.log2(1.0 / eps))


def size(eps: float) -> int:
    return math.ceil(2.0 * math.log2(1.0 / eps)) + 8


def event(key: Any, others: int, n: int, alpha: float) -> Any:
    """Whether some row, of which so many other weights stay with the first, is within α of the axis."""
    u = jnp.abs(sample_weights(key, n, D).u)
    across = jnp.linalg.norm(jnp.sort(u[:, 1:], axis=1)[:, :others], axis=1)
    return jnp.any(across <= math.tan(alpha) * u[:, 0])


def near_parts(run: Run, others: int, eps: float) -> tuple[int, int, int]:
    """At the n where a near part has probability ½ by the closed form: n, how often there was one, of how many."""
    n = bounds.part_threshold(0.5, eps, D, others)
    what = {"problem": f"a part of {others + 1} weights near the axis", "d": D, "law": "normal", "n": n, "eps": eps}
    each = partial(event, others=others, n=n, alpha=bounds.angle(eps, D))
    happened = run.each(each, TRIALS, block=100, **what)
    return n, int(np.sum(happened)), len(happened)


def as_closed_form(name: str, found: tuple[int, int, int], eps: float, others: int) -> Equivalent:
    """The test that the event has the closed form's probability, of parts with so many other weights."""
    n, happened, trials = found
    expected = Exact(bounds.part_event(n, eps, D, others))
    return Equivalent(
        f"{name}, ε = {eps:g}: frequency of a near part at n = {n:,}", Proportion(happened, trials), expected, MARGIN
    )


def exponent(others: int) -> float:
    """Of 1/ε in the closed form."""
    fine, coarse = (bounds.part_threshold(0.5, e, D, others) for e in (FINE, COARSE))
    return math.log(fine / coarse) / math.log(COARSE / FINE)


def counted(run: Run, some: int, eps: float) -> Counts:
    problem = Pruning(d=D, pattern=f"rows+cuts:{some}", readout="linear", target="axis")
    return run.count(problem, (size(eps),), (eps,), 300)


@dataclasses.dataclass(frozen=True)
class Hybrid(Claim):
    id = "PAT-6"
    controls = (
        Control("PAT-6-two", r"each cut takes two factors $1/\varepsilon$ away", {"factors": 2.0}),
        Control("PAT-6-none", "a few cuts do not matter", {"factors": 0.0}),
        Control("PAT-6-few", r"$d-2$ cuts suffice for $2\log_2(1/\varepsilon)+8$ neurons", {"enough": 0}),
    )
    caption = (
        "Neurons at probability ½ for rows and s single cuts, d = 4: certified lower ends for s = 0, 1, 2; and sizes "
        "that suffice with s = 3·log₂(1/ε)."
    )

    factors: float = 1.0
    """Of 1/ε, that one cut takes away."""
    enough: int = 1
    """1: so many cuts are said to suffice; 0: d - 2."""

    def measure(self, run: Run) -> dict[str, Any]:
        enough = {e: counted(run, cuts(e), e) for e in ENOUGH}
        events = {s: near_parts(run, D - 1 - s, e) for s, e in DRAWN.items()}
        return {"enough": enough, "few": counted(run, FEW, AT), "events": events}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: dict[float, Counts] = {e: data["enough"][e] if self.enough else data["few"] for e in ENOUGH}
        tests: list[Test] = []
        for e, counts in found.items():
            (n,), (at,), some = counts.ns, counts.eps, cuts(e) if self.enough else FEW
            tests.append(AtLeast(f"{some} cuts, ε = {at:g}: P(hit) at n = {n}", hit_rate(counts, n, at), 0.5))
        few = data["few"]
        missed = Proportion(int(few.misses[0, 0]), few.trials)
        tests.append(AtLeast(f"{FEW} cuts, ε = {AT:g}: certified misses at n = {few.ns[0]}", missed, 0.5))
        for s, (n, happened, trials) in data["events"].items():
            tests.append(as_closed_form(f"s = {s}", (n, happened, trials), DRAWN[s], D - 1 - s))
            slope, claimed = exponent(D - 1 - s), D - 1 - self.factors * s
            numbers = {"exponent": slope, "claimed": claimed}
            tests.append(Holds(f"s = {s}: exponent of the lower end", abs(slope - claimed) <= 0.1, False, numbers))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        grid = np.geomspace(1e-5, 1e-2, 20)
        for s in DRAWN:
            least = [bounds.part_threshold(0.5, e, D, D - 1 - s) for e in grid]
            ax.plot(grid, least, **drawing.style(s, marker=""), label=f"{s} cuts: at least")
        ax.plot(ENOUGH, [size(e) for e in ENOUGH], **drawing.style(len(DRAWN)), label="3·log₂(1/ε) cuts: at most")
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½")
        ax.legend()
        return figure
