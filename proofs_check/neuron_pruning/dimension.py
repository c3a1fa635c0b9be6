r"""NP-5: All directions must be covered, which asks for more rows in more dimensions.

**Hypotheses.** Readout linear, $d\ge3$, law normal, $\alpha=2\arctan(2\varepsilon)$.

**Statement.** By NP-1 every direction $q\perp w$ needs a neuron with $|\langle u_i,q\rangle|\le\tan\alpha\,|\langle
u_i,w\rangle|$: the zones of the neurons must cover $S^{d-2}$. So $n_{1/2}$ of neuron pruning is at least that of
covering, which is $\ge c\,(d-2)\ln(1/\varepsilon)/\varepsilon$; heuristically $c\to\pi/8$. Covering is necessary
and far from sufficient: for $d\ge3$ rows need $\varepsilon^{-(d-1)}$ neurons (NP-9), and this bound is the better one
only for coarse $\varepsilon$, above about $0.005$ at $d=3$.

**Source.** Worked out for this project. arXiv 2603.02234 has $\Omega(d/\varepsilon)$ in versions 1 and 2 and
$\Omega(1/\varepsilon)$ in version 3.

**Checked.** $d=3$, by exact arc covering of each draw: the median threshold over $\ln(1/\varepsilon)/\varepsilon$ is
within 20% of 0.40, 0.44, 0.46 at $\varepsilon=0.03,0.01,0.003$, and $\ln(1/\varepsilon)/\varepsilon$ describes its
growth better than $1/\varepsilon$. $d=5,9,17$, by adversarial search for an uncovered direction, each certificate
checked again in float64: with $c=0.25$ and $\varepsilon=0.03$ more than half of the draws have one.
"""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from ltjax.bounds import neuron_pruning as bounds
from ltjax.certify.uncovered import verify_uncovered
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import intervals, thresholds
from ltjax.networks import sample_weights
from ltjax.search.obstructions import zones
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Proportion, Scaled, Threshold, miss_rate
from ltjax.verify.run import Run
from ltjax.verify.tests import AtLeast, FitsBetter, InRange, Test

EXACT = {0.1: None, 0.03: 0.40, 0.01: 0.44, 0.003: 0.46}
WITHIN = 0.2
EXACT_TRIALS = 1000
DIMENSIONS = (5, 9, 17)
SEARCHED = (0.03,)
SEARCHED_TRIALS = 50
CONSTANT = 0.25
SEARCH = {"starts": 64, "steps": 200, "rounds": 4}


def scale(d: int, eps: float) -> float:
    return (d - 2) * math.log(1.0 / eps) / eps


def neurons(d: int, eps: float) -> int:
    """How many to draw: well beyond the median of covering."""
    return math.ceil((1.4 if d == 3 else 0.6) * scale(d, eps)) + 40


def median_at_least(sizes: np.ndarray, level: float) -> int:
    """A certified lower limit of the median of certified sizes, plus one: a lower bound on n_{1/2} of covering."""
    ordered = np.sort(sizes)
    shares = intervals.clopper_pearson_lower(np.arange(len(ordered), 0, -1), len(ordered), level)
    enough = np.flatnonzero(shares >= 0.5)  # P(size >= ordered[k]) is at least shares[k]
    return int(ordered[enough[-1]]) + 1 if len(enough) else 1


def table(data: dict[str, Any], level: float = 0.01) -> dict[str, dict[str, int]]:
    """The certified lower bound on n_{1/2} by d and ε."""
    rows: dict[str, dict[str, int]] = {"2": {}, "3": {}} | {str(d): {} for d in DIMENSIONS}
    exact = {t.eps: t for t in thresholds.brackets(data["outcomes"], 0.5, 1.0 - 2.0 * level, {})}
    for e in SEARCHED:
        rows["2"][f"{e:g}"] = bounds.kink_threshold(0.5, e)
        rows["3"][f"{e:g}"] = exact[e].lower
        for d in DIMENSIONS:
            rows[str(d)][f"{e:g}"] = median_at_least(data["sizes"][d, e], level)
    return rows


@dataclasses.dataclass(frozen=True)
class Dimension(Claim):
    id = "NP-5"
    controls = (
        Control("NP-5-no-logarithm", r"at $d=3$ the covering threshold grows like $1/\varepsilon$", {"law": "inverse"}),
        Control("NP-5-large-constant", r"$c=1$", {"constant": 1.0}),
        Control("NP-5-square", r"rows need $c\,(d-2)^2\ln(1/\varepsilon)/\varepsilon$ neurons", {"power": 2.0}),
        Control(
            "NP-5-half",
            r"the median threshold over $\ln(1/\varepsilon)/\varepsilon$ is half of what is stated",
            {"stated": tuple(c / 2.0 for c in EXACT.values() if c is not None)},
        ),
    )
    caption = (
        "Left: median number of neurons whose zones cover all directions, d = 3 (dots; bars: certified brackets). "
        "Right: certified lower bounds on the neurons needed against d; thin lines: 0.25·(d − 2)·ln(1/ε)/ε."
    )

    law: str = "log-inverse"
    constant: float = CONSTANT
    """c: with fewer than c·(d − 2)^power·ln(1/ε)/ε neurons most draws leave a direction uncovered."""
    power: float = 1.0
    stated: tuple[float, ...] = tuple(c for c in EXACT.values() if c is not None)
    """The median threshold over ln(1/ε)/ε at d = 3, by ε."""

    def measure(self, run: Run) -> dict[str, Any]:
        rows = []
        for e in EXACT:
            n = neurons(3, e)

            def covering(key: jax.Array, n: int = n, e: float = e) -> tuple[jax.Array, jax.Array]:
                return zones.least_cover(sample_weights(key, n, 3, dtype=jnp.float64).u, jnp.array([1.0, 0.0, 0.0]), e)

            what = {"problem": "arc covering", "d": 3, "law": "normal", "eps": e, "n": n}
            rows.append(run.each(covering, EXACT_TRIALS, block=16, float64=True, **what))
        low, high = (np.stack([row[k] for row in rows], axis=1) for k in (0, 1))
        # Networks are drawn for each ε anew, each with as many neurons as it takes; none beyond is looked at.
        most = max(neurons(3, e) for e in EXACT)
        drawn = np.array([neurons(3, e) for e in EXACT])
        outcomes = FirstHits(
            tuple(range(1, most + 1)), tuple(EXACT), low - 1, np.where(high > drawn, most + 1, high).astype(np.int32)
        )
        sizes = {}
        for d in DIMENSIONS:
            for e in SEARCHED:
                n, w = neurons(d, e), jnp.zeros(d).at[0].set(1.0)

                def search(key: jax.Array, n: int = n, d: int = d, e: float = e, w: jax.Array = w) -> Any:
                    key_u, key_q = jax.random.split(key)
                    u = sample_weights(key_u, n, d).u
                    return u, zones.last_uncovered(key_q, u, w, e, **SEARCH)

                what = {"problem": "uncovered directions", "d": d, "law": "normal", "eps": e, "n": n}
                u, found = run.each(search, SEARCHED_TRIALS, block=1, **what)
                certified = [
                    int(k) if verify_uncovered(rows[:k], np.asarray(w), q, e) else 0
                    for rows, k, q in zip(u, found.size, found.direction, strict=True)
                ]
                sizes[d, e] = np.array(certified)
        fits = {law: scaling.fit(outcomes, law) for law in ("log-inverse", "inverse")}
        return {"outcomes": outcomes, "fits": fits, "sizes": sizes}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        fits, counts = data["fits"], data["outcomes"].counts()
        claimed = fits[self.law]
        found: list[Test] = [
            FitsBetter(f"d = 3: the threshold grows {self.law}, not {rival}", claimed, fits[rival])
            for rival in fits
            if rival != self.law
        ]
        stated = dict(zip((e for e, c in EXACT.items() if c is not None), self.stated, strict=True))
        for e in EXACT:
            if e in stated:
                name = f"d = 3, ε = {e:g}: median threshold over ln(1/ε)/ε"
                ends = stated[e] * (1 - WITHIN), stated[e] * (1 + WITHIN)
                found.append(InRange(name, Scaled(Threshold(counts, e), 1.0 / scale(3, e)), ends))
            n = math.floor(self.constant * scale(3, e))
            name = f"d = 3, ε = {e:g}: P(some direction uncovered) at n = {n}"
            found.append(AtLeast(name, miss_rate(counts, n, e), 0.5))
        e = min(SEARCHED)
        for d in DIMENSIONS:
            n, sizes = math.floor(self.constant * (d - 2) ** (self.power - 1.0) * scale(d, e)), data["sizes"][d, e]
            # Not finding a direction is no proof that there is none, but it is an answer to "is one found?".
            name = f"d = {d}, ε = {e:g}: P(an uncovered direction is found) at n = {n}"
            found.append(AtLeast(name, Proportion(int(np.sum(sizes >= n)), len(sizes)), 0.5))
        return found

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        certified = table(data)
        rows = [{"d": d} | {f"ε = {e}": n for e, n in row.items()} for d, row in certified.items()]
        return {"Certified lower bounds on n at probability ½, 99% each": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        for threshold in thresholds.brackets(data["outcomes"], 0.5, 0.99, {}):
            scale_ = 1.0 / scale(3, threshold.eps)
            top = threshold.upper if threshold.upper is not None else threshold.n_max
            limits = [threshold.lower * scale_, top * scale_]
            left.plot([threshold.eps] * 2, limits, color="#888888", linewidth=5, alpha=0.6, solid_capstyle="butt")
            if threshold.interpolated is not None:
                left.plot(threshold.eps, threshold.interpolated * scale_, "ko")
        stated = {e: c for e, c in EXACT.items() if c is not None}
        left.plot(list(stated), list(stated.values()), "x", color=drawing.COLOURS[1], label="stated")
        left.axhline(math.pi / 8, color="#000000", linewidth=0.8, label="π/8")
        left.set(
            xscale="log", xlabel="ε", ylabel="covering threshold · ε / ln(1/ε)", ylim=(0, 0.6), title="d = 3, exact"
        )
        left.legend(loc="lower right")
        rows = table(data)
        for i, e in enumerate(SEARCHED):
            right.plot(
                [int(d) for d in rows], [row[f"{e:g}"] for row in rows.values()], **drawing.style(i), label=f"ε = {e:g}"
            )
            dimensions = np.linspace(3, 17, 50)
            right.plot(dimensions, CONSTANT * (dimensions - 2) * scale(3, e), "-", color="#888888", linewidth=0.8)
        right.set(
            xlabel="d",
            ylabel="n at probability ½ is at least",
            xscale="log",
            yscale="log",
            title="certified lower bounds",
        )
        right.set_xticks([2, 3, 5, 9, 17], ["2", "3", "5", "9", "17"])
        right.minorticks_off()
        right.legend()
        return figure
