"""A walk along an arc of the circle, on which every line is either kept or not.

Between two kinks the error e = network - target obeys e'' + e = 0, and at a kept line its slope jumps. The error is
known up to its start a·cos s + b·sin s, and a partial choice is dropped once no (a, b) holds it in the tube. That is
interval stabbing: the functions a·cos s + b·sin s behave on an arc shorter than π like straight lines do, so it
suffices to know the highest and the lowest one that stabs all tubes so far, and a new interval can only touch those two
(O'Rourke 1981; here each new extreme line is found from all earlier points, which vectorises).

Honesty: every test is widened by a guard for the rounding of its dtype, so no choice is dropped by rounding; the
frontier has a fixed capacity, and where it overflows, not finding is no proof.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ltjax.certify import rounding
from ltjax.search.masks.selection import select_evenly

BIG = 1e9  # stands for infinity where 0·∞ must not arise
LARGEST = 1e-3 * BIG
"""Jumps that add up to more than this, with ε, are left undecided."""


def sound(kappa: Array, eps: Array, *others: Array) -> Bool[Array, ""]:
    """Whether a walk can be trusted: nothing is NaN or infinite, and BIG is far beyond all values that are met.

    A comparison with NaN fails, so a walk among NaN loses every choice. That proves nothing.
    """
    finite = [jnp.all(jnp.isfinite(x)) for x in (kappa, eps, *others)]
    return functools.reduce(jnp.logical_and, finite, jnp.sum(jnp.abs(kappa)) + jnp.abs(eps) <= LARGEST)


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


__all__ = ["LARGEST", "retraced", "sound", "walk"]
