"""Rows in the plane and beyond: decided trials beside integer programming, elimination, the events of single kinks."""

import concurrent.futures
import functools
import math
import multiprocessing
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

import ltjax
from benchmarks import peers
from benchmarks.frame import Peer, Workload, all_of
from ltjax.bounds import nearest_normal
from ltjax.certify import integer_program
from ltjax.machine.devices import cores
from ltjax.outcomes import HIT, MISS
from ltjax.search.obstructions.elimination import eliminate
from ltjax.solvers.choose import Choice, choose
from ltjax.solvers.elimination import kinks as kinks_of
from ltjax.solvers.normals import NearestNormal
from ltjax.solvers.plane import KinkLemma
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import Share

CELLS = {(0.2, 25): (256, 32), (0.1, 40): (64, 16), (0.05, 80): (12, 12)}
"""By (ε, n): trials of ltjax, and of the peers."""
PATIENCE = 4.0
"""Seconds that an integer programme has."""
EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
WINDOWS = (2, 4, 6)
"""Lines of a window of elimination."""
Network = tuple[np.ndarray, np.ndarray, np.ndarray]


def _statuses(found: list[Any]) -> np.ndarray:
    return np.concatenate([each.status[:, 0, 0] for each in found])


def _decided(found: list[Any]) -> float:
    return float(np.count_nonzero(_statuses(found)))


def _no_contradiction(ours: list[Any], theirs: Any) -> bool:
    theirs = np.asarray(theirs)
    return not np.any(_statuses(ours)[: len(theirs)] * theirs == -1)


def programmed(network: Network, eps: float, readout: str) -> int:
    """By HiGHS: 1, -1, or 0 where it does not say within the time."""
    return integer_program.decide(*network, eps, readout=readout, time_limit=PATIENCE).status


@functools.cache
def _processes() -> concurrent.futures.ProcessPoolExecutor:
    return concurrent.futures.ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn"))


def decided(eps: float, n: int, readout: str, trials: int, few: int) -> Workload:
    """A decided trial: seconds over trials that are decided."""
    problem = ltjax.NeuronPruning(readout=readout)
    share = Share(problem, choose(problem, n, eps), (n,), (eps,))

    def ours() -> list[Any]:
        return list(decisions(share, trials, jax.random.key(0)))

    @functools.cache
    def networks() -> list[Network]:
        """The first trials' networks, as they were drawn."""
        chunks = [each.instance for each in decisions(share, few, jax.random.key(0))]
        u, v, w = (np.concatenate([chunk[x] for chunk in chunks]).astype(np.float64) for x in "uvw")
        return list(zip(u[:, :n], v[:, :n], w, strict=True))

    one = partial(programmed, eps=eps, readout=readout)
    cp = partial(peers.constraint_rows, eps=eps, readout=readout, seconds=PATIENCE)
    how = {"done": np.count_nonzero, "agrees": _no_contradiction, "tried": few}
    beside = {
        "HiGHS": Peer(lambda: [one(each) for each in networks()], **how),
        "HiGHS, a process a core": Peer(lambda: list(_processes().map(one, networks())), **how),
        "CP-SAT": Peer(lambda: [cp(*each) for each in networks()], **how),
    }
    rounds = 5 if n < 80 else 1
    return Workload(f"rows, {readout}, ε = {eps:g}, n = {n}", "decided trial", ours, _decided, beside, rounds)


def elimination(eps: float) -> Workload:
    """Networks of 0.5/ε neurons, readout relu, nearly all of them misses: windows of up to six lines, or of up to four
    where ltjax finds too many choices for wider ones."""
    n = round(0.5 / eps)
    windows = WINDOWS if n <= 100_000 else WINDOWS[:-1]
    trials, few = (max(least, min(most, 200_000 // n)) for least, most in ((2, 256), (1, 16)))
    problem = ltjax.NeuronPruning(readout="relu")

    @functools.cache
    def lines() -> tuple[np.ndarray, np.ndarray]:
        """Where the lines meet the arc, and their jumps."""
        draw = jax.jit(jax.vmap(lambda key: problem.draw(key, n)))
        with jax.enable_x64(True):
            drawn = draw(jax.random.split(jax.random.key(0), trials))
        return kinks_of(*(np.asarray(x, np.float64) for x in (drawn.u, drawn.v, drawn.w)))

    def ours() -> np.ndarray:
        theta, kappa = lines()
        return eliminate(theta, kappa, np.ones(theta.shape, bool), eps, most=windows[-1]).candidates

    def in_numpy() -> np.ndarray:
        survive = np.ones((few, n), bool)
        for row, theta, kappa in zip(survive, *lines(), strict=False):
            tau = theta % np.pi
            order = np.argsort(tau)
            order = order[np.abs(np.cos(tau[order])) < np.sqrt(1.0 - eps**2)]
            row[order] = peers.eliminated(tau[order], kappa[order], eps, windows)
        return survive

    def alike(ours: np.ndarray, theirs: np.ndarray) -> bool:
        """But for windows wider than `eliminate` looks at, the same lines survive."""
        return bool(np.mean(ours[: len(theirs)] != theirs) <= 1e-2)

    beside = {"NumPy": Peer(in_numpy, len, alike)}
    return Workload(f"elimination, ε = {eps:g}, n = {n:,}", "trial", ours, all_of(trials), beside)


def _misses(found: list[Any]) -> float:
    return float(np.mean(_statuses(found) == MISS))


def _close(trials: int, few: int, ours: list[Any], theirs: float) -> bool:
    """Two frequencies of one event: within five standard deviations."""
    p = (trials * _misses(ours) + few * theirs) / (trials + few)
    return abs(_misses(ours) - theirs) <= 5.0 * math.sqrt(max(p * (1.0 - p), 1e-2) * (1.0 / trials + 1.0 / few))


def _near(frequency: float, p: float, trials: int) -> bool:
    """A frequency of an event of known probability: within five standard deviations."""
    return abs(frequency - p) <= 5.0 * math.sqrt(max(p * (1.0 - p), 1e-2) / trials)


def kinks(eps: float, trials: int = 4096) -> Workload:
    """No kink line near the target's, of 0.1/ε neurons."""
    n, window = round(0.1 / eps), 2.0 * math.atan(2.0 * eps)
    problem, few = ltjax.NeuronPruning(), max(4, min(trials, round(4e6 / n / 10)))
    share = Share(problem, Choice(KinkLemma(), 2.0 * window), (n,), (eps,))
    call = lambda: float(np.mean(peers.nearest_kinks(n, few) > window))  # noqa: E731
    beside = {"NumPy, all n": Peer(call, all_of(few), partial(_close, trials, few))}
    ours = lambda: list(decisions(share, trials, jax.random.key(0)))  # noqa: E731
    return Workload(f"kink event, ε = {eps:g}, n = {n:,}", "trial", ours, all_of(trials), beside)


def caps(eps: float, trials: int = 1024) -> Workload:
    """What bends near the target, in three dimensions, does not add up to it: 0.05/ε² neurons."""
    n, d = round(0.05 / eps**2), 3
    problem = ltjax.NeuronPruning(d=d)
    near = Share(problem, Choice(NearestNormal(), choose(problem, n, eps).window), (n,), (eps,))
    whole = Share(problem, Choice(NearestNormal()), (n,), (eps,))
    beside = {}
    if n <= 10_000:
        few = 64
        call = lambda: _misses(list(decisions(whole, few, jax.random.key(1))))  # noqa: E731
        beside["ltjax, all n"] = Peer(call, all_of(few), partial(_close, trials, few))
    if n <= 10_000_000:
        # The event's simplest part: nothing at all bends near the target.
        some, edge = max(1, min(64, 10_000_000 // n)), math.cos(nearest_normal.angle(eps, d))
        plain = 1.0 - nearest_normal.event(n, eps, d)
        call = lambda: float(np.mean(peers.nearest_normals(n, d, some) < edge))  # noqa: E731
        right = lambda ours, theirs: _near(theirs, plain, some) and _misses(ours) >= plain - 0.1  # noqa: E731
        beside["NumPy, all n"] = Peer(call, all_of(some), right)
    ours = lambda: list(decisions(near, trials, jax.random.key(0)))  # noqa: E731
    return Workload(f"cap event, ε = {eps:g}, n = {n:,}", "trial", ours, all_of(trials), beside)


def workloads() -> Iterator[Workload]:
    for (eps, n), sizes in CELLS.items():
        for readout in ("linear", "relu"):
            yield decided(eps, n, readout, *sizes)
    yield from map(elimination, EPS)
    yield from map(kinks, EPS)
    yield from map(caps, EPS)


assert (HIT, MISS) == (1, -1), "peers answer in the same numbers"
