r"""NP-7: A bias does not help.

**Hypotheses.** $d=1$, inputs in $[-1,1]$, hidden units $\sigma(u_ix+b_i)$, target $\sigma(x-c)$ with
$|c|+4\varepsilon\le1$, readout linear.

**Statement.** If no breakpoint $-b_i/u_i$ lies within $\delta$ of $c$, the error is at least $\delta/4$. Hence
$P(\text{hit})\le1-(1-P(|\beta-c|\le4\varepsilon))^n$, where $\beta$ has the Cauchy law for normal weights, and
$n_{1/2}\ge\Omega(1/\varepsilon)$ as without a bias.

**Proof.** On $[c-\delta,c+\delta]$ the network is affine and the errors there satisfy
$e(c-\delta)-2e(c)+e(c+\delta)=-\delta$.

**Source.** Worked out for this project.

**Checked.** By linear programming (the best *real* coefficients): no network without a near breakpoint beats the bound,
and the best ones come within 2% of it. The frequency of the event against its probability for
$\varepsilon=10^{-1},\dots,10^{-4}$ (equivalence within 0.02). And that small networks, decided by all their masks, do
not hit more often than that.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.laws import get_law
from ltjax.problems.pruning import NeuronPruning
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, Proportion, hit_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, Equivalent, Holds, Test

KINK = 0.3
EPS = (1e-1, 1e-2, 1e-3, 1e-4)
DISTANCES = (0.02, 0.1, 0.3, 0.6)
TIGHT = 1.02
TRIALS, BLOCK = 60_000, 500
MARGIN = 0.02
SMALL = (3, 6)
EMPTY: dict[str, Callable[[float, float], float]] = {
    "inverse": lambda e, width: math.log1p(-bounds.bias_kink_share(width * e, KINK)),
    "logarithmic": lambda e, width: width * math.log(0.5) / (-20.0 * math.log2(e)),
}
"""By law, ln P(one neuron has no breakpoint within 4·width·ε), from ε and width."""


def best_error(breakpoints: np.ndarray, kink: float) -> float:
    """The least sup error over real coefficients of σ(±(x - β_i)) and a constant, exact: linear between kinks."""
    x = np.concatenate([breakpoints, [kink, -1.0, 1.0]])
    difference = x[:, None] - breakpoints
    values = np.concatenate([np.maximum(difference, 0.0), np.maximum(-difference, 0.0), np.ones((len(x), 1))], axis=1)
    target, ones = np.maximum(x - kink, 0.0), np.ones((len(x), 1))
    result = scipy.optimize.linprog(
        np.append(np.zeros(values.shape[1]), 1.0),
        A_ub=np.block([[values, -ones], [-values, -ones]]),
        b_ub=np.concatenate([target, -target]),
        bounds=[(None, None)] * values.shape[1] + [(0, None)],
    )
    return float(result.fun)


def threshold(eps: float) -> int:
    """The least n at which the event has probability one half."""
    return math.ceil(math.log(0.5) / math.log1p(-bounds.bias_kink_share(eps, KINK)))


@dataclasses.dataclass(frozen=True)
class Bias(Claim):
    id = "NP-7"
    controls = (
        Control("NP-7-doubled", r"the error is at least $\delta/2$", {"factor": 2.0}),
        Control("NP-7-wider", r"a breakpoint within $4.5\,\varepsilon$ is enough for the same count", {"width": 1.125}),
        Control("NP-7-logarithmic", r"with a bias $20\log_2(1/\varepsilon)$ neurons suffice", {"law": "logarithmic"}),
    )
    caption = (
        "Left: best error that any real coefficients reach, no breakpoint within δ of the target's. Right: the number "
        "of neurons below which no hit is likelier than one half."
    )

    law: str = "inverse"
    """How the number of neurons grows at which the event has probability one half."""
    factor: float = 1.0
    """Of δ/4."""
    width: float = 1.0
    """Of 4ε."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = np.random.default_rng(260302234)
        ratios = {}
        for delta in DISTANCES:
            rows = rng.uniform(-1.0, 1.0, (8, 40))
            rows = np.where(np.abs(rows - KINK) < delta, KINK + np.copysign(delta, rows - KINK), rows)
            ratios[delta] = [best_error(row[np.abs(row) < 1.0], KINK) / bounds.bias_kink_bound(delta) for row in rows]
        events, law = {}, get_law("normal")
        for e in EPS:
            n = threshold(e)

            def event(key: jax.Array, n: int = n, e: float = e) -> jax.Array:
                u, b = (law.sample(k, (n,), jnp.float64) for k in jax.random.split(key))
                return jnp.any(jnp.abs(-b / u - KINK) <= 4.0 * e)

            what = {"problem": "breakpoint event", "law": "normal", "eps": e, "n": n}
            happened = run.each(event, TRIALS, block=BLOCK, float64=True, **what)
            events[e] = {"n": n, "events": int(np.sum(happened)), "trials": len(happened)}
        counts = run.count(NeuronPruning(d=1, bias=True, target=KINK), SMALL, (0.05, 0.01), 400)
        return {"ratios": ratios, "events": events, "counts": counts}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        least = {delta: min(ratios) for delta, ratios in data["ratios"].items()}
        lowest = min(least.values())
        found: list[Test] = [
            Holds(
                "no network without a near breakpoint beats the bound",
                lowest >= self.factor * (1.0 - 1e-6),
                numbers={"least error over bound, by δ": least, "claimed at least": self.factor},
            ),
            Holds("the bound is attained within 2%", lowest <= self.factor * TIGHT, numbers={"least": lowest}),
        ]
        for e, cell in data["events"].items():
            name = f"frequency of a breakpoint within 4ε at ε = {e:g}, n = {cell['n']:,}"
            expected = Exact(1.0 - math.exp(cell["n"] * EMPTY[self.law](e, self.width)))
            found.append(Equivalent(name, Proportion(cell["events"], cell["trials"]), expected, MARGIN))
        counts = data["counts"]
        for n, e in itertools.product(counts.ns, counts.eps):
            bound = bounds.bias_kink_event(n, e, KINK)
            found.append(AtMost(f"P(hit) at n = {n}, ε = {e:g}", hit_rate(counts, n, e), bound))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        for delta, ratios in data["ratios"].items():
            left.plot([delta] * len(ratios), np.array(ratios) * delta / 4, "o", color=drawing.COLOURS[1])
        grid = np.array([0.015, 0.7])
        left.plot(grid, grid / 4, "k-", label="δ/4")
        left.set(xscale="log", yscale="log", xlabel="δ: distance of the nearest breakpoint", ylabel="best error")
        left.legend(title="dots: best real coefficients")
        eps = np.array(list(data["events"]))
        right.plot(eps, [cell["n"] for cell in data["events"].values()], **drawing.style(0), label="with bias, d = 1")
        right.plot(eps, [bounds.kink_threshold(0.5, e) for e in eps], **drawing.style(1), label="without, d = 2 (NP-2)")
        right.set(xscale="log", yscale="log", xlabel="ε", ylabel="n: no hit is likelier than ½ below")
        right.legend()
        return figure
