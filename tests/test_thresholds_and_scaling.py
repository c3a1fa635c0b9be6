"""Thresholds and growth laws on outcomes whose law is known."""

import dataclasses
import itertools
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import ltjax
from ltjax.inference import growth as scaling
from ltjax.inference import thresholds
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.solvers.choose import choose
from ltjax.solvers.in_order import InOrder
from ltjax.trials.counts import Counts, FirstHits, count

NS = tuple(range(1, 41))


def outcomes_of(first, eps, ns=NS, blur=None):
    """FirstHits for known least n, decided at every n of `ns`; with `blur`, undecided that far below."""
    first = np.minimum(first, max(ns) + 1)
    return FirstHits(ns, tuple(eps), np.maximum(first - 1 - (0 if blur is None else blur), 0), first)


def logistic_trials(medians, scale, trials, seed):
    rng = np.random.default_rng(seed)
    noise = rng.logistic(size=(trials, 1)) * scale  # one draw decides every ε
    return np.maximum(np.ceil(np.asarray(medians) + noise), 1).astype(int)


def test_bracket_contains_the_threshold_and_interpolation_is_linear():
    rng = np.random.default_rng(0)
    first = rng.geometric(0.1, size=(2000, 1))  # P(N <= n) = 1 - 0.9^n reaches ½ at n = 7
    (found,) = thresholds.brackets(outcomes_of(first, [0.1]), 0.5, 0.99, {})
    assert found.upper is not None
    assert found.interpolated is not None
    assert found.lower <= 7 <= found.upper
    assert found.upper - found.lower <= 1
    assert found.lower - 1 < found.interpolated <= found.upper
    assert 6 < found.interpolated < 8


def test_bracket_error_rate_exactly():
    """For a law that reaches p exactly at n* the upper end lies below it with chance at most half the rest."""
    from ltjax.inference import intervals

    trials, confidence, p = 50, 0.9, 0.5
    hits = np.arange(trials + 1)
    too_early = intervals.clopper_pearson_lower(hits, trials, (1 - confidence) / 2) >= p
    assert scipy.stats.binom.pmf(hits, trials, 0.4999)[too_early].sum() <= (1 - confidence) / 2


def test_undecided_trials_only_widen_the_bracket():
    rng = np.random.default_rng(1)
    first = rng.geometric(0.1, size=(500, 1))
    (sharp,) = thresholds.brackets(outcomes_of(first, [0.1]), 0.5, 0.99, {})
    (blurred,) = thresholds.brackets(outcomes_of(first, [0.1], blur=3), 0.5, 0.99, {})
    assert blurred.lower <= sharp.lower
    assert blurred.upper == sharp.upper


def test_undecided_trials_count_as_hits_in_the_lower_end_and_as_misses_in_the_upper():
    """Nothing is known up to n = 4, everything hits from 5 on: n_p is anywhere from 1 to 5."""
    nothing = FirstHits(tuple(range(1, 9)), (0.1,), np.zeros((300, 1), int), np.full((300, 1), 5))
    (found,) = thresholds.brackets(nothing, 0.5, 0.99, {})
    assert (found.lower, found.upper) == (1, 5)
    # A third hits at n = 2, two thirds are undecided there and hit at n = 4; 1 misses always.
    last, first = np.ones((300, 1), int), np.full((300, 1), 4)
    first[:100] = 2
    (found,) = thresholds.brackets(FirstHits(tuple(range(1, 9)), (0.1,), last, first), 0.5, 0.99, {})
    assert (found.lower, found.upper) == (2, 4)


def test_the_bracket_errs_with_half_the_rest_on_each_side():
    """Some hit from n = 3 on, all at 5: the ends move at the counts at which the exact limits pass p."""
    level = 0.005
    hits = np.arange(301)
    reaches = int(hits[scipy.stats.binom.sf(hits - 1, 300, 0.5) <= level][0])
    short = int(hits[scipy.stats.binom.cdf(hits, 300, 0.5) < level][-1])
    for number, expected in [
        (short, (5, 5)),
        (short + 1, (3, 5)),
        (reaches - 1, (3, 5)),
        (reaches, (3, 3)),
    ]:
        first = np.full((300, 1), 5)
        first[:number] = 3
        (found,) = thresholds.brackets(outcomes_of(first, [0.1], tuple(range(1, 9))), 0.5, 0.99, {})
        assert (found.lower, found.upper) == expected, number


@st.composite
def runs(draw):
    """Outcomes of random trials: sizes with gaps, brackets of any width, and what is asked of them."""
    ns = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=8)))
    if draw(st.booleans()):
        ns = list(range(1, ns[-1] + 1))
    trials = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = np.array([0, *ns, ns[-1] + 1])
    place = rng.integers(0, len(grid) - 1, trials)
    place = np.where(rng.random(trials) < draw(st.floats(0.0, 1.0)), place, draw(st.integers(0, len(grid) - 2)))
    width = np.where(rng.random(trials) < draw(st.floats(0.0, 1.0)), rng.integers(1, 5, trials), 1)
    last = grid[np.maximum(place - rng.integers(0, width), 0)]
    first = grid[np.minimum(place + width, len(grid) - 1)]
    p, confidence = draw(st.floats(0.01, 0.99)), draw(st.floats(0.01, 0.999))
    return (tuple(ns), (0.1,), last[:, None], first[:, None]), p, confidence


def decided(outcomes, share):
    """The same trials had they been decided: the least n is the first or the last possible, at random."""
    sizes = np.array([0, *outcomes.ns, max(outcomes.ns) + 1])
    earliest = sizes[np.searchsorted(sizes, outcomes.last_miss) + 1]
    early = np.random.default_rng(0).random(earliest.shape) < share
    first = np.where(early, earliest, outcomes.first_hit)
    return FirstHits(outcomes.ns, outcomes.eps, sizes[np.searchsorted(sizes, first) - 1], first)


@given(runs())
@settings(max_examples=400)
def test_interpolated_lies_in_the_bracket_and_undecided_trials_move_it_neither_way(run):
    outcomes, p, confidence = FirstHits(*run[0]), *run[1:]  # not in the strategy: checking types draws random numbers
    (found,) = thresholds.brackets(outcomes, p, confidence, {})
    end = max(outcomes.ns) if found.upper is None else found.upper
    early, some, late = (
        thresholds.brackets(decided(outcomes, share), p, confidence, {})[0].interpolated for share in (1.0, 0.5, 0.0)
    )
    if found.interpolated is None:
        assert early is None or late is None or late - early > (end - (found.lower - 1)) / 2
        return
    assert found.lower - 1 < found.interpolated <= end
    assert early is not None
    assert some is not None
    assert late is not None
    assert early <= some <= late
    assert found.interpolated == pytest.approx((early + late) / 2, rel=1e-12)
    assert late - early <= (end - (found.lower - 1)) / 2


def test_interpolated_by_hand():
    """4 of 10 hit at n = 2 and 8 at n = 3, of the others 2 and 1 are undecided: ½ is crossed at 1⅚ or 2¼."""
    ns, hits, undecided = (1, 2, 3, 4), np.array([0, 4, 8, 10]), np.array([0, 2, 1, 0])
    # Undecided as misses: 0.4 → 0.8 crosses ½ at 2 + 1/4. As hits: 0 → 0.6 crosses at 1 + 5/6.
    assert thresholds.crossing(ns, hits / 10, 0.5) == pytest.approx(2.25)
    assert thresholds.crossing(ns, (hits + undecided) / 10, 0.5) == pytest.approx(1 + 5 / 6)
    middle = (2.25 + 1 + 5 / 6) / 2
    assert thresholds.interpolate(ns, hits, undecided, 10, 0.5, 2, 3) == pytest.approx(middle)
    # The crossings are 5/12 apart: half of a bracket of width 1 is enough, but not of 5/6 and less.
    assert thresholds.interpolate(ns, hits, undecided, 10, 0.5, 3, 3) == pytest.approx(middle)
    wide = np.array([0, 6, 1, 0])
    assert thresholds.interpolate(ns, hits, wide, 10, 0.5, 3, 3) is None
    assert thresholds.interpolate(ns, hits, wide, 10, 0.5, 2, 3) is not None
    # No upper end: the bracket is taken to reach the largest n.
    assert thresholds.interpolate(ns, hits, wide, 10, 0.5, 3, None) is not None


def test_interpolated_is_none_where_it_says_nothing():
    half = np.array([5, 10])
    assert thresholds.crossing((20, 40), half / 10, 0.5) is None, "nothing below 20 was looked at"
    assert thresholds.crossing((1, 2), half / 10, 0.5) == 1.0
    assert thresholds.crossing((1, 2), half / 10, 0.25) == 0.5
    assert thresholds.crossing((20, 40), half / 10, 0.75) == 30.0
    assert thresholds.crossing((1, 2), np.array([0.1, 0.4]), 0.5) is None
    # Nothing is decided below n = 5, where everything hits: from 0+ to 5 all is possible.
    nothing = FirstHits(tuple(range(1, 9)), (0.1,), np.zeros((300, 1), int), np.full((300, 1), 5))
    (found,) = thresholds.brackets(nothing, 0.5, 0.99, {})
    assert found.interpolated is None


def test_no_upper_end_when_nothing_reaches_p():
    (found,) = thresholds.brackets(outcomes_of(np.full((100, 1), 99), [0.1]), 0.5, 0.99, {})
    assert (found.lower, found.upper, found.interpolated) == (41, None, None)


def test_threshold_of_a_known_case():
    """n = 1 and z = 0: the empty sum hits always."""
    found = ltjax.threshold(ltjax.SubsetSum(target=0.0), eps=0.1, key=jax.random.key(0), trials=50, n_max=3)
    assert (found.lower, found.upper) == (1, 1)
    several = ltjax.threshold(ltjax.SubsetSum(), eps=[0.1, 0.01], key=jax.random.key(0), trials=200)
    assert [one.eps for one in several] == [0.1, 0.01]
    uppers = [one.upper for one in several]
    assert uppers[0] is not None
    assert uppers[1] is not None
    assert uppers[0] <= uppers[1] <= several[1].n_max


def test_progress_counts_run_and_pilot_and_says_which():
    seen, stages = [], []
    how = {"progress": seen.append, "stage": stages.append}
    ltjax.threshold(ltjax.SubsetSum(), eps=0.1, key=jax.random.key(0), trials=200, **how)
    assert sum(seen) == 200 + 40 * (len(stages) - 1)
    assert all(stage.startswith("ε = 0.1, n up to ") for stage in stages)
    assert [stage.endswith("pilot") for stage in stages] == [True] * (len(stages) - 1) + [False]


class Costly:
    """A solver whose every size costs a search of its own."""

    traced_sizes = True

    def for_misses(self):
        return self


@dataclasses.dataclass(frozen=True)
class OneChoice:
    solver: Any = Costly()  # noqa: RUF009

    def describe(self):
        return {}


@dataclasses.dataclass(frozen=True)
class OneShare:
    ns: tuple[int]
    choice: OneChoice = OneChoice()

    @property
    def solver(self):
        return self.choice.solver


@pytest.fixture
def costly(monkeypatch):
    """300 trials that hit from a size on that is uniform on 1..400. What was asked: (n, trials)."""
    first = np.random.default_rng(0).integers(1, 401, size=300)
    asked = []

    def decisions(share, trials, key, *, among):
        (n,) = share.ns
        asked.append((n, int(among.sum())))
        for rows in np.array_split(np.flatnonzero(among), 7):
            status = np.where(first[rows] <= n, HIT, MISS)
            yield Decided(status[:, None, None])

    monkeypatch.setattr(thresholds, "decisions", decisions)
    monkeypatch.setattr(thresholds, "plan", lambda problem, ns, eps, solver: [OneShare(tuple(ns))])
    monkeypatch.setattr(thresholds, "choose", lambda *_: OneChoice())
    ns = thresholds.ladder(400)
    hits = np.array([np.sum(first <= n) for n in ns])[:, None]
    return asked, Counts(ns, (0.1,), 300, hits, 300 - hits, 0 * hits)


class Decided:
    def __init__(self, status):
        self.status = status

    def __len__(self):
        return len(self.status)


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.99, 1 - 1e-6])
@pytest.mark.parametrize("p", [0.05, 0.5])
def test_halving_finds_the_bracket_of_all_sizes(costly, confidence, p):
    asked, counts = costly
    ask = {"eps": 0.1, "key": jax.random.key(0), "trials": 300, "p": p, "confidence": confidence}
    found = thresholds.threshold(ltjax.NeuronPruning(d=3), n_max=400, **ask)
    whole = thresholds.bracket(counts, 0, p, confidence, {})
    assert (found.lower, found.upper) == (whole.lower, whole.upper)
    assert len({n for n, _ in asked}) <= 4 * np.log2(len(counts.ns))


def test_no_trial_is_asked_again_whose_answer_is_known(costly):
    asked, _ = costly
    thresholds.threshold(ltjax.NeuronPruning(d=3), eps=0.1, key=jax.random.key(0), trials=300, n_max=400)
    assert asked[0][1] == 40, "the pilot"
    # A trial is asked once at a size, and halving leaves each a handful of sizes.
    assert sum(count for _, count in asked) < 5 * 300
    sizes = [n for n, _ in asked]
    assert all(sizes.count(n) <= 4 for n in sizes), "a pilot's and the rest, for hits and for misses"


@pytest.mark.parametrize(
    ("found", "failed", "hopeless"), [(10, 20, True), (15, 15, False), (30, 0, False), (0, 0, False), (0, 30, True)]
)
def test_a_size_without_hope_is_not_looked_at(costly, found, failed, hopeless):
    """The whole run needs 173 of 300; of ten in thirty at most 47 in a hundred are to be expected, so 137."""
    asked, _ = costly
    ask = thresholds._Asker(ltjax.NeuronPruning(d=3), 0.5, 300, jax.random.key(0), 0.005, None, {}, lambda _: None)
    assert ask._needed(300, 0.005, hits=True) == 173
    ask.seen[0.1] = thresholds._Seen.nothing(300)
    ask.seen[0.1].piloted[200, True] = found, failed
    assert ask._hopeless(0.1, 200, 173, hits=True) == hopeless
    assert not ask._hopeless(0.1, 200, 173, hits=False), "misses are another question"
    ask._sure(0.1, 200, few=False, hits=True)
    assert bool(asked) != hopeless
    assert 200 in ask.seen[0.1].all, "what is known there is told"


def test_a_pilot_ends_once_it_is_sure(costly):
    ask = thresholds._Asker(ltjax.NeuronPruning(d=3), 0.5, 300, jax.random.key(0), 0.005, None, {}, lambda _: None)
    ask.seen[0.1] = thresholds._Seen.nothing(300)
    assert ask._sure(0.1, 400, few=True, hits=True)
    found, failed = ask.seen[0.1].piloted[400, True]
    assert ask._needed(40, thresholds.PILOT, hits=True) <= found < 40
    assert failed == 0


def test_what_a_threshold_saw_is_part_of_what_counts_say():
    """Real networks: never a hit or a miss that the counts at that size do not have."""
    problem, eps, key = ltjax.NeuronPruning(readout="relu"), 0.8, jax.random.key(5)
    found = thresholds.threshold(problem, eps=eps, key=key, trials=60, n_max=5)
    counts = count(problem, found.ns, (eps,), 60, key)
    missed = 60 - np.array(found.hits) - np.array(found.undecided)
    assert np.all(np.array(found.hits) <= counts.hits[:, 0])
    assert np.all(missed <= counts.misses[:, 0])
    whole = thresholds.bracket(count(problem, range(1, 6), (eps,), 60, key), 0, 0.5, 0.99, {})
    assert (found.lower, found.upper) == (whole.lower, whole.upper)


def test_for_misses_leaves_out_what_only_finds_hits():
    wide, narrow = (choose(ltjax.NeuronPruning(readout="relu"), n, 0.01).solver for n in (100, 300))
    assert str(wide.for_misses()).startswith("elimination")
    assert narrow.for_misses() is None
    linear = choose(ltjax.NeuronPruning(), 100, 0.01).solver.for_misses()
    assert isinstance(linear, InOrder)
    assert [part.name for part in linear.solvers] == ["kink lemma", "local walk", "elimination"]


@given(st.integers(0, 30), st.integers(-1, 31), st.integers(0, 30))
def test_first_that_finds_the_change_from_any_start(last, change, start):
    start, looked = min(start, last), []

    def holds(i):
        assert 0 <= i <= last
        looked.append(i)
        return i >= change

    assert thresholds.first_that(holds, start, last) == min(max(change, 0), last + 1)
    assert len(looked) == len(set(looked))
    assert len(looked) <= 2 * np.log2(abs(min(max(change, 0), last + 1) - start) + 1) + 4


def test_the_ladder_does_not_depend_on_how_far_it_goes():
    far = thresholds.ladder(10**6)
    assert far[:48] == tuple(range(1, 49))
    assert all(b / a <= 9 / 8 for a, b in itertools.pairwise(far[47:]))
    for n_max in (1, 40, 49, 1000):
        near = thresholds.ladder(n_max)
        assert near[-1] == n_max
        assert near[:-1] == tuple(n for n in far if n < n_max)


@pytest.mark.parametrize("looks", [1, 2, 4])
def test_a_stopped_run_gives_the_bracket_so_far(costly, looks):
    asked, counts = costly

    def stage(_):
        if len(asked) == looks:
            raise KeyboardInterrupt

    ask = {"key": jax.random.key(0), "trials": 300, "n_max": 400, "stage": stage}
    (found,) = thresholds.threshold(ltjax.NeuronPruning(d=3), eps=[0.1, 0.01], **ask)
    assert found.stopped
    assert set(found.ns) <= {n for n, _ in asked}
    whole = thresholds.bracket(counts, 0, 0.5, 0.99, {})
    assert found.lower <= whole.lower
    assert whole.upper is not None
    assert found.upper is None or found.upper >= whole.upper
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        thresholds.threshold(ltjax.NeuronPruning(d=3), eps=0.1, key=jax.random.key(0), stage=stop)


def stop(_: str) -> None:
    raise KeyboardInterrupt


def test_a_reach_without_hits_ends(monkeypatch):
    """Nothing hits at any size: the bracket is open above, and no one waits for the largest size there is."""

    def nothing(problem, ns, eps, trials, key, **how):
        zero = np.zeros((len(ns), len(eps)), np.int64)
        return Counts(tuple(ns), tuple(eps), trials, zero, zero + trials, zero)

    monkeypatch.setattr(thresholds, "count", nothing)
    found = thresholds.threshold(ltjax.SubsetSum(), eps=0.1, key=jax.random.key(0), trials=300, p=0.5)
    assert found.upper is None
    first = thresholds.likely_size(ltjax.SubsetSum(), 0.1)
    assert thresholds.FAR * first <= found.n_max <= 2 * thresholds.FAR * first


EPS = [2.0**-bits for bits in (2, 4, 6, 8, 10)]
BITS = np.array([2, 4, 6, 8, 10])


def test_fit_recovers_the_logarithmic_law():
    outcomes = outcomes_of(logistic_trials(1.2 * BITS + 3, 0.8, 4000, 0), EPS)
    fit = scaling.fit(outcomes, "logarithmic")
    low, high = fit.interval("a", 1e-6)
    assert low < 1.2 < high
    assert high - low < 0.1
    # Least n is the ceiling of the continuous threshold: the median sits half a step above or below.
    assert fit.estimate["b"] == pytest.approx(3.0, abs=0.2)
    for rival in ("power", "inverse", "log-squared", "constant"):
        comparison = scaling.compare(fit, scaling.fit(outcomes, rival))
        assert comparison.beats(1e-6), rival
        assert not dataclasses.replace(comparison, z=-comparison.z).beats(0.5)


def test_fit_recovers_a_power_law():
    ns = tuple(range(1, 400))
    medians = 3.0 * np.array(EPS) ** -0.6
    rng = np.random.default_rng(2)
    first = np.ceil(medians * np.exp(rng.logistic(size=(3000, 1)) * 0.15)).astype(int)
    outcomes = outcomes_of(first, EPS, ns)
    fit = scaling.fit(outcomes, "power")
    assert fit.estimate["gamma"] == pytest.approx(0.6, abs=0.02)
    assert scaling.compare(fit, scaling.fit(outcomes, "logarithmic")).beats(1e-6)


def test_standard_errors_match_the_scatter_of_repeated_fits():
    """The sandwich knows that one draw decides every ε; a naive information matrix would be far off."""
    fits = [
        scaling.fit(outcomes_of(logistic_trials(1.2 * BITS + 3, 0.8, 400, seed), EPS), "logarithmic")
        for seed in range(60)
    ]
    scatter = np.std([fit.estimate["b"] for fit in fits], ddof=1)
    stated = np.mean([np.sqrt(fit.covariance[1, 1]) for fit in fits])
    assert 0.75 < stated / scatter < 1.33  # 60 fits: the scatter is known to 9%; 3 of those


def test_custom_law_and_bad_law():
    law = scaling.GrowthLaw(
        "root", r"a\sqrt{x}", ("a",), lambda t, x: t[0] * x**0.5, lambda x, y: [float(np.mean(y / np.sqrt(x)))]
    )
    fit = scaling.fit(outcomes_of(logistic_trials(4 * np.sqrt(BITS), 0.5, 500, 3), EPS), law)
    assert fit.estimate["a"] == pytest.approx(4.0, abs=0.3)
    assert fit.median(2.0**-9) == pytest.approx(12.0, abs=0.6)
    with pytest.raises(ValueError, match="law='cubic' is not known"):
        scaling.fit(outcomes_of(np.ones((5, 5), int), EPS), "cubic")
    with pytest.raises(ValueError, match="needs more precisions"):
        scaling.fit(outcomes_of(np.ones((5, 1), int), [0.1]), "logarithmic")


def test_a_pilot_that_finds_no_hits_ends(monkeypatch):
    """Where no search finds any, looking farther only costs: rows in three dimensions go to 10^13."""
    asked = []

    def nothing(share, trials, key, *, among):
        asked.append((share.ns[0], int(among.sum())))
        yield Decided(np.full((int(among.sum()), 1, 1), UNDECIDED))

    monkeypatch.setattr(thresholds, "decisions", nothing)
    problem = ltjax.NeuronPruning(d=3)
    found = thresholds.threshold(problem, eps=0.2, key=jax.random.key(0), trials=400)
    first = thresholds.likely_size(problem, 0.2)
    assert 8 / 9 * first <= asked[0][0] <= first
    assert max(n for n, _ in asked) <= thresholds.FARTHEST * first
    assert found.n_max >= 0.8 * thresholds.FARTHEST * first
    assert found.upper is None
    assert found.lower == 1
    assert {trials for _, trials in asked} == {40}, "a pilot without hits asks for no run"
