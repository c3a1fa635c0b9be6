r"""NP-2: Rows need about 1/ε neurons.

**Hypotheses.** Readout linear, $d\ge2$, $n$ independent neurons of a rotation-invariant law;
$\varepsilon\le\tfrac12$, $\alpha=2\arctan(2\varepsilon)$.

**Statement.** By NP-1 a hit at $\varepsilon$ needs a kink line within $\alpha$ of the target's, and the lines are
uniform on $[0,\pi)$ in any plane that contains $w$, so
$$P(\text{hit})\le1-\Bigl(1-\frac{2\alpha}\pi\Bigr)^n\le\frac{8\varepsilon n}\pi,\qquad
n_p\ge\frac\pi8\cdot\frac p\varepsilon.$$

**Source.** Worked out for this project; the lower bound $\Omega(1/\varepsilon)$ is that of Ferre', Giroire,
Mallmann-Trenn, Natale (arXiv 2603.02234).

**Checked.** The event's probability is exact, so its frequency must be $1-(1-2\alpha/\pi)^n$ itself, at the $n$ where
that is about one half: a two-sided equivalence test within 0.02 for $\varepsilon=10^{-1},\dots,10^{-6}$. Down to
$10^{-3}$ all $n$ neurons are drawn; below, the number of neurons that bend within $10\alpha$ is drawn from its binomial
law and they from the conditional law.
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

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.laws import get_law
from ltjax.networks import near as breakpoints
from ltjax.search import plane as planar
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Proportion
from ltjax.verify.run import Run
from ltjax.verify.tests import Equivalent, Test

EPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
DRAWN_WHOLE = 1e-3
WIDER = 10.0
TRIALS = 100_000
MARGIN = 0.02
GENERIC = 0.7
BLOCK = 5_000
EMPTY: dict[str, Callable[[float, float], float]] = {
    "inverse": lambda e, factor: math.log1p(-2.0 * factor * bounds.kink_angle(e) / math.pi),
    "logarithmic": lambda e, factor: factor * math.log(0.5) / (-20.0 * math.log2(e)),
}
"""By law, ln P(one neuron has no kink within the angle), from ε and the angle's factor. The false logarithmic law has
the event at probability one half with 20·log2(1/ε) neurons."""


def _event_whole(key: jax.Array, n: int, alpha: float) -> jax.Array:
    """Whether some of n planar neurons bends within α of the target's kink: all n are drawn."""
    key_u, key_v = jax.random.split(key)
    law = get_law("normal")
    w = jnp.array([math.cos(GENERIC), math.sin(GENERIC)])
    theta, _ = planar.frame(law.sample(key_u, (n, 2)), law.sample(key_v, (n,)), w)
    return jnp.min(planar.kink_distance(theta)) <= alpha


def _event_near(key: jax.Array, n: int, alpha: float) -> jax.Array:
    """The same from the neurons within 10α alone."""
    near = breakpoints.sample_near(key, n, WIDER * alpha)
    return jnp.any(near.among(n) & (jnp.abs(near.offset) <= alpha))


@dataclasses.dataclass(frozen=True)
class LowerBound(Claim):
    id = "NP-2"
    controls = (
        Control("NP-2-wider", r"a kink within $1.1\,\alpha$ is enough for the same count", {"angle_factor": 1.1}),
        Control(
            "NP-2-logarithmic",
            r"$20\log_2(1/\varepsilon)$ neurons suffice for probability $\tfrac12$",
            {"law": "logarithmic"},
        ),
    )
    caption = (
        "Left: frequency of a kink line within α, with 99% limits, at the n where its probability is about one half. "
        "Right: that n, below which no hit is likelier than one half."
    )

    law: str = "inverse"
    """How the number of neurons grows at which the event has probability one half."""
    angle_factor: float = 1.0
    """Of the angle α."""

    def measure(self, run: Run) -> dict[str, Any]:
        found = {}
        for e in EPS:
            n, alpha = bounds.kink_threshold(0.5, e), bounds.kink_angle(e)
            event = partial(_event_whole if e >= DRAWN_WHOLE else _event_near, n=n, alpha=alpha)
            what = {"problem": "kink event", "law": "normal", "eps": e, "n": n}
            happened = run.each(event, TRIALS, block=BLOCK, float64=e < DRAWN_WHOLE, **what)
            found[e] = {"n": n, "events": int(np.sum(happened)), "trials": len(happened)}
        return {"found": found}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        return [
            Equivalent(
                f"frequency of a kink within α at ε = {e:g}, n = {cell['n']:,}",
                Proportion(cell["events"], cell["trials"]),
                Exact(1.0 - math.exp(cell["n"] * EMPTY[self.law](e, self.angle_factor))),
                MARGIN,
            )
            for e, cell in data["found"].items()
        ]

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        eps = np.array(list(data["found"]))
        events = np.array([cell["events"] for cell in data["found"].values()])
        trials = next(iter(data["found"].values()))["trials"]
        drawing.frequencies(left, list(eps), events, trials, 1, "measured")
        left.plot(eps, [bounds.kink_event(cell["n"], e) for e, cell in data["found"].items()], "k-", label="exact")
        left.set(xscale="log", xlabel="ε", ylabel="P(a kink within α), at n₁/₂", ylim=(0.4, 0.65))
        left.legend()
        right.plot(
            eps,
            [cell["n"] for cell in data["found"].values()],
            **drawing.style(0),
            label="no hit is likelier than ½ below",
        )
        right.plot(eps, math.pi / 8 * math.log(2) / eps, color="#888888", linewidth=4, alpha=0.5, label="(π/8)·ln 2/ε")
        right.set(xscale="log", yscale="log", xlabel="ε", ylabel="n")
        right.legend()
        return figure
