"""Closed forms for the mean-square error in the plane, readout `linear`: the kink lemma's bound, its event.

E_2² is the mean of the squared error over the unit circle. Host code, float64; proofs take balls too.
"""

import math
from typing import Any

import numpy as np
from flint import arb

from ltjax import arguments

LIMIT = 1.0 / math.sqrt(24.0 * math.pi)
"""The bound over α^{3/2} as α tends to 0."""


def square_bound(alpha: Any) -> Any:
    """The square of the least mean-square error if no kink line is within α of the target's, a ball or a number.

    E_2² >= (α² - sin²α)/(4π·(α + sin α·cos α)), any real output weights. *Proof.* On the two arcs
    |t| <= α around the target's kinks the network is a·cos t + b·sin t, with a and b of its own on each. The target is
    ½·sin t + ½·|sin t| there (up to sign). Sine is orthogonal to what is even, so b takes ½·sin t away, and the best a
    leaves of ½·|sin t| has the square integral ¼·(α - sin α·cos α - sin⁴α/(α + sin α·cos α)) on each arc. Nothing
    better can be said: networks with kinks enough outside of the arcs come as near as one likes.

    It is above α³/(24π): with x = 2α the difference times 4π·(α + sin α·cos α) is
    x²/4 - (1 - cos x)/2 - x³·(x + sin x)/96 >= x⁶·(1/960 - x²/11520) by Taylor's formula, positive up to α = π/2.

    Args:
        alpha: radians, in (0, π/2]; a float, an array or a ball.
    """
    ball = isinstance(alpha, arb)
    sine, cosine, pi = (alpha.sin(), alpha.cos(), arb.pi()) if ball else (np.sin(alpha), np.cos(alpha), math.pi)
    return (alpha - sine) * (alpha + sine) / (4 * pi * (alpha + sine * cosine))


def error_bound(alpha: float) -> float:
    """The kink lemma in mean square: the least E_2 if no kink line is within α of the target's; about α^{3/2}/√(24π).

    Args:
        alpha: radians, in [0, π/2].
    """
    alpha = arguments.real("alpha", alpha, low=0.0, high=math.pi / 2)
    # α - sin α cancels for small α; there the limit is at most a part in 10⁵ less.
    return alpha**1.5 * LIMIT if alpha < 0.01 else math.sqrt(float(square_bound(alpha)))


def kink_angle(eps: float) -> float:
    """The kink lemma in mean square solved for the angle: an E_2 of ε needs a kink line nearer than this.

    Args:
        eps: above 0 and below the bound at π/2, 0.2.
    """
    low, high = 0.0, math.pi / 2
    eps = arguments.real("eps", eps, above=0.0, below=error_bound(high))
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if error_bound(middle) > eps else (middle, high)
    return high


def kink_event(n: int, eps: float) -> float:
    """P(some of n kink lines is within `kink_angle` of the target's) = 1 - (1 - 2α/π)^n, law `normal`, exactly."""
    n = arguments.whole("n", n, 0)
    return -math.expm1(n * math.log1p(-2.0 * kink_angle(eps) / math.pi))


def kink_threshold(p: float, eps: float) -> int:
    """The least n whose `kink_event` reaches p; a lower bound on n_p, masks or real output weights."""
    p = arguments.real("p", p, above=0.0, below=1.0)
    return math.ceil(math.log1p(-p) / math.log1p(-2.0 * kink_angle(eps) / math.pi))


def tent_square(left: Any, right: Any) -> Any:
    """E_2² of the two rows of length 1 at -left and +right from the target's, weights that give ⟨w, x⟩ on both arcs.

    The error is h(t) = sin(right)·sin(t+left)/sin(left+right) from -left to 0 and its mirror image, on both arcs:
    E_2² = (1/π)·(s_r²·q(left) + s_l²·q(right)), s = sin(·)/sin(left+right), q(a) = ∫_0^a sin² = (a - sin a·cos a)/2.
    """
    total = np.sin(left + right)

    def q(a: Any) -> Any:
        return 0.5 * (a - np.sin(a) * np.cos(a))

    return ((np.sin(right) / total) ** 2 * q(left) + (np.sin(left) / total) ** 2 * q(right)) / math.pi


def inner_products(u: np.ndarray) -> np.ndarray:
    """Means over the circle of σ(⟨u_i, x⟩)·σ(⟨u_j, x⟩), unit rows: (sin φ + (π - φ)·cos φ)/(4π) (Cho, Saul 2009).

    Args:
        u: angles of the rows, shape (..., k), radians.

    Returns:
        shape (..., k, k).
    """
    between = np.abs(u[..., :, None] - u[..., None, :]) % (2.0 * math.pi)
    between = np.minimum(between, 2.0 * math.pi - between)
    return (np.sin(between) + (math.pi - between) * np.cos(between)) / (4.0 * math.pi)


__all__ = [
    "LIMIT",
    "error_bound",
    "inner_products",
    "kink_angle",
    "kink_event",
    "kink_threshold",
    "square_bound",
    "tent_square",
]
