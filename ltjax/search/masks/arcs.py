"""Does any mask work? Every choice of an arc's lines that fits the tube; neighbouring arcs merged; the circle closed.

Between two kinks the error e = network - target obeys e'' + e = 0; at neuron i's two kinks its slope jumps by m_i κ_i,
at the target's by -1; and a mask is a hit at ε exactly if e stays in the tube |e| <= ε all around the circle. (Readout
`relu`: g <= sin⁺ + ε everywhere, but g >= sin - ε only where sin > ε, because the outer ReLU hides whatever is below 0.
At each point that still is one interval for g, so the same method serves both readouts.)

Each kink line meets the circle at two opposite points, so it is enough to walk half the circle, on which every line is
met once. That half is cut into four arcs with a quarter of the lines each:

1. **An arc.** Of its lines every choice is listed. The network there is known up to its start a·cos s + b·sin s, and a
   choice is dropped once no start holds it in the tube. That is interval stabbing: on an arc shorter than π the
   functions a·cos s + b·sin s behave like straight lines do, so of the starts that are left only the highest and the
   lowest line have to be known; a new interval touches those two alone (O'Rourke 1981; here each new extreme line
   is found from all earlier points, which vectorises).
2. **Two arcs merge** to half of the lines. Choices of neighbouring arcs fit each other if some line passes both tubes.
   The starts that hold a choice are a convex set of the plane, bounded by the tube's own lines, and two convex sets of
   the plane are disjoint exactly if the direction of one of those bounds separates them. So a pair is tested at the
   points of the one arc with the extreme lines of the other: each test is a number of the one choice plus a number
   of the other. A few tests that part most pairs of a sample are applied to all pairs; leaving out the others keeps
   too much and never too little.
3. **The circle closes.** A half acts on the other half through its values alone, so pairs of halves whose values add
   up to the target within the tube at four points are looked up in a table of cells as wide as the tube, tested
   at more points, and what is left is evaluated exactly.

Which halves are merged depends on the readout. With `linear` every choice has trouble to get round the target's kink:
one half lies around it. With `relu` nothing is obstructed there, and both halves lie on the target's active side,
where the tube is bounded on both sides.

Honesty: every test is widened by a guard for the rounding of its dtype, so no choice is dropped by rounding. Lists have
a fixed capacity; where one overflows, not finding is no proof and the status is undecided. The cost follows how many
choices there are, not the capacity: lists are worked through by loops that end with them.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt

from ltjax import arguments
from ltjax.certify import rounding
from ltjax.machine import steps
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.search import plane as planar
from ltjax.search.masks.selection import BATCH, append, owners, packed, ranks_of, select_evenly
from ltjax.search.masks.walk import BIG, sound

LINES = 12
"""Most lines of an arc: all its choices are listed."""
MOST = 4 * LINES
"""Most neurons that can be decided."""
CAPACITY = 1 << 19
"""Choices of half a circle that are listed at most."""
TESTS = 8
"""Tests that all pairs of choices of two arcs meet."""
SAMPLE = 32
"""Choices of each arc whose pairs say which tests these are."""
TILE = 64
"""Choices of either arc that are looked at together. Of few choices a larger tile would be mostly empty."""
STEP = 2048
"""Choices of the longer list, and pairs of choices, that are looked at together."""
CLOSER = 64
"""Pairs that pass at the keys and are looked at more closely together."""
FEW = 4
"""Masks that are evaluated exactly together."""
MARKS = 32


class Scan(NamedTuple):
    """Outcome of `scan_masks` for one network.

    Attributes:
        status: 1 hit, 0 undecided, -1 miss.
        mask: the best mask evaluated, shape (n,); for a hit its error is <= ε minus the guard.
        error: that mask's error, in the working dtype (infinite if no mask was evaluated).
        sizes: how many choices the two halves have, shape (2,); more than the capacity where they overflow.
        overflow: whether a list overflowed, or too many neurons are present: then not finding proves nothing.
    """

    status: Int[Array, ""]
    mask: Bool[Array, " n"]
    error: Float[Array, ""]
    sizes: Int[Array, "2"]
    overflow: Bool[Array, ""]


class _Arc(NamedTuple):
    """All choices of an arc's lines; choice c keeps line j if bit j of c is set.

    Attributes:
        alive: whether some start holds the choice in the tube.
        before: value at each point of what the choice adds to the linear function at the arc's start.
        after: the same, seen from the linear function at the arc's end.
        ahead: highest and lowest line at the arc's end, (highest or lowest, value or slope, choice).
        behind: the same at its start, slopes taken backwards.
    """

    alive: Bool[Array, " c"]
    before: Float[Array, "points c"]
    after: Float[Array, "points c"]
    ahead: Float[Array, "2 2 c"]
    behind: Float[Array, "2 2 c"]


def _turned(line: Float[Array, "2 2 c"], angle: Any) -> Float[Array, "2 2 c"]:
    """Extreme lines as (value, slope) at a point farther on."""
    value, slope = line[:, 0], line[:, 1]
    # Where no lower tube has been met yet there is no lowest line: its stand-in must not turn up again.
    nothing = value < -0.1 * BIG
    turned = value * jnp.cos(angle) + slope * jnp.sin(angle)
    steeper = slope * jnp.cos(angle) - value * jnp.sin(angle)
    return jnp.stack([jnp.where(nothing, value, turned), jnp.where(nothing, 0.0, steeper)], axis=1)


def _walked(points: Array, kappa: Array, upper: Array, lower: Array) -> tuple[Array, Array, Array]:
    """All choices from the arc's start on: (alive, values added at the points, extreme lines at the end)."""
    k, dtype = kappa.shape[0], points.dtype
    added, slope, alive = jnp.zeros((k + 2, 1), dtype), jnp.zeros(1, dtype), jnp.ones(1, bool)
    line = jnp.asarray([[[BIG], [0.0]], [[-BIG], [0.0]]], dtype)

    def cut(line: Array, added: Array, j: int) -> Array:
        """The extreme lines after the tube at point j has been imposed."""
        top, bottom = upper[j] - added[j], lower[j] - added[j]
        delta = points[j] - points[:j]
        # Coinciding kinks bound nothing; a distance of rounding size would only divide noise.
        usable = delta > rounding.COINCIDE * jnp.finfo(dtype).eps
        inverse = jnp.where(usable, 1.0 / jnp.where(usable, jnp.sin(delta), 1.0), 0.0)[:, None]
        cotangent, far = inverse * jnp.cos(delta)[:, None], jnp.where(usable, 0.0, BIG)[:, None]
        steepest = jnp.min(top * cotangent - (lower[:j, None] - added[:j]) * inverse + far, axis=0, initial=BIG)
        flattest = jnp.max(bottom * cotangent - (upper[:j, None] - added[:j]) * inverse - far, axis=0, initial=-BIG)
        over, under = line[0, 0] > top, line[1, 0] < bottom
        high = jnp.where(over, jnp.stack([top, steepest]), line[0])
        low = jnp.where(under, jnp.stack([bottom, flattest]), line[1])
        return jnp.stack([high, low])

    line = cut(line, added, 0)
    line = cut(_turned(line, points[1] - points[0]), added, 1)
    for j in range(k):
        line = _turned(line, points[j + 2] - points[j + 1])
        ahead = jnp.where(jnp.arange(k + 2) > j + 1, jnp.sin(jnp.maximum(points - points[j + 1], 0.0)), 0.0)
        added = jnp.concatenate([added, added + (kappa[j] * ahead)[:, None]], axis=1)
        slope = jnp.concatenate([slope, slope + kappa[j] * jnp.cos(points[-1] - points[j + 1])])
        line = jnp.concatenate([line, line], axis=2)
        # A line without a jump is a place that is not used.
        alive = jnp.concatenate([alive, alive & (kappa[j] != 0.0)])
        alive &= (line[0, 0] >= lower[j + 2] - added[j + 2]) & (line[1, 0] <= upper[j + 2] - added[j + 2])
        line = cut(line, added, j + 2)
    # From here on the choice itself is part of the line.
    return alive, added, line + jnp.stack([added[-1], slope])


def _arc(points: Array, kappa: Array, upper: Array, lower: Array, guard: Array) -> _Arc:
    """All choices of one arc.

    Args:
        points: the arc's start, its k lines and its end, ascending, less than π in all.
        kappa: slope jumps; 0 where a place is not used.
        upper, lower: the tube for the network's value at those points; -BIG where there is no lower one.
        guard: widening of every comparison.
    """
    k = kappa.shape[0]
    upper, lower = upper + guard, lower - guard
    # From both ends in one program: the second is the arc's mirror image.
    both = [jnp.stack([x, sign * x[::-1]]) for x, sign in ((points, -1), (kappa, 1), (upper, 1), (lower, 1))]
    (alive, back), (before, after), (ahead, behind) = jax.vmap(_walked)(*both)
    # Bit j of a choice is bit k - 1 - j of the mirrored one.
    choices = np.arange(1 << k)
    other = sum(((choices >> j) & 1) << (k - 1 - j) for j in range(k)) + np.zeros(1 << k, int)
    back, after, behind = back[other], after[::-1][:, other], behind[:, :, other]
    return _Arc(alive & back, before, after, ahead, behind)


def _merge(
    left: _Arc, right: _Arc, points: Array, upper: Array, lower: Array, guard: Array, capacity: int
) -> tuple[Int[Array, " capacity"], Int[Array, ""]]:
    """Pairs of choices of two neighbouring arcs that some line passes, coded left·2^k + right, and how many.

    Args:
        left, right: the arcs.
        points, upper, lower: of both, shape (2, k+2).
    """
    choices = left.alive.shape[0]
    upper, lower = upper + guard, lower - guard

    def reach(line: Array, distance: Array) -> Array:
        """Values of extreme lines at points farther on, (2, points, c)."""
        value, slope = line[:, :1], line[:, 1:]
        far = value * jnp.cos(distance)[:, None] + slope * jnp.sin(distance)[:, None]
        return jnp.where(jnp.abs(value) > 0.1 * BIG, value, far)

    there = reach(left.ahead, points[1, 1:] - points[0, -1])
    here = reach(right.behind, points[1, 0] - points[0, :-1])
    # Each test: first + second <= 0. The highest line is not below the tube, the lowest not above it.
    after, before = left.after[:-1], right.before[1:]
    (up, above), (low, below) = ((tube[0, :-1, None], tube[1, 1:, None]) for tube in (upper, lower))
    first = jnp.concatenate([-there[0], there[1], low - after, after - up])
    second = jnp.concatenate([below - before, before - above, -here[0], here[1]])

    def sample(alive: Array, tests: Array) -> Array:
        index, used, _ = select_evenly(alive, min(SAMPLE, choices))
        return jnp.where(used, tests[:, index], -jnp.inf)

    # The tests that part most of the pairs of a sample, one after the other; the pairs are bits of words.
    sure = steps.known_to_hold(jnp.sum(left.alive))
    few, others = steps.step(sure, sample, left.alive, first), steps.step(sure, sample, right.alive, second)
    bit = jnp.uint32(1) << jnp.arange(others.shape[1], dtype=jnp.uint32)
    parted = jnp.where(few[:, :, None] + others[:, None, :] > 0.0, bit, jnp.uint32(0)).sum(axis=2, dtype=jnp.uint32)

    def pick(together: Array, _: Any) -> tuple[Array, Array]:
        best = jnp.argmax(jnp.sum(jax.lax.population_count(parted & together), axis=1))
        return together & ~parted[best], best

    everything = jnp.full(parted.shape[1], 0xFFFFFFFF, jnp.uint32)
    tests = jax.lax.scan(pick, everything, None, TESTS)[1]
    tile = min(TILE, choices)
    rows, count_rows = packed(left.alive)
    columns, count_columns = packed(right.alive)
    first, second = first[tests][:, rows], second[tests][:, columns]
    across = (count_columns + tile - 1) // tile
    blocks = (count_rows + tile - 1) // tile * across

    def body(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        block, found, count = state
        i, j = block // across * tile, block % across * tile
        x = jax.lax.dynamic_slice_in_dim(first, i, tile, 1)
        y = jax.lax.dynamic_slice_in_dim(second, j, tile, 1)
        good = ((i + jnp.arange(tile)) < count_rows)[:, None] & ((j + jnp.arange(tile)) < count_columns)
        for test in range(TESTS):
            good &= x[test][:, None] + y[test] <= 0.0
        mine, theirs = (jax.lax.dynamic_slice_in_dim(each, at, tile) for each, at in ((rows, i), (columns, j)))
        found, count = append(found, count, good.reshape(-1), lambda at: mine[at // tile] * choices + theirs[at % tile])
        return block + 1, found, count

    zero = jnp.zeros((), jnp.int32)
    state = zero, jnp.zeros(capacity + BATCH, jnp.int32), zero
    state = jax.lax.while_loop(lambda s: (s[0] < blocks) & (s[2] <= capacity), body, state)
    return state[1][:capacity], state[2]


def _bits(k: int, dtype: Any) -> Array:
    """All choices of k lines, (2^k, k)."""
    return jnp.asarray((np.arange(1 << k)[:, None] >> np.arange(k)) & 1, dtype)


ODD = np.array([2654435761, 2246822519, 3266489917, 668265263], np.uint32)
"""One number a key, to tell cells apart by one number: moved by whole cells, it moves by these."""


def _cells(values: Float[Array, "4 m"]) -> UInt[Array, " m"]:
    """The number of a cell, for values in units of the tube's width."""
    whole = jnp.int64 if values.dtype == jnp.float64 else jnp.int32
    return jnp.sum(jnp.floor(values).astype(whole).astype(jnp.uint32) * ODD[:, None], axis=0, dtype=jnp.uint32)


def _rows(cell: UInt[Array, "*m"], room: int) -> Int[Array, "*m"]:
    """The table's rows for cells; room is a power of two."""
    mixed = (cell ^ (cell >> 15)) * ODD[0]
    return ((mixed ^ (mixed >> 15)) & jnp.uint32(room - 1)).astype(jnp.int32)


@functools.partial(jax.jit, static_argnames=("readout", "lines", "capacity"))
def scan_masks(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    eps: Float[Array, ""],
    *,
    readout: str = "linear",
    lines: int | None = None,
    capacity: int = CAPACITY,
) -> Scan:
    """Decide by exhaustion whether some subset of the neurons has sup error <= ε against sin⁺.

    Args:
        theta: where each neuron switches on in the target's frame, radians, shape (n,) (`planar.frame`).
        kappa: slope jumps, shape (n,). Neurons with jump 0 count as absent, so networks can be padded.
        eps: the error asked for, above 0.
        readout: "linear" or "relu".
        lines: most lines of an arc, at most `LINES`; default: a quarter of n. Where more than 4·lines neurons are
            present, nothing is decided.
        capacity: most choices of a half, a power of two.

    Returns:
        a `Scan`; all arithmetic is in the dtype of theta. A miss is proved up to the guard band for exactly these
        theta, kappa; a hit should be re-checked by `plane.exact_error`. NaN, infinities, and jumps or an ε beyond
        `walk.LARGEST` are undecided.

    Raises:
        ArgumentError: for an unknown readout, or more than `LINES` lines an arc.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    n, dtype = theta.shape[0], theta.dtype
    k = arguments.whole("lines", -(-n // 4) if lines is None else lines, 1, LINES)
    choices, linear = 1 << k, readout == "linear"
    eps, pi = jnp.asarray(eps, dtype), jnp.asarray(math.pi, dtype)
    guard = rounding.walked(n, 1.0 + jnp.sum(jnp.abs(kappa)), dtype)
    known = sound(kappa, eps, theta)
    # What is not sound is not walked through either.
    theta, kappa = jnp.where(known, theta, 0.5), jnp.where(known, kappa, 0.0)

    present = kappa != 0.0
    line = jnp.mod(theta, pi)
    order = jnp.argsort(jnp.where(present, line, jnp.inf))
    line, count = line[order], jnp.sum(present)
    border = jnp.arange(5, dtype=jnp.int32) * count.astype(jnp.int32) // 4
    fits = jnp.max(jnp.diff(border)) <= k
    last = jnp.where(border > 0, line[jnp.maximum(border - 1, 0)], 0.0)
    following = jnp.where(border < count, line[jnp.minimum(border, n - 1)], pi)
    edge = (0.5 * (last + following)).at[0].set(0.0).at[4].set(pi)
    place = border[:4, None] + jnp.arange(k)
    used = place < border[1:, None]
    place = jnp.where(used, jnp.minimum(place, n - 1), 0)
    inside = jnp.clip(line[place], edge[:4, None], edge[1:, None])
    points = jnp.concatenate([edge[:4, None], jnp.where(used, inside, edge[1:, None]), edge[1:, None]], axis=1)
    owner = order[place]
    jump = jnp.where(used, kappa[owner], 0.0)
    if linear:
        # The fourth arc comes before the first, around the target's kink.
        points = points.at[3].add(-pi)
    halves = ((3, 0), (1, 2)) if linear else ((0, 1), (2, 3))

    def tube(t: Array) -> tuple[Array, Array]:
        """The interval for the network's value at angle t of the circle."""
        wanted = jnp.maximum(jnp.sin(t), 0.0)
        upper, lower = wanted + eps, wanted - eps
        return jnp.where(wanted > eps + guard, lower, -BIG) if not linear else lower, upper

    lower, upper = tube(points)
    # One after the other, so that the program takes less than the 32 MiB above which glibc maps new pages at each call.
    arcs = jax.lax.map(lambda arc: _arc(*arc, guard=guard), (points, jump, upper, lower))

    def merge(both: Int[Array, "2"]) -> tuple[Array, Array]:
        left, right = (jax.tree.map(lambda x, i=i: x[both[i]], arcs) for i in (0, 1))
        return _merge(left, right, points[both], upper[both], lower[both], guard, capacity)

    # One half after the other: each is merged by a loop that ends with its own pairs.
    lists, sizes = jax.lax.map(merge, jnp.asarray(halves))
    over = (jnp.max(sizes) > capacity) | ~fits

    # Values of every choice of every arc at the points where the circle is closed, the first four of them keys.
    keys = (jnp.arange(4) + 0.5) * (0.5 * pi if linear else 0.25 * pi)
    marks = jnp.concatenate([keys, (jnp.arange(MARKS - 4) + 0.3) * (2.0 * pi / (MARKS - 4))])
    low, high = tube(marks)
    low, high = low - guard, high + guard
    value = jump[:, :, None] * jnp.maximum(jnp.sin(marks - theta[owner][:, :, None]), 0.0)
    low_half, high_half = (
        jnp.einsum("ck,akm->acm", bits, part, precision=jax.lax.Precision.HIGHEST)
        for bits, part in ((_bits(k // 2, dtype), value[:, : k // 2]), (_bits(k - k // 2, dtype), value[:, k // 2 :]))
    )
    values = (high_half[:, :, None] + low_half[:, None]).reshape(4 * choices, MARKS)
    key_values, other_values = values[:, :4], values[:, 4:]
    # The shorter list is put into the table.
    swap = sizes[1] > sizes[0]
    longer, shorter = (jnp.where(swap, lists[i], lists[1 - i]) for i in (1, 0))
    arc_of = jnp.where(swap, jnp.asarray([halves[1], halves[0]]), jnp.asarray(halves))
    size = jnp.where(over, 0, jnp.stack([jnp.max(sizes), jnp.min(sizes)]))

    def at(code: Array, half: int, values: Array) -> Array:
        """Values of choices of the longer (0) or the shorter list (1), (m, marks)."""
        left, right = arc_of[half] * choices
        return values[left + code // choices] + values[right + code % choices]

    def at_keys(code: Array, half: int) -> Array:
        return at(code, half, key_values).T

    def at_others(code: Array, half: int) -> Array:
        return at(code, half, other_values)

    width = (high - low)[:4, None] * (1.0 + 2.0**-20)
    # Values that fit differ by at most a width, so by one cell at most. The guard in it covers how they were rounded.
    room, step = max(capacity // 4, 1), min(STEP, capacity)
    lane = jnp.arange(step, dtype=jnp.int32)

    def enter(state: Any) -> Any:
        """The cells of some choices of the shorter list, by cells, and which number each one has in its cell."""
        start, entries, number, filled = state
        value = at_keys(jax.lax.dynamic_slice_in_dim(shorter, start, step), 1)
        row = _rows(_cells((low[:4, None] - value) / width), room)
        entry = jnp.sort(jnp.where(start + lane < size[1], row, room) * step + lane)
        row = entry // step
        # Of equal cells in a row, how many come before.
        begins = jax.lax.cummax(jnp.where(row != jnp.roll(row, 1), lane, 0))
        mine = filled[jnp.minimum(row, room - 1)] + lane - begins
        entries = jax.lax.dynamic_update_slice_in_dim(entries, entry, start, 0)
        number = jax.lax.dynamic_update_slice_in_dim(number, mine, start, 0)
        return start + step, entries, number, filled.at[row].add(1, mode="drop")

    zero, nothing = jnp.zeros((), jnp.int32), jnp.zeros(capacity, jnp.int32)
    state = zero, nothing, nothing, jnp.zeros(room, jnp.int32)
    _, entries, number, filled = jax.lax.while_loop(lambda s: s[0] < size[1], enter, state)
    begin = ranks_of(filled)[0]

    def put(state: Any) -> Any:
        """Some choices of the shorter list in the order of their cells."""
        start, table = state
        entry, order = (jax.lax.dynamic_slice_in_dim(x, start, step) for x in (entries, number))
        row = entry // step
        place = jnp.where(row < room, begin[jnp.minimum(row, room - 1)] + order, capacity)
        return start + step, table.at[place].set(shorter[start + entry % step], mode="drop")

    table = jax.lax.while_loop(lambda s: s[0] < size[1], put, (zero, nothing))[1]

    # A cell less or none for each key: by how much the numbers of these sixteen cells are less.
    corners = np.array(list(np.ndindex(2, 2, 2, 2))).astype(np.uint32) @ ODD
    pieces = planar.pieces(theta, kappa)

    def evaluate(best: Any, codes: tuple[Array, Array], good: Array) -> Any:
        """The best mask after the pairs that pass at all marks have been evaluated exactly, a few at a time."""
        ids, many = packed(good)
        few = min(FEW, len(good))

        def some(state: Any) -> Any:
            begin, error, mask = state
            here = jax.lax.dynamic_slice_in_dim(ids, jnp.minimum(begin, len(good) - few), few)
            masks = jnp.zeros((few, n), bool)
            for half, code in enumerate(codes):
                for side, choice in enumerate((code[here] // choices, code[here] % choices)):
                    arc = arc_of[half, side]
                    on = ((choice[:, None] >> jnp.arange(k)) & 1).astype(bool) & used[arc]
                    masks = masks.at[:, owner[arc]].max(on)
            errors = planar.errors_on(pieces, masks, readout=readout)
            least = jnp.argmin(errors)
            better = errors[least] < error
            return begin + few, jnp.where(better, errors[least], error), jnp.where(better, masks[least], mask)

        def unfinished(state: Any) -> Array:
            return (state[0] < many) & (state[1] > eps - guard)

        return jax.lax.while_loop(unfinished, some, (jnp.zeros((), jnp.int32), *best))[1:]

    def closer(best: Any, ours: Array, theirs: Array, good: Array) -> Any:
        """The best mask after the pairs that pass at the keys have been looked at where the other marks are."""
        ids, many = packed(good)
        ids = jnp.pad(ids, (0, CLOSER))

        def some(state: Any) -> Any:
            begin, *best = state
            here = jax.lax.dynamic_slice_in_dim(ids, begin, CLOSER)
            x, y = ours[here], theirs[here]
            total = at_others(x, 0) + at_others(y, 1)
            fine = jnp.all((total >= low[4:]) & (total <= high[4:]), axis=1)
            fine &= begin + jnp.arange(CLOSER) < many
            return begin + CLOSER, *evaluate(tuple(best), (x, y), fine)

        def unfinished(state: Any) -> Array:
            return (state[0] < many) & (state[1] > eps - guard)

        return jax.lax.while_loop(unfinished, some, (jnp.zeros((), jnp.int32), *best))[1:]

    def look(state: Any) -> Any:
        """The best mask after some choices of the longer list have met those of the shorter one."""
        start, *best = state
        code = jax.lax.dynamic_slice_in_dim(longer, start, step)
        there = start + lane < size[0]
        # What fits a value lies in its cell or in the one before, for each key.
        mine = at_keys(code, 0)
        cell = steps.step(steps.known_to_hold(start), _cells, mine / width)
        row = _rows(cell[:, None] - corners, room).reshape(-1)
        occupied = jnp.where(jnp.repeat(there, 16), filled[row], 0)
        busy, lanes = packed(occupied > 0)
        busy = jnp.pad(busy, (0, step))

        def some(inner: Any) -> Any:
            """The next `step` pairs: of so many busy cells at most, and of the first one what is left of it."""
            cursor, taken, error, mask = inner
            cells = jax.lax.dynamic_slice_in_dim(busy, cursor, step)
            many = jnp.where(cursor + lane < lanes, occupied[cells], 0).at[0].add(-taken)
            before, pairs = ranks_of(many)
            # Which cell each of these pairs belongs to: the last that begins at or before it.
            first = jnp.where(many > 0, before, step)
            own = owners(first, step)
            number = lane - before[own] + jnp.where(own == 0, taken, 0)
            place = jnp.minimum(begin[row[cells[own]]] + number, capacity - 1)
            whose = cells[own] // 16
            ours, theirs = code[whose], table[place]
            total = mine[:, whose] + at_keys(theirs, 1)
            good = (lane < pairs) & jnp.all((total >= low[:4, None]) & (total <= high[:4, None]), axis=0)
            error, mask = jax.lax.cond(jnp.any(good), closer, lambda best, *_: best, (error, mask), ours, theirs, good)
            last = own[-1]
            used = jnp.minimum(step - before[last], many[last])
            ends = used == many[last]
            cursor = jnp.where(pairs > step, cursor + last + ends, cursor + step)
            taken = jnp.where((pairs > step) & ~ends, used + jnp.where(last == 0, taken, 0), 0)
            return cursor, taken, error, mask

        def unfinished(inner: Any) -> Array:
            return (inner[0] < lanes) & (inner[2] > eps - guard)

        _, _, error, mask = jax.lax.while_loop(unfinished, some, (zero, zero, *best))
        return start + step, error, mask

    state = zero, jnp.asarray(jnp.inf, dtype), jnp.zeros(n, bool)
    _, error, mask = jax.lax.while_loop(lambda s: (s[0] < size[0]) & (s[1] > eps - guard), look, state)
    hit = known & (error <= eps - guard)
    missed = known & (error > eps + guard) & ~over
    status = jnp.where(hit, HIT, jnp.where(missed, MISS, UNDECIDED))
    return Scan(status, mask, error, sizes, over)


__all__ = ["LINES", "MOST", "Scan", "scan_masks"]
