"""Every margin for rounding, by one lemma.

**Lemma** (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed. 2002, section 2.2 for the model and
section 3.1 for sums of products). Let each operation return its result times 1 + δ, |δ| <= u, the unit roundoff.
A sum of k products x_i·y_i, computed in any order and with or without fused operations, is then off by at most
γ_k·Σ|x_i||y_i|, γ_k = k·u/(1 - k·u). Where each factor carries up to c roundings more (it was normalised, folded
or read off an angle) it is off by at most γ_{k+c}·Σ|x_i||y_i|.

So a margin is γ of a *count* of roundings times a *sum of absolute values*. Below, every use has its function. Its
docstring says which roundings there are; the count given is at least twice as large. A few units are always:

* cos, sin, arctan2, hypot and square roots are right to 2 units, a vector divided by its length to 6;
* an angle made by arctan2 and moved by a multiple of π is right to 16 units, absolutely, in radians;
* a kink that is off by an angle moves the error by at most that angle times its jump, and all jumps together are
  part of the sum of absolute values; a crest that is off counts in second order.

Underflow is outside the model: a result below the least normal number is off absolutely, by less than that number
(XLA on a CPU sets it to zero). Every sum of absolute values below is at least 1, or belongs to a row that was
scaled to a length of about 1 first, so that this is far less than one unit.

NaN. γ of a sum that is NaN is NaN, and every comparison with it fails. Certified comparisons are written so that
failing means "not certified".

The functions serve NumPy on the host and traced arrays alike: a count is a number, and the sum of absolute values
may be any array. Under `jax.jit` say in which dtype the arithmetic is done.
"""

import math
from typing import Any

import numpy as np

UNIT = 2.0**-53
"""Unit roundoff of float64."""
SURE = 2.0**-48
"""An inner product of two unit vectors of R³ above this has a certified sign: its error is below γ_{3+2·6} < 2^-49."""
WIDER = 1.0 + 2.0**-18
"""Makes a computed float32 sum of up to 41 positive numbers, each right to some units, an upper bound: γ_50 < 2^-18."""
COINCIDE = 8.0
"""Points nearer than so many spacings at 1 are one point to the planar walk: its points are right to 16 units."""


def unit(dtype: Any) -> float:
    """Unit roundoff of a floating dtype: half the spacing at 1."""
    return 0.5 * float(np.finfo(dtype).eps)


def gamma(count: float, dtype: Any = np.float64) -> float:
    """Higham's γ: how far `count` roundings move a product at most, relatively; infinite where they say nothing."""
    loss = count * unit(dtype)
    return loss / (1.0 - loss) if loss < 1.0 else math.inf


# --- errors of masked networks, on the host ----------------------------------------------------------------


def plane_error(n: int, scale: float) -> float:
    """Of the supremum in the plane: n neurons, scale = 1 + Σ|v_i|‖u_i‖.

    The network's linear piece is a sum of n products of 2 roundings (v folded into u), evaluated with 2 more
    products at a point (6), against a target that was normalised (6): n + 16. A kink's angle, and the signs of rows
    that vanish at a piece's middle, add 2·16 units of the scale: n + 48.
    """
    return gamma(16.0 * (n + 8.0)) * scale


def interval_error(n: int, scale: float) -> float:
    """Of the supremum on [-1, 1] with biases: n neurons, scale at least |w| + |c| + Σ|v_i|(|u_i| + |b_i|).

    A value is a sum of n products of a sum of 2 products, n + 4; the target's has 3. A breakpoint -b/u inside
    [-1, 1] is right to 1 unit, a zero between two breakpoints moves the error by 6: n + 14.
    """
    return gamma(16.0 * (n + 8.0)) * scale


def evaluated_error(n: int, d: int, scale: float) -> float:
    """Of one error evaluated at a unit point of R^d: n neurons, scale = 1 + Σ|v_i|‖u_i‖.

    n products of inner products of length d, of folded rows, at a point made a unit vector: n + d + 7; the target
    d + 12.
    """
    return gamma(4.0 * (n + d) + 32.0) * scale


def arrangement_error(n: int, scale: float) -> float:
    """Of the supremum on the sphere of R³ from the vertices, edges and crests of the arrangement, in first order.

    An evaluated error (n + 10), the gradient of a piece (n + 12 terms), and points off their circles by 16 units
    of the scale twice: 2n + 54.
    """
    return gamma(32.0 * (n + 8.0)) * scale


def turned_row() -> float:
    """Of the angle between two computed unit normals, radians: two lengths of 6 units each would be 12 of relative
    size, of which only the part across counts, below 4; the cross product has 3."""
    return gamma(16.0)


def circle_kink(radius: np.ndarray) -> np.ndarray:
    """Of the angle on a great circle at which another one crosses, radians; radius is the sine of their angle.

    Both coordinates are inner products of unit vectors, off by less than 8 units, seen from the distance radius.
    """
    with np.errstate(divide="ignore"):
        return gamma(16.0) / radius


def closed_form(n: int, d: int, scale: float) -> float:
    """Of the bound by eigenvalues: matrices n by d, backward stable to a few d units of the norm, and the search over
    τ magnifies by at most e³."""
    return gamma(64.0 * (n + d)) * scale


def cone_sign(lengths: np.ndarray) -> np.ndarray:
    """Of an inner product of a row of these lengths and a generator of a cone, d <= 10: d + 6.

    A row that is less than this on its other side counts as linear in the cone. That is 16 units of its length a
    generator, for which `evaluated_error` has room.
    """
    return gamma(16.0) * lengths


def cone_bound(d: int, lift: Any = 0.0) -> Any:
    """Of the length of a vector that satisfies the d inequalities of a cone, relatively; lift is the length by which a
    violated inequality was mended. Inner products of length d, a length and a sum: d + 4."""
    return gamma(8.0 * (d + 4.0)) * (1.0 + lift)


def cone_gap(depth: int, d: int, scale: float) -> float:
    """Of points that no part of a cone holds, because a cut's generator is off its edge by some 6 units, at each of
    `depth` cuts. A point of a cone has coefficients that add up to at most d."""
    return gamma(8.0 * depth * d) * scale


# --- certificates of misses, on the host -------------------------------------------------------------------


def orthogonal(d: int) -> float:
    """Of an inner product of unit vectors of R^d that are orthogonal."""
    return gamma(2.0 * (d + 16.0))


def zone_angle(d: int, length: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Of the angle between a row's kink and the target's in the plane of w and q, radians.

    The row has this length, its part in the plane the length `plane`. Its coordinates there are inner products with two
    unit vectors right to 6 units each, orthogonal up to `orthogonal`: together less than 5d + 40 units of the row's
    length, so that the angle is off by as much over `plane`. The zone's own angle adds 6. Infinite where the row
    has no part in the plane.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return gamma(16.0 * (d + 8.0)) * length / plane


def unit_part(d: int, dtype: Any = np.float64) -> float:
    """Of the length of a unit vector's part along a unit vector of R^d, or across it, and of a value made of them.

    An inner product of vectors right to 6 units each, or the length of what is left beside it: 2d + 30. The value has
    at most d/2 + 1 summands of at most d + 12 roundings each, all together no larger than the sum of absolute values
    that it is multiplied by.
    """
    return gamma(8.0 * (d + 8.0) * (d + 4.0), dtype)


def breakpoint_side(b: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Of |b + u·c| for a c in [-1, 1]: one product and one sum."""
    return gamma(8.0) * (np.abs(b) + np.abs(u))


def kink_angle(dtype: Any = np.float64) -> float:
    """Of an angle between two kink lines, radians: arctan2 of products, reduced by a multiple of π (16 units)."""
    return gamma(32.0, dtype)


def separable_error(n: int, d: int, scale: Any) -> Any:
    """Of the norm of 2d residuals of sums of n products; scale is the sum of all absolute values: n + d + 4."""
    return gamma(8.0 * (n + d + 8.0)) * scale


def subset_sum(n: int, size: Any) -> Any:
    """Of a float64 sum of n numbers and a target whose absolute values add up to `size`: n."""
    return gamma(8.0 * n) * size


def propagated(n: int, scale: Any) -> Any:
    """Of a layer's interval sums, values and differences: n products whose sizes add up to `scale`.

    A difference of two weights is 1, its product with an end of the box and the sum n + 1; the sum of absolute values
    that is the scale itself, of weights and ends with 2 roundings each, n + 5; adding three bounds 3: 2n + 10.
    """
    return gamma(8.0 * (n + 8.0)) * scale


# --- searches, in their own dtype --------------------------------------------------------------------------


def walked(steps: int, total: Any, dtype: Any) -> Any:
    """Of any value that the planar walk compares, after `steps` kinks; total = 1 + Σ|κ_i|.

    A value is a sum of at most `steps` products with a sine of a difference of angles (steps + 4). An extreme
    line is fixed by two points of the widened tube, which is a change of the tube by 4 units, and turned
    once a step: 3 units each, of a line that stays in the tube. Together 4·steps + 8.
    """
    return gamma(8.0 * (steps + 8), dtype) * total


def tube(eps: Any, total: Any, blur: Any) -> Any:
    """By how much the tube is widened where errors at three points of a window are compared; total = Σ|κ_i| in it.

    A kink is off by at most 3·blur from where it is put, and moves the error by that times its jump. The values that
    are compared are sums of at most 20 products of a jump (8) and a sine (60 units, absolutely): less than 100 units of
    the total. Their combination has 5 roundings more, the bound that it is compared with 4 units of ε.
    """
    return gamma(8.0) * eps + (6.0 * blur + gamma(256.0)) * total


def determinant(eps: Any, total: Any, width: Any) -> Any:
    """Of P_j·s_ik - P_i·s_jk - P_k·s_ij, and of ε·(s_ij + s_jk + s_ik), in a window of this width, at most 1.

    A sine s_ij of a difference is made of two sines and two cosines of distances from the window's start, each right
    to 16 units and at most the width or 1: 60 units of the width, and there are three. A value P is at most the
    total times the width.
    """
    return gamma(512.0) * (eps + total * width) * width


def covered_gap(dtype: Any) -> float:
    """Of the distance between two ends of arcs on the circle of length π, radians: each is right to 16 units."""
    return gamma(32.0 * math.pi, dtype)


def zone(d: int, length: Any, tangent: Any, dtype: Any) -> Any:
    """Of r and of tan α·|⟨u, w⟩|, for a row of this length: inner products of length d with vectors right to 6 units,
    and a tangent right to 10 (ε itself was rounded): d + 16 units of the length, times the tangent."""
    return gamma(4.0 * (d + 16.0), dtype) * length * (1.0 + tangent)


def slab(d: int, length: Any, tangent: Any, dtype: Any) -> Any:
    """Of ⟨u, q⟩ and tan α·⟨u, w⟩ for a row of this length: inner products of length d with vectors right to 6
    units, a tangent right to 10: d + 6 and d + 16."""
    return gamma(8.0 * (d + 4.0), dtype) * length * (1.0 + tangent)


def at_points(n: int, d: int, scale: Any, dtype: Any) -> Any:
    """Of errors of masked networks at points of R^d; scale = 1 + Σ|v_i|‖u_i‖. As `evaluated_error`."""
    return gamma(16.0 * (n + d + 8), dtype) * scale


__all__ = [
    "COINCIDE",
    "SURE",
    "UNIT",
    "WIDER",
    "arrangement_error",
    "at_points",
    "breakpoint_side",
    "circle_kink",
    "closed_form",
    "cone_bound",
    "cone_gap",
    "cone_sign",
    "covered_gap",
    "determinant",
    "evaluated_error",
    "gamma",
    "interval_error",
    "kink_angle",
    "orthogonal",
    "plane_error",
    "propagated",
    "separable_error",
    "slab",
    "subset_sum",
    "tube",
    "turned_row",
    "unit",
    "unit_part",
    "walked",
    "zone",
    "zone_angle",
]
