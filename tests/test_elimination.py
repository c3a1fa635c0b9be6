"""Elimination along an arc: against all masks, linear programming, its own replay, and small wrong changes."""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from ltjax.arguments import ArgumentError
from ltjax.certify import integer_program, rounding
from ltjax.certify.eliminated import verify_eliminated
from ltjax.certify.errors import plane as plane_error
from ltjax.outcomes import HIT, MISS
from ltjax.problems.pruning import NeuronPruning
from ltjax.search import plane as planar
from ltjax.search.obstructions import elimination
from ltjax.solvers.elimination import Elimination, kinks, reduce
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.integer_program import IntegerProgram
from ltjax.solvers.plane import KinkLemma, NearSearch
from tests.cells import decided

W = np.array([np.cos(0.7), np.sin(0.7)])


def draw(seed, trials, n):
    """Kinks uniform on the circle, Laplace jumps: the normal law's."""
    rng = np.random.default_rng(seed)
    return rng.uniform(-np.pi, np.pi, (trials, n)), rng.laplace(size=(trials, n))


def eliminated(theta, kappa, eps, readout, **how):
    return elimination.eliminate(theta, kappa, np.ones_like(theta, bool), eps, readout=readout, **how)


@functools.partial(jax.jit, static_argnames=("readout",))
def errors(theta, kappa, masks, readout):
    return jax.lax.map(lambda pair: planar.masked_errors(*pair, masks, readout=readout), (theta, kappa))


@functools.cache
def all_masks(seed, trials, n, readout):
    """Networks, every mask's error, (trials, 2^n), and the masks."""
    theta, kappa = draw(seed, trials, n)
    masks = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
    with jax.enable_x64(True):
        return theta, kappa, np.asarray(errors(theta, kappa, masks, readout)), masks


def wrong(seed, trials, n, readout, eps):
    """How many networks lose a neuron of a hit, how many neurons are eliminated, how many networks missed."""
    theta, kappa, error, masks = all_masks(seed, trials, n, readout)
    found = eliminated(theta, kappa, eps, readout)
    kept = np.array([np.any(masks[each <= eps], axis=0) for each in error])
    lost = np.any(kept & ~found.candidates, axis=1) | (found.missed & (np.min(error, axis=1) <= eps))
    return int(lost.sum()), int(np.sum(~found.candidates)), int(np.sum(found.missed))


@pytest.mark.parametrize("readout", ["relu", "linear"])
@pytest.mark.parametrize("n", [1, 2, 5, 9, 11])
def test_no_hit_keeps_what_is_eliminated(readout, n):
    trials = 300 if n < 10 else 80
    counts = np.array([wrong(n, trials, n, readout, eps) for eps in (0.03, 0.1, 0.2, 0.5, 0.9)])
    assert np.all(counts[:, 0] == 0)
    assert counts[:, 1].sum() > 0.2 * 5 * trials * n
    assert counts[:, 2].sum() > 0


@pytest.mark.parametrize("readout", ["relu", "linear"])
def test_at_the_least_error_the_best_mask_stays(readout):
    """The hardest place: ε is the error of the best mask, a hair up."""
    theta, kappa, error, masks = all_masks(9, 300, 9, readout)
    eps = np.min(error, axis=1) * (1.0 + 1e-12)
    some = eps < 0.9
    found = eliminated(theta[some], kappa[some], eps[some], readout)
    best = masks[np.argmin(error[some], axis=1)]
    assert some.sum() > 100
    assert not np.any(best & ~found.candidates)
    assert not np.any(found.missed)
    assert np.any(~found.candidates)


def planted(rng, n, eps):
    """A network of n neurons with a hit at about ε: one near the target's kink, and groups that bend and cancel."""
    theta, kappa = rng.uniform(-np.pi, np.pi, n), rng.laplace(size=n)
    theta[0], kappa[0] = rng.uniform(-0.3, 0.3) * eps, 1.0 + rng.uniform(-0.3, 0.3) * eps
    mask, at = np.arange(n) == 0, 1
    for size in (2, 3, 3, 4):
        group = np.arange(at, at + size)
        jump = rng.laplace(size=size)
        jump[-1] = -np.sum(jump[:-1])
        theta[group] = rng.uniform(0.1, 3.0) + 0.2 * eps * rng.uniform(-1.0, 1.0, size) / np.max(np.abs(jump))
        kappa[group], mask[group], at = jump, True, at + size
    return theta, kappa, mask


@pytest.mark.parametrize("readout", ["relu", "linear"])
@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-6])
def test_a_planted_hit_stays(readout, eps):
    """At any ε, among many others that go: the tube is exactly as wide as the planted mask's error."""
    rng = np.random.default_rng(int(-np.log10(eps)))
    networks = [planted(rng, int(min(0.2 / eps, 3000)) + 20, eps) for _ in range(12)]
    theta, kappa, mask = (np.stack(each) for each in zip(*networks, strict=True))
    error = np.array([
        sum(plane_error.exact_error(np.stack([-np.sin(t[m]), np.cos(t[m])], axis=1), k[m], [0.0, 1.0], readout=readout))
        for t, k, m in zip(theta, kappa, mask, strict=True)
    ])  # fmt: skip
    assert np.all(error < 3.0 * eps)
    found = eliminated(theta, kappa, error, readout)
    assert not np.any(mask & ~found.candidates)
    assert not np.any(found.missed)
    assert np.mean(found.candidates) < 0.5
    # A tube of a third of that does not hold all of it.
    less = eliminated(theta, kappa, error / 3.0, readout)
    assert np.mean(np.any(mask & ~less.candidates, axis=1)) > 0.3


def held(places, kappa, kept):
    """The least tube that some start a·cos + b·sin holds at these places, kinks in between, by linear programming."""
    value = np.where(places[:, None] > places[1:-1], np.sin(places[:, None] - places[1:-1]), 0.0) @ (kappa * kept)
    lines, ones = np.stack([np.cos(places), np.sin(places)], axis=1), np.ones((len(places), 1))
    result = scipy.optimize.linprog(
        [0, 0, 1],
        A_ub=np.block([[lines, -ones], [-lines, -ones]]),
        b_ub=np.concatenate([-value, value]),
        bounds=[(None, None), (None, None), (0, None)],
    )
    return result.fun


def test_the_closed_form_is_linear_programming():
    """|κ| <= ε(cot(h1/2) + cot(h2/2)) is all that three points say of one line."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        places = np.sort(rng.uniform(0.0, 2.4, 3))
        least = held(places, np.ones(1), np.ones(1))
        h = np.diff(places)
        assert 1.0 / least == pytest.approx(np.sum(1.0 / np.tan(h / 2.0)), rel=1e-6)


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_choices_of_a_window_are_linear_programming(k):
    rng = np.random.default_rng(k)
    places = np.sort(rng.uniform(0.0, 2.3, (25, k + 2)), axis=1)
    kappa = rng.laplace(size=(25, k))
    eps = 0.05
    with jax.enable_x64(True):
        alive, seen = elimination._all_choices(
            jnp.asarray((places - places[:, :1]).T), jnp.asarray(kappa.T), np.zeros((k, 25), bool),
            jnp.full(25, eps), jnp.zeros(25), k=k,
        )  # fmt: skip
    for line in range(k):
        kept = np.any(np.asarray(alive)[(np.arange(2**k) >> line) & 1 == 1], axis=0)
        assert np.array_equal((np.asarray(seen) >> line) & 1 == 1, kept)
    some = 0
    for at, choice in itertools.product(range(25), range(2**k)):
        least = held(places[at], kappa[at], (choice >> np.arange(k)) & 1)
        if abs(least - eps) > 1e-7:
            assert bool(alive[choice, at]) == (least <= eps)
            some += least > eps
    assert some > 10


def test_extended_choices_are_all_choices():
    """Windows grown line by line keep what windows tried at once keep."""
    rng = np.random.default_rng(7)
    k, eps = 5, 0.04
    away = np.sort(rng.uniform(0.0, 2.3, (k + 2, 20)), axis=0)
    away[0] = 0.0
    kappa = rng.laplace(size=(k, 20)) * 0.3
    points = elimination._POINTS
    with jax.enable_x64(True):
        alive, _ = elimination._all_choices(away, kappa, np.zeros((k, 20), bool), np.full(20, eps), np.zeros(20), k=k)
        table = elimination._table(
            np.concatenate([away, np.tile(away[-1:], (points - k - 2, 1))]),
            np.pad(kappa, [(1, points - k - 1), (0, 0)]),
        )
        tube = np.stack([np.full(20, eps), np.zeros(20)])
        slot, bits = np.arange(20), np.zeros(20, np.int64)
        for line in range(k):
            fits = np.asarray(elimination._extended(table, tube, slot, bits, line + 2)).T.reshape(-1)
            slot, bits = np.repeat(slot, 2)[fits], np.stack([bits, bits | 1 << line], axis=1).reshape(-1)[fits]
    # A choice is dropped at the first three points that contradict each other, whichever way it is looked at.
    assert set(zip(slot.tolist(), bits.tolist(), strict=True)) == set(
        zip(*np.nonzero(np.asarray(alive).T), strict=True)
    )


def network(seed, n):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 2)), rng.normal(size=n)


def reasons_of(found, trial=0):
    return np.stack([found.round[trial], found.depth[trial], found.first[trial]])


@pytest.mark.parametrize(("readout", "eps", "n"), [("relu", 0.01, 60), ("linear", 0.01, 60), ("relu", 1e-4, 2500)])
def test_the_replay_confirms(readout, eps, n):
    deep = 0
    for seed in range(4):
        u, v = network(seed, n)
        theta, kappa = kinks(u[None], v[None], W[None])
        found = eliminated(theta, kappa, eps, readout)
        reasons = reasons_of(found)
        assert verify_eliminated(u, v, W, eps, reasons, readout=readout)
        gone = np.flatnonzero(reasons[0])
        deep = max(deep, reasons[1].max())
        # One that was not eliminated, at the end; and the same reasons at a larger ε.
        left = np.flatnonzero(found.candidates[0])
        if len(left):
            more = reasons.copy()
            more[:, left[0]] = reasons[0].max() + 1, 1, left[0]
            assert not verify_eliminated(u, v, W, eps, more, readout=readout)
        assert not verify_eliminated(u, v, W, 3.0 * eps, reasons, readout=readout)
        # A window that begins elsewhere.
        shifted = reasons.copy()
        shifted[2, gone] = np.roll(gone, 1)
        assert not verify_eliminated(u, v, W, eps, shifted, readout=readout)
    assert deep > (4 if readout == "relu" else 2)


def test_the_replay_confirms_nothing_beyond_its_range():
    """A jump so large that no mask keeps it, at any ε that is asked about here; its window is the whole arc."""
    u, v, reasons = np.array([[-np.sin(1.5), np.cos(1.5)]]), np.array([1e4]), np.array([[1, 0], [1, 0], [0, 0]])
    w = np.array([0.0, 1.0])
    assert verify_eliminated(u, v, w, 0.5, reasons)
    assert verify_eliminated(u, v, w, 0.9, reasons)
    for eps in (0.91, 1.0, 1.5):
        assert not verify_eliminated(u, v, w, eps, reasons)
        assert verify_eliminated(u, v, w, eps, 0 * reasons)
    # Readout relu knows nothing of networks of which only a part is listed; readout linear does.
    assert not verify_eliminated(u, v, w, 0.1, reasons, window=1.0)
    near = np.array([[-np.sin(0.4), np.cos(0.4)]])
    assert verify_eliminated(near, v, w, 0.01, reasons, readout="linear", window=1.0)
    assert not verify_eliminated(u, v, w, 0.01, reasons, readout="linear", window=1.0)
    # A line near the target's kink, a window of no lines, one that begins nowhere.
    assert not verify_eliminated(np.array([[-0.01, 1.0]]), v, w, 0.5, reasons)
    for depth, first in ((0, 0), (1, -1), (1, 1), (1, 2), (-1, 0)):
        assert not verify_eliminated(u, v, w, 0.5, np.array([[1, 0], [depth, 0], [first, 0]]))
    with pytest.raises(ArgumentError, match="u, v, w have shapes"):
        verify_eliminated(u, v, np.ones(3), 0.5, reasons)
    with pytest.raises(ArgumentError, match="blur="):
        verify_eliminated(u, v, w, 0.5, reasons, blur=-1.0)


def test_the_replay_leaves_coinciding_lines_open():
    """Both jumps have one sign, so that neither is kept; but their order is rounding."""
    reasons = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]])
    for second, confirmed in ((1.7, True), (1.5, False)):
        angle = np.array([1.5, second])
        rows = np.stack([-np.sin(angle), np.cos(angle)], axis=1)
        assert verify_eliminated(rows, np.full(2, 1e4), [0.0, 1.0], 0.1, reasons) == confirmed


def test_survivors_are_those_of_the_prototype():
    """Figures measured apart from this code: windows of 10, readout relu."""
    for eps, n, low, high in ((1e-2, 50, 3, 14), (1e-2, 100, 25, 50), (1e-3, 300, 3, 16), (1e-3, 500, 30, 65)):
        theta, kappa = draw(1, 16, n)
        count = eliminated(theta, kappa, eps, "relu").candidates.sum(axis=1)
        assert low <= np.mean(count) <= high, (eps, n, np.mean(count))


@pytest.mark.parametrize("readout", ["relu", "linear"])
def test_the_company_does_not_matter(readout):
    theta, kappa = draw(4, 6, 80)
    eps = np.linspace(0.005, 0.05, 6)
    together = eliminated(theta, kappa, eps, readout)
    for trial in range(6):
        alone = eliminated(theta[trial : trial + 1], kappa[trial : trial + 1], eps[trial], readout)
        for one, many in zip(alone, together, strict=True):
            assert np.array_equal(one[0], many[trial])


def test_the_kink_lemma_is_the_window_of_one():
    """Readout linear: without a line within α = 2·arctan(2ε) of the target's it cannot bend."""
    theta, kappa = draw(5, 200, 20)
    near = np.min(np.asarray(planar.kink_distance(jnp.asarray(theta))), axis=1)
    for eps in (0.01, 0.03):
        found = eliminated(theta, kappa, eps, "linear", most=1)
        lemma = near > 2.0 * np.arctan(2.0 * eps) + 1e-6
        assert np.all(found.missed[lemma])
        assert np.mean(lemma) > 0.1


def test_networks_of_which_only_the_near_neurons_are_listed():
    """Readout linear: what is not listed is not known to be no candidate; the kink lemma holds as ever."""
    problem, n, eps = NeuronPruning(), 4000, 1e-3
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(3), 64)
        drawn = jax.vmap(lambda key: problem.draw_near(key, problem.near_places(n, 0.05), 0.05))(keys)
        lemma = KinkLemma().look(drawn, jnp.full(64, 400), jnp.asarray(eps)).least > eps
    drawn = jax.tree.map(np.asarray, drawn)
    found = reduce(drawn, 400, eps, readout="linear")
    assert np.sum(np.asarray(lemma)) > 5
    assert np.all(found.missed[np.asarray(lemma)])
    assert np.sum(found.missed) > np.sum(np.asarray(lemma))
    listed = np.asarray(drawn.number) <= 400
    assert np.all(reduce(drawn, 400, eps, readout="relu").candidates == listed)
    # A window narrower than α, without a neuron in it, says nothing.
    nothing = elimination.eliminate(np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1), bool), 0.1, readout="linear")
    assert nothing.missed[0]
    narrow = {"readout": "linear", "window": 0.1}
    assert not elimination.eliminate(np.ones((1, 1)), np.ones((1, 1)), np.zeros((1, 1), bool), 0.1, **narrow).missed[0]


@pytest.mark.parametrize("readout", ["relu", "linear"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nothing_is_known_of_what_is_not_finite(readout, bad):
    theta, kappa = draw(6, 6, 30)
    theta[0, 3], kappa[1, 4] = bad, bad
    eps = np.array([0.01, 0.01, bad, 0.95, 1.5, 0.01])
    found = eliminated(theta, kappa, eps, readout)
    assert np.all(found.candidates[:5])
    assert not np.any(found.missed[:5])
    assert np.mean(~found.candidates[5]) > 0.5
    present = np.ones_like(theta, bool)
    present[0, 3] = present[1, 4] = False  # what is not there does no harm
    found = elimination.eliminate(theta, kappa, present, 0.01, readout=readout)
    assert np.all(np.any(~found.candidates, axis=1))
    assert not np.any(found.candidates & ~present)


def test_coinciding_kinks_may_cancel():
    """Two lines in one place with opposite jumps are kept or cut together; with other jumps both go."""
    theta = np.array([[1.0, 1.0, 2.0], [1.0, 1.0 + 1e-15, 2.0], [1.0, 1.0, 2.0]])
    kappa = np.array([[1.0, -1.0, 5.0], [1.0, -1.0, 5.0], [1.0, -0.5, 5.0]])
    found = eliminated(theta, kappa, 0.01, "relu")
    assert np.array_equal(found.candidates, [[True, True, False], [True, True, False], [False, False, False]])
    assert np.array_equal(found.missed, [False, False, True])


def test_lines_outside_the_arc_stay():
    """Readout relu: near the target's kink nothing says that a line cannot be kept."""
    theta = np.array([[0.005, 1.0, -0.005]])
    found = eliminated(theta, np.array([[1.0, 1.0, 1.0]]), 0.01, "relu")
    assert np.array_equal(found.candidates, [[True, False, True]])
    assert not found.missed[0]


def _cotangents(name):
    """A module in which one function of jax.numpy is another."""

    class Changed:
        def __getattr__(self, key):
            return getattr(jnp, key)

    changed = Changed()
    object.__setattr__(changed, "tan", name)
    return changed


def changed_windows(of, shift):
    def windows(arcs, ends, start, k):
        return of(arcs, ends, np.minimum(start + shift, ends[start] - 1), k)._replace(start=start)

    return windows


@pytest.mark.parametrize("fault", ["tan for cot", "a window shifted", "half of ε", "the target forgotten"])
def test_a_wrong_change_is_noticed(fault, monkeypatch):
    """Each of these loses a neuron of some hit, which the comparison with all masks sees."""
    jax.clear_caches()
    readout = "relu"
    if fault == "tan for cot":
        monkeypatch.setattr(elimination, "jnp", _cotangents(lambda x: 1.0 / jnp.tan(x)))
    elif fault == "a window shifted":
        of = elimination._Windows.of
        monkeypatch.setattr(elimination._Windows, "of", changed_windows(of, 1))
    elif fault == "half of ε":
        monkeypatch.setattr(rounding, "tube", lambda eps, total, blur: -0.5 * eps)
    else:
        readout = "linear"
        arcs: Any = elimination._arcs
        monkeypatch.setattr(elimination, "_arcs", lambda *given: arcs(*given[:-1], False))
    lost = sum(wrong(9, 300, 9, readout, eps)[0] for eps in (0.1, 0.2, 0.5))
    monkeypatch.undo()
    jax.clear_caches()
    assert lost > 0


@pytest.mark.parametrize(("readout", "n", "eps"), [("relu", 26, 0.15), ("linear", 24, 0.15)])
def test_elimination_agrees_with_integer_programming(readout, n, eps):
    problem = NeuronPruning(readout=readout)
    key = jax.random.key(2)
    ours = decided(problem, [n], [eps], 20, key, Elimination(readout))[n, eps]
    judge = decided(problem, [n], [eps], 20, key, IntegerProgram(readout))[n, eps]
    assert not np.any(ours.status * judge.status == -1)
    assert np.array_equal(ours.status != 0, judge.status != 0)
    assert np.any(ours.status == HIT)
    assert np.any(ours.status == MISS)


def test_what_others_leave_open_is_decided_of_the_right_trials():
    """Some trials are hits already, so that those asked about are not the first ones of the block."""
    problem, key = NeuronPruning(readout="relu"), jax.random.key(5)
    few = InOrder((NearSearch("relu", 64, 8), Elimination("relu")))
    ours, judge = (
        decided(problem, [14], [0.25], 32, key, solver)[14, 0.25] for solver in (few, IntegerProgram("relu"))
    )
    first = decided(problem, [14], [0.25], 32, key, InOrder((NearSearch("relu", 64, 8),)))[14, 0.25]
    assert 0 < np.sum(first.status == HIT) < np.sum(ours.status == HIT)
    assert np.array_equal(ours.status, judge.status)


def test_methods_that_the_host_leads_come_last():
    for solvers in ((Elimination("relu"), NearSearch("relu")), (Elimination("relu"),)):
        with pytest.raises(ArgumentError, match="methods that the host leads come behind all others"):
            InOrder(solvers)


def test_what_is_eliminated_alone_is_missed_by_integer_programming():
    """A mask that keeps an eliminated neuron does not exist: HiGHS finds none on the others' complement."""
    theta, kappa = draw(11, 10, 24)
    found = eliminated(theta, kappa, 0.2, "relu")
    for trial in range(10):
        u = np.stack([-np.sin(theta[trial]), np.cos(theta[trial])], axis=1)
        whole = integer_program.decide(u, kappa[trial], [0.0, 1.0], 0.2, readout="relu")
        some = found.candidates[trial]
        part = integer_program.decide(u[some], kappa[trial, some], [0.0, 1.0], 0.2, readout="relu")
        assert whole.status * part.status >= 0
        assert whole.status == part.status or 0 in (whole.status, part.status)


@pytest.mark.parametrize("readout", ["relu", "linear"])
def test_more_dimensions_by_planes(readout):
    """d = 3: no hit of all masks keeps what some plane eliminates."""
    problem = NeuronPruning(d=3, readout=readout)
    cell = decided(problem, [6], [0.1], 8, jax.random.key(1), Elimination(readout))[6, 0.1]
    masks = decided(problem, [6], [0.1], 8, jax.random.key(1), "all masks")[6, 0.1]
    assert not np.any((cell.status == MISS) & (masks.status == HIT))
    assert np.any(cell.status == MISS)


@pytest.mark.parametrize(("d", "n", "eps"), [(2, 60, 0.01), (3, 12, 0.02)])
def test_a_miss_rests_on_eliminations_that_the_replay_confirms(monkeypatch, d, n, eps):
    problem, name = NeuronPruning(d=d, readout="relu"), "verify_eliminated"
    sure = decided(problem, [n], [eps], 8, jax.random.key(2), "elimination")[n, eps]
    assert np.any(sure.status == MISS)
    monkeypatch.setattr(f"ltjax.solvers.elimination.{name}", lambda *replayed, **how: False)
    unsure = decided(problem, [n], [eps], 8, jax.random.key(2), "elimination")[n, eps]
    assert not np.any(unsure.status == MISS)


def test_by_name_and_to_be_told():
    problem = NeuronPruning(readout="relu")
    cell = decided(problem, [60], [0.01], 8, jax.random.key(0), "elimination")[60, 0.01]
    assert np.sum(cell.status == MISS) >= 6
    with jax.enable_x64(True):
        drawn = jax.vmap(lambda key: problem.draw(key, 60))(jax.random.split(jax.random.key(0), 3))
    drawn = jax.tree.map(np.asarray, drawn)
    assert np.all(reduce(drawn, 60, 0.01, readout="relu").candidates.sum(axis=1) < 40)
    unknown = drawn._replace(moved=np.full_like(drawn.moved, np.inf))
    assert np.all(reduce(unknown, 60, 0.01, readout="relu").candidates)
    with pytest.raises(ValueError, match="readout='cubic'"):
        elimination.eliminate(np.zeros((1, 2)), np.zeros((1, 2)), np.ones((1, 2), bool), 0.1, readout="cubic")
    with pytest.raises(ValueError, match="shapes"):
        elimination.eliminate(np.zeros((1, 2)), np.zeros((1, 3)), np.ones((1, 2), bool), 0.1)
    with pytest.raises(ValueError, match="reasons has shape"):
        verify_eliminated(np.ones((2, 2)), np.ones(2), W, 0.1, np.zeros((3, 2), int))
