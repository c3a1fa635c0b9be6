"""A solver from outside: each number is taken if it brings the sum nearer to the target. It knows hits, no misses."""

import dataclasses

import jax
import jax.numpy as jnp

from ltjax import SubsetSum
from ltjax.solvers.base import AbstractSolver, Found


@dataclasses.dataclass(frozen=True)
class Greedy(AbstractSolver):
    """One subset a trial, in one pass."""

    name = "greedy"
    misses = False

    def serves(self, problem):
        if not isinstance(problem, SubsetSum):
            return False
        return problem.d == 1 and not problem.restricted and problem.target != "cover"

    def block(self, n):
        return 256

    def search(self, instances, ns, eps):
        def one(values, target):
            def step(rest, x):
                take = jnp.abs(rest - x) < jnp.abs(rest)
                rest = jnp.where(take, rest - x, rest)
                return rest, (take, jnp.abs(rest))

            _, (taken, error) = jax.lax.scan(step, target, values)
            sizes = jnp.asarray(ns)
            first = jnp.arange(len(values)) < sizes[:, None]
            return (taken & first)[:, None], error[sizes - 1][:, None]  # the same mask for every ε

        mask, error = jax.vmap(one)(instances.values, instances.target)
        nobody = jnp.zeros(error.shape, int)
        return Found(mask, error, jnp.zeros_like(error), nobody, nobody)
