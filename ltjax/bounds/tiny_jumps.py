"""Closed forms for rows with an outer ReLU in any dimension: tiny jumps add up to a linear map.

Readout `relu`, law `normal`. Kept are the neurons with |κ_i| <= δ and κ_i·⟨u_i, w⟩ > 0, κ_i = v_i·‖u_i‖. With û_i
turned towards w and s_i the sign of v_i each is ½|κ_i|·⟨û_i, x⟩ + ½s_i|κ_i|·|⟨û_i, x⟩|, and given |κ_i| and û_i the
sign s_i is fair. So the network is a linear map L and a sum F of fair signs, and the error is at most
‖L - w‖ + sup|F|:

* δ is such that E L = w; then E‖L - w‖ <= ½·√S, S = E Σ κ_i²;
* E sup|F| <= E‖Σ s_i·|κ_i|·û_i‖ <= √S by the contraction principle (Ledoux, Talagrand 1991, theorem 4.12).

Host code, float64; the moments are integrals by quadrature, right to about 1e-8 of themselves.
"""

import functools
import math

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from ltjax import arguments
from ltjax.arguments import ArgumentError

NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


def mean_cosine(d: int) -> float:
    """E|⟨û, w⟩| of a uniform unit vector of R^d: Γ(d/2)/(√π·Γ((d+1)/2)), about √(2/(πd))."""
    d = arguments.whole("d", d, 1)
    return math.exp(math.lgamma(0.5 * d) - math.lgamma(0.5 * (d + 1))) / math.sqrt(math.pi)


def density_at_zero(d: int) -> float:
    """The density of κ = v·‖u‖ at 0, its largest value: E[1/‖u‖]/√(2π), about 1/√(2πd).

    Args:
        d: dimension, at least 2; ½ there.
    """
    d = arguments.whole("d", d, 2)
    return math.exp(math.lgamma(0.5 * (d - 1)) - math.lgamma(0.5 * d)) / (2.0 * math.sqrt(math.pi))


def moment(power: int, delta: float, d: int) -> float:
    """E[|κ|^power; |κ| <= δ]: 2·∫_0^δ k^power·f(k) dk, f(k) = ∫ φ(k/r)/r dP(‖u‖ <= r).

    Args:
        power: at least 0; delta: δ, above 0; d: dimension, at least 2.
    """
    delta = arguments.real("delta", delta, above=0.0)
    k = 0.5 * delta * (NODES + 1.0)
    inside = np.exp(-0.5 * (k[:, None] / _lengths(arguments.whole("d", d, 2))) ** 2) @ (0.5 * WEIGHTS)
    return float(delta * density_at_zero(d) * np.sum(WEIGHTS * k**power * inside))


@functools.cache
def _lengths(d: int) -> np.ndarray:
    """Quantiles of ‖u‖ weighed with 1/‖u‖, which is the law of the length in one dimension less."""
    return np.asarray(scipy.stats.chi.ppf(0.5 * (NODES + 1.0), d - 1))


def largest_jump(n: int, d: int) -> float:
    """δ for which the kept neurons of n add up to w on average: n·E[|κ|; |κ| <= δ]·E|⟨û, w⟩|/4 = 1.

    Raises:
        ArgumentError: where all neurons together are too few for it.
    """
    n, d = arguments.whole("n", n, 1), arguments.whole("d", d, 2)
    wanted = 4.0 / (n * mean_cosine(d))
    most = 4.0 * math.sqrt(d)
    if not moment(1, most, d) > wanted:
        raise ArgumentError(f"n={n} is not allowed: with d={d} so few neurons do not add up to the target")
    ends = -150.0, math.log(most)
    found = scipy.optimize.root_scalar(lambda x: moment(1, math.exp(x), d) / wanted - 1.0, bracket=ends, xtol=1e-12)
    return math.exp(found.root)


def mean_error_bound(n: int, d: int) -> float:
    """The mean error of the kept neurons of n is at most 3/2·√S, S = n/2·E[κ²; |κ| <= δ]; about n^{-1/4}."""
    return 1.5 * math.sqrt(0.5 * n * moment(2, largest_jump(n, d), d))


def threshold(p: float, eps: float, d: int) -> int:
    """So many neurons suffice for P(hit) >= p, rows, readout `relu`, any d: by Markov's inequality.

    Args:
        p: probability, in (0, 1); eps: error, in (0, 1); d: dimension, at least 2.
    """
    p = arguments.real("p", p, above=0.0, below=1.0)
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    low, high = 0, 64 * d
    while mean_error_bound(high, d) > (1.0 - p) * eps:
        low, high = high, 2 * high
    while high - low > max(1, low // 10**9):
        middle = (low + high) // 2
        low, high = (low, middle) if low and mean_error_bound(middle, d) <= (1.0 - p) * eps else (middle, high)
    return high


__all__ = ["density_at_zero", "largest_jump", "mean_cosine", "mean_error_bound", "moment", "threshold"]
