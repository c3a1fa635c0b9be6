r"""NP-11: Training the last layer changes a constant.

**Hypotheses.** Readout linear, $d\ge2$, $n$ independent rows of a rotation-invariant law; the output weights are
*trained*: any real numbers, chosen for the target.

**Statement.** Trained output weights need $\Theta(\varepsilon^{-(d-1)})$ neurons, and masks need no fewer. *Too few*:
NP-9's event, which holds for any real output weights. *Enough*: with $\delta=\arctan(2\varepsilon)$ and $P_d$ as
there, let $N$ be binomial with $n$ trials of probability $\frac12P_d(\delta)$; then
$$P(\text{hit})\ge E\Bigl[1-2^{1-N}\sum_{k<d-1}\binom{N-1}k;\,N\ge1\Bigr].$$

**Proof of the second.** Among the rows within $\delta$ of $w$ let $w=\sum a_i\hat u_i$ with $a_i\ge0$. On the line
$x=(x_1,x')$ the network with weights $a_i$ is $E\,\sigma(x_1+T)$ for some $T$ with $E\,T=0$ and $|T|\le\tan\delta$,
so it exceeds $\sigma(x_1)$ by at most $\frac12E|T|\le\varepsilon$. Such $a_i$ exist when the parts of these rows
orthogonal to $w$ surround 0; they are symmetric, and Wendel's theorem gives the probability.

**Source.** Worked out for this project. Wendel (1962), *A problem in geometric probability*. That neuron pruning is
no stronger than random features: Malach, Yehudai, Shalev-Shwartz, Shamir (2020), *Proving the lottery ticket
hypothesis: pruning is all you need*.

**Checked.** The cone's event: its frequency is the closed form, $d=2,3$, all rows drawn at the first $\varepsilon$;
its median size grows with an exponent within 0.1 of $d-1$ over six and three decades. The constant: linear programmes
with cutting planes find the best real weights, an error certified from above by the exact routines, from below by
dual weights that no network can hide from; so the trained $n_{1/2}$ is between 0.1 and 1.6 over $\varepsilon$ in the
plane, and between 0.12 and 0.72 over $\varepsilon^2$ at $d=3$, $\varepsilon=0.2$. On the same start networks of 12
neurons training hits where all 4,096 masks miss. Masks need $1/\varepsilon$ to $8/\varepsilon$ in the plane (NP-4),
so there the ratio of the two is between 1 and 30 at every $\varepsilon\le10^{-2}$.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal, trained_readout
from ltjax.certify.trained import least_error
from ltjax.figures import style as drawing
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, LogSlope, Proportion, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, Equivalent, InRange, Test
from proofs_check.neuron_pruning.exponent import told

EPS = {2: (1e-1, 1e-2, 1e-4, 1e-6, 1e-8), 3: (1e-1, 1e-2, 1e-3, 1e-5)}
"""By d: all rows are drawn at the first; at the others only those within the angle."""
TRIALS, WHOLE = 10_000, 4_000
MARGIN, SLACK = 0.07, 0.1
LISTED = 40
"""Rows within the angle: fewer of them do not surround w with probability below 1e-9."""
GROWTH: dict[str, Callable[[int, float], float]] = {
    "power": lambda d, e: (1.0 - d) * math.log(e),
    "one less": lambda d, e: (2.0 - d) * math.log(e),
    "logarithmic": lambda d, e: math.log(-math.log(e)),
}
"""ln n, but for a constant."""
SOLVED, NETWORKS = ((2, 0.05), (2, 0.02), (3, 0.2)), 100
FEW, ENOUGH = (0.1, 0.12), (1.6, 0.72)
"""Sizes looked at, d = 2 and 3, over ε^(d-1)."""
BESIDE, MASKED = 0.12, 12
"""The ε at which, in the plane, training and all masks look at the same networks, and their size."""


def first_surrounding(directions: np.ndarray) -> np.ndarray:
    """How many of the first unit vectors of R^1 or R^2 it takes until 0 is in their convex hull, (trials,).

    Args:
        directions: (trials, count, k), k = 1 or 2. Where none do, count + 1.
    """
    trials, count, k = directions.shape
    found = np.full(trials, count + 1)
    if k == 1:
        both = np.cumsum(directions[..., 0] > 0, axis=1), np.cumsum(directions[..., 0] < 0, axis=1)
        done = (both[0] > 0) & (both[1] > 0)
        return np.where(done.any(axis=1), np.argmax(done, axis=1) + 1, found)
    angle = np.arctan2(directions[..., 1], directions[..., 0])
    for size in range(count, 2, -1):
        some = np.sort(angle[:, :size], axis=1)
        gap = np.maximum(np.max(np.diff(some, axis=1), axis=1), some[:, 0] + 2.0 * math.pi - some[:, -1])
        found = np.where(gap < math.pi, size, found)
    return found


def cone_holds(rows: np.ndarray, delta: float) -> np.ndarray:
    """Whether e_1 is in the cone of the rows within δ of it, (trials,), from all rows, (trials, n, d), d = 2 or 3."""
    across = rows[..., 1:]
    near = np.linalg.norm(across, axis=2) <= math.tan(delta) * rows[..., 0]
    order = np.argsort(~near, axis=1, kind="stable")[:, :LISTED, None]
    listed = np.take_along_axis(across, order, axis=1)
    count = near.sum(axis=1)
    return first_surrounding(listed) <= np.minimum(count, listed.shape[1])


def every_mask_misses(u: np.ndarray, v: np.ndarray, w: np.ndarray, eps: float) -> bool:
    """Whether each of the 2^n masks in the plane has an error above ε at one of some points: kinks, ±w, ±rows."""
    x = np.concatenate([w[None], [[-w[1], w[0]]], np.stack([-u[:, 1], u[:, 0]], axis=1), u])
    x = np.concatenate([x, -x]) / np.linalg.norm(np.concatenate([x, x]), axis=1)[:, None]
    masks = np.array(list(itertools.product((0.0, 1.0), repeat=len(u))))
    error = masks @ (v[:, None] * np.maximum(u @ x.T, 0.0)) - np.maximum(x @ w, 0.0)
    return bool(np.all(np.max(np.abs(error), axis=1) > eps * (1.0 + 1e-9)))


def size(times: tuple[float, ...], d: int, eps: float) -> int:
    return math.ceil(times[d - 2] / eps ** (d - 1) - 1e-9)


def opposite(part: Proportion) -> Proportion:
    """Of the trials that are no hits, those known not to be."""
    return Proportion(part.trials - part.hits - part.undecided, part.trials, part.undecided)


@dataclasses.dataclass(frozen=True)
class TrainedReadout(Claim):
    id = "NP-11"
    controls = (
        Control("NP-11-wider", r"the cone may be 1.4 times as wide", {"cone": 1.4}),
        Control("NP-11-logarithmic", "training the last layer makes it logarithmic", {"law": "logarithmic"}),
        Control("NP-11-less", r"the exponent is $d-2$", {"law": "one less"}),
        Control(
            "NP-11-few",
            r"$0.1/\varepsilon$ suffice at $d=2$, $0.12/\varepsilon^2$ at $d=3$",
            {"enough": FEW},
        ),
    )
    caption = (
        "Sizes at probability one half, output weights trained: too few by NP-9's event (solid), enough by the cone of "
        "rows around the target (dashed). Bars: between the sizes at which linear programmes found "
        "that most networks miss, and that most hit."
    )

    law: str = "power"
    """How many neurons the cone asks for."""
    cone: float = 1.0
    """Of its angle."""
    enough: tuple[float, float] = ENOUGH
    """So many over ε^(d-1) suffice, d = 2 and 3."""

    def measure(self, run: Run) -> dict[str, Any]:
        rng = run.generator()
        trials, whole, networks = (run.trials(t) for t in (TRIALS, WHOLE, NETWORKS))
        events, firsts, solved = {}, {}, {}
        for d, (coarse, *fine) in EPS.items():
            run.progress(f"rows around the target, d = {d}")
            n = trained_readout.cone_threshold(0.5, coarse, d)
            delta = trained_readout.cone_angle(coarse)
            parts = [cone_holds(rng.normal(size=(200, n, d)), delta) for _ in range(math.ceil(whole / 200))]
            events[d, coarse] = (n, int(np.sum(parts)), 200 * len(parts))
            # The k-th row within the angle is the network's k-th success: a negative binomial number.
            rows = rng.normal(size=(trials, LISTED, d - 1))
            k = first_surrounding(rows)
            numbers = []
            for e in fine:
                one = 0.5 * nearest_normal.share(trained_readout.cone_angle(e), d)
                numbers.append((k + rng.negative_binomial(k, one)).astype(float))
                n = trained_readout.cone_threshold(0.5, e, d)
                events[d, e] = (n, int(np.sum(numbers[-1] <= n)), trials)
            firsts[d] = told(np.stack(numbers, axis=1), np.full(1, np.inf), tuple(fine)).counts()
            run.drawn.append({"problem": "rows around the target", "d": d, "trials": trials, "dtype": "float64"})
        for d, e in SOLVED:
            for times in (FEW, ENOUGH):
                n, w = size(times, d, e), np.eye(d)[0]
                run.progress(f"linear programmes, d = {d}, ε = {e:g}, n = {n}")
                found = [least_error(rng.normal(size=(n, d)), w, eps=e) for _ in range(networks)]
                hits, misses = sum(f.upper <= e for f in found), sum(f.lower > e for f in found)
                solved[d, e, times] = Proportion(hits, networks, networks - hits - misses)
        run.progress("training beside all masks")
        both = 0
        for _ in range(networks):
            u, v, w = rng.normal(size=(MASKED, 2)), rng.normal(size=MASKED), np.array([1.0, 0.0])
            both += every_mask_misses(u, v, w, BESIDE) and least_error(u, w, eps=BESIDE).upper <= BESIDE
        run.drawn.append({"problem": "best real output weights", "d": [2, 3], "trials": networks, "dtype": "float64"})
        return {"events": events, "firsts": firsts, "solved": solved, "beside": Proportion(both, networks)}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        for (d, e), (n, events, trials) in data["events"].items():
            wider = 0.5 * math.tan(min(1.5, self.cone * trained_readout.cone_angle(e)))
            expected = Exact(trained_readout.cone_event(n, wider, d))
            name = f"d = {d}, ε = {e:g}: frequency of w in the cone of near rows at n = {n:,}"
            tests.append(Equivalent(name, Proportion(events, trials), expected, MARGIN))
        for d, counts in data["firsts"].items():
            coarse, fine = max(counts.eps), min(counts.eps)
            slope = LogSlope(Threshold(counts, fine), Threshold(counts, coarse), coarse / fine)
            claimed = (GROWTH[self.law](d, fine) - GROWTH[self.law](d, coarse)) / math.log(coarse / fine)
            name = f"d = {d}: exponent of what suffices, 1/ε from {1 / coarse:g} to {1 / fine:g}"
            tests.append(InRange(name, slope, (claimed - SLACK, claimed + SLACK)))
        for d, e in SOLVED:
            n, few = size(self.enough, d, e), data["solved"][d, e, FEW]
            name = f"d = {d}, ε = {e:g}: P(trained weights reach ε) at n = {n}"
            tests.append(AtLeast(name, data["solved"][d, e, self.enough], 0.5))
            name = f"d = {d}, ε = {e:g}: P(no real weights reach ε) at n = {size(FEW, d, e)}"
            tests.append(AtLeast(name, opposite(few), 0.5))
        name = f"d = 2, ε = {BESIDE:g}, n = {MASKED}: P(training hits where all masks miss)"
        tests.append(AtLeast(name, data["beside"], 0.5))
        return tests

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {
                "d": d,
                "ε": e,
                "too few below": nearest_normal.threshold(0.5, e, d),
                "enough": trained_readout.cone_threshold(0.5, e, d),
            }
            for d in (2, 3, 4, 5)
            for e in (1e-1, 1e-2, 1e-4)
        ]
        return {"Output weights trained: certified bounds on n at probability ½": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        grid = np.geomspace(1e-6, 0.1, 40)
        for i, d in enumerate((2, 3, 4)):
            few = np.array([nearest_normal.threshold(0.5, e, d) for e in grid], float)
            most = np.array([trained_readout.cone_threshold(0.5, e, d) for e in grid], float)
            ax.plot(grid, few, **drawing.style(i, marker="", linestyle="-"), label=f"d = {d}")
            ax.plot(grid, most, **drawing.style(i, marker="", linestyle="--"))
        for d, e in SOLVED:
            ax.plot([e, e], [size(FEW, d, e), size(ENOUGH, d, e)], color=drawing.COLOURS[d - 2], linewidth=5, alpha=0.5)
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="n at probability ½, weights trained", ylim=(1, 1e13))
        ax.legend()
        return figure
