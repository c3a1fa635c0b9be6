"""Closed forms of the theory of neuron pruning: the kink lemma, its event, the zonotope bound, biased units.

All probabilities are over the start network. Every function names its statement; host code, float64.
"""

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from flint import arb
from scipy.stats import qmc

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, without_atoms

SAMPLED = 8
"""The zonotope bound's last m that is sampled (m = 1 is exact); those beyond are bounded in closed form."""
SINGLY = 40
"""Up to this m the closed form takes an exponent for each summand, beyond it one for all."""
EXPONENTS = np.geomspace(1e-3, 0.9, 256)
"""The 1 - s among which the closed form looks for its best; each of them gives a bound."""


def kink_bound(alpha: float) -> float:
    """The kink lemma: the least possible error ½·tan(α/2) if no kink line is within α of the target's.

    Deterministic, readout `linear`, any real output coefficients, any d >= 2. Proof: on |t| <= α the
    network is a·cos t + b·sin t and the target sin⁺ t; the errors at -α, 0, α give
    sin α = e(α) + e(-α) + 2a·cos α with |a| <= E, hence sin α <= 2E(1 + cos α).

    Args:
        alpha: radians, in [0, π/2].
    """
    alpha = arguments.real("alpha", alpha, low=0.0, high=math.pi / 2)
    return 0.5 * math.tan(0.5 * alpha)


def kink_angle(eps: float) -> float:
    """The kink lemma solved for the angle: α = 2·arctan(2ε), in which a kink line must lie for an error of ε.

    Args:
        eps: error, in (0, ½]; above ½ the lemma is silent (α would pass π/2).
    """
    return 2.0 * math.atan(2.0 * arguments.real("eps", eps, above=0.0, high=0.5))


def kink_event(n: int, eps: float, law: str | Law = "normal") -> float:
    """The kink event: the exact probability that some of n kink lines lies within α(ε) of the target's.

    1 - (1 - 2α/π)^n with α = 2·arctan(2ε): in the plane, or in any plane through w, the lines of a
    rotation-invariant law are uniform on [0, π). It bounds P(hit) from above for readout `linear`.

    Raises:
        ArgumentError: for a law with atoms, or one that is not rotation-invariant.
    """
    arguments.choice("law", without_atoms(law).name, ("normal",))
    n = arguments.whole("n", n, 0)
    share = min(1.0, 2.0 * kink_angle(eps) / math.pi)
    return 1.0 if share >= 1.0 and n > 0 else -math.expm1(n * math.log1p(-share)) if n else 0.0


def kink_threshold(p: float, eps: float, law: str | Law = "normal") -> int:
    """The kink event: the least n whose `kink_event` reaches p; a lower bound on n_p, at least (π/8)·p/ε.

    Args:
        p: probability, in (0, 1).
        eps: error, in (0, ½].
        law: as for `kink_event`.
    """
    arguments.choice("law", without_atoms(law).name, ("normal",))
    p = arguments.real("p", p, above=0.0, below=1.0)
    share = 2.0 * kink_angle(eps) / math.pi
    if share >= 1.0:
        return 1
    n = max(1, math.ceil(math.log1p(-p) / math.log1p(-share)))
    # The ceiling of a rounded quotient may be one off in either direction.
    while n > 1 and kink_event(n - 1, eps) >= p:
        n -= 1
    while kink_event(n, eps) < p:
        n += 1
    return n


def bias_kink_bound(delta: float) -> float:
    """The breakpoint bound: d = 1, hidden units σ(u·x + b): no breakpoint within δ of the target's kink costs δ/4.

    On [c - δ, c + δ] (inside [-1, 1]) the network is affine and the target is σ(x - c); the errors at
    c - δ, c, c + δ satisfy e(c - δ) - 2e(c) + e(c + δ) = -δ, so the largest is at least δ/4.
    """
    return 0.25 * arguments.real("delta", delta, low=0.0)


def bias_kink_event(n: int, eps: float, kink: float = 0.0, law: str = "normal") -> float:
    """The breakpoint bound: the probability that one of n breakpoints -b/u lies within 4ε of the target's kink c.

    1 - (1 - P(|β - c| <= 4ε))^n bounds P(hit) from above, as long as [c - 4ε, c + 4ε] lies in [-1, 1].
    For `normal` weights β is Cauchy; for `uniform` ones it is the quotient of two uniforms, with
    P(|β| <= x) = x/2 for x <= 1 and 1 - 1/(2x) beyond.

    Raises:
        ArgumentError: if the interval leaves [-1, 1], or for another law.
    """
    n = arguments.whole("n", n, 0)
    eps = arguments.real("eps", eps, above=0.0)
    kink = arguments.real("kink", kink, above=-1.0, below=1.0)
    if abs(kink) + 4.0 * eps > 1.0:
        raise ArgumentError(
            f"eps={eps!r} is not allowed: with kink={kink:g} eps is at most {(1.0 - abs(kink)) / 4.0:g}, "
            "so that the lemma's interval stays inside [-1, 1]"
        )
    share = bias_kink_share(eps, kink, law)
    return -math.expm1(n * math.log1p(-share)) if share < 1.0 else 1.0


def bias_kink_share(eps: float, kink: float = 0.0, law: str = "normal") -> float:
    """P(|β - c| <= 4ε) for one breakpoint β = -b/u; see `bias_kink_event`."""
    arguments.choice("law", law, ("normal", "uniform"))
    low, high = kink - 4.0 * eps, kink + 4.0 * eps
    if law == "normal":
        # arctan(high) - arctan(low) without cancellation for small ε
        return math.atan2(high - low, 1.0 + low * high) / math.pi
    return (high - low) / 4.0  # density ¼ on [-1, 1]


@dataclasses.dataclass(frozen=True)
class ReluBound:
    """The zonotope bound: an upper bound on P(hit), readout `relu`, law `normal`, d >= 2.

    Attributes:
        value: the estimate of the bound.
        error: its numerical error: with the given confidence the bound itself is at most value + error.
        boundary: the part 2·t_0·n/π of kinks near the ends of the arc (exact).
        terms: the summands m = 1, 2, …, M; the first is exact, the others are estimated.
        tail: what all summands beyond M add at most, proved: `relu_tail` (part of `error`).
    """

    value: float
    error: float
    boundary: float
    terms: tuple[float, ...]
    tail: float


def minors_sum(tau: Any, start: float) -> np.ndarray | np.floating:
    """Σ_{p<q} |m×m minors| of the zonotope's matrix: Σ_{p<q} sin(t_q - t_p) / Π_j sin g_j.

    Args:
        tau: sorted kinks, shape (..., m), inside (start, π - start).
        start: t_0, radians.

    Returns:
        shape (...). The points are t_0 < τ_1 < … < τ_m < π - t_0, the g_j their m + 1 gaps.
    """
    tau = np.asarray(tau, dtype=np.float64)
    ends = np.broadcast_to([start, math.pi - start], (*tau.shape[:-1], 2))
    t = np.concatenate([ends[..., :1], tau, ends[..., 1:]], axis=-1)
    gaps = np.sin(np.diff(t, axis=-1))
    # Σ_{p<q} sin(t_q - t_p) in O(m): with z_k = e^{i t_k}, it is Im Σ_q z_q·conj(Σ_{p<q} z_p).
    z = np.exp(1j * t)
    before = np.cumsum(z, axis=-1) - z
    pairs = np.sum(np.imag(z * np.conj(before)), axis=-1)
    with np.errstate(divide="ignore"):
        return pairs / np.prod(gaps, axis=-1)


def _log_minors(gaps: np.ndarray, start: float) -> np.ndarray:
    """log of `minors_sum`, from the gaps themselves: no cancellation where they are tiny."""
    t = start + np.concatenate([np.zeros((*gaps.shape[:-1], 1)), np.cumsum(gaps, axis=-1)], axis=-1)
    z = np.exp(1j * t)
    before = np.cumsum(z, axis=-1) - z
    pairs = np.sum(np.imag(z * np.conj(before)), axis=-1)
    return np.log(np.maximum(pairs, 1e-300)) - np.sum(np.log(np.sin(gaps)), axis=-1)


@functools.lru_cache(maxsize=64)
def _relu_expectations(eps: float, most: int, draws: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """log-free estimates of E_m = E[min(1, ε^m·minors)], m = 1..most, with standard errors; E_1 is exact.

    The integrand min(1, ε^m Π 1/sin g_j · …) is heavy-tailed: plain sampling sees the clusters where it is
    1 too seldom. The gaps of sorted uniform points on an arc of length L are L·Dirichlet(1, …, 1) on m + 1
    coordinates. We draw them from a mixture over r = 0..m of laws in which r coordinates, chosen
    uniformly, have Dirichlet parameter s = 1/log(1/ε)-ish instead of 1 (small gaps at all scales alike),
    the rest 1, and weight by the exact density ratio, which is small where the integrand is large.
    Scrambled Sobol points in independent replicates give the error.
    """
    length = math.pi - 2.0 * math.asin(eps)
    start = math.asin(eps)
    means, errors = np.zeros(most), np.zeros(most)
    replicates = 16
    per = max(256, 1 << round(math.log2(max(256, draws / replicates))))
    shape = min(0.5, 1.0 / math.log(1.0 / eps)) if eps < 1.0 else 0.5
    means[:1] = relu_single(eps)
    for m in range(2, most + 1):
        # Component r has r coordinates with parameter `shape`; only the total of its density matters.
        counts = np.arange(m + 1)
        choose = np.full(m + 1, 1.0 / (m + 1))
        log_norm = scipy.special.gammaln(counts * shape + (m + 1 - counts)) - counts * scipy.special.gammaln(shape)
        log_subsets = np.array([math.log(math.comb(m + 1, r)) for r in counts])
        results = []
        for replicate in range(replicates):
            sobol = qmc.Sobol(m + 2, scramble=True, rng=np.random.default_rng([seed, m, replicate]))
            x = sobol.random(per)
            component = np.minimum((x[:, 0] * (m + 1)).astype(int), m)
            # Which coordinates are small: a random rotation of a random order, from an own stream.
            rng = np.random.default_rng([seed, m, replicate, 1])
            rank = np.argsort(np.argsort(rng.random((per, m + 1)), axis=1), axis=1)
            small = rank < component[:, None]
            level = np.clip(x[:, 1:], 2.0**-60, 1.0 - 2.0**-53)
            # Gamma(shape) at tiny quantiles underflows gracefully: log G = log(U·Γ(s+1))/s there. It is slow, and only
            # the small coordinates need it.
            gamma_small = np.ones_like(level)
            gamma_small[small] = scipy.special.gammaincinv(shape, level[small])
            log_small = np.where(
                gamma_small > 1e-290,
                np.log(np.maximum(gamma_small, 1e-300)),
                (np.log(level) + scipy.special.gammaln(shape + 1.0)) / shape,
            )
            log_gamma = np.where(small, log_small, np.log(-np.log1p(-level)))
            log_sum = scipy.special.logsumexp(log_gamma, axis=1, keepdims=True)
            log_x = log_gamma - log_sum  # log of the Dirichlet coordinates
            gaps = length * np.exp(np.maximum(log_x, -690.0))
            log_f = m * math.log(eps) + _log_minors(gaps, start)
            # mixture density / Γ(m+1): Σ_r P(r)/C(m+1, r)·norm_r·e_r(x^{shape-1}), e_r elementary symmetric
            y = np.exp((shape - 1.0) * log_x - np.max((shape - 1.0) * log_x, axis=1, keepdims=True))
            top = np.max((shape - 1.0) * log_x, axis=1)
            symmetric = np.zeros((per, m + 2))
            symmetric[:, 0] = 1.0
            for column in range(m + 1):
                symmetric[:, 1:] = symmetric[:, 1:] + symmetric[:, :-1] * y[:, column : column + 1]
            with np.errstate(divide="ignore"):
                logs = np.log(choose) - log_subsets + log_norm + np.log(symmetric[:, : m + 1]) + counts * top[:, None]
            log_proposal = scipy.special.logsumexp(logs, axis=1)
            log_weight = scipy.special.gammaln(m + 1) - log_proposal
            results.append(float(np.mean(np.exp(np.minimum(log_f, 0.0) + log_weight))))
        means[m - 1] = np.mean(results)
        errors[m - 1] = np.std(results, ddof=1) / math.sqrt(replicates)
    return means, errors


def _relu_moment(m: int, eps: float, exponent: arb) -> arb:
    """`relu_moment` as a ball, with 1 - s for s: that is what the Γ functions take, and it may be tiny."""
    power = 1 - exponent
    length = arb.pi() - 2 * arb(eps).asin()
    steepest = (arb(4) / 3 * (m + 2) ** 2 * arb(eps) ** m) ** power
    gaps = arb(m + 1).gamma() * exponent.gamma() ** (m + 1) / ((m + 1) * exponent).gamma()
    return steepest * gaps / length ** (power * (m + 1))


def _above(ball: arb) -> float:
    """A float that no point of the ball exceeds; infinite where the ball is not finite."""
    return math.nextafter(float(ball.upper()), math.inf) if ball.is_finite() else math.inf


def _relu_single(eps: float) -> arb:
    """`relu_single` as a ball."""
    exact = arb(eps)
    cosine = (1 - exact**2).sqrt()
    edge = exact * (1 + 2 * cosine)
    if not edge < 1:
        return arb(1)
    root = ((1 + exact) * (1 - edge) / ((1 - exact) * (1 + edge))).sqrt()
    # artanh(root), where root may be next to 1
    artanh = ((1 + root) ** 2 * (1 - exact) * (1 + edge) / (4 * exact * cosine)).log() / 2
    return (edge.asin() - exact.asin() + 4 * exact * artanh) / (arb.pi() / 2 - exact.asin())


def relu_single(eps: float) -> float:
    """The zonotope bound: E[min(1, Y)] for one kink in closed form, Y = ε Σ_{p<q} sin(t_q - t_p)/(sin g_0 sin g_1).

    With the kink δ away from the arc's middle, δ uniform on |δ| < π/2 - t_0, sums into products give
    Y = 2ε·cos t_0/(cos δ - ε). It is at least 1 where cos δ <= k = ε(1 + 2·cos t_0). Elsewhere
    tan(δ/2) makes the integral rational. So, with w = ((1+ε)(1-k)/((1-ε)(1+k)))^½,
    E = (arcsin k - arcsin ε + 4ε·artanh w)/(π/2 - arcsin ε), or 1 if k >= 1. Source: worked out for this project.

    Args:
        eps: error, in (0, 1).

    Returns:
        the upper end of its ball: no less than the exact value, and equal to it but for rounding.
    """
    return min(1.0, _above(_relu_single(arguments.real("eps", eps, above=0.0, below=1.0))))


def relu_moment(m: int, eps: float, s: float) -> float:
    """The moment bound: an upper bound on E[Y^s], Y = ε^m Σ_{p<q} sin(t_q - t_p)/Π_j sin g_j, for 0 < s < 1.

    t_0 < t_1 < … < t_m < t_{m+1} are the ends of the arc (t_0, π - t_0), t_0 = arcsin ε, and m independent
    uniform points of it, sorted; g_0, …, g_m are their gaps, N = m + 2 the number of points, L = π - 2t_0 the
    arc's length. The bound is (4/3·N²·ε^m)^s · L^(-s(m+1)) · m!·Γ(1-s)^(m+1)/Γ((m+1)(1-s)).

    Derivation. 1. On every arc Y <= 4/3·N²·ε^m/Π g_j. Put x_j = g_j/π, whose sum is below 1, and x the largest.
    First, sin g >= g(1 - g/π): at 0 both are 0, and on [0, π/2] the difference's slope is concave and 0 at both
    ends; beyond, by symmetry. So Π sin g_j >= Π g_j·Π(1 - x_j). If x <= ½, then ln(1 - x_j) >= -2·x_j·ln 2 by
    concavity, so Π(1 - x_j) >= ¼. If not, the other factors' product is at least one less their x_j, hence at
    least x, and Π(1 - x_j) >= x(1 - x).
    The sum S of the sines is at most N²/π, since |sin t| = 2/π - 4/π·Σ_k cos 2kt/(4k² - 1) and every
    Σ_{p,q} cos 2k(t_p - t_q) is a square. It is also at most N²/4·π(1 - x): cut the circle of lines, of length
    π, in the largest gap; all points lie in what is left, and |sin| is at most the distance there. So
    S/Π(1 - x_j) is at most 4N²/π if x <= ½, N²/(πx(1 - x)) if ½ < x <= 1 - 4/π², and πN²/(4x) beyond: in each
    case below 4/3·N².
    2. The gaps are L times a uniform point of the simplex, and the integral of Π x_j^(-s) over it is Dirichlet's.

    Source: worked out for this project.

    Args:
        m: points, at least 1.
        eps: error, in (0, 1).
        s: the exponent, in (0, 1).

    Returns:
        the bound, no less than its exact value: evaluated in ball arithmetic, its upper end.
    """
    m = arguments.whole("m", m, 1)
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    s = arguments.real("s", s, above=0.0, below=1.0)
    return _above(_relu_moment(m, eps, 1 - arb(s)))


@functools.lru_cache(maxsize=64)
def _relu_summands(eps: float, most: int) -> tuple[list[arb], arb]:
    """What `relu_tail` needs and no n enters: summands over C(n, m), m > most, and their last ratio over n - m."""
    length = math.pi - 2.0 * math.asin(eps)
    inside = 1 - 2 * arb(eps).asin() / arb.pi()
    summands, last = [], max(SINGLY, most + 1)
    exponent = arb(0)
    for m in range(most + 1, last + 1):
        # Rounding may move the choice a little; the bound holds for each of them.
        logs = (
            (1.0 - EXPONENTS) * (math.log(4.0 / 3.0 * (m + 2) ** 2) + m * math.log(eps) - (m + 1) * math.log(length))
            + (m + 1) * scipy.special.gammaln(EXPONENTS)
            - scipy.special.gammaln((m + 1) * EXPONENTS)
        )
        exponent = arb(float(EXPONENTS[np.argmin(logs)]))
        summands.append(inside**m * (_relu_single(eps) if m == 1 else _relu_moment(m, eps, exponent)))
    ratio = inside * _relu_moment(last + 1, eps, exponent) / _relu_moment(last, eps, exponent) / (last + 1)
    return summands, ratio


def relu_tail(n: int, eps: float, most: int = SAMPLED) -> float:
    """The moment bound: what all summands m > `most` of the zonotope bound add up to, at most. Nothing is sampled.

    Since min(1, Y) <= Y^s, the m-th summand C(n, m)·(L/π)^m·E[min(1, Y)] is at most C(n, m)·(L/π)^m times
    `relu_moment`, for any s; we take a good one for each m <= `SINGLY` (and for m = 1 `relu_single`). The s of
    the last serves for all beyond: there each is the one before times
    (n - m)·(L/π)·(ε/L)^s·((m+3)/(m+2))^(2s)·Γ(1-s)·Γ((m+1)(1-s))/Γ((m+2)(1-s)). All factors that depend on m
    fall with m (the last as ln Γ is convex), so the rest is at most a geometric series. The best s is near
    1 - 1/ln(1/ε), and the ratio then near n·e·ε·ln(1/ε)/π.

    Source: worked out for this project.

    Args:
        n: neurons, at least 1.
        eps: error, in (0, 1).
        most: summands left out, m = 1, …, most; with 0 nothing is, and 2·t_0·n/π + this bounds P(hit).

    Returns:
        a float no less than the sum, by ball arithmetic; 0 if n <= most; infinite where the geometric series
        diverges, at about n = π/(e·ε·ln(1/ε)) or more, where the bound is far above 1.
    """
    n = arguments.whole("n", n, 1)
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    most = arguments.whole("most", most, 0)
    if n <= most:
        return 0.0
    summands, ratio = _relu_summands(eps, most)
    total, choose, term = arb(0), math.comb(n, most), arb(0)
    m = most
    for summand in summands:
        choose = choose * (n - m) // (m + 1)
        m += 1
        if choose == 0:
            return _above(total)
        term = choose * summand
        total += term
    ratio = ratio * (n - m)
    return _above(total + term * ratio / (1 - ratio)) if ratio < 1 else math.inf


def relu_bound_below(c: float, eps: float) -> float:
    """The moment bound for all small errors at once: a bound on P(hit) for ε <= eps and n <= c/(ε·ln(1/ε)).

    In the bound that `relu_tail` with most=0 adds up, let s = 1 - σ with σ = 1/ln(1/ε), so that ε^(ms) = (e·ε)^m,
    and use n!/(n-m)! <= n^m, (4/3·N²)^s <= 4/3·N², Γ(σ) <= 1/σ, L <= π and
    1/Γ((m+1)σ) <= (m+1)σ/0.8856, as Γ(1 + x) > 0.8856. The m-th summand is then at most
    4/3·π^σ/(0.8856·L)·(m+1)(m+2)²·z^m with z = c·e·π^(σ-1), and over m >= 1 these sum up to that factor times
    6/(1-z)^4 - 2/(1-z)^3 - 4. The boundary part is at most 2c·(t_0/ε)·σ/π. All of it grows with σ, 1/L and
    t_0/ε, hence with ε: the value at eps serves for every smaller ε. Source: worked out for this project.

    Args:
        c: n·ε·ln(1/ε) at most, above 0.
        eps: largest error, in (0, 1/e).

    Returns:
        the bound, by ball arithmetic no less than its exact value; infinite if z is not below 1.
    """
    c = arguments.real("c", c, above=0.0)
    eps = arguments.real("eps", eps, above=0.0, below=1.0 / math.e)
    exponent, start = -1 / arb(eps).log(), arb(eps).asin()
    z = c * arb(1).exp() * arb.pi() ** (exponent - 1)
    if not z < 1:
        return math.inf
    factor = arb(4) / 3 * arb.pi() ** exponent / (arb(8856) / 10000 * (arb.pi() - 2 * start))
    series = 6 / (1 - z) ** 4 - 2 / (1 - z) ** 3 - 4
    return _above(2 * arb(c) * start / eps * exponent / arb.pi() + factor * series)


def relu_bound(n: int, eps: float, *, draws: int = 65536, seed: int = 0, confidence: float = 1.0 - 1e-6) -> ReluBound:
    """The zonotope bound: P(hit) <= 2t_0·n/π + Σ_{m>=1} C(n, m)·E[min(1, ε^m Σ_{p<q} sin(t_q - t_p)/Π_j sin g_j)].

    Readout `relu`, law `normal`, any d >= 2. t_0 = arcsin ε; τ_1 < … < τ_m are m independent uniform
    kinks of [0, π), sorted; those outside (t_0, π - t_0) are the first summand's. (An expectation over τ
    inside the arc is taken times the probability ((π - 2t_0)/π)^m that all are inside.) Between the kinks
    the error solves e'' + e = 0, so the possible slope jumps fill a zonotope of volume (2ε)^m times the
    sum of minors, and their density is at most 2^-m.

    Args:
        n: neurons, at least 1.
        eps: error, in (0, 1).
        draws: samples for each m from 2 on (scrambled Sobol points in 16 independent replicates).
        seed: of those.
        confidence: of `error`, by Student's t over the replicates for each m, errors added up.

    Returns:
        a `ReluBound`. `error` is statistical (Student's t), plus the `tail`, which is proved.
    """
    n = arguments.whole("n", n, 1)
    return relu_bounds([n], eps, draws=draws, seed=seed, confidence=confidence)[0]


def relu_bounds(
    sizes: Any,
    eps: float,
    *,
    draws: int = 65536,
    seed: int = 0,
    confidence: float = 1.0 - 1e-6,
    most: int = SAMPLED,
) -> list[ReluBound]:
    """`relu_bound` for several n at once: the expectations do not depend on n.

    `most` is the largest m whose expectation is estimated; that of m = 1 is exact (`relu_single`). Beyond `most`
    the summands are bounded in closed form, see `relu_tail`. The whole of that counts as error, none as value.
    With most=0 nothing is sampled: the bound then holds whatever the confidence.
    """
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    sizes = [arguments.whole("n", n, 1) for n in sizes]
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    most = arguments.whole("most", most, 0, SINGLY)
    start = math.asin(eps)
    sampled = min(most, max(sizes))
    means, errors = _relu_expectations(eps, sampled, draws, seed)
    inside = (1.0 - 2.0 * start / math.pi) ** np.arange(1, sampled + 1)
    means, errors = means * inside, errors * inside
    quantile = float(scipy.stats.t.isf((1.0 - confidence) / (2 * sampled), df=15)) if sampled else 0.0
    bounds = []
    for n in sizes:
        binomials = scipy.special.comb(n, np.arange(1, sampled + 1))
        terms = binomials * means
        boundary = 2.0 * start * n / math.pi
        value = boundary + float(np.sum(terms))
        tail = relu_tail(n, eps, most)
        # The few sums and products in float64 round by less than the last part.
        error = float(np.sum(binomials * errors) * quantile) + tail + 1e-13 * (value + tail)
        bounds.append(ReluBound(value, error, boundary, tuple(terms.tolist()), tail))
    return bounds


def relu_threshold(
    p: float, eps: float, *, draws: int = 65536, seed: int = 0, confidence: float = 1.0 - 1e-6, most: int = SAMPLED
) -> int:
    """The zonotope bound: the largest n for which the bound, numerical error included, stays below p; then n_p > n.

    Returns 0 if there is none. The bound increases with n. `most` as in `relu_bounds`: with most=0 nothing is
    sampled and n_p > n is a theorem; its n is a little over half of what sampling gives.
    """
    p = arguments.real("p", p, above=0.0, below=1.0)
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    limit = max(1, math.floor(p * math.pi / (2.0 * math.asin(eps))))  # the boundary part alone

    def fits(bound: ReluBound) -> bool:
        return bool(bound.value + bound.error < p)

    # The expectations are estimated once, for all n on a geometric, then a fine, grid.
    low, high = 0, limit
    while high - low > 1:
        grid = sorted({low + max(1, round((high - low) * k / 64)) for k in range(1, 65)})
        bounds = relu_bounds(grid, eps, draws=draws, seed=seed, confidence=confidence, most=most)
        good = [n for n, bound in zip(grid, bounds, strict=True) if fits(bound)]
        bad = [n for n, bound in zip(grid, bounds, strict=True) if not fits(bound)]
        new_low, new_high = max([low, *good]), min([high, *bad])
        if (new_low, new_high) == (low, high):
            break
        low, high = new_low, new_high
    if low == 0 and fits(relu_bounds([1], eps, draws=draws, seed=seed, confidence=confidence, most=most)[0]):
        low = 1
    return low


__all__ = [
    "ReluBound",
    "bias_kink_bound",
    "bias_kink_event",
    "bias_kink_share",
    "kink_angle",
    "kink_bound",
    "kink_event",
    "kink_threshold",
    "minors_sum",
    "relu_bound",
    "relu_bound_below",
    "relu_bounds",
    "relu_moment",
    "relu_single",
    "relu_tail",
    "relu_threshold",
]
