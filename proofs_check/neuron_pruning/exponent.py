r"""NP-9: In d dimensions rows need about 1/ε^(d-1) neurons.

**Hypotheses.** Readout linear, $d\ge2$, $n$ independent neurons of a rotation-invariant law;
$P_d(\alpha)=I_{\sin^2\alpha}(\frac{d-1}2,\frac12)$ (so $P_2=2\alpha/\pi$, $P_3=1-\cos\alpha$), and $\alpha$ the angle
at which NP-8's bound is $\varepsilon$, so $\alpha\le\varepsilon/c_d$.

**Statement.** A hit at $\varepsilon$ needs a normal within $\alpha$ of $\pm w$, whatever the output weights, hence
$$P(\text{hit})\le1-(1-P_d(\alpha))^n,\qquad n_{1/2}\ge C_d\,\varepsilon^{-(d-1)}.$$
So the dimension is in the exponent: ten times more precision costs $10^{d-1}$ times the network.
$\Omega(1/\varepsilon)$ and $\Omega(d/\varepsilon)$ are true for every $d\ge2$, and for $d\ge3$ and small $\varepsilon$
far from tight.

**Source.** NP-8, worked out for this project. arXiv 2603.02234 has $\Omega(d/\varepsilon)$ in versions 1 and 2 and
$\Omega(1/\varepsilon)$ in version 3.

**Checked.** The event's probability is exact, so its frequency must be it, at the $n$ where that is about one half:
two-sided equivalence tests within 0.04 for $d=2,\dots,5$ and $\varepsilon$ down to where $n$ is about $10^{10}$ or
more. At the first $\varepsilon$ all neurons are drawn, at the others those in a cap only. The median number of the
first neuron in the cap, by order statistics, grows with an exponent within 0.1 of $d-1$; $d-2$, $d/\varepsilon$ and
$\ln(1/\varepsilon)/\varepsilon$ are refuted. The certified lower end of $n_{1/2}$ is above covering's (NP-5) at $d=3$,
$\varepsilon=0.003$: the zones of that many neurons cover more often than not. From above: at $d=3$,
$32\,\varepsilon^{-2}$ neurons hit more often than not, with masks in hand, at $\varepsilon=0.1$ and $0.05$. Beyond
these that $\varepsilon^{-(d-1)}$ suffices, up to logarithms, is a sketch.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.networks import caps, sample_weights
from ltjax.problems.pruning import NeuronPruning
from ltjax.search.obstructions import zones
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.normals import CapSearch
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, LogSlope, Proportion, Threshold, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, InRange, Test

EPS = {
    2: (3e-2, 1e-3, 1e-5, 1e-8, 1e-12),
    3: (3e-2, 1e-2, 1e-3, 1e-4, 1e-6),
    4: (3e-2, 1e-2, 3e-3, 1e-3, 1e-5),
    5: (3e-2, 1e-2, 3e-3, 1e-3, 1e-4),
}
"""By d: all neurons are drawn at the first, those in a cap at the others."""
TRIALS = 20_000
MARGIN = 0.04
BLOCK = 1_000
WIDER = 1.3
SLACK = 0.1
GROWTH: dict[str, Callable[[int, float], float]] = {
    "power": lambda d, e: (1.0 - d) * math.log(e),
    "one less": lambda d, e: (2.0 - d) * math.log(e),
    "inverse with a logarithm": lambda d, e: -math.log(e) + math.log(-math.log(e)),
    "inverse": lambda d, e: -math.log(e),
}
"""ln n, but for a constant."""
LADDER = tuple(sorted({round(2.0 ** (k / 8)) for k in range(345)}))
"""Sizes at which the number of the first neuron in the cap is told."""
COVERED, ZONES = 3e-3, 120
ENOUGH, HITS, SEARCHED = 32.0, 100, (0.1, 0.05)
"""At d = 3: so many neurons, over 1/ε², are enough for a hit in hand more often than not."""


def _event(key: jax.Array, d: int, n: int, alpha: float) -> jax.Array:
    """Whether some of n normals lies within α of ±e_1: all n are drawn."""
    u = sample_weights(key, n, d).u
    return jnp.any(jnp.linalg.norm(u[:, 1:], axis=1) <= math.tan(alpha) * jnp.abs(u[:, 0]))


def _firsts(key: jax.Array, d: int, angles: tuple[float, ...], places: int) -> tuple[jax.Array, jax.Array]:
    """For each angle the number of the first neuron with a normal within it of ±w, infinite where none is listed.

    And among how many neurons all are listed. Each angle has draws of its own.
    """

    def first(key: jax.Array, alpha: jax.Array) -> tuple[jax.Array, jax.Array]:
        cap = caps.sample_cap(key, window_of(alpha), d, places)
        return jnp.min(jnp.where(cap.sine <= jnp.sin(alpha), cap.number, jnp.inf)), cap.upto

    return jax.vmap(first)(jax.random.split(key, len(angles)), jnp.array(angles))


def enough(eps: float) -> int:
    return math.ceil(ENOUGH / eps**2)


def window_of(alpha: Any) -> Any:
    """In which neurons are drawn: wider than α, so that the event does not hold by construction."""
    return WIDER * alpha


def told(first: np.ndarray, upto: np.ndarray, eps: tuple[float, ...]) -> FirstHits:
    """The number of the first neuron in the cap, in brackets between the sizes of the ladder.

    Args:
        first: infinite where none is listed, (trials, eps); upto: none listed is none among so many, or broadcasts.
    """
    ends = np.array([0, *LADDER, max(LADDER) + 1])
    at = np.clip(np.searchsorted(ends, first), 1, len(ends) - 1)
    unknown = ~np.isfinite(first)
    known_miss = np.searchsorted(ends, np.broadcast_to(upto, first.shape), side="right") - 1
    last = np.where(unknown, np.minimum(known_miss, len(ends) - 2), at - 1)
    return FirstHits(LADDER, eps, ends[last], ends[at])


@dataclasses.dataclass(frozen=True)
class Exponent(Claim):
    id = "NP-9"
    controls = (
        Control("NP-9-wider", r"a normal within $1.1\,\alpha$ is enough for the same count", {"angle_factor": 1.1}),
        Control("NP-9-less", r"the exponent is $d-2$", {"law": "one less"}),
        Control(
            "NP-9-logarithm", r"the growth is $\ln(1/\varepsilon)/\varepsilon$", {"law": "inverse with a logarithm"}
        ),
        Control("NP-9-inverse", r"the growth is $d/\varepsilon$", {"law": "inverse"}),
    )
    caption = (
        "Left: the n below which no hit is likelier than one half, by dimension; grey: covering's at d = 3 (NP-5). "
        "Right: frequency of a normal in the cap, with 99% limits, at the n where its probability is about one half."
    )

    law: str = "power"
    """How the number of the first neuron in the cap grows."""
    angle_factor: float = 1.0
    """Of the angle α."""

    def measure(self, run: Run) -> dict[str, Any]:
        found, firsts = {}, {}
        for d, (coarse, *fine) in EPS.items():
            n = {e: bounds.threshold(0.5, e, d) for e in (coarse, *fine)}
            alpha = {e: bounds.angle(e, d) for e in (coarse, *fine)}
            what: dict[str, Any] = {"problem": "normal in a cap", "d": d, "law": "normal", "eps": coarse}
            whole = partial(_event, d=d, n=n[coarse], alpha=alpha[coarse])
            happened = run.each(whole, TRIALS, block=BLOCK, **what, n=n[coarse])
            found[d, coarse] = {"n": n[coarse], "events": int(np.sum(happened)), "trials": len(happened)}
            places = max(caps.places_for(n[e], window_of(alpha[e]), d) for e in fine)
            draw = partial(_firsts, d=d, angles=tuple(alpha[e] for e in fine), places=places)
            what = {"problem": "first normal in a cap", "d": d, "law": "normal", "eps": min(fine), "n": n[min(fine)]}
            first, upto = run.each(draw, TRIALS, block=BLOCK, float64=True, **what)
            for k, e in enumerate(fine):
                found[d, e] = {"n": n[e], "events": int(np.sum(first[:, k] <= n[e])), "trials": len(first)}
            firsts[d] = told(first, upto, tuple(fine)).counts()
        n, w = bounds.threshold(0.5, COVERED, 3), jnp.array([1.0, 0.0, 0.0])

        def covered(key: jax.Array) -> jax.Array:
            return zones.cover_circle(sample_weights(key, n, 3, dtype=jnp.float64).u, w, jnp.asarray(COVERED)).status

        what = {"problem": "arc covering", "d": 3, "law": "normal", "eps": COVERED, "n": n}
        status = run.each(covered, ZONES, block=8, float64=True, **what)
        search = InOrder((CapSearch(),))
        hits = {e: run.count(NeuronPruning(d=3), (enough(e),), (e,), HITS, solver=search) for e in SEARCHED}
        return {"found": found, "firsts": firsts, "status": status, "hits": hits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        for (d, e), cell in data["found"].items():
            one = bounds.share(self.angle_factor * bounds.angle(e, d), d)
            expected = Exact(-math.expm1(cell["n"] * math.log1p(-one)))
            name = f"d = {d}, ε = {e:g}: frequency of a normal within α at n = {cell['n']:,}"
            tests.append(Equivalent(name, Proportion(cell["events"], cell["trials"]), expected, MARGIN))
        for d, counts in data["firsts"].items():
            coarse, fine = max(counts.eps), min(counts.eps)
            slope = LogSlope(Threshold(counts, fine), Threshold(counts, coarse), coarse / fine)
            grown = GROWTH[self.law](d, fine) - GROWTH[self.law](d, coarse)
            claimed = grown / math.log(coarse / fine)
            name = f"d = {d}: exponent of 1/ε from {coarse:g} to {fine:g}"
            tests.append(InRange(name, slope, (claimed - SLACK, claimed + SLACK)))
        status = data["status"]
        rate = Proportion(int(np.sum(status == zones.COVERED)), len(status), int(np.sum(status == zones.UNDECIDED)))
        n = bounds.threshold(0.5, COVERED, 3)
        tests.append(AtLeast(f"d = 3, ε = {COVERED:g}: P(the zones of n = {n} neurons cover)", rate, 0.5))
        for e, counts in data["hits"].items():
            tests.append(AtLeast(f"d = 3, ε = {e:g}: P(hit) at n = {enough(e)}", hit_rate(counts, enough(e), e), 0.5))
        return tests

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        precisions = (3e-2, 1e-2, 3e-3, 1e-3, 1e-4, 1e-5)
        rows = [{"d": d} | {f"ε = {e:g}": bounds.threshold(0.5, e, d) for e in precisions} for d in EPS]
        return {"Certified lower bounds on n at probability ½": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        grid = np.geomspace(1e-6, 3e-2, 60)
        for i, d in enumerate(EPS):
            sizes = np.array([bounds.threshold(0.5, e, d) for e in grid], float)
            shown = sizes <= 1e12
            left.plot(grid[shown], sizes[shown], **drawing.style(i, marker=""), label=f"d = {d}")
            cells = {e: cell for (dimension, e), cell in data["found"].items() if dimension == d}
            events = np.array([cell["events"] for cell in cells.values()])
            trials = next(iter(cells.values()))["trials"]
            drawing.frequencies(right, list(cells), events, trials, i, f"d = {d}")
        left.plot(grid, 0.45 * np.log(1 / grid) / grid, color="#888888", linewidth=4, alpha=0.5)
        left.set(xscale="log", yscale="log", xlabel="ε", ylabel="n at probability ½ is at least")
        left.legend()
        right.axhline(0.5, color="#000000", linewidth=0.8)
        right.set(xscale="log", xlabel="ε", ylabel="P(a normal within α), at n₁/₂", ylim=(0.4, 0.65))
        right.legend()
        return figure
