"""Tickets of trained size, and searches by gradients."""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import ltjax
from benchmarks import peers
from benchmarks.frame import Peer, Workload, all_of
from ltjax.solvers.choose import choose
from ltjax.tickets import Perceptron, build

LOW, HIGH = -0.4642, 0.5407


def ticket(hidden: int = 500, eps: float = 0.01, n: int = 21, few: int = 200) -> Workload:
    """A 784-500-10 network, each of its 397,000 weights a subset of n coefficients.

    The published solver's way is one integer programme a weight (Pensia et al. 2020, Experiment 1), here by HiGHS.
    """
    rng = np.random.default_rng(0)
    weights = tuple(rng.uniform(LOW, HIGH, shape) for shape in ((hidden, 784), (10, hidden)))
    target = Perceptron(weights, (None, None))
    values = rng.uniform(LOW, HIGH, (few, n))
    wanted = weights[0].ravel()[:few]

    def ours() -> Any:
        devices = tuple(jax.local_devices())
        return build(target, eps, redundancy=n, kind="parallel", low=0.0, high=1.0, devices=devices)

    def right(ticket: Any, theirs: Any) -> bool:
        """Nearly all weights are reached both ways; the ticket's own certificate says which it does not reach."""
        return ticket.certificate.reached >= 0.99 and np.mean(theirs == 1) >= 0.9

    call = lambda: peers.programmed_sums(values, wanted, eps)  # noqa: E731
    beside = {f"HiGHS, {few} weights": Peer(call, np.count_nonzero, right)}
    return Workload(f"a ticket of {target.size:,} weights", "weight", ours, all_of(target.size), beside, rounds=1)


def gradients(n: int = 32, networks: int = 16, eps: float = 0.01) -> Workload:
    """Edge-popup on networks side by side, beside the same compiled descent network by network."""
    problem = ltjax.WeightPruning()
    choice = choose(problem, n, eps, "edge-popup")
    solver: Any = choice.solver

    @functools.cache
    def drawn() -> Any:
        return jax.vmap(lambda key: choice.draw(problem, key, n))(jax.random.split(jax.random.key(0), networks))

    side_by_side = jax.jit(jax.vmap(lambda one: solver.at_size(one, n)[1]))
    alone = jax.jit(lambda one: solver.at_size(one, n)[1])

    def in_turn() -> Any:
        return jnp.stack([alone(jax.tree.map(lambda x, i=i: x[i], drawn())) for i in range(networks)])

    def alike(ours: Any, theirs: Any) -> bool:
        """A descent of hundreds of steps parts ways by rounding; what it reaches stays alike."""
        return bool(0.5 <= np.median(ours) / np.median(theirs) <= 2.0)

    beside = {"JAX, no vmap over networks": Peer(in_turn, len, alike)}
    name = f"edge-popup, n = {n}, 4 starts of 500 steps"
    return Workload(name, "network", lambda: side_by_side(drawn()), all_of(networks), beside)


def workloads() -> Iterator[Workload]:
    yield ticket()
    yield gradients()
