"""Certificates that must not be given: from NaN, at extreme sizes, from walks cut short."""

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.arguments import ArgumentError
from ltjax.certify import integer_program
from ltjax.certify.errors import interval, network, plane, sphere
from ltjax.certify.uncovered import verify_uncovered
from ltjax.search import plane as planar
from ltjax.search.floats import is_zero
from ltjax.search.masks import arcs, at_points, near_kink, single_weights
from ltjax.search.obstructions import kink, zones

BAD = (math.nan, math.inf, -math.inf)
W = np.array([0.6, 0.8])
U = np.random.default_rng(0).normal(size=(6, 2))
V = np.random.default_rng(1).normal(size=6)


# --- exact errors: a right answer or one line ----------------------------------------------------------------


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_no_error_of_what_is_not_finite(d):
    u, v, w = np.ones((3, d)), np.ones(3), np.ones(d)
    routines = [sphere.certified_error, sphere.error_bounds]
    routines += {2: [plane.exact_error, plane.neuron_distance], 3: [sphere.exact_error]}.get(d, [])
    for routine in routines:
        for bad in BAD:
            for at in range(3):
                broken = [np.array(x) for x in (u, v, w)]
                broken[at].flat[0] = bad
                with pytest.raises(ArgumentError, match=r"^[uvw] has an entry that is NaN or infinite"):
                    routine(*broken)
        with pytest.raises(ArgumentError, match="w is the zero vector"):
            routine(u, v, 0.0 * w)
        if routine is not plane.neuron_distance:
            with pytest.raises(ArgumentError, match="at most 1e150"):
                routine(1e160 * u, v, w)
            with pytest.raises(ArgumentError, match="at most 1e150"):
                routine(1e300 * u, 1e300 * v, w)


@pytest.mark.parametrize("readout", ["linear", "relu"])
@pytest.mark.parametrize("d", [2, 3, 4])
def test_error_does_not_depend_on_the_size_of_w(d, readout):
    rng = np.random.default_rng(d)
    u, v, w = rng.normal(size=(4, d)), rng.normal(size=4), rng.normal(size=d)
    plain = sphere.certified_error(u, v, w, readout=readout, cells=500)
    for exponent in (-1000, -500, 500, 1020):
        assert sphere.certified_error(u, v, np.ldexp(w, exponent), readout=readout, cells=500) == plain
    tiny = np.full(d, 5e-324), np.full(d, 1.0)  # the same direction
    one, other = (sphere.certified_error(u, v, w, readout=readout, cells=500) for w in tiny)
    assert one == other


@pytest.mark.parametrize("readout", ["linear", "relu"])
@pytest.mark.parametrize("d", [2, 3])
def test_size_may_sit_in_u_or_in_v(d, readout):
    rng = np.random.default_rng(d)
    u, v, w = rng.normal(size=(5, d)), rng.normal(size=5), rng.normal(size=d)
    plain = sphere.certified_error(u, v, w, readout=readout)
    for exponent in (-900, -300, 300, 900):
        moved = sphere.certified_error(np.ldexp(u, exponent), np.ldexp(v, -exponent), w, readout=readout)
        assert moved == plain
    # What is far too small to matter does not.
    padded = sphere.certified_error(
        np.concatenate([u, 5e-324 * np.eye(d)]), np.append(v, np.full(d, 1e-300)), w, readout=readout
    )
    assert padded == plain


def test_plane_error_of_huge_weights_is_relative():
    value, margin = plane.exact_error(1e100 * U, V, W)
    plain, _ = plane.exact_error(U, V, 1e-100 * W)
    assert value == pytest.approx(1e100 * plain, rel=0.5)
    assert margin < 1e-13 * value


def test_interval_refuses_what_is_not_finite():
    ones = np.ones(3)
    for bad in BAD:
        broken = np.array([bad, 1.0, 1.0])
        for args, name in (((broken, ones, ones), "u"), ((ones, broken, ones), "v"), ((ones, ones, broken), "b")):
            with pytest.raises(ArgumentError, match=f"^{name} has an entry"):
                interval.exact_error(*args, 1.0, 0.0)
        with pytest.raises(ArgumentError, match=r"^w="):
            interval.exact_error(ones, ones, ones, bad, 0.0)
        with pytest.raises(ArgumentError, match=r"^c="):
            interval.exact_error(ones, ones, ones, 1.0, bad)
    with pytest.raises(ArgumentError, match="at most 1e150"):
        interval.exact_error(1e200 * ones, 1e200 * ones, ones, 1.0, 0.0)
    with pytest.raises(ArgumentError, match="shapes"):
        interval.exact_error(ones, ones[:2], ones, 1.0, 0.0)
    with pytest.raises(ArgumentError, match="readout='cubic'"):
        interval.exact_error(ones, ones, ones, 1.0, 0.0, "cubic")
    # Zero slopes, of neurons and of the target, bend nowhere.
    assert interval.exact_error(np.zeros(1), np.ones(1), np.ones(1), 0.0, 0.5)[0] == 0.5
    assert interval.exact_error(np.zeros(1), np.ones(1), np.zeros(1), 1.0, 0.0)[0] == 1.0


def test_nan_never_passes_for_a_bound():
    with pytest.raises(FloatingPointError, match="NaN"):
        network.largest(np.array([1.0, np.nan]))
    with pytest.raises(FloatingPointError, match="NaN"):
        network.certain(math.nan)
    assert network.largest(np.zeros(0), np.array([-2.0])) == 2.0


# --- directions that no zone covers --------------------------------------------------------------------------


def test_verify_uncovered_at_any_size_of_row():
    w, q = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    free, covering = np.array([1.0, 0.3, 0.2]), np.array([0.1, 0.3, 1.0])
    for exponent in (-1074, -1060, -600, -565, 0, 66, 500, 1023):
        assert not verify_uncovered(np.ldexp(covering, exponent)[None], w, q, 0.1)
        if exponent > -1060:  # with bits left
            assert verify_uncovered(np.ldexp(free, exponent)[None], w, q, 0.1)
            assert verify_uncovered(np.stack([free, np.ldexp(free, exponent), 0.0 * free]), w, q, 0.1)
        assert verify_uncovered(free[None], np.ldexp(w, exponent), np.ldexp(q, exponent), 0.1)


def test_verify_uncovered_wants_numbers_and_directions():
    w, q, u = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0]), np.array([[1.0, 0.0, 0.0]])
    assert verify_uncovered(u, w, q, 0.1)
    assert not verify_uncovered(u, w, w, 0.1)
    assert not verify_uncovered(u, w, 0.0 * q, 0.1)
    for bad in BAD:
        assert not verify_uncovered(u, w, np.array([bad, 0.0, 0.0]), 0.1)
        with pytest.raises(ArgumentError, match="u has an entry"):
            verify_uncovered(np.array([[bad, 1.0, 1.0]]), w, q, 0.1)
        with pytest.raises(ArgumentError, match="w has an entry"):
            verify_uncovered(u, np.array([bad, 0.0, 1.0]), q, 0.1)
        with pytest.raises(ArgumentError, match="eps="):
            verify_uncovered(u, w, q, bad)
    with pytest.raises(ArgumentError, match="w is the zero vector"):
        verify_uncovered(u, 0.0 * w, q, 0.1)
    # A row along w has no part in the plane across: it covers everything.
    assert not verify_uncovered(np.array([[0.0, 0.0, 1.0]]), w, q, 1e-9)
    # Without rows every direction is uncovered, but it has to be one.
    assert verify_uncovered(u[:0], w, q, 0.1)
    assert not verify_uncovered(u[:0], w, 0.0 * q, 0.1)
    with pytest.raises(ArgumentError, match=r"eps=0\.7"):
        verify_uncovered(u, w, q, 0.7)
    stacked = np.ones((2, 3, 4)), np.ones((3, 4)), np.ones((3, 4))
    for shapes in (u[0], w, q), (u, w[:2], q[:2]), (u, w, q[:2]), (u[:, :1], w[:1], q[:1]), (u, w, u), stacked:
        with pytest.raises(ArgumentError, match=r"u, w, q have shapes"):
            verify_uncovered(*shapes, 0.1)


def test_one_row_that_covers_is_enough():
    w, q = np.array([0.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0])
    free, covering = np.array([1.0, 0.3, 0.2]), np.array([0.1, 0.3, 1.0])
    for rows in itertools.product([free, covering], repeat=3):
        assert verify_uncovered(np.stack(rows), w, q, 0.1) == all(row is free for row in rows)


EXPONENTS = {
    np.float32: (-149, -140, -126, -110, -100, -60, 60, 120, 127),
    np.float64: (-1074, -1022, -560, 66, 500, 1023),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_zones_at_any_size_of_row(dtype):
    """Rows times any power of two: the same answer, or none where digits are lost. Never that nothing covers."""
    w = np.array([0.0, 0.0, 1.0], dtype)
    rows = {
        zones.COVERED: np.array([[0.02, 0.02, 1.0], [1.0, 0.5, 0.1]], dtype),
        zones.UNCOVERED: np.array([[1.0, 0.5, 0.1], [0.3, 1.0, 0.1]], dtype),
    }
    with jax.enable_x64(dtype == np.float64):
        cover = jax.jit(lambda u: zones.cover_circle(u, w, dtype(0.1)).status)
        least = jax.jit(lambda u: zones.least_cover(u, w, dtype(0.1)))
        last = jax.jit(lambda u: zones.last_uncovered(jax.random.key(0), u, w, 0.1, starts=8, steps=20, rounds=2))
        for status, u in rows.items():
            assert int(cover(u)) == status
            for exponent in EXPONENTS[dtype]:
                for scaled in (np.ldexp(u, exponent), np.stack([u[0], np.ldexp(u[1], exponent)])):
                    assert int(cover(scaled)) in (status, zones.UNDECIDED)
                    low, high = (int(x) for x in least(scaled))
                    assert low <= (1 if status == zones.COVERED else 3) <= high
                    found = last(scaled)
                    if int(found.size) == 2 and float(found.margin) > 0.0:
                        assert verify_uncovered(scaled, w, found.direction, 0.1)
                if exponent in (60, 120, 500, -560, -60, 66):
                    assert int(cover(np.ldexp(u, exponent))) == status
            # A zero row is idle; one that is not quite zero is not.
            assert int(cover(np.stack([u[0], u[1], np.zeros(3, dtype)]))) == status
        covering = np.ldexp(np.array([[0.0, 0.0, 1.0]], dtype), -149 if dtype == np.float32 else -1074)
        assert covering.any()
        assert int(cover(covering)) == zones.UNDECIDED
        found = last(covering)
        assert int(found.size) == 0


def test_zones_say_nothing_of_what_is_not_finite():
    w, u = np.array([0.0, 0.0, 1.0], np.float32), np.array([[1.0, 0.5, 0.1], [0.3, 1.0, 0.1]], np.float32)
    # A network that covers, so that NaN in it must not be ignored on the way either.
    for bad in (*BAD,):
        for place in ((0, 1), (1, 2)):
            broken = u.copy()
            broken[place] = bad
            assert int(zones.cover_circle(broken, w, 0.1).status) == zones.UNDECIDED
            low, high = (int(x) for x in zones.least_cover(broken, w, 0.1))
            assert low <= place[0] + 1
            assert high == 3
            found = zones.last_uncovered(jax.random.key(0), broken, w, 0.1, starts=8, steps=20, rounds=2)
            assert int(found.size) <= place[0]
            found = zones.search_uncovered(jax.random.key(0), broken, w, 0.1, starts=8, steps=20)
            assert not float(found.margin) > 0.0
        assert int(zones.cover_circle(u, np.array([0.0, bad, 1.0], np.float32), 0.1).status) == zones.UNDECIDED
        assert int(zones.cover_circle(u, w, bad).status) == zones.UNDECIDED or bad == -math.inf
        arcs = zones.cover_arcs(jnp.array([0.5, bad]), jnp.array([0.1, 0.2]), jnp.ones(2, bool))
        assert int(arcs.status) == zones.UNDECIDED or math.isinf(bad)
    assert int(zones.cover_circle(u, 0.0 * w, 0.1).status) == zones.UNDECIDED
    for eps in (0.5, 0.6, 3.0):  # α is no acute angle
        assert int(zones.cover_circle(u, w, eps).status) == zones.UNDECIDED


def test_zero_is_told_by_its_bits():
    for dtype in (np.float16, np.float32, np.float64):
        info = np.finfo(dtype)
        x = np.array(
            [0.0, -0.0, info.smallest_subnormal, -info.smallest_subnormal, info.tiny / 2, info.tiny, 1.0, np.nan], dtype
        )
        with jax.enable_x64(dtype == np.float64):
            # In company of float arithmetic, which LLVM may merge it with.
            zero, _ = jax.jit(lambda x: (is_zero(x) & (jnp.abs(x) < 2.0), jnp.sum(jnp.abs(x))))(x)
            assert np.asarray(is_zero(jnp.asarray(x))).tolist() == [True, True] + [False] * 6
            assert np.asarray(zero).tolist() == [True, True] + [False] * 6


# --- walks in the plane --------------------------------------------------------------------------------------


def _hits(seed, n, trials, eps, readout="linear"):
    """Networks of which some mask is within ε, by brute force."""
    rng = np.random.default_rng(seed)
    theta = rng.uniform(-np.pi, np.pi, (trials, n)).astype(np.float32)
    kappa = rng.normal(size=(trials, n)).astype(np.float32)
    masks = jnp.asarray(np.arange(2**n)[:, None] >> np.arange(n) & 1 == 1)
    errors = jax.jit(lambda t, k: jax.lax.map(lambda x: planar.masked_errors(*x, masks, readout=readout).min(), (t, k)))
    hit = np.asarray(errors(theta, kappa)) <= eps - 1e-3
    return theta[hit], kappa[hit]


@functools.partial(jax.jit, static_argnames=("readout", "capacity"))
def _scan(theta, kappa, eps, readout="linear", capacity=64):
    return arcs.scan_masks(theta, kappa, eps, readout=readout, capacity=capacity)


@functools.partial(jax.jit, static_argnames=("capacity", "lines"))
def _obstructed(theta, kappa, eps, window, capacity, lines):
    offset = theta - jnp.pi * jnp.round(theta / jnp.pi)
    return kink.kink_obstructed(offset, kappa, jnp.ones(theta.shape, bool), window, eps, capacity=capacity, lines=lines)


def test_no_miss_from_a_frontier_cut_short():
    """Masks work, and the frontier is too small for all choices: that none is left proves nothing."""
    theta, kappa = _hits(1, 7, 200, 0.35)
    assert len(theta) > 20
    for capacity in (1, 4):
        for t, k in zip(theta[:40], kappa[:40], strict=True):
            assert not _obstructed(t, k, 0.35, 1.5, capacity, 7)
            assert int(_scan(t, k, 0.35, capacity=max(capacity, 2)).status) != -1


def test_no_miss_from_lines_left_out():
    """Only the nearest lines are walked over, and no farther than the next one, which might serve."""
    theta, kappa = _hits(2, 7, 200, 0.35)
    assert len(theta) > 20
    for lines in (2, 4):
        for t, k in zip(theta[:40], kappa[:40], strict=True):
            assert not _obstructed(t, k, 0.35, 1.5, 256, lines)
            # Nor beyond the window: what lies there may not be listed.
            near = np.abs(t - np.pi * np.round(t / np.pi)) < 0.3
            offset = np.where(near, t, 1.0).astype(np.float32)
            offset = offset - np.pi * np.round(offset / np.pi)
            assert not kink.kink_obstructed(
                jnp.asarray(offset, jnp.float32), jnp.asarray(k), jnp.asarray(near), jnp.float32(0.3), 0.35, lines=8
            )


HIDDEN = (
    ((-0.558, 0.280, -0.100, 2.279, 0.243), (1.615, -2.876, -1.648, -1.577, 2.511)),
    ((0.479, -0.709, -0.413, -2.177, -3.127), (-0.763, -1.296, 2.857, -0.112, 0.790)),
    ((-0.089, -2.231, -2.146, 0.677, 0.401), (2.419, -3.564, -0.055, 1.372, -2.342)),
    ((3.136, -0.981, 0.727, 0.285, 0.632), (3.372, -3.090, -0.525, -0.477, 1.932)),
    ((-2.542, -0.584, -0.996, 2.192, -0.974), (-0.627, 3.459, 5.003, -0.360, -3.424)),
    ((0.188, -2.584, -0.259, -2.366, -2.882), (-1.267, -1.519, 2.122, 0.126, -0.615)),
)
"""Networks (θ, κ) within ε = 0.7 for readout relu only by masks that are far below the target where sin t is between
ε/2 and ε: the outer ReLU hides that."""


def test_no_miss_from_a_tube_that_begins_too_early():
    masks = jnp.asarray(np.arange(32)[:, None] >> np.arange(5) & 1 == 1)
    theta, kappa = (np.asarray(each, np.float32) for each in zip(*HIDDEN, strict=True))
    errors = jax.jit(jax.vmap(lambda t, k: planar.masked_errors(t, k, masks, readout="relu").min()))(theta, kappa)
    assert np.all(np.asarray(errors) < 0.699)
    for t, k in zip(theta, kappa, strict=True):
        assert int(_scan(t, k, 0.7, "relu").status) == 1


@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_walks_say_nothing_of_what_is_not_finite(readout):
    rng = np.random.default_rng(0)
    theta, kappa = rng.uniform(-3, 3, 6).astype(np.float32), rng.normal(size=6).astype(np.float32)
    assert int(_scan(theta, kappa, 0.01, readout).status) == -1
    for bad in (*BAD, 1e30):
        for place in (0, 5):
            broken = theta.copy()
            broken[place] = bad
            if not math.isfinite(bad):
                assert int(_scan(broken, kappa, 0.01, readout).status) == 0
                masks = np.eye(6, dtype=bool)
                assert np.all(
                    np.isnan(planar.masked_errors(jnp.asarray(broken), jnp.asarray(kappa), masks, readout=readout))
                )
                assert not _obstructed(broken, kappa, 0.01, 1.5, 64, 6)
                assert not kink.kink_misses(jnp.asarray(broken), 0.01)
            broken = kappa.copy()
            broken[place] = bad
            assert int(_scan(theta, broken, 0.01, readout).status) == 0
            assert not _obstructed(theta, broken, 0.01, 1.5, 64, 6)
        assert int(_scan(theta, kappa, bad, readout).status) == 0
        assert not _obstructed(theta, kappa, bad, 1.5, 64, 6)
    assert not _obstructed(theta, kappa, 0.01, math.nan, 64, 6)
    assert not _obstructed(theta, kappa, 0.01, -math.inf, 64, 6)
    assert not kink.kink_misses(jnp.asarray([1.0, 1.2]), jnp.nan)
    assert kink.kink_misses(jnp.asarray([1.0, 1.2]), 0.01)
    assert _obstructed(jnp.asarray([1.0, 1.2]), jnp.ones(2), 0.01, math.inf, 64, 2)


def test_search_near_promises_nothing_of_nan():
    rng = np.random.default_rng(0)
    offset, kappa = rng.uniform(-0.3, 0.3, 12).astype(np.float32), rng.normal(size=12).astype(np.float32)
    how: dict[str, Any] = {"capacity": 64, "lines": 6, "neighbours": 4, "candidates": 3}
    for bad in BAD:
        for at in range(3):
            broken = [offset.copy(), kappa.copy(), np.float32(0.1)]
            broken[at] = np.float32(bad) if at == 2 else np.where(np.arange(12) == 3, np.float32(bad), broken[at])
            given = jnp.asarray(broken[0]), jnp.asarray(broken[1]), jnp.ones(12, bool), broken[2]
            found = near_kink.search_near(*given, **how)
            assert not np.any(np.isnan(found.scores))
            mask, error = near_kink.best_near(*given, **how)
            assert not math.isnan(float(error))
            assert at == 2 or not np.any(mask[3])


@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_masks_at_points_decide_nothing_of_what_is_not_finite(readout):
    rng = np.random.default_rng(0)
    u, v, w, points = (rng.normal(size=s).astype(np.float32) for s in ((3, 2), 3, 2, (7, 2)))
    values, target = rng.normal(size=(5, 7)).astype(np.float32), rng.normal(size=7).astype(np.float32)
    sizes = tuple(range(6))
    for bad in BAD:
        broken = values.copy()
        broken[2, 4] = bad
        errors, _ = at_points.least_errors(jnp.asarray(broken), jnp.asarray(target), sizes, readout=readout)
        assert np.all(np.isfinite(errors[:3]))
        assert np.all(np.isnan(errors[3:]))
        errors, _ = at_points.least_errors(
            jnp.asarray(values), jnp.asarray(target).at[0].set(bad), sizes, readout=readout
        )
        assert np.all(np.isnan(errors))
        error, _ = at_points.descend(
            jax.random.key(0), jnp.asarray(broken), jnp.asarray(target), jnp.ones(5, bool), readout=readout
        )
        assert not math.isnan(float(error))
        for at in range(4):
            each = u.copy(), v.copy(), w.copy(), points.copy()
            each[at].flat[0] = bad
            a, b, c, x = map(jnp.asarray, each)
            error, _, margin = single_weights.all_masks(a, b, c, x, [1, 3], readout=readout)
            # What is said of them is at most error - margin, and that is no number above 0.
            assert not np.any(np.asarray(error - margin) > 0.0)


# --- integer programming -------------------------------------------------------------------------------------


def test_a_model_that_highs_refuses_is_no_miss():
    """Entries of 1e15 and more: HiGHS calls that a model error, and SciPy infeasible."""
    assert integer_program.decide(U, V, W, 0.05).status == -1
    for size in (1e6, 1e10, 1e14, 1e15, 1e16, 1e100):
        found = integer_program.decide(size * U, V, W, 0.05)
        assert found.status == 0
    # One such neuron beside one that is the target itself.
    found = integer_program.decide(np.stack([W, 1e16 * U[0]]), np.ones(2), W, 0.05)
    assert found.status in (0, 1)


def test_one_integer_programme_may_be_enough():
    found = integer_program.decide(U, V, W, 0.05, rounds=1)
    assert (found.status, found.rounds) == (-1, 1)
    target = integer_program.decide(np.concatenate([W[None], U]), np.append(1.0, V), W, 0.05, rounds=40)
    assert target.status == 1
    assert target.error + target.margin <= 0.05
    assert target.rounds >= 1
    # An empty mask that is near enough takes none.
    assert integer_program.decide(U, V, W, 1.1, rounds=1).rounds == 0


@pytest.mark.parametrize("readout", ["linear", "relu"])
def test_integer_programmes_are_cut_until_the_crests_hold(readout):
    """One neuron along the target is off by 1/2 at the target's crest, and by a hair less at the first rows' angles."""
    u, v = 1.5 * W[None], np.ones(1)
    found = integer_program.decide(u, v, W, 0.49995, readout=readout)
    assert (found.status, found.rounds) == (-1, 2)
    open_ = integer_program.decide(u, v, W, 0.49995, readout=readout, rounds=1)
    assert (open_.status, open_.rounds) == (0, 1)
    assert open_.error == pytest.approx(0.5)
    assert integer_program.decide(u, v, W, 0.50005, readout=readout).status == 1
    # Of three neurons the last one alone is within the tube, barely.
    three, ones = np.array([1.5, 0.5, 1.4999])[:, None] * W, np.ones(3)
    assert integer_program.decide(three, ones, W, 0.49995, readout=readout).status == 1
    assert integer_program.decide(three[:2], ones[:2], W, 0.49995, readout=readout).status == -1


def test_only_infeasibility_itself_is_a_miss():
    import scipy.optimize

    def solve(size):
        return scipy.optimize.milp(
            [0.0],
            integrality=[1],
            bounds=(0, 1),
            constraints=scipy.optimize.LinearConstraint([[size]], 0.4 * size, 0.6 * size),
        )

    assert integer_program._infeasible(solve(1.0))
    refused = solve(1e16)
    assert refused.status == 2
    assert not integer_program._infeasible(refused)


def test_time_limit_is_undecided(monkeypatch):
    import scipy.optimize

    answer = scipy.optimize.OptimizeResult(
        status=1, message="Time limit reached. (HiGHS Status 13: Time limit reached)", x=None
    )
    monkeypatch.setattr(scipy.optimize, "milp", lambda **_: answer)
    assert integer_program.decide(U, V, W, 0.05).status == 0
    answer.status, answer.message = 4, "(HiGHS Status 4: Solve error)"
    assert integer_program.decide(U, V, W, 0.05).status == 0


def test_integer_programming_wants_numbers():
    for bad in BAD:
        with pytest.raises(ArgumentError, match="u has an entry"):
            integer_program.decide(np.where(U[0, 0] == U, bad, U), V, W, 0.05)
        with pytest.raises(ArgumentError, match="time_limit="):
            integer_program.decide(U, V, W, 0.05, time_limit=bad)
    with pytest.raises(ArgumentError, match="w is the zero vector"):
        integer_program.decide(U, V, [0.0, 0.0], 0.05)
    with pytest.raises(ArgumentError, match="at most 1e150"):
        integer_program.decide(1e200 * U, V, W, 0.05)
    for w in ([1.5e308, 1.5e308], [5e-324, 0.0]):
        assert integer_program.decide(U, V, w, 0.05).status == -1
