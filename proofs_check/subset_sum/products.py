r"""SS-6: Products.

**Hypotheses.** $X_i=V_i\max(U_i,0)$ with $U_i,V_i$ independent, both uniform on $[-1,1]$ or both standard normal:
what weight pruning adds up when it keeps one input weight a neuron. $z=\tfrac12$.

**Statement.** The number needed is still logarithmic in $1/\varepsilon$, with a larger constant than for $X_i$ uniform.
The counting limit becomes
$$P(\text{hit})\le\bigl((3/2)^n-1\bigr)\,\varepsilon\,(1+\ln(1/\varepsilon))+\mathbf 1[\,|z|\le\varepsilon\,].$$

**Source.** Subset sums of products: Pensia, Rajput, Nagle, Vishwakarma, Papailiopoulos (2020), *Optimal lottery tickets
via subset sum: logarithmic over-parameterization is sufficient*, after Lueker (1998). The counting limit was
worked out for this project: only terms with $U_i>0$ make new sums, so the expected number of sums is $(3/2)^n$; each
is as close to $z$ as one product can be to a point, at most $P(|UV|\le\varepsilon)$ since the density is symmetric
and unimodal. That is $\varepsilon(1+\ln(1/\varepsilon))$ for the uniform law and, for the normal law,
$\tfrac2\pi\int_0^\varepsilon K_0$, which is smaller.

**Checked.** The bound, cell by cell, with an exact one-sided test. Growth: the straight line in $\log_2(1/\varepsilon)$
beats the power law and the constant for both laws. The constant: numbers a bit, against the uniform law's. And
$\tfrac2\pi\int_0^rK_0\le r(1+\ln(1/r))$ on $(0,1]$ by ball arithmetic.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb
from matplotlib.figure import Figure

from ltjax.bounds import subset_sum as bounds
from ltjax.figures import style as drawing
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.laws import get_law
from ltjax.problems.subset_sum import SubsetSum
from ltjax.verify import findings
from ltjax.verify.claim import Control, Finding, Run, claim_of
from ltjax.verify.rigorous import Proof, prove_positive
from proofs_check.subset_sum.several_dimensions import EPS_OF_LINE, NS_OF_LINE

# The sizes and precisions of SS-5's line, so that the compiled search is shared.
NS, EPS = NS_OF_LINE, EPS_OF_LINE
PRODUCTS = ("uniform-relu-product", "normal-relu-product")
SHOWN = ("uniform", "uniform-product", "normal-product", *PRODUCTS)
RIVALS = ("power", "constant")
TARGET = 0.5
TERMS = 24


def _bessel_series(r: arb) -> tuple[arb, arb]:
    """C(r) = Σ c_k and D(r) = Σ c_k·(1/(2k+1) + H_k + ln 2 - γ), c_k = (r²/4)^k / (k!²·(2k+1)).

    Then ∫_0^r K_0 = r·(C·ln(1/r) + D), by integrating K_0(t) = Σ (t²/4)^k/k!²·(H_k - ln(t/2) - γ). For
    r <= 1 the terms from k = TERMS on fall by more than a half each and start below 2^-100.
    """
    first, second, term, harmonic = arb(0), arb(0), arb(1), arb(0)
    for k in range(TERMS):
        if k:
            term = term * (r / 2) ** 2 / k**2
            harmonic = harmonic + arb(1) / k
        c = term / (2 * k + 1)
        first = first + c
        second = second + c * (arb(1) / (2 * k + 1) + harmonic + arb(2).log() - arb.const_euler())
    rest = arb(mid=0, rad=arb(2) ** -100)
    return first + rest, second + rest


def prove_normal_concentration() -> list[Proof]:
    """(2/π)·∫_0^r K_0 < r(1 + ln(1/r)) on (0, 1]: divided by r it is affine in ln(1/r) >= 0 with the
    coefficients 1 - (2/π)·C(r) and 1 - (2/π)·D(r), both positive on [0, 1]."""
    two_over_pi = 2 / arb.pi()
    return [prove_positive(lambda r, i=i: 1 - two_over_pi * _bessel_series(r)[i], 0.0, 1.0) for i in (0, 1)]


def measure(run: Run) -> dict[str, Any]:
    outcomes = {law: run.first_hits(SubsetSum(law=law, target=TARGET), NS, EPS, 4_000) for law in SHOWN}
    fits = {(law, g): scaling.fit(outcomes[law], g) for law in PRODUCTS for g in ("logarithmic", *RIVALS)}
    fits["uniform", "logarithmic"] = scaling.fit(outcomes["uniform"], "logarithmic")
    return {"outcomes": outcomes, "fits": fits, "proofs": prove_normal_concentration()}


def judge(
    data: dict[str, Any], level: float, growth: str = "logarithmic", more_than_uniform: bool = True, factor: float = 1.0
) -> Sequence[Finding]:
    fits = data["fits"]
    rivals = [g for g in ("logarithmic", *RIVALS) if g != growth]
    bound = {
        (law, n, e): factor * bounds.rectified_hit_bound(n, e, get_law("uniform-product"), TARGET)
        for law in PRODUCTS
        for n in NS
        for e in EPS
    }
    cells = [cell for cell in bound if bound[cell] < 0.9]
    level /= len(cells) + len(PRODUCTS) * (len(rivals) + 1)
    counts = {law: data["outcomes"][law].counts() for law in PRODUCTS}
    found = []
    for law, n, e in cells:
        hits = int(counts[law].hits[NS.index(n), EPS.index(e)])
        name = f"P(hit) for {law}, n = {n}, ε = {e:.3g}"
        found.append(findings.at_most(name, hits, counts[law].trials, bound[law, n, e], level))
    uniform = fits["uniform", "logarithmic"].interval("a", level)
    for law in PRODUCTS:
        for rival in rivals:
            name = f"{law}: threshold grows {growth}, not {rival}"
            found.append(findings.beats(name, fits[law, growth], fits[law, rival], level))
        own = fits[law, "logarithmic"].interval("a", level)
        first, second = (uniform, own) if more_than_uniform else (own, uniform)
        name = f"numbers a bit: {'uniform' if more_than_uniform else law} needs fewer"
        found.append(findings.smaller(name, first, second, level=level))
    found.append(
        findings.holds(
            "(2/π)∫₀ʳK₀ ≤ r(1 + ln(1/r)) on (0, 1], by ball arithmetic",
            all(proof.proved for proof in data["proofs"]),
            proved=True,
            boxes=[proof.boxes for proof in data["proofs"]],
            least=[proof.least for proof in data["proofs"]],
        )
    )
    return found


def draw(data: dict[str, Any]) -> Figure:
    figure, (ax,) = drawing.panels()
    bits = -np.log2(EPS)
    for i, law in enumerate(SHOWN):
        found = thresholds.brackets(data["outcomes"][law], 0.5, 0.99, {})
        ax.plot(bits, np.array([t.interpolated for t in found], float), **drawing.style(i), label=law)
    ax.set(xlabel="log₂(1/ε)", ylabel="n at probability ½, z = 0.5", ylim=(0, None))
    ax.legend()
    return figure


CLAIM = claim_of(
    sys.modules[__name__],
    "SS-6",
    [
        Control("SS-6-power", r"the number grows like $\varepsilon^{-\gamma}$", {"growth": "power"}),
        Control("SS-6-no-dearer", "products need fewer numbers a bit than uniforms", {"more_than_uniform": False}),
        Control("SS-6-eighth", "the counting limit with an eighth of its constant", {"factor": 0.125}),
    ],
    "Threshold at probability ½ (interpolated) against bits of precision, for sums of uniform numbers and of products.",
)
