"""Data made up for every claim, in which the claim is true; nothing is drawn by JAX.

Counts follow the law that the claim states, first hits a logistic law around its median. `sabotaged` makes a world in
which the claim is false, from the same data.
"""

import copy
import math
from collections.abc import Callable

import numpy as np

from ltjax.bounds import mean_square as square_bounds
from ltjax.bounds import nearest_normal, neuron_pruning, subset_sum, trained_readout, weight_pruning
from ltjax.bounds import tiny_jumps as jump_bounds
from ltjax.inference import growth
from ltjax.laws import get_law
from ltjax.machine.timing import Timings
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.trials.counts import Counts, FirstHits
from ltjax.verify.quantities import Median, Proportion
from proofs_check.gap import exponential, hardware, tenfold
from proofs_check.neuron_pruning import (
    bias,
    dimension,
    every_target,
    exponent,
    kink_lemma,
    lower_bound,
    mean_square,
    no_gap_on_the_line,
    relu_bound,
    tiny_jumps,
)
from proofs_check.neuron_pruning import nearest_normal as any_dimension
from proofs_check.neuron_pruning import sufficiency as rows_suffice
from proofs_check.neuron_pruning import trained_readout as trained_rows
from proofs_check.patterns import (
    across_neurons,
    atoms,
    budget,
    exactly,
    exponent_law,
    hybrid,
    n_of_m,
    outgoing,
    restriction,
)
from proofs_check.patterns import hardware as patterns_hardware
from proofs_check.search import differencing, exists_and_found
from proofs_check.subset_sum import (
    counting_limit,
    fixed_size,
    logarithmic_sufficiency,
    poisson_law,
    products,
    several_dimensions,
)
from proofs_check.weight_pruning import axis_target, linear_readout
from proofs_check.weight_pruning import counting_limit as no_construction
from proofs_check.weight_pruning import sufficiency as scissors_suffice


def counts(ns, eps, trials, hit, miss=None):
    """Counts with P(hit) = hit(n, ε) and P(miss) = miss(n, ε), by default all that do not hit."""
    hits = np.array([[round(trials * hit(n, e)) for e in eps] for n in ns])
    misses = trials - hits if miss is None else np.array([[round(trials * miss(n, e)) for e in eps] for n in ns])
    return Counts(tuple(ns), tuple(eps), trials, hits, misses, trials - hits - misses)


def first_hits(ns, eps, trials, median, scale: float | Callable[[float], float] = 0.3, seed=0):
    """First hits with a logistic law around median(ε); `scale` is a number or a function of ε."""
    rng = np.random.default_rng(seed)
    ends = np.array([0, *ns, max(ns) + 1])
    # One draw serves every ε, as in a run.
    noise = rng.logistic(size=trials)
    spread = [scale(e) if callable(scale) else scale for e in eps]
    needed = np.stack([median(e) + s * noise for e, s in zip(eps, spread, strict=True)], axis=1)
    at = np.clip(np.searchsorted(ends, needed), 1, len(ends) - 1)
    return FirstHits(tuple(ns), tuple(eps), ends[at - 1].astype(np.int32), ends[at].astype(np.int32))


def fitted(outcomes, laws):
    return {law: growth.fit(outcomes, law) for law in laws}


def bits(e):
    return -math.log2(e)


def step(needed):
    """All trials hit from needed(ε) neurons on, and all miss before."""
    return lambda n, e: float(n >= needed(e))


# --- subset sum


def ss_1(excess=1.0):
    bound = subset_sum.hit_probability_bound
    return {
        "counts": counts(
            counting_limit.NS,
            counting_limit.EPS,
            100_000,
            lambda n, e: min(1.0, excess * bound(n, e, get_law("uniform"), counting_limit.TARGET)),
        ),
        "attack": dict.fromkeys(counting_limit.ATTACKED, 1.02),
        "peak": [counting_limit.peak_density(k) for k in range(1, 41)],
    }


def ss_2(median=lambda e: 1.15 * bits(e) + 2.9):
    m = logarithmic_sufficiency
    outcomes = first_hits(m.NS, m.EPS, 600, median)
    return {"outcomes": outcomes, "fits": fitted(outcomes, m.LAWS)}


def ss_3(rate=1.0):
    m = poisson_law
    cells = {(n, m.precision(n, r)): r for n in m.NS for r in m.RATES}
    sharp = {(n, m.precision(n, m.COMPARED_RATE)): 0.03 if n == 8 else 0.002 for n in m.COMPARED}

    def hit(n, e):
        return 1.0 - math.exp(-rate * cells.get((n, e), 1.0))

    off = 1.0 - math.exp(-m.COMPARED_RATE)
    return {
        "counts": counts(m.NS, sorted({e for _, e in cells}), 400_000, hit),
        "rates": {cell: np.full(20_000, r) for cell, r in cells.items()},
        "sharp": counts(
            m.COMPARED, sorted(e for _, e in sharp), 1_600_000, lambda n, e: off - sharp.get((n, e), 0.0) * rate**8
        ),
        "sharp_rates": {cell: np.full(20_000, m.COMPARED_RATE) for cell in sharp},
    }


def ss_4(excess=0.9):
    m, found = fixed_size, {}
    for k in sorted({k for _, k in m.CASES}):
        ns = [n for n, size in m.CASES if size == k]
        eps = [e for n in ns for e in m.precisions(n, k)]

        def hit(n, e, k=k):
            share = e * math.comb(n, k)
            return min(0.95, excess * share) if share < 1.0 else 0.9 if share >= 5.9 else 0.5

        found[k] = counts(ns, eps, 20_000, hit)
    return {"counts": found}


def ss_5(factor=0.95):
    m = several_dimensions
    outcomes = {}
    for d in m.DIMENSIONS:
        ns, eps = (m.NS, m.EPS) if d > 1 else (m.NS_OF_LINE, m.EPS_OF_LINE)
        outcomes[d] = first_hits(ns, eps, 4_000, lambda e, d=d: factor * (d * bits(e) + 1.0), 0.8, seed=d)
    return {"outcomes": outcomes, "fits": {d: growth.fit(o, "logarithmic") for d, o in outcomes.items()}}


def ss_6(slope=1.2):
    m = products
    outcomes = {
        law: first_hits(
            m.NS,
            m.EPS,
            4_000,
            (lambda e: slope * bits(e) + 0.8) if law in m.PRODUCTS else (lambda e: 0.9 * bits(e) + 2.0),
            1.2 if law in m.PRODUCTS else 0.5,
        )
        for law in m.SHOWN
    }
    fits = {(law, g): growth.fit(outcomes[law], g) for law in m.PRODUCTS for g in m.LAWS}
    fits["uniform", "logarithmic"] = growth.fit(outcomes["uniform"], "logarithmic")
    return {"outcomes": outcomes, "fits": fits, "proofs": m.prove_normal_concentration()}


# --- neuron pruning


def np_1(least=1.003):
    m = kink_lemma
    ratios = {alpha: [least, 1.2, 1.5] for alpha in m.ANGLES}
    return {"ratios": ratios, "proofs": {divisor: m.prove_weaker_form(divisor) for divisor in (4.0, 3.0)}}


def np_2(factor=1.0):
    found = {}
    for e in lower_bound.EPS:
        n = neuron_pruning.kink_threshold(0.5, e)
        found[e] = {"n": n, "events": round(1e5 * factor * neuron_pruning.kink_event(n, e)), "trials": 100_000}
    return {"found": found}


def np_3(hits=0):
    m = relu_bound
    ratios = np.stack([np.ones(100), np.full(100, 0.7)], axis=1)
    thresholds = {
        e: {
            "n": math.ceil(0.2 / (e * math.log(1.0 / e))),
            "bound": None,
            "proved": math.ceil(0.12 / (e * math.log(1.0 / e))),
        }
        for e in m.EPS
    }
    cells = {cell: {"hits": hits, "trials": 400, "bound": 0.7} for cell in m.CELLS}
    return {"ratios": ratios, "thresholds": thresholds, "cells": cells}


def np_4(enough=5.0):
    m = rows_suffice
    small = {
        e: counts(
            m.sizes(e),
            (e,),
            m.TRIALS[e],
            lambda n, e: 0.0 if n * e < 2.0 else 0.7 if enough <= n * e < 7.0 else 0.9 * (n * e >= enough),
            lambda n, e: 0.85 if n * e < 2.0 else 0.0 if n * e >= enough else 0.9,
        )
        for e in m.SMALL
    }
    return {"small": small, "compared": counts((11,), (0.5,), 1000, lambda n, e: 0.3)}


def np_5(law="log-inverse"):
    m = dimension
    most = max(m.neurons(3, e) for e in m.EXACT)
    stated = {0.1: 0.34, **{e: c for e, c in m.EXACT.items() if c}}

    def median(e):
        return stated[e] * m.scale(3, e) if law == "log-inverse" else 1.7 / e

    outcomes = first_hits(tuple(range(1, most + 1)), tuple(m.EXACT), m.EXACT_TRIALS, median, lambda e: 0.07 * median(e))
    sizes = {
        (d, e): np.full(m.SEARCHED_TRIALS, math.ceil(0.3 * m.scale(d, e))) for d in m.DIMENSIONS for e in m.SEARCHED
    }
    return {"outcomes": outcomes, "fits": fitted(outcomes, ("log-inverse", "inverse")), "sizes": sizes}


def np_6(median=lambda e: 1.9 * bits(e) + 4.0):
    m = no_gap_on_the_line
    outcomes = first_hits(m.NS, m.EPS, 600, median, 1.0)
    return {"outcomes": outcomes, "fits": fitted(outcomes, (*m.LAWS, "power"))}


def np_7(factor=1.0):
    events = {}
    for e in bias.EPS:
        n = bias.threshold(e)
        happened = round(60_000 * factor * neuron_pruning.bias_kink_event(n, e, bias.KINK))
        events[e] = {"n": n, "events": happened, "trials": 60_000}
    found = counts(bias.SMALL, (0.05, 0.01), 400, lambda n, e: 0.5 * neuron_pruning.bias_kink_event(n, e, bias.KINK))
    return {"ratios": {delta: [1.001, 1.3] for delta in bias.DISTANCES}, "events": events, "counts": found}


def np_8(factor=1.0):
    m = any_dimension
    bound = nearest_normal.error_bound
    reached = {(d, alpha): 1.05 * factor * bound(alpha, d) for d in m.DIMENSIONS for alpha in m.MIXED}
    attacked = {d: [(0.5, *(r * factor * bound(0.5, d) for r in (1.1, 1.4)))] for d in m.ATTACKED}
    left = {(d, times): 0.01 * (times < 1.0) for d in m.QUADRATURE for times in (0.8, 0.9, 1.0, 2.0)}
    return {"attacked": attacked, "mixed": reached, "left": left, "plane": 1e-15}


def np_9(less=0.0):
    m = exponent
    found, firsts = {}, {}
    for d, (coarse, *fine) in m.EPS.items():
        for e in (coarse, *fine):
            n = nearest_normal.threshold(0.5, e, d)
            found[d, e] = {"n": n, "events": round(2e4 * nearest_normal.event(n, e, d)), "trials": 20_000}
        rng = np.random.default_rng(d)
        medians = [(nearest_normal.constant(d) / e) ** (d - 1 - less) for e in fine]
        drawn = np.ceil(np.stack([rng.exponential(n / math.log(2.0), 20_000) for n in medians], axis=1))
        told = m.told(np.where(drawn > 20.0 * np.array(medians), np.inf, drawn), 20.0 * np.array(medians), tuple(fine))
        firsts[d] = told.counts()
    hits = {e: counts((m.enough(e),), (e,), m.HITS, lambda n, e: 0.95, lambda n, e: 0.0) for e in m.SEARCHED}
    return {"found": found, "firsts": firsts, "status": np.repeat([1, 0, -1], [100, 5, 15]), "hits": hits}


def np_11(less=0.0):
    m = trained_rows
    events, firsts, solved = {}, {}, {}
    for d, precisions in m.EPS.items():
        for e in precisions:
            n = trained_readout.cone_threshold(0.5, e, d)
            events[d, e] = (n, round(1e4 * trained_readout.cone_event(n, e, d)), 10_000)
        fine = precisions[1:]
        medians = np.array([e ** (1 - d + less) for e in fine])
        drawn = np.ceil(np.random.default_rng(d).exponential(medians / math.log(2.0), (10_000, len(fine))))
        firsts[d] = exponent.told(drawn, np.full(1, np.inf), tuple(fine)).counts()
    for d, e in m.SOLVED:
        solved[d, e, m.FEW], solved[d, e, m.ENOUGH] = Proportion(2, 60), Proportion(59, 60)
    return {"events": events, "firsts": firsts, "solved": solved, "beside": Proportion(57, 60)}


def np_12(growth=every_target.GROWTH["inverse with a logarithm"]):
    m = every_target
    events = {}
    for name, (share, _) in m.EVENTS.items():
        for e in m.EPS:
            n = m.half(e, share)
            events[name, e] = (n, round(3_000 * trained_readout.arcs_cover(n, share(e))), 3_000)
    medians = [math.exp(growth(e)) for e in m.GROWN]
    first = np.ceil(medians * np.exp(0.2 * np.random.default_rng(0).standard_normal((500, 1))))
    scissors = {m.BITS: Proportion(316, 320), m.FINER: Proportion(3, 320)}
    first = exponent.told(first, np.full(1, np.inf), m.GROWN).counts()
    return {"events": events, "first": first, "nets": Proportion(600, 3_000), "scissors": scissors}


def np_13(factor=1.0):
    m = mean_square
    rng = np.random.default_rng(0)
    attacked = {a: [factor * r * square_bounds.error_bound(a) for r in (1.02, 1.5)] for a in m.ANGLES}
    events = {}
    for e in m.EPS:
        n = square_bounds.kink_threshold(0.5, e)
        events[e] = (n, round(1e4 * square_bounds.kink_event(n, e)), 10_000)
    scatter = np.exp(rng.standard_normal(10_000))
    two = {n: n**-1.5 * scatter for n in m.SIZES}
    hits = {(e, t): Proportion(round(1e4 * p), 10_000) for e in m.TENTS for t, p in ((m.FEW, 0.05), (m.ENOUGH, 0.8))}
    return {"attacked": attacked, "events": events, "least": {}, "two": two, "hits": hits}


def np_14(times=1.0):
    m = tiny_jumps
    scatter = np.exp(0.1 * np.random.default_rng(0).standard_normal(200))
    sizes = {(d, e): times * jump_bounds.threshold(0.5, e, d) for d in m.CHECKED for e in (0.5, 0.1)}
    attained = {
        d: 0.4 * scatter[: m.DRAWS] * jump_bounds.mean_error_bound(jump_bounds.threshold(0.5, m.EPS, d), d)
        for d in m.DIMENSIONS
    }
    return {"attained": attained, "fall": {n: n**-0.25 * scatter for n in m.FALL}, "sizes": sizes}


# --- weight pruning


def wp_1(median=lambda e: 4.0 * bits(e) + 1.0):
    m = scissors_suffice
    found = {
        name: first_hits(
            m.NS[name], m.EPS, m.TRIALS[name], lambda e, f=f: 6.0 + f * median(e), lambda e, f=f: 0.04 * median(e)
        )
        for name, f in (("blocks", 1.2), ("shared", 0.6))
    }
    fits = {name: fitted(o, (*m.LAWS, "power")) for name, o in found.items()}
    grow = {
        d: first_hits(ns, m.EPS[:1], 60, lambda e, d=d: 20.0 * (d / 2.0) ** 0.55, 1.0) for d, ns in m.DIMENSIONS.items()
    }
    return {"found": found, "fits": fits, "grow": grow}


def wp_2(least=0.6):
    m = no_construction
    found = counts(m.CELLS, m.EPS, 2000, lambda n, e: min(1.0, 0.5 * weight_pruning.counting_bound(n, 3, e)))
    return {"ratios": [least, 0.8], "counts": found}


def wp_3(needed=lambda e: 1.0 / e):
    m = linear_readout
    ns = sorted({1, 2, 3} | {n for e in m.EPS for n in (m.size(e), m.logarithmic(e), 4 * m.size(e))})
    return {"counts": counts(ns, m.EPS, 300, step(needed))}


def wp_4(median=lambda e: 1.9 * bits(e) + 4.0):
    m = axis_target
    found = first_hits(m.NS, m.EPS, 600, median, 0.8)
    return {"found": found, "fits": fitted(found, m.LAWS)}


# --- gap


def gap_1(gap=True):
    m = exponential
    needed = {
        "relu, generic, d = 2": lambda e: 4.0 * bits(e),
        "relu, generic, d = 8": lambda e: 20.0 * bits(e),
        "linear, axis": lambda e: 2.0 * bits(e),
    }
    found = {name: counts(range(1, 500), m.EPS, 100, step(need)) for name, need in needed.items()}
    line = [counts(range(1, 40), no_gap_on_the_line.EPS, 600, step(lambda e: 2.0 * bits(e) + 3.0)) for _ in range(2)]
    data = {
        "counts": found,
        "shared": counts((m.SHARED_N,), (m.SHARED_EPS,), m.SHARED_TRIALS, step(lambda e: 2.0 * bits(e))),
        "missed": {e: counts((n,), (e,), trials, step(lambda e: 1.0 / e)) for e, (n, trials) in m.MISSED.items()},
        "least": {
            "relu": {e: math.ceil(0.2 / (e * math.log(1.0 / e))) for e in m.EPS},
            "linear": {e: math.ceil(0.27 / e) for e in m.EPS},
        },
        "most": {e: counts(rows_suffice.sizes(e), (e,), 40, step(lambda e: 5.0 / e)) for e in m.ROWS_EPS},
        "coarse": counts((m.COARSE_N,), (m.COARSE_EPS,), m.COARSE_TRIALS, lambda n, e: 0.8),
        "line": line,
    }
    return (
        data
        if gap
        else without_a_gap(
            data, lambda readout, e: needed["relu, generic, d = 2" if readout == "relu" else "linear, axis"](e)
        )
    )


def without_a_gap(data, needed):
    """The same world, but that rows need what scissors need: their bounds and their counts are scissors'."""
    data = copy.deepcopy(data)
    data["least"] = {r: {e: math.floor(needed(r, e)) for e in least} for r, least in data["least"].items()}
    data["most"] = {e: counts(range(1, 500), (e,), 100, step(lambda e: needed("linear", e))) for e in data["most"]}
    if "missed" in data:
        missed = data["missed"].items()
        data["missed"] = {e: counts(one.ns, (e,), one.trials, step(lambda e: needed("relu", e))) for e, one in missed}
    data["coarse"] = counts(range(1, 40), data["coarse"].eps, 200, step(lambda e: needed("linear", e)))
    return data


def gap_2(gap=True):
    m = tenfold
    slopes, found = {"relu": 15.0, "linear": 6.0}, {}
    for readout, slope in slopes.items():
        found[readout] = first_hits(tuple(range(1, 250)), m.EPS, 400, lambda e, s=slope: s * (2.0 - math.log10(e)), 1.5)
    whole = gap_1()
    data = {
        "needed": found,
        "fits": {readout: fitted(o, ("logarithmic", "inverse")) for readout, o in found.items()},
        "least": {r: {e: whole["least"][r][e] for e in m.EPS} for r in slopes},
        "coarse": whole["coarse"],
        "most": {m.FINE_EPS: whole["most"][m.FINE_EPS]},
    }
    return data if gap else without_a_gap(data, lambda r, e: slopes[r] * (2.0 - math.log10(e)))


def timings(times, rounds=300, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    seconds = {name: t * np.exp(noise * rng.standard_normal(rounds)) for name, t in times.items()}
    return Timings(seconds, dict.fromkeys(times, 1), dict.fromkeys(times, 1.0), {})


def hw_1(rows=0.15, masked=1.0, sparse=lambda share: 20.0 * share, errors=0.04, deviation=1e-6, **how):
    """Times over the start network's; sparse matrices up to three times it."""
    shares = [s for s in (*(2.0**-k for k in range(9, 0, -1)), 0.06) if sparse(s / 2) <= 3.0]
    dense = {"start": 1.0, "rows": rows, "masked": masked}
    some = {"start": 1.0, "rows": rows} | {s: sparse(s) for s in sorted(shares)}
    layer = hardware.Layer(512, timings(dense, **how), timings(some, **how), deviation)
    return {
        "device": "made up",
        "shares": {"rows": 0.11, "weights": 0.06},
        "tickets": "4 tickets, batch 4096",
        "errors": dict.fromkeys(("rows", "masked", "emptied"), errors),
        "side by side": timings(dense | {"emptied": rows}, **how),
        "layers": dict.fromkeys(hardware.BATCHES, layer),
    }


# --- patterns


def hw_2(rows=0.55, along=4.0, tall=0.8, deviation=1e-6, kept=0.5, **how):
    """Times over the start network's, half of the weights kept."""
    m = patterns_hardware
    dense = {"start": 1.0, "rows": rows, "zeros in place": 1.0}
    some = dense | dict.fromkeys(m.ACROSS, tall) | dict.fromkeys(m.ALONG, along)
    shares = dict.fromkeys(("rows", *m.ACROSS, *m.ALONG), kept)
    layer = m.Layer(512, timings(dense, **how), timings(some, **how), deviation, shares, True)
    needed = {"2:4": 20.0, f"block:{m.LOW}x1": 26.0 * m.LOW}
    counted = {name: first_hits(m.SIZES[name], (m.AT,), 400, lambda e, n=n: n) for name, n in needed.items()}
    return {"device": "made up", "layers": dict.fromkeys(m.BATCHES, layer), "counted": counted}


def pat_1(off=0.0):
    """Least errors under the pattern, of rows in dimension b, in dimension b + 1, and for another target."""
    rng, found = np.random.default_rng(0), {}
    for name in restriction.CASES:
        rows = rng.uniform(0.2, 1.0, size=(500, 2))
        found[name] = np.stack([rows + off * rng.random(rows.shape), rows, 1.1 * rows, 1.3 * rows], axis=2)
    return {"found": found}


def pat_2(median=lambda e: 1.6 * bits(e) + 6.0, near=0.5):
    m = exponent_law
    found = first_hits(m.NS, m.EPS, 2_000, median)
    events = {b: (nearest_normal.threshold(0.5, e, b), round(near * m.TRIALS), m.TRIALS) for b, e in m.DRAWN.items()}
    across = {label: first_hits(sizes, eps, 200, median) for label, sizes, eps in m.ACROSS.values()}
    first = {}
    for b, eps in m.FITTED.items():

        def needed(e, b=b):
            return nearest_normal.threshold(0.5, e, b)

        blocks = first_hits(range(1, m.MOST + 1), eps, m.NETWORKS, needed, lambda e, needed=needed: 0.5 * needed(e))
        first[b] = growth.fit(blocks, "power")
    known = {"found": found, "fits": fitted(found, (*m.LAWS, "power")), "events": events, "first": first}
    in_hand = {
        (b, e): counts((n,), (e,), m.SEARCHES[b][1], lambda n, e: 0.9)
        for b, each in m.IN_HAND.items()
        for e, n in each.items()
    }
    return known | {"across": across, "in hand": in_hand}


def pat_3(times=1.0):
    m = n_of_m

    def needed(e):
        return 3.1 * bits(e) + 14.6

    def hit(n, e, k=1.0):
        return 1.0 / (1.0 + math.exp(-(n - k * needed(e)) / 1.5))

    found = first_hits(m.NS, m.EPS, 1_000, lambda e: times * needed(e), 1.0)
    ruled = counts([math.ceil(x * m.FREE) for x in m.FACTORS], (m.AT,), 300, lambda n, e: hit(n, e, times))
    few = counts(m.COUNTED[:1], m.COUNTED[1:], 2_000, lambda n, e: 0.0)
    free = counts((m.FREE,), (m.AT,), 300, hit)
    fine = counts((m.ENOUGH,), (m.FINE,), 80, lambda n, e: 0.9)
    wide = counts((m.ENOUGH_WIDE,), (m.AT,), 40, lambda n, e: 1.0)
    drawn = {"found": found, "free": free, "ruled": ruled, "few": few, "fine": fine, "wide": wide}
    return drawn | {"fits": fitted(found, m.LAWS)}


def pat_4(power=1.0):
    m, found = across_neurons, {}
    for r in m.GROUPS:
        scale = 4.0 * (r / 4.0) ** power
        found[r] = first_hits(m.sizes(r), m.EPS, m.TRIALS, lambda e, s=scale: s * (2.1 * bits(e) + 3.6), 0.8 * scale)
    return {"found": found, "fits": {r: fitted(each, m.LAWS) for r, each in found.items()}}


def pat_5(power=1.0):
    m, found = budget, {}
    for k, eps in m.EPS.items():

        def median(e, k=k):
            return m.NEAR[k] * max(m.EPS[k]) ** (-1.0 / k) * (max(m.EPS[k]) / e) ** (k**-power)

        found[k] = first_hits(m.sizes(k), eps, 5_000, median, lambda e, of=median: 0.1 * of(e))
    return {"found": found}


def near_parts(drawn, near):
    """By key of `drawn`, with so many other weights kept: n, events and trials, as the closed form has it."""
    trials = hybrid.TRIALS
    found = {k: (nearest_normal.part_threshold(0.5, e, hybrid.D, others), others) for k, (e, others) in drawn.items()}
    return {k: (n, round(near * trials), trials) for k, (n, _) in found.items()}


def pat_6(near=0.5, hit=0.9):
    m = hybrid

    def cell(e, rate):
        return counts((m.size(e),), (e,), 300, lambda n, e: rate, lambda n, e: 0.85 * (1.0 - rate))

    events = near_parts({s: (e, m.D - 1 - s) for s, e in m.DRAWN.items()}, near)
    return {"enough": {e: cell(e, hit) for e in m.ENOUGH}, "few": cell(m.AT, 0.0), "events": events}


def pat_8(near=0.5, hit=0.8):
    m = exactly
    one = counts((m.ENOUGH,), (m.AT,), 400, lambda n, e: hit)
    return {"one": one, "events": near_parts({n: (e, n - 1) for n, e in m.DRAWN.items()}, near)}


def pat_9(median=lambda d, e: 1.2 * d * bits(e) + 2.5):
    m = outgoing
    found = {
        d: first_hits(range(1, m.UNITS + 1), eps, m.TRIALS, lambda e, d=d: median(d, e), 0.8)
        for d, eps in m.EPS.items()
    }
    return {
        "found": found,
        "fits": {d: fitted(each, m.LAWS) for d, each in found.items()},
        "off": np.full((8, 2), 1e-15),
    }


def pat_7(best=0.9):
    m = atoms
    found = first_hits(m.NS, m.EPS, 1_000, lambda e: 6.7 * bits(e) + 27.0, 8.0)
    rates = {m.FEWER: 0.2, m.BEST: best, m.MORE: 0.1}
    shares = {p: counts((m.SIZE,), (m.AT,), 600, lambda n, e, r=r: r) for p, r in rates.items()}
    levels = counts((m.ENOUGH,), (1e-4,), 200, lambda n, e: 0.95)
    rows = m.ROWS * m.NETWORKS
    near = {x: [round(m.share_without_atoms(m.ABOVE / x) * rows), round((1 - 1 / x) / x * rows)] for x in m.BENT}
    drawn = {"found": found, "shares": shares, "levels": levels, "near": near, "rows": rows}
    return drawn | {"fits": fitted(found, m.LAWS)}


def kk_1(left=lambda n: math.exp(-0.7 * math.log(n) ** 2), seed=0):
    """What is left is log-normal around its median."""
    rng, m = np.random.default_rng(seed), differencing
    spread = {n: np.exp(1.2 * rng.standard_normal(m.TRIALS)) for n in m.NS}
    found = {n: Median(left(n) * x) for n, x in spread.items()}
    return {"left": found, "least": Median(math.sqrt(m.NS[0]) * 2.0 ** -m.NS[0] * spread[m.NS[0]])}


def search_1(exists=0.7, shares=None, planted=0.95, seed=0):
    """Each search finds its share of the tickets that exist."""
    rng, m = np.random.default_rng(seed), exists_and_found
    shares = {"edge-popup": 0.25, "bernoulli": 0.4, "swaps": 0.8} | (shares or {})
    cells = {}
    for name, (_, _, eps, exact, trials, searches) in m.CELLS.items():
        there = np.repeat(rng.uniform(size=(trials, 1)) < exists, len(eps), axis=1)
        none = MISS if exact == "milp" else UNDECIDED
        said = {"exists": np.where(there, HIT, none).astype(np.int8)}
        for search in searches:
            found = there & (rng.uniform(size=(trials, 1)) < shares[search.name])
            said[search.name] = np.where(found, HIT, UNDECIDED).astype(np.int8)
        cells[name] = said
    return {"cells": cells, "planted": Proportion(round(planted * m.PLANTED), m.PLANTED)}


TRUE = {
    "GAP-1": gap_1,
    "GAP-2": gap_2,
    "HW-1": hw_1,
    "HW-2": hw_2,
    "KK-1": kk_1,
    **{f"NP-{i}": f for i, f in enumerate((np_1, np_2, np_3, np_4, np_5, np_6, np_7, np_8, np_9), 1)},
    **{f"NP-{i}": f for i, f in enumerate((np_11, np_12, np_13, np_14), 11)},
    **{f"PAT-{i}": f for i, f in enumerate((pat_1, pat_2, pat_3, pat_4, pat_5, pat_6, pat_7, pat_8, pat_9), 1)},
    "SEARCH-1": search_1,
    **{f"SS-{i}": f for i, f in enumerate((ss_1, ss_2, ss_3, ss_4, ss_5, ss_6), 1)},
    **{f"WP-{i}": f for i, f in enumerate((wp_1, wp_2, wp_3, wp_4), 1)},
}
"""By claim, data in which it is true."""

FALSE = {
    "GAP-1": ("rows' bounds and counts are those of scissors", lambda: gap_1(gap=False)),
    "GAP-2": ("rows' bounds and counts are those of scissors", lambda: gap_2(gap=False)),
    "HW-1": ("zeros in place take half of the time", lambda: hw_1(masked=0.5)),
    "HW-2": ("2:4 saves a third of the time", lambda: hw_2(along=0.67)),
    "KK-1": ("what is left is a power of n", lambda: kk_1(lambda n: n**-5.7 * 1e4)),
    "NP-1": ("a network beats the bound by a tenth", lambda: np_1(least=0.9)),
    "NP-2": ("the event is a tenth more frequent", lambda: np_2(factor=1.1)),
    "NP-3": ("nearly all networks hit", lambda: np_3(hits=380)),
    "NP-4": ("twenty times 1/ε neurons are needed", lambda: np_4(enough=20.0)),
    "NP-5": ("the covering threshold grows like 1/ε", lambda: np_5(law="inverse")),
    "NP-6": ("the threshold grows like 1/ε", lambda: np_6(lambda e: 0.027 / e)),
    "NP-7": ("the event is a tenth less frequent", lambda: np_7(factor=0.9)),
    "NP-8": ("networks without a near normal beat the bound by a third", lambda: np_8(factor=0.67)),
    "NP-9": ("the first near normal comes as in one dimension less", lambda: np_9(less=1.0)),
    "NP-11": ("trained weights need one exponent less", lambda: np_11(less=1.0)),
    "NP-12": ("a random net grows like 1/ε", lambda: np_12(every_target.GROWTH["inverse"])),
    "NP-13": ("networks beat the bound by a tenth", lambda: np_13(factor=0.9)),
    "NP-14": ("twice as many neurons are needed", lambda: np_14(times=2.0)),
    "PAT-1": ("what is cut elsewhere helps", lambda: pat_1(off=-0.01)),
    "PAT-2": ("a near block comes half as often again", lambda: pat_2(near=0.7)),
    "PAT-3": ("2:4 needs four fifths more neurons", lambda: pat_3(times=1.8)),
    "PAT-4": ("the number of neurons does not depend on R", lambda: pat_4(power=0.0)),
    "PAT-5": ("from m = 2 on it is no power", lambda: pat_5(power=50.0)),
    "PAT-6": ("a near part comes half as often again", lambda: pat_6(near=0.7)),
    "PAT-7": ("a quarter of the weights is worse than sixty in a hundred", lambda: pat_7(best=0.01)),
    "PAT-8": ("a near part comes half as often again", lambda: pat_8(near=0.7)),
    "PAT-9": ("what is needed grows like 1/ε", lambda: pat_9(lambda d, e: 0.1 * d / e + 2.0)),
    "SEARCH-1": ("gradients find nine tickets in ten", lambda: search_1(shares={"edge-popup": 0.9})),
    "SS-1": ("a quarter more hits than the bound allows", lambda: ss_1(excess=1.25)),
    "SS-2": ("the threshold grows with the square of the bits", lambda: ss_2(lambda e: 4.0 + 0.09 * bits(e) ** 2)),
    "SS-3": ("the mean number of hitting subsets is 1.3 λ", lambda: ss_3(rate=1.3)),
    "SS-4": ("half as many hits again as the bound allows", lambda: ss_4(excess=1.5)),
    "SS-5": ("half of the numbers suffice", lambda: ss_5(factor=0.5)),
    "SS-6": ("products need fewer numbers a bit than uniforms", lambda: ss_6(slope=0.6)),
    "WP-1": ("the construction needs about 1/ε neurons", lambda: wp_1(lambda e: 0.03 / e)),
    "WP-2": ("two targets differ by less than half of their distance", lambda: wp_2(least=0.4)),
    "WP-3": ("a logarithmic number suffices", lambda: wp_3(lambda e: 1.5 * bits(e))),
    "WP-4": ("the number of neurons grows like 1/ε", lambda: wp_4(lambda e: 0.025 / e)),
}
"""By claim, a sabotage and data in which the claim is false."""

assert list(TRUE) == list(FALSE)
