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
beats the power law for both laws. The constant: numbers a bit, which are more than the uniform law's. And
$\tfrac2\pi\int_0^rK_0\le r(1+\ln(1/r))$ on $(0,1]$ by ball arithmetic.
"""

import dataclasses
import itertools
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
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Parameter, Scaled, hit_rate
from ltjax.verify.rigorous import Proof, prove_positive
from ltjax.verify.run import Run
from ltjax.verify.tests import AtMost, FitsBetter, Less, Test, proved
from proofs_check.subset_sum.several_dimensions import EPS_OF_LINE, NS_OF_LINE

# The sizes and precisions of SS-5's line, so that the compiled search is shared.
NS, EPS = NS_OF_LINE, EPS_OF_LINE
PRODUCTS = ("uniform-relu-product", "normal-relu-product")
SHOWN = ("uniform", "uniform-product", "normal-product", *PRODUCTS)
LAWS = ("logarithmic", "power")
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


@dataclasses.dataclass(frozen=True)
class Products(Claim):
    id = "SS-6"
    controls = (
        Control("SS-6-power", r"the number grows like $\varepsilon^{-\gamma}$", {"law": "power"}),
        Control(
            "SS-6-fourfold", "products need more than four times as many numbers a bit as uniforms", {"times": 4.0}
        ),
        Control("SS-6-eighth", "the counting limit with an eighth of its constant", {"factor": 0.125}),
    )
    caption = (
        "Threshold at probability ½ (interpolated) against bits of precision, for sums of uniform numbers and of "
        "products."
    )

    law: str = "logarithmic"
    times: float = 1.0
    """Products need more than so many times the numbers a bit that uniforms need."""
    factor: float = 1.0
    """Of the bound on the hit probability."""

    def measure(self, run: Run) -> dict[str, Any]:
        outcomes = {
            law: run.first_hits(SubsetSum(law=law, target=TARGET), NS, EPS, 4_000, solver="float32") for law in SHOWN
        }
        fits = {(law, g): scaling.fit(outcomes[law], g) for law in PRODUCTS for g in LAWS}
        fits["uniform", "logarithmic"] = scaling.fit(outcomes["uniform"], "logarithmic")
        return {"outcomes": outcomes, "fits": fits, "proofs": prove_normal_concentration()}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        fits, uniform_product = data["fits"], get_law("uniform-product")
        found: list[Test] = []
        for law in PRODUCTS:
            counts = data["outcomes"][law].counts()
            for n, e in itertools.product(NS, EPS):
                bound = bounds.rectified_hit_bound(n, e, uniform_product, TARGET)
                if bound < 0.9:  # nothing could contradict one near 1
                    name = f"P(hit) for {law}, n = {n}, ε = {e:.3g}"
                    found.append(AtMost(name, hit_rate(counts, n, e), self.factor * bound))
        uniform = Scaled(Parameter(fits["uniform", "logarithmic"], "a"), self.times)
        for law in PRODUCTS:
            for rival in LAWS:
                if rival != self.law:
                    name = f"{law}: threshold grows {self.law}, not {rival}"
                    found.append(FitsBetter(name, fits[law, self.law], fits[law, rival]))
            own = Parameter(fits[law, "logarithmic"], "a")
            found.append(Less(f"numbers a bit: {self.times:g} times uniform's are fewer than {law}'s", uniform, own))
        found.append(proved("(2/π)∫₀ʳK₀ ≤ r(1 + ln(1/r)) on (0, 1], by ball arithmetic", *data["proofs"]))
        return found

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (ax,) = drawing.panels()
        bits = -np.log2(EPS)
        for i, law in enumerate(SHOWN):
            found = thresholds.brackets(data["outcomes"][law], 0.5, 0.99, {})
            ax.plot(bits, np.array([t.interpolated for t in found], float), **drawing.style(i), label=law)
        ax.set(xlabel="log₂(1/ε)", ylabel="n at probability ½, z = 0.5", ylim=(0, None))
        ax.legend()
        return figure
