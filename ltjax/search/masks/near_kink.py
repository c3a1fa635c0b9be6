"""Hits for small ε: subsets of the neurons that bend near the target's kink.

Only neurons oriented with the target (⟨u, w⟩ > 0) are used: such a sum vanishes on the target's idle
side by itself. Write ρ for the linear function that the error is beyond all kinks, ρ(t) = (error at 0⁺
side) = ρ_c·cos t + ρ_s·sin t with ρ_s = Σ κ_i cos θ_i - 1 and ρ_c = -Σ κ_i sin θ_i. Walk from the left
end of the window to the target's kink with the error that starts at 0, and from the right end with the
error on the opposite side of the circle, which starts at 0 there (the two differ by ρ). Both walks have a
known start, so a partial choice is a point, (error, slope), and it is dropped when it leaves the tube.
The two lists are joined by slope: sorted, each left choice looks at its nearest right neighbours, whose
slope differs by ρ_s, to be ~ε; the rest is a comparison of ranges, shifted by ρ_c.

Angles and errors are in units of ε, so that the arithmetic is the same at ε = 10⁻² and 10⁻⁶. The search
only ever finds hits: its mask is evaluated exactly by the caller, and not finding means undecided.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ltjax.certify.errors import plane as plane_error
from ltjax.search import plane as planar
from ltjax.search.masks.selection import select_evenly
from ltjax.search.masks.walk import retraced

_BIG = 1e9


class NearMasks(NamedTuple):
    """Candidates of `search_near`, the best first.

    Attributes:
        lines: the few neurons that a candidate may hold, shape (lines,).
        chosen: which of them it holds, shape (candidates, lines); none where there is no candidate.
        scores: their estimated errors in units of ε, shape (candidates,); at most 1 promises a hit,
            infinite means no candidate.
    """

    lines: Int[Array, " lines"]
    chosen: Bool[Array, "candidates lines"]
    scores: Float[Array, " candidates"]

    def mask(self, candidate: int | Array, n: int) -> Bool[Array, " n"]:
        """One candidate as a mask of n neurons."""
        return jnp.zeros(n, bool).at[self.lines].max(self.chosen[candidate])


class _Side(NamedTuple):
    alive: Array
    value: Array  # error at the target's kink / ε
    slope: Array  # its slope away from the start
    low: Array  # range of the error on the way / ε
    high: Array


def _walk_near(distance: Array, kappa: Array, eps: Array, capacity: int) -> tuple[_Side, Array]:
    """Choices that stay in the tube from the window's end down to the target's kink, and their way for `retraced`.

    Args:
        distance: of the kinks from the target's in units of ε, descending, shape (k,).
        kappa: slope jumps; 0 is padding.
        eps: to turn distances into angles.
        capacity: choices kept; beyond it an evenly spaced selection of them.
    """
    k = kappa.shape[0]
    dtype = kappa.dtype
    following = jnp.concatenate([distance[1:], jnp.zeros(1, dtype)])
    gaps = jnp.maximum(distance - following, 0.0)

    def step(side, j):
        gap = gaps[j]
        # e'' + e = 0 in units of ε: sin(ε·gap)/ε is the gap itself at small ε.
        cosine, sine = jnp.cos(eps * gap), jnp.sin(eps * gap) / eps
        slope = jnp.stack([side.slope, side.slope + kappa[j]], axis=1)
        value = side.value[:, None] * cosine + slope * sine
        slope = slope * cosine - eps**2 * side.value[:, None] * sine
        low = jnp.minimum(side.low[:, None], value)
        high = jnp.maximum(side.high[:, None], value)
        alive = side.alive[:, None] & (high <= 1.0) & (low >= -1.0)
        alive &= jnp.stack([jnp.ones((), bool), kappa[j] != 0.0])
        # An even selection in the order of the tree of choices. Keeping instead the narrowest paths, or the
        # flattest, finds fewer hits: variety counts for more than quality here.
        index, kept_alive, _ = select_evenly(alive.reshape(-1), capacity)
        return _Side(kept_alive, *(each.reshape(-1)[index] for each in (value, slope, low, high))), index

    zero = jnp.zeros(capacity, dtype)
    start = _Side(jnp.arange(capacity) == 0, zero, zero, zero, zero)
    return jax.lax.scan(step, start, jnp.arange(k))


@functools.partial(jax.jit, static_argnames=("capacity", "lines", "neighbours", "candidates"))
def search_near(
    offset: Float[Array, " n"],
    kappa: Float[Array, " n"],
    usable: Bool[Array, " n"],
    eps: Float[Array, ""],
    *,
    capacity: int = 4096,
    lines: int = 32,
    neighbours: int = 16,
    candidates: int = 8,
) -> NearMasks:
    """Subsets of near, oriented neurons that promise an error of at most ε against sin⁺.

    Args:
        offset: signed angle of each kink from the target's, radians, shape (n,).
        kappa: slope jumps, shape (n,).
        usable: which neurons are there and oriented with the target, shape (n,).
        eps: the error asked for, above 0.
        capacity: choices kept on each side.
        lines: kinks used on each side: those with the least |θ|·√|κ|.
        neighbours: how many right choices each left choice is compared with.
        candidates: how many masks are returned.

    Returns:
        `NearMasks`, each from another left choice, to be re-checked by `planar.exact_error` or `check_near`. All
        arithmetic is in the dtype of offset: float32 is enough down to ε of about 10⁻⁵.
    """
    n, dtype = offset.shape[0], offset.dtype
    eps = jnp.asarray(eps, dtype)
    lines = min(lines, n)
    weight = jnp.abs(offset) / eps * jnp.sqrt(jnp.abs(kappa))

    def side(sign):
        fits = usable & (jnp.where(offset >= 0.0, 1.0, -1.0) == sign)
        nearest = jax.lax.top_k(jnp.where(fits, -weight, -_BIG), lines)[1]
        distance = jnp.where(fits[nearest], jnp.abs(offset[nearest]) / eps, 0.0)
        order = jnp.argsort(-distance)
        nearest, distance = nearest[order], distance[order]
        jump = jnp.where(fits[nearest], kappa[nearest], 0.0)
        return nearest, _walk_near(distance, jump, eps, capacity)

    left_lines, (left, left_way) = side(-1.0)
    right_lines, (right, right_way) = side(1.0)

    # Walking inwards from the right the slope is that towards the kink; its outward slope is the negative.
    # At the kink: slope_left - 1 = -slope_right + ρ_s, so the two slopes add up to 1 + ρ_s.
    key = jnp.where(right.alive, right.slope, _BIG)
    order = jnp.argsort(key)
    key = key[order]
    place = jnp.searchsorted(key, 1.0 - left.slope)
    near = jnp.clip(place[:, None] + jnp.arange(neighbours) - neighbours // 2, 0, capacity - 1)
    partner = order[near]  # (capacity, neighbours)
    rho_s = (left.slope[:, None] + right.slope[partner] - 1.0) / eps
    rho_c = left.value[:, None] - right.value[partner]
    score = jnp.hypot(rho_s, rho_c)
    for low, high, shift in (
        (left.low[:, None], left.high[:, None], 0.0),
        (left.low[:, None], left.high[:, None], -rho_c),
        (right.low[partner], right.high[partner], 0.0),
        (right.low[partner], right.high[partner], rho_c),
    ):
        score = jnp.maximum(score, jnp.maximum(high + shift, -(low + shift)))
    # NaN would come out of a search for the best ones as the best.
    score = jnp.where(left.alive[:, None] & right.alive[partner] & (score < jnp.inf), score, jnp.inf)
    # One candidate a row: the best of few, then the few best of many, is quicker than the few best of all.
    column = jnp.argmin(score, axis=1)
    best, row = jax.lax.top_k(-jnp.min(score, axis=1), candidates)
    chosen = [retraced(left_way, row), retraced(right_way, partner[row, column[row]])]
    chosen = jnp.concatenate(chosen, axis=1) & jnp.isfinite(best)[:, None]
    return NearMasks(jnp.concatenate([left_lines, right_lines]), chosen, -best)


def best_near(
    theta: Float[Array, " n"],
    kappa: Float[Array, " n"],
    present: Bool[Array, " n"],
    eps: Float[Array, ""] | np.floating,
    *,
    readout: str = "linear",
    **how: int,
) -> tuple[Bool[Array, " n"], Float[Array, ""]]:
    """The best mask that `search_near` finds among the neurons present, and its error around the whole circle.

    Args:
        theta, kappa: as `planar.frame` gives them, shape (n,).
        present: which neurons there are, shape (n,).
        eps, how: as for `search_near`.
        readout: "linear" or "relu".
    """
    offset = theta - jnp.pi * jnp.round(theta / jnp.pi)
    found = search_near(offset, kappa, present & (jnp.abs(theta) < 0.5 * jnp.pi), eps, **how)
    errors = planar.masked_errors(theta[found.lines], kappa[found.lines], found.chosen, readout=readout)
    errors = jnp.where(jnp.isnan(errors), jnp.inf, errors)
    at = jnp.argmin(errors)
    return found.mask(at, theta.shape[0]), errors[at]


def check_near(offset: Any, oriented: Any, kappa: Any, mask: Any, *, readout: str = "linear") -> tuple[float, float]:
    """`planar.exact_error` for neurons given by their kinks: (error, margin) in float64.

    Args:
        offset, oriented, kappa: as in `breakpoints.NearKinks`, shape (n,); mask: shape (n,).
    """
    keep = np.asarray(mask, bool)
    offset = np.asarray(offset, np.float64)[keep]
    side = np.where(np.asarray(oriented)[keep] > 0, 1.0, -1.0)
    rows = side[:, None] * np.stack([-np.sin(offset), np.cos(offset)], axis=1)
    return plane_error.exact_error(rows, np.asarray(kappa, np.float64)[keep], np.array([0.0, 1.0]), readout=readout)


__all__ = ["NearMasks", "best_near", "check_near", "search_near"]
