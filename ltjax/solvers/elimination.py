"""Rows in the plane, and in planes of more dimensions: neurons that no mask keeps, then what is left exactly."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Bool, Float

from ltjax.certify import integer_program, rounding
from ltjax.certify.eliminated import verify_eliminated
from ltjax.certify.errors import network as networks
from ltjax.machine import devices as parallel
from ltjax.outcomes import MISS, UNDECIDED
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import NeuronPruning
from ltjax.search.masks import arcs
from ltjax.search.obstructions import elimination
from ltjax.solvers.base import COARSE, AbstractHostSolver, Found, octave

PLANES = 8
"""For d >= 3: how many planes through the target's direction are looked at."""
EACH = 4
"""Reduced networks a device and call."""
MISS_NODES = 400
"""Branches of a programme where only misses are wanted: most that are found take fewer, and the others most of the
time."""


def kinks(u: np.ndarray, v: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `ltjax.search.plane.frame`, on the host: where neurons switch on, and their jumps, (trials, n).

    Args:
        u: rows, (trials, n, 2); v: output weights, (trials, n); w: the target's direction, (trials, 2).
    """
    rows, w = networks.units(u), w[:, None]
    across, along = rows[..., 0] * w[..., 1] - rows[..., 1] * w[..., 0], np.sum(rows * w, axis=-1)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.arctan2(-across, along), v * networks.lengths(u)


def tubes(instances: Any, size: int, eps: float) -> tuple[Bool[np.ndarray, "trials n"], np.ndarray]:
    """Which neurons of networks of the first `size` are there, and the ε that a certificate has to reach."""
    present = np.asarray(instances.number) <= size
    # A miss must hold for the law's own draw too, which the lattice may have moved by this much.
    wide = eps + np.sum(np.where(present, np.asarray(instances.moved, np.float64), 0.0), axis=1)
    return present, np.where(size <= np.asarray(instances.upto), wide, np.inf)


class Plane(NamedTuple):
    """What was eliminated in one plane, of all trials.

    Attributes:
        rows: the neurons' rows there, (trials, n, 2).
        ahead: the target's direction there, (trials, 2).
        present: which neurons had not been eliminated before, (trials, n).
        window: see `elimination.eliminate`, (trials,).
        blur: how far the rows' angles may be off, radians, (trials,).
        found: the eliminations, with their reasons.
    """

    rows: Float[np.ndarray, "trials n 2"]
    ahead: Float[np.ndarray, "trials 2"]
    present: Bool[np.ndarray, "trials n"]
    window: Float[np.ndarray, " trials"]
    blur: Float[np.ndarray, " trials"]
    found: elimination.Eliminated


class Reduced(NamedTuple):
    """What is left of a batch of networks: `elimination.Eliminated`'s candidates and misses, and plane by plane why."""

    candidates: Bool[np.ndarray, "trials n"]
    missed: Bool[np.ndarray, " trials"]
    planes: tuple[Plane, ...]


def _planes(u: np.ndarray, w: np.ndarray, chance: np.ndarray, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Planes through the target's direction: the neurons' rows there, and the target's direction."""
    d = u.shape[-1]
    if d == 2:
        yield u, w
        return
    for number in range(count):
        # The seed moves the search, not what is searched.
        q = np.stack([np.random.default_rng([number, *bits]).standard_normal(d) for bits in chance])
        for _ in range(3):
            q = networks.units(q - np.sum(q * w, axis=1)[:, None] * w)
        yield np.stack([np.einsum("tnd,td->tn", u, x) for x in (q, w)], axis=2), np.tile([0.0, 1.0], (len(u), 1))


def reduce(instances: Any, size: int, eps: float, *, readout: str, planes: int = PLANES) -> Reduced:
    """Eliminate neurons of drawn networks that no mask within ε keeps, of the draw or of the law's own.

    Args:
        instances: `StartNetwork`s, leading axis trials, d >= 2.
        size: how many neurons of each.
        eps: the error asked for.
        readout: "linear" or "relu".
        planes: for d >= 3, how many planes are looked at; what one of them eliminates has gone in the next.
    """
    u, v, w = (np.asarray(x, np.float64) for x in (instances.u, instances.v, instances.w))
    candidates, wide = tubes(instances, size, eps)
    missed, steps = np.zeros(len(u), bool), list[Plane]()
    for rows, ahead in _planes(u, w, np.asarray(instances.chance), planes):
        theta, kappa = kinks(rows, v, ahead)
        window, blur = np.full(len(u), np.inf), np.full(len(u), rounding.kink_angle())
        if rows is u:
            window = np.broadcast_to(np.asarray(instances.window, np.float64), len(u))
        else:
            with np.errstate(invalid="ignore"):
                turned = rounding.zone_angle(u.shape[-1], networks.lengths(u), networks.lengths(rows))
            # A row without a part in the plane has no kink there, and one that is NaN leaves all undecided.
            blur = blur + np.max(np.where(candidates & (kappa != 0.0), turned, 0.0), axis=1, initial=0.0)
        how: dict[str, Any] = {"readout": readout, "window": window, "blur": blur}
        found = elimination.eliminate(theta, kappa, candidates, np.where(missed, np.inf, wide), **how)
        steps.append(Plane(rows, ahead, candidates, window, blur, found))
        missed = missed | found.missed
        candidates = found.candidates & ~missed[:, None]
        if np.all(missed):
            break
    return Reduced(candidates, missed, tuple(steps))


def confirmed(planes: Sequence[Plane], v: np.ndarray, wide: float, trial: int, readout: str) -> bool:
    """Whether every elimination of a trial holds when it is replayed (`ltjax.certify.eliminated`)."""
    for plane in planes:
        # Neurons that are not there are not listed; the last column is the target's kink.
        listed = np.flatnonzero(plane.present[trial])
        columns = np.append(listed, plane.present.shape[1])
        reasons = np.stack([x[trial, columns] for x in (plane.found.round, plane.found.depth, plane.found.first)])
        reasons[2] = np.searchsorted(columns, reasons[2])
        rows, weights = plane.rows[trial, listed], v[trial, listed]
        where = {"window": float(plane.window[trial]), "blur": float(plane.blur[trial])}
        if not verify_eliminated(rows, weights, plane.ahead[trial], wide, reasons, readout=readout, **where):
            return False
    return True


@functools.partial(jax.jit, static_argnames=("readout", "lines", "devices"))
def _scanned(
    theta: Float[Array, "trials n"],
    kappa: Float[Array, "trials n"],
    wide: Float[Array, " trials"],
    *,
    readout: str,
    lines: int,
    devices: tuple[parallel.Device, ...],
) -> arcs.Scan:
    def scan(rows: Any) -> Any:
        one = arcs.scan_masks(*(x[0] for x in rows), readout=readout, lines=lines, capacity=arcs.CAPACITY)
        return jax.tree.map(lambda x: x[None], one)

    return parallel.map_blocks(scan, 1, devices)((theta, kappa, wide))


class _Rest(NamedTuple):
    """What a method says of one reduced network: its status, the candidates of the best mask, that mask's error."""

    status: int
    mask: Bool[np.ndarray, " candidates"] | None
    error: float


def _by_arcs(theta: np.ndarray, kappa: np.ndarray, wide: np.ndarray, left: np.ndarray, readout: str) -> list[_Rest]:
    """Networks of at most `arcs.MOST` candidates, (trials, n), decided on all devices."""
    found: list[_Rest] = [_Rest(UNDECIDED, None, np.inf)] * len(wide)
    devices = parallel.local()
    batch = EACH * len(devices)
    count = left.sum(axis=1)
    # Of few sizes: each is compiled once.
    size = np.where(count <= 2 * arcs.LINES, 2 * arcs.LINES, arcs.MOST)
    for places in np.unique(size):
        members = np.flatnonzero(size == places)
        for begin in range(0, len(members), batch):
            some = members[begin : begin + batch]
            # Where there is no neuron the jump is 0.
            where, jump, tube = np.full((batch, places), 0.5), np.zeros((batch, places)), np.full(batch, 0.5)
            for row, t in enumerate(some):
                where[row, : count[t]], jump[row, : count[t]] = theta[t, left[t]], kappa[t, left[t]]
            tube[: len(some)] = wide[some]
            with jax.enable_x64(True):
                rows = parallel.put((where, jump, tube), devices)
                scan = _scanned(*rows, readout=readout, lines=int(places) // 4, devices=devices)
                status, mask, error = (np.asarray(x) for x in (scan.status, scan.mask, scan.error))
            for row, t in enumerate(some):
                found[t] = _Rest(int(status[row]), mask[row, : count[t]], float(error[row]))
    return found


@dataclasses.dataclass(frozen=True)
class Elimination(AbstractHostSolver):
    """Misses: every neuron is eliminated, or the target's kink cannot be made. Few that are left are decided exactly.

    In the plane, where all neurons are listed, up to 48 that are left go to the arcs (`ltjax.search.masks.arcs`), and
    what these leave open, or up to `few`, to integer programming. The eliminations that a miss rests on are replayed by
    other formulas; where one is not confirmed, it is no miss.

    Args:
        readout: "linear" or "relu".
        few: networks of so many candidates at most go to integer programming; 0: none.
        nodes: most branches of each of its programmes: no clock decides what is decided.
    """

    readout: str = "relu"
    few: int = 80
    nodes: int = 2000
    name = "elimination"
    question = NeuronPruning

    @property
    def methods(self) -> tuple[str, ...]:
        return ("elimination", "arcs", "HiGHS")

    def serves(self, problem: AbstractProblem) -> bool:
        return super().serves(problem) and getattr(problem, "d", 0) >= 2

    def for_misses(self) -> "Elimination":
        return dataclasses.replace(self, nodes=min(self.nodes, MISS_NODES))

    def places(self, n: int) -> int:
        return octave(n) if n <= COARSE else n

    def block(self, n: int) -> int:
        return max(1, min(64, (1 << 21) // n))

    def ask(self, instances: Any, asked: np.ndarray, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        shape, places = asked.shape, np.shape(instances.v)[1]
        mask, error, least = np.zeros((*shape, places), bool), np.full(shape, np.inf), np.zeros(shape)
        by = np.zeros(shape, np.int32)
        for i, j in np.argwhere(np.any(asked, axis=0)):
            trials = np.flatnonzero(asked[:, i, j])
            here = jax.tree.map(lambda x, trials=trials: np.asarray(x)[trials], instances)
            left = reduce(here, ns[i], float(eps[j]), readout=self.readout)
            wide = tubes(here, ns[i], float(eps[j]))[1]
            weights = np.asarray(here.v, np.float64)
            missed = np.array(left.missed)
            for method, t, rest in self._rest(here, left, wide):
                if rest.mask is not None and rest.error < error[trials[t], i, j]:
                    mask[trials[t], i, j, left.candidates[t]], error[trials[t], i, j] = rest.mask, rest.error
                    by[trials[t], i, j] = method
                if rest.status == MISS:
                    missed[t], by[trials[t], i, j] = True, method
            for t in np.flatnonzero(missed):
                if confirmed(left.planes, weights, float(wide[t]), int(t), self.readout):
                    least[trials[t], i, j] = np.nextafter(eps[j], np.inf)
        return Found(mask, error, least, by, by)

    def _rest(self, instances: Any, left: Reduced, wide: np.ndarray) -> Iterator[tuple[int, int, _Rest]]:
        """What the exact methods say of networks with few candidates: (method, trial, its word)."""
        # Where only neurons near the target's kink are listed, finding no mask of them is no miss.
        whole = np.isinf(np.asarray(instances.window)) & (np.shape(instances.u)[2] == 2)
        count = left.candidates.sum(axis=1)
        open_ = ~left.missed & np.isfinite(wide) & whole
        some = np.flatnonzero(open_ & (count <= arcs.MOST))
        u, v, w = (np.asarray(x, np.float64) for x in (instances.u, instances.v, instances.w))
        if len(some):
            theta, kappa = kinks(u[some], v[some], w[some])
            found = _by_arcs(theta, kappa, wide[some], left.candidates[some], self.readout)
            for t, rest in zip(map(int, some), found, strict=True):
                open_[t] = rest.status == UNDECIDED
                yield 1, t, rest
        for t in map(int, np.flatnonzero(open_ & (count <= self.few))):
            kept = left.candidates[t]
            found = integer_program.decide(
                u[t, kept], v[t, kept], w[t], float(wide[t]), readout=self.readout, nodes=self.nodes
            )
            yield 2, t, _Rest(found.status, found.mask, found.error)


__all__ = ["PLANES", "Elimination", "Plane", "Reduced", "confirmed", "kinks", "reduce", "tubes"]
