r"""WP-1: Scissors need a logarithmic number of neurons.

**Hypotheses.** Readout relu, any target $w$, law normal.

**Statement.** $n=O(d\log(d/\varepsilon))$ neurons suffice. Keep at most one input weight a neuron:
$v_i\,\sigma(u_{ij}x_j)$ is $v_i|u_{ij}|\,\sigma(\pm x_j)$, and $\langle
w,x\rangle=\sum_jw_j\sigma(x_j)-w_j\sigma(-x_j)$ asks for $2d$ subset sums of such products, each within
$\varepsilon/\sqrt d$: the error on the ball is at most the norm of the residuals.

**Source.** Pensia, Rajput, Nagle, Vishwakarma, Papailiopoulos (2020) for the readout; Lueker (1998) for the sums.

**Checked.** $d=2$: the number of neurons at which masks are *found* (in hand, checked again as networks), in two
ways: each coordinate with neurons of its own (blocks), and any neuron for any coordinate (shared). What the
construction needs is more than what exists, so its growth bounds the truth from above: it follows a straight line in
$\log_2(1/\varepsilon)$ better than $1/\varepsilon$ or a constant, and as a power of $1/\varepsilon$ its exponent
would be below 0.3. At $\varepsilon=10^{-3}$, 64 neurons suffice with blocks and 40 shared. And growth with $d$ at
$\varepsilon=0.1$.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ltjax import drawing
from ltjax.inference import scaling, thresholds
from ltjax.inference.trials import FirstHits
from ltjax.problems.weight_pruning import WeightPruning
from proofs_check import findings
from proofs_check.claim import Control, Finding, Run, claim_of

EPS = (1e-1, 1e-2, 1e-3)
NS = {"blocks": tuple(range(8, 89, 8)), "shared": (6, 10, 14, 18, 22, 26, 30, 35, 40, 45, 50, 56)}
ENOUGH = {"blocks": 64, "shared": 40}
TRIALS = {"blocks": 700, "shared": 120}
LAWS = ("logarithmic", "inverse", "constant")
FLAT = (0.0, 0.3)
DIMENSIONS = {2: 24, 4: 56, 8: 96}


def constructed(found: FirstHits) -> FirstHits:
    """The trials' outcomes for "is a mask found?": not finding one is an answer to that, if not to "is there one?"."""
    ns = np.array([0, *found.ns, max(found.ns) + 1])
    before = ns[np.searchsorted(ns, found.first_hit) - 1]
    return FirstHits(found.ns, found.eps, before.astype(np.int32), found.first_hit)


def measure(run: Run) -> dict[str, Any]:
    ways = {"blocks": WeightPruning(construction="blocks"), "shared": WeightPruning(construction="shared")}
    found = {name: run.first_hits(problem, NS[name], EPS, TRIALS[name]) for name, problem in ways.items()}
    needed = {name: constructed(outcomes) for name, outcomes in found.items()}
    fits = {name: {law: scaling.fit(o, law) for law in (*LAWS, "power")} for name, o in needed.items()}
    grow = {}
    for d, most in DIMENSIONS.items():
        ns = tuple(range(most // 8, most + 1, most // 8))
        grow[d] = run.count(WeightPruning(d=d), ns, (0.1,), 40)
    return {"found": found, "fits": fits, "grow": grow}


def judge(
    data: dict[str, Any], level: float, law: str = "logarithmic", exponent: float | None = None
) -> Sequence[Finding]:
    rivals = [rival for rival in LAWS if rival != law]
    level /= len(NS) * (len(rivals) + 2)
    claimed = FLAT if exponent is None else (exponent - 0.15, exponent + 0.15)
    found = []
    for name, fits in data["fits"].items():
        found += [
            findings.beats(f"{name}: what is needed grows {law}, not {r}", fits[law], fits[r], level) for r in rivals
        ]
        limits = fits["power"].interval("gamma", level)
        found.append(findings.inside(f"{name}: exponent of a power law", limits, claimed, level=level))
        counts, n = data["found"][name].counts(), ENOUGH[name]
        i, j = counts.ns.index(n), counts.eps.index(1e-3)
        found.append(
            findings.at_least(
                f"{name}: P(hit) at n = {n}, ε = 0.001",
                int(counts.hits[i, j]),
                int(counts.undecided[i, j]),
                counts.trials,
                0.5,
                level,
            )
        )
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure, (left, right) = drawing.panels(2)
    bits = -np.log2(EPS)
    for i, (name, outcomes) in enumerate(data["found"].items()):
        upper = [t.upper for t in thresholds.brackets(outcomes, 0.5, 0.99, {})]
        shown = [(x, n) for x, n in zip(bits, upper, strict=True) if n is not None]
        left.plot(*zip(*shown, strict=True), **drawing.style(i, linestyle=""), label=f"{name}: at most")
        line = np.linspace(bits[0], bits[-1], 50)
        left.plot(line, data["fits"][name]["logarithmic"].median(2.0**-line), **drawing.style(i, marker=""))
    left.set(xlabel="log₂(1/ε)", ylabel="neurons at probability ½, found", ylim=(0, None), title="d = 2")
    left.legend()
    for i, (d, counts) in enumerate(data["grow"].items()):
        drawing.frequencies(right, np.array(counts.ns) / d, counts.hits[:, 0], counts.trials, i, f"d = {d}")
    right.set(xlabel="n / d", ylabel="found, ε = 0.1", ylim=(0, 1.02))
    right.legend()
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "WP-1",
    [
        Control("WP-1-inverse", r"the construction needs about $1/\varepsilon$ neurons", {"law": "inverse"}),
        Control("WP-1-root", r"the construction needs about $\varepsilon^{-1/2}$ neurons", {"exponent": 0.5}),
    ],
    "Left: certified upper ends of the number of neurons at probability one half, with straight lines fitted. Right: "
    "share of networks in which a mask is found against n/d, 99% limits.",
)
