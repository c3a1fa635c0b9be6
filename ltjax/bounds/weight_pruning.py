"""Closed forms of the theory of weight pruning: the counting limit of masks, and the kink lemma for sub-rows.

Every function names its statement; host code, float64, logarithms where numbers would underflow.
"""

import math
from typing import Any

import scipy.special

from ltjax import arguments
from ltjax.bounds import neuron_pruning
from ltjax.patterns import get_pattern


def log_cap_measure(d: int, radius: float) -> float:
    """Natural logarithm of the share of the sphere S^{d-1} within an angle of one of its points.

    ½·I_x((d-1)/2, ½) with x = sin²(radius) up to a right angle, one minus that beyond; in the plane radius/π.

    Args:
        d: dimension of the space around the sphere, at least 2.
        radius: radians, in (0, π].
    """
    d = arguments.whole("d", d, 2)
    radius = arguments.real("radius", radius, above=0.0, high=math.pi)
    if d == 2:
        return math.log(radius) - math.log(math.pi)
    a = 0.5 * (d - 1)
    if radius > 0.5 * math.pi:
        return math.log1p(-math.exp(log_cap_measure(d, max(math.pi - radius, 1e-300))))
    # I_x(a, ½) = x^a·F(a, ½; a + 1; x) / (a·B(a, ½)): F is near 1 where x^a would underflow.
    sine = math.sin(radius)
    series = float(scipy.special.hyp2f1(a, 0.5, a + 1.0, min(sine**2, 1.0)))
    return (
        math.log(0.5) + 2.0 * a * math.log(sine) + math.log(series) - math.log(a) - float(scipy.special.betaln(a, 0.5))
    )


def log_target_share(d: int, eps: float) -> float:
    """Counting masks: natural logarithm of the share of all targets that one network can approximate within ε, at most.

    Two such unit targets are at distance at most 4ε (take x along w - w'), so that all of them lie in the cap of
    angular radius 2·arcsin(2ε) around any one of them.
    """
    eps = arguments.real("eps", eps, above=0.0)
    return 0.0 if eps >= 0.5 else log_cap_measure(d, 2.0 * math.asin(2.0 * eps))


def log_counting_bound(n: int, d: int, eps: float, pattern: Any = "weights") -> float:
    """Counting masks: ln of (how many the pattern allows)·(measure of a cap of angular radius 2·arcsin(2ε))."""
    n = arguments.whole("n", n, 0)
    bits = get_pattern(pattern).bits(n, d) if n else 0.0
    return bits * math.log(2.0) + log_target_share(d, eps)


def counting_bound(n: int, d: int, eps: float, pattern: Any = "weights") -> float:
    """Counting masks: for w uniform on the sphere, P(some mask on the weights of n neurons hits at ε) is at most this.

    Cutting v_i is cutting row i, so at most 2^{nd} networks can be left, or as many as there are allowed masks. Any law
    of the weights, any readout. In the plane it is min(1, 4^n·(2/π)·arcsin(2ε)) for single weights.

    Args:
        n: hidden neurons.
        d: input dimension, at least 2.
        eps: error, above 0; from ½ on the bound is 1.
        pattern: which masks are allowed, a pattern or its name.
    """
    return math.exp(min(0.0, log_counting_bound(n, d, eps, pattern)))


def counting_threshold(p: float, d: int, eps: float, pattern: Any = "weights") -> int:
    """Counting masks: the least n whose `counting_bound` reaches p; a lower bound on n_p for w uniform on the sphere.

    To leading order ((d-1)/d)·log2(1/ε) for single weights.
    """
    p = arguments.real("p", p, above=0.0, below=1.0)
    low, high = -1, 1
    while log_counting_bound(high, d, eps, pattern) < math.log(p):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = log_counting_bound(middle, d, eps, pattern) >= math.log(p)
        low, high = (low, middle) if enough else (middle, high)
    return high


def axis_clearance(angle: float) -> float:
    """The angle between the kink line of a planar target and the nearer axis, radians in [0, π/4].

    Args:
        angle: of w, radians.
    """
    angle = arguments.real("angle", angle)
    return abs(angle - 0.5 * math.pi * round(angle / (0.5 * math.pi)))


def linear_kink_event(n: int, eps: float, angle: float) -> float:
    """The kink lemma for sub-rows: readout `linear`, d = 2, law `normal`: P(hit) is at most this; there is no gap.

    The kinks of what weight pruning leaves lie on the axes or where the neurons' own are. As long as no axis is
    within 2·arctan(2ε) of the target's kink line, a hit needs one of n random lines to be, as for rows.

    Args:
        n: hidden neurons.
        eps: error, in (0, ½].
        angle: of w, radians.

    Returns:
        1 where an axis is near enough: the lemma is silent.
    """
    n = arguments.whole("n", n, 0)
    near = axis_clearance(angle) <= neuron_pruning.kink_angle(eps)
    return 1.0 if near else neuron_pruning.kink_event(n, eps)


__all__ = [
    "axis_clearance",
    "counting_bound",
    "counting_threshold",
    "linear_kink_event",
    "log_cap_measure",
    "log_counting_bound",
    "log_target_share",
]
