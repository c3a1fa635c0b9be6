"""Closed forms of random subset sum: counting limits and the Poisson law."""

import math
from typing import Any

import numpy as np
import scipy.stats
from jaxtyping import Float

from ltjax.laws import Law


def counting_threshold(eps: float) -> float:
    """log2(1/ε): no set of fewer numbers has subset sums within ε of every point of [-1, 1].

    Source: the counting limit. The 2^n intervals of length 2ε around the sums must cover length 2, so 2^n >= 1/ε.
    """
    return -math.log2(eps)


def hit_probability_bound(n: int, eps: float, law: Law, target: float | None) -> float:
    """P(some subset sum of n draws is within ε of the target) <= this.

    Source: the counting limit (union bound). Every non-empty sum is at most as concentrated as one of its terms, so it
    is within ε of a fixed z with probability at most sup_z P(|X - z| <= ε); the empty sum is 0.

    Args:
        n: number of draws.
        eps: the precision ε.
        law: of the draws; for a law with an atom at 0 the bound is vacuous (`rectified_hit_bound`).
        target: z, or None for a random target without atom at 0, whose own chance to be within ε of 0
            must then be added by the caller.
    """
    empty = 1.0 if target is not None and abs(target) <= eps else 0.0
    return min(1.0, (2.0**n - 1.0) * law.concentration(eps) + empty)


def rectified_hit_bound(n: int, eps: float, factor: Law, target: float) -> float:
    """The union bound for X = V·max(U, 0): only the terms with U > 0 make new sums.

    Source: the counting limit for products. With K ~ Bin(n, ½) such terms, P(hit) <= E[2^K - 1]·C(ε) + 1[|z| <= ε] and
    E[2^K] = (3/2)^n; C is the concentration of V·U.
    """
    empty = 1.0 if abs(target) <= eps else 0.0
    return min(1.0, (1.5**n - 1.0) * factor.concentration(eps) + empty)


def fixed_size_hit_bound(n: int, size: int, eps: float, law: Law) -> float:
    """P(some sum of exactly `size` >= 1 of n draws is within ε of a fixed z) <= C(n, size)·sup_z P(|X - z| <= ε).

    Source: the counting limit for a fixed size.
    """
    return min(1.0, math.comb(n, size) * law.concentration(eps))


def vector_hit_bound(n: int, d: int, eps: float, law: Law, target: float) -> float:
    """The union bound in d dimensions with independent coordinates, sup norm, z = (target, ..., target).

    Source: the counting limit for vectors.
    Each coordinate of a non-empty sum is within ε with probability at most C(ε), independently.
    """
    empty = 1.0 if abs(target) <= eps else 0.0
    return min(1.0, (2.0**n - 1.0) * law.concentration(eps) ** d + empty)


def poisson_rate(values: Float[np.ndarray, "trials n"], target: float, eps: Any) -> np.ndarray:
    """λ = 2ε·2^n·φ((z - μ)/s)/s with μ = ΣX/2, s² = ΣX²/4: the mean number of subset sums within ε of z.

    Source: the Poisson law (Mertens 2000; Borgs, Chayes, Pittel 2001). A uniformly random subset's sum has mean μ
    and variance s²; λ is 2^n times the normal law's mass within ε of z.

    Args:
        values: the draws.
        target: z.
        eps: one precision, or an array that broadcasts against the trials.
    """
    n = values.shape[1]
    spread = np.sqrt((values**2).sum(axis=1)) / 2.0
    return 2.0 * eps * 2.0**n * scipy.stats.norm.pdf((target - values.sum(axis=1) / 2.0) / spread) / spread


def poisson_hit_probability(values: Float[np.ndarray, "trials n"], target: float, eps: Any) -> np.ndarray:
    """1 - exp(-λ(X)) of each trial; its mean is the law's prediction of P(hit).

    Source: the Poisson law.
    """
    return -np.expm1(-poisson_rate(values, target, eps))
