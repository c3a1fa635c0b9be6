"""Subset sums, exactly: nearest sum to a target, covering of an interval, vectors.

Sums are of whole numbers, which do not round (`fixed_point`).

Why trials come last. A sorted list of all sums grows by one coefficient x as the merge of A with
A + x. Batcher's bitonic merge does that with elementwise minimum and maximum alone, and with trials
on the last axis each is one long vector operation: no sort, no gather, no branch.

Meet in the middle (Horowitz, Sahni 1974): coefficients at even positions build list A, those at odd
positions list B, and the best pair of A + B is found by merging A with target - B and looking at
neighbours that come from different lists. Alternating positions keep the halves balanced for *every*
prefix, so that all prefixes together cost about twice the longest one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int, Shaped

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.machine import steps
from ltjax.machine.settings import pinned
from ltjax.search.sums.fixed_point import ordinary, to_fixed_point

MAX_TERMS = 40
"""Meet in the middle holds two lists of 2^(n/2) sums: 2^20 each at n = 40."""
DIRECT_TERMS = 16
"""Vectors: up to here all 2^n sums are looked at."""
MAX_COVER_TERMS = 24
"""Coverage needs all 2^n sums in order: 2^24 of them are 64 MiB in int32."""

LONG = 10
"""A list of 2^LONG sums and more of narrow rows is merged two stages at a time: shorter ones gain nothing, and compile
longer."""
STEP = 5
"""Merges of so many stages and more are done in steps (`ltjax.machine.steps`) where rows are wide. Lists of narrow ones
leave the cache, and there it costs less to compute a number twice than to keep it."""
STAGES = 2
"""Stages a step: XLA makes one loop of two, and of more it makes loops that compute the same numbers."""
LIST = 1 << 19
"""Bytes of a list of a block's trials. A merge holds three of them, and all should stay in a core's own cache, a
mebibyte or two."""
ROW = 128
"""Bytes that compiled loops take at a time: the rows of narrower lists run number by number."""


class Nearest(NamedTuple):
    """The nearest subset sum of each prefix: error in quanta, and the subset as two bit strings.

    Bit j of `even` says whether the coefficient at position 2j is in the subset, of `odd` position 2j+1.
    """

    error: Int[Array, "prefixes trials"]
    even: Int[Array, "prefixes trials"]
    odd: Int[Array, "prefixes trials"]


class Cover(NamedTuple):
    """The point of [low, high] farthest from every subset sum, in half quanta, and its distance."""

    radius: Int[Array, "prefixes trials"]
    point: Int[Array, "prefixes trials"]


def merge(a: Int[Array, "p trials"], b: Int[Array, "q trials"]) -> Int[Array, "p+q trials"]:
    """Merge two lists sorted along the first axis, by Batcher's bitonic merge (1968) in Stone's layout (1971).

    Stage after stage the rows half the list apart are put in order and shuffled together, which turns the bits of
    a row's place by one: the next stage finds its partners half the list apart again, and after the last stage
    every row is back. So all stages are one and the same small program, which compiles twice as fast as stages
    with strides of their own.

    Where rows are as wide as a compiled loop takes at a time (`ROW`), a stage chooses between minimum and maximum by
    a row's place: it is one loop then, which writes straight to where the rows belong. Narrower ones are put in order
    by two loops and a copy, two stages in one pass where the list is long.
    """
    return _merged(steps.known_to_hold(a[0, 0]), lambda a, b: (a, b), a, b)


def _merged(
    sure: Bool[Array, ""], lists: Callable[..., tuple[Array, Array]], *operands: Array
) -> Int[Array, "rows trials"]:
    """The merge of the two lists that a function makes of some arrays, `sure` as for `ltjax.machine.steps`."""
    a, b = jax.eval_shape(lists, *operands)
    rows = a.shape[0] + b.shape[0]
    stages = (rows - 1).bit_length()

    def begun(count: int, *operands: Array) -> Array:
        a, b = lists(*operands)
        # Up, a plateau at the top, down: bitonic whatever the two lengths.
        top = jnp.full(((1 << stages) - rows, a.shape[1]), jnp.iinfo(a.dtype).max, a.dtype)
        return _stages(jnp.concatenate([a, top, b[::-1]]), count)

    if stages < STEP or not _wide(a):
        return begun(stages, *operands)[:rows]
    first = stages % STAGES or STAGES
    x = steps.step(sure, partial(begun, first), *operands)
    for _ in range(first, stages, STAGES):
        x = steps.step(sure, partial(_stages, count=STAGES), x)
    return x[:rows]


def _wide(x: Any) -> bool:
    return x.shape[1] * x.dtype.itemsize >= ROW


def _stages(x: Int[Array, "p trials"], count: int) -> Int[Array, "p trials"]:
    trials = x.shape[1]
    if _wide(x):
        lower = jnp.array([True, False])[:, None]
        for _ in range(count):
            low, high = _in_order(*jnp.split(x, 2))
            x = jnp.where(lower, low[:, None], high[:, None]).reshape(-1, trials)
        return x
    pairs = count // 2 if count >= LONG else 0
    for _ in range(count - 2 * pairs):
        x = jnp.stack(_in_order(*jnp.split(x, 2)), axis=1).reshape(-1, trials)
    for _ in range(pairs):
        first, second, third, fourth = jnp.split(x, 4)
        (first, third), (second, fourth) = _in_order(first, third), _in_order(second, fourth)
        x = jnp.stack([*_in_order(first, second), *_in_order(third, fourth)], axis=1).reshape(-1, trials)
    return x


def _in_order(x: Int[Array, "p trials"], y: Int[Array, "p trials"]) -> tuple[Array, Array]:
    return jnp.minimum(x, y), jnp.maximum(x, y)


def subset_sums(values: Shaped[Array, "n trials"]) -> Shaped[Array, "2**n trials"]:
    """All sums, in the order of the subsets' bit strings (bit j = coefficient j)."""
    sums = jnp.zeros((1, values.shape[1]), values.dtype)
    for x in values:
        sums = jnp.concatenate([sums, sums + x])
    return sums


def _sorted_sums_of_prefixes(values: Int[Array, "n trials"], sure: Bool[Array, ""]) -> list[Int[Array, "_ trials"]]:
    """Sorted sums of the first k coefficients, k = 0..n."""
    lists = [jnp.zeros((1, values.shape[1]), values.dtype)]
    for x in values:
        lists.append(_merged(sure, lambda a, x: (a, a + x), lists[-1], x))
    return lists


def _nearest_pair(
    a: Int[Array, "p trials"], b: Int[Array, "q trials"], target: Int[Array, " trials"], sure: Bool[Array, ""]
) -> tuple[Array, Array, Array]:
    """(|target - x - y|, x, y) for the best x in the sorted list a and y in the sorted list b."""

    def marked(a: Array, b: Array, target: Array) -> tuple[Array, Array]:
        # The lowest bit tells the lists apart and survives minimum and maximum.
        return a << 1, (((target - b)[::-1]) << 1) | 1

    def closest(line: Array, target: Array) -> tuple[Array, Array, Array]:
        low, high = line[:-1], line[1:]
        most = jnp.iinfo(a.dtype).max
        gap = jnp.where(((low ^ high) & 1) == 1, (high >> 1) - (low >> 1), most)
        error = jnp.min(gap, axis=0)
        # The first pair with that gap, found by a minimum: an argmin would not run on vector units.
        low = jnp.min(jnp.where(gap == error, low, most), axis=0)
        low, first_is_a = low >> 1, (low & 1) == 0
        return error, jnp.where(first_is_a, low, low + error), target - jnp.where(first_is_a, low + error, low)

    line = _merged(sure, marked, a, b, target)
    return steps.step(sure, closest, line, target) if _wide(line) else closest(line, target)


def _find(sums: Int[Array, "p trials"], value: Int[Array, " trials"]) -> Int[Array, " trials"]:
    """Position of a value known to be among the sums."""
    rows = sums.shape[0]
    position = jnp.arange(rows, dtype=jnp.int32)[:, None]
    return jnp.min(jnp.where(sums == value, position, rows), axis=0)


def nearest(values: Int[Array, "n trials"], target: Int[Array, " trials"], prefixes: Sequence[int]) -> Nearest:
    """The nearest subset sum, over all subsets of the first n coefficients, for each n in `prefixes`."""
    trials = values.shape[1]
    longest = max(prefixes)
    half = longest // 2
    # Both halves at once, side by side on the trial axis.
    sides = jnp.concatenate([values[0 : 2 * half : 2], values[1 : 2 * half : 2]], axis=1)
    sure = steps.known_to_hold(values[0, 0])
    lists, plain = _sorted_sums_of_prefixes(sides, sure), subset_sums(sides)
    found = {}
    for k in sorted({n // 2 for n in prefixes}):
        # With an odd prefix the unpaired coefficient is left out or taken: the target, and the target
        # moved by it. The first of these is the even prefix's question too.
        odd = 2 * k + 1 in prefixes
        targets = jnp.concatenate([target, target - values[2 * k]]) if odd else target
        pair = _nearest_pair(*(jnp.tile(side, (1, 1 + odd)) for side in jnp.split(lists[k], 2, axis=1)), targets, sure)
        sides = jnp.split(plain[: 1 << k], 2, axis=1)
        left_out = [z[:trials] for z in pair]
        if 2 * k in prefixes:
            error, *numbers = left_out
            found[2 * k] = error, *map(_find, sides, numbers)
        if odd:
            with_it = [z[trials:] for z in pair]
            taken = with_it[0] < left_out[0]
            error, *numbers = (jnp.where(taken, *each) for each in zip(with_it, left_out, strict=True))
            even_bits, odd_bits = map(_find, sides, numbers)
            found[2 * k + 1] = error, even_bits | (taken.astype(jnp.int32) << k), odd_bits
    return Nearest(*(jnp.stack(part) for part in zip(*(found[n] for n in prefixes), strict=True)))


def _size_pairs(even: int, odd: int, size: int | None, max_size: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which subsets of the two halves go together: rows of A and of B, by their numbers of elements."""
    count_a = np.array([m.bit_count() for m in range(1 << even)])
    count_b = np.array([m.bit_count() for m in range(1 << odd)])
    if size is not None:
        pairs = [(count_a == i, count_b == size - i) for i in range(even + 1)]
    else:
        assert max_size is not None
        # Rows of A that leave the same room for B are searched together.
        room = np.minimum(max_size - count_a, odd)
        pairs = [(room == left, count_b <= left) for left in range(odd + 1)]
    return [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in pairs if a.any() and b.any()]


def _sorted_groups(sums: Int[Array, "p trials"], groups: list[np.ndarray]) -> list[Int[Array, "_ trials"]]:
    """The sums of each group of rows, sorted; by one sort with two keys where no row is in two groups."""
    rows = np.concatenate(groups)
    if len(np.unique(rows)) < len(rows):
        return [jnp.sort(sums[group], axis=0) for group in groups]
    ids = np.repeat(np.arange(len(groups), dtype=np.int32), [len(group) for group in groups])
    ids = jnp.broadcast_to(ids[:, None], (len(rows), sums.shape[1]))
    _, line = jax.lax.sort((ids, sums[rows]), dimension=0, num_keys=2)
    return jnp.split(line, np.cumsum([len(group) for group in groups])[:-1])


def nearest_of_size(
    values: Int[Array, "n trials"],
    target: Int[Array, " trials"],
    prefixes: Sequence[int],
    size: int | None = None,
    max_size: int | None = None,
) -> Nearest:
    """As `nearest`, over subsets of exactly `size` or at most `max_size` elements.

    A prefix shorter than `size` has no such subset; its error is the largest whole number there is.
    """
    trials = values.shape[1]
    never = jnp.full(trials, jnp.iinfo(values.dtype).max, values.dtype)
    out = []
    for n in prefixes:
        sums_a, sums_b = subset_sums(values[0:n:2]), subset_sums(values[1:n:2])
        best = (never, jnp.zeros(trials, jnp.int32), jnp.zeros(trials, jnp.int32))
        pairs = _size_pairs((n + 1) // 2, n // 2, size, max_size)
        if pairs:
            rows_a, rows_b = (list(rows) for rows in zip(*pairs, strict=True))
            sides = zip(rows_a, _sorted_groups(sums_a, rows_a), rows_b, _sorted_groups(sums_b, rows_b), strict=True)
            for which_a, a, which_b, b in sides:
                error, x, y = _nearest_pair(a, b, target, steps.known_to_hold(values[0, 0]))
                # An equal sum of another size must not stand in for the one found.
                index = [
                    jnp.asarray(which, jnp.int32)[_find(sums[which], z)]
                    for which, sums, z in ((which_a, sums_a, x), (which_b, sums_b, y))
                ]
                better = error < best[0]
                best = tuple(jnp.where(better, new, old) for new, old in zip((error, *index), best, strict=True))
        out.append(best)
    return Nearest(*(jnp.stack(part) for part in zip(*out, strict=True)))


def nearest_vector(
    values: Int[Array, "n d trials"], target: Int[Array, "d trials"], prefixes: Sequence[int]
) -> Nearest:
    """As `nearest`, for vectors in the sup norm.

    Up to `DIRECT_TERMS` coefficients by looking at all sums, which one pass does for every prefix and a
    vector unit does fast; beyond, by meeting in the middle.
    """
    direct = [n for n in prefixes if n <= DIRECT_TERMS]
    found = dict(zip(direct, _nearest_vector_direct(values, target, direct), strict=True)) if direct else {}
    for n in prefixes:
        if n > DIRECT_TERMS:
            found[n] = jax.vmap(partial(_nearest_vector_sweep, n=n), (2, 1))(values, target)
    return Nearest(*(jnp.stack(part) for part in zip(*(found[n] for n in prefixes), strict=True)))


def _nearest_vector_direct(
    values: Int[Array, "n d trials"], target: Int[Array, "d trials"], prefixes: Sequence[int]
) -> list[tuple[Array, Array, Array]]:
    """All sums in the order of their bit strings: those of the first n coefficients are the first 2^n."""
    sums = jax.vmap(subset_sums, 1, 1)(values[: max(prefixes)])
    distance = jnp.max(jnp.abs(target - sums), axis=1)
    out = []
    for n in prefixes:
        error = jnp.min(distance[: 1 << n], axis=0)
        at = _find(distance[: 1 << n], error)
        even, odd = (
            sum((((at >> (2 * j + side)) & 1) << j for j in range((n + 1 - side) // 2)), jnp.zeros_like(at))
            for side in (0, 1)
        )
        out.append((error, even, odd))
    return out


def _nearest_vector_sweep(values: Int[Array, "m d"], target: Int[Array, " d"], n: int) -> tuple[Array, Array, Array]:
    """One trial, meeting in the middle.

    Both lists are sorted together by their first coordinate. Shift by shift, every entry is compared
    with the one s places further on; once no two entries s apart are closer in the first coordinate
    than the best pair so far, no better pair is left. Work: about 4^(n/2)·(least error) / spread.
    """
    sums_a, sums_b = (jax.vmap(subset_sums, 1, 1)(values[k:n:2, :, None])[..., 0] for k in (0, 1))
    entries = jnp.concatenate([sums_a, target - sums_b])
    size, far = entries.shape[0], jnp.iinfo(values.dtype).max
    order = jnp.argsort(entries[:, 0])
    entries, is_a = entries[order], order < sums_a.shape[0]

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        shift, best, at, partner, _ = state
        other = jnp.roll(entries, -shift, axis=0)
        inside = jnp.arange(size) < size - shift
        closest = jnp.min(jnp.where(inside, other[:, 0] - entries[:, 0], far))
        distance = jnp.max(jnp.abs(other - entries), axis=1)
        distance = jnp.where(inside & (jnp.roll(is_a, -shift) != is_a), distance, far)
        i = jnp.argmin(distance)
        better = distance[i] < best
        at, partner = (jnp.where(better, new, old) for new, old in ((i, at), (i + shift, partner)))
        return shift + 1, jnp.minimum(best, distance[i]), at, partner, closest

    zero = jnp.zeros((), order.dtype)
    start = (zero + 1, jnp.asarray(far), zero, zero, jnp.asarray(0, values.dtype))
    _, best, at, partner, _ = jax.lax.while_loop(lambda s: (s[4] < s[1]) & (s[0] < size), step, start)
    a = order[jnp.where(is_a[at], at, partner)]
    b = order[jnp.where(is_a[at], partner, at)] - sums_a.shape[0]
    return best, a.astype(jnp.int32), b.astype(jnp.int32)


def cover(
    values: Int[Array, "n trials"],
    low: Int[Array, " trials"],
    high: Int[Array, " trials"],
    prefixes: Sequence[int],
) -> Cover:
    """The covering radius of [low, high] by the sums of the first n coefficients, for each n in `prefixes`.

    Between neighbouring sums the farthest point is their midpoint, moved to the nearer end of the
    interval where it lies outside.
    """
    lists = _sorted_sums_of_prefixes(values[: max(prefixes)], steps.known_to_hold(values[0, 0]))
    out = []
    for n in prefixes:
        left, right = lists[n][:-1], lists[n][1:]
        point = jnp.clip(left + right, 2 * low, 2 * high)
        distance = jnp.minimum(point - 2 * left, 2 * right - point)
        # An interval between sums that misses [low, high] gets a negative distance by the clipping.
        radius = jnp.max(distance, axis=0)
        point = jnp.min(jnp.where(distance == radius, point, jnp.iinfo(point.dtype).max), axis=0)
        for end, gap in ((low, lists[n][0] - low), (high, high - lists[n][-1])):
            point = jnp.where(2 * gap > radius, 2 * end, point)
            radius = jnp.maximum(radius, 2 * gap)
        out.append((radius, point))
    return Cover(*(jnp.stack(part) for part in zip(*out, strict=True)))


def unpack_masks(even: Any, odd: Any, n: int) -> Any:
    """The two bit strings of `Nearest` as one boolean mask over the n coefficients.

    Args:
        even, odd: shape (...), NumPy or JAX arrays.
        n: how many coefficients.

    Returns:
        Shape (..., n), of the same kind.
    """
    position = np.arange(n, dtype=np.int32)
    word = odd[..., None] * (position % 2) + even[..., None] * (1 - position % 2)
    return ((word >> (position // 2)) & 1) == 1


def block_size(entries: int, dtype: Any, at_once: int = 1) -> int:
    """Trials a block where each makes `at_once` lists of `entries` numbers of `dtype`.

    A list that leaves no room for full rows has twice the room. Where that is not enough either, a block has four
    trials at most: what lies between is slower than both.
    """
    size = np.dtype(dtype).itemsize
    row = LIST // entries
    if row < ROW:
        row = ROW if ROW * entries <= 2 * LIST else min(row, 4 * size)
    return int(np.clip(row // (size * at_once), 1, 1024))


def nearest_block(n: int, dtype: Any, d: int = 1) -> int:
    """Trials a block for `nearest` and `nearest_vector`, where n is the longest prefix and d the dimension."""
    if d > 1:
        return block_size(d << min(n, DIRECT_TERMS), dtype)
    return block_size(2 << (n // 2), dtype, 1 + n % 2)


@partial(jax.jit, static_argnames=("masks", "devices"))
def _nearest_rows(values: Array, target: Array, masks: bool, devices: tuple[parallel.Device, ...] | None) -> Any:
    # Few instances do not fill a block: a device takes its share of them at once.
    share = -(-values.shape[0] // (1 if devices is None else len(devices)))
    block = min(nearest_block(values.shape[1], values.dtype, *values.shape[2:]), share)

    def solve(rows: tuple[Array, Array]) -> Any:
        fixed = to_fixed_point(jnp.moveaxis(rows[0], 0, -1), jnp.moveaxis(rows[1], 0, -1))
        kernel = nearest if values.ndim == 2 else nearest_vector
        best = kernel(fixed.values, fixed.target, [values.shape[1]])
        error = best.error[0].astype(fixed.quantum.dtype) * fixed.quantum
        error = jnp.where(jnp.isfinite(fixed.guard), error, jnp.nan)
        # What is not returned is not computed.
        return (error, unpack_masks(best.even[0], best.odd[0], values.shape[1])) if masks else error

    rows = parallel.padded(values.shape[0], block, devices)
    padded = (parallel.pad_rows(values, rows), parallel.pad_rows(target, rows))
    return jax.tree.map(lambda x: x[: values.shape[0]], parallel.map_blocks(solve, block, devices)(padded))


@jax.jit
def _sizes(values: Array, target: Array) -> tuple[Array, Array]:
    """Whether all numbers are finite, and whether all trials are `ordinary`."""
    finite = jnp.all(jnp.isfinite(values)) & jnp.all(jnp.isfinite(target))
    return finite, jnp.all(ordinary(jnp.moveaxis(values, 0, -1), jnp.moveaxis(target, 0, -1)))


def _at_size_one(values: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every trial times a power of two, so that its largest number is in [½, 1); and the exponents taken out.

    On the host, where numbers below the least normal one keep their bits. Exact, but for what is 2^-100 times as
    small as the largest number, or smaller still, and vanishes beside the quantum.
    """
    largest = np.maximum(
        np.abs(values).reshape(len(values), -1).max(axis=1), np.abs(target).reshape(len(values), -1).max(axis=1)
    )
    _, exponent = np.frexp(largest)

    def scaled(x: np.ndarray) -> np.ndarray:
        return np.ldexp(x, -exponent.reshape(-1, *[1] * (x.ndim - 1)))

    return scaled(values), scaled(target), exponent


def _floats(name: str, x: Any, dtype: Any = None) -> Any:
    """`x` as a NumPy or JAX array of floats of 32 or 64 bits, or of what it holds if that is no float.

    A float64 array that JAX would cut to float32 without a word is refused. What is no JAX array yet is converted by
    NumPy, which keeps numbers below the least normal one.
    """
    if (
        isinstance(x, np.ndarray)
        and x.dtype == np.float64
        and jax.dtypes.canonicalize_dtype(x.dtype) != x.dtype
        and dtype is None
    ):
        raise ArgumentError(
            f"{name} of type float64 are not allowed here, where JAX would round them to float32: call under "
            "jax.enable_x64(), or give float32"
        )
    if not isinstance(x, jax.Array):
        x = np.asarray(x, None if isinstance(x, np.ndarray) else dtype)
        dtype = dtype or jax.dtypes.canonicalize_dtype(x.dtype)
    dtype = jnp.dtype(dtype or x.dtype)
    short = jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
    return x.astype(jnp.float32 if short else dtype)


@jax.custom_jvp
def _constant(x: Array) -> Array:
    """`x`, of which nothing may be differentiated: whole numbers would answer 0 without a word."""
    return x


@_constant.defjvp
def _no_derivative(primals: Any, tangents: Any) -> Any:
    raise TypeError(
        "nearest_subset_sums has no derivative, the nearest subset jumps: differentiate the sum over the mask that it "
        "returns, or use jax.lax.stop_gradient"
    )


Values = Float[Array | np.ndarray, "trials n *d"] | Sequence[Any]
Target = Float[Array | np.ndarray, "#trials *d"] | Float[Array | np.ndarray, "*d"] | Sequence[Any] | np.floating | float
Devices = Sequence[parallel.Device]


@overload
def nearest_subset_sums(
    values: Values, target: Target, *, masks: Literal[False] = False, devices: Devices | None = None
) -> Float[Array, " trials"]: ...
@overload
def nearest_subset_sums(
    values: Values, target: Target, *, masks: Literal[True], devices: Devices | None = None
) -> tuple[Float[Array, " trials"], Bool[Array, "trials n"]]: ...
@pinned()
def nearest_subset_sums(
    values: Values,
    target: Target,
    *,
    masks: bool = False,
    devices: Devices | None = None,
) -> Float[Array, " trials"] | tuple[Float[Array, " trials"], Bool[Array, "trials n"]]:
    """The distance from the target to the nearest subset sum (the empty sum included), exactly.

    Args:
        values: the coefficients, 1 <= n <= 40, of any finite size. Float32, or float64 under `jax.enable_x64`;
            shorter floats are computed, and answered, in float32. A third axis makes them vectors, compared
            in the sup norm.
        target: one target for all trials or one a trial, rounded to the dtype of the values.
        masks: return the subsets too.
        devices: share the trials among these devices; by default they run where the data are.

    Returns:
        Least errors; with `masks`, also a boolean array that marks one nearest subset of each trial.
        Errors are exact for the coefficients rounded to multiples of 2^-28 of a trial's total size Σ|values| + |target|
        (2^-60 in float64). Under `jax.jit` and `jax.vmap` numbers cannot be looked at: there a trial that is not
        finite, or whose total size is outside 2^-90..2^120 (2^-900..2^1000 in float64), has error NaN.

    Raises:
        ArgumentError: for n outside 1..40, shapes that do not fit, values that are not finite, or a float64 array
            while JAX holds float32 only.
        TypeError: under differentiation: the nearest subset jumps, and in whole numbers nothing has a slope.
    """
    x: Any = _floats("values", values)
    if x.ndim not in (2, 3) or x.shape[0] < 1 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ArgumentError(
            f"values of shape {x.shape} and type {x.dtype} are not allowed: values are floats "
            "of shape (trials, n) or (trials, n, d) with at least one trial"
        )
    arguments.whole("n", x.shape[1], 1, MAX_TERMS)
    with np.errstate(over="ignore"):  # a target beyond the dtype becomes infinite, and is refused as that
        z: Any = _floats("target", target, x.dtype)
    shape = (x.shape[0], *x.shape[2:])
    if z.ndim == 1 and x.ndim == 3 and z.shape != shape[1:]:
        raise ArgumentError(f"target of shape {z.shape} is not allowed: target has shape {shape[1:]} or {shape}")
    try:
        z = (np if isinstance(z, np.ndarray) else jnp).broadcast_to(z, shape)
    except ValueError:
        raise ArgumentError(f"target of shape {z.shape} is not allowed: it broadcasts to {shape}") from None
    where = tuple(devices) if devices is not None else None
    plain = jnp.asarray(x), jnp.asarray(z)
    if any(isinstance(each, Tracer) for each in plain):
        return _nearest_rows(*(_constant(each) for each in plain), masks, where)
    finite, ordinary_sizes = (bool(each) for each in _sizes(*plain))
    if not finite:
        raise ArgumentError("values or target hold NaN or infinity: all numbers must be finite")
    if ordinary_sizes:
        return _nearest_rows(*plain, masks, where)
    # The same whole numbers at any size: what is computed is computed at size 1, and put back on the host.
    *scaled, exponent = _at_size_one(np.asarray(x), np.asarray(z))
    found = _nearest_rows(*(jax.device_put(each, plain[0].sharding) for each in scaled), masks, where)
    errors, *rest = found if masks else (found,)
    errors = jax.device_put(np.ldexp(np.asarray(errors), exponent), errors.sharding)
    return (errors, *rest) if masks else errors
