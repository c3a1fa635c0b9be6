"""The error on the sphere: never below dense sampling, equal in the limit, two methods alike, bounds two-sided."""

import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from ltjax.certify.errors import cones, sphere
from ltjax.certify.errors import plane as plane_error
from ltjax.certify.errors.network import reduced

READOUTS = ("linear", "relu")


def error_at(u, v, w, readout, x):
    g = np.maximum(x @ u.T, 0.0) @ v
    if readout == "relu":
        g = np.maximum(g, 0.0)
    return np.abs(g - np.maximum(x @ (w / np.linalg.norm(w)), 0.0))


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def cube_points(d, per_edge):
    """Points of the sphere such that every other one is within √(d-1)/per_edge: a grid on the cube's faces."""
    side = (np.arange(per_edge) + 0.5) * 2.0 / per_edge - 1.0
    face = np.stack(np.meshgrid(*[side] * (d - 1), indexing="ij"), axis=-1).reshape(-1, d - 1)
    return unit(np.concatenate([np.insert(face, axis, s, axis=1) for axis in range(d) for s in (-1.0, 1.0)]))


def draw(seed, n, d, kind="random"):
    rng = np.random.default_rng(seed)
    w = unit(rng.normal(size=d))
    u, v = rng.normal(size=(n, d)), rng.normal(size=n)
    if kind == "fit":  # a network close to its target: its error is carried by cells and edges, not by one bump
        x = unit(rng.normal(size=(1000, d)))
        v = np.linalg.lstsq(np.maximum(x @ u.T, 0.0), np.maximum(x @ w, 0.0), rcond=None)[0]
    return u, v, w, rng


def lipschitz(u, v):
    return 1.0 + np.sum(np.abs(v) * np.linalg.norm(u, axis=1))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("n", "kind"), [(1, "random"), (3, "random"), (3, "fit"), (12, "random"), (12, "fit")])
def test_exact_error_against_dense_sampling(n, kind, readout):
    x = cube_points(3, 100)
    for seed in range(4):
        u, v, w, rng = draw(seed, n, 3, kind)
        mask = rng.random(n) < 0.8
        value, margin = sphere.exact_error(u, v, w, mask, readout=readout)
        u, v = u[mask], v[mask]
        error = error_at(u, v, w, readout, x)
        dense, radius = np.max(error), np.sqrt(2.0) / 100
        assert dense <= value + margin
        assert value - dense <= lipschitz(u, v) * radius + margin
        # Zoom in on the best places: near them the sampled supremum comes up to the exact one.
        best = x[np.argsort(-error)[:200]]
        for step in range(1, 9):
            near = np.concatenate([best, unit(np.repeat(best, 10, 0) + rng.normal(size=(2000, 3)) * 0.03 * 0.4**step)])
            error = error_at(u, v, w, readout, near)
            best = near[np.argsort(-error)[:200]]
        assert error.max() <= value + margin
        assert value - error.max() <= 1e-4 * lipschitz(u, v)
        assert margin < 1e-11


@pytest.mark.parametrize("readout", READOUTS)
def test_error_of_sampling_is_quadratic_at_a_crest(readout):
    """One neuron against the target: the supremum is a cell's crest, sampled at distance h up to h²/2."""
    u, v, w = np.array([[0.3, 0.2, 1.0]]), np.array([2.5]), np.array([0.0, 0.6, 0.8])
    value, _ = sphere.exact_error(u, v, w, readout=readout)
    for per_edge in (25, 50, 100):
        h = np.sqrt(2.0) / per_edge
        gap = value - np.max(error_at(u, v, w, readout, cube_points(3, per_edge)))
        assert 0.0 <= gap <= lipschitz(u, v) * h**2 / 2.0


@pytest.mark.parametrize("readout", READOUTS)
def test_flat_network_has_the_planar_error(readout):
    """Third coordinate 0: all circles meet in two points, and the error is that of the plane."""
    for seed in range(12):
        u, v, w, _ = draw(seed, 7, 2, ("random", "fit")[seed % 2])
        flat, margin = plane_error.exact_error(u, v, w, readout=readout)
        value, wider = sphere.exact_error(np.insert(u, 2, 0.0, axis=1), v, np.append(w, 0.0), readout=readout)
        assert abs(value - flat) <= margin + wider
        assert wider < 1e-11


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("d", [1, 2, 3, 4, 6])
def test_known_errors(d, readout):
    w = unit(np.arange(1.0, d + 1.0))

    def error(u, v, mask=None):
        lower, upper = sphere.certified_error(np.reshape(u, (-1, d)), np.asarray(v), w, mask, readout=readout)
        assert 0.0 <= lower <= upper <= lower + 1e-11
        return upper

    assert error([], []) == pytest.approx(1.0)  # nothing kept: the target's own maximum, at w
    assert error(w, [1.0], [False]) == pytest.approx(1.0)
    assert error(w, [1.0]) == pytest.approx(0.0, abs=1e-12)
    assert error(w / 4, [4.0]) == pytest.approx(0.0, abs=1e-12)
    assert error(w, [-1.0]) == pytest.approx(2.0 if readout == "linear" else 1.0)
    assert error(-w, [1.0]) == pytest.approx(1.0)
    assert error(-w, [-1.0]) == pytest.approx(1.0)
    assert error(-w, [3.0]) == pytest.approx(3.0)
    # w and -w make the linear function; the outer ReLU makes the target of it.
    assert error([w, -w], [1.0, -1.0]) == pytest.approx(1.0 if readout == "linear" else 0.0, abs=1e-12)
    # Beside the target, a neuron of length 3: that length is the error.
    assert error([w, 3.0 * np.eye(d)[0]], [1.0, 1.0]) == pytest.approx(3.0)


def test_crest_inside_a_cell():
    """u orthogonal to w: the error of σ(⟨u, x⟩) - σ(⟨w, x⟩) is 1, of its negative √2, at (-u - w)/√2's mirror."""
    w, u = np.array([0.0, 0.0, 1.0]), np.array([[1.0, 0.0, 0.0]])
    assert sphere.exact_error(u, [1.0], w)[0] == pytest.approx(1.0, abs=1e-14)
    assert sphere.exact_error(u, [-1.0], w)[0] == pytest.approx(np.sqrt(2.0), abs=1e-14)


def test_crest_inside_a_cell_below_all_its_circles():
    """A triangle around p whose three rows are off inside: no edge has the cell on its row's active side."""
    p, w = unit(np.array([1.0, 2.0, 2.0])), unit(np.array([-2.0, -1.0, -1.5]))
    around = np.linalg.qr(np.column_stack([p, np.eye(3)[:, :2]]))[0][:, 1:]
    angle = 2.0 * np.pi * np.arange(3) / 3.0
    rows = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ around.T - 0.4 * p
    u, v = np.concatenate([2.0 * p[None], rows]), np.array([1.0, -100.0, -100.0, -100.0])
    value, margin = sphere.exact_error(u, v, w, readout="relu")
    assert abs(value - 2.0) <= margin
    lower, upper = sphere.error_bounds(u, v, w, readout="relu")
    assert lower <= 2.0 <= upper <= lower + 1e-9


@pytest.mark.parametrize("d", [2, 3, 5])
def test_supremum_of_a_linear_function_on_a_cone(d):
    """Against all faces: on the cone of some generators the crest is that of their span, where it lies inside."""
    rng = np.random.default_rng(d)
    rays = unit(np.abs(rng.normal(size=(300, d, d))) * rng.choice([1.0, 1e-2], size=(300, 1, d)))
    rays[:20, -1] = unit(rays[:20, 0] + 0.5 * rays[:20, 1 % d])  # flat
    height = np.einsum("bkd,bd->bk", rays, rng.normal(size=(300, d)))
    bound, weight = cones._support(rays, height)
    for cone, values, upper, at in zip(rays, height, bound, weight, strict=True):
        supremum = 0.0
        for size in range(1, d + 1):
            for face in map(list, itertools.combinations(range(d), size)):
                solution = np.linalg.lstsq(cone[face] @ cone[face].T, values[face], rcond=None)[0]
                length = np.linalg.norm(solution @ cone[face])
                if np.all(solution >= 0.0) and length > 0.0:
                    supremum = max(supremum, solution @ values[face] / length)
        assert upper >= supremum - 1e-13
        assert upper <= supremum + 1e-7
        assert np.all(at >= 0.0)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("d", [2, 3, 5])
def test_the_bound_of_every_cone_holds_in_that_cone(d, readout):
    """Against points of each cone, also where the network has one sign in it and where no other cone is as bad."""
    for seed in range(12):
        u, v, w, rng = draw(seed, (1, 3, 8)[seed % 3], d, ("random", "fit")[seed % 2])
        size = (0.3, 1.0, 3.0)[seed // 4]
        network = reduced(u, size * v, w, None, readout)
        # As in the search: cones within one of the orthants of a basis.
        basis = np.linalg.qr(rng.normal(size=(40, d, d)))[0]
        wide = unit(rng.dirichlet(np.full(d, 0.5), size=(40, d)) @ basis)
        bounded, points = cones._bound_cones(network, wide, np.inf)
        share = rng.dirichlet(np.full(d, 0.7), size=(40, 400))
        inside = unit(np.einsum("bpk,bkd->bpd", share, wide))
        error = error_at(u, size * v, w, readout, inside.reshape(-1, d)).reshape(40, 400)
        assert np.all(np.max(error, axis=1) <= bounded.bound + 1e-12)
        # A cut lies on the edge that it halves, the promising point in its cone.
        for cone, (a, b), cut, at in zip(wide, bounded.pair, bounded.cut, points, strict=True):
            for some, generators in ((cut, cone[[a, b]]), (at, cone)):
                weight, *_ = np.linalg.lstsq(generators.T, some, rcond=None)
                assert np.all(weight >= -1e-7)
                np.testing.assert_allclose(weight @ generators, some, atol=1e-9)


SEEDS = st.integers(0, 10**6)


@hypothesis.given(SEEDS, st.integers(0, 8), st.sampled_from(READOUTS), st.sampled_from(["random", "fit"]))
def test_symmetries(seed, n, readout, kind):
    u, v, w, rng = draw(seed, n, 3, kind if n else "random")
    value, margin = sphere.exact_error(u, v, w, readout=readout)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    turned, wider = sphere.exact_error(u @ turn.T, v, turn @ w, readout=readout)
    assert abs(turned - value) <= margin + wider
    size = np.exp(rng.normal(size=n))  # a neuron's size may sit in u or in v, and w has none
    moved, wider = sphere.exact_error(u * size[:, None], v / size, 7.0 * w, readout=readout)
    assert abs(moved - value) <= 4.0 * (margin + wider)
    order = rng.permutation(n)
    assert sphere.exact_error(u[order], v[order], w, readout=readout)[0] == pytest.approx(value, abs=2.0 * margin)
    # |g - f| is 1-Lipschitz in g, and sup|t g - f| is convex in t for readout linear.
    half, _ = sphere.exact_error(u, 0.5 * v, w, readout=readout)
    if readout == "linear":
        assert half <= 0.5 * (value + 1.0) + margin
    assert abs(half - value) <= 0.5 * np.sum(np.abs(v) * np.linalg.norm(u, axis=1)) + margin


@hypothesis.given(SEEDS, st.integers(0, 8), st.sampled_from([2, 3]), st.sampled_from(READOUTS))
def test_bounds_contain_the_exact_error(seed, n, d, readout):
    u, v, w, _ = draw(seed, n, d, ("random", "fit")[seed % 2] if n else "random")
    exact = plane_error.exact_error if d == 2 else sphere.exact_error
    value, margin = exact(u, v, w, readout=readout)
    lower, upper = sphere.error_bounds(u, v, w, readout=readout, cells=3000)
    assert lower - margin <= value <= upper + margin
    assert upper - lower <= 1e-6
    rough = sphere.error_bounds(u, v, w, readout=readout, cells=1)  # the closed form
    assert rough[0] - margin <= value <= rough[1] + margin


@hypothesis.given(
    SEEDS, st.integers(1, 7), st.sampled_from([(2, 4), (2, 6), (3, 4), (3, 5)]), st.sampled_from(READOUTS)
)
@hypothesis.settings(max_examples=30)
def test_bounds_contain_the_error_of_a_lower_dimension(seed, n, dimensions, readout):
    """All rows and w in a turned subspace of dimension 2 or 3: its exact error, at every number of cells."""
    low, d = dimensions
    u, v, w, rng = draw(seed, n, low, ("random", "fit")[seed % 2])
    value, margin = (plane_error.exact_error if low == 2 else sphere.exact_error)(u, v, w, readout=readout)
    basis = np.linalg.qr(rng.normal(size=(d, low)))[0]
    for cells in (1, 60, 400, 3000):
        lower, upper = sphere.error_bounds(u @ basis.T, v, basis @ w, readout=readout, cells=cells)
        assert lower - 4.0 * margin <= value <= upper + 4.0 * margin
    assert upper - lower <= 1e-3 * lipschitz(u, v)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("d", "per_edge"), [(4, 30), (5, 12)])
def test_bounds_contain_dense_sampling(d, per_edge, readout):
    x = cube_points(d, per_edge)
    for seed in range(4):
        u, v, w, _ = draw(10 * d + seed, 6, d, ("random", "fit")[seed % 2])
        dense = np.max(error_at(u, v, w, readout, x))
        for cells in (1, 100, 4000):
            lower, upper = sphere.error_bounds(u, v, w, readout=readout, cells=cells)
            assert dense <= upper
            assert lower <= dense + lipschitz(u, v) * np.sqrt(d - 1.0) / per_edge
            assert lower >= dense - 1e-9  # the ascent loses to no sampled point
        assert upper - lower < 1e-3


@pytest.mark.parametrize("readout", READOUTS)
def test_gap_shrinks_with_the_cells(readout):
    u, v, w, _ = draw(1, 12, 6, "fit")
    gaps = []
    for cells in (1, 64, 400, 2000, 6000):
        lower, upper = sphere.error_bounds(u, v, w, readout=readout, cells=cells)
        gaps.append(upper - lower)
    assert all(later <= earlier for earlier, later in itertools.pairwise(gaps))
    assert gaps[-1] < 0.25 * gaps[0]
    lower, upper = sphere.error_bounds(u, v, w, readout=readout, tolerance=0.5 * gaps[0])
    assert upper - lower <= 0.5 * gaps[0]


def test_question_about_eps_stops_early():
    u, v, w, _ = draw(1, 12, 6, "fit")
    lower, upper = sphere.error_bounds(u, v, w, cells=6000)
    assert sphere.error_bounds(u, v, w, eps=0.9 * lower)[0] > 0.9 * lower
    eps = 0.9 * upper + 0.1 * sphere.error_bounds(u, v, w, cells=1)[1]
    early = sphere.certified_error(u, v, w, eps=eps)
    assert lower < early[1] <= eps
    assert early[1] - early[0] > upper - lower
    high, wide = np.ones((3, 12)), np.ones(12)  # d = 12: the closed form only
    lower, upper = sphere.certified_error(high, np.ones(3) / 3.0, wide)
    assert lower <= np.sqrt(12.0) - 1.0 <= upper
    assert upper <= np.sqrt(12.0) + 1.0


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("d", [3, 4])
def test_degenerate_rows(d, readout):
    """Zero rows, v = 0, repeated and opposite rows and rows on the target's line change nothing but the sum."""
    for seed in range(4):
        u, v, w, rng = draw(seed, 3, d)
        plain = sphere.certified_error(u, v, w, readout=readout)
        split = np.concatenate([u, u, 2.0 * u, np.zeros((2, d)), rng.normal(size=(2, d)), -w[None], w[None], w[None]])
        parts = np.concatenate([0.5 * v, -0.5 * v, 0.5 * v, [1.0, -2.0], [0.0, 0.0], [0.0], [1.5, -1.5]])
        many = sphere.certified_error(split, parts, w, readout=readout)
        assert many[0] <= plain[1] + 1e-12
        assert plain[0] <= many[1] + 1e-12
        assert many[1] - many[0] < 1e-10
        aligned = np.concatenate([u, w[None], -w[None]]), np.append(v, [0.7, -0.4])
        lower, upper = sphere.certified_error(*aligned, w, readout=readout)
        dense = np.max(error_at(*aligned, w, readout, cube_points(d, 20)))
        assert dense <= upper
        assert lower <= dense + lipschitz(*aligned) * np.sqrt(d - 1.0) / 20
        assert upper - lower < 1e-10


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("turn", [1e-16, 1e-14, 1e-12, 1e-9, 1e-6, 1e-3])
def test_nearly_parallel_rows(turn, readout):
    """Rows turned by a small angle move the error by no more; the margin stays a margin."""
    for seed in range(3):
        u, v, w, rng = draw(seed, 4, 3, "fit")
        value, margin = sphere.exact_error(u, v, w, readout=readout)
        rows = np.concatenate([u, u, w[None]]) + turn * rng.normal(size=(9, 3))
        weights = np.concatenate([3.0 * v, -2.0 * v, [0.0]])
        near, wider = sphere.exact_error(rows, weights, w, readout=readout)
        assert abs(near - value) <= 5.0 * turn * np.sum(np.abs(weights)) + margin + wider
        assert wider < 1e-8
        lower, upper = sphere.error_bounds(rows, weights, w, readout=readout)
        assert lower <= near + wider
        assert near - wider <= upper


def test_arcs_left_out_are_told_wherever_they_lie():
    """Two circles at an angle of 2^-30 and a third that crosses them beside their crossing: an arc of 2^-21 on each of
    the two is left out, none on a circle far away."""
    rows = np.array([[0.0, 0.0, 1.0], [0.0, -(2.0**-30), 1.0], [-(2.0**-21), 1.0, 0.3], [1.0, 0.4, 0.2]])
    for order in itertools.permutations(range(4)):
        circle, *_, span = sphere._arcs(unit(rows[list(order)]))
        found = np.bincount(circle, minlength=4)[np.argsort(order)]
        assert found[3] == 6  # all arcs of the circle far away
        assert found[0] < 6
        assert 2.0**-21 <= span < 1e-5


def test_lattice_rows():
    """All rows of {-1, 0, 1}³: many circles through each vertex."""
    u = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
    x = cube_points(3, 100)
    for readout in READOUTS:
        v = np.random.default_rng(5).normal(size=27) / 10.0
        value, margin = sphere.exact_error(u, v, [0.0, 1.0, 1.0], readout=readout)
        dense = np.max(error_at(u, v, np.array([0.0, 1.0, 1.0]), readout, x))
        assert dense <= value + margin
        assert value - dense <= lipschitz(u, v) * np.sqrt(2.0) / 100
        assert margin < 1e-11


def test_bad_arguments():
    u, v, w, _ = draw(0, 3, 3)
    with pytest.raises(ValueError, match="readout='cubic'"):
        sphere.exact_error(u, v, w, readout="cubic")
    with pytest.raises(ValueError, match=r"v has an entry that is NaN"):
        sphere.certified_error(u, v * np.nan, w)
    with pytest.raises(ValueError, match=r"shapes \(3, 2\), \(3,\), \(2,\): allowed are \(n, 3\), \(n,\), \(3,\)"):
        sphere.exact_error(u[:, :2], v, w[:2])
    with pytest.raises(ValueError, match=r"shapes \(3, 3\), \(2,\), \(3,\): allowed are \(n, d\)"):
        sphere.error_bounds(u, v[:2], w)
    with pytest.raises(ValueError, match=r"mask has shape \(2,\)"):
        sphere.exact_error(u, v, w, [True, False])
    with pytest.raises(ValueError, match="w is the zero vector"):
        sphere.certified_error(u, v, 0.0 * w)
    with pytest.raises(ValueError, match="cells=0"):
        sphere.certified_error(u, v, w, cells=0)
    with pytest.raises(ValueError, match="tolerance=-1"):
        sphere.error_bounds(u, v, w, tolerance=-1)
    with pytest.raises(ValueError, match="eps=nan"):
        sphere.certified_error(u, v, w, eps=np.nan)
    with pytest.raises(ValueError, match="at most 1e150"):
        sphere.certified_error(1e200 * u, 1e200 * v, w)
