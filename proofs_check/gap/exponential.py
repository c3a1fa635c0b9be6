r"""GAP-1: Rows need exponentially more neurons than scissors.

**Hypotheses.** One start network, law normal; readout relu with a generic target, $d=2,8$, or readout linear with an
axis target, $d\ge2$.

**Statement.** The certified lower bound on the number of neurons that rows need (NP-2 for readout linear; NP-3, and
in the plane networks certified to hold no ticket, for relu) over the certified upper bound on what scissors need (masks
in hand, WP-1 and WP-4) grows like $(1/\varepsilon)/\log(1/\varepsilon)$: in a log-log plot its slope in $1/\varepsilon$
tends to 1. NP-2 and NP-3 do not depend on $d$; for the linear readout in $d\ge3$ dimensions rows need far more,
$\varepsilon^{-(d-1)}$ (NP-9).

**Source.** Ferre', Giroire, Mallmann-Trenn, Natale (arXiv 2603.02234); constants worked out for this project.

**Checked.** Masks found for $\varepsilon=10^{-1},\dots,10^{-6}$, each coordinate by neurons of its own (the
construction of the textbook proof; sharing neurons halves what it needs, see WP-1), give an upper end of what
scissors need. An axis target takes one subset sum of products $v_iu_{i1}$, whose law does not depend on $d$, and
neither do the bounds of NP-2 and NP-3. By these bounds the ratio is above 2 at $\varepsilon=10^{-5}$ and above 10 at
$10^{-6}$; for an axis target its slope from $10^{-1}$ to $10^{-6}$ is in $[0.4,1.3]$. In the plane, readout relu,
more than half of the networks drawn at $n\varepsilon=0.7$ ($\varepsilon=10^{-2}$) to $0.125$ ($10^{-6}$) hold no
ticket of rows: elimination leaves no neuron that could be kept, or what it leaves (at the coarser of these) is
decided by arcs or by HiGHS, whose tolerances a widened tube covers. That is many times NP-3's bound. There the ratio
is above 1 at $\varepsilon=10^{-2}$, above 10 at $10^{-3}$ (scissors sharing neurons) and above 1000 at $10^{-6}$, and
its slope from $10^{-2}$ to $10^{-6}$ is in $[0.4,1.3]$. Bracket against bracket, readout linear: the exponent of
$1/\varepsilon$ in what rows need ($\varepsilon=0.8$ to $10^{-4}$; at least by NP-2 and certified misses, at most by
networks in hand) exceeds that of scissors ($10^{-1}$ to $10^{-6}$; at least by exhaustion, at most by masks in hand)
by more than 0.35. Were there no gap, scissors' numbers would stand on both sides, and every one of these would be
refuted or left open. Certified are the numbers at these precisions; between and beyond them they are extrapolated.
The false gap, $d=1$: rows and scissors of the line, where both are subset sum.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.figures import style as drawing
from ltjax.problems.pruning import NeuronPruning, WeightPruning
from ltjax.solvers import choose
from ltjax.solvers.base import AbstractSolver
from ltjax.trials.counts import Counts
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Between, Difference, Exact, LogSlope, Quantity, Ratio, Threshold, miss_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, InRange, Test
from proofs_check.neuron_pruning import no_gap_on_the_line, sufficiency

EPS = tuple(10.0**-k for k in range(1, 7))
DIMENSIONS = (2, 8)
TRIALS = {2: 64, 8: 40}
PLANE = "relu, generic, d = 2"
MISSED = {1e-2: (70, 32), 1e-3: (480, 32), 1e-4: (2500, 32), 1e-5: (15_000, 32), 1e-6: (125_000, 32)}
"""For readout relu in the plane: sizes at which elimination finds nearly all networks without a ticket, and trials."""
SHARED_EPS, SHARED_N, SHARED_TRIALS = 1e-3, 44, 64
"""So many neurons are enough for scissors that share them."""
AXIS_SIZES = tuple(range(4, 61, 4))
ROWS_EPS = (1e-2, 1e-4)
COARSE_EPS, COARSE_N, COARSE_TRIALS = 0.8, 11, 600
"""Where the upper end of what rows need is cheap: so few neurons are enough more often than not."""
FINE_EPS = ROWS_EPS[-1]
NEAR_EPS = EPS[-2]
STEEP = {PLANE: (1e-2, EPS[-1]), "linear, axis": (EPS[0], EPS[-1])}
"""Start networks and ranges of ε for which a slope is claimed: where the brackets are narrow enough for one."""
PLANE_EPS = (1e-2, 1e-3, 1e-6)
DRAWS = 8192
CONFIDENCE = 1.0 - 1e-9
"""Of the numerical error of NP-3's bound: its chance of error is below a test's share of the error budget."""


def sizes(d: int) -> tuple[int, ...]:
    """Start networks looked at: d blocks of equal size."""
    return tuple(d * k for k in (1, 2, 3, *range(8, 81, 2 if d == 2 else 4)))


def generic(d: int) -> WeightPruning:
    return WeightPruning(d=d)


AXIS = WeightPruning(readout="linear", target="axis")


def in_blocks(problem: WeightPruning, eps: float = EPS[-1]) -> AbstractSolver:
    """Each coordinate by neurons of its own, as fine as the finest precision asks for: one search for all."""
    return choose.in_blocks(problem, eps)


def rows(readout: str, eps: float, draws: int = DRAWS) -> int:
    """A lower bound on n_{1/2} of neuron pruning, d >= 2: NP-2 in closed form, NP-3 with its numerical error."""
    if readout == "linear":
        return bounds.kink_threshold(0.5, eps)
    return bounds.relu_threshold(0.5, eps, draws=draws, confidence=CONFIDENCE) + 1


def scissors(data: dict[str, Any]) -> dict[str, dict[float, Quantity]]:
    """What scissors need, by start network and ε."""
    found: dict[str, dict[float, Quantity]] = {
        name: {e: Threshold(counts, e) for e in counts.eps} for name, counts in data["counts"].items()
    }
    own, shared = found[PLANE][SHARED_EPS], Threshold(data["shared"], SHARED_EPS)
    found[PLANE][SHARED_EPS] = Between([own], [shared])
    return found


def least(data: dict[str, Any], name: str) -> dict[float, int]:
    """What rows need at least, by ε: in the plane, readout relu, more than what more than half of networks miss at."""
    bound = data["least"][name.split(",")[0]]
    return bound | {e: n + 1 for e, (n, _) in MISSED.items()} if name == PLANE else bound


def rows_exponent(data: dict[str, Any]) -> LogSlope:
    """The exponent of 1/ε in what rows need, readout linear, from ε = 0.8 to 1e-4: by networks in hand and misses
    certified at both ends, at the fine one by NP-2 too."""
    fine, counts = FINE_EPS, data["most"][FINE_EPS]
    need = Between([Exact(data["least"]["linear"][fine]), Threshold(counts, fine)], [Threshold(counts, fine)])
    return LogSlope(need, Threshold(data["coarse"], COARSE_EPS), COARSE_EPS / fine)


def exponents_at(data: dict[str, Any], d: int) -> tuple[Quantity, Quantity]:
    """The exponents of 1/ε in what rows and scissors need, each from its own brackets.

    In the plane, readout linear, axis target: rows from ε = 0.8 to 1e-4, scissors from 0.1 to 1e-6. On the line both
    are counted at the same precisions.
    """
    if d == 1:
        first, last = max(data["line"][0].eps), min(data["line"][0].eps)
        rows, scissors = (
            LogSlope(Threshold(counts, last), Threshold(counts, first), first / last) for counts in data["line"]
        )
        return rows, scissors
    counts, last = data["counts"]["linear, axis"], EPS[-1]
    return rows_exponent(data), LogSlope(Threshold(counts, last), Threshold(counts, EPS[0]), EPS[0] / last)


def coarse_rows(run: Run) -> Counts:
    """Where the upper end of what rows need is cheap, by a search that NP-4 has compiled."""
    search = sufficiency.exact("linear", COARSE_N)
    return run.count(NeuronPruning(), (COARSE_N,), (COARSE_EPS,), COARSE_TRIALS, solver=search)


def ends(counts: Counts) -> dict[float, tuple[float, float]]:
    """99% limits of n at probability one half, by ε, for the figure."""
    return {e: Threshold(counts, e).limits(0.01) for e in counts.eps}


@dataclasses.dataclass(frozen=True)
class Exponential(Claim):
    id = "GAP-1"
    controls = (
        Control("GAP-1-line", "the gap exists at $d=1$", {"d": 1}),
        Control("GAP-1-none", "in the plane too rows and scissors grow alike", {"gap": (-0.25, 0.25)}),
        Control("GAP-1-square", r"the ratio grows like $\varepsilon^{-2}$", {"slope": (1.7, 2.3)}),
        Control(
            "GAP-1-more",
            r"at $\varepsilon=10^{-6}$ the ratio is above $10^5$",
            {"fine": 1e5, "plane": (1.0, 10.0, 1e5)},
        ),
    )
    caption = (
        "Left: neurons needed against precision, with certified limits: rows at least by theorem and by "
        "networks without a ticket, at most by networks found; scissors by masks found and by exhaustion. "
        "Right: the certified ratio; at d = 1 both kinds of pruning are the same."
    )

    near: float = 2.0
    """Rows' lower bound over what scissors need is above this at ε = 1e-5."""
    fine: float = 10.0
    """And above this at 1e-6."""
    plane: tuple[float, ...] = (1.0, 10.0, 1000.0)
    """In the plane, readout relu, it is above these at ε = 1e-2, 1e-3, 1e-6."""
    slope: tuple[float, float] = (0.4, 1.3)
    """Of that ratio in 1/ε, on the log-log plot."""
    gap: tuple[float, float] = (0.35, math.inf)
    """By how much the exponent of what rows need exceeds that of what scissors need, certified on both sides."""
    d: int = 2
    """Where the exponents' difference is measured."""

    def measure(self, run: Run) -> dict[str, Any]:
        counts = {
            f"relu, generic, d = {d}": run.count(generic(d), sizes(d), EPS, TRIALS[d], solver=in_blocks(generic(d)))
            for d in DIMENSIONS
        }
        counts["linear, axis"] = run.count(AXIS, AXIS_SIZES, EPS, 100, solver=in_blocks(AXIS))
        shared = run.count(generic(2), (SHARED_N,), (SHARED_EPS,), SHARED_TRIALS)
        missed = {
            e: run.count(NeuronPruning(readout="relu"), (n,), (e,), trials, solver="elimination")
            for e, (n, trials) in MISSED.items()
        }
        run.progress("what rows need, by closed forms")
        least = {readout: {e: rows(readout, e) for e in EPS} for readout in ("relu", "linear")}
        # Sizes and precisions of NP-4 and NP-6, whose compiled searches these are.
        most = {
            e: run.count(NeuronPruning(), sufficiency.sizes(e), (e,), 40, solver=sufficiency.NEAR) for e in ROWS_EPS
        }
        on_the_line = (NeuronPruning(d=1), WeightPruning(d=1))
        line = [run.count(each, no_gap_on_the_line.NS, no_gap_on_the_line.EPS, 300) for each in on_the_line]
        coarse = coarse_rows(run)
        return {
            "counts": counts,
            "shared": shared,
            "missed": missed,
            "least": least,
            "most": most,
            "line": line,
            "coarse": coarse,
        }

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: list[Test] = []
        for e, counts in data["missed"].items():
            n = counts.ns[0]
            found.append(AtLeast(f"{PLANE}: P(miss) of rows at n = {n:,}, ε = {e:g}", miss_rate(counts, n, e), 0.5))
        for name, need in scissors(data).items():
            bound = least(data, name)
            plane, others = zip(PLANE_EPS, self.plane, strict=True), ((NEAR_EPS, self.near), (EPS[-1], self.fine))
            for e, above in plane if name == PLANE else others:
                what = f"{name}: rows' bound over scissors' number at ε = {e:g}"
                found.append(InRange(what, Ratio(Exact(bound[e]), need[e]), (above, math.inf)))
            if name in STEEP:
                first, last = STEEP[name]
                at_last, at_first = (Ratio(Exact(bound[e]), need[e]) for e in (last, first))
                what = f"{name}: slope of that ratio from ε = {first:g} to {last:g}"
                found.append(InRange(what, LogSlope(at_last, at_first, first / last), self.slope))
        exponents = exponents_at(data, self.d)
        what = "exponent of 1/ε, rows' bracket minus scissors' bracket"
        numbers = {
            f"{kind}, 99% limits": list(part.limits(0.01))
            for kind, part in zip(("rows", "scissors"), exponents, strict=True)
        }
        found.append(InRange(what, Difference(*exponents), self.gap, numbers=numbers))
        return found

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = []
        for name, need in scissors(data).items():
            bound = least(data, name)
            for e, quantity in need.items():
                low, high = quantity.limits(0.01)
                rows.append({"start network": name, "ε": e, "rows, at least": bound[e], "scissors": [low, high]})
        return {"Neurons at probability ½: rows' certified lower end, scissors' 99% limits": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        bound, need = least(data, PLANE), scissors(data)
        shown = {e: quantity.limits(0.01) for e, quantity in need[PLANE].items()}
        most = {e: high for counts in data["most"].values() for e, (_, high) in ends(counts).items() if high < math.inf}
        left.plot(list(bound), list(bound.values()), **drawing.style(2), label="rows: at least")
        left.plot(list(most), list(most.values()), **drawing.style(2, marker="v", linestyle=":"), label="rows: at most")
        left.fill_between(
            list(most), [bound[e] for e in most], list(most.values()), color=drawing.COLOURS[2], alpha=0.2
        )
        upper = {e: high for e, (_, high) in shown.items() if high < math.inf}
        left.plot(list(upper), list(upper.values()), **drawing.style(1), label="scissors: at most")
        lower = {e: low for e, (low, _) in shown.items() if e in upper and e in EPS}
        left.plot(
            list(lower), list(lower.values()), **drawing.style(1, marker="", linestyle=":"), label="scissors: at least"
        )
        left.fill_between(
            list(lower), list(lower.values()), [upper[e] for e in lower], color=drawing.COLOURS[1], alpha=0.2
        )
        left.set(ylabel="neurons at probability ½", ylim=(1, 1e8), title="readout relu, generic target, d = 2")
        for i, (name, quantities) in enumerate(need.items()):
            bound = least(data, name)
            ratio = {e: Ratio(Exact(bound[e]), quantity).lower(0.005) for e, quantity in quantities.items()}
            certified = {e: x for e, x in ratio.items() if x}
            right.plot(list(certified), list(certified.values()), **drawing.style(i), label=name)
        on_the_line = [ends(counts) for counts in data["line"]]
        line = {e: math.sqrt(math.prod(on_the_line[0][e]) / math.prod(on_the_line[1][e])) for e in on_the_line[0]}
        line = {e: x for e, x in line.items() if 0.0 < x < math.inf}
        right.plot(list(line), list(line.values()), **drawing.style(5), label="d = 1: no gap")
        grid = np.logspace(-8, -1, 50)
        right.plot(grid, 0.01 / (grid * np.log(1 / grid)), "-", color="#888888", linewidth=0.8, label="(1/ε)/ln(1/ε)")
        right.axhline(1.0, color="#000000", linewidth=0.6)
        right.set(ylabel="rows over scissors, certified", title="how many times as many")
        for ax in (left, right):
            ax.set(xscale="log", yscale="log", xlabel="ε: precision")
            ax.invert_xaxis()
            ax.legend(fontsize=7.5, loc="upper left")
        return figure

    def headline(self, data: dict[str, Any]) -> str:
        finest = EPS[-1]
        # The end that table and figure have too.
        most, bound = scissors(data)[PLANE][finest].limits(0.01)[1], least(data, PLANE)[finest]
        if most == math.inf:
            return "The masks that scissors need were not found within the sizes looked at."
        return (
            "A large random network of ReLU units contains, with nothing trained, a small network that computes a "
            f"given function. With *scissors*, which cut single weights, {most:.0f} random units hold it, to within "
            "one part in a million, more often than not; whoever may only take out whole *rows* of weights needs at "
            f"least {bound:,}, and every further digit costs scissors a few units more but multiplies the network "
            "that rows need. The reason is where a unit bends: scissors can undo a bend that lies in the wrong place, "
            "rows have to wait for one that chance puts in the right place."
        )
