r"""PAT-2: Each further weight in a block costs another factor 1/ε.

**Hypotheses.** Target $\sigma(x_1)$, readout linear, law normal (no atoms), $d=4$; blocks of $1\times b$ inputs.

**Statement.** A kept row keeps $b-1$ weights together with the target's, and $n_{1/2}\ge C_b\,\varepsilon^{-(b-1)}$;
$b=1$ is a subset sum, $O(\log(1/\varepsilon))$. The transition is between $b=1$ and $b=2$.

**Source.** PAT-1 (rows in dimension $b$), NP-2 and NP-9; Lueker (1998) for $b=1$. That $1/\varepsilon$ suffices for
$b=2$, up to a constant, is NP-4, again by PAT-1.

**Checked.** $b=1$, both ends certified: decided exactly, a straight line in $\log_2(1/\varepsilon)$ fits better than
$1/\varepsilon$ (and as a power its exponent would be below 0.3; over this range a smaller one is not excluded), and 21
neurons suffice at $\varepsilon=10^{-2}$. $b=2,3,4$, lower ends certified: at the $n$ that the closed form names, the
event that it speaks of has its probability, in networks of four inputs of which only the block is looked at; between
$10^{-2}$ and $10^{-5}$ the closed form grows with exponent $b-1$, and so does, fitted, the number of neurons at which
blocks first are near enough at three precisions. Upper ends: masks are in hand for more than half of the
networks, of $1\times2$ with 800 neurons ($\varepsilon=10^{-2}$) and 12,000 ($10^{-3}$), of $1\times3$ with 3,200
($\varepsilon=0.1$). For $b=4$ none is in hand.
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
from ltjax.solvers.normals import CapSearch
from ltjax.solvers.on_inputs import OnInputs
from ltjax.solvers.plane import NearSearch
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Parameter, Proportion, Threshold, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, FitsBetter, Holds, InRange, Test

D = 4
NS, EPS = tuple(range(2, 32)), (3e-1, 1e-2, 1e-3, 1e-4)
TOLD = 1e-3
LAWS = ("logarithmic", "inverse")
ENOUGH, AT = 21, 1e-2
DRAWN = {2: 1e-2, 3: 2e-2, 4: 2e-2}
"""By b: the precision at which networks are drawn."""
FITTED = {2: (1e-2, 3e-3, 1e-3), 3: (2e-2, 1e-2, 4e-3), 4: (2e-2, 1e-2, 7e-3)}
"""By b: the precisions at which the first near block is looked for."""
MOST, NETWORKS, OFF = 2_048, 700, 0.25
"""Neurons among which it is; networks; by how much of b - 1 the exponent may be off."""
IN_HAND = {2: {1e-2: 800, 1e-3: 12_000}, 3: {1e-1: 3_200}}
"""By b and precision: neurons among which more than half of the networks hold a mask that the search finds."""
SEARCHES = {2: (NearSearch(capacity=1024), 120), 3: (CapSearch(), 90)}
"""By b: what finds them, on the block alone, and in how many networks."""
COARSE, FINE = 1e-2, 1e-5
ACROSS = {
    "block:2x1": ("blocks of 2×1", tuple(range(6, 27, 2)), (1e-1, 3e-2)),
    "budget:2": ("two neurons a sum", tuple(round(8 * 2 ** (k / 3)) for k in range(17)), (1e-1, 1e-2, 1e-3)),
}
"""More patterns on the same map: name, sizes, precisions."""
TRIALS, MARGIN = 6_000, 0.06


def event(key: Any, b: int, n: int, alpha: float) -> Any:
    """Whether some block's row is within α of the axis."""
    u = sample_weights(key, n, D).u[:, :b]
    return jnp.any(jnp.linalg.norm(u[:, 1:], axis=1) <= math.tan(alpha) * jnp.abs(u[:, 0]))


def first_near(key: Any) -> Any:
    """By b: the first neuron, from 1 on, whose block is so near the axis that the lemma is silent, at each precision of
    `FITTED`; MOST + 1: none is."""
    u, first = sample_weights(key, MOST, D).u, {}
    for b, eps in FITTED.items():
        off = jnp.linalg.norm(u[:, 1:b], axis=1) / jnp.abs(u[:, 0])
        near = off <= jnp.asarray([math.tan(bounds.angle(e, b)) for e in eps])[:, None]
        first[b] = jnp.where(jnp.any(near, axis=1), jnp.argmax(near, axis=1) + 1, MOST + 1)
    return first


@dataclasses.dataclass(frozen=True)
class ExponentLaw(Claim):
    id = "PAT-2"
    controls = (
        Control("PAT-2-inverse", r"$b=1$ costs $1/\varepsilon$", {"law": "inverse"}),
        Control("PAT-2-power", r"$b=1$ costs a power of $1/\varepsilon$ above 0.3", {"gamma": (0.3, 2.0)}),
        Control("PAT-2-less", r"the exponent is $b-2$", {"less": 1.0}),
        Control("PAT-2-whole", "a block is pruned as rows in all four dimensions", {"dimensions": D}),
    )
    caption = (
        "The map at d = 4: neurons at probability ½ against ε. Blue: structure across units, certified brackets. Red: "
        "structure along a unit's inputs, certified lower ends, and brackets where masks are in hand."
    )

    law: str = "logarithmic"
    gamma: tuple[float, float] = (0.0, 0.3)
    """Of b = 1, were it a power."""
    less: float = 0.0
    """The exponent is b - 1 less this."""
    dimensions: int = 0
    """In which the event of a block is that of rows; 0: in b."""

    def measure(self, run: Run) -> dict[str, Any]:
        problem = Pruning(d=D, pattern="block:1x1", readout="linear", target="axis")
        found = run.first_hits(problem, NS, EPS, 400)
        events = {}
        for b, e in DRAWN.items():
            n, what = bounds.threshold(0.5, e, b), {"problem": f"a block of {b} near the axis", "d": D, "law": "normal"}
            happened = run.each(
                partial(event, b=b, n=n, alpha=bounds.angle(e, b)), TRIALS, block=100, **what, n=n, eps=e
            )
            events[b] = (n, int(np.sum(happened)), len(happened))
        what = {"problem": "the first block near the axis", "d": D, "law": "normal", "n": MOST}
        first = {}
        for b, at in run.each(first_near, NETWORKS, block=20, **what).items():
            outcomes = FirstHits(tuple(range(1, MOST + 1)), FITTED[b], (at - 1).astype(np.int32), at.astype(np.int32))
            first[b] = scaling.fit(outcomes, "power")
        across = {}
        for name, (label, sizes, eps) in ACROSS.items():
            other = Pruning(d=D, pattern=name, readout="linear", target="axis")
            across[label] = run.first_hits(other, sizes, eps, 120)
        in_hand = {}
        for b, each in IN_HAND.items():
            blocks = Pruning(d=D, pattern=f"block:1x{b}", readout="linear", target="axis")
            search, networks = SEARCHES[b]
            assert blocks.rows is not None
            for e, n in each.items():
                in_hand[b, e] = run.count(blocks, (n,), (e,), networks, solver=OnInputs(blocks.rows, search))
        fits = {law: scaling.fit(found, law) for law in (*LAWS, "power")}
        return {"found": found, "fits": fits, "events": events, "first": first, "across": across, "in hand": in_hand}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        (rival,) = (law for law in LAWS if law != self.law)
        fits, counts = data["fits"], data["found"].counts()
        tests: list[Test] = [
            FitsBetter(f"b = 1: what is needed grows {self.law}, not {rival}", fits[self.law], fits[rival]),
            InRange("b = 1: exponent, were it a power", Parameter(fits["power"], "gamma"), self.gamma),
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
            fitted = Parameter(data["first"][b], "gamma")
            tests.append(
                Equivalent(f"b = {b}: exponent of the first near block, fitted", fitted, Exact(claimed), OFF * (b - 1))
            )
        for (b, e), counts in data["in hand"].items():
            (n,) = counts.ns
            # Not finding a mask is an answer to whether one is in hand.
            found = Proportion(counts.at(n, e)[0], counts.trials)
            tests.append(AtLeast(f"b = {b}, ε = {e:g}: masks in hand at n = {n:,}", found, 0.5))
        return tests

    def headline(self, data: dict[str, Any]) -> str:
        least = {b: bounds.threshold(0.5, TOLD, b) for b in DRAWN}
        (most,) = (one.upper for one in thresholds.brackets(data["found"], 0.5, 0.99, {}) if one.eps == TOLD)
        return (
            f"Of four inputs, at ε = {TOLD:g}: single weights, 2:4 and any pattern that isolates an input need at most "
            f"{most} neurons; blocks of two inputs at least {least[2]:,}, of three {least[3]:,}, rows {least[4]:,}."
        )

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        grid = np.geomspace(1e-4, 1e-1, 40)
        for b, shade in zip(DRAWN, ("#f0a070", "#d55e00", "#7f2a00"), strict=True):
            known = [e for e in grid if e < 0.9 * bounds.error_bound(1.5, b)]
            least = [bounds.threshold(0.5, e, b) for e in known]
            label = "whole rows: at least" if b == D else f"blocks of 1×{b}: at least"
            ax.plot(known, least, color=shade, label=label)
            ax.fill_between(known, least, 1e10, color=shade, alpha=0.08, linewidth=0)
            for (size, e), counts in data["in hand"].items():
                most = Threshold(counts, e).limits(0.01)[1]
                if size == b and most < math.inf:
                    ax.plot([e, e], [bounds.threshold(0.5, e, b), most], color=shade, linewidth=3, alpha=0.8)
        across = {"any one input: weights, 2:4, exactly:1, rows+columns": data["found"]} | data["across"]
        for (label, found), shade in zip(across.items(), ("#003a66", "#0072b2", "#56b4e9", "#009e73"), strict=False):
            for one in thresholds.brackets(found, 0.5, 0.99, {}):
                top = one.n_max if one.upper is None else one.upper
                name = label if one.eps == found.eps[0] else None
                ax.plot([one.eps] * 2, [max(one.lower, 1), top], color=shade, linewidth=5, alpha=0.8, label=name)
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="neurons at probability ½", ylim=(2, 1e10))
        ax.legend(fontsize="x-small")
        return figure
