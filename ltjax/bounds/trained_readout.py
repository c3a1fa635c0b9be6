"""Closed forms for one first layer whose output weights are trained: enough neurons for one target, and for all.

Readout `linear`, no bias, error in the sup norm over the unit ball. What is too few is in `nearest_normal`, whose bound
holds for any real output weights. Host code, float64, to relative rounding.
"""

import math

import numpy as np
import scipy.special
import scipy.stats

from ltjax import arguments
from ltjax.bounds import nearest_normal
from ltjax.laws import Law, without_atoms


def surrounded(count: int, k: int) -> float:
    """Wendel (1962): P(0 is in the convex hull of random points of R^k), each equally likely at x and at -x.

    1 - 2^{1-N}·Σ_{j<k} C(N-1, j), whatever the law, as long as no k of them are dependent.

    Args:
        count: N, points, at least 0; k: dimension, at least 1.
    """
    count, k = arguments.whole("count", count, 0), arguments.whole("k", k, 1)
    if count <= k:
        return 0.0
    return float(scipy.stats.binom.sf(k - 1, count - 1, 0.5))


def cone_angle(eps: float) -> float:
    """δ = arctan(2ε): if w is in the cone of unit rows within δ of it, non-negative weights reach an error of ε.

    *Proof.* Let w = Σ a_i û_i, a_i >= 0, û_i = (cos φ_i, sin φ_i·z_i) with φ_i <= δ, and b_i = a_i·cos φ_i, so that
    Σ b_i = 1. At x = (x_1, x') the network is E σ(x_1 + T) with T = tan φ_i·⟨z_i, x'⟩ with probability b_i, E T = 0. By
    Jensen's inequality it is at least σ(x_1); what it is more is greatest at x_1 = 0, ½·E|T| <= ½·tan δ.
    """
    return math.atan(2.0 * arguments.real("eps", eps, above=0.0))


def cone_event(n: int, eps: float, d: int, law: str | Law = "normal") -> float:
    """The exact probability that w is in the cone of those of n rows that lie within `cone_angle` of it.

    Their number is binomial, and the parts of them that are orthogonal to w are symmetric: Wendel's theorem in R^{d-1}.
    It bounds the probability that trained output weights reach ε from below.

    Args:
        n: neurons; eps: error, above 0; d: dimension, at least 2; law: rotation-invariant.
    """
    arguments.choice("law", without_atoms(law).name, ("normal",))
    n, d = arguments.whole("n", n, 0), arguments.whole("d", d, 2)
    one = 0.5 * nearest_normal.share(cone_angle(eps), d)
    mean = n * one
    if mean > 400.0 + 100.0 * d:
        return 1.0  # to less than 1e-15: half as many are enough, and fewer have a probability below exp(-mean/8)
    # Beyond these counts the tail is below 1e-17 (Bernstein's inequality).
    counts = np.arange(d, min(n, math.ceil(mean + 10.0 * math.sqrt(mean) + 60.0)) + 1)
    return float(np.sum(scipy.stats.binom.pmf(counts, n, one) * scipy.stats.binom.sf(d - 2, counts - 1, 0.5)))


def cone_threshold(p: float, eps: float, d: int, law: str | Law = "normal") -> int:
    """The least n whose `cone_event` reaches p: so many neurons suffice for one target, output weights trained.

    Args:
        p: probability, in (0, 1); the others as for `cone_event`.
    """
    p = arguments.real("p", p, above=0.0, below=1.0)
    low, high = 0, 1
    while cone_event(high, eps, d, law) < p:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if cone_event(middle, eps, d, law) >= p else (middle, high)
    return high


def net_size(eps: float, d: int) -> int:
    """So many neurons any first layer needs, random or designed, to serve every unit target: ⌈1/P_d(α)⌉.

    Each target needs a normal within α of its line (the nearest normal), so the caps of radius α cover.

    Args:
        eps, d: as for `nearest_normal.angle`.
    """
    return math.ceil((1.0 - 1e-12) / nearest_normal.share(nearest_normal.angle(eps, d), d))


def arcs_cover(n: int, share: float) -> float:
    """Stevens (1939): P(n random arcs cover the circle), each with this share of it.

    Σ_k (-1)^k C(n, k)·(1 - k·share)_+^{n-1}, in extended precision, as the terms cancel.

    Args:
        n: arcs, at least 1; share: in (0, 1].
    """
    from flint import arb, ctx

    n = arguments.whole("n", n, 1)
    share = arguments.real("share", share, above=0.0, high=1.0)
    before, ctx.prec = ctx.prec, 64 + 2 * n
    try:
        total, binomial = arb(0), arb(1)
        for k in range(min(n, math.floor(1.0 / share)) + 1):
            rest = 1 - k * arb(share)
            if not rest > 0:
                break
            total += binomial * rest ** (n - 1) * (-1) ** k
            binomial = binomial * (n - k) / (k + 1)
        return min(1.0, max(0.0, float(total)))
    finally:
        ctx.prec = before


def all_targets_least(eps: float) -> float:
    """The share of the half circle of kink lines within α = 2·arctan(2ε) of one: plane, every target needs a line."""
    return 2.0 * nearest_normal.angle(eps, 2) / math.pi


def all_targets_enough(eps: float) -> float:
    """The share of the circle of row directions that a gap may have: plane, 2·arctan(2ε)/(2π).

    Between two rows that are g < π apart a target is a non-negative combination of both, with an error of
    sin h·sin(g-h)/sin g <= ½·tan(g/2).
    """
    return 2.0 * math.atan(2.0 * arguments.real("eps", eps, above=0.0)) / (2.0 * math.pi)


__all__ = [
    "all_targets_enough",
    "all_targets_least",
    "arcs_cover",
    "cone_angle",
    "cone_event",
    "cone_threshold",
    "net_size",
    "surrounded",
]
