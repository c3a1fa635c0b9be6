"""Thirty true bounds and a false neighbour of each, for tests of `ltjax.testing.Bound`.

    python tests/true_bounds.py --sessions 200

plays so many sessions and says in how many of them a true bound was refuted, and how the neighbours were found.

Nine events have a probability in closed form and are claimed from above, from below and exactly; three problems have a
union bound. A neighbour is true below three parts and false from there on, so that its smallest failing case is known:
n = 3 at the coarsest precision. To draw them takes a few milliseconds, so that sessions can be simulated by hundreds.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import ltjax

COARSE, FINE = 0.3, 0.03
LARGEST = 4


def near(key, n, eps):
    return jnp.min(jnp.abs(jax.random.uniform(key, (n,), minval=-1.0) - 0.5)) <= eps


def largest(key, n, eps):
    return jnp.max(jax.random.uniform(key, (n,))) <= 1.0 - eps


def all_small(key, n, eps):
    return jnp.all(jax.random.uniform(key, (n,)) <= 3.0 * eps)


def bends(key, n, eps):
    """Whether any of n random kinks lies within ε of the target's, in radians."""
    angle = jax.random.uniform(key, (n,), maxval=math.pi)
    return jnp.min(jnp.minimum(angle, math.pi - angle)) <= eps


def waits(key, n, eps):
    return jnp.min(jax.random.exponential(key, (n,))) <= eps


def normal_sum(key, n, eps):
    return jnp.abs(jnp.sum(jax.random.normal(key, (n,)))) <= 3.0 * eps


def balanced(key, n, eps):
    return jnp.abs(jnp.sum(jax.random.rademacher(key, (n,), jnp.float32))) <= 1.5


def first_smallest(key, n, eps):
    return jnp.argmin(jax.random.uniform(key, (n,))) == 0


def product(key, n, eps):
    u, v = jax.random.uniform(key, (2, n))
    return jnp.min(u * v) <= eps


SUBSET = ltjax.SubsetSum
CLOSED: list[tuple[Callable[..., Any], Callable[[int, float], float]]] = [
    (near, lambda n, e: 1.0 - (1.0 - e) ** n),
    (largest, lambda n, e: (1.0 - e) ** n),
    (all_small, lambda n, e: (3.0 * e) ** n),
    (bends, lambda n, e: 1.0 - (1.0 - 2.0 * e / math.pi) ** n),
    (waits, lambda n, e: 1.0 - math.exp(-n * e)),
    (normal_sum, lambda n, e: math.erf(3.0 * e / math.sqrt(2.0 * n))),
    (balanced, lambda n, e: math.comb(n, n // 2) * (2.0 if n % 2 else 1.0) / 2.0**n),
    (first_smallest, lambda n, e: 1.0 / n),
    (product, lambda n, e: 1.0 - (1.0 - e * (1.0 - math.log(e))) ** n),
]
UNION: list[tuple[Any, Callable[[int, float], float]]] = [
    # Each of 2^n - 1 sums has a density of at most ½; the empty one is at 0.
    (SUBSET(), lambda n, e: (2.0**n - 1.0) * e),
    (SUBSET(law="normal"), lambda n, e: (2.0**n - 1.0) * e * math.sqrt(2.0 / math.pi)),
    (SUBSET(target="uniform"), lambda n, e: 2.0**n * e),
]


class Claimed(NamedTuple):
    """One of the bounds: which method of `bound` claims it of which event, and the claimed number."""

    method: str
    event: Any
    truth: Callable[[int, float], float]

    def claim(self, bound: Any, n: int, eps: float, false: bool, trials: int) -> None:
        value = self.truth(n, eps)
        if false and n >= 3:
            # Halfway to one from below; from above half, of a union bound a quarter.
            least = value / 2.0 if callable(self.event) else value / 4.0
            value = (1.0 + value) / 2.0 if self.method == "at_least" else least
        getattr(bound, self.method)(self.event, n=n, eps=eps, claimed=value, trials=trials)


BOUNDS = [Claimed(method, *closed) for closed in CLOSED for method in ("at_most", "at_least", "equals")]
BOUNDS += [Claimed("at_most", *union) for union in UNION]


SMALLEST = 3, COARSE
"""The smallest case at which a neighbour is false."""


def simulate(which: Claimed, bound: Any, false: bool, examples: int, trials: int, seed: int = 0) -> Any:
    """What a session's test of one bound makes of it: None, or (n, ε) as hypothesis shrank it."""
    from hypothesis import Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    from ltjax import testing as lt

    last = None

    @seeded(seed)
    @settings(max_examples=examples, database=None, derandomize=False, deadline=None, report_multiple_bugs=False,
              phases=[Phase.generate, Phase.shrink])  # fmt: skip
    @given(n=st.integers(1, LARGEST), eps=lt.precisions(FINE, COARSE))
    def test(n, eps):
        nonlocal last
        last = n, eps
        which.claim(bound, n, eps, false, trials)

    bound.test = str(which)
    try:
        test()
    except lt.Refuted:
        return last  # hypothesis ends with the smallest case
    return None


def session(seed: int, budget: float, examples: int = 3, trials: int = 1000) -> tuple[int, int]:
    """Refuted true bounds, and comparisons made, in a session of its own seed."""
    from ltjax import testing as lt

    bound = lt.Bound(budget, seed)
    refuted = [simulate(which, bound, False, examples, trials, seed) for which in BOUNDS]
    return len(refuted) - refuted.count(None), bound.made


def main() -> None:
    from ltjax import testing as lt

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--budget", type=float, default=1e-6)
    words = parser.parse_args()
    start = time.perf_counter()
    played = [session(seed, words.budget) for seed in range(words.sessions)]
    alarms, made = sum(refuted > 0 for refuted, _ in played), sum(made for _, made in played)
    seconds = time.perf_counter() - start
    print(f"{len(BOUNDS)} true bounds, {words.sessions} sessions, {made} comparisons: {alarms} with a false alarm, "
          f"{seconds:.0f} s")  # fmt: skip
    found = [simulate(which, lt.Bound(words.budget), True, 40, 4000) for which in BOUNDS]
    seconds = time.perf_counter() - start - seconds
    print(f"{len(BOUNDS)} false neighbours: {len(found) - found.count(None)} found, {found.count(SMALLEST)} shrunk to "
          f"n, ε = {SMALLEST}, {seconds:.0f} s")  # fmt: skip


if __name__ == "__main__":
    main()
