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
from ltjax.certify import integer_program
from ltjax.machine.devices import cores
from ltjax.outcomes import HIT, MISS
from ltjax.solvers.choose import Choice, choose
from ltjax.solvers.normals import NearestNormal
from ltjax.solvers.plane import KinkLemma
from ltjax.trials.counts import count
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import Share

CELLS = {(0.2, 25): (256, 4), (0.1, 40): (64, 2), (0.05, 80): (16, 2)}
"""By (ε, n): trials of ltjax, and of the peers."""
PATIENCE = 4.0
"""Seconds that an integer programme has."""
EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
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
    rounds = 5 if n == 25 else 1
    return Workload(f"rows, {readout}, ε = {eps:g}, n = {n}", "decided trial", ours, _decided, beside, rounds)


def elimination(eps: float) -> Workload:
    """Networks of 0.5/ε neurons, readout relu, nearly all of them misses."""
    n, trials = round(0.5 / eps), max(2, min(16, round(2e-2 / eps**0.5)))
    problem = ltjax.NeuronPruning(readout="relu")

    def ours() -> Any:
        return count(problem, (n,), (eps,), trials, jax.random.key(0), solver="elimination")

    return Workload(f"elimination, ε = {eps:g}, n = {n:,}", "trial", ours, all_of(trials), {}, 3)


def _misses(found: list[Any]) -> float:
    return float(np.mean(_statuses(found) == MISS))


def _close(trials: int, few: int, ours: list[Any], theirs: float) -> bool:
    """Two frequencies of one event: within five standard deviations."""
    p = (trials * _misses(ours) + few * theirs) / (trials + few)
    return abs(_misses(ours) - theirs) <= 5.0 * math.sqrt(max(p * (1.0 - p), 1e-2) * (1.0 / trials + 1.0 / few))


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
    few, beside = 64, {}
    if n <= 10_000:
        call = lambda: _misses(list(decisions(whole, few, jax.random.key(1))))  # noqa: E731
        beside = {"ltjax, all n": Peer(call, all_of(few), partial(_close, trials, few))}
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
