"""The gap's judges on numbers made up: they support a gap, refute a false one, and say when they cannot tell."""

import math

import numpy as np
import pytest

from ltjax.inference import growth as scaling
from ltjax.trials.counts import Counts, FirstHits
from ltjax.verify.claim import joint_verdict
from proofs_check.gap import exponential, tenfold

LEVEL = 1e-7
EPS = exponential.EPS


def counts(ns, eps, needed, trials=100):
    """All trials hit from `needed(ε)` neurons on, and all miss before."""
    hits = np.array([[trials if n >= needed(e) else 0 for e in eps] for n in ns])
    return Counts(tuple(ns), tuple(eps), trials, hits, trials - hits, np.zeros_like(hits))


def data(needed):
    ns = tuple(sorted({*range(1, 200), *(2**k for k in range(8, 24))}))
    names = [*(f"relu, generic, d = {d}" for d in exponential.DIMENSIONS), "linear, axis"]
    line = [counts(range(1, 40), (1e-1, 1e-2), lambda e: 2 * math.log2(1 / e)) for _ in range(2)]
    return {
        "counts": {name: counts(ns, EPS, needed) for name in names},
        "far": counts((2**40,), (exponential.FAR_EPS,), lambda e: 2**40),
        "least": {r: {e: math.ceil(0.2 / e) for e in (*EPS, exponential.FAR_EPS)} for r in ("relu", "linear")},
        "line": line,
    }


def verdict(found):
    return joint_verdict([finding.verdict for finding in found])


def test_a_gap_is_supported_and_a_false_one_refuted():
    logarithmic = data(lambda e: 4 * math.log2(1 / e))
    logarithmic["far"] = counts((176,), (exponential.FAR_EPS,), lambda e: 100)
    assert verdict(exponential.judge(logarithmic, LEVEL)) == "supported"
    assert verdict(exponential.judge(logarithmic, LEVEL, d=1)) == "refuted"


@pytest.mark.parametrize("needed", [lambda e: 1 / e, lambda e: math.inf], ids=["as many", "not found"])
def test_weak_limits_neither_support_nor_refute(needed):
    assert verdict(exponential.judge(data(needed), LEVEL)) == "inconclusive"


@pytest.mark.parametrize(("growth", "expected"), [("logarithmic", "supported"), ("inverse", "refuted")])
def test_what_a_decade_costs(growth, expected):
    rng = np.random.default_rng(0)
    slopes = {"relu": 14.0, "linear": 6.0}
    needed, fits = {}, {}
    for readout, slope in slopes.items():
        median = {e: slope * (2.0 - math.log10(e)) if growth == "logarithmic" else 0.5 / e for e in EPS}
        first = np.stack([np.ceil(median[e] * rng.normal(1.0, 0.1, 400)) for e in EPS], axis=1).astype(np.int32)
        top = int(first.max()) + 1
        needed[readout] = FirstHits(tuple(np.unique([*first.ravel(), top]).tolist()), EPS, first - 1, first)
        fits[readout] = {law: scaling.fit(needed[readout], law) for law in ("logarithmic", "inverse")}
    rows = {readout: {e: math.ceil(0.27 / e) for e in EPS} for readout in slopes}
    found = tenfold.judge({"needed": needed, "fits": fits, "rows": rows}, LEVEL)
    assert verdict(found) == expected
    text = tenfold.headline({"needed": needed, "rows": rows})
    assert text.count("\n|") == 2 + 2 * (len(EPS) - 1)
