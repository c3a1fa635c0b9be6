"""Exact and anytime-valid confidence intervals for a probability, and what a test of it can see."""

from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from jaxtyping import Float

from ltjax import arguments
from ltjax.arguments import ArgumentError


def clopper_pearson_lower(hits: Any, trials: Any, level: float) -> Any:
    """The exact one-sided lower limit: P(limit > p) <= level for every p (Clopper, Pearson 1934).

    Args:
        hits: successes, a number or an array.
        trials: independent trials.
        level: chance of error, in (0, 1).
    """
    hits, trials = np.asarray(hits, float), np.asarray(trials, float)
    limit = scipy.special.betaincinv(np.maximum(hits, 1), trials - hits + 1, level)
    return np.where(hits == 0, 0.0, limit)[()]


def clopper_pearson_upper(hits: Any, trials: Any, level: float) -> Any:
    """The exact one-sided upper limit: P(limit < p) <= level for every p."""
    hits, trials = np.asarray(hits, float), np.asarray(trials, float)
    limit = scipy.special.betainccinv(hits + 1, np.maximum(trials - hits, 1), level)
    return np.where(hits == trials, 1.0, limit)[()]


def clopper_pearson(hits: Any, trials: Any, confidence: float, undecided: Any = 0) -> tuple[Any, Any]:
    """Two-sided limits of P(hit): the lower from the hits alone, the upper from hits and undecided.

    Each side errs with probability at most (1 - confidence)/2, whatever the undecided trials are.
    """
    level = (1.0 - arguments.real("confidence", confidence, above=0.0, below=1.0)) / 2.0
    lower = clopper_pearson_lower(hits, trials, level)
    return lower, clopper_pearson_upper(np.asarray(hits) + np.asarray(undecided), trials, level)


def anytime(
    hits: int, trials: int, confidence: float, undecided: int = 0, prior: tuple[float, float] = (0.5, 0.5)
) -> tuple[float, float]:
    """Limits of P(hit) that hold at every number of trials at once (beta-binomial mixture).

    With S successes and F failures so far, M(p) = B(a+S, b+F) / (B(a,b)·p^S·(1-p)^F) is a nonnegative
    martingale of mean 1 under p, so by Ville's inequality M(p) < 1/level for all times with probability
    at least 1 - level: {p : M(p) < 1/level} may be looked at after every trial (Robbins 1970; Howard,
    Ramdas, McAuliffe, Sekhon 2021). ln M is convex in p with its least value at S/(S+F).
    """
    arguments.real("confidence", confidence, above=0.0, below=1.0)
    # The upper limit is the lower one of the failures: near 0 there are digits enough for either.
    lower = _anytime_lower(hits, trials, confidence, *prior)
    return lower, 1.0 - _anytime_lower(trials - hits - undecided, trials, confidence, *reversed(prior))


def _anytime_lower(successes: int, trials: int, confidence: float, a: float, b: float) -> float:
    if successes == 0:
        return 0.0
    failures = trials - successes
    constant = scipy.special.betaln(a + successes, b + failures) - scipy.special.betaln(a, b)
    log = np.log1p(-confidence)
    found = scipy.optimize.root_scalar(
        lambda p: constant - scipy.special.xlogy(successes, p) - scipy.special.xlog1py(failures, -p) + log,
        bracket=(1e-300, successes / trials),
        method="brentq",
        xtol=1e-300,
    )
    return found.root


def mean_interval(
    values: Float[np.ndarray, " trials"], level: float, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Limits of the mean of independent variables in [low, high], each side wrong with probability level/2.

    Empirical Bernstein (Maurer, Pontil 2009, theorem 4): with sample variance V and ln(2/δ) = L,
    |mean - E| <= √(2VL/T) + 7L(high - low)/(3(T - 1)), δ a side.

    Raises:
        ArgumentError: for fewer than two values, or values outside [low, high].
    """
    trials = arguments.whole("len(values)", len(values), 2)
    if not bool(np.all((values >= low) & (values <= high))):
        raise ArgumentError(f"values={values!r} is not allowed: values are in [{low:g}, {high:g}]")
    log = np.log(4.0 / level)
    half = np.sqrt(2 * values.var(ddof=1) * log / trials) + 7 * log * (high - low) / (3 * (trials - 1))
    return float(values.mean() - half), float(values.mean() + half)


def detectable_excess(bound: float, trials: int, level: float, power: float = 0.95) -> float:
    """The least true probability above `bound` that a one-sided exact test would refute with this power.

    The test refutes `P <= bound` when the lower limit of the hits exceeds the bound. Let c be the least
    number of hits that does; the answer is the p at which P(hits >= c) = power.
    """
    low, high = 0, trials + 1
    while low < high:
        middle = (low + high) // 2
        if middle <= trials and clopper_pearson_lower(middle, trials, level) <= bound:
            low = middle + 1
        else:
            high = middle
    if low > trials:
        return float("inf")
    return float(scipy.special.betaincinv(low, trials - low + 1, power))
