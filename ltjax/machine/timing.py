"""Compare running times fairly: all variants in every round, in random order, warm, compilation apart.

What else the machine does changes over seconds, so two programs timed one after the other may have met two
machines. Here every round times each variant once, in an order drawn anew, and the variants of one round are
compared with each other: a load that lasts longer than a round slows both, and one that does not spoils a round,
not the median of all. Its confidence limits are order statistics of the rounds, which ask nothing of the
distribution of times.
"""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import scipy.stats
from jaxtyping import Float

from ltjax import arguments
from ltjax.arguments import ArgumentError

Variant = Callable[[], Any]
"""A call that takes nothing and returns arrays, perhaps before they are computed."""


@dataclasses.dataclass(frozen=True)
class Timings:
    """Times of several variants, round by round.

    Attributes:
        seconds: of one call, by variant; one number a round.
        calls: how many calls one number is the mean of.
        first: seconds of the first call, which compiles.
        results: what the first call returned.
    """

    seconds: Mapping[Any, Float[np.ndarray, " rounds"]]
    calls: Mapping[Any, int]
    first: Mapping[Any, float]
    results: Mapping[Any, Any]

    @property
    def rounds(self) -> int:
        return len(next(iter(self.seconds.values())))

    def median(self, variant: Any) -> float:
        """The median over rounds of one call's seconds."""
        return float(np.median(self.seconds[variant]))

    def ratios(self, variant: Any, base: Any) -> Float[np.ndarray, " rounds"]:
        """For each round the variant's time over the base's."""
        return self.seconds[variant] / self.seconds[base]


def interleaved(
    variants: Mapping[Any, Variant],
    rounds: int,
    *,
    shortest: float = 1e-3,
    seed: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    finish: Callable[[Any], Any] = jax.block_until_ready,
) -> Timings:
    """Time every variant once a round, each round in an order of its own.

    Args:
        variants: what to time, by any name.
        rounds: numbers a variant, at least 1.
        shortest: seconds that one timing is to last at least: quick variants are called several times in a row,
            each call finished before the next begins. 0: one call each.
        seed: of the orders.
        clock: seconds since any moment.
        finish: waits until what a call returned is computed.

    Raises:
        ArgumentError: for no variants, rounds below 1, a negative `shortest`.
    """
    rounds = arguments.whole("rounds", rounds, 1)
    shortest = arguments.real("shortest", shortest, low=0.0)
    if not variants:
        raise ArgumentError("variants={} is not allowed: variants holds at least one call")

    def timed(call: Variant, calls: int) -> float:
        start = clock()
        for _ in range(calls):
            finish(call())
        return (clock() - start) / calls

    first, results, calls = {}, {}, {}
    for name, call in variants.items():
        start = clock()
        results[name] = finish(call())
        first[name] = clock() - start
        calls[name] = _calls(timed(call, 1), shortest) if shortest else 1
    names, order = list(variants), np.random.default_rng(seed)
    seconds = {name: np.empty(rounds) for name in names}
    for i in range(rounds):
        for j in order.permutation(len(names)):
            seconds[names[j]][i] = timed(variants[names[j]], calls[names[j]])
    return Timings(seconds, calls, first, results)


def _calls(once: float, shortest: float) -> int:
    # A clock may be too coarse to see one call at all.
    return max(1, math.ceil(shortest / max(once, 1e-7)))


def quickest(
    call: Variant,
    repeats: int = 3,
    *,
    clock: Callable[[], float] = time.perf_counter,
    finish: Callable[[Any], Any] = jax.block_until_ready,
) -> float:
    """Seconds of the quickest of some calls, after a first one that compiles: a rough figure to plan with."""
    found = interleaved({"": call}, repeats, shortest=0.0, clock=clock, finish=finish)
    return float(found.seconds[""].min())


def median_interval(values: Float[np.ndarray, " rounds"], level: float) -> tuple[float, float]:
    """Limits of the median, each wrong with probability at most `level`, whatever the distribution.

    If each value, given those before it, is below m with probability at most one half, then at most Binomial(T, ½)
    many are, so that the r-th smallest is above m with probability at most P(Binomial(T, ½) < r). So a limit
    refutes even where times drift: what it refutes is that m bounds the median in every round.

    Returns:
        the r-th smallest and the r-th largest value, r as large as the level allows; infinite where even r = 1 is
        too large, T < log2(1/level).
    """
    level = arguments.real("level", level, above=0.0, below=0.5)
    ordered = np.sort(np.asarray(values, float))
    # ppf is the least k with P(Binomial <= k) >= level, so P(Binomial < k) is below it.
    r = int(scipy.stats.binom.ppf(level, ordered.size, 0.5))
    return (float(ordered[r - 1]), float(ordered[-r])) if r else (-math.inf, math.inf)


__all__ = ["Timings", "Variant", "interleaved", "median_interval", "quickest"]
