"""Quantities: what a measurement knows of a number, as confidence limits at any level.

A test compares quantities. Each gives one-sided limits, `lower` and `upper`, whose chance to be wrong is at most
the level asked for, and two-sided `limits`, whose chance is the level's. A quantity made of two others splits the
level between them (union bound), so nobody who writes a claim divides a level by hand.
"""

import abc
import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.stats
from jaxtyping import Float

from ltjax.arguments import ArgumentError
from ltjax.inference import intervals

if TYPE_CHECKING:
    from ltjax.inference.growth import Fit
    from ltjax.trials.counts import Counts

Interval = tuple[float, float]
ANY: Interval = (-math.inf, math.inf)
POSITIVE: Interval = (0.0, math.inf)


class Quantity(abc.ABC):
    """A number that was measured, or is known.

    Attributes:
        domain: the values it could have whatever the data; says whether data can refute a test of it.
        draws: independent draws behind it; limits are taken to narrow with their square root. None where more
            draws do not narrow them so: a known number, a bracket between the sizes looked at.
    """

    @property
    def domain(self) -> Interval:
        return ANY

    @property
    def draws(self) -> int | None:
        return None

    @property
    @abc.abstractmethod
    def estimate(self) -> float:
        """The best guess, for people; nothing is judged by it."""

    @abc.abstractmethod
    def lower(self, level: float) -> float:
        """A lower limit: above the truth with probability at most `level`."""

    @abc.abstractmethod
    def upper(self, level: float) -> float:
        """An upper limit: below the truth with probability at most `level`."""

    def limits(self, level: float) -> Interval:
        """Both limits: either is wrong with probability at most `level`."""
        return self.lower(level / 2.0), self.upper(level / 2.0)


@dataclasses.dataclass(frozen=True)
class Exact(Quantity):
    """A known number: a claimed constant, a closed form."""

    value: float

    @property
    def domain(self) -> Interval:
        return self.value, self.value

    @property
    def estimate(self) -> float:
        return self.value

    def lower(self, level: float) -> float:
        return self.value

    def upper(self, level: float) -> float:
        return self.value


@dataclasses.dataclass(frozen=True)
class Proportion(Quantity):
    """A probability, from independent trials, with exact limits (Clopper, Pearson 1934).

    Attributes:
        hits: trials in which the event happened.
        trials: all trials.
        undecided: trials of which it is not known; they count as hits in the upper limit only.
    """

    hits: int
    trials: int
    undecided: int = 0

    def __post_init__(self) -> None:
        for name in ("hits", "trials", "undecided"):
            value = getattr(self, name)
            if not value >= 0 or value != int(value):
                raise ArgumentError(f"{name}={value!r} is not allowed: {name} is a whole number of at least 0")
            object.__setattr__(self, name, int(value))
        if not 1 <= self.trials >= self.hits + self.undecided:
            raise ArgumentError(
                f"trials={self.trials} is not allowed: trials is at least 1 and at least hits and undecided together, "
                f"{self.hits + self.undecided}"
            )

    @property
    def domain(self) -> Interval:
        return 0.0, 1.0

    @property
    def draws(self) -> int:
        return self.trials

    @property
    def estimate(self) -> float:
        return self.hits / self.trials

    def lower(self, level: float) -> float:
        return float(intervals.clopper_pearson_lower(self.hits, self.trials, level))

    def upper(self, level: float) -> float:
        return float(intervals.clopper_pearson_upper(self.hits + self.undecided, self.trials, level))


def _cell(counts: "Counts", n: int, eps: float) -> tuple[int, int]:
    for name, value, known in (("n", n, counts.ns), ("eps", eps, counts.eps)):
        if value not in known:
            raise ArgumentError(f"{name}={value!r} was not measured: {name} is one of {', '.join(map(str, known))}")
    return counts.ns.index(n), counts.eps.index(eps)


def hit_rate(counts: "Counts", n: int, eps: float) -> Proportion:
    """P(hit) at one of the n and ε that were counted."""
    at = _cell(counts, n, eps)
    return Proportion(int(counts.hits[at]), counts.trials, int(counts.undecided[at]))


def miss_rate(counts: "Counts", n: int, eps: float) -> Proportion:
    """P(miss) at one of the n and ε that were counted."""
    at = _cell(counts, n, eps)
    return Proportion(int(counts.misses[at]), counts.trials, int(counts.undecided[at]))


@dataclasses.dataclass(frozen=True, eq=False)
class Mean(Quantity):
    """The mean of independent variables in [low, high], by the empirical Bernstein bound.

    Attributes:
        values: shape (trials,).
    """

    values: Float[np.ndarray, " trials"]
    low: float = 0.0
    high: float = 1.0

    @property
    def domain(self) -> Interval:
        return self.low, self.high

    @property
    def draws(self) -> int:
        return len(self.values)

    @property
    def estimate(self) -> float:
        return float(np.mean(self.values))

    def lower(self, level: float) -> float:
        # `mean_interval` is wrong with half its level on each side.
        return intervals.mean_interval(self.values, 2.0 * level, self.low, self.high)[0]

    def upper(self, level: float) -> float:
        return intervals.mean_interval(self.values, 2.0 * level, self.low, self.high)[1]


@dataclasses.dataclass(frozen=True, eq=False)
class Median(Quantity):
    """The median of positive numbers such as ratios of times, by order statistics: exact for any distribution.

    Attributes:
        values: shape (rounds,).
    """

    values: Float[np.ndarray, " rounds"]

    @property
    def domain(self) -> Interval:
        return POSITIVE

    @property
    def draws(self) -> int:
        return len(self.values)

    @property
    def estimate(self) -> float:
        return float(np.median(self.values))

    def _limits(self, level: float) -> Interval:
        from ltjax.machine.timing import median_interval

        if np.any(np.isnan(self.values)):
            return math.nan, math.nan  # sorting would hide it
        return median_interval(self.values, level)

    def lower(self, level: float) -> float:
        return self._limits(level)[0]

    def upper(self, level: float) -> float:
        return self._limits(level)[1]


@dataclasses.dataclass(frozen=True)
class Normal(Quantity):
    """A value with a standard error, by the normal limit law of many trials."""

    value: float
    error: float
    trials: int | None = None

    @property
    def draws(self) -> int | None:
        return self.trials

    @property
    def estimate(self) -> float:
        return self.value

    def lower(self, level: float) -> float:
        return self.value - float(scipy.stats.norm.isf(level)) * self.error

    def upper(self, level: float) -> float:
        return self.value + float(scipy.stats.norm.isf(level)) * self.error


@dataclasses.dataclass(frozen=True, eq=False)
class Parameter(Quantity):
    """A parameter of a fitted growth law, by the normal limit law."""

    fit: "Fit"
    name: str

    @property
    def draws(self) -> int:
        return len(self.fit.log_likelihood)

    @property
    def estimate(self) -> float:
        return self.fit.estimate[self.name]

    def lower(self, level: float) -> float:
        return self.fit.interval(self.name, 2.0 * level)[0]

    def upper(self, level: float) -> float:
        return self.fit.interval(self.name, 2.0 * level)[1]


@dataclasses.dataclass(frozen=True, eq=False)
class Threshold(Quantity):
    """n_p(ε), the least n at which P(hit) is at least p: the certified bracket from counts at some sizes.

    The upper limit is infinite where no size looked at is certified to reach p.
    """

    counts: "Counts"
    eps: float
    p: float = 0.5

    @property
    def domain(self) -> Interval:
        return 1.0, math.inf

    @property
    def estimate(self) -> float:
        found = self._bracket(0.25)
        return math.nan if found.interpolated is None else found.interpolated

    def _bracket(self, level: float) -> Any:
        from ltjax.inference.thresholds import bracket

        return bracket(self.counts, _cell(self.counts, self.counts.ns[0], self.eps)[1], self.p, 1.0 - 2.0 * level, {})

    def lower(self, level: float) -> float:
        return float(self._bracket(level).lower)

    def upper(self, level: float) -> float:
        upper = self._bracket(level).upper
        return math.inf if upper is None else float(upper)


@dataclasses.dataclass(frozen=True, eq=False)
class Between(Quantity):
    """A number at least as large as each of `least` and at most as large as each of `most`.

    For example an n_p of which one theorem bounds the lower end and masks in hand the upper end. Each bound has
    its share of the level. Bounds that contradict each other leave no number at all; the limits then enclose both, so
    that nothing is supported by a contradiction.
    """

    least: Sequence[Quantity]
    most: Sequence[Quantity]

    @property
    def domain(self) -> Interval:
        return (
            max((part.domain[0] for part in self.least), default=-math.inf),
            min((part.domain[1] for part in self.most), default=math.inf),
        )

    @property
    def estimate(self) -> float:
        return math.nan

    def _bounds(self, level: float) -> Interval:
        least = [part.lower(level / len(self.least)) for part in self.least]
        most = [part.upper(level / len(self.most)) for part in self.most]
        if any(math.isnan(end) for end in (*least, *most)):
            return math.nan, math.nan
        return max(least, default=-math.inf), min(most, default=math.inf)

    def lower(self, level: float) -> float:
        return min(self._bounds(level))

    def upper(self, level: float) -> float:
        return max(self._bounds(level))


def _fewest(*parts: Quantity) -> int | None:
    # A bracket among the parts does not narrow; a known number need not.
    measured = [part for part in parts if not isinstance(part, Exact)]
    draws = [part.draws for part in measured]
    return None if not draws or None in draws else min(count for count in draws if count is not None)


@dataclasses.dataclass(frozen=True, eq=False)
class Difference(Quantity):
    """first − second."""

    first: Quantity
    second: Quantity

    @property
    def domain(self) -> Interval:
        return self.first.domain[0] - self.second.domain[1], self.first.domain[1] - self.second.domain[0]

    @property
    def draws(self) -> int | None:
        return _fewest(self.first, self.second)

    @property
    def estimate(self) -> float:
        return self.first.estimate - self.second.estimate

    def lower(self, level: float) -> float:
        share = _share(level, self.first, self.second)
        return self.first.lower(share) - self.second.upper(share)

    def upper(self, level: float) -> float:
        share = _share(level, self.first, self.second)
        return self.first.upper(share) - self.second.lower(share)


@dataclasses.dataclass(frozen=True, eq=False)
class Absolute(Quantity):
    """|part|."""

    part: Quantity

    @property
    def domain(self) -> Interval:
        return _absolute(self.part.domain)

    @property
    def draws(self) -> int | None:
        return self.part.draws

    @property
    def estimate(self) -> float:
        return abs(self.part.estimate)

    def lower(self, level: float) -> float:
        return _absolute(self.part.limits(level))[0]

    def upper(self, level: float) -> float:
        return _absolute(self.part.limits(level))[1]


def _absolute(interval: Interval) -> Interval:
    low, high = interval
    if math.isnan(low) or math.isnan(high):
        return math.nan, math.nan
    return max(0.0, low, -high), max(abs(low), abs(high))


def _share(level: float, first: Quantity, second: Quantity) -> float:
    # A known number is never wrong and needs no share.
    return level if isinstance(first, Exact) or isinstance(second, Exact) else level / 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class Ratio(Quantity):
    """first / second, both positive."""

    first: Quantity
    second: Quantity

    @property
    def domain(self) -> Interval:
        (a, b), (c, d) = self.first.domain, self.second.domain
        return _over(max(a, 0.0), d), _over(b, max(c, 0.0))

    @property
    def draws(self) -> int | None:
        return _fewest(self.first, self.second)

    @property
    def estimate(self) -> float:
        return _over(self.first.estimate, self.second.estimate)

    def lower(self, level: float) -> float:
        share = _share(level, self.first, self.second)
        return _over(max(self.first.lower(share), 0.0), self.second.upper(share))

    def upper(self, level: float) -> float:
        share = _share(level, self.first, self.second)
        return _over(self.first.upper(share), max(self.second.lower(share), 0.0))


def _over(above: float, below: float) -> float:
    """above / below for numbers from 0 to infinity: what is not bounded is 0 or infinite."""
    if math.isnan(above) or math.isnan(below):
        return math.nan
    if below == 0.0:
        return math.inf
    return math.inf if above == math.inf else above / below


@dataclasses.dataclass(frozen=True, eq=False)
class LogSlope(Quantity):
    """The slope of a positive quantity on a log-log plot: ln(last / first) / ln(factor).

    Attributes:
        last, first: the quantity at the two ends.
        factor: by how much the abscissa grows from the first to the last, above 1.
    """

    last: Quantity
    first: Quantity
    factor: float

    def __post_init__(self) -> None:
        if not self.factor > 1.0:
            raise ArgumentError(f"factor={self.factor!r} is not allowed: factor is a number above 1")

    def _log(self, value: float) -> float:
        if math.isnan(value):
            return math.nan
        return -math.inf if value <= 0.0 else math.log(value) / math.log(self.factor)

    @property
    def _ratio(self) -> Ratio:
        return Ratio(self.last, self.first)

    @property
    def domain(self) -> Interval:
        low, high = self._ratio.domain
        return self._log(low), self._log(high)

    @property
    def draws(self) -> int | None:
        return self._ratio.draws

    @property
    def estimate(self) -> float:
        return self._log(self._ratio.estimate)

    def lower(self, level: float) -> float:
        return self._log(self._ratio.lower(level))

    def upper(self, level: float) -> float:
        return self._log(self._ratio.upper(level))


@dataclasses.dataclass(frozen=True, eq=False)
class Scaled(Quantity):
    """factor · part, for a positive factor."""

    part: Quantity
    factor: float

    def __post_init__(self) -> None:
        if not 0.0 < self.factor < math.inf:
            raise ArgumentError(f"factor={self.factor!r} is not allowed: factor is a finite number above 0")

    @property
    def domain(self) -> Interval:
        return self.factor * self.part.domain[0], self.factor * self.part.domain[1]

    @property
    def draws(self) -> int | None:
        return self.part.draws

    @property
    def estimate(self) -> float:
        return self.factor * self.part.estimate

    def lower(self, level: float) -> float:
        return self.factor * self.part.lower(level)

    def upper(self, level: float) -> float:
        return self.factor * self.part.upper(level)
