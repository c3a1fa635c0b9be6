"""Which neurons no mask can keep: elimination along an arc of the circle, any n, float64.

On an arc the error e of a kept set obeys e'' + e = Σ κ_i δ(τ_i), |e| <= ε, where τ_i is the place at which neuron i's
line meets the arc. Readout `relu`: the arc is (t_0, π - t_0), t_0 = arcsin ε, where the outer ReLU is open and the
target is linear; lines outside it are left alone. Readout `linear`: the arc is (-π/2, π/2), with the target's own kink
in its middle, a jump of -1 that is always kept.

A *window* is K consecutive lines of the arc with the two points at its ends. At the K + 2 points let P_j be the error
that its kept lines make from a start of 0. A start a·cos t + b·sin t that brings all points into the tube exists if and
only if it exists for every three of them (Helly: each point leaves a strip of the plane of a, b), that is if for all
i < j < k, with s_ij = sin(t_j - t_i) and an arc shorter than π,

    |P_j·s_ik - P_i·s_jk - P_k·s_ij| <= ε·(s_ij + s_jk + s_ik).

For K = 1 this is |κ| <= ε(cot(h_1/2) + cot(h_2/2)), h_1 and h_2 the gaps to the neighbours. A neuron that is kept by no
choice of some window is eliminated. Gaps of others grow, and all is repeated to a fixed point, in *rounds*: first by
windows of one, then of two, and so on, only where something has changed. Where the target's kink is eliminated no mask
works.

All trials lie in one flat array, sorted by trial and angle, with a wall at both ends of each arc. What survives is
compacted on the host between rounds, so that the cost follows the survivors. What is said of a trial does not depend
on others in the array.

Honesty. Points may be chosen freely in the arc: they are put a hair before their lines, after the wall or line where
the window begins, so that no line outside the window is seen, wherever rounding has put it. Every comparison is widened
(`ltjax.certify.rounding`). It keeps too much, never too little; NaN keeps everything.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ltjax import arguments
from ltjax.certify import rounding

LARGEST = 0.9
"""Of ε: above it the arc is short or gone, and nothing is eliminated."""
WIDTH = 2.5
"""Windows are cut to this width, radians: sines of differences are compared, which are small again near π."""
DENSE = (2, 4)
"""Windows in which all choices are tried at once."""
DEEP = (6, 8, 10, 12)
"""Windows in which only choices are extended that a smaller window allows."""
MOST = 1 << 17
"""Choices a trial that are extended; where there are more, windows grow no further."""
_TARGET, _WALL = -2, -1
_SMALL, _PIECE = 1 << 8, 1 << 12
_STARTS = 1 << 10
_NODES = (1 << 9, 1 << 12)


class Eliminated(NamedTuple):
    """What is left of a batch of networks.

    Attributes:
        candidates: neurons that a mask within ε may keep, (trials, n). Such a mask keeps no others of those listed.
        missed: whether it is certain that no mask is within ε, (trials,): the target's kink cannot be made, or
            no candidate is left.
        round, depth, first: why a neuron was eliminated, for `ltjax.certify.eliminated`, (trials, n + 1), the target's
            kink last: in which round (from 1; 0: it was not), in a window of how many lines, and which line the window
            begins with, by number.
    """

    candidates: Bool[np.ndarray, "trials n"]
    missed: Bool[np.ndarray, " trials"]
    round: Int[np.ndarray, "trials n+1"]
    depth: Int[np.ndarray, "trials n+1"]
    first: Int[np.ndarray, "trials n+1"]


class _Arcs(NamedTuple):
    """The arcs of all trials, one after the other: places, ascending, with a wall at both ends of each."""

    tau: np.ndarray
    kappa: np.ndarray
    eps: np.ndarray
    blur: np.ndarray
    row: np.ndarray  # trial
    who: np.ndarray  # neuron, or wall, or target
    tested: np.ndarray  # the largest window that begins here and was looked at since something in it changed

    def kept(self, keep: np.ndarray) -> "_Arcs":
        return _Arcs(*(x[keep] for x in self))

    def ends(self) -> np.ndarray:
        """For each entry the place of its arc's last wall."""
        last = np.flatnonzero((self.who == _WALL)[1:] & (self.who == _WALL)[:-1])
        # A wall that follows a wall begins an arc, but the two walls of an arc without lines follow each other too.
        last = last[self.row[last] != self.row[last + 1]]
        last = np.append(last, len(self.row) - 1)
        return last[np.searchsorted(last, np.arange(len(self.row)))]


def _arcs(
    tau: np.ndarray, kappa: np.ndarray, inside: np.ndarray, tube: np.ndarray, ends: np.ndarray, target: bool
) -> _Arcs:
    """The arcs as a flat array; tube: each trial's ε and blur, (2, trials)."""
    trials, n = tau.shape
    extra = 3 if target else 2
    places = np.concatenate([tau, ends, np.zeros((trials, extra - 2))], axis=1)
    order = np.where(inside, tau, np.nan)
    order = np.concatenate([order, np.tile([-np.inf, np.inf, 0.0][:extra], (trials, 1))], axis=1)
    jumps = np.concatenate([kappa, np.tile([0.0, 0.0, -1.0][:extra], (trials, 1))], axis=1)
    by_place = np.argsort(order, axis=1, kind="stable")  # NaN goes last
    count = inside.sum(axis=1) + extra
    flat = np.arange(n + extra) < count[:, None]
    row = np.broadcast_to(np.arange(trials)[:, None], flat.shape)[flat]
    column = by_place[flat]
    who = np.where(column < n, column, np.where(column < n + 2, _WALL, _TARGET))
    eps, blur = tube[:, row]
    return _Arcs(places[row, column], jumps[row, column], eps, blur, row, who, np.zeros(len(row), np.int64))


@jax.jit
def _unfit(tau: Array, kappa: Array, eps: Array, fixed: Array, blur: Array) -> Bool[Array, " m"]:
    """Which lines cannot be kept beside their neighbours, by the closed form."""
    gap, blur = tau[1:] - tau[:-1], blur[1:-1]
    before, after = gap[:-1] - 4.0 * blur, gap[1:]
    size = jnp.abs(kappa[1:-1])
    wide = eps[1:-1] + rounding.tube(eps[1:-1], size, blur)
    far = (before > 4.0 * blur) & (after > 0.0)
    most = wide * (1.0 / jnp.tan(0.5 * before) + 1.0 / jnp.tan(0.5 * after))
    unfit = far & (size > most * (1.0 + rounding.gamma(64.0)))
    return jnp.pad(unfit, 1) & ~fixed


def _padded(x: np.ndarray, size: int, value: Any = 0) -> np.ndarray:
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, size - x.shape[-1])], constant_values=value)


def _power(n: int) -> int:
    """A size for n entries, of few that there are: each is compiled once."""
    return max(1 << 10, 1 << -(-(n - 1).bit_length() // 2) * 2)


def _alone(arcs: _Arcs) -> np.ndarray:
    """The closed form, on the device."""
    size = _power(len(arcs.tau))
    columns = (_padded(x, size) for x in (arcs.tau, arcs.kappa, arcs.eps))
    walls, blur = _padded(arcs.who == _WALL, size, True), _padded(arcs.blur, size)
    return np.asarray(_unfit(*columns, walls, blur))[: len(arcs.tau)]


def _compared(p: Any, s: Any, wide: Array, guard: Array) -> Array:
    """Whether three points contradict each other: values p and sines s, in the order (i, j, k) and (ij, jk, ik)."""
    d = p[1] * s[2] - p[0] * s[1] - p[2] * s[0]
    return jnp.abs(d) > wide * (s[0] + s[1] + s[2]) + guard


@functools.partial(jax.jit, static_argnames=("k",))
def _all_choices(
    away: Float[Array, "{k}+2 w"],
    kappa: Float[Array, "{k} w"],
    must: Bool[Array, "{k} w"],
    eps: Float[Array, " w"],
    blur: Float[Array, " w"],
    *,
    k: int,
) -> tuple[Bool[Array, "2**{k} w"], Int[Array, " w"]]:
    """Which choices of k lines some start holds, and which lines some such choice keeps; bit l stands for line l.

    Args:
        away: of the points from the first of them, radians, at most `WIDTH`.
        kappa: jumps; must: whether a line has to be kept.
        eps, blur: the tube, and how far lines may be from where they are put, (w,).
    """
    sine, cosine = jax.lax.optimization_barrier((jnp.sin(away), jnp.cos(away)))
    s = {(i, j): sine[j] * cosine[i] - cosine[j] * sine[i] for j in range(1, k + 2) for i in range(j)}
    s = jax.lax.optimization_barrier(s)
    total = jnp.cumsum(jnp.abs(kappa), axis=0)
    alive = jnp.ones((1, kappa.shape[1]), bool)
    value: list[Array] = [jnp.zeros((1, kappa.shape[1])), jnp.zeros((1, kappa.shape[1]))]
    for new in range(2, k + 2):
        line = new - 1
        p = jnp.zeros((1, kappa.shape[1]))
        for member in range(1, new):
            p = jnp.concatenate([p, p + kappa[member - 1] * s[member, new]])
        width = jnp.minimum(away[new], 1.0)
        wide = eps + rounding.tube(eps, total[line - 1], blur)
        guard = rounding.determinant(eps, total[line - 1], width)
        alive = jnp.concatenate([alive & ~must[line - 1], alive])
        for j in range(1, new):
            for i in range(j):
                p_i, p_j = (jnp.tile(value[x], (2**line // len(value[x]), 1)) for x in (i, j))
                alive &= ~_compared((p_i, p_j, p), (s[i, j], s[j, new], s[i, new]), wide, guard)
        value.append(p)
    seen = jnp.zeros(kappa.shape[1], int)
    for line in range(k):
        kept = alive.reshape(1 << (k - line - 1), 2, 1 << line, -1)[:, 1]
        seen |= jnp.any(kept, axis=(0, 1)).astype(int) << line
    return alive, seen


_POINTS = DEEP[-1] + 2
_PAIRS = np.array([(i, j) for j in range(1, _POINTS) for i in range(j)])


@jax.jit
def _table(away: Float[Array, "points w"], kappa: Float[Array, "points w"]) -> Float[Array, "3 points w"]:
    """Sine and cosine of the points of windows, and the jumps there."""
    return jnp.stack([jnp.sin(away), jnp.cos(away), kappa])


@jax.jit
def _extended(
    table: Float[Array, "3 points w"],
    tube: Float[Array, "2 w"],
    slot: Int[Array, " m"],
    bits: Int[Array, " m"],
    new: Int[Array, ""] | int,
) -> Bool[Array, "2 m"]:
    """Which choices of the lines before point new - 1 hold at point `new`, without the line there, and with it.

    Args:
        table: see `_table`; tube: ε, and how far lines may be from where they are put.
        slot, bits: which window, and which lines of it are kept.
        new: the new point's number, 2 at least.
    """
    m, line = slot.shape[0], new - 1
    eps, blur = tube[:, slot]

    def place(j: Array, state: Any) -> Any:
        sine, cosine, value, along, across, total = state
        s, c = table[0, j][slot], table[1, j][slot]
        jump = jnp.where((bits >> (j - 1)) & (j > 0) == 1, table[2, j][slot], 0.0)
        sine, cosine, value = sine.at[j].set(s), cosine.at[j].set(c), value.at[j].set(s * along - c * across)
        return sine, cosine, value, along + jump * c, across + jump * s, total + jnp.abs(jump)

    nothing, empty = jnp.zeros(m, eps.dtype), jnp.zeros((_POINTS, m), eps.dtype)
    state = (empty, empty, empty, nothing, nothing, nothing)
    sine, cosine, value, along, across, total = jax.lax.fori_loop(0, new, place, state)
    s, c = table[0, new][slot], table[1, new][slot]
    jump = table[2, line][slot]
    without = s * along - c * across
    kept = without + jump * (s * cosine[line] - c * sine[line])
    total += jnp.abs(jump)
    wide = eps + rounding.tube(eps, total, blur)
    guard = rounding.determinant(eps, total, jnp.minimum(jnp.abs(s) + (c < 0.0), 1.0))
    pairs = jnp.asarray(_PAIRS)

    def compare(at: Array, bad: Any) -> Any:
        i, j = pairs[at, 0], pairs[at, 1]
        s_ij = sine[j] * cosine[i] - cosine[j] * sine[i]
        s_jk, s_ik = s * cosine[j] - c * sine[j], s * cosine[i] - c * sine[i]
        d, most = value[j] * s_ik - value[i] * s_jk, wide * (s_ij + s_jk + s_ik) + guard
        return bad[0] | (jnp.abs(d - without * s_ij) > most), bad[1] | (jnp.abs(d - kept * s_ij) > most)

    bad = jax.lax.fori_loop(0, new * (new - 1) // 2, compare, (jnp.zeros(m, bool),) * 2)
    return ~jnp.stack(bad)


class _Windows(NamedTuple):
    """Windows that begin at some places of the arcs."""

    start: np.ndarray  # (w,), the first line
    away: np.ndarray  # (k + 2, w)
    kappa: np.ndarray  # (k, w)
    must: np.ndarray  # (k, w)
    tube: np.ndarray  # ε and blur, (2, w)

    @classmethod
    def of(cls, arcs: _Arcs, ends: np.ndarray, start: np.ndarray, k: int) -> "_Windows":
        last = ends[start]
        at = np.minimum(start + np.arange(k + 1)[:, None], last)
        # Beyond the wall, and beyond the greatest width, the last point is there again: it says nothing new.
        away = np.clip(arcs.tau[at] - arcs.tau[start - 1] - 4.0 * arcs.blur[start], 0.0, WIDTH)
        away = np.concatenate([np.zeros((1, len(start))), away])
        must = arcs.who[at[:-1]] == _TARGET
        return cls(start, away, arcs.kappa[at[:-1]], must, np.stack([arcs.eps[start], arcs.blur[start]]))


def _by_all_choices(arcs: _Arcs, ends: np.ndarray, start: np.ndarray, k: int) -> Iterator[Any]:
    """Windows of k lines by all choices, a piece at a time: (their first lines, choices that hold, lines kept)."""
    pieces = []
    for begin in range(0, len(start), _PIECE):
        windows = _Windows.of(arcs, ends, start[begin : begin + _PIECE], k)
        size = _PIECE if len(windows.start) > _SMALL else _SMALL
        columns = (_padded(x, size) for x in (windows.away, windows.kappa, windows.must, *windows.tube))
        pieces.append((windows.start, *_all_choices(*columns, k=k)))  # computed while the next is prepared
    for first, alive, seen in pieces:
        yield first, alive, np.asarray(seen)[: len(first)]


class _Round:
    """What one round eliminates."""

    def __init__(self, arcs: _Arcs) -> None:
        self.depth = np.zeros(len(arcs.tau), np.int64)
        self.first = np.zeros(len(arcs.tau), np.int64)

    def add(self, lines: np.ndarray, depth: int, first: np.ndarray) -> None:
        """Lines that a window of `depth` lines from `first` on never keeps; what is known stays."""
        new = self.depth[lines] == 0
        self.depth[lines[new]], self.first[lines[new]] = depth, first[new]

    def unseen(self, start: np.ndarray, ends: np.ndarray, seen: np.ndarray, depth: int) -> None:
        """All lines, up to the wall, of windows of `depth` lines that no choice keeps; bits of `seen`: some does."""
        for line in range(depth):
            gone = start[(((seen >> line) & 1) == 0) & (start + line < ends)]
            self.add(gone + line, depth, gone)


def _look(arcs: _Arcs, ends: np.ndarray, start: np.ndarray, k: int, out: _Round, limit: np.ndarray) -> None:
    """One look at the windows of up to k lines that begin at `start`; a trial's `limit` falls where it is too much."""
    dense = min(k, DENSE[-1])
    nodes: list[tuple[np.ndarray, np.ndarray]] = []
    for first, alive, seen in _by_all_choices(arcs, ends, start, dense):
        out.unseen(first, ends[first], seen, dense)
        if k > dense:
            at, bits = np.nonzero(np.asarray(alive)[:, : len(first)].T)
            nodes.append((first[at], bits))
    if k > dense:
        joined = np.concatenate([x for x, _ in nodes]), np.concatenate([x for _, x in nodes])
        _look_deeper(arcs, ends, joined, (dense, k), out, limit)


def _look_deeper(
    arcs: _Arcs,
    ends: np.ndarray,
    nodes: tuple[np.ndarray, np.ndarray],
    depths: tuple[int, int],
    out: _Round,
    limit: np.ndarray,
) -> None:
    """Choices of so many lines extended to so many, all windows a line further at a time."""
    start, bits = nodes
    if not len(start):
        return
    begins = np.unique(start)
    tables = []
    for begin in range(0, len(begins), _STARTS):
        windows = _Windows.of(arcs, ends, begins[begin : begin + _STARTS], DEEP[-1])
        jumps = np.pad(windows.kappa, [(1, 1), (0, 0)])
        tables.append((_table(_padded(windows.away, _STARTS), _padded(jumps, _STARTS)), _padded(windows.tube, _STARTS)))
    slot = np.searchsorted(begins, start)
    for line in range(*depths):
        # What has come to the wall is done; what keeps an eliminated line is dropped; too many are left alone.
        at = begins[slot]
        gone = np.zeros(len(begins), np.int64)
        for member in range(line):
            gone |= (out.depth[np.minimum(begins + member, ends[begins])] > 0).astype(np.int64) << member
        go_on = (ends[at] - at > line) & (bits & gone[slot] == 0)
        slot, bits = slot[go_on], bits[go_on]
        trial = arcs.row[begins[slot]]
        count = np.bincount(trial, minlength=len(limit))
        limit[count > MOST] = np.minimum(limit[count > MOST], line)
        go_on = count[trial] <= MOST
        slot, bits = slot[go_on], bits[go_on]
        if not len(slot):
            return
        pieces = []
        edges = np.searchsorted(slot, np.arange(0, len(begins) + _STARTS, _STARTS))
        for number, (low, high) in enumerate(itertools.pairwise(edges)):
            for left in range(low, high, _NODES[-1]):
                part = slice(left, min(left + _NODES[-1], high))
                size = next(x for x in _NODES if x >= part.stop - left)
                mine = _padded(slot[part] - number * _STARTS, size), _padded(bits[part], size)
                pieces.append((part, _extended(*tables[number], *mine, line + 2)))
        fits = np.concatenate([np.asarray(fit)[:, : part.stop - part.start] for part, fit in pieces], axis=1)
        at = begins[slot] + line
        fits &= np.stack([arcs.who[at] != _TARGET, out.depth[at] == 0])
        looked = np.unique(slot)
        chosen = fits.T.reshape(-1)
        slot, bits = np.repeat(slot, 2)[chosen], np.stack([bits, bits | 1 << line], axis=1).reshape(-1)[chosen]
        # A window without a choice left is one that the target's kink is in.
        seen = np.zeros(len(begins), np.int64)
        np.bitwise_or.at(seen, slot, bits)
        out.unseen(begins[looked], ends[begins[looked]], seen[looked], line + 1)


def _arc(eps: np.ndarray, window: np.ndarray, readout: str) -> np.ndarray:
    """The ends of each trial's arc, (trials, 2)."""
    if readout == "relu":
        edge = np.arcsin(np.clip(eps, 0.0, 1.0))
        return np.stack([edge, math.pi - edge], axis=1)
    half = np.minimum(window, 0.5 * math.pi)
    return np.stack([-half, half], axis=1)


def eliminate(
    theta: Any,
    kappa: Any,
    present: Any,
    eps: Any,
    *,
    readout: str = "relu",
    window: Any = np.inf,
    blur: Any = None,
    most: int = DEEP[-1],
) -> Eliminated:
    """Eliminate neurons that no mask within ε can keep, in a batch of networks in the plane.

    Args:
        theta: where each neuron switches on in the target's frame (`ltjax.search.plane.frame`), radians, (trials, n);
            right to `blur`.
        kappa: slope jumps, (trials, n), right to 8 units.
        present: which neurons there are, (trials, n).
        eps: the tube, one a trial or one for all.
        readout: "relu" or "linear".
        window: all neurons whose line is within this angle of the target's are present, one a trial or one for all.
            Readout relu: nothing is known unless it is infinite.
        blur: of theta, radians, one a trial or one for all; None: as `frame` leaves it in float64.
        most: the largest window.

    Returns:
        `Eliminated`. Where theta, kappa or ε of a trial hold NaN or infinity, or ε is above `LARGEST`, all that is
        present are candidates and nothing is missed.

    Raises:
        ArgumentError: for an unknown readout, a window below one line, shapes that do not fit.
    """
    arguments.choice("readout", readout, ("linear", "relu"))
    most = arguments.whole("most", most, 1, DEEP[-1])
    theta, kappa = np.asarray(theta, np.float64), np.asarray(kappa, np.float64)
    present = np.asarray(present, bool)
    if theta.ndim != 2 or kappa.shape != theta.shape or present.shape != theta.shape:
        raise arguments.ArgumentError(
            f"theta, kappa, present have shapes {theta.shape}, {kappa.shape}, {present.shape}: allowed is (trials, n), "
            "the same for all"
        )
    trials, n = theta.shape
    eps = np.broadcast_to(np.asarray(eps, np.float64), trials)
    window = np.broadcast_to(np.asarray(window, np.float64), trials)
    blur = np.broadcast_to(np.asarray(rounding.kink_angle() if blur is None else blur, np.float64), trials)
    finite = np.all(np.where(present, np.isfinite(theta) & np.isfinite(kappa), True), axis=1)
    known = finite & (eps > 0.0) & (eps <= LARGEST) & (window > 16.0 * blur) & (blur >= 0.0) & (blur < 1e-3)
    known &= np.isinf(window) if readout == "relu" else True
    target = readout == "linear"
    tau = np.where(present & known[:, None], theta, 0.0)
    tau = tau - math.pi * (np.round(tau / math.pi) if target else np.floor(tau / math.pi))
    ends = _arc(np.where(known, eps, 0.5), np.where(known, window, 1.0), readout)
    inside = present & known[:, None] & (tau > ends[:, :1]) & (tau < ends[:, 1:])
    if target:
        inside |= present & known[:, None] & np.isinf(window)[:, None]  # a line at the end of a half circle is of it
    arcs = _arcs(tau, np.where(inside, kappa, 0.0), inside, np.stack([eps, blur]), ends, target)
    arcs = arcs.kept(known[arcs.row])
    round_, depth, first = (np.zeros((trials, n + 1), np.int64) for _ in range(3))
    missed, rounds = np.zeros(trials, bool), np.zeros(trials, np.int64)

    def record(out: _Round) -> np.ndarray:
        """Writes down what a round eliminates; what it keeps. A round in which a trial loses nothing is none of its."""
        gone = (out.depth > 0) & (arcs.who != _WALL)
        row, who = arcs.row[gone], np.where(arcs.who == _TARGET, n, arcs.who)
        rounds[np.unique(row)] += 1
        round_[row, who[gone]], depth[row, who[gone]] = rounds[row], out.depth[gone]
        first[row, who[gone]] = who[out.first[gone]]
        missed[arcs.row[gone & (arcs.who == _TARGET)]] = True
        return ~gone & ~missed[arcs.row]

    with jax.enable_x64(True):
        while len(arcs.tau):
            out = _Round(arcs)
            lines = np.flatnonzero(_alone(arcs))
            out.add(lines, 1, lines)
            keep = record(out)
            arcs = arcs.kept(keep)
            if np.all(keep):
                break
        levels = np.array([k for k in (*DENSE, *DEEP) if k <= most] or [1])
        stage, limit = np.zeros(trials, np.int64), np.full(trials, most)
        while len(arcs.tau) and most > 1:
            level = np.where(stage < len(levels), levels[np.minimum(stage, len(levels) - 1)], 0)
            level = np.where(level <= limit, level, 0)
            arcs = arcs.kept(level[arcs.row] > 0)
            ends_of, out = arcs.ends() if len(arcs.tau) else np.zeros(0, np.int64), _Round(arcs)
            before = np.concatenate([[np.inf], np.diff(arcs.tau)]) if len(arcs.tau) else np.zeros(0)
            asked = (arcs.who != _WALL) & (before > 8.0 * arcs.blur) & (arcs.tested < level[arcs.row])
            for k in np.unique(level[arcs.row[asked]]):
                _look(arcs, ends_of, np.flatnonzero(asked & (level[arcs.row] == k)), int(k), out, limit)
            keep = record(out)
            changed = np.zeros(trials, bool)
            changed[arcs.row[~keep]] = True
            stage = np.where(changed, stage, stage + 1)
            # A window is looked at again if a line of it, or one of its ends, has gone.
            tested = np.where(arcs.who != _WALL, np.maximum(arcs.tested, level[arcs.row]), 0)
            gone = np.concatenate([[0], np.cumsum(~keep)])
            places = np.arange(len(arcs.tau))
            reach = np.minimum(places + level[arcs.row] + 1, len(places))
            tested = np.where(gone[reach] > gone[np.maximum(places - 1, 0)], 0, tested)
            arcs = arcs._replace(tested=tested).kept(keep)
    candidates = present & (round_[:, :n] == 0) & ~missed[:, None]
    # Where all neurons are listed and none is left, only the empty network is. It is off by 1, which is above ε.
    empty = known & np.isinf(window) & ~np.any(candidates, axis=1)
    return Eliminated(candidates, missed | empty, round_, depth, first)


__all__ = ["DEEP", "DENSE", "LARGEST", "Eliminated", "eliminate"]
