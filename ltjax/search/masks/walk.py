"""Does any mask work? An exhaustive, vectorised decision for neuron pruning in the plane.

Between two kinks the error e = network - target obeys e'' + e = 0; at neuron i's two kinks its slope
jumps by m_i κ_i, at the target's by -1; and a mask is a hit at ε exactly if e stays in the tube |e| <= ε
all around the circle. (Readout `relu`: g <= sin⁺ + ε everywhere, but g >= sin - ε only where sin > ε,
because the outer ReLU hides whatever is below 0. At each point that still is one interval for g, so the
same method serves both readouts.)

Each kink line meets the circle at two opposite points, so it is enough to walk half the circle, on which
every line is met once. Cut that half into the arc (-δ, δ) around the target's kink and the rest,
(δ, π - δ), and walk along each. On the way every line is either kept or not; the error is known up to its
start a·cos s + b·sin s, and a partial choice is dropped once no (a, b) holds it in the tube. That is
interval stabbing: the functions a·cos s + b·sin s behave on an arc shorter than π like straight lines do,
so it suffices to know the highest and the lowest one that stabs all tubes so far, and a new interval can
only touch those two (O'Rourke 1981; here each new extreme line is found from all earlier points, which
vectorises). The inner arc takes more lines than the outer, because few choices get round the target's
kink: that is the obstruction the theory is about.

A choice on one arc acts on the other only through its linear pieces there, one on each of the two opposite
copies: four numbers. The survivors of the two walks are therefore joined by a search for pairs whose values
agree, to within the tube, at a few fixed points; each joined pair is evaluated exactly.

Honesty: every test is widened by a guard for the rounding of its dtype, so no choice is dropped by
rounding; the frontier has a fixed capacity, and if it (or the list of joined pairs) overflows, not
finding is no proof and the status is undecided.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ltjax import arguments
from ltjax.certify import rounding
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.search import plane as planar

BIG = 1e9  # stands for infinity where 0·∞ must not arise
LARGEST = 1e-3 * BIG
"""Jumps that add up to more than this, with ε, are left undecided."""


class Scan(NamedTuple):
    """Outcome of `scan_masks` for one network.

    Attributes:
        status: 1 hit, 0 undecided, -1 miss.
        mask: the best mask met, shape (n,); for a hit its error is <= ε minus the guard.
        error: that mask's error, in the working dtype (infinite if no mask was evaluated).
        survivors: choices left at the end of the inner and the outer walk, shape (2,), at most the capacity.
        overflow: whether the inner frontier, the outer one, or the list of pairs overflowed, shape (3,).
    """

    status: Int[Array, ""]
    mask: Bool[Array, " n"]
    error: Float[Array, ""]
    survivors: Int[Array, "2"]
    overflow: Bool[Array, "3"]


def sound(kappa: Array, eps: Array, *others: Array) -> Bool[Array, ""]:
    """Whether a walk can be trusted: nothing is NaN or infinite, and BIG is far beyond all values that are met.

    A comparison with NaN fails, so a walk among NaN loses every choice. That proves nothing.
    """
    finite = [jnp.all(jnp.isfinite(x)) for x in (kappa, eps, *others)]
    return functools.reduce(jnp.logical_and, finite, jnp.sum(jnp.abs(kappa)) + jnp.abs(eps) <= LARGEST)


def select_evenly(alive: Bool[Array, " m"], capacity: int) -> tuple[Array, Array, Array]:
    """Indices of the true entries, at most `capacity` of them: (indices, which are in use, how many there are).

    If there are more, an evenly spaced selection stays: the walk then is a sample, and may still find hits.
    """
    rank = jnp.cumsum(alive, dtype=jnp.int32) - 1
    count = rank[-1] + 1
    # Each goes to its own place; of those that would share one only the first does. Writing there is quicker
    # than looking for each place's entry.
    share = jnp.minimum(1.0, capacity / jnp.maximum(count, 1))
    place, before = jnp.floor(rank * share), jnp.floor((rank - 1) * share)
    place = jnp.where(alive & (place != before), place, capacity).astype(jnp.int32)
    index = jnp.full(capacity, -1, jnp.int32).at[place].set(jnp.arange(len(alive), dtype=jnp.int32), mode="drop")
    return jnp.maximum(index, 0), index >= 0, count


def retraced(way: Int[Array, "steps c"], at: Int[Array, " m"]) -> Bool[Array, "m steps"]:
    """What the entries `at` of a frontier chose on their way.

    Args:
        way: for each step and entry which child it was of the frontier before: child 2i of entry i chose nothing,
            2i + 1 chose. Cheaper to keep than each entry's choices, which would be copied in every step.
        at: entries after the last step.
    """

    def back(at, child):
        return child[at] // 2, child[at] % 2 == 1

    return jax.lax.scan(back, at.astype(way.dtype), way, reverse=True)[1].T


def walk(
    points: Float[Array, " points"],
    kappa: Float[Array, " k"],
    upper: Float[Array, "tubes points"],
    lower: Float[Array, "tubes points"],
    guard: Float[Array, ""],
    capacity: int,
) -> tuple[Bool[Array, "c k"], Bool[Array, " c"], Bool[Array, ""]]:
    """All choices of an arc's kinks that some start holds in every tube, as far as the capacity goes.

    Args:
        points: the arc's start, its k kinks and its end, ascending, less than π in all.
        kappa: slope jumps at the kinks; a jump of 0 is never chosen (padding, or a point to test only).
        upper, lower: the tubes at those points, for the network. Two tubes are two opposite copies of the
            arc: the same choice has to fit both, each with a start of its own.
        guard: widening of every comparison.
        capacity: of the frontier.

    Returns:
        chosen (c, k), alive (c,), and whether the frontier overflowed.
    """
    k = kappa.shape[0]
    tubes = upper.shape[0]
    dtype = points.dtype
    upper = upper + guard
    lower = lower - guard
    order = jnp.arange(k + 2)

    def turn(line: tuple[Array, Array], angle: Array) -> tuple[Array, Array]:
        value, slope = line
        # Where no lower tube has been met yet there is no lowest line: its stand-in must not turn up again.
        nothing = value < -0.1 * BIG
        turned = value * jnp.cos(angle) + slope * jnp.sin(angle)
        slope = slope * jnp.cos(angle) - value * jnp.sin(angle)
        return jnp.where(nothing, value, turned), jnp.where(nothing, 0.0, slope)

    def cut(high, low, particular, j):
        """The extreme lines after the tube at point j has been imposed; lines are in (value, slope) at j."""
        top = upper[:, j, None] - particular[:, j]
        bottom = lower[:, j, None] - particular[:, j]
        delta = points[j] - points
        # Coinciding kinks bound nothing; a distance of rounding size would only divide noise.
        usable = (order < j) & (delta > rounding.COINCIDE * jnp.finfo(dtype).eps)
        inverse = jnp.where(usable, 1.0 / jnp.where(usable, jnp.sin(delta), 1.0), 0.0)
        cotangent = inverse * jnp.cos(delta)
        far = jnp.where(usable, 0.0, BIG)
        floor = (lower * inverse - far)[:, None, :] - particular * inverse
        ceiling = (upper * inverse + far)[:, None, :] - particular * inverse
        steepest = jnp.min(top[:, :, None] * cotangent - floor, axis=2)
        flattest = jnp.max(bottom[:, :, None] * cotangent - ceiling, axis=2)
        over = high[0] > top
        under = low[0] < bottom
        high = (jnp.where(over, top, high[0]), jnp.where(over, steepest, high[1]))
        low = (jnp.where(under, bottom, low[0]), jnp.where(under, flattest, low[1]))
        return high, low

    # Start: one empty choice, all lines through the first tube, then the tube at the first kink.
    particular = jnp.zeros((capacity, k + 2), dtype)
    alive = jnp.arange(capacity) == 0
    full = functools.partial(jnp.full, (tubes, capacity), dtype=dtype)
    high = (full(BIG), full(0.0))
    low = (full(-BIG), full(0.0))
    high, low = cut(high, low, particular, 0)
    high, low = cut(turn(high, points[1] - points[0]), turn(low, points[1] - points[0]), particular, 1)

    def step(state, j):
        particular, alive, high, low, overflow = state
        # Test both children of every choice at the next point before any of them is copied.
        gap = points[j + 2] - points[j + 1]
        high, low = turn(high, gap), turn(low, gap)
        value = particular[:, j + 2]
        kicked = value + kappa[j] * jnp.sin(gap)

        def inside(particular_value):
            top = upper[:, j + 2, None] - particular_value
            bottom = lower[:, j + 2, None] - particular_value
            return alive & jnp.all((high[0] >= bottom) & (low[0] <= top), axis=0)

        # Siblings stay neighbours, so that a thinned frontier keeps both kinds.
        children = jnp.stack([inside(value), inside(kicked) & (kappa[j] != 0.0)], axis=1).reshape(-1)
        index, alive, count = select_evenly(children, capacity)
        parent, kept = index // 2, index % 2 == 1
        kick = kappa[j] * jnp.where(order > j + 1, jnp.sin(jnp.maximum(points - points[j + 1], 0.0)), 0.0)
        particular = particular[parent] + kept[:, None] * kick
        high = (high[0][:, parent], high[1][:, parent])
        low = (low[0][:, parent], low[1][:, parent])
        high, low = cut(high, low, particular, j + 2)
        return (particular, alive, high, low, overflow | (count > capacity)), index

    state = (particular, alive, high, low, jnp.zeros((), bool))
    (_, alive, _, _, overflow), way = jax.lax.scan(step, state, jnp.arange(k))
    return retraced(way, jnp.arange(capacity)), alive, overflow


def _join(
    first: Float[Array, "c g"],
    first_alive: Bool[Array, " c"],
    second: Float[Array, "c g"],
    second_alive: Bool[Array, " c"],
    low: Float[Array, " g"],
    high: Float[Array, " g"],
    pairs: int,
    tile: int,
) -> tuple[Int[Array, " pairs"], Int[Array, " pairs"], Int[Array, ""]]:
    """Pairs (i, j) with low <= first[i] + second[j] <= high in all columns.

    Both lists are sorted by one column, the one whose window is narrowest compared with its spread, so
    that a tile of rows meets only a run of columns.

    Returns:
        rows, columns (padded with -1) and the number of pairs, which may exceed `pairs`.
    """
    capacity, _dtype = first.shape[0], first.dtype
    tile = min(tile, capacity)

    def spread(x, alive):
        mean = jnp.sum(jnp.where(alive[:, None], x, 0.0), 0) / jnp.maximum(jnp.sum(alive), 1)
        return jnp.sum(jnp.where(alive[:, None], (x - mean) ** 2, 0.0), 0)

    key = jnp.argmax((spread(first, first_alive) + spread(second, second_alive)) / (high - low) ** 2)
    order_1 = jnp.argsort(jnp.where(first_alive, first[:, key], BIG))
    order_2 = jnp.argsort(jnp.where(second_alive, -second[:, key], BIG))
    x = jnp.where(first_alive[:, None], first, BIG)[order_1]
    y = jnp.where(second_alive[:, None], second, BIG)[order_2]
    x_key, y_key = x[:, key], jnp.where(second_alive[order_2], -y[:, key], BIG)
    rows = jnp.sum(first_alive)
    blocks = (rows + tile - 1) // tile
    starts = jnp.arange((capacity + tile - 1) // tile) * tile
    head = x_key[jnp.minimum(starts, capacity - 1)]
    tail = x_key[jnp.clip(jnp.minimum(starts + tile, rows) - 1, 0, capacity - 1)]
    # first + second in [low, high]  <=>  -second in [first - high, first - low]
    begin = jnp.searchsorted(y_key, head - high[key], side="left")
    finish = jnp.minimum(jnp.searchsorted(y_key, tail - low[key], side="right"), jnp.sum(second_alive))

    def go_on(state):
        return state[0] < blocks

    def body(state):
        block, column, found_i, found_j, count = state
        # The last tile of a run is moved back so that it fits; pairs outside the run are masked off.
        i = jnp.minimum(starts[block], capacity - tile)
        j = jnp.clip(column, 0, capacity - tile)
        left = jax.lax.dynamic_slice_in_dim(x, i, tile)
        right = jax.lax.dynamic_slice_in_dim(y, j, tile)
        total = left.T[:, :, None] + right.T[:, None, :]
        good = jnp.all((total >= low[:, None, None]) & (total <= high[:, None, None]), axis=0)
        row, col = i + jnp.arange(tile), j + jnp.arange(tile)
        good &= ((row >= starts[block]) & (row < rows))[:, None]
        good &= ((col >= column) & (col < finish[block]))[None, :]
        here = jnp.sum(good, dtype=jnp.int32)

        def store(found):
            found_i, found_j = found
            a, b = jnp.nonzero(good, size=pairs, fill_value=0)
            slot = jnp.where(jnp.arange(pairs) < here, count + jnp.arange(pairs), pairs)
            return (
                found_i.at[slot].set(order_1[i + a], mode="drop"),
                found_j.at[slot].set(order_2[j + b], mode="drop"),
            )

        found_i, found_j = jax.lax.cond(here > 0, store, lambda found: found, (found_i, found_j))
        column = column + tile
        done = column >= finish[block]
        block = jnp.where(done, block + 1, block)
        column = jnp.where(done, begin[jnp.minimum(block, starts.shape[0] - 1)], column)
        return block, column, found_i, found_j, count + here

    zero = jnp.zeros((), starts.dtype)
    empty = jnp.full(pairs, -1, order_1.dtype)
    state = (zero, begin[0].astype(starts.dtype), empty, empty, jnp.zeros((), jnp.int32))
    state = jax.lax.while_loop(go_on, body, state)
    return state[2], state[3], state[4]


@functools.partial(jax.jit, static_argnames=("readout", "capacity", "pairs", "tile", "inner"))
def scan_masks(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    eps: Float[Array, ""],
    *,
    readout: str = "linear",
    capacity: int = 4096,
    pairs: int = 8192,
    tile: int = 256,
    inner: int | None = None,
) -> Scan:
    """Decide by exhaustion whether some subset of the neurons has sup error <= ε against sin⁺.

    Args:
        theta: where each neuron switches on in the target's frame, radians, shape (n,) (`planar.frame`).
        kappa: slope jumps, shape (n,). Neurons with jump 0 count as absent, so networks can be padded.
        eps: the error asked for, above 0.
        readout: "linear" or "relu".
        capacity: most choices carried along each of the two walks.
        pairs: most joined pairs evaluated (they stop being evaluated at the first hit).
        tile: edge of the blocks in which the two lists are compared.
        inner: how many lines, those nearest to the target's, form the inner arc (default: a share of n
            that makes both walks end with about as many survivors).

    Returns:
        a `Scan`; all arithmetic is in the dtype of theta. A miss is proved up to the guard band for
        exactly these theta, kappa; a hit should be re-checked by `plane.exact_error`. NaN, infinities, and jumps
        or an ε beyond `LARGEST` are undecided.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    if theta.shape[0] < 2:
        theta = jnp.concatenate([theta, jnp.full(2 - theta.shape[0], 0.5 * math.pi, theta.dtype)])
        padded = jnp.concatenate([kappa, jnp.zeros(2 - kappa.shape[0], kappa.dtype)])
        found = scan_masks(theta, padded, eps, readout=readout, capacity=capacity, pairs=pairs, tile=tile)
        return found._replace(mask=found.mask[: kappa.shape[0]])
    n, dtype = theta.shape[0], theta.dtype
    if inner is None:
        inner = (n + 1) // 2
    k = min(max(arguments.whole("inner", inner, 1), 1), n - 1)
    eps = jnp.asarray(eps, dtype)
    pi = jnp.asarray(math.pi, dtype)
    guard = rounding.walked(n, 1.0 + jnp.sum(jnp.abs(kappa)), dtype)

    line = theta - pi * jnp.round(theta / pi)  # in [-π/2, π/2]
    order = jnp.argsort(jnp.abs(line))
    delta = 0.5 * (jnp.abs(line[order[k - 1]]) + jnp.abs(line[order[k]]))
    # Inner lines by angle; the outer ones by angle from δ to π - δ.
    order = jnp.concatenate([
        order[:k][jnp.argsort(line[order[:k]])],
        order[k:][jnp.argsort(jnp.mod(line[order[k:]], pi))],
    ])  # fmt: skip
    theta, kappa, line = theta[order], kappa[order], line[order]

    def tube(t):
        """The interval for the network's value at angle t of the circle."""
        wanted = jnp.maximum(jnp.sin(t), 0.0)
        upper, lower = wanted + eps, wanted - eps
        if readout == "relu":
            lower = jnp.where(wanted > eps + guard, lower, -BIG)
        return lower, upper

    # The target's own kink is a point to test at, with nothing to choose.
    position = jnp.searchsorted(line[:k], 0.0)
    points = jnp.insert(line[:k], position, 0.0)
    points = jnp.clip(jnp.concatenate([-delta[None], points, delta[None]]), -delta, delta)
    # With readout `relu` the two copies of the inner arc have different tubes; with `linear` they differ
    # by a linear function only, and one of them says all.
    lower, upper = tube(points if readout == "linear" else jnp.stack([points, points + pi]))
    inner_chosen, inner_alive, inner_over = walk(
        points,
        jnp.insert(kappa[:k], position, 0.0),
        upper.reshape(-1, k + 3),
        lower.reshape(-1, k + 3),
        guard,
        capacity,
    )
    step = jnp.arange(k)
    inner_chosen = inner_chosen[:, step + (step >= position)]
    points = jnp.concatenate([delta[None], jnp.mod(line[k:], pi), (pi - delta)[None]])
    points = jnp.clip(points, delta, pi - delta)
    lower, upper = tube(points)
    outer_chosen, outer_alive, outer_over = walk(points, kappa[k:], upper[None], lower[None], guard, capacity)

    # The points at which the two arcs have to agree.
    mark = jnp.stack([-delta, -0.5 * delta, 0.0 * delta, 0.5 * delta, delta])
    between = delta + (pi - 2.0 * delta) * jnp.asarray([0.25, 0.5, 0.75], dtype)
    mark = jnp.concatenate([mark, between, mark + pi, between + pi])
    value = kappa[:, None] * jnp.maximum(jnp.sin(mark[None, :] - theta[:, None]), 0.0)
    low, high = tube(mark)
    highest = jax.lax.Precision.HIGHEST
    first = jnp.matmul(inner_chosen.astype(dtype), value[:k], precision=highest)
    second = jnp.matmul(outer_chosen.astype(dtype), value[k:], precision=highest)
    rows, columns, count = _join(first, inner_alive, second, outer_alive, low - guard, high + guard, pairs, tile)

    # Evaluate the pairs exactly, a chunk at a time, until one is a hit or none is left.
    chunk = min(256, pairs)

    def unfinished(state):
        start, _, error = state
        return (start < jnp.minimum(count, pairs)) & (error > eps - guard)

    def evaluate(state):
        start, mask, error = state
        start = jnp.minimum(start, pairs - chunk)
        i = jax.lax.dynamic_slice_in_dim(rows, start, chunk)
        j = jax.lax.dynamic_slice_in_dim(columns, start, chunk)
        masks = jnp.concatenate([inner_chosen[i], outer_chosen[j]], axis=1)
        errors = planar.masked_errors(theta, kappa, masks, readout=readout)
        errors = jnp.where(i >= 0, errors, jnp.inf)
        best = jnp.argmin(errors)
        better = errors[best] < error
        return start + chunk, jnp.where(better, masks[best], mask), jnp.minimum(errors[best], error)

    state = (jnp.zeros((), count.dtype), jnp.zeros(n, bool), jnp.asarray(jnp.inf, dtype))
    _, best_mask, error = jax.lax.while_loop(unfinished, evaluate, state)
    overflow = inner_over | outer_over | (count > pairs)
    known = sound(kappa, eps, theta)
    missed = known & (error > eps + guard) & ~overflow
    status = jnp.where(known & (error <= eps - guard), HIT, jnp.where(missed, MISS, UNDECIDED))
    mask = jnp.zeros(n, bool).at[order].set(best_mask)
    survivors = jnp.stack([jnp.sum(inner_alive), jnp.sum(outer_alive)])
    return Scan(status, mask, error, survivors, jnp.stack([inner_over, outer_over, count > pairs]))


__all__ = ["Scan", "retraced", "scan_masks", "select_evenly", "sound", "walk"]
