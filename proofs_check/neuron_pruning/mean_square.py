r"""NP-13: In mean square the exponent is 2/3.

**Hypotheses.** Readout linear, $d=2$; the error is the root of the mean square over the unit circle,
$E_2^2=\frac1{2\pi}\int(g-f)^2$. Output weights: any real numbers, so masks too.

**Statement.** If no kink line is within $\alpha\le\pi/2$ of the target's,
$$E_2^2\ge\frac{\alpha^2-\sin^2\alpha}{4\pi(\alpha+\sin\alpha\cos\alpha)}\ge\frac{\alpha^3}{24\pi},$$
and nothing more can be said. For rows of a rotation-invariant law, with $\alpha$ the angle at which this is
$\varepsilon^2$,
$$P(\text{hit})\le1-(1-2\alpha/\pi)^n,\qquad n_{1/2}\ge0.25\,\varepsilon^{-2/3}\quad(\varepsilon\le10^{-2}),$$
and with trained output weights $2.5\,\varepsilon^{-2/3}$ neurons suffice. So the exponent depends on the norm: in the
sup norm it is 1 (NP-2, NP-11).

**Proof.** On the arcs $|t|\le\alpha$ around the target's two kinks the network is $a\cos t+b\sin t$, and the best of
these leaves of $\frac12|\sin t|$ what is stated. Enough: two rows at angles $h,h'$ to either side of $w$ give $f$ but
for a tent over the angle $h+h'$.

**Source.** Worked out for this project. Inner products of ReLU units: Cho, Saul (2009), *Kernel methods for deep
learning*.

**Checked.** The second inequality by Taylor's formula and ball arithmetic. By attack: least squares with exact inner
products, random and dense networks with no kink within $\alpha$; none may beat the bound, and the best come within 5%
of it. The event's frequency is its closed form, all rows drawn. Two rows in hand: more than half of the networks hit
with $2.5\,\varepsilon^{-2/3}$ neurons, and the median of their error falls like $n^{-3/2}$ from $10^2$ to $10^6$
neurons. How many *masks* need from above is not shown.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from flint import arb
from matplotlib.figure import Figure

from ltjax.bounds import mean_square as bounds
from ltjax.figures import style as drawing
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, LogSlope, Median, Proportion
from ltjax.verify.rigorous import Proof, prove_positive
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, Holds, InRange, Test, proved

EPS, TRIALS, MARGIN = (1e-2, 1e-3, 1e-4), 10_000, 0.05
ANGLES, NEURONS, NETWORKS, DENSE = (0.1, 0.4, 0.8, 1.3), (10, 40), 30, 60
TIGHT = 1.05
SHOWN, FITTED = (8, 16, 32, 64), 200
SIZES, SLACK = (100, 1_000_000), 0.1
TENTS, FEW, ENOUGH = (1e-2, 1e-4, 1e-8), 0.26, 2.5
"""Of ε^(-2/3)."""


def least_square(theta: np.ndarray) -> np.ndarray:
    """The least E_2 over real output weights, from the angles of unit rows to w, (..., n); shape (...).

    The target is a row at angle 0, so that it is the distance of one vector from the others by their inner products.
    """
    all_rows = np.concatenate([np.zeros((*theta.shape[:-1], 1)), theta], axis=-1)
    inner = bounds.inner_products(all_rows)
    own, with_target = inner[..., 1:, 1:], inner[..., 1:, 0]
    # Rows that nearly coincide make it singular; a ridge of rounding's size only makes the error larger.
    own = own + 1e-14 * np.eye(theta.shape[-1])
    weights = np.linalg.solve(own, with_target[..., None])[..., 0]
    square = inner[..., 0, 0] - 2.0 * np.sum(weights * with_target, axis=-1)
    square = square + np.einsum("...i,...ij,...j->...", weights, own, weights)
    return np.asarray(np.sqrt(np.maximum(square, 0.0)))


def size(times: float, eps: float) -> int:
    return math.ceil(times * eps ** (-2.0 / 3.0))


def tents(rng: np.random.Generator, n: int, trials: int) -> np.ndarray:
    """E_2 of the nearest rows to either side of the target's, (trials,): gaps on the circle are a Dirichlet vector."""
    gaps = np.stack([*rng.exponential(size=(2, trials)), rng.gamma(n - 1, size=trials)])
    left, right = 2.0 * math.pi * gaps[:2] / np.sum(gaps, axis=0)
    beside = left + right < 0.5 * math.pi
    square = bounds.tent_square(np.where(beside, left, 0.1), np.where(beside, right, 0.1))
    return np.where(beside, np.sqrt(square), np.inf)


def prove_limit(factor: float) -> Proof:
    """The bound's square is above factor·α³/(24π), 0 < α <= π/2: factor 1 by Taylor's formula, else by boxes from 0.25.

    With x = 2α the difference times 4π·(α + sin α·cos α) is x²/4 - (1 - cos x)/2 - factor·x³·(x + sin x)/96.
    """
    if factor == 1.0:
        # cos x >= 1 - x²/2 + x⁴/24 - x⁶/720 and sin x <= x - x³/6 + x⁵/120; divided by x⁶.
        return prove_positive(lambda x: arb(1) / 576 - arb(1) / 1440 - x**2 / 11520, 0.0, math.pi + 1e-15)
    return prove_positive(
        lambda x: x**2 / 4 - (1 - x.cos()) / 2 - arb(factor) * x**3 * (x + x.sin()) / 96, 0.5, math.pi
    )


@dataclasses.dataclass(frozen=True)
class MeanSquare(Claim):
    id = "NP-13"
    controls = (
        Control("NP-13-one", r"the exponent is 1, as in the sup norm", {"exponent": 1.0}),
        Control("NP-13-twice", r"$E_2^2\ge\alpha^3/(12\pi)$", {"factor": 2.0}),
        Control("NP-13-wider", r"a kink within $1.4\,\alpha$ is enough for the same count", {"wider": 1.4}),
        Control("NP-13-few", r"$0.26\,\varepsilon^{-2/3}$ neurons suffice", {"enough": FEW}),
    )
    caption = (
        "Left: least mean-square errors of networks without a kink within α (dots), and the bound. Right: the least "
        "error against n, weights trained: median and middle half; grey: no error below is likelier than one half."
    )

    exponent: float = 2.0 / 3.0
    """Of 1/ε in n."""
    factor: float = 1.0
    """Of the bound's square."""
    wider: float = 1.0
    """Of the angle α."""
    enough: float = ENOUGH
    """So many times ε^(-2/3) suffice."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = run.generator()
        trials, fitted = run.trials(TRIALS), run.trials(FITTED)
        attacked: dict[float, list[float]] = {}
        for alpha in ANGLES:
            lines = [rng.uniform(alpha, math.pi - alpha, n) for n in NEURONS for _ in range(run.trials(NETWORKS))]
            lines.append(alpha + (math.pi - 2.0 * alpha) * np.linspace(0.0, 1.0, DENSE) ** 2)
            rows = [x + math.pi * rng.integers(0, 2, len(x)) for x in lines]
            attacked[alpha] = [float(least_square(x)) for x in rows]
        events = {}
        for e in EPS:
            n, alpha = bounds.kink_threshold(0.5, e), bounds.kink_angle(e)
            u = rng.normal(size=(trials, n, 2))
            near = np.any(np.abs(u[..., 1]) <= math.tan(alpha) * np.abs(u[..., 0]), axis=1)
            events[e] = (n, int(np.sum(near)), trials)
        least = {n: least_square(rng.uniform(0.0, 2.0 * math.pi, (fitted, n))) for n in SHOWN}
        two = {n: tents(rng, n, trials) for n in SIZES}
        hits = {
            (e, times): Proportion(int(np.sum(tents(rng, size(times, e), trials) <= e)), trials)
            for e in TENTS
            for times in (FEW, ENOUGH)
        }
        run.drawn.append({"problem": "mean square in the plane", "d": 2, "trials": trials, "dtype": "float64"})
        return {"attacked": attacked, "events": events, "least": least, "two": two, "hits": hits}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        root = math.sqrt(self.factor)
        ratios = {a: min(found) / (root * bounds.error_bound(a)) for a, found in data["attacked"].items()}
        numbers = {"least error over bound, by α": ratios}
        tests: list[Test] = [
            proved(f"the bound's square is above {self.factor:g}·α³/(24π) on (0, π/2]", prove_limit(self.factor)),
            Holds(
                "no network without a near kink beats the bound", min(ratios.values()) >= 1.0 - 1e-6, numbers=numbers
            ),
            Holds(f"the bound is attained within {TIGHT - 1:.0%}", min(ratios.values()) <= TIGHT, numbers=numbers),
        ]
        for e, (n, events, trials) in data["events"].items():
            share = 2.0 * self.wider * bounds.kink_angle(e) / math.pi
            expected = Exact(-math.expm1(n * math.log1p(-share)))
            name = f"ε = {e:g}: frequency of a kink within α at n = {n}"
            tests.append(Equivalent(name, Proportion(events, trials), expected, MARGIN))
        few, many = SIZES
        slope = LogSlope(Median(data["two"][many]), Median(data["two"][few]), many / few)
        claimed = -1.0 / self.exponent
        name = f"slope of ln(error of two rows) in ln n, from {few:,} to {many:,} neurons"
        tests.append(InRange(name, slope, (claimed - SLACK, claimed + SLACK)))
        for e in TENTS:
            name = f"ε = {e:g}: P(two rows reach it) at n = {size(self.enough, e):,}"
            tests.append(AtLeast(name, data["hits"][e, self.enough], 0.5))
        return tests

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        for alpha, found in data["attacked"].items():
            left.plot([alpha] * len(found), found, ".", color=drawing.COLOURS[1])
        grid = np.geomspace(0.05, math.pi / 2, 100)
        left.plot(grid, [bounds.error_bound(a) for a in grid], color="#000000", label="bound")
        left.plot(grid, grid**1.5 * bounds.LIMIT, **drawing.style(2, marker="", linestyle="--"), label="α^{3/2}/√(24π)")
        left.set(xlabel="α: angle to the nearest kink", ylabel="least mean-square error", xscale="log", yscale="log")
        left.legend()
        for n, found in data["least"].items():
            low, middle, high = np.quantile(found, (0.25, 0.5, 0.75))
            right.errorbar(n, middle, yerr=[[middle - low], [high - middle]], capsize=3, **drawing.style(1))
        eps = np.geomspace(1e-4, 2e-2, 50)
        right.plot([bounds.kink_threshold(0.5, e) for e in eps], eps, color="#888888", linewidth=4, alpha=0.5)
        right.set(xscale="log", yscale="log", xlabel="n", ylabel="least mean-square error")
        return figure
