"""Subset sums: least errors, coverage, the surface of hit probabilities.

Least errors are of the coefficients of the first published experiment (Pensia et al. 2020): U[-0.4642, 0.5407], target
0.1, float32. The largest sizes, and the slow peers, do a part of the 10,000 instances.
"""

import functools
from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import numpy as np

import ltjax
from benchmarks import peers
from benchmarks.frame import Peer, Workload, all_of
from ltjax.outcomes import HIT
from ltjax.trials.counts import count
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import plan

LOW, HIGH, TARGET = -0.4642, 0.5407, 0.1
SIZES = {16: 10_000, 21: 10_000, 24: 10_000, 32: 400, 40: 6}
"""By n: how many of 10,000 instances are solved."""
CLOSE = 1e-5
"""Errors of a float32 sum; a peer in float32 may be off by so much."""


def _same(ours: Any, theirs: Any) -> bool:
    return bool(np.all(np.abs(np.asarray(ours)[: len(theirs)] - theirs) <= CLOSE))


def _feasible(eps: float, ours: Any, theirs: Any) -> bool:
    errors = np.asarray(ours)[: len(theirs)]
    # HiGHS takes a row that is violated by 1e-6.
    right = (theirs == 1) == (errors <= eps)
    return bool(np.all((theirs == 0) | right | (np.abs(errors - eps) <= CLOSE)))


def least_errors(n: int, instances: int) -> Workload:
    """Instances of n coefficients; one of them asks no device but the first."""
    values = np.random.default_rng(0).uniform(LOW, HIGH, (instances, n)).astype(np.float32)
    devices = tuple(jax.local_devices()) if instances > 1 else None
    # Of ε as large as the least error is on average, half of the instances have a subset within it.
    eps = max(2.0 ** (2 - n), 1e-9)
    part = {"numpy": max(1, min(instances, (1 << 22) >> n // 2 + 3)), "cp-sat": 2, "highs": 1}
    few = {name: values[:k] for name, k in part.items()}
    others = {
        "Numba, two pointers": Peer(lambda: peers.two_pointer(values, np.float32(TARGET)), all_of(instances), _same),
        "NumPy": Peer(lambda: peers.meet_in_the_middle(few["numpy"], TARGET), len, _same),
    }
    judged = {"done": np.count_nonzero, "agrees": partial(_feasible, eps)}
    if n <= 24:
        call = partial(peers.constraint_sums, few["cp-sat"], TARGET, eps)
        others["CP-SAT, within ε"] = Peer(call, tried=len(few["cp-sat"]), **judged)
    if n <= 21 and instances > 1:
        call = partial(peers.programmed_sums, few["highs"], TARGET, eps)
        others["HiGHS, within ε"] = Peer(call, tried=len(few["highs"]), **judged)
    return Workload(
        f"least-error subset sum, n = {n}, {instances:,} of them",
        "instance",
        lambda: np.asarray(ltjax.nearest_subset_sums(values, TARGET, devices=devices)),
        all_of(instances),
        others,
    )


def coverage(n: int = 16, eps: float = 2.0**-10, trials: int = 200) -> Workload:
    """Is every number of [-1, 1] within ε of a subset sum?"""
    problem = ltjax.SubsetSum(target="cover")

    def decided() -> Any:
        (share,) = plan(problem, (n,), (eps,))
        return list(decisions(share, trials, jax.random.key(0)))

    @functools.cache
    def drawn() -> np.ndarray:
        return np.concatenate([each.instance["values"] for each in decided()]).astype(np.float64)

    def same(ours: Any, theirs: Any) -> bool:
        hit = np.concatenate([each.status[:, 0, 0] for each in ours]) == HIT
        return bool(np.all(hit == theirs))

    beside = {"NumPy": Peer(lambda: peers.covered(drawn(), eps), len, same)}
    return Workload(f"coverage, n = {n}, ε = 2^-10", "trial", decided, all_of(trials), beside)


def surface(name: str, problem: Any, ns: tuple[int, ...], trials: int) -> Workload:
    """20 n × 10 ε, beside the same cells one by one (each n once, with precisions by turns)."""
    eps, key = tuple(float(e) for e in np.geomspace(1e-1, 1e-3, 10)), jax.random.key(0)
    cells = peers.pairs(ns, eps)

    def coupled() -> Any:
        return count(problem, ns, eps, trials, key)

    def one_by_one() -> list[tuple[int, int, int]]:
        return [count(problem, (n,), (e,), trials, key).at(n, e) for n, e in cells]

    def same(ours: Any, theirs: Any) -> bool:
        return [ours.at(n, e) for n, e in cells] == theirs

    beside = {"ltjax, cell by cell": Peer(one_by_one, len, same)}
    return Workload(f"surface of 20 n × 10 ε, {name}", "cell", coupled, all_of(len(ns) * len(eps)), beside)


def workloads() -> Iterator[Workload]:
    for n, instances in SIZES.items():
        yield least_errors(n, 1)
        yield least_errors(n, instances)
    yield coverage()
    yield surface("subset sums", ltjax.SubsetSum(), tuple(range(5, 25)), 4096)
    yield surface("coverage", ltjax.SubsetSum(target="cover"), tuple(range(1, 21)), 4)
    yield surface("neuron pruning on the line", ltjax.NeuronPruning(d=1), tuple(range(5, 25)), 4096)
