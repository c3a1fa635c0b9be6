"""What finds masks without a construction: differencing, local search, gradients. They find, or say nothing."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ltjax
from ltjax import NeuronPruning, SubsetSum, WeightPruning
from ltjax.arguments import ArgumentError
from ltjax.patterns import AbstractPattern, get_pattern
from ltjax.problems.pruning import Pruning
from ltjax.search.masks import swaps
from ltjax.search.masks.gradient import METHODS, gates_for, train_masks
from ltjax.search.masks.gradient.descent import Data, errors
from ltjax.search.sums.differencing import differencing, sum_by_differencing
from ltjax.solvers.choose import choose, names
from ltjax.solvers.searches import SEARCHES, EdgePopup, Swaps

KEY = jax.random.key(0)


@dataclasses.dataclass(frozen=True)
class Diagonal(AbstractPattern):
    """Of one's own."""

    def allows(self, mask):
        return mask.diagonal(0, -2, -1).sum(axis=-1) >= 0


def by_heap(numbers):
    """Differencing as in the textbook."""
    left = sorted(numbers)
    while len(left) > 1:
        largest, next_one = left.pop(), left.pop()
        left = sorted([*left, largest - next_one])
    return left[0]


@pytest.mark.parametrize("n", [1, 2, 5, 12, 31])
def test_differencing_is_the_textbooks_and_its_sides_differ_by_what_it_says(n):
    with jax.enable_x64():
        for seed in range(4):
            x = np.random.default_rng([seed, n]).uniform(0.0, 1.0, n)
            left, side = jax.jit(differencing)(jnp.asarray(x))
            assert float(left) == pytest.approx(by_heap(x), abs=1e-12)
            assert abs(x[np.asarray(side)].sum() - x[~np.asarray(side)].sum()) == pytest.approx(float(left), abs=1e-12)


def test_a_sum_by_differencing_is_off_by_half_the_difference_of_the_sides():
    with jax.enable_x64():
        for seed in range(8):
            rng = np.random.default_rng(seed)
            x, z = rng.normal(size=9), rng.uniform(-1.0, 1.0)
            mask = np.asarray(jax.jit(sum_by_differencing)(jnp.asarray(x), jnp.asarray(z)))
            half = 0.5 * by_heap(np.abs([*x, 2.0 * z - x.sum()]))
            assert abs(x[mask].sum() - z) == pytest.approx(half, abs=1e-12)


def test_differencing_finds_part_of_what_exists():
    found, exists = (
        ltjax.estimate(SubsetSum(), n=14, eps=0.001, trials=400, key=KEY, solver=solver)
        for solver in ("differencing", None)
    )
    assert found.misses == 0
    assert 100 < found.hits < exists.hits
    assert found.by["differencing"][0] == found.hits


@pytest.mark.parametrize("pattern", ["rows", "weights", "block:2x1", "block:1x2", "2:4", "exactly:2", "budget:2"])
def test_gates_make_masks_of_their_pattern_and_the_highest_scores_are_kept(pattern):
    rule, rng = get_pattern(pattern), np.random.default_rng(0)
    for n, d in ((4, 4), (5, 3)):
        gates = gates_for(rule, n, d)
        for _ in range(20):
            scores = jnp.asarray(rng.normal(size=gates.shape))
            mask = np.asarray(gates.mask(scores, 0.0))
            assert rule.allows(mask)
            assert mask.shape == gates.spread(scores).shape == (n, d)
            assert not np.any(mask & ~np.asarray(gates.spread(scores) > 0.0))
        assert np.asarray(gates.mask(jnp.ones(gates.shape), 0.0)).any()


def test_gates_of_n_to_m_keep_the_best_of_each_group():
    scores = jnp.asarray([[4.0, 1.0, 3.0, 2.0, -1.0, 0.5, -2.0]])
    mask = gates_for(get_pattern("2:4"), 1, 7).mask(scores, 0.0)
    assert np.array_equal(mask[0], [True, False, True, False, False, True, False])


def test_every_mask_that_a_pattern_allows_has_scores_that_make_it():
    for pattern in ("rows", "weights", "2:3", "exactly:2", "block:2x2", "rows+columns"):
        rule, gates = get_pattern(pattern), gates_for(get_pattern(pattern), 3, 3)
        allowed = {m.tobytes() for m in rule.masks(3, 3)}
        tried = np.random.default_rng(0).normal(size=(20_000, *gates.shape))
        made = np.asarray(jax.jit(jax.vmap(lambda s, gates=gates: gates.mask(s, 0.0)))(tried))
        met = {m.tobytes() for m in made}
        assert met <= allowed
        assert len(met) == len(allowed) or len(allowed) > 200


def planted(seed, hidden, noise, d=2):
    """A network in which `hidden` neurons, at random places, make σ(⟨w, x⟩) exactly."""
    rng = np.random.default_rng(seed)
    w = np.array([np.cos(0.7), np.sin(0.7)])
    share = rng.dirichlet(np.ones(hidden))
    u = np.concatenate([np.sqrt(share)[:, None] * w, rng.normal(size=(noise, d))])
    v = np.concatenate([np.sqrt(share), rng.normal(size=noise)])
    order = rng.permutation(len(v))
    angle = np.arange(64) * 2.0 * np.pi / 64
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    data = Data(*(jnp.asarray(x, jnp.float32) for x in (u[order], v[order], points, np.maximum(points @ w, 0.0))))
    return data, order < hidden


@pytest.mark.parametrize("method", METHODS)
def test_the_slope_of_every_gate_is_felt_and_the_error_returned_is_the_masks(method):
    data, _ = planted(0, 2, 6)
    gates = gates_for(get_pattern("weights"), 8, 2)
    error, mask = train_masks(KEY, data, gates, method=method, readout="relu", starts=2, steps=30)
    assert float(error) == pytest.approx(
        float(jnp.max(jnp.abs(errors(data, mask.astype(jnp.float32), "relu")))), rel=1e-5
    )
    nothing = jnp.zeros((8, 2), jnp.float32)
    slope = jax.grad(lambda g: jnp.sum(errors(data, g, "linear") ** 2))(nothing)
    assert np.all(np.abs(slope) > 1e-4)  # though everything is cut
    assert float(error) < float(jnp.max(data.target))  # better than nothing


def test_swaps_find_what_changes_of_one_neuron_cannot():
    # Both neurons are needed, and either alone is worse than nothing.
    values = jnp.asarray([[[0.0, 0.0], [1.0, -4.0]], [[0.0, 0.0], [0.0, 4.5]], [[0.0, 0.0], [9.0, 9.0]]])
    target = jnp.asarray([1.0, 0.5])
    error, state = swaps.swap_states(KEY, values, target, starts=1)
    assert float(error) == pytest.approx(0.0)
    assert np.array_equal(state, [1, 1, 0])


def test_swaps_end_where_no_pair_of_changes_helps():
    rng = np.random.default_rng(1)
    values = jnp.asarray(np.concatenate([np.zeros((7, 1, 9)), rng.normal(size=(7, 2, 9))], axis=1))
    target = jnp.asarray(rng.normal(size=9))
    error, state = swaps.swap_states(KEY, values, target, starts=4)
    total = values[np.arange(7), state].sum(axis=0)
    assert float(error) == pytest.approx(float(jnp.abs(total - target).max()), rel=1e-5)
    for i in range(7):
        for s in range(3):
            after = total - values[i, state[i]] + values[i, s]
            assert float(jnp.abs(after - target).max()) >= float(error) * (1.0 - 1e-5)


def test_a_planted_ticket_is_found_four_times_over_parameterised():
    """One planted neuron among four, two among eight: by local search, and by gradients the smaller one."""
    rows = get_pattern("rows")

    def swapped(data):
        states = jnp.asarray(rows.masks(1, 2)[:, 0])
        return swaps.swap_states(KEY, swaps.add_up(data.u, data.v, states, data.points), data.target, starts=4)[0]

    def trained(data, method):
        gates = gates_for(rows, len(data.v), 2)
        return train_masks(KEY, data, gates, method=method, readout="linear", steps=100)[0]

    ways = {"swaps": swapped} | {m: functools.partial(trained, method=m) for m in METHODS}
    for hidden, searches in ((1, ways), (2, ["swaps"])):
        many = jax.tree.map(lambda *x: jnp.stack(x), *(planted(seed, hidden, 3 * hidden)[0] for seed in range(16)))
        found = {name: int(jnp.sum(jax.jit(jax.vmap(ways[name]))(many) < 1e-4)) for name in searches}
        assert all(count >= 12 for count in found.values()), (hidden, found)


@pytest.mark.parametrize(
    ("problem", "n", "eps"),
    [
        (WeightPruning(), 8, 0.3),
        pytest.param(NeuronPruning(), 12, 0.4, marks=pytest.mark.slow),
        pytest.param(Pruning(d=3, pattern="2:3"), 8, 0.4, marks=pytest.mark.slow),
    ],
)
def test_searches_hit_or_say_nothing_and_never_contradict_what_exists(problem, n, eps):
    few = {"starts": 2, "steps": 40}
    hits = {}
    for search in SEARCHES[1:]:
        solver = search.of(problem)
        solver = dataclasses.replace(solver, **few) if hasattr(solver, "steps") else solver
        found = ltjax.estimate(problem, n=n, eps=eps, trials=16, key=KEY, solver=solver)
        assert found.misses == 0
        assert found.undecided == 16 - found.hits
        hits[solver.name] = found.hits
    assert max(hits.values()) > 0


def test_searches_are_asked_for_by_name_where_they_answer():
    assert {"edge-popup", "bernoulli", "swaps"} <= set(names(Pruning(d=4, pattern="2:4")))
    assert "swaps" not in names(Pruning(d=4, pattern="block:2x1"))
    assert {"edge-popup", "bernoulli"} <= set(names(Pruning(d=4, pattern="block:2x1")))
    assert "differencing" in names(SubsetSum())
    assert all("differencing" not in names(p) for p in (SubsetSum(size=3), SubsetSum(d=2), SubsetSum(target="cover")))
    assert isinstance(choose(NeuronPruning(), 9, 0.1, "swaps").solver, Swaps)
    assert not EdgePopup.of(NeuronPruning()).serves(NeuronPruning(readout="relu"))
    assert not EdgePopup.of(NeuronPruning()).serves(Pruning(pattern="rows", readout="linear"))
    with pytest.raises(ArgumentError, match="knows no gates"):
        gates_for(Diagonal(), 2, 2)
