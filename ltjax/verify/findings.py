"""The comparisons that judges are made of; each states the smallest violation it could have seen."""

from typing import Any

from ltjax.inference import growth as scaling
from ltjax.inference import intervals
from ltjax.verify.claim import Finding, Verdict

POWER = 0.95
"""A detectable violation is one that the test would have seen with this probability."""


def at_most(name: str, hits: int, trials: int, bound: float, level: float, **numbers: Any) -> Finding:
    """P(hit) <= bound: refuted when the exact lower limit of the hits alone is above the bound."""
    lower = float(intervals.clopper_pearson_lower(hits, trials, level))
    detectable = intervals.detectable_excess(bound, trials, level, POWER)
    verdict = Verdict.REFUTED if lower > bound else Verdict.SUPPORTED if detectable < 1.0 else Verdict.INCONCLUSIVE
    return Finding(
        name,
        verdict,
        numbers
        | {
            "measured": hits / trials,
            "lower limit": lower,
            "claimed at most": bound,
            "detectable": detectable,
            "trials": trials,
            "level": level,
        },
    )


def at_least(name: str, hits: int, undecided: int, trials: int, bound: float, level: float, **numbers: Any) -> Finding:
    """P(hit) >= bound: refuted when the upper limit of hits and undecided is below it, supported when the
    lower limit of the hits alone is above it."""
    lower = float(intervals.clopper_pearson_lower(hits, trials, level))
    upper = float(intervals.clopper_pearson_upper(hits + undecided, trials, level))
    verdict = Verdict.REFUTED if upper < bound else Verdict.SUPPORTED if lower >= bound else Verdict.INCONCLUSIVE
    # A shortfall is an excess of misses.
    detectable = 1.0 - intervals.detectable_excess(1.0 - bound, trials, level, POWER)
    return Finding(
        name,
        verdict,
        numbers
        | {
            "measured": hits / trials,
            "lower limit": lower,
            "upper limit": upper,
            "claimed at least": bound,
            "detectable": detectable,
            "trials": trials,
            "level": level,
        },
    )


def within(name: str, low: float, high: float, margin: float, **numbers: Any) -> Finding:
    """|difference| <= margin, from confidence limits of the difference: a two-sided equivalence test.

    Supported when the whole interval lies inside, refuted when it lies outside.
    """
    if -margin <= low and high <= margin:
        verdict = Verdict.SUPPORTED
    elif low > margin or high < -margin:
        verdict = Verdict.REFUTED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Finding(
        name,
        verdict,
        numbers | {"difference": [low, high], "claimed within": margin, "detectable": margin + (high - low)},
    )


def inside(name: str, limits: tuple[float, float], claimed: tuple[float, float], **numbers: Any) -> Finding:
    """A quantity lies in the claimed range, from its confidence limits."""
    middle, half = (claimed[0] + claimed[1]) / 2, (claimed[1] - claimed[0]) / 2
    finding = within(name, limits[0] - middle, limits[1] - middle, half)
    return Finding(name, finding.verdict, numbers | {"interval": list(limits), "claimed in": list(claimed)})


def beats(name: str, claimed: scaling.Fit, rival: scaling.Fit, level: float) -> Finding:
    """The claimed growth law describes the trials better than the rival, or the rival does (refuted)."""
    comparison = scaling.compare(claimed, rival)
    back = scaling.compare(rival, claimed)
    verdict = (
        Verdict.SUPPORTED if comparison.beats(level) else Verdict.REFUTED if back.beats(level) else Verdict.INCONCLUSIVE
    )
    return Finding(
        name,
        verdict,
        {
            "nats a trial": comparison.advantage,
            "z": comparison.z,
            "claimed": claimed.estimate,
            "rival": rival.estimate,
            "range of ε": [min(claimed.eps), max(claimed.eps)],
            "level": level,
        },
    )


def holds(name: str, true: bool, *, proved: bool = False, **numbers: Any) -> Finding:
    """A deterministic statement: refuted by one counter-example, proved by a proof, else supported."""
    verdict = Verdict.REFUTED if not true else Verdict.PROVED if proved else Verdict.SUPPORTED
    return Finding(name, verdict, numbers)


def smaller(name: str, first: tuple[float, float], second: tuple[float, float], **numbers: Any) -> Finding:
    """The first quantity is smaller than the second, from the confidence limits of each."""
    verdict = (
        Verdict.SUPPORTED if first[1] < second[0] else Verdict.REFUTED if first[0] > second[1] else Verdict.INCONCLUSIVE
    )
    return Finding(name, verdict, numbers | {"first": list(first), "second": list(second)})
