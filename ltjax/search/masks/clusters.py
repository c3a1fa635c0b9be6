"""Hits for readout `relu`: clusters of kinks that cancel, joined by their linear parts.

Where the outer ReLU is open, on the arc (t_0, π - t_0) with t_0 = arcsin ε, the target is linear there, so that a kept
set bends, or not, but bends back. A *cluster* is a few neighbouring lines whose jumps nearly add up to 0 and on whose
way the error stays in the tube: it leaves a residual jump of a few ε. But it moves the network by a linear part of size
1 if its neurons face opposite ways. So a hit is a choice of clusters whose residuals keep the error in the tube, and
whose linear parts add up to the target's: two equations, to be met to within ε.

Walk from both ends of the arc to its middle, with an error that starts at 0 at the end: a partial choice is a point,
(error, slope, linear part). The two lists are joined by linear part, sorted into cells of ε. The start of the left walk
then is what the linear parts leave over. The best pairs are evaluated at all their kinks.

Errors are in units of ε, and the numbers of clusters depend on n·ε only. How many pairs meet falls with ε².
It only ever finds hits: the caller evaluates the mask exactly, and not finding means undecided.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ltjax.search import plane as planar
from ltjax.search.masks.selection import WORD, least, select_evenly, select_from, selected, woven

DEPTH = 5
"""Most lines of a cluster."""
REACH = 12
"""A kept line's next kept line is one of so many that follow it."""
QUIET = 10.0
"""Most residual jump of a cluster, in units of ε."""
IDLE = 0.02
"""A cluster whose linear part is smaller does not bring it nearer to the target's: others come first."""
PARTIAL = 1 << 18
"""Clusters that are begun and not yet done: most that are carried."""
PLENTY = 4.0
"""So many times the capacity are the choices of the clusters that are used. With more clusters than that a choice
wanders farther in the tube, and fewer pairs fit."""
SAMPLE = 1 << 10
"""Choices by which it is estimated how many there are."""
ROOM = 1 << 8
"""Choices for which there is room at least."""
HOPELESS = 0.1
"""Where fewer pairs than this are expected to meet, nothing is searched."""
ENDS = 6
"""Neurons that bend outside the arc and are active on it: most that are used."""
_CHECKED, _KEPT = 16, 192


class _Lines(NamedTuple):
    """The lines of half an arc, from its end to its middle: place, jump, and linear part (cos, sin) on the left."""

    place: Array
    kappa: Array
    part: Array


class _Clusters(NamedTuple):
    """Clusters in the order of their places; errors in units of ε.

    lines: which lines, (clusters, depth), -1 where there are fewer; first, last: the outermost among them.
    place: where it begins; move, jump: what it leaves of error and slope behind it, extended to that place.
    low, high: the range of the error on the way; part: its linear part (cos, sin).
    """

    lines: Array
    first: Array
    last: Array
    place: Array
    move: Array
    jump: Array
    low: Array
    high: Array
    part: Array


class _Begun(NamedTuple):
    lines: Array
    last: Array
    error: Array
    slope: Array
    low: Array
    high: Array
    part: Array


def _clusters(lines: _Lines, eps: Array, most: int) -> _Clusters:
    """The clusters that leave least, `most` of them, the best first; where there are fewer, their place is infinite."""
    n = lines.place.shape[0]
    partial = min(4 * n, PARTIAL)
    first = jnp.arange(partial, dtype=jnp.int32)
    none, zero = jnp.full((partial, DEPTH - 1), -1, jnp.int32), jnp.zeros(partial)
    first = jnp.where(first < n, first, 0)
    begun = jnp.concatenate([first[:, None], none], 1), first, zero, lines.kappa[first] / eps, zero, zero
    begun = _Begun(*begun, lines.part[first])

    def left(begun: _Begun, ok: Array) -> Array:
        """What a choice leaves; infinite where it is no cluster."""
        size = jnp.abs(begun.slope)
        idle = jnp.hypot(begun.part[:, 0], begun.part[:, 1]) < IDLE
        return jnp.where(ok & (size <= QUIET), size + (begun.high - begun.low) + 3.0 * idle, jnp.inf)

    def best(begun: _Begun, score: Array) -> tuple[_Begun, Array]:
        pad = max(0, most - len(score))
        begun = jax.tree.map(lambda x: jnp.pad(x, [(0, pad)] + [(0, 0)] * (x.ndim - 1)), begun)
        score = jnp.pad(score, (0, pad), constant_values=jnp.inf)
        at = least(score, most)
        return jax.tree.map(lambda x: x[at], begun), score[at]

    there = (jnp.arange(partial) < n) & (lines.kappa[first] != 0.0)

    def longer(level: Array, state: tuple) -> tuple:
        begun, alive, found, score = state

        def extended(step: Array) -> tuple[_Begun, Array]:
            line = jnp.minimum(begun.last + step, n - 1)
            # Inside a cluster the error is as good as straight.
            error = begun.error + begun.slope * (lines.place[line] - lines.place[begun.last])
            low, high = jnp.minimum(begun.low, error), jnp.maximum(begun.high, error)
            ok = alive & (line > begun.last) & (high - low <= 2.0) & (lines.kappa[line] != 0.0)
            slope = begun.slope + lines.kappa[line] / eps
            part = begun.part + lines.part[line]
            return _Begun(begun.lines.at[:, level].set(line), line, error, slope, low, high, part), ok

        wide, ok = jax.vmap(extended)(jnp.arange(1, REACH + 1, dtype=jnp.int32))
        wide, ok = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (wide, ok))
        done, less = best(wide, left(wide, ok))
        both = jax.tree.map(lambda x, y: jnp.concatenate([x, y]), found, done)
        found, score = best(both, jnp.concatenate([score, less]))
        at, alive, _ = select_evenly(ok & (jnp.abs(wide.slope) > QUIET), partial)
        return jax.tree.map(lambda x: x[at], wide), alive, found, score

    state = (begun, there & (jnp.abs(begun.slope) > QUIET), *best(begun, left(begun, there)))
    _, _, found, score = jax.lax.fori_loop(1, DEPTH, longer, state)
    place = lines.place[found.lines[:, 0]]
    return _Clusters(
        lines=found.lines,
        first=found.lines[:, 0],
        last=found.last,
        place=jnp.where(score < jnp.inf, place, jnp.inf),
        move=found.error - found.slope * (lines.place[found.last] - place),
        jump=found.slope,
        low=found.low,
        high=found.high,
        part=found.part,
    )


class _Choices(NamedTuple):
    """Partial choices: error and slope in units of ε, the last line in use, and the linear part (cos, sin).

    Where they are and whether they stay is told in float32, which is fine enough for a search; linear parts have to
    agree to within ε.
    """

    alive: Array
    error: Array
    slope: Array
    behind: Array
    part: tuple[Array, Array]


class _Way(NamedTuple):
    """How a walk chose: in step j, of a frontier with room for `rooms[j]`, the bits of `words[j]` are its children,
    2i of entry i without the step's cluster and 2i + 1 with it, and the next frontier an even selection of them."""

    words: Array
    rooms: Array


def _rooms(capacity: int, least: int) -> list[int]:
    """Room for choices, step by step: most of a walk has few, and a step costs what there is room for."""
    return [room for room in (capacity >> 5, capacity >> 2) if room >= max(ROOM, least)] + [capacity]


def _walked(
    clusters: _Clusters, use: Array, started: Bool[Array, " m"], parts: Float[Array, "m 2"], end: float, capacity: int
) -> tuple[_Choices, _Way, Array]:
    """Choices of the first `use` clusters that stay in the tube from the arc's end to its middle.

    Args:
        clusters: in the order of their places.
        use: how many.
        started, parts: which choices there are at the start, all with error and slope 0, and their linear parts.
        end: the middle.
        capacity: choices kept; beyond it an evenly spaced selection of them.

    Returns:
        The choices at the middle, their way for `_retraced`, and the logarithm of about how many there would be.
    """
    most = len(clusters.place)
    places = jnp.minimum(clusters.place, end)
    gaps = jnp.append(places[1:], end) - places
    cosine, sine = (turn(gaps).astype(jnp.float32) for turn in (jnp.cos, jnp.sin))
    move, jump, low, high = (x.astype(jnp.float32) for x in (clusters.move, clusters.jump, clusters.low, clusters.high))

    def step(state: tuple) -> tuple:
        j, now, way, log, _ = state

        def turned(error: Array, slope: Array) -> tuple[Array, Array]:
            return error * cosine[j] + slope * sine[j], slope * cosine[j] - error * sine[j]

        can = now.alive & (now.behind < clusters.first[j])
        can &= (now.error + low[j] >= -1.0) & (now.error + high[j] <= 1.0)
        without, _ = turned(now.error, now.slope)
        with_it, _ = turned(now.error + move[j], now.slope + jump[j])
        words = woven(now.alive & (jnp.abs(without) <= 1.0), can & (jnp.abs(with_it) <= 1.0))
        # Variety counts for more than quality: which of too many are kept is left to the order of the tree.
        room = len(now.alive)
        index, kept, count = select_from(words, room)
        parent, took = index >> 1, index & 1 == 1
        # Quicker than the default, which asks of each index whether it is one.
        of = jax.tree.map(lambda x: x.at[parent].get(mode="clip"), now)

        def added(values: Array, more: Array) -> Array:
            return values + jnp.where(took, more, 0)

        error, slope = turned(added(of.error, move[j]), added(of.slope, jump[j]))
        behind = jnp.where(took, clusters.last[j], of.behind)
        part = added(of.part[0], clusters.part[j, 0]), added(of.part[1], clusters.part[j, 1])
        log += jnp.log(jnp.maximum(count / room, 1.0))
        way = _Way(way.words.at[j, : len(words)].set(words), way.rooms.at[j].set(room))
        return j + 1, _Choices(kept, error, slope, behind, part), way, log, count

    zero = jnp.zeros(len(started), jnp.float32)
    now = _Choices(started, zero, zero, jnp.full(len(started), -1, jnp.int32), (parts[:, 0], parts[:, 1]))
    way = _Way(jnp.zeros((most, -(-2 * capacity // WORD)), jnp.uint32), jnp.ones(most, jnp.int32))
    j, log, count = jnp.zeros((), use.dtype), jnp.zeros(()), jnp.sum(started, dtype=jnp.int32)
    for room in _rooms(capacity, len(started)):
        # The choices are the first ones: what is behind them is empty.
        now = jax.tree.map(lambda x, room=room: jnp.pad(x, (0, room - len(x))), now)

        def fits(state: tuple, room: int = room) -> Array:
            return (state[0] < use) & ((room == capacity) | (2 * state[4] <= room))

        j, now, way, log, count = jax.lax.while_loop(fits, step, (j, now, way, log, count))
    return now, way, log + jnp.log(jnp.maximum(jnp.sum(now.alive), 0.5))


def _retraced(way: _Way, use: Array, at: Int[Array, " m"]) -> tuple[Bool[Array, "m most"], Int[Array, " m"]]:
    """Which clusters some choices at the end of a walk took, and from which of those at the start they descend."""
    chosen = jnp.zeros((len(at), len(way.rooms)), bool)

    def back(k: Array, state: tuple) -> tuple:
        chosen, at = state
        j = use - 1 - k
        index = selected(way.words[j], way.rooms[j], at)
        return chosen.at[:, j].set(index % 2 == 1), index // 2

    return jax.lax.fori_loop(0, use, back, (chosen, at.astype(jnp.int32)))


def _enough(clusters: _Clusters, end: float, capacity: int) -> tuple[_Clusters, Array, Array]:
    """The best clusters, as few as make plenty of choices, in the order of their places; how many they are, and the
    logarithm of about how many choices they make."""
    most = len(clusters.place)
    sizes = jnp.array([most * k // 8 for k in range(2, 9)])

    def only(use: Array) -> tuple[_Clusters, Array]:
        # They come the best first.
        some = clusters._replace(place=jnp.where(jnp.arange(most) < use, clusters.place, jnp.inf))
        order = jnp.argsort(some.place)
        return jax.tree.map(lambda x: x[order], some), jnp.sum(jnp.isfinite(some.place))

    log = jax.vmap(lambda use: _walked(*only(use), jnp.ones(1, bool), jnp.zeros((1, 2)), end, SAMPLE)[2])(sizes)
    many = log >= math.log(PLENTY * capacity)
    at = jnp.where(jnp.any(many), jnp.argmax(many), jnp.argmax(log))
    return *only(sizes[at]), log[at]


class _Ends(NamedTuple):
    """Choices of the neurons that bend outside the arc and are active on it.

    who: the neurons, (ends,); bits: which of them, (choices, ends); part: their linear part; known: whether all of
    them are such neurons.
    """

    who: Array
    bits: Array
    part: Array
    known: Array


class _Network(NamedTuple):
    """Lines on the half circle where the target is positive: places in (0, π), jumps, the linear part of a kept neuron
    left of all lines (cos, sin), and whether it bends on the arc."""

    tau: Array
    kappa: Array
    part: Array
    inside: Array


def _ends(theta: Array, network: _Network, present: Array) -> _Ends:
    outside = present & ~network.inside & (jnp.abs(theta) <= 0.5 * jnp.pi) & (network.kappa != 0.0)
    who = jax.lax.top_k(outside.astype(jnp.int32), min(ENDS, len(theta)))[1]
    bits = (jnp.arange(1 << len(who))[:, None] >> jnp.arange(len(who))) & 1 == 1
    active = network.kappa[:, None] * jnp.stack([-jnp.sin(theta), jnp.cos(theta)], 1)
    part = jnp.sum(jnp.where(bits[:, :, None], active[who], 0.0), axis=1)
    return _Ends(who, bits, part, ~jnp.any(bits & ~outside[who], axis=1))


def _half(network: _Network, mirrored: bool) -> tuple[Array, _Lines]:
    """The lines of half the arc from its end on, and their numbers."""
    mine = network.inside & ((network.tau > 0.5 * jnp.pi) == mirrored)
    place = jnp.where(mine, jnp.pi - network.tau if mirrored else network.tau, jnp.inf)
    order = jnp.argsort(place)
    return order, _Lines(place[order], jnp.where(mine, network.kappa, 0.0)[order], network.part[order])


def _joined(left: _Choices, right: _Choices, eps: Array, neighbours: int) -> tuple[Array, Array]:
    """For each left choice the right one with which its linear part is nearest to the target's, (0, 1), and the tube
    that they ask for at least, in units of ε.

    Sorted by cells of size ε, a choice looks at some of the three rows of cells around what it wants.
    """
    capacity = len(left.alive)
    wanted = -left.part[0], 1.0 - left.part[1]
    # A cell and a number in one whole number: XLA sorts these several times as fast as pairs. Cells repeat beyond what
    # the bits tell apart: that brings more to look at, and where they begin anew a pair may be missed.
    bits = max(1, (capacity - 1).bit_length())
    side = (62 - bits) // 2

    def cell(x: Array, y: Array) -> Array:
        low = (1 << side) - 1
        return ((x & low) << side) | (y & low)

    def rows(part: tuple[Array, Array]) -> list[Array]:
        limit = 2.0**52  # of what float64 tells apart
        return [jnp.clip(jnp.floor(each / eps), -limit, limit).astype(jnp.int64) for each in part]

    key = jnp.where(right.alive, cell(*rows(right.part)), 1 << (2 * side))
    key = jnp.sort((key << bits) | jnp.arange(capacity))
    key, order = key >> bits, (key & ((1 << bits) - 1)).astype(jnp.int32)
    right = jax.tree.map(lambda each: each[order], right)
    x, y = rows(wanted)

    def in_row(row: Array, state: tuple) -> tuple:
        begin = jnp.searchsorted(key, cell(x + row - 1, y - 1)).astype(jnp.int32)

        def look(step: Array, state: tuple) -> tuple:
            best, partner = state
            who = jnp.minimum(begin + step.astype(jnp.int32), capacity - 1)
            # The error at the start of the left walk.
            cosine, sine = ((theirs[who] - mine) / eps for theirs, mine in zip(right.part, wanted, strict=True))
            error = left.error + sine - right.error[who]
            slope = left.slope - cosine + right.slope[who]
            tube = jnp.maximum(jnp.hypot(cosine, sine), jnp.maximum(jnp.abs(error), jnp.abs(slope)))
            better = left.alive & right.alive[who] & (tube < best)
            return jnp.where(better, tube, best), jnp.where(better, who, partner)

        return jax.lax.fori_loop(0, neighbours, look, state)

    nobody = jnp.full(capacity, jnp.inf), jnp.zeros(capacity, jnp.int32)
    tube, partner = jax.lax.fori_loop(0, 3, in_row, nobody)
    return tube, order[partner]


@functools.partial(jax.jit, static_argnames=("most", "capacity", "candidates", "neighbours"))
def best_clusters(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    present: Bool[Array, " n"],
    eps: Float[Array, ""],
    *,
    most: int = 96,
    capacity: int = 1 << 17,
    candidates: int = 256,
    neighbours: int = 6,
) -> tuple[Bool[Array, " n"], Float[Array, ""]]:
    """The best mask that is met, and its error around the whole circle, readout `relu`.

    Args:
        theta, kappa: as `plane.frame` gives them, shape (n,), float64.
        present: which neurons there are, shape (n,).
        eps: the error asked for, in (0, 1).
        most: clusters on each half of the arc.
        capacity: choices kept on each half. The pairs that meet grow with (capacity·ε)².
        candidates: pairs that are evaluated at all their kinks.
        neighbours: right choices that each left choice looks at, in each of three rows.

    Returns:
        The mask, and its error as `plane.masked_errors` has it; no neuron and infinity where none is met.
    """
    n, middle = theta.shape[0], 0.5 * math.pi
    begin = jnp.arcsin(eps)
    on = (theta >= 0.0) & (theta < jnp.pi)
    tau = jnp.where(on, theta, theta + jnp.pi)
    inside = present & (tau > begin) & (tau < jnp.pi - begin) & (kappa != 0.0)
    part = jnp.where(on[:, None], 0.0, kappa[:, None] * jnp.stack([jnp.sin(tau), -jnp.cos(tau)], 1))
    network = _Network(tau, kappa, part, inside)
    ends = _ends(theta, network, present)
    (number, lines), (mirrored, others) = _half(network, False), _half(network, True)
    numbers = jnp.stack([number, mirrored])
    both = jax.tree.map(lambda x, y: jnp.stack([x, y]), lines, others)
    clusters, use, log = jax.lax.map(lambda one: _enough(_clusters(one, eps, most), middle, capacity), both)
    meeting = jnp.sum(log) + jnp.log(jnp.sum(ends.known)) + 2.0 * jnp.log(eps)

    def search() -> tuple[Array, Array]:
        started = jnp.stack([ends.known, jnp.arange(len(ends.known)) == 0])
        parts = jnp.stack([ends.part, jnp.zeros_like(ends.part)])
        walked, ways, _ = jax.lax.map(
            lambda half: _walked(half[0], half[1], half[2], half[3], middle, capacity), (clusters, use, started, parts)
        )
        left, right = (jax.tree.map(lambda x, k=k: x[k], walked) for k in (0, 1))
        tube, partner = _joined(left, right, eps, neighbours)
        row = least(tube, min(candidates, capacity))
        chosen, begun = jax.lax.map(lambda half: _retraced(*half), (ways, use, jnp.stack([row, partner[row]])))
        # A left choice descends from one of the ends.
        begun = jnp.minimum(begun[0], len(ends.bits) - 1)

        # All kinks of a candidate in order, and its error there.
        who = jnp.where(
            clusters.lines >= 0, jnp.take_along_axis(numbers[:, :, None], jnp.maximum(clusters.lines, 0), axis=1), -1
        ).reshape(-1)
        kept = jnp.concatenate([jnp.repeat(c, DEPTH, axis=1) for c in chosen], axis=1) & (who >= 0)
        order = jnp.argsort(jnp.where(who >= 0, tau[who], jnp.inf))
        who, kept = who[order], kept[:, order]
        place, jump = jnp.where(who >= 0, tau[who], middle), jnp.where(kept, kappa[who], 0.0)
        start = kept.astype(theta.dtype) @ jnp.where(who[:, None] >= 0, part[who], 0.0)
        start = start + ends.part[begun] - jnp.array([0.0, 1.0])
        # A kink at τ adds jump·sin(t - τ) behind it: to sin t the sum of jump·cos τ, to cos t that of -jump·sin τ.
        cosine, sine = jnp.cos(place), jnp.sin(place)
        before = start[:, :1] - jnp.cumsum(jump * sine, axis=1), start[:, 1:] + jnp.cumsum(jump * cosine, axis=1)
        errors = jnp.max(jnp.abs(before[0] * cosine + before[1] * sine), axis=1)
        errors = jnp.where((tube[row] < jnp.inf) & jnp.isfinite(errors), errors, jnp.inf)
        at = least(errors, min(_CHECKED, len(errors)))
        few = jnp.concatenate([jnp.maximum(who, 0), ends.who])
        masks = jnp.concatenate([kept[at], ends.bits[begun[at]]], axis=1) & (errors[at] < jnp.inf)[:, None]

        def around(mask: Array) -> Array:
            """The error around the whole circle, of a network of the kept neurons alone."""
            some = few[jnp.flatnonzero(mask, size=_KEPT, fill_value=0)]
            there = (jnp.arange(_KEPT) < jnp.sum(mask))[None]
            error = planar.masked_errors(theta[some], kappa[some], there, readout="relu")[0]
            return jnp.where((jnp.sum(mask) <= _KEPT) & jnp.any(mask) & ~jnp.isnan(error), error, jnp.inf)

        def check(state: tuple) -> tuple:
            k, best, error = state
            now = around(masks[k])
            return k + 1, jnp.where(now < error, k, best), jnp.minimum(now, error)

        def unsettled(state: tuple) -> Array:
            # Whose error at its kinks is too large is no hit, and one hit is enough.
            k, _, error = state
            promising = errors[at[jnp.minimum(k, len(at) - 1)]] <= eps
            return (k < len(at)) & (error > eps) & ((k == 0) | promising)

        zero = jnp.zeros((), jnp.int32)
        _, best, error = jax.lax.while_loop(unsettled, check, (zero, zero, jnp.asarray(jnp.inf, theta.dtype)))
        return jnp.zeros(n, bool).at[few].max(masks[best] & (error < jnp.inf)), error

    def nothing() -> tuple[Array, Array]:
        return jnp.zeros(n, bool), jnp.asarray(jnp.inf, theta.dtype)

    return jax.lax.cond(meeting >= math.log(HOPELESS), search, nothing)


__all__ = ["best_clusters"]
