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
from scipy.stats import qmc

from ltjax import arguments
from ltjax.arguments import ArgumentError


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


def kink_event(n: int, eps: float) -> float:
    """The kink event: the exact probability that some of n kink lines lies within α(ε) of the target's.

    1 - (1 - 2α/π)^n with α = 2·arctan(2ε): in the plane, or in any plane through w, the lines of a
    rotation-invariant law are uniform on [0, π). It bounds P(hit) from above for readout `linear`.
    """
    n = arguments.whole("n", n, 0)
    share = min(1.0, 2.0 * kink_angle(eps) / math.pi)
    return 1.0 if share >= 1.0 and n > 0 else -math.expm1(n * math.log1p(-share)) if n else 0.0


def kink_threshold(p: float, eps: float) -> int:
    """The kink event: the least n whose `kink_event` reaches p; a lower bound on n_p, at least (π/8)·p/ε.

    Args:
        p: probability, in (0, 1).
        eps: error, in (0, ½].
    """
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
        terms: the summands m = 1, 2, …, M, estimated.
        tail: what all summands beyond M can add, at most (part of `error`).
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
    """log-free estimates of E_m = E[min(1, ε^m·minors)], m = 1..most, with standard errors.

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
    for m in range(1, most + 1):
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
        draws: samples for each m (scrambled Sobol points in 16 independent replicates).
        seed: of those.
        confidence: of `error`, by Student's t over the replicates for each m, errors added up.

    Returns:
        a `ReluBound`. `error` is statistical (Student's t) plus the extrapolated `tail`, not an enclosure.
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
    most: int = 10,
) -> list[ReluBound]:
    """`relu_bound` for several n at once: the expectations do not depend on n.

    `most` is the largest m whose expectation is estimated. Beyond it the summands are extrapolated as a
    geometric series with the last ratio C(n, m+1)E_{m+1} / (C(n, m)E_m), which falls with m wherever it was
    computed, but that is observed, not proved. The whole of it counts as error, none as value. If the ratio
    is not below 1, the error is infinite.
    """
    eps = arguments.real("eps", eps, above=0.0, below=1.0)
    sizes = [arguments.whole("n", n, 1) for n in sizes]
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    start = math.asin(eps)
    most = min(most, max(sizes))
    means, errors = _relu_expectations(eps, most, draws, seed)
    inside = (1.0 - 2.0 * start / math.pi) ** np.arange(1, most + 1)
    means, errors = means * inside, errors * inside
    quantile = float(scipy.stats.t.isf((1.0 - confidence) / (2 * most), df=15))
    bounds = []
    for n in sizes:
        binomials = scipy.special.comb(n, np.arange(1, most + 1))
        terms = binomials * means
        error = float(np.sum(binomials * errors) * quantile)
        tail = 0.0
        if n > most:
            ratio = terms[-1] / terms[-2] if most > 1 and terms[-2] > 0 else math.inf
            tail = terms[-1] * ratio / (1.0 - ratio) if ratio < 1.0 else math.inf
        boundary = 2.0 * start * n / math.pi
        bounds.append(ReluBound(boundary + float(np.sum(terms)), error + tail, boundary, tuple(terms.tolist()), tail))
    return bounds


def relu_threshold(p: float, eps: float, *, draws: int = 65536, seed: int = 0, confidence: float = 1.0 - 1e-6) -> int:
    """The zonotope bound: the largest n for which the bound, numerical error included, stays below p; then n_p > n.

    Returns 0 if there is none. The bound increases with n.
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
        bounds = relu_bounds(grid, eps, draws=draws, seed=seed, confidence=confidence)
        good = [n for n, bound in zip(grid, bounds, strict=True) if fits(bound)]
        bad = [n for n, bound in zip(grid, bounds, strict=True) if not fits(bound)]
        new_low, new_high = max([low, *good]), min([high, *bad])
        if (new_low, new_high) == (low, high):
            break
        low, high = new_low, new_high
    if low == 0 and fits(relu_bounds([1], eps, draws=draws, seed=seed, confidence=confidence)[0]):
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
    "relu_bounds",
    "relu_threshold",
]
