"""Masks on single weights that make a target out of random numbers: one subset sum a coordinate and sign.

Keep at most one input weight a neuron. Neuron i, kept for coordinate j, is then v_i·σ(u_ij x_j) =
v_i|u_ij|·σ(s x_j) with s the sign of u_ij, so the network is Σ_j a_j σ(x_j) + b_j σ(-x_j), and each of these
2d numbers is a subset sum of products v_i|u_ij|. Sum number 2j is a_j, number 2j + 1 is b_j. A
neuron has one sign a coordinate, so it may serve d of the sums, but only one at a time.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8

from ltjax.certify import rounding
from ltjax.search.sums import nearest as subset_sums

ALL_WEIGHTS = 12
"""Up to here (n·d) all masks are looked at: 2^12 networks at some hundred points are megabytes."""
MOST_HALF = 24
"""A sum is looked for among at most twice as many neurons."""
DENSITY = 0.4
"""Of a sum of a few products near its target, roughly: it only ranks partial choices."""


def products(u: Float[Array, "n d"], v: Float[Array, " n"]) -> Float[Array, "2*d n"]:
    """What each neuron adds to each of the 2d sums if it serves it; 0 where its sign does not fit."""
    signed = jnp.stack([jnp.maximum(u, 0.0), jnp.maximum(-u, 0.0)], axis=2)
    return (v[:, None, None] * signed).reshape(u.shape[0], -1).T


def wanted_sums(w: Float[Array, " d"]) -> Float[Array, " 2*d"]:
    """The 2d numbers that make ⟨w, x⟩ = Σ_j w_j σ(x_j) - w_j σ(-x_j)."""
    return jnp.stack([w, -w], axis=1).reshape(-1)


def separable_error(residual: Float[Array, "*batch sums"]) -> Float[Array, "*batch"]:
    """sup over the unit ball of |Σ_j (r_{j+} σ(x_j) + r_{j-} σ(-x_j))|, exactly.

    In the orthant with signs s it is |Σ_j r_{j,s_j}|x_j||, at most the norm of the r_{j,s_j} that are positive
    or that of those that are negative, and x may be chosen along either. The worst orthant takes, for each
    coordinate, the worse of its two signs. A σ around both network and target changes no error upward.
    """
    pairs = residual.reshape(*residual.shape[:-1], -1, 2)
    above, below = (jnp.sum(jnp.max(jnp.maximum(r, 0.0), axis=-1) ** 2, axis=-1) for r in (pairs, -pairs))
    return jnp.sqrt(jnp.maximum(above, below))


def subset_table(
    half: int, capacity: int
) -> tuple[Int8[np.ndarray, "{half}+1 {capacity} {half}"], Int[np.ndarray, " {half}+1"]]:
    """For m = 0..half: the subsets of m elements, small ones first, at most `capacity` of them; and how many."""
    table = np.zeros((half + 1, capacity, half), np.int8)
    count = np.zeros(half + 1, np.int64)
    for m in range(half + 1):
        subsets = itertools.chain.from_iterable(itertools.combinations(range(m), size) for size in range(m + 1))
        for row, subset in enumerate(itertools.islice(subsets, capacity)):
            table[m, row, list(subset)] = 1
            count[m] = row + 1
    return table, count


class _Partial(NamedTuple):
    """Partial choices: the sum that each neuron serves (-1: none yet), the residuals so far, and a score."""

    owner: Int8[Array, "beam n"]
    residual: Float[Array, "beam sums"]
    score: Float[Array, " beam"]


def share_neurons(
    terms: Float[Array, "sums n"],
    wanted: Float[Array, " sums"],
    size: Int[Array, ""],
    eps: Float[Array, ""],
    *,
    capacity: int,
    beam: int,
) -> tuple[Bool[Array, "n d"], Float[Array, ""]]:
    """Give neurons to the 2d sums so that `separable_error` is at most ε. A search: it may fail, never lie.

    Sum after sum, by a beam search. For a partial choice, the neurons that are left and have the right
    sign are split in two halves, the small subsets of each are listed, and every subset of one half meets its
    nearest partners in the other. A candidate is scored by what it leaves: the log-probability that all
    later sums succeed, by the Poisson law of subset sums, each with the tolerance that the residuals so far
    leave it and the free neurons that it may use, of which one that r coordinates compete for is worth
    log2(r + 1)/r bits to each. So few neurons are spent where they are plenty, and no sum is starved.

    Args:
        terms: see `products`, shape (2d, n).
        wanted: the sums to reach, shape (2d,).
        size: only the first so many neurons.
        eps: the error to stay below.
        capacity: subsets listed of each half.
        beam: partial choices carried on.

    Returns:
        the input weights kept, shape (n, d), and the error of that choice; infinite where none was found.
    """
    neurons = terms.shape[1]
    # Halves of equal length; a neuron that fits no sum does no harm.
    terms = jnp.pad(terms, ((0, 0), (0, neurons % 2)))
    sums, n = terms.shape
    d = sums // 2
    half = min(-(-n // 4) + 3, MOST_HALF, n // 2)
    table, count = (jnp.asarray(x) for x in subset_table(half, capacity))
    fits = (terms != 0.0) & (jnp.arange(n) < size)

    def score(residual: Array, k: Array, left: Array) -> Array:
        pairs = residual.reshape(*residual.shape[:-1], d, 2)
        room = [
            jnp.sqrt(jnp.maximum(eps**2 - jnp.sum(jnp.max(jnp.maximum(r, 0.0), axis=-1) ** 2, axis=-1), 0.0))
            for r in (pairs, -pairs)
        ]
        competing = jnp.maximum(d - (k + 1) // 2, 1)
        tolerance = (room[0] + room[1]) / jnp.sqrt(competing)
        worth = jnp.log(competing + 1.0) / competing
        # In float32: most of the time goes into these exponentials, and a score only has to rank.
        spare = jnp.exp(jnp.minimum(worth * left, 80.0).astype(jnp.float32))
        rate = DENSITY * tolerance[..., None].astype(jnp.float32) * spare
        chance = jnp.log(jnp.maximum(-jnp.expm1(-rate), 1e-30))
        error = separable_error(residual)
        # The last term decides between choices that leave nothing to do.
        ahead = jnp.sum(jnp.where(jnp.arange(sums) > k, chance, 0.0), axis=-1) - 1e-3 * (error / eps)
        return jnp.where(error <= eps, ahead, -jnp.inf).astype(jnp.float32)

    def candidates(partial: _Partial, k: Array) -> tuple[Array, ...]:
        """The 2·capacity choices for sum k that extend one partial choice."""
        free = fits & (partial.owner < 0)
        place = jnp.argsort(~free[k], stable=True)[: 2 * half]
        present = jnp.minimum(jnp.sum(free[k]), 2 * half)
        # Alternating places keep the halves balanced.
        halves = [place[0::2], place[1::2]]
        length = [(present + 1) // 2, present // 2]
        subsets = [table[m].astype(terms.dtype) for m in length]
        listed = [jnp.arange(capacity) < count[m] for m in length]
        values = [s @ terms[k, p] for s, p in zip(subsets, halves, strict=True)]
        taken = [s @ fits[:, p].T.astype(terms.dtype) for s, p in zip(subsets, halves, strict=True)]
        line = jnp.where(listed[0], values[0], jnp.inf)
        order = jnp.argsort(line)
        line = line[order]
        at = jnp.searchsorted(line, wanted[k] - values[1])
        a = jnp.concatenate([jnp.maximum(at - 1, 0), jnp.minimum(at, capacity - 1)])
        b = jnp.tile(jnp.arange(capacity), 2)
        off = line[a] + values[1][b] - wanted[k]
        a = order[a]
        residual = jnp.broadcast_to(partial.residual, (2 * capacity, sums)).at[:, k].set(off)
        left = jnp.sum(free, axis=1) - taken[0][a] - taken[1][b]
        possible = jnp.isfinite(off) & listed[1][b] & (partial.score > -jnp.inf)
        worth = jnp.where(possible, score(jnp.where(possible[:, None], residual, 0.0), k, left), -jnp.inf)
        return worth, off, table[length[0], a], table[length[1], b], place

    def extend(partial: _Partial, k: Array) -> tuple[_Partial, None]:
        worth, off, a, b, place = jax.vmap(lambda one: candidates(one, k))(partial)
        best, at = jax.lax.top_k(worth.reshape(-1), beam)
        row, column = at // (2 * capacity), at % (2 * capacity)
        chosen = jnp.stack([a[row, column], b[row, column]], axis=2).reshape(beam, -1)

        def take(owner: Array, place: Array, chosen: Array) -> Array:
            return owner.at[place].set(jnp.where(chosen == 1, k.astype(jnp.int8), owner[place]))

        owner = jax.vmap(take)(partial.owner[row], place[row], chosen)
        return _Partial(owner, partial.residual[row].at[:, k].set(off[row, column]), best), None

    start = _Partial(
        jnp.full((beam, n), -1, jnp.int8),
        jnp.zeros((beam, sums), terms.dtype),
        jnp.where(jnp.arange(beam) == 0, 0.0, -jnp.inf).astype(jnp.float32),
    )
    end, _ = jax.lax.scan(extend, start, jnp.arange(sums))
    error = jnp.where(end.score > -jnp.inf, separable_error(end.residual), jnp.inf)
    best = jnp.argmin(error)
    mask = end.owner[best][:neurons, None] // 2 == jnp.arange(d)
    return mask & jnp.isfinite(error[best]), error[best]


def nearest_by_prefix(
    terms: Float[Array, "n trials"], wanted: Float[Array, " trials"], sizes: Sequence[int], most: int
) -> Bool[Array, "trials sizes n"]:
    """The subset of the first n terms with the sum nearest to `wanted`, for each n in `sizes`, exactly.

    Terms that are 0 are left out before the lists are made; of the others the first `most` of a trial take part.
    """
    n = terms.shape[0]
    most = min(most, n)
    used = terms != 0.0
    order = jnp.argsort(~used, axis=0, stable=True)[:most]
    fixed = subset_sums.to_fixed_point(jnp.take_along_axis(terms, order, axis=0), wanted)
    if list(sizes) == [n]:
        # Of all neurons no prefixes are asked for: the terms that are 0 stand last and do no harm.
        prefixes, row = [most], jnp.zeros((1, terms.shape[1]), int)
    else:
        prefixes, row = range(most + 1), jnp.minimum(jnp.cumsum(used, axis=0), most)[jnp.asarray(sizes) - 1]
    best = subset_sums.nearest(fixed.values, fixed.target, prefixes)
    even, odd = (jnp.take_along_axis(x, row, axis=0) for x in (best.even, best.odd))
    chosen = subset_sums.unpack_masks(even, odd, most)  # (sizes, trials, most)
    return jax.vmap(lambda chosen, order: jnp.zeros((len(sizes), n), bool).at[:, order].set(chosen), in_axes=(1, 1))(
        chosen, order
    )


def every_mask(n: int, d: int) -> Bool[np.ndarray, "masks n d"]:
    """All masks on n·d weights: those of fewer neurons come first."""
    return ((np.arange(1 << (n * d))[:, None] >> np.arange(n * d)) % 2 == 1).reshape(-1, n, d)


def all_masks(
    u: Float[Array, "n d"],
    v: Float[Array, " n"],
    w: Float[Array, " d"],
    points: Float[Array, "points d"],
    sizes: Sequence[int],
    counting: Bool[Array, "sizes points"] | None = None,
    allowed: Bool[np.ndarray, " masks"] | None = None,
    *,
    readout: str,
) -> tuple[Float[Array, " sizes"], Bool[Array, "sizes n d"], Float[Array, " sizes"]]:
    """The least error at the points that any mask on the first n neurons has, for each n in `sizes`.

    Cutting an output weight is cutting its row, so there are 2^(nd) networks; n·d is at most `ALL_WEIGHTS`. With
    `counting`, only some of the points count for each size; with `allowed`, only some of the masks of the largest size,
    in the order of `every_mask`.

    Returns:
        errors, masks on u, and a bound on the rounding of the errors, infinite where anything is NaN or infinite.
    """
    n, d = u.shape
    most = max(sizes)
    keep = (jnp.arange(1 << d)[:, None] >> jnp.arange(d)) % 2 == 1
    # Every neuron's value at every point for each of its sub-rows, the empty one first.
    rows = jnp.where(keep, u[:most, None, :], 0.0)
    values = v[:most, None, None] * jnp.maximum(jnp.einsum("ncd,pd->ncp", rows, points), 0.0)
    total = jnp.zeros((1, len(points)), u.dtype)
    for each in values:  # masks of the first k neurons are a prefix
        total = (each[:, None] + total).reshape(-1, len(points))
    g = jnp.maximum(total, 0.0) if readout == "relu" else total
    off = jnp.abs(g - jnp.maximum(points @ w, 0.0))
    errors, best = [], []
    for i, size in enumerate(sizes):
        own = off[: 1 << (size * d)]
        each = jnp.max(own if counting is None else jnp.where(counting[i], own, 0.0), axis=1)
        if allowed is not None:
            each = jnp.where(allowed[: 1 << (size * d)], each, jnp.inf)
        best.append(jnp.argmin(each))
        errors.append(each[best[-1]])
    best = jnp.stack(best)
    bits = (best[:, None] >> jnp.arange(most * d)) % 2 == 1
    masks = jnp.pad(bits.reshape(len(sizes), most, d), ((0, 0), (0, n - most), (0, 0)))
    scale = jnp.cumsum(jnp.abs(v) * jnp.linalg.norm(u, axis=1))[jnp.asarray(sizes) - 1] + 1.0
    # What is NaN or infinite is no certain error: its bound is infinite.
    least = jnp.stack(errors)
    known = jnp.isfinite(scale) & jnp.all(jnp.isfinite(w)) & jnp.all(jnp.isfinite(points)) & jnp.isfinite(least)
    return least, masks, jnp.where(known, rounding.at_points(most, d, scale, u.dtype), jnp.inf)


__all__ = [
    "ALL_WEIGHTS",
    "all_masks",
    "every_mask",
    "nearest_by_prefix",
    "products",
    "separable_error",
    "share_neurons",
    "subset_table",
    "wanted_sums",
]
