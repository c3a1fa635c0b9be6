r"""NP-12: One first layer for every target is a net.

**Hypotheses.** Readout linear, no bias, error in the sup norm. A first layer *serves every target* if for each unit
$w$ some real output weights, chosen for that $w$, come within $\varepsilon$ of $\sigma(\langle w,x\rangle)$.

**Statement.** The lines of its normals form an $\alpha$-net, $\alpha$ the angle of NP-8 at $\varepsilon$. So every
first layer, random or designed, has at least $1/P_d(\alpha)$ neurons, which grows like $\varepsilon^{-(d-1)}$. In the
plane it is enough that neighbouring rows are at most $2\arctan(2\varepsilon)$ apart, and for random rows both events
have the probability of Stevens: $n$ arcs, each with a share $s$ of the circle, cover it with probability
$$\sum_k(-1)^k\binom nk(1-ks)_+^{n-1},$$
$s=2\alpha/\pi$ for what is needed, $s=\arctan(2\varepsilon)/\pi$ for what is enough. So random rows need about
$\ln(1/\varepsilon)/\varepsilon$ neurons for every target at once, one logarithm more than for one. Scissors need
$O(\log(1/\varepsilon))$ for every target at once as well: four subset sums that cover $[-1,1]$.

**Proof.** A target without a normal near its line is out of reach (NP-8). Between two rows $g$ apart a target is a
non-negative combination of both, and the error is $\sin h\sin(g-h)/\sin g\le\frac12\tan(g/2)$.

**Source.** Worked out for this project. Stevens (1939), *Solution to a geometrical problem in probability*. Scissors:
WP-1 and SS-2.

**Checked.** The frequencies of both events are Stevens' closed form, all rows drawn. The median size at which random
lines are a net grows like $\ln(1/\varepsilon)/\varepsilon$ from 0.1 to 0.002, and not like $1/\varepsilon$. Scissors:
sums of 18 products cover $[-1,1]$ within $2^{-7}$ in more than 84.5 of 100 draws. Four such groups are found among
120 neurons with probability above 0.99, so that with readout relu more than half of the networks of 120 neurons serve
every target within $\sqrt2\cdot2^{-7}$, where 180 random rows are more often no net than one.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import nearest_normal
from ltjax.bounds import trained_readout as bounds
from ltjax.figures import style as drawing
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Exact, LogSlope, Proportion, Threshold
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, AtMost, Equivalent, InRange, Test
from proofs_check.neuron_pruning.exponent import LADDER, told

EPS, TRIALS, MARGIN = (0.1, 0.01), 3_000, 0.08
FIRSTS, LINES, GROWN, SLACK = 400, 5_000, (0.1, 0.002), 0.12
BITS, FINER, NUMBERS, SUMS, COVERED = 7, 15, 18, 320, 0.845
SCISSORS, ROWS = 120, 180
"""Neurons; four independent groups cover with probability 0.845⁴ = 0.509 or more."""


def largest_gap(angles: np.ndarray, around: float) -> np.ndarray:
    """The largest gap between neighbours on a circle of this length, (...), from positions (..., n)."""
    a = np.sort(angles % around, axis=-1)
    return np.maximum(np.max(np.diff(a, axis=-1), axis=-1, initial=0.0), a[..., 0] + around - a[..., -1])


def uncovered(numbers: np.ndarray) -> float:
    """The largest distance of a point of [-1, 1] from the subset sums of some numbers, (n,)."""
    sums = np.zeros(1)
    for x in numbers:
        sums = np.sort(np.concatenate([sums, sums + x]), kind="stable")  # merges two sorted halves
    middle = sums[:-1] + 0.5 * np.diff(sums)
    between = np.max(0.5 * np.diff(sums)[np.abs(middle) <= 1.0], initial=0.0)
    ends = [np.min(np.abs(sums - end)) for end in (-1.0, 1.0)]
    return float(max(between, *ends)) + 1e-12


def half(eps: float, share: Callable[[float], float]) -> int:
    """The least n at which random arcs of this share cover with probability one half."""
    low, high = 1, 2
    while bounds.arcs_cover(high, share(eps)) < 0.5:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if bounds.arcs_cover(middle, share(eps)) >= 0.5 else (middle, high)
    return high


GROWTH: dict[str, Callable[[float], float]] = {
    "inverse with a logarithm": lambda e: math.log(half(e, bounds.all_targets_least)),
    "inverse": lambda e: -math.log(e),
}
"""ln n, but for a constant; the first is Stevens' own, about ln(1/ε)/ε."""
EVENTS: dict[str, tuple[Callable[[float], float], float]] = {
    "needed": (bounds.all_targets_least, math.pi),
    "enough": (bounds.all_targets_enough, 2.0 * math.pi),
}
"""By event: the share of an arc, and the circle of what is random, lines or rows."""


@dataclasses.dataclass(frozen=True)
class EveryTarget(Claim):
    id = "NP-12"
    controls = (
        Control("NP-12-inverse", r"random rows need $1/\varepsilon$ neurons for every target", {"law": "inverse"}),
        Control("NP-12-wider", "arcs may be 1.15 times as long", {"longer": 1.15}),
        Control("NP-12-few", "scissors' sums cover 256 times as finely", {"bits": FINER}),
    )
    caption = (
        "Neurons for every unit target at once, in the plane: any first layer at least (dotted), random rows needed "
        "and enough at probability one half (bar: drawn), weights trained; and scissors, from four covering sums."
    )

    law: str = "inverse with a logarithm"
    """How many random rows are needed."""
    longer: float = 1.0
    """Of the arcs."""
    bits: int = BITS
    """Scissors' sums cover within 2 to the power of minus this."""
    covered: float = COVERED

    def measure(self, run: Run) -> dict[str, Any]:
        rng = run.generator()
        trials, events = run.trials(TRIALS), {}
        for name, (share, around) in EVENTS.items():
            for e in EPS:
                n = half(e, share)
                run.progress(f"gaps between rows, ε = {e:g}, n = {n}")
                gap = []
                for part in np.array_split(np.arange(trials), max(1, trials * n // 2_000_000)):
                    u = rng.normal(size=(len(part), n, 2))
                    gap.append(largest_gap(np.arctan2(u[..., 1], u[..., 0]), around))
                events[name, e] = (n, int(np.sum(np.concatenate(gap) <= share(e) * around)), trials)
        first = self._first_nets(rng, run.trials(FIRSTS))
        fine = math.sqrt(2.0) * 2.0**-BITS
        rows = rng.uniform(0.0, math.pi, (trials, ROWS))
        nets = int(np.sum(largest_gap(rows, math.pi) <= bounds.all_targets_least(fine) * math.pi))
        run.drawn.append({"problem": "gaps between rows", "d": 2, "trials": trials, "dtype": "float64"})
        products = np.prod(rng.normal(size=(2, run.trials(SUMS), NUMBERS)), axis=0)
        run.drawn.append({"problem": "sums of products", "trials": len(products), "n": NUMBERS, "dtype": "float64"})
        left = np.array([uncovered(x) for x in products])
        scissors = {b: Proportion(int(np.sum(left <= 2.0**-b)), len(left)) for b in (BITS, FINER)}
        return {"events": events, "first": first, "nets": Proportion(nets, trials), "scissors": scissors}

    @staticmethod
    def _first_nets(rng: np.random.Generator, trials: int) -> Any:
        """Counts of the size, in brackets of the ladder, at which random lines are a net."""
        found = np.empty((trials, len(GROWN)))
        for t in range(trials):
            lines = rng.uniform(0.0, math.pi, LINES)
            for i, e in enumerate(GROWN):
                low, high = 0, int(np.searchsorted(LADDER, len(lines), side="right")) - 1
                while high - low > 1:  # a net stays one when lines are added
                    middle = (low + high) // 2
                    net = largest_gap(lines[: LADDER[middle]], math.pi) <= bounds.all_targets_least(e) * math.pi
                    low, high = (low, middle) if net else (middle, high)
                found[t, i] = LADDER[high]
        return told(found, np.full(1, np.inf), GROWN).counts()

    def tests(self, data: dict[str, Any]) -> list[Test]:
        tests: list[Test] = []
        for (name, e), (n, events, trials) in data["events"].items():
            expected = Exact(bounds.arcs_cover(n, min(1.0, self.longer * EVENTS[name][0](e))))
            said = f"ε = {e:g}: frequency of gaps as small as {name} at n = {n}"
            tests.append(Equivalent(said, Proportion(events, trials), expected, MARGIN))
        coarse, fine = GROWN
        slope = LogSlope(Threshold(data["first"], fine), Threshold(data["first"], coarse), coarse / fine)
        claimed = (GROWTH[self.law](fine) - GROWTH[self.law](coarse)) / math.log(coarse / fine)
        name = f"exponent of the size of a random net, ε from {coarse:g} to {fine:g}"
        tests.append(InRange(name, slope, (claimed - SLACK, claimed + SLACK)))
        name = f"P(sums of {NUMBERS} products cover within 2^-{self.bits})"
        tests.append(AtLeast(name, data["scissors"][self.bits], self.covered))
        name = f"P({ROWS} random lines are the net needed at √2·2^-{BITS})"
        tests.append(AtMost(name, data["nets"], 0.5))
        return tests

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"d": d} | {f"ε = {e:g}": bounds.net_size(e, d) for e in (3e-2, 1e-2, 1e-3, 1e-4)} for d in (2, 3, 4, 5)
        ]
        return {"Every target at once: neurons that any first layer needs at least": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        grid = np.geomspace(3e-3, 0.1, 12)
        ax.plot(grid, [bounds.net_size(e, 2) for e in grid], **drawing.style(0, marker="", linestyle=":"), label="any")
        for i, (name, (share, _)) in enumerate(EVENTS.items(), 1):
            ax.plot(grid, [half(e, share) for e in grid], **drawing.style(i, marker=""), label=f"random rows, {name}")
        for e in (e for e in GROWN if e >= grid[0]):
            found = Threshold(data["first"], e)
            ax.plot([e, e], [found.lower(0.01), found.upper(0.01)], color=drawing.COLOURS[1], linewidth=4)
        ax.plot(math.sqrt(2.0) * 2.0**-BITS, SCISSORS, "k*", markersize=9, label="scissors")
        one = [nearest_normal.threshold(0.5, e, 2) for e in grid]
        ax.plot(grid, one, color="#888888", linewidth=4, alpha=0.5, label="one target, at least")
        ax.set(xscale="log", yscale="log", xlabel="ε", ylabel="n")
        ax.legend()
        return figure
