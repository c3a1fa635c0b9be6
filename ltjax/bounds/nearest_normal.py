r"""Closed forms of the nearest normal: what a target costs whose normal no neuron's normal is near; d >= 2 dimensions.

**Setting.** Readout `linear`, g(x) = Σ a_i σ(⟨u_i, x⟩) with any real a_i, target σ(⟨w, x⟩), ‖w‖ = 1; all angles
between u_i and ±w are at least α. Claimed: the sup error on the unit ball is at least `error_bound(alpha, d)`.

**Derivation.** Turn the network by all rotations that fix w and average: the error does not grow, and each neuron
becomes a multiple of k_θ(t) = E σ(t·cos θ + √(1-t²)·sin θ·Z), t = ⟨w, x⟩, θ its angle, Z the first coordinate of a
uniform point of S^{d-2}. So the error is at least |∫(t⁺ - Σ c_i k_{θ_i}(t)) dy(t)| for every signed measure y of
total variation 1. Take y even. The linear half of σ drops out: 2∫k_θ dy = ∫E|t·cos θ + √(1-t²)·sin θ·Z| dy. With
t = τ/√(1+τ²), τ = σ·tan α, and η(dσ) = √(1-t²)·y(dt) this is sin θ·h(tan α·cot θ),

    h(λ) = ∫ M(λσ) η(dσ),   M(x) = E|x + Z|,

so one η serves every α: h must vanish on [0, 1], where all neurons are. At d = 2, M = max(1, ·) on λ >= 0, and
atoms of opposite weight at 0 and ±1 do. In general h is even, so it is enough that h'' vanishes and h(0) does. Since
M''(x) = 2(1-x²)^{q-1}/B(½, q) on [-1, 1] and 0 beyond, q = (d-2)/2, this says: η has total mass 0, and for
ν(dσ) = σ²·η(dσ) as a measure of X = σ²

    ∫_{X <= R} (R-X)^{q-1} ν(dX) = 0   for every R > 1.                                            (*)

*d even.* q is whole: (*) says that ν lies in [0, 1] and has no moments of order 0 to q-1. With q + 1 nodes X_i, the
largest of them 1, ν_i = 1/Π_{l≠i}(X_i - X_l): Newton's divided difference. (η is then the functional that shows how
far |σ| is from the even polynomials of degree d-2 on [-1, 1]; the best nodes are where that error alternates.)

*d odd.* After q - ½ derivatives (*) is Abel's equation ∫ (R-X)^{-½} ν(dX) = 0. It says how what lies in [0, 1) goes
on beyond 1: an atom at X_i < 1 has the tail -π⁻¹(X-1)^{-½}(1-X_i)^{½}/(X-X_i) dX, since ∫_1^R dX/((X-X_i)√((X-1)(R-X)))
= π/√((1-X_i)(R-X_i)). That the derivatives lost nothing asks for Σ ν_i (1-X_i)^{k-½} = 0, k = 1, …, q - ½. With
q + ½ nodes, ν_i = 1/(√(1-X_i)·Π_{l≠i}(X_i - X_l)), and the tail is -1/(π·√(X-1)·Π(X-X_i)): it has one sign.

With e_i = ν_i/X_i and s_i = √X_i the tail has mass -Σ e_i(1-√(1-X_i)), first moment -Σ e_i s_i·(2/π)·arcsin s_i, second
moment -Σ ν_i; an atom at 0 makes the total mass 0. The target is worth ½·tan α·V, V = ∫|σ|dη: Σ e_i s_i for even d,
Σ e_i s_i·(2/π)·arccos s_i for odd d. The total variation of y is ∫√(1+σ²tan²α)|dη|, for the tail by Jensen's
inequality at most √(mass² + mass·second moment·tan²α). Together, times cos α,

    error >= ½·sin α·V / (|e_0|cos α + Σ|e_i|√(cos²α + X_i sin²α) + √(mass²cos²α + mass·moment·sin²α)).

It rises with α, since what is under the line, over sin α, falls. As α → 0 it is c_d·α, c_d = V/(2·∫|dη|): ¼ at d = 2,
where it is ½·tan(α/2); max s·arccos(s)/(2π) = 0.0893 at d = 3; 1/16 at d = 4.

**Source.** Worked out for this project.
"""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from flint import arb, ctx

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors import network as networks
from ltjax.laws import Law, without_atoms

NODES: dict[int, tuple[int, ...]] = {
    2: (10000,),
    3: (6522,),
    4: (5000, 10000),
    5: (3467, 8742),
    6: (2844, 7771, 10000),
    7: (2262, 6470, 9414),
    8: (1954, 5726, 8831, 10000),
    9: (1662, 4948, 7933, 9672),
    10: (1482, 4455, 7318, 9297, 10000),
    11: (1309, 3964, 6623, 8672, 9793),
    12: (1192, 3627, 6132, 8194, 9536, 10000),
    13: (1078, 3294, 5620, 7626, 9083, 9858),
    14: (996, 3051, 5240, 7192, 8711, 9672, 10000),
    15: (916, 2813, 4856, 6724, 8252, 9331, 9897),
    16: (855, 2630, 4560, 6359, 7883, 9037, 9756, 10000),
}
"""The s_i in units of 1/10000, by d. Any nodes give a bound; these give nearly the best c_d."""
DIMENSIONS = tuple(NODES)
PRECISION = 128
"""Bits."""
WIDEST = 1.5
"""Radians: up to it the weights are used on single networks in float64."""


@dataclasses.dataclass(frozen=True)
class Weights:
    """The measure η, folded onto σ >= 0 and scaled to total variation 1, with V > 0; see the top of the file.

    Attributes:
        nodes: s_i, ascending.
        atoms: e_i.
        centre: e_0, the atom at 0.
        beyond: the tail's mass; 0 for even d. first, second: its moments.
        value: V.
    """

    nodes: tuple[arb, ...]
    atoms: tuple[arb, ...]
    centre: arb
    beyond: arb
    first: arb
    second: arb
    value: arb


@functools.cache
def weights(d: int) -> Weights:
    """The measure η of d dimensions, as balls around its exact rationals, square roots and arcs."""
    d = dimension(d)
    with ctx.workprec(PRECISION):
        odd = d % 2 == 1
        nodes = [arb(node) / 10000 for node in NODES[d]]
        squares = [node**2 for node in nodes]
        atoms, second = [], arb(0)
        for i, square in enumerate(squares):
            nu = arb(1)
            for k, other in enumerate(squares):
                nu = nu / (square - other) if k != i else nu
            nu = nu / (1 - square).sqrt() if odd else nu
            atoms.append(nu / square)
            second += nu if odd else 0
        pairs = list(zip(atoms, nodes, strict=True))
        beyond = sum((e * (1 - (1 - s**2).sqrt()) for e, s in pairs), arb(0)) if odd else arb(0)
        first = sum((e * s * s.asin() for e, s in pairs), arb(0)) * 2 / arb.pi() if odd else arb(0)
        value = sum((e * s for e, s in pairs), arb(0)) - first
        centre = beyond - sum(atoms, arb(0))
        scale = abs(centre) + sum((abs(e) for e in atoms), arb(0)) + abs(beyond)
        scale = scale if value > 0 else -scale
        atoms = tuple(e / scale for e in atoms)
        return Weights(
            tuple(nodes), atoms, centre / scale, -beyond / scale, -first / scale, -second / scale, value / scale
        )


def dimension(d: int) -> int:
    """d, where weights for it are known: 2 to 16."""
    return arguments.whole("d", d, min(DIMENSIONS), max(DIMENSIONS))


@functools.cache
def rounded(d: int) -> dict[str, Any]:
    """The measure η in float64, each number right to 1 unit: nodes and atoms as arrays, the others as floats."""
    w = weights(d)
    numbers = {name: float(getattr(w, name).mid()) for name in ("centre", "beyond", "first", "second", "value")}
    return numbers | {name: np.array([float(x.mid()) for x in getattr(w, name)]) for name in ("nodes", "atoms")}


def mean_absolute(x: Any, d: int, xp: Any = np) -> Any:
    """M(x) = E|x + Z| for x >= 0, Z the first coordinate of a uniform point of S^{d-2}; shape of x.

    |x| beyond 1; else x·G_q(x) + R_q·(1-x²)^q with q = (d-2)/2, R_q = 1/(q·B(q, ½)) = E|Z|, and
    G_q(x) = P(|Z| < x), from G_0 = 0, R_0 = 1, or G_½ = (2/π)·arcsin x, R_½ = 2/π, by
    G_{q+1} = G_q + R_q·x·(1-x²)^q and R_{q+1} = R_q·(q+½)/(q+1). Only sums of positive numbers: right to a few
    units for each step.

    Args:
        x: at least 0; d: dimension, at least 2; xp: NumPy, or JAX's.
    """
    y = xp.minimum(x, 1.0)
    below = (1.0 - y) * (1.0 + y)
    q, weight, inside = (0.5, 2.0 / math.pi, 2.0 / math.pi * xp.arcsin(y)) if d % 2 else (0.0, 1.0, 0.0 * y)
    power = xp.sqrt(below) if d % 2 else xp.ones_like(y)
    for _ in range((d - 2) // 2):
        inside = inside + weight * y * power
        weight, power, q = weight * (q + 0.5) / (q + 1.0), power * below, q + 1.0
    return xp.where(x < 1.0, y * inside + weight * power, x)


def averaged(theta: Any, t: Any, d: int) -> np.ndarray:
    """k_θ(t) = E σ(t·cos θ + √(1-t²)·sin θ·Z): a unit neuron at angle θ to w, averaged over rotations that fix w.

    Args:
        theta: radians, in [0, π]; t: ⟨w, x⟩, in [-1, 1]; arrays that broadcast. d: dimension, at least 2.
    """
    theta, t = np.asarray(theta, np.float64), np.asarray(t, np.float64)
    along, across = t * np.cos(theta), np.sqrt((1.0 - t) * (1.0 + t)) * np.sin(theta)
    safe = np.where(across > 0.0, across, 1.0)
    mean = np.where(across > 0.0, safe * mean_absolute(np.abs(along) / safe, d), np.abs(along))
    return np.asarray(0.5 * (along + mean))


def neuron_value(cosine: Any, sine: Any, alpha: Any, d: int, xp: Any = np) -> tuple[Any, Any, Any]:
    """What y, of total variation 1 at most, makes of a unit neuron and of the target; what rounding may have moved.

    A neuron counts ½·cos α·sin θ·h(tan α·cot θ) over what is under the line of the bound: 0 from θ = α on. So for any
    mask m the error is at least the target's value less Σ m_i κ_i·(neuron i's value).

    F = sin θ·h(tan α·cot θ) changes by at most K·tan α, K = ∫σ|dη|, with cos θ, and by at most 1 with sin θ; both are
    given up to `rounding.unit_part`, and its evaluation adds as many units of the same size.

    Args:
        cosine, sine: |cos θ| and sin θ of the angle between its normal and the line of w, inner products of unit
            vectors; shapes that broadcast with alpha.
        alpha: radians, in (0, 1.5].
        d: dimension, 2 to 16.
        xp: NumPy, or JAX's.

    Returns:
        the neuron's value; the target's, in alpha's shape, rounded down; the margin of the neuron's value.
    """
    w = rounded(d)
    atoms, nodes = np.abs(w["atoms"]), w["nodes"]
    across, along = xp.sin(alpha), xp.cos(alpha)
    length = abs(w["centre"]) * along
    length = length + xp.sqrt((w["beyond"] * along) ** 2 + w["beyond"] * w["second"] * across**2)
    for atom, node in zip(atoms, nodes, strict=True):
        length = length + float(atom) * xp.sqrt(along**2 + (float(node) * across) ** 2)
    safe = xp.maximum(sine, 1e-200)
    value = 0.5 * along * safe * weighed(across / along * cosine / safe, d, xp) / length
    steep = abs(w["first"]) + float(np.sum(atoms * nodes))
    margin = rounding.unit_part(d) * (along + steep * across) / length
    target = 0.5 * across * w["value"] / length * (1.0 - rounding.unit_part(d))
    return value, target, margin


def masked_bound(u: Any, v: Any, w: Any, alpha: float) -> float:
    """A certified lower bound on the error of every mask of one network, readout `linear`, in float64 on the host.

    With κ_i = v_i‖u_i‖ it is the target's value less the sum of κ_i·(neuron i's value) over the neurons where that is
    positive; see `neuron_value`. Only neurons with a normal within α of ±w count.

    Args:
        u: rows, shape (n, d); v: output weights, shape (n,); w: the target's direction, shape (d,); normalised here.
        alpha: radians, in (0, 1.5].

    Returns:
        the bound, less all margins; not positive where it says nothing.

    Raises:
        ArgumentError: for shapes that do not fit, NaN or infinite weights, w = 0, an alpha outside (0, 1.5], d > 16.
    """
    alpha = arguments.real("alpha", alpha, above=0.0, high=WIDEST)
    u, v, w = networks.checked(u, v, w)
    d = dimension(w.size)
    lengths = networks.lengths(u)
    rows = networks.units(u)
    along = rows @ w
    across = networks.lengths(rows - along[:, None] * w)
    value, target, margin = neuron_value(np.abs(along), across, np.float64(alpha), d)
    kappa = v * lengths
    counted = np.maximum(kappa * value, 0.0) + np.abs(kappa) * margin
    total = float(np.sum(np.where(lengths > 0.0, counted, 0.0)))
    return float(target) - total * (1.0 + rounding.gamma(2.0 * len(v) + 16.0))


def weighed(spread: Any, d: int, xp: Any = np) -> Any:
    """h(λ): what η makes of M(λ·), 0 for λ <= 1 and Σ e_i·M(λ·s_i) + e_0·E|Z| + λ·(the tail's first moment) beyond.

    Args:
        spread: λ = tan α·cot θ, at least 0; the neuron at angle θ has λ > 1 if it is nearer to ±w than α.
        d: dimension, 2 to 16. xp: NumPy, or JAX's.
    """
    w = rounded(d)
    lam = xp.maximum(spread, 1.0)
    total = w["centre"] * float(mean_absolute(np.zeros(()), d)) + w["first"] * lam
    for atom, node in zip(w["atoms"], w["nodes"], strict=True):
        total = total + float(atom) * mean_absolute(lam * float(node), d, xp)
    return xp.where(spread > 1.0, total, 0.0)


def variation(alpha: arb, d: int) -> arb:
    """cos α times the total variation of y, at most: what is under the line of the bound, a ball."""
    w = weights(d)
    cosine, sine = alpha.cos() ** 2, alpha.sin() ** 2
    total = abs(w.centre) * alpha.cos() + (w.beyond**2 * cosine + w.beyond * w.second * sine).sqrt()
    for atom, node in zip(w.atoms, w.nodes, strict=True):
        total += abs(atom) * (cosine + node**2 * sine).sqrt()
    return total


def slope(alpha: arb, d: int) -> arb:
    """The bound over α, a ball; at 0 it is c_d."""
    return alpha.sinc() * weights(d).value / (2 * variation(alpha, d))


def _below(ball: arb) -> float:
    """A float that no point of the ball is below."""
    return math.nextafter(float(ball.lower()), -math.inf)


def _above(ball: arb) -> float:
    """A float that no point of the ball exceeds."""
    return math.nextafter(float(ball.upper()), math.inf)


def constant(d: int) -> float:
    """c_d: for small α the bound is c_d·α, and for no α below π/2 is it less. Rounded down, by ball arithmetic."""
    with ctx.workprec(PRECISION):
        return _below(weights(dimension(d)).value / 2)


def error_bound(alpha: float, d: int) -> float:
    """The nearest normal: the least possible error where all normals are at angles of at least α to ±w.

    Deterministic, readout `linear`, any real output weights, any number of neurons.

    Args:
        alpha: radians, in [0, π/2).
        d: dimension, 2 to 16.

    Returns:
        the bound, rounded down by ball arithmetic; not negative.
    """
    alpha = arguments.real("alpha", alpha, low=0.0, below=math.pi / 2)
    d = dimension(d)
    with ctx.workprec(PRECISION):
        return max(0.0, _below(arb(alpha) * slope(arb(alpha), d)))


def angle(eps: float, d: int) -> float:
    """The nearest normal solved for the angle: an error of ε needs a normal at less than this angle to ±w.

    Args:
        eps: error, above 0 and below the bound at π/2 (0.5 at d = 2, 0.18 at d = 3); above it the bound is silent.
        d: dimension, 2 to 16.

    Returns:
        an α, radians, with a bound certainly above ε, and at most 10⁻¹² of itself too large.
    """
    d = dimension(d)
    eps = arguments.real("eps", eps, above=0.0)
    low, high = 0.0, math.nextafter(math.pi / 2, 0.0)
    most = error_bound(high, d)
    if not eps < most * (1.0 - 1e-12):
        raise ArgumentError(
            f"eps={eps!r} is not allowed: with d={d} the bound is silent unless eps is below "
            f"{math.floor(most * 1e4) / 1e4:g}"
        )
    # The bound rises, and is at least c_d·α.
    high = min(high, 1.001 * eps / constant(d))
    while high - low > 1e-13 * high:
        middle = low + 0.5 * (high - low)
        low, high = (low, middle) if error_bound(middle, d) > eps else (middle, high)
    return high


def _share(alpha: arb, d: int) -> arb:
    """P(a uniform direction is within α of ±w) = I_{sin²α}((d-1)/2, ½), a ball."""
    return (alpha.sin() ** 2).beta_lower(arb(d - 1) / 2, arb(1) / 2, regularized=True)


def share(alpha: float, d: int) -> float:
    """P(the angle between a uniform direction and the line of w is at most α) = I_{sin²α}((d-1)/2, ½).

    It is 2α/π at d = 2 and 1 - cos α at d = 3.

    Args:
        alpha: radians, in [0, π/2].
        d: dimension, at least 2.

    Returns:
        the probability, rounded up by ball arithmetic; at most 1.
    """
    alpha = arguments.real("alpha", alpha, low=0.0, high=math.pi / 2)
    d = arguments.whole("d", d, 2)
    if alpha == 0.0:
        return 0.0
    with ctx.workprec(PRECISION):
        return min(1.0, _above(_share(arb(alpha), d)))


def event(n: int, eps: float, d: int, law: str | Law = "normal") -> float:
    """The exact probability that some of n normals lies within `angle(eps, d)` of ±w: 1 - (1 - P)^n.

    For rotation-invariant laws; it bounds P(hit) from above for readout `linear`, to relative rounding.

    Raises:
        ArgumentError: for a law with atoms, or one that is not rotation-invariant.
    """
    arguments.choice("law", without_atoms(law).name, ("normal",))
    n = arguments.whole("n", n, 0)
    one = share(angle(eps, d), d)
    return 1.0 if one >= 1.0 and n > 0 else -math.expm1(n * math.log1p(-one)) if n else 0.0


def threshold(p: float, eps: float, d: int, law: str | Law = "normal") -> int:
    """A certified lower bound on n_p for readout `linear`: with fewer neurons the event has a probability below p.

    Args:
        p: probability, in (0, 1).
        eps, d: as for `angle`; law: as for `event`.

    Returns:
        the least n with 1 - (1 - P)^n >= p, or, where rounding decides, one less.
    """
    arguments.choice("law", without_atoms(law).name, ("normal",))
    p = arguments.real("p", p, above=0.0, below=1.0)
    alpha = angle(eps, d)
    with ctx.workprec(PRECISION):
        ball = (-arb(p)).log1p() / (-_share(arb(alpha), d)).log1p()
        return max(1, math.ceil(_below(ball)))


def part_event(n: int, eps: float, d: int, others: int) -> float:
    """An upper bound of P(hit) for an axis target where each kept row keeps so many weights besides the target's.

    Whichever they are: by the union bound over which, an event of `others` + 1 dimensions each. For small ε it nearly
    is the event's own probability.

    Args:
        n, eps, d: as for `event`; others: 1 to d - 1.
    """
    n, chance = arguments.whole("n", n, 0), _part_share(eps, d, others)
    return 1.0 if chance >= 1.0 and n > 0 else -math.expm1(n * math.log1p(-chance)) if n else 0.0


def part_threshold(p: float, eps: float, d: int, others: int) -> int:
    """A lower bound on n_p for the same: with fewer neurons `part_event` is below p, to relative rounding.

    It grows as ε^(-others). Arguments as for `part_event` and `threshold`.
    """
    p, chance = arguments.real("p", p, above=0.0, below=1.0), _part_share(eps, d, others)
    return 1 if chance >= 1.0 else max(1, math.ceil(math.log1p(-p) / math.log1p(-chance) * (1.0 - 1e-9)))


def _part_share(eps: float, d: int, others: int) -> float:
    others = arguments.whole("others", others, 1, d - 1)
    # In all d dimensions: rows that keep other weights than these are no farther away for being seen in a plane.
    return math.comb(d - 1, others) * share(angle(eps, d), others + 1)


__all__ = [
    "DIMENSIONS",
    "NODES",
    "Weights",
    "angle",
    "averaged",
    "constant",
    "dimension",
    "error_bound",
    "event",
    "masked_bound",
    "mean_absolute",
    "neuron_value",
    "part_event",
    "part_threshold",
    "rounded",
    "share",
    "slope",
    "threshold",
    "variation",
    "weighed",
    "weights",
]
