"""One question with a pattern: every pattern against all masks, by plain NumPy; more masks never hit less."""

import dataclasses
import itertools
import json
import math
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cells import decided

import ltjax
from ltjax.arguments import ArgumentError
from ltjax.certify.errors import sphere
from ltjax.inference import growth
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.patterns import get_pattern
from ltjax.problems.pruning import NeuronPruning, Pruning, WeightPruning
from ltjax.solvers.axis_cuts import AxisCuts
from ltjax.solvers.axis_rows import AxisRows
from ltjax.solvers.choose import choose
from ltjax.solvers.on_inputs import OnInputs
from ltjax.solvers.plane import KinkLemma, NearSearch
from ltjax.testing import check_problem, check_solver
from ltjax.trials.counts import FirstHits, count, first_hits
from proofs_check.patterns import atoms, exponent_law

sys.path.insert(0, str(Path(__file__).parent / "strangers"))

KEY = jax.random.key(11)
KINDS = [("linear", "axis"), ("relu", "axis"), ("relu", "generic"), ("linear", "generic")]
PATTERNS = {
    2: [
        "weights",
        "block:2x1",
        "1:2",
        "exactly:1",
        "budget:1",
        "budget:2",
        "rows+columns",
        "rows+cuts:1",
        "diagonals:Parity",
    ],
    3: ["weights", "block:2x1", "1:2", "2:3", "exactly:2", "budget:1", "budget:2", "rows+columns", "rows+cuts:2"],
    4: [
        "weights",
        "block:2x1",
        "block:3x1",
        "1:4",
        "2:4",
        "exactly:2",
        "budget:1",
        "budget:2",
        "rows+columns",
        "rows+cuts:3",
    ],
}
ROWS = {2: ["rows", "block:1x2"], 3: ["rows", "block:1x2"], 4: ["rows", "block:1x2", "block:1x3"]}
"""Here arcs or descents decide, which take long to compile."""
SIZES = {2: 5, 3: 4, 4: 3}
NETWORKS = int(os.environ.get("LTJAX_NETWORKS", "600"))
"""On which every pattern is compared with all masks; a longer run is `LTJAX_NETWORKS=5004 make slow`."""


def points(d, w, rng):
    """Where masks are compared: anywhere, across the target's kink, along the axes."""
    x = rng.normal(size=(160, d))
    near = x[:80] - 0.98 * (x[:80] @ w)[:, None] * w
    x = np.concatenate([x, near, np.eye(d), -np.eye(d), w[None]])
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def errors_at_points(network, n, readout, rng):
    """Of every mask of the first n neurons, in the order of `every_mask`."""
    u, v, w = (np.asarray(network[name], np.float64) for name in ("u", "v", "w"))
    x = points(len(w), w, rng)
    keep = (np.arange(1 << len(w))[:, None] >> np.arange(len(w))) % 2 == 1
    total = np.zeros((1, len(x)))
    for i in range(n):
        values = v[i] * np.maximum((keep * u[i]) @ x.T, 0.0)
        total = (values[:, None] + total).reshape(-1, len(x))
    g = np.maximum(total, 0.0) if readout == "relu" else total
    return np.abs(g - np.maximum(x @ w, 0.0)).max(axis=1)


def every_mask(n, d):
    return ((np.arange(1 << (n * d))[:, None] >> np.arange(n * d)) % 2 == 1).reshape(-1, n, d)


def least_errors(d, readout, target, trials, names):
    """For each pattern and trial: the least error at points of any allowed mask, and a bound of that mask's error."""
    n, rng = SIZES[d], np.random.default_rng(0)
    problem = Pruning(d=d, readout=readout, target=target)
    masks = every_mask(n, d)
    allowed = {name: get_pattern(name).allows(masks) for name in names}
    with jax.enable_x64(True):
        drawn = jax.vmap(lambda i: problem.draw(jax.random.fold_in(KEY, i), n))(np.arange(trials))
    found = {name: [] for name in names}
    for t in range(trials):
        network = {name: np.asarray(x[t], np.float64) for name, x in drawn._asdict().items()}
        off = errors_at_points(network, n, readout, rng)
        known = {}
        for name in names:
            best = int(np.argmin(np.where(allowed[name], off, np.inf)))
            if best not in known:
                kept = masks[best].any(axis=1)
                rows = (network["u"][:n] * masks[best])[kept]
                known[best] = sphere.certified_error(rows, network["v"][:n][kept], network["w"], readout=readout)[1]
            found[name].append((off[best], known[best]))
    return drawn, {name: np.array(pairs).T for name, pairs in found.items()}


def compared(d, readout, target, names, trials, eps):
    """Decisions of every pattern beside all masks: none of them contradicts, and how many are undecided."""
    drawn, least = least_errors(d, readout, target, trials, names)
    undecided, hits = [], 0
    for name in names:
        problem = Pruning(d=d, pattern=name, readout=readout, target=target)
        found = decided(problem, (SIZES[d],), eps, trials, KEY)
        for e in eps:
            cell = found[SIZES[d], e]
            np.testing.assert_allclose(cell.instance["u"][:, : SIZES[d]], drawn.u, rtol=1e-12)
            hit, miss = cell.status == HIT, cell.status == MISS
            low, high = least[name]
            assert not np.any(hit & (low > e)), f"{name}: a hit where every mask is off by more than {e} at some point"
            assert not np.any(miss & (high <= e)), f"{name}: a miss where a mask hits"
            assert np.all(problem.rule.allows(cell.witness["mask_u"][hit]))
            undecided.append(np.mean(cell.status == UNDECIDED))
            hits += int(hit.sum())
    assert hits > 0
    return undecided


@pytest.mark.parametrize(
    ("d", "readout", "target", "names"),
    [
        (2, "linear", "axis", ["block:2x1", "budget:2", "1:2"]),
        (2, "relu", "generic", PATTERNS[2]),
        (4, "relu", "axis", ["2:4", "block:2x1", "exactly:2"]),
    ],
)
def test_every_pattern_agrees_with_all_masks(d, readout, target, names):
    assert np.mean(compared(d, readout, target, names, 24, (0.5, 0.25))) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize(("readout", "target"), KINDS)
def test_every_pattern_agrees_with_all_masks_on_many_networks(d, readout, target):
    """A twentieth of the networks, and every pattern on each."""
    names = PATTERNS[d] + ROWS[d]
    assert np.mean(compared(d, readout, target, names, NETWORKS // 20, (0.6, 0.4, 0.2))) < 0.1


@pytest.fixture(scope="module")
def outcomes():
    """Decisions of many patterns on the same draws."""
    n, eps, found = 12, 0.1, {}
    for name in ("weights", "2:4", "rows+columns", *NESTED_SUMS):
        problem = Pruning(d=4, pattern=name, readout="linear", target="axis")
        found[name] = decided(problem, (n,), (eps,), 60, KEY)[n, eps].status
    return found


NESTED_SUMS = ("budget:1", "budget:2", "budget:3", "block:4x1", "block:2x1", "block:1x1")


def test_a_pattern_that_allows_more_never_hits_less(outcomes):
    masks = {name: get_pattern(name) for name in outcomes}
    pairs = 0
    for less, more in itertools.permutations(outcomes, 2):
        if np.all(masks[more].allows(masks[less].masks(4, 4))):
            pairs += 1
            assert not np.any((outcomes[less] == HIT) & (outcomes[more] == MISS)), f"{less} hits where {more} misses"
    assert pairs >= 16
    hits = [int((outcomes[name] == HIT).sum()) for name in NESTED_SUMS]
    assert 0 < hits[0] < hits[1] < hits[2]
    assert 0 < hits[3] <= hits[4] < hits[5]


@pytest.mark.parametrize("name", ["2:4", "rows+columns", "block:1x1"])
def test_on_an_axis_all_patterns_that_isolate_it_are_one_sum(outcomes, name):
    """The same draws, restricted to the first input: rows in dimension one."""
    np.testing.assert_array_equal(outcomes[name], outcomes["weights"])
    assert np.all(outcomes[name] != UNDECIDED)


def test_a_wrong_dimension_is_refuted():
    """Were blocks of two inputs rows in dimension one, some hit would be where no mask hits."""
    problem = Pruning(d=2, pattern="block:1x2", readout="linear", target="axis")
    one = Pruning(d=2, readout="linear", target="axis").rows
    assert one is not None
    wrong = OnInputs(one, choose(NeuronPruning(d=1), 4, 0.4).solver)
    with pytest.raises(ArgumentError, match="it answers another question"):
        choose(problem, 4, 0.4, wrong)
    names = ["rows", "weights"]
    _, least = least_errors(2, "linear", "axis", 60, names)
    line = decided(Pruning(d=2, pattern="weights", readout="linear", target="axis"), (SIZES[2],), (0.25,), 60, KEY)
    hit = line[SIZES[2], 0.25].status == HIT
    assert np.sum(hit & (least["rows"][0] > 0.25)) >= 5
    assert not np.any(hit & (least["weights"][0] > 0.25))


@pytest.mark.parametrize(
    ("pattern", "options"),
    [("rows", {}), ("weights", {}), ("block:2x1", {}), ("budget:2", {"d": 3}), ("2:4", {"d": 4, "readout": "relu"})],
)
def test_it_keeps_its_contract(pattern, options):
    check_problem(Pruning(pattern=pattern, **options), n=3, trials=2)


@pytest.mark.parametrize(
    ("pattern", "ns", "eps"),
    [
        ("budget:2", (4, 9), (0.4, 0.1)),
        ("block:2x1", (1, 4, 9), (0.4, 0.1)),
        ("rows+cuts:1", (7, 9), (0.4, 0.1)),
        ("rows+cuts:4", (7, 9), (0.4, 0.1)),
    ],
)
def test_its_solvers_keep_theirs(pattern, ns, eps):
    check_solver(Pruning(pattern=pattern, readout="linear", target="axis"), ns, eps, trials=6)


def test_a_mask_that_is_not_allowed_is_no_hit():
    problem = Pruning(d=2, pattern="budget:1", readout="linear", target="axis")
    network = jax.tree.map(np.asarray, problem.draw(KEY, 3))
    mask = np.array([[True, False], [True, False], [False, False]])
    assert problem.error(network, mask) == (np.inf, np.inf)
    assert problem.error(network, mask & [[True], [False], [True]])[1] < np.inf


def test_rows_and_scissors_are_two_patterns_of_it():
    assert NeuronPruning().rule == get_pattern("rows")
    assert WeightPruning().rule == get_pattern("weights")


@pytest.mark.parametrize("law", ["sparse:0.5", "levels:3"])
def test_rows_whose_weights_have_atoms_agree_with_all_masks(law):
    """Of each network the least error at points of any mask, and of the rows that read the target's input alone."""
    problem, n, eps, trials = NeuronPruning(law=law, target="axis"), 11, (0.3, 0.1, 0.03), 60
    found = decided(problem, (n,), eps, trials, KEY)
    angle = np.linspace(0, 2 * np.pi, 241)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    keep = ((np.arange(1 << n)[:, None] >> np.arange(n)) % 2 == 1).astype(float)
    hits = misses = 0
    for e in eps:
        cell = found[n, e]
        for t in range(trials):
            u, v = cell.instance["u"][t], cell.instance["v"][t]
            low = np.abs(keep @ (v[:, None] * np.maximum(u @ x.T, 0)) - np.maximum(x[:, 0], 0)).max(axis=1).min()
            high = low + (1 + np.sum(np.abs(v) * np.linalg.norm(u, axis=1))) * np.pi / 240
            assert cell.status[t] != HIT or low <= e
            assert cell.status[t] != MISS or high > e
            assert cell.lower[t] <= high
        hits, misses = hits + np.sum(cell.status == HIT), misses + np.sum(cell.status == MISS)
    assert hits >= 5
    assert misses >= 40


@pytest.mark.parametrize("levels", atoms.BENT)
def test_near_rows_of_so_many_levels_are_as_many_as_counting_says(levels):
    """Of all pairs of levels; finer levels come near the share without atoms."""
    half = (levels - 1) // 2
    level = np.arange(-half, half + 1)

    def share(eps):
        return float(np.mean(np.abs(level) < atoms.slope(eps) * np.abs(level[:, None])))

    drawn = np.sum([atoms.near_rows(key, levels) for key in jax.random.split(KEY, 10)], axis=0) / (10 * atoms.ROWS)
    for e, found in zip(atoms.eps_of(levels), drawn, strict=True):
        assert abs(found - share(e)) < 6 * math.sqrt(share(e) / (10 * atoms.ROWS))
    assert share(0.49 / (levels - 1)) == share(1e-9) == pytest.approx((1 - 1 / levels) / levels)
    assert share(0.51 / (levels - 1)) > share(1e-9)
    assert share(0.25) == pytest.approx(atoms.share_without_atoms(0.25), rel=3 / levels)
    assert atoms.share_without_atoms(1e-3) == pytest.approx(2e-3, rel=1e-4)


def test_the_first_near_block_is_where_a_loop_finds_it():
    found = exponent_law.first_near(KEY)
    u = np.asarray(exponent_law.sample_weights(KEY, exponent_law.MOST, exponent_law.D).u, np.float64)
    for b, eps in exponent_law.FITTED.items():
        angle = np.arccos(np.abs(u[:, 0]) / np.linalg.norm(u[:, :b], axis=1))
        for e, at in zip(eps, np.asarray(found[b]), strict=True):
            near = np.flatnonzero(angle <= exponent_law.bounds.angle(e, b))
            assert at == (near[0] + 1 if len(near) else exponent_law.MOST + 1)


@pytest.mark.slow
def test_masks_of_nine_levels_are_in_hand_as_if_there_were_no_atoms_down_to_about_a_ninth():
    """n50 of masks in hand, by the search near the kink and by sums on the axis, as C/(ε + bend): 9·bend near 1."""
    levels, trials = 9, 60
    problem, sizes = (
        NeuronPruning(law=f"levels:{levels}", target="axis"),
        (9, 18, 25, 36, 50, 72, 100, 144, 200, 288, 400),
    )
    eps, near = tuple(x / levels for x in (2.9, 1.0, 0.3, 0.1, 0.03)), 2
    found = first_hits(problem, sizes, eps, trials, KEY, solver=AxisRows()).first_hit.copy()
    coarse = first_hits(problem, sizes[:7], eps[:near], trials, KEY, solver=NearSearch("linear")).first_hit
    found[:, :near] = np.where(coarse > sizes[6], found[:, :near], np.minimum(coarse, found[:, :near]))
    ends = np.array([0, *sizes, max(sizes) + 1])
    before = ends[np.searchsorted(ends, found) - 1].astype(np.int32)
    bent = growth.GrowthLaw(
        "bent",
        r"c/(\varepsilon+\varepsilon_0)",
        ("ln c", "ln bend"),
        lambda t, x: jnp.exp(t[0]) / (jnp.exp2(-x) + jnp.exp(t[1])),
        lambda x, y: [float(np.log(y[0] * 2.0 ** -x[0])), -math.log(levels)],
    )
    fit = growth.fit(FirstHits(sizes, eps, before, found), bent)
    low, high = (levels * math.exp(x) for x in fit.interval("ln bend", 0.01))
    assert 1 / 3 < levels * math.exp(fit.estimate["ln bend"]) < 3
    assert 0.2 < low < high < 1.0


def test_atoms_are_left_to_methods_that_know_them():
    assert str(choose(NeuronPruning(law="sparse:0.5", target="axis"), 100, 1e-3).solver) == "axis rows (terms 24)"
    for problem in (NeuronPruning(law="levels:9", readout="relu"), NeuronPruning(law="levels:9", target="generic")):
        methods = [choose(problem, n, 1e-3).solver.methods for n in (9, 100)]
        assert methods == [("all masks at points",), ("descent",)]
    with pytest.raises(ArgumentError, match="solver='near' is not known"):
        choose(NeuronPruning(law="levels:9"), 100, 1e-3, "near")


def test_it_is_a_plain_value():
    problem = Pruning(d=4, pattern="2:4")
    assert problem == Pruning(d=4, pattern=get_pattern("2:4"))
    assert dataclasses.replace(problem, pattern="weights") == Pruning(d=4)
    described = {"problem": "pruning", "d": 4, "readout": "relu", "law": "normal", "target": "generic"}
    assert problem.describe() == described | {"pattern": "2:4"}
    assert Pruning(d=2, pattern="diagonals:Parity").describe()["pattern"] == "diagonals:Parity"


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "columns"}, "pattern='columns' is not known: pattern is one of rows, weights"),
        ({"pattern": "block:1x3"}, "pattern='block:1x3' is not allowed with d=2: inputs=3 is not allowed"),
        ({"pattern": "exactly:3"}, "pattern='exactly:3' is not allowed with d=2: kept=3 is not allowed"),
        ({"d": 3, "target": 0.7}, "an angle names a target in the plane only"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ArgumentError) as error:
        Pruning(**options)
    assert message in str(error.value)


def test_bad_solvers():
    with pytest.raises(ArgumentError, match="solver='milp' is not known for pruning: solver is one of auto, all masks"):
        choose(Pruning(), 5, 0.1, "milp")
    with pytest.raises(ArgumentError, match="n=4 is not allowed: n is a whole number from 1 to 3"):
        choose(Pruning(d=4), 4, 0.1, "all masks")


def test_few_terms_against_all_subsets():
    from brute import least_error

    from ltjax.search.sums.few_terms import nearest_of_few

    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        for terms in (1, 2, 3):
            for n in (1, 3, 7):
                values, used = rng.normal(size=(8, n)), rng.random((8, n)) < 0.8
                target = rng.normal(size=8) * 2
                each = jax.jit(jax.vmap(lambda v, u, z, k=terms: nearest_of_few(v, u, z, k)))
                off, which = map(np.asarray, each(values, used, target))
                for t in range(8):
                    best = least_error(values[t][used[t]], target[t], lambda size, k=terms: size <= k)
                    assert abs(off[t] - best) < 1e-12
                    chosen = [int(i) for i in which[t] if i >= 0]
                    assert len(set(chosen)) == len(chosen) <= terms
                    assert all(used[t][chosen])
                    assert abs(abs(values[t][chosen].sum() - target[t]) - best) < 1e-12
        broken = jax.numpy.array([np.nan, 1.0])
        assert np.isnan(nearest_of_few(broken, broken != 0.0, jax.numpy.ones(()), 2)[0])


def test_the_command_line_knows_patterns(capsys):
    from commands import run

    ask = ("--d", "4", "--target", "axis", "--n", "12", "--eps", "0.1", "--trials", "50", "--json")
    found = [run(capsys, "estimate", "pruning", "--pattern", name, *ask) for name in ("2:4", "diagonals:Parity")]
    assert [code for code, _, _ in found] == [0, 0]
    assert json.loads(found[0][1])["undecided"] == 0
    assert json.loads(found[1][1])["undecided"] == 50
    code, _, line = run(capsys, "estimate", "pruning", "--pattern", "5:4", *ask)
    assert code == 2
    assert "pattern='5:4' is not allowed" in line
    assert ltjax.Pruning is Pruning


def test_one_mask_is_bounded_anew_for_every_precision():
    """A bound that one ε is content with says too little for another."""
    problem = Pruning(d=4, pattern="2:4")
    one = jax.tree.map(np.asarray, problem.draw(jax.random.key(0), 6))
    mask = np.zeros((1, 1, 1, 6, 4), bool)
    mask[..., :3, :2], mask[..., 3:, 2:] = True, True
    eps = np.array([0.01, 2.6])  # the second lies between the bounds that the first is content with
    alone = [problem.error(one, mask[0, 0, 0], e) for e in eps.tolist()]
    assert alone[0] != alone[1]
    many = jax.tree.map(lambda x: x[None], one)
    lower, upper = problem.errors(many, mask, np.ones((1, 1, 2), bool), eps)
    assert list(zip(lower[0, 0], upper[0, 0], strict=True)) == alone


def test_more_rows_on_the_axis_than_a_sum_may_use_are_no_miss():
    """The third of three is the target itself; a search that may use the first two alone knows nothing."""
    problem = NeuronPruning(law="sparse:0.5", target="axis")
    with jax.enable_x64(True):
        drawn = jax.vmap(lambda key: problem.draw(key, 3))(jax.random.split(KEY, 1))
        rows, weights = jnp.asarray([[[1.0, 0.0]] * 3]), jnp.asarray([[10.0, 20.0, 1.0]])
        network = drawn._replace(u=rows, v=weights, moved=jnp.zeros((1, 3)))
        few, enough = (
            jax.tree.map(np.asarray, AxisRows(terms=terms).search(network, (2, 3), jnp.asarray([0.1])))
            for terms in (2, 3)
        )
    assert few.least[0, 0] > 0.1, "of the first two nothing is near the target"
    assert few.least[0, 1] == 0.0
    assert enough.error[0, 1, 0] < 1e-12
    assert enough.least[0, 1] == 0.0


@pytest.mark.parametrize(("d", "n", "cuts"), [(2, 5, 2), (3, 4, 1), (3, 4, 2), (2, 5, 4)])
def test_neurons_cut_to_the_axis_agree_with_all_masks(d, n, cuts):
    """Least errors at points of any allowed mask: no hit below, no certificate above the best mask's bound."""
    pattern = f"rows+cuts:{cuts}"
    problem = Pruning(d=d, pattern=pattern, readout="linear", target="axis")
    _, least = least_errors(d, "linear", "axis", 40, [pattern])
    low, high = least[pattern]
    hits = misses = 0
    for e in (0.4, 0.1, 0.02):
        cell = decided(problem, (n,), (e,), 40, KEY, solver=AxisCuts(cuts))[n, e]
        hit, miss = cell.status == HIT, cell.status == MISS
        assert not np.any(hit & (low > e))
        assert not np.any(miss & (high <= e))
        assert np.all(problem.rule.allows(cell.witness["mask_u"][hit]))
        hits, misses = hits + hit.sum(), misses + miss.sum()
    assert hits > 0 or cuts < d - 1
    assert (misses > 0) == (cuts // (d - 1) <= 3), "sums of more are not all looked at for misses"


def test_a_row_that_one_cut_brings_to_the_axis_is_no_miss():
    """With one of its two other weights cut it is within 0.001 of the target; the certificate must not say more."""
    problem = Pruning(d=3, pattern="rows+cuts:1", readout="linear", target="axis")
    drawn = jax.vmap(lambda key: problem.draw(key, 1))(jax.random.split(KEY, 2))
    drawn = drawn._replace(u=jnp.asarray([[[1.0, 0.001, 5.0]]] * 2), v=jnp.ones((2, 1)))
    assert np.all(np.asarray(AxisCuts(1).search(drawn, (1,), jnp.asarray([0.01])).least) <= 0.001)


def test_sums_of_many_neurons_cut_to_the_axis_keep_within_the_cuts():
    problem = Pruning(d=4, pattern="rows+cuts:15", readout="linear", target="axis")
    cell = decided(problem, (24,), (0.02,), 30, KEY)[24, 0.02]
    hit = cell.status == HIT
    assert hit.sum() >= 20
    kept = cell.witness["mask_u"][hit]
    assert np.all(problem.rule.allows(kept))
    assert kept.any(axis=2).sum(axis=1).max() == 5
    assert not np.any(cell.status == MISS), "of so many neurons nothing is certified"


def test_rows_that_are_only_some_of_a_patterns_masks_say_no_misses():
    """Of two inputs out of three a row may keep any two, so that no mask of rows within ε is no miss."""
    outcomes = {}
    for d, pattern in ((3, "exactly:2"), (4, "block:1x2")):
        problem = Pruning(d=d, pattern=pattern, readout="linear", target="axis")
        assert problem.rows is not None
        found = count(problem, (5,), (0.05,), 40, KEY, solver=OnInputs(problem.rows, KinkLemma()))
        outcomes[pattern] = found.at(5, 0.05)
    assert outcomes["exactly:2"] == (0, 0, 40)
    assert outcomes["block:1x2"][1] > 20, "there rows are all masks that matter"
