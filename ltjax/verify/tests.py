"""Tests: what a claim says of its data, as values that can be judged at any level.

A test is judged by `evaluate(level)`. Whatever the test,

- *refuted*: the data contradict it; if it is true, that happens with probability at most `level`;
- *supported*: its docstring says which of two things this means, and so does every finding. *Certified*: confidence
  limits lie within the claim, wrong with probability at most `level`. *Not contradicted*: the claim is not refuted,
  and a violation of the size given as "detectable" would have been, with probability `POWER`;
- *inconclusive*: neither. So is a test that no data could refute: it is not supported for nothing.

A NaN is an error, whatever it stands for.
"""

import abc
import dataclasses
import enum
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.stats

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.verify.quantities import Difference, Interval, Proportion, Quantity

if TYPE_CHECKING:
    from ltjax.inference.growth import Fit
    from ltjax.verify.rigorous import Proof

POWER = 0.95
"""A detectable violation is one that the test would have seen with this probability."""
LEVEL = 1e-9
"""A level as tests of a large catalogue get it; for plans made before there is a run."""
CERTIFIED, NOT_CONTRADICTED = "certified", "not contradicted"


class Verdict(enum.StrEnum):
    """What the evidence says of a claim, over the range measured; broken: it raised an error."""

    PROVED = "proved"
    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"
    BROKEN = "broken"


def joint_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a statement that is the conjunction of several."""
    for verdict in (Verdict.BROKEN, Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED):
        if verdict in verdicts:
            return verdict
    return Verdict.PROVED if verdicts else Verdict.INCONCLUSIVE


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one test says.

    Attributes:
        name: what was compared, in one line.
        verdict: what this comparison says.
        numbers: the figures behind it.
        kind: the test's class.
        refutable: whether any data could have refuted it.
        detectable: the smallest violation it would have seen with probability `POWER`, as a distance from what is
            claimed, in the units of the quantity; None where it has none, infinite where no violation would show.
        trials_needed: trials that would show a violation half as large; None where the number means nothing.
        room: how far the data are from contradicting the test, as a share of what is claimed; None if unknown.
    """

    name: str
    verdict: Verdict
    numbers: Mapping[str, Any]
    kind: str = ""
    refutable: bool = True
    detectable: float | None = None
    trials_needed: int | None = None
    room: float | None = None


def _check(where: str, value: Any) -> None:
    """Raise for a NaN anywhere in a value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check(f"{where}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(where, item)
    elif isinstance(value, float | np.floating) and math.isnan(value):
        raise ArgumentError(f"{where}=nan is not allowed: it is a number")


@dataclasses.dataclass(frozen=True)
class Test(abc.ABC):
    """One comparison of data with a claim. Subclasses are final.

    Attributes:
        name: what is compared, in one line.
    """

    __test__: ClassVar[bool] = False  # pytest collects by name
    meaning: ClassVar[str]
    """What "supported" means: `CERTIFIED` or `NOT_CONTRADICTED`."""

    name: str

    @property
    @abc.abstractmethod
    def refutable(self) -> bool:
        """Whether any data could refute this test."""

    @abc.abstractmethod
    def detectable(self, level: float) -> float | None:
        """The least distance between the truth and the claim that would be refuted with probability `POWER`."""

    @abc.abstractmethod
    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        """Trials after which a truth so far from the claim is refuted with probability `POWER`.

        None where it means nothing: the limits do not narrow like the square root of the trials.
        """

    @abc.abstractmethod
    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        """The verdict if the test is refutable, the figures behind it, and the room left."""

    def evaluate(self, level: float) -> Finding:
        """Judge the data; the chance to refute a true claim is at most `level`.

        Raises:
            ArgumentError: for a level outside (0, 1/2), and for a NaN in the data or the claim.
        """
        level = arguments.real("level", level, above=0.0, below=0.5)
        for field in dataclasses.fields(self):
            _check(f"{self.name}: {field.name}", getattr(self, field.name))
        verdict, numbers, room = self._judge(level)
        for key, value in numbers.items():
            _check(f"{self.name}: {key}", value)
        if verdict is Verdict.SUPPORTED:
            numbers["supported means"] = self.meaning
        if not self.refutable and verdict in (Verdict.SUPPORTED, Verdict.REFUTED):
            verdict = Verdict.INCONCLUSIVE
            numbers = {key: value for key, value in numbers.items() if key != "supported means"}
            numbers["note"] = "no data could refute this"
        gap = self.detectable(level)
        useful = gap is not None and 0.0 < gap < math.inf
        needed = self.trials_needed(gap / 2.0, level) if gap is not None and useful else None
        numbers["level"] = level
        return Finding(self.name, verdict, numbers, type(self).__name__, self.refutable, gap, needed, room)


def _excess_trials(bound: float, gap: float, level: float) -> int | None:
    """The least number of trials at which P = bound + gap is told from P <= bound, about."""
    if not gap > 0.0:
        raise ArgumentError(f"gap={gap!r} is not allowed: gap is a number above 0")
    if not bound >= 0.0 or bound + gap >= 1.0:
        return None
    low, high = 1, 1
    while high < 2**40 and not intervals.detectable_excess(bound, high, level, POWER) <= bound + gap:
        low, high = high, 2 * high
    if high >= 2**40:
        return None
    while low < high:  # monotone but for the steps of whole numbers
        middle = (low + high) // 2
        if intervals.detectable_excess(bound, middle, level, POWER) <= bound + gap:
            high = middle
        else:
            low = middle + 1
    return high


@dataclasses.dataclass(frozen=True)
class AtMost(Test):
    """A probability is at most `bound`.

    Supported means *not contradicted*: bounds such as a union bound are attained, and nothing certifies an attained
    bound. Refuted: the exact lower limit from the hits alone is above the bound. Inconclusive: even trials that all
    hit would not refute it, or the bound is 1 or more.
    """

    meaning: ClassVar[str] = NOT_CONTRADICTED

    proportion: Proportion
    bound: float
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def refutable(self) -> bool:
        return self.bound < 1.0

    def detectable(self, level: float) -> float:
        if self.bound < 0.0:
            return 0.0
        if self.bound >= 1.0:
            return math.inf
        return intervals.detectable_excess(self.bound, self.proportion.trials, level, POWER) - self.bound

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        return _excess_trials(self.bound, gap, level)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        lower = self.proportion.lower(level)
        numbers = {
            **self.numbers,
            "measured": self.proportion.estimate,
            "lower limit": lower,
            "claimed at most": float(self.bound),
            "trials": self.proportion.trials,
        }
        if lower > self.bound:
            verdict = Verdict.REFUTED
        else:
            verdict = Verdict.SUPPORTED if self.detectable(level) < math.inf else Verdict.INCONCLUSIVE
        return verdict, numbers, 1.0 - lower / self.bound if self.bound > 0.0 else None


@dataclasses.dataclass(frozen=True)
class AtLeast(Test):
    """A probability is at least `bound`.

    Supported means *certified*: the exact lower limit from the hits alone reaches the bound. Refuted: the exact upper
    limit from hits and undecided trials is below it. A bound of 0 or less is inconclusive.
    """

    meaning: ClassVar[str] = CERTIFIED

    proportion: Proportion
    bound: float
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def refutable(self) -> bool:
        return self.bound > 0.0

    def detectable(self, level: float) -> float:
        # A shortfall is an excess of misses; the limits see it only where trials are decided.
        if self.bound > 1.0:
            return 0.0
        if self.bound <= 0.0:
            return math.inf
        return intervals.detectable_excess(1.0 - self.bound, self.proportion.trials, level, POWER) - (1.0 - self.bound)

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        return _excess_trials(1.0 - self.bound, gap, level)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        lower, upper = self.proportion.lower(level), self.proportion.upper(level)
        numbers = {
            **self.numbers,
            "measured": self.proportion.estimate,
            "undecided": self.proportion.undecided,
            "lower limit": lower,
            "upper limit": upper,
            "claimed at least": float(self.bound),
            "trials": self.proportion.trials,
        }
        if upper < self.bound:
            verdict = Verdict.REFUTED
        else:
            verdict = Verdict.SUPPORTED if lower >= self.bound else Verdict.INCONCLUSIVE
        return verdict, numbers, lower / self.bound - 1.0 if self.bound > 0.0 else None


def _placed(limits: Interval, claimed: Interval) -> Verdict:
    """Where an interval of limits lies: within what is claimed, outside, or neither. NaN is neither."""
    if claimed[0] <= limits[0] and limits[1] <= claimed[1]:
        return Verdict.SUPPORTED
    return Verdict.REFUTED if limits[0] > claimed[1] or limits[1] < claimed[0] else Verdict.INCONCLUSIVE


def _narrowed(draws: int | None, width: float, gap: float) -> int | None:
    """Draws after which limits that are `width` apart are `gap` apart."""
    if not gap > 0.0:
        raise ArgumentError(f"gap={gap!r} is not allowed: gap is a number above 0")
    return math.ceil(draws * (width / gap) ** 2) if draws is not None and math.isfinite(width) else None


def _room(limits: Interval, claimed: Interval) -> float | None:
    """The least distance from the limits to the claim's ends, as a share of the claim's width or of its one end."""
    ends = [end for end in claimed if math.isfinite(end)]
    if not ends:
        return None
    scale = abs(claimed[1] - claimed[0]) / 2.0 if len(ends) == 2 else abs(ends[0])
    return min(limits[0] - claimed[0], claimed[1] - limits[1]) / scale if scale > 0.0 else None


@dataclasses.dataclass(frozen=True)
class InRange(Test):
    """A quantity lies in the range `claimed`, of which one end may be infinite.

    Supported means *certified*: both limits lie within. Refuted: both lie outside, on one side.
    """

    meaning: ClassVar[str] = CERTIFIED

    quantity: Quantity
    claimed: Interval
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.claimed[0] <= self.claimed[1]:
            raise ArgumentError(f"claimed={self.claimed!r} is not allowed: claimed is a lower and an upper end")

    @property
    def refutable(self) -> bool:
        low, high = self.quantity.domain
        return low < self.claimed[0] or high > self.claimed[1]

    def detectable(self, level: float) -> float:
        low, high = self.quantity.limits(level)
        return high - low

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        return _narrowed(self.quantity.draws, self.detectable(level), gap)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        limits = self.quantity.limits(level)
        claimed = float(self.claimed[0]), float(self.claimed[1])
        numbers = {**self.numbers, "limits": list(limits), "claimed in": list(claimed)}
        return _placed(limits, claimed), numbers, _room(limits, claimed)


@dataclasses.dataclass(frozen=True)
class Equivalent(Test):
    """A quantity differs from another, or from a number, by at most `margin`.

    Supported means *certified*: both limits of the difference lie within the margin. Refuted: both lie outside, on
    one side.
    """

    meaning: ClassVar[str] = CERTIFIED

    quantity: Quantity
    to: Quantity
    margin: float
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def _difference(self) -> Difference:
        return Difference(self.quantity, self.to)

    @property
    def refutable(self) -> bool:
        low, high = self._difference.domain
        return low < -self.margin or high > self.margin

    def detectable(self, level: float) -> float:
        low, high = self._difference.limits(level)
        return high - low

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        return _narrowed(self._difference.draws, self.detectable(level), gap)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        limits, margin = self._difference.limits(level), float(self.margin)
        estimates = {"measured": self.quantity.estimate, "compared with": self.to.estimate}
        # An estimate is for people; where there is none, the limits still are.
        known = {key: value for key, value in estimates.items() if not math.isnan(value)}
        numbers = {**self.numbers, **known, "difference": list(limits), "claimed within": margin}
        return _placed(limits, (-margin, margin)), numbers, _room(limits, (-margin, margin))


@dataclasses.dataclass(frozen=True)
class Less(Test):
    """The first quantity is smaller than the second.

    Supported means *certified*: the upper limit of the first is below the lower limit of the second. Refuted: the
    lower limit of the first is above the upper limit of the second. Each limit has half of the level.
    """

    meaning: ClassVar[str] = CERTIFIED

    first: Quantity
    second: Quantity
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def refutable(self) -> bool:
        return self.first.domain[1] > self.second.domain[0]

    def detectable(self, level: float) -> float:
        first, second = self.first.limits(level), self.second.limits(level)
        return (first[1] - first[0]) + (second[1] - second[0])

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        return _narrowed(Difference(self.first, self.second).draws, self.detectable(level), gap)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        first, second = self.first.limits(level), self.second.limits(level)
        numbers = {**self.numbers, "first": list(first), "second": list(second)}
        if first[1] < second[0]:
            verdict = Verdict.SUPPORTED
        else:
            verdict = Verdict.REFUTED if first[0] > second[1] else Verdict.INCONCLUSIVE
        return verdict, numbers, (second[0] - first[1]) / abs(second[0]) if second[0] else None


@dataclasses.dataclass(frozen=True)
class FitsBetter(Test):
    """One growth law describes the trials better than another, both fitted to the same outcomes.

    Supported means *certified*: the claimed law beats its rival. Refuted: the rival beats the claimed law (see
    `ltjax.inference.growth.compare`, by the normal limit law). No trials make a special case of a law the better one,
    so a rival that is one cannot refute the claimed law: claim a range for the extra parameter instead, with
    `InRange`.
    """

    meaning: ClassVar[str] = CERTIFIED

    claimed: "Fit"
    rival: "Fit"
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def refutable(self) -> bool:
        special: Mapping[str, Any] = getattr(self.claimed.law, "nested", {})
        return self.claimed.law.name != self.rival.law.name and self.rival.law.name not in special

    def _spread(self) -> tuple[int, float]:
        """Trials, and the standard deviation of a trial's difference of log-likelihoods, in nats."""
        difference = self.claimed.log_likelihood - self.rival.log_likelihood
        return len(difference), float(np.std(difference, ddof=1))

    def detectable(self, level: float) -> float:
        """In nats a trial by which the rival is better."""
        trials, spread = self._spread()
        return _quantiles(level) * spread / math.sqrt(trials)

    def trials_needed(self, gap: float, level: float = LEVEL) -> int | None:
        if not gap > 0.0:
            raise ArgumentError(f"gap={gap!r} is not allowed: gap is a number above 0")
        return math.ceil((_quantiles(level) * self._spread()[1] / gap) ** 2)

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        from ltjax.inference.growth import compare

        comparison, back = compare(self.claimed, self.rival), compare(self.rival, self.claimed)
        numbers = {
            **self.numbers,
            "nats a trial": comparison.advantage,
            "z": comparison.z,
            "claimed": dict(self.claimed.estimate),
            "rival": dict(self.rival.estimate),
            "range of ε": [min(self.claimed.eps), max(self.claimed.eps)],
        }
        if back.beats(level):
            verdict = Verdict.REFUTED
        else:
            verdict = Verdict.SUPPORTED if comparison.beats(level) else Verdict.INCONCLUSIVE
        return verdict, numbers, comparison.z / float(scipy.stats.norm.isf(level)) - 1.0


def _quantiles(level: float) -> float:
    return float(scipy.stats.norm.isf(level) + scipy.stats.norm.ppf(POWER))


@dataclasses.dataclass(frozen=True)
class Holds(Test):
    """A deterministic statement: one counter-example refutes it.

    Supported means *not contradicted*: no counter-example was met. With `proof` it is *proved* where true. None
    stands for a question left open: inconclusive.

    Attributes:
        true: whether it held; None if that is not known.
        proof: whether `true` was proved for the whole range stated.
    """

    meaning: ClassVar[str] = NOT_CONTRADICTED

    true: bool | np.bool_ | None
    proof: bool = False
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def refutable(self) -> bool:
        return True

    def detectable(self, level: float) -> None:
        return None

    def trials_needed(self, gap: float, level: float = LEVEL) -> None:
        return None

    def _judge(self, level: float) -> tuple[Verdict, dict[str, Any], float | None]:
        if self.true is not None and not isinstance(self.true, bool | np.bool_):
            raise ArgumentError(f"true={self.true!r} is not allowed: true of {self.name!r} is True, False or None")
        if self.true is None:
            verdict = Verdict.INCONCLUSIVE
        else:
            held = Verdict.PROVED if self.proof else Verdict.SUPPORTED
            verdict = held if self.true else Verdict.REFUTED
        return verdict, dict(self.numbers), None


def proved(name: str, *proofs: "Proof") -> Holds:
    """The test that ball arithmetic proved every one of some inequalities; open where it gave up."""
    if any(proof.counter_example is not None for proof in proofs):
        true: bool | None = False
    else:
        true = True if all(proof.proved for proof in proofs) else None
    numbers = {
        "boxes": [proof.boxes for proof in proofs],
        "least": [proof.least for proof in proofs if proof.least is not None],
        "fails on": [list(proof.counter_example) for proof in proofs if proof.counter_example is not None],
    }
    return Holds(name, true, proof=True, numbers={key: value for key, value in numbers.items() if value})


__all__ = [
    "AtLeast",
    "AtMost",
    "Equivalent",
    "Finding",
    "FitsBetter",
    "Holds",
    "InRange",
    "Less",
    "Test",
    "Verdict",
    "joint_verdict",
    "proved",
]
