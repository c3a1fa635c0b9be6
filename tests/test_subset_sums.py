"""Kernels against brute force, symmetries, witnesses."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brute import covering_radius, least_error
from hypothesis import given
from hypothesis import strategies as st

import ltjax
from ltjax import laws
from ltjax.search.sums import nearest as kernels

N = 14
TRIALS = 4
seeds = st.integers(0, 2**31 - 1)
targets = st.floats(-1.5, 1.5, width=32)
law_names = st.sampled_from(sorted(laws.LAWS))


def draws(name, seed, n=N, float64=False):
    """Coefficients of one shape: those beyond n are 0 and add nothing, so that nothing is compiled again."""
    with jax.enable_x64(float64):
        dtype = jnp.float64 if float64 else jnp.float32
        values = np.array(laws.get_law(name).sample(jax.random.key(seed), (TRIALS, N), dtype))
    values[:, n:] = 0.0
    return values


@jax.jit
def prefix_errors(values, target):
    fixed = kernels.to_fixed_point(values.T, target)
    error = kernels.nearest(fixed.values, fixed.target, range(1, N + 1)).error
    return error.astype(fixed.quantum.dtype) * fixed.quantum, fixed.guard


@given(law_names, seeds, st.integers(1, N), targets)
def test_nearest_sum_equals_brute_force_for_every_law(name, seed, n, target):
    values = draws(name, seed, n)
    errors, subsets = ltjax.nearest_subset_sums(values, target, masks=True)
    witnessed = np.abs(np.float64(target) - (np.asarray(subsets) * values.astype(np.float64)).sum(axis=1))
    for i in range(TRIALS):
        truth = least_error(values[i, :n], target)
        assert abs(float(errors[i]) - truth) < 1e-6
        assert abs(witnessed[i] - truth) < 1e-6


@given(law_names, seeds, targets)
def test_every_prefix_at_once_and_monotone(name, seed, target):
    values = draws(name, seed)
    errors, guard = prefix_errors(values, jnp.full(TRIALS, target, jnp.float32))
    errors, guard = np.asarray(errors, np.float64), np.asarray(guard, np.float64)
    assert np.all(np.diff(errors, axis=0) <= 0), "a hit with n is a hit with n + 1"
    for n in (1, 2, 5, 8, 11):
        for i in range(TRIALS):
            assert abs(errors[n - 1, i] - least_error(values[i, :n], target)) <= guard[i] + 1e-7


@given(law_names, seeds, targets)
def test_order_and_sign_do_not_matter(name, seed, target):
    values = draws(name, seed)
    order = np.random.default_rng(seed).permutation(N)
    errors = ltjax.nearest_subset_sums(values, target)
    # Whole numbers: not close but equal.
    np.testing.assert_array_equal(errors, ltjax.nearest_subset_sums(values[:, order], target))
    np.testing.assert_array_equal(errors, ltjax.nearest_subset_sums(-values, -target))


@given(seeds, st.integers(0, 2**N - 1))
def test_a_planted_subset_is_found(seed, subset):
    values = draws("uniform", seed)
    chosen = ((subset >> np.arange(N)) & 1).astype(bool)
    target = values[0, chosen].astype(np.float64).sum()
    error, masks = ltjax.nearest_subset_sums(values[:1], np.float32(target), masks=True)
    assert float(error[0]) == 0.0  # uniform draws are whole multiples of 2^-22
    assert np.float64(values[0, np.asarray(masks[0])].astype(np.float64).sum()) == target


@pytest.mark.parametrize(("n", "float64"), [(21, True), (32, True), (40, False)])
def test_a_planted_subset_is_found_in_large_sets(n, float64):
    rng = np.random.default_rng(n)
    values = np.round(rng.uniform(-1, 1, (2, n)) * 2**20) / 2**20
    chosen = rng.random((2, n)) < 0.5
    with jax.enable_x64(float64):
        values = values.astype(np.float64 if float64 else np.float32)
        target = (values * chosen).sum(axis=1).astype(values.dtype)
        errors, masks = ltjax.nearest_subset_sums(values, target, masks=True)
    assert np.all(np.asarray(errors) == 0.0)
    np.testing.assert_array_equal((values * np.asarray(masks)).astype(np.float64).sum(axis=1), target)


def test_float64_resolves_what_float32_cannot():
    values = draws("uniform", 1, float64=True)
    with jax.enable_x64(True):
        fine = np.asarray(ltjax.nearest_subset_sums(values, 0.5))
        assert fine.dtype == np.float64
    for i in range(TRIALS):
        assert abs(fine[i] - least_error(values[i], 0.5)) < 1e-15


_fixed = jax.jit(kernels.to_fixed_point)


@given(law_names, seeds)
def test_guard_covers_the_rounding(name, seed):
    """For a random subset, whole-number and real sums differ by at most the guard."""
    values = draws(name, seed)
    fixed = _fixed(values.T, np.full(TRIALS, 0.3, np.float32))
    subset = np.random.default_rng(seed).random(N) < 0.5
    for i in range(TRIALS):
        real = np.float64(np.float32(0.3)) - values[i, subset].astype(np.float64).sum()
        whole = int(fixed.target[i]) - int(np.asarray(fixed.values)[subset, i].astype(np.int64).sum())
        assert abs(real - whole * float(fixed.quantum[i])) <= float(fixed.guard[i])
        assert np.abs(np.asarray(fixed.values, np.int64)[:, i]).sum() < 2**30


@pytest.mark.parametrize(
    ("size", "max_size"), [(0, None), (3, None), (7, None), (9, None), (None, 0), (None, 4), (None, 8)]
)
@pytest.mark.parametrize("name", ["uniform", "rademacher"])
def test_sizes_equal_brute_force(name, size, max_size):
    n = 9
    values = draws(name, 11)[:, :n]
    fixed = kernels.to_fixed_point(jnp.asarray(values).T, jnp.full(TRIALS, 0.5, jnp.float32))
    found = jax.jit(lambda v, t: kernels.nearest_of_size(v, t, [4, n], size, max_size))(fixed.values, fixed.target)
    masks = kernels.unpack_masks(np.asarray(found.even), np.asarray(found.odd), n)
    for row, prefix in enumerate([4, n]):
        for i in range(TRIALS):
            allowed = (lambda k: k == size) if size is not None else (lambda k: k <= max_size)
            truth = least_error(values[i, :prefix], 0.5, allowed)
            if np.isinf(truth):
                assert int(found.error[row, i]) == np.iinfo(np.int32).max
                continue
            assert abs(float(found.error[row, i]) * float(fixed.quantum[i]) - truth) < 1e-6
            assert allowed(masks[row, i].sum())
            assert abs(abs(0.5 - values[i, masks[row, i]].astype(np.float64).sum()) - truth) < 1e-6


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("method", ["direct", "sweep"])
def test_vectors_equal_brute_force(d, method):
    n, target = 9, 0.4
    values = np.array(laws.get_law("normal").sample(jax.random.key(d), (TRIALS, n, d)))
    fixed = kernels.to_fixed_point(jnp.moveaxis(jnp.asarray(values), 0, -1), jnp.full((d, TRIALS), target, jnp.float32))
    if method == "direct":
        error, even, odd = kernels.nearest_vector(fixed.values, fixed.target, [n])
        error, even, odd = error[0], even[0], odd[0]
    else:
        sweep = lambda v, t: kernels._nearest_vector_sweep(v, t, n)  # noqa: E731
        error, even, odd = jax.vmap(sweep, (2, 1))(fixed.values, fixed.target)
    masks = kernels.unpack_masks(np.asarray(even), np.asarray(odd), n)
    for i in range(TRIALS):
        truth = least_error(values[i], target)
        assert abs(float(error[i]) * float(fixed.quantum[i]) - truth) < 1e-6
        witnessed = np.abs(target - values[i, masks[i]].astype(np.float64).sum(axis=0)).max()
        assert abs(witnessed - truth) < 1e-6


def test_vectors_beyond_the_direct_search():
    n = kernels.DIRECT_TERMS + 2
    values = np.array(laws.get_law("uniform").sample(jax.random.key(0), (1, n, 2)))
    error = float(ltjax.nearest_subset_sums(values, 0.5)[0])
    assert abs(error - least_error(values[0], 0.5)) < 1e-6


@given(seeds, st.sampled_from(["uniform", "normal"]))
def test_covering_radius_equals_brute_force(seed, name):
    values = draws(name, seed)[:, :10]
    cover = _cover(values)
    for i in range(TRIALS):
        for row, n in enumerate((3, 10)):
            assert abs(cover[0][row, i] - covering_radius(values[i, :n])) < 1e-6
    # The farthest point is a witness: the other kernel finds no nearer sum.
    errors = ltjax.nearest_subset_sums(values, jnp.asarray(cover[1][1], jnp.float32))
    np.testing.assert_allclose(np.asarray(errors), cover[0][1], atol=1e-6)


@jax.jit
def _cover(values):
    fixed = kernels.to_fixed_point(values.T, jnp.ones(len(values), jnp.float32))
    cover = kernels.cover(fixed.values, -fixed.target, fixed.target, [3, 10])
    return tuple(x.astype(fixed.quantum.dtype) * fixed.quantum / 2 for x in (cover.radius, cover.point))


@pytest.mark.parametrize("trials", [3, 31, 32, 50])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_merge_sorts_any_lengths(dtype, trials):
    """Narrow rows, and wide ones, which go another way."""
    rng = np.random.default_rng(trials)
    with jax.enable_x64(dtype == np.int64):
        # Long lists, of an even and of an odd number of stages, go two stages at a time where rows are narrow.
        for p, q in ((1, 1), (3, 5), (8, 8), (1, 7), (13, 2), (300, 700), (600, 900)):
            assert (p + q > 1 << kernels.LONG - 1) == (p >= 300)
            a, b = (np.sort(rng.integers(-50, 50, size=(k, trials)).astype(dtype), axis=0) for k in (p, q))
            merged = kernels.merge(jnp.asarray(a), jnp.asarray(b))
            assert merged.dtype == dtype
            np.testing.assert_array_equal(merged, np.sort(np.concatenate([a, b]), axis=0))


@pytest.mark.parametrize("n", [9, 10])
def test_whole_blocks_of_wide_rows_find_the_least_error(n):
    """More trials than a block takes: few trials have narrow rows, which are merged another way."""
    trials = kernels.nearest_block(n, "float32") + 5
    values = np.random.default_rng(n).uniform(-1.0, 1.0, (trials, n)).astype(np.float32)
    errors, subsets = ltjax.nearest_subset_sums(values, 0.5, masks=True)
    for row, error, subset in zip(values.astype(float), errors, subsets, strict=True):
        assert error == pytest.approx(least_error(row, 0.5), abs=1e-6)
        assert abs(0.5 - row[np.asarray(subset)].sum()) == pytest.approx(float(error), abs=1e-6)


def test_works_under_jit_and_shards():
    values = draws("uniform", 3)
    plain = ltjax.nearest_subset_sums(values, 0.5)
    np.testing.assert_array_equal(plain, jax.jit(ltjax.nearest_subset_sums)(values, 0.5))
    np.testing.assert_array_equal(plain, ltjax.nearest_subset_sums(values, 0.5, devices=jax.local_devices()))


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((2, 41), np.float32), "n=41 is not allowed: n is a whole number from 1 to 40"),
        (np.zeros((2, 0), np.float32), "n=0 is not allowed"),
        (np.full((2, 3), np.nan, np.float32), "NaN or infinity"),
        (np.zeros(3, np.float32), "values of shape"),
        (np.zeros((2, 3), int), "values of shape"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=message):
        ltjax.nearest_subset_sums(values, 0.5)


@pytest.mark.wrong_types
def test_bad_target_shape():
    with pytest.raises(ValueError, match="target of shape"):
        ltjax.nearest_subset_sums(np.zeros((2, 3), np.float32), np.zeros(3, np.float32))


SIZES = 6
QUANTA = {np.float32: 28, np.float64: 60}


def check_exactly(values, target):
    """The reported error is that of the mask, and the least, to the rounding stated; judged by fractions."""
    narrow = values.dtype.itemsize < 8
    with jax.enable_x64(not narrow):
        errors, masks = ltjax.nearest_subset_sums(values, target, masks=True)
        assert errors.dtype == (np.float32 if narrow else np.float64)
        np.testing.assert_array_equal(np.asarray(ltjax.nearest_subset_sums(values, target)), np.asarray(errors))
    errors, masks, info = np.asarray(errors), np.asarray(masks), np.finfo(errors.dtype)
    for row, goal, error, mask in zip(values, target, errors, masks, strict=True):
        numbers, goal, error = [Fraction(float(x)) for x in row], Fraction(float(goal)), Fraction(float(error))
        sums = [Fraction(0)]
        for number in numbers:
            sums += [each + number for each in sums]
        own = abs(goal - sum((x for x, kept in zip(numbers, mask, strict=True) if kept), Fraction(0)))
        size = sum(map(abs, numbers)) + abs(goal)
        rounding = size * (len(row) + 1) / 2 ** QUANTA[errors.dtype.type]
        answer = error * Fraction(float(info.eps)) + Fraction(float(info.smallest_subnormal)) / 2
        assert abs(error - own) <= rounding + answer
        assert own - min(abs(goal - each) for each in sums) <= 2 * rounding


@st.composite
def extreme(draw, dtype):
    """Three trials of six numbers around one exponent each, from the smallest number of the dtype to the largest."""
    info = np.finfo(dtype)
    least, most = info.minexp - info.nmant, info.maxexp - 1
    rng = np.random.default_rng(draw(seeds))
    exponent = np.array([draw(st.integers(least, most)) for _ in range(3)])[:, None]
    spread = draw(st.sampled_from([0, 3, 40]))
    exponent = np.clip(exponent + rng.integers(-spread, spread + 1, (3, SIZES)), least, most)
    with np.errstate(over="ignore"):
        values = np.ldexp(rng.choice([-1.0, 1.0], (3, SIZES)) * rng.uniform(1.0, 2.0, (3, SIZES)), exponent)
        values = np.clip(values, -float(info.max), float(info.max)).astype(dtype)
        chosen = [sum((Fraction(float(x)) for x in row[rng.random(SIZES) < 0.5]), Fraction(0)) for row in values]
    most = Fraction(float(info.max))
    return values, np.array([float(max(min(x, most), -most)) for x in chosen]).astype(dtype)


@given(extreme(np.float32))
def test_float32_of_every_size(drawn):
    check_exactly(*drawn)


@given(extreme(np.float64))
def test_float64_of_every_size(drawn):
    check_exactly(*drawn)


@given(extreme(np.float16))
def test_float16_is_answered_in_float32(drawn):
    check_exactly(*drawn)


@pytest.mark.parametrize(
    ("values", "target"),
    [
        ([1e-32, 3e-32, 7e-32], 4.2e-32),
        ([1e38, 2e38, -1e38], 3e38),
        ([1e-45, 3e-45, 7e-45], 4e-45),
        ([3.4e38, 3.4e38, -3.4e38], -3.4e38),
        ([0.0, -0.0, 0.0], 0.0),
        ([1e-45, 0.0, 0.0], 0.0),
        ([1.0, 2.0, 1e-45], 3.0),
    ],
)
def test_sizes_at_the_ends_of_float32(values, target):
    values, target = np.array([values, [1.0, 2.0, 3.0]], np.float32), np.array([target, 2.5], np.float32)
    check_exactly(values, target)
    # Traced numbers cannot be looked at: the error is that, or NaN.
    plain, traced = (f(values, target) for f in (ltjax.nearest_subset_sums, jax.jit(ltjax.nearest_subset_sums)))
    known = ~np.isnan(np.asarray(traced))
    assert known[1]
    np.testing.assert_array_equal(np.asarray(traced)[known], np.asarray(plain)[known])
    assert known[0] == (np.abs(values[0]).max() in (0.0, 2.0))


def test_bfloat16():
    values = np.asarray(jnp.asarray([[1.0, 2.5, 7.0], [1e-38, 3e38, 1e-40]], jnp.bfloat16))
    errors, masks = ltjax.nearest_subset_sums(values, jnp.asarray([3.25, 2e38], jnp.bfloat16), masks=True)
    assert errors.dtype == jnp.float32
    assert np.asarray(masks).tolist() == [[True, True, False], [False, True, False]]
    assert float(errors[0]) == 0.25


def test_vectors_of_every_size():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 6, 3))
    plain = ltjax.nearest_subset_sums(values.astype(np.float32), 0.5)
    for exponent in (-120, 110):
        scaled = np.ldexp(values.astype(np.float32), exponent)
        errors = ltjax.nearest_subset_sums(scaled, np.ldexp(np.float32(0.5), exponent))
        np.testing.assert_array_equal(np.ldexp(np.asarray(errors), -exponent), plain)


def test_float64_is_not_cut_to_float32():
    values = np.random.default_rng(0).normal(size=(2, 3))
    with pytest.raises(ltjax.arguments.ArgumentError, match=r"values of type float64 are not allowed here.*enable_x64"):
        ltjax.nearest_subset_sums(values, 0.5)
    assert ltjax.nearest_subset_sums(values.tolist(), 0.5).dtype == jnp.float32  # a list has no dtype to lose


def test_a_target_has_the_dtype_of_the_values():
    values, target = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32), np.linspace(0.1, 0.9, 5)
    with jax.enable_x64(True):
        for given in (target, jnp.asarray(target), target.tolist()):
            found = ltjax.nearest_subset_sums(values, given)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, ltjax.nearest_subset_sums(values, target.astype(np.float32)))


def test_a_target_beyond_the_dtype_is_refused():
    with pytest.raises(ltjax.arguments.ArgumentError, match="NaN or infinity"):
        ltjax.nearest_subset_sums(np.ones((1, 2), np.float32), 1e39)


def test_there_is_no_derivative():
    values = jnp.ones((1, 3))
    for wrapped in (lambda f: f, jax.jit, jax.vmap):
        nearest = wrapped(lambda v: ltjax.nearest_subset_sums(v.reshape(1, 3), 0.5).sum())
        with pytest.raises(TypeError, match="no derivative"):
            jax.grad(lambda v, nearest=nearest: nearest(v).sum())(values)
    with pytest.raises(TypeError, match="no derivative"):
        jax.grad(lambda t: ltjax.nearest_subset_sums(values, t).sum())(0.5)
    assert jax.grad(lambda v: ltjax.nearest_subset_sums(jax.lax.stop_gradient(v), 0.5).sum())(values).sum() == 0.0


def test_what_is_not_finite_has_an_infinite_guard():
    """So that whoever decides by the guard decides nothing."""
    for bad in (np.nan, np.inf, -np.inf, 3e38):
        values = np.array([[1.0, 1.0], [bad, 1.0]], np.float32)
        guard = np.asarray(_fixed(values, np.ones(2, np.float32)).guard)
        assert guard[0] == np.inf
        assert guard[1] <= 1e-36  # numbers below the least normal one may have been taken for zero
