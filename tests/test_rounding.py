"""Margins of rounding size: decisions at the very edge, judged by 200 bits or by fractions.

Every test asks a question whose true answer is known and lies within a rounding of the other one. Without its
margin each of the routines answers some of them wrongly.
"""

import functools
from fractions import Fraction
from typing import Any

import exact
import flint
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax.certify import rounding
from ltjax.certify.errors import interval, plane, sphere
from ltjax.certify.uncovered import verify_uncovered
from ltjax.search import plane as planar
from ltjax.search.masks import arcs, at_points, single_weights
from ltjax.search.obstructions import kink, zones

READOUTS = ("linear", "relu")


def draw(seed, n, d=2, dtype: Any = np.float64):
    rng = np.random.default_rng([seed, n, d])
    w = rng.normal(size=d)
    return rng.normal(size=(n, d)).astype(dtype), rng.normal(size=n).astype(dtype), w.astype(dtype), rng


def test_gamma_is_highams():
    assert rounding.gamma(1) == pytest.approx(2.0**-53, rel=1e-12)
    assert rounding.gamma(2.0**52) == 1.0
    assert rounding.gamma(3, np.float32) == pytest.approx(3 * 2.0**-24, rel=1e-6)
    assert rounding.gamma(2.0**24, np.float32) == np.inf  # so many roundings leave nothing
    # The lemma itself, on sums of products whose rounding is known exactly.
    rng = np.random.default_rng(0)
    for k in (1, 2, 5, 40):
        for _ in range(50):
            x, y = rng.normal(size=(2, k)) * 10.0 ** rng.integers(-8, 8, (2, k))
            terms = [Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, y, strict=True)]
            error = abs(Fraction(float(x @ y)) - sum(terms))
            assert error <= Fraction(rounding.gamma(k)) * sum(map(abs, terms))


F64, F32 = np.float64, np.float32
ONE = np.ones(1)
MARGINS = {
    "plane_error": (F64, lambda n, d, s: rounding.plane_error(n, s), lambda n, d: n + 48),
    "interval_error": (F64, lambda n, d, s: rounding.interval_error(n, s), lambda n, d: n + 14),
    "evaluated_error": (F64, lambda n, d, s: rounding.evaluated_error(n, d, s), lambda n, d: max(n + d + 7, d + 12)),
    "arrangement_error": (F64, lambda n, d, s: rounding.arrangement_error(n, s), lambda n, d: 2 * n + 54),
    "turned_row": (F64, lambda n, d, s: rounding.turned_row() * s, lambda n, d: 7),
    "circle_kink": (F64, lambda n, d, s: rounding.circle_kink(ONE / s), lambda n, d: 8),
    # A unit of the norm, magnified by e³, for each dimension.
    "closed_form": (F64, lambda n, d, s: rounding.closed_form(n, d, s), lambda n, d: n + 20 * d),
    "cone_bound": (F64, lambda n, d, s: rounding.cone_bound(d, s - 1.0), lambda n, d: d + 4),
    "cone_gap": (F64, lambda n, d, s: rounding.cone_gap(n, d, s), lambda n, d: 4 * n * d),
    "orthogonal": (F64, lambda n, d, s: rounding.orthogonal(d) * s, lambda n, d: d + 12),
    "zone_angle": (F64, lambda n, d, s: rounding.zone_angle(d, ONE * s, ONE), lambda n, d: 5 * d + 46),
    "zone_angle, flat": (F64, lambda n, d, s: rounding.zone_angle(d, ONE, ONE / s), lambda n, d: 5 * d + 40),
    "breakpoint_side, b": (F64, lambda n, d, s: rounding.breakpoint_side(ONE * s, ONE * 0.0), lambda n, d: 2),
    "breakpoint_side, u": (F64, lambda n, d, s: rounding.breakpoint_side(ONE * 0.0, -ONE * s), lambda n, d: 2),
    "kink_angle": (F32, lambda n, d, s: rounding.kink_angle(F32) * s, lambda n, d: 16),
    "separable_error": (F64, lambda n, d, s: rounding.separable_error(n, d, s), lambda n, d: n + d + 4),
    "propagated": (F64, lambda n, d, s: rounding.propagated(n, s), lambda n, d: 2 * n + 10),
    "subset_sum": (F64, lambda n, d, s: rounding.subset_sum(n, s), lambda n, d: n),
    "walked": (F32, lambda n, d, s: rounding.walked(n, s, F32), lambda n, d: 4 * n + 8),
    "covered_gap": (F32, lambda n, d, s: rounding.covered_gap(F32) * s, lambda n, d: 32),
    "zone": (F32, lambda n, d, s: rounding.zone(d, s / 4.0, 3.0, F32), lambda n, d: d + 16),
    "zone, flat": (F32, lambda n, d, s: rounding.zone(d, s, 0.0, F32), lambda n, d: d + 16),
    "slab": (F32, lambda n, d, s: rounding.slab(d, s / 4.0, 3.0, F32), lambda n, d: d + 16),
    "at_points": (F32, lambda n, d, s: rounding.at_points(n, d, s, F32), lambda n, d: max(n + d + 7, d + 12)),
}
"""By function: its dtype, its margin for n, d and a sum of absolute values s, the roundings in its docstring."""


@pytest.mark.parametrize("name", MARGINS)
def test_a_margin_is_twice_the_roundings_counted_and_not_a_hundred_times(name):
    dtype, margin, roundings = MARGINS[name]
    for n in (1, 10, 1000):
        for d in (1, 2, 10, 1000):
            for size in (1.0, 3.0, 1e6):
                needed = 2.0 * roundings(n, d) * float(rounding.unit(dtype)) * size
                assert needed * (1.0 - 1e-9) <= margin(n, d, size) <= 50.0 * needed


def test_constants_are_what_their_roundings_ask_for():
    assert 2.0 * rounding.gamma(3 + 2 * 6) <= rounding.SURE < 1e-13
    assert 1.0 + rounding.gamma(50, F32) <= rounding.WIDER < 1.0 + 1e-5
    assert rounding.COINCIDE * np.finfo(F32).eps >= 16 * rounding.unit(F32)


@pytest.mark.parametrize("d", [2, 5, 10])
def test_a_row_is_linear_in_a_cone_up_to_the_rounding_of_its_own_length(d):
    for length in (1e-6, 1.0, 1e6):
        needed = (d + 6) * rounding.UNIT * length
        assert needed <= rounding.cone_sign(ONE * length) <= 16 * 1.001 * rounding.UNIT * length


@pytest.mark.parametrize("readout", READOUTS)
def test_plane_margin_holds_and_is_needed(readout):
    off = []
    for seed in range(25):
        u, v, w, _ = draw(seed, 1 + seed % 7)
        value, margin = plane.exact_error(u, v, w, readout=readout)
        flat, wide = sphere.exact_error(np.insert(u, 2, 0.0, axis=1), v, np.append(w, 0.0), readout=readout)
        four = np.concatenate([u, np.zeros((len(u), 2))], axis=1), v, np.append(w, [0.0, 0.0])
        lower, upper = sphere.error_bounds(*four, readout=readout, cells=400)
        true = exact.plane_error(*exact.plane_network(u, v, w), readout == "relu")
        assert abs(exact.ball(value) - true) <= exact.ball(margin)
        assert abs(exact.ball(flat) - true) <= exact.ball(wide)
        assert exact.ball(lower) <= true
        assert true <= exact.ball(upper)
        assert margin < 1e-12
        off.append(float((true - exact.ball(value)).mid()))
    assert max(off) > 0.0 > min(off)  # so that a margin of 0 would be wrong in both directions


@pytest.mark.parametrize("readout", READOUTS)
def test_interval_margin_holds_and_is_needed(readout):
    off = []
    for seed in range(40):
        u, v, _, rng = draw(seed, 1 + seed % 9, 1)
        b, c = rng.normal(size=len(v)), rng.uniform(-0.9, 0.9)
        value, margin = interval.exact_error(u[:, 0], v, b, 1.0, c, readout)
        true = exact.interval_error(u[:, 0], v, b, 1.0, c, readout == "relu")
        assert abs(Fraction(value) - true) <= Fraction(margin)
        off.append(true - Fraction(value))
    assert max(off) > 0 > min(off)


@pytest.mark.parametrize(("steep", "far"), [(1e9, 1e9), (1e9, 1.0), (1.0, 1e9)])
def test_interval_margin_grows_with_the_target(steep, far):
    """A target of slope or offset 1e9 has errors of its own size."""
    u, v, _, rng = draw(3, 5, 1)
    b = rng.normal(size=5)
    for c in rng.uniform(-far, far, 20):
        value, margin = interval.exact_error(u[:, 0], v, b, steep + 0.3, c)
        assert abs(Fraction(value) - exact.interval_error(u[:, 0], v, b, steep + 0.3, c)) <= Fraction(margin)


@functools.partial(jax.jit, static_argnames=("readout",))
def _scan(theta, kappa, eps, readout):
    return jax.lax.map(lambda each: arcs.scan_masks(*each, readout=readout, lines=1, capacity=16), (theta, kappa, eps))


@functools.partial(jax.jit, static_argnames=("readout",))
def _errors(theta, kappa, masks, readout):
    return jax.lax.map(lambda each: planar.masked_errors(*each, masks, readout=readout), (theta, kappa))


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scan_at_the_edge(dtype, readout):
    """ε is the least error, rounded up to the next float: no miss. Rounded down: no hit."""
    n, trials = 4, 40
    masks = np.arange(2**n)[:, None] >> np.arange(n) & 1 == 1
    rng = np.random.default_rng(7)
    theta = rng.uniform(-np.pi, np.pi, (trials, n)).astype(dtype)
    kappa = rng.normal(size=(trials, n)).astype(dtype)
    with jax.enable_x64(True):
        wide = np.asarray(_errors(jnp.asarray(theta, float), jnp.asarray(kappa, float), jnp.asarray(masks), readout))
    least = []
    for t in range(trials):
        close = np.flatnonzero(wide[t] <= wide[t].min() + 1e-9)
        balls = [
            exact.plane_error(
                [exact.ball(x) for x in theta[t, masks[i]]],
                [exact.ball(x) for x in kappa[t, masks[i]]],
                readout == "relu",
            )
            for i in close
        ]
        least.append(min(balls, key=lambda x: x.mid()))
    with jax.enable_x64(dtype == np.float64):
        over = _scan(theta, kappa, np.array([exact.above(x, dtype) for x in least]), readout).status
        under = _scan(theta, kappa, np.array([exact.below(x, dtype) for x in least]), readout).status
        far = _scan(theta, kappa, np.array([exact.below(x * flint.arb(0.99), dtype) for x in least]), readout).status
    assert not np.any(np.asarray(over) == -1)
    assert not np.any(np.asarray(under) == 1)
    assert np.mean(np.asarray(far) == -1) > 0.9


def test_kink_lemma_at_the_edge():
    """A kink line at angle α exactly, but for the rounding of ε upward, is within α: no certificate."""
    for dtype in (np.float32, np.float64):
        u = np.concatenate([draw(seed, 400, dtype=dtype)[0] for seed in range(3)])
        angle = 0.7
        w = np.array([np.cos(angle), np.sin(angle)], dtype)
        wrong = 0
        with jax.enable_x64(dtype == np.float64):
            theta = planar.frame(jnp.asarray(u), jnp.ones(len(u), dtype), jnp.asarray(w))[0]
            for i, t in enumerate(exact.kinks_of(u, w)):
                pi = flint.arb.pi()
                line = abs(t - round(float((t / pi).mid())) * pi)
                if float(line.mid()) < 1.2:
                    eps = exact.above((line / 2).tan() / 2, dtype)
                    wrong += bool(kink.kink_misses(theta[i : i + 1], eps)) if i % 8 == 0 else 0
        assert wrong == 0


def test_uncovered_at_the_edge():
    """The row's kink lies within α by less than a rounding: the direction is covered."""
    for seed in range(300):
        u, _, w, rng = draw(seed, 1, 2 + seed % 5)
        q = rng.normal(size=w.size)
        a, b, c = ([exact.ball(x) for x in each] for each in (u[0], w, q))

        def dot(x, y):
            return sum((s * t for s, t in zip(x, y, strict=True)), flint.arb(0))

        c = [s - t * dot(b, c) / dot(b, b) for s, t in zip(c, b, strict=True)]
        across, along = abs(dot(a, c)) / dot(c, c).sqrt(), abs(dot(a, b)) / dot(b, b).sqrt()
        angle = flint.arb.atan2(across, along)
        eps = exact.above((angle / 2).tan() / 2)
        if eps < 0.499:
            for exponent in (0, -600, 600):
                assert not verify_uncovered(np.ldexp(u, exponent), w, q, eps)
                assert verify_uncovered(np.ldexp(u, exponent), w, q, eps * (1.0 - 1e-9))


def _widest_gap(centre, ratio, tangent):
    """Between neighbouring arcs of half-width arcsin(tangent·ratio), on the circle of length π."""
    pi, n = flint.arb.pi(), len(centre)
    place = [c - (c / pi).floor() * pi for c in centre]
    arcs = sorted(zip(place, ratio, strict=True), key=lambda arc: arc[0].mid())
    half = [(tangent * r).asin() for _, r in arcs]
    place = [p for p, _ in arcs]
    gaps = [place[(i + 1) % n] + (pi if i == n - 1 else 0) - place[i] - half[i] - half[(i + 1) % n] for i in range(n)]
    return max(gaps, key=lambda x: x.mid())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_covering_at_the_edge(dtype):
    """Arcs that touch: covered for an ε rounded up, not covered for one rounded down, and never said otherwise."""
    w = np.array([0.0, 0.0, 1.0], dtype)
    for seed in range(12):
        n, rng = 3 + seed % 3, np.random.default_rng(seed)
        phi = rng.uniform(0.0, np.pi) + np.arange(n) * np.pi / n
        height = rng.uniform(0.5, 2.0)
        u = np.stack([np.cos(phi), np.sin(phi), np.full(n, height)], axis=1).astype(dtype)
        # Least tan α that covers: bisection on exact arcs.
        centre = [flint.arb.atan2(exact.ball(r[1]), exact.ball(r[0])) for r in u]
        ratio = [exact.ball(r[2]) / (exact.ball(r[0]) ** 2 + exact.ball(r[1]) ** 2).sqrt() for r in u]
        low, high = flint.arb(0), flint.arb(0.999) / max(ratio, key=lambda x: x.mid())
        for _ in range(150):
            middle = ((low + high) / 2).mid()
            low, high = (middle, high) if _widest_gap(centre, ratio, middle).mid() > 0 else (low, middle)
        # tan α = 4ε/(1 - 4ε²)
        tangent = high.mid()
        eps = ((1 + tangent**2).sqrt() - 1) / (2 * tangent)
        with jax.enable_x64(dtype == np.float64):
            args = jnp.asarray(u), jnp.asarray(w)
            assert int(zones.cover_circle(*args, exact.above(eps * (1 + flint.arb(2) ** -100), dtype)).status) != -1
            assert int(zones.cover_circle(*args, exact.below(eps, dtype)).status) != 1
            assert int(zones.cover_circle(*args, dtype(float(eps.mid()) * 1.001)).status) == 1
            assert int(zones.cover_circle(*args, dtype(float(eps.mid()) * 0.999)).status) == -1


def test_arcs_that_touch():
    """An arc ends where the next begins, or a rounding beyond: no gap. A rounding before: not covered."""
    cover = jax.jit(lambda centre, half: zones.cover_arcs(centre, half, jnp.ones(3, bool)).status)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        # Around the end of the circle: there an arc is laid out again, π further on.
        centre = np.array([rng.uniform(0.2, 0.4), 1.2, rng.uniform(2.2, 2.4)], np.float32)
        half = np.array([rng.uniform(0.3, 0.5), 0.9, 0.0], np.float32)
        pi = Fraction(str(flint.arb.pi().mid().str(40, radius=False)))
        missing = pi + Fraction(float(centre[0])) - Fraction(float(half[0])) - Fraction(float(centre[2]))
        half[2] = np.float32(float(missing))
        while Fraction(float(half[2])) < missing:
            half[2] = np.nextafter(half[2], np.float32(9.0))
        assert int(cover(centre, half)) != -1
        half[2] = np.nextafter(half[2], np.float32(0.0))
        if Fraction(float(half[2])) < missing:
            assert int(cover(centre, half)) != 1
        assert int(cover(centre, half + np.array([0.0, 0.0, 1e-4], np.float32))) == 1
        assert int(cover(centre, half - np.array([0.0, 0.0, 1e-4], np.float32))) == -1


def test_wide_zone_at_the_edge():
    """A zone of nearly all directions, whose half-width is the arcsine of nearly 1: rounding by √u opens no gap."""
    w = np.array([0.0, 0.0, 1.0], np.float32)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        u = rng.normal(size=(1, 3)).astype(np.float32)
        radius = (exact.ball(u[0, 0]) ** 2 + exact.ball(u[0, 1]) ** 2).sqrt()
        tangent = radius / abs(exact.ball(u[0, 2]))
        eps = exact.above(((1 + tangent**2).sqrt() - 1) / (2 * tangent), np.float32)
        if eps < 0.49:  # the zone is everything, just so
            assert int(zones.cover_circle(jnp.asarray(u), jnp.asarray(w), eps).status) != -1
            assert int(zones.cover_circle(jnp.asarray(u), jnp.asarray(w), np.float32(0.999) * eps).status) == -1


@pytest.mark.parametrize("readout", READOUTS)
def test_all_masks_margin_holds_and_is_needed(readout):
    off = []
    for seed in range(12):
        n, d = 3, 2
        u, v, w, rng = draw(seed, n, d, np.float32)
        points = rng.normal(size=(9, d)).astype(np.float32)
        given = jnp.asarray(u), jnp.asarray(v), jnp.asarray(w), jnp.asarray(points)
        error, masks, margin = single_weights.all_masks(*given, [n], readout=readout)
        # Fractions: everything is a sum of products and a maximum.
        at, rows, out, target = (
            [[Fraction(float(x)) for x in np.atleast_1d(r)] for r in each] for each in (points, u, v, w[None])
        )
        keep = np.asarray(masks[0])
        true = Fraction(0)
        for x in at:
            g = sum(
                out[i][0] * max(sum(rows[i][j] * x[j] for j in range(d) if keep[i, j]), Fraction(0)) for i in range(n)
            )
            g = max(g, Fraction(0)) if readout == "relu" else g
            true = max(true, abs(g - max(sum(a * b for a, b in zip(target[0], x, strict=True)), Fraction(0))))
        size = max(1.0, float(np.linalg.norm(points, axis=1).max()))
        assert abs(Fraction(float(error[0])) - true) <= Fraction(float(margin[0])) * Fraction(size)
        off.append(true - Fraction(float(error[0])))
    assert any(off)


def test_least_errors_of_few_neurons():
    values = np.random.default_rng(0).normal(size=(6, 11)).astype(np.float32)
    target = np.random.default_rng(1).normal(size=11).astype(np.float32)
    errors, masks = at_points.least_errors(jnp.asarray(values), jnp.asarray(target), tuple(range(7)))
    for k, (error, mask) in enumerate(zip(np.asarray(errors), np.asarray(masks), strict=True)):
        assert not mask[k:].any()
        assert error == pytest.approx(np.abs(values[mask].sum(axis=0) - target).max(), rel=1e-5)
