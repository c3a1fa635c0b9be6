"""The kinks near the target's, drawn without drawing the other n - k neurons.

Only neurons whose kink line is within some window of the target's decide a hit at small ε (NP-2, NP-4).
Of n independent neurons the number inside is binomial with the window's probability, and given the number
they are independent draws from the conditional law: both are sampled exactly, so the result has the
distribution of "draw all n, keep those inside" at a cost that does not grow with n. Small angles are
drawn as small numbers, with full relative precision, down to windows of 1e-12 and below.

Which laws: a row of the plane has its kink line within δ of the target's exactly if its direction is
within δ of ±w. `normal`: directions are uniform, and κ = v‖u‖ is independent of them. `uniform`: (u_1, u_2)
is uniform in a square, so directions have density ∝ (square's radius)², and ‖u‖ is that radius times the
square root of a uniform variable.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, Key

from ltjax import arguments

LAWS = ("normal", "uniform")


class NearKinks(NamedTuple):
    """Neurons with a kink line inside the window, padded to a fixed capacity.

    Attributes:
        offset: signed angle of the kink line from the target's, radians in [-δ, δ], shape (capacity,).
        oriented: +1 where ⟨u, w⟩ > 0 and -1 where < 0, shape (capacity,). A neuron switches on at angle
            `offset` of the target's frame if +1, at `offset` + π if -1.
        kappa: slope jumps v‖u‖; exactly 0 in unused places, shape (capacity,).
        present: which places are used, shape (capacity,).
        number: how many neurons are inside, capped by the capacity.
        overflow: whether there were more. Choose the capacity so that this has negligible probability
            (`capacity_for`).
    """

    offset: Float[Array, " c"]
    oriented: Float[Array, " c"]
    kappa: Float[Array, " c"]
    present: Bool[Array, " c"]
    number: Int[Array, ""]
    overflow: Bool[Array, ""]


def _tan_difference(base: float, angle: float) -> float:
    """tan(base + angle) - tan(base), without cancellation; both in one face of the square."""
    return math.sin(angle) / (math.cos(base) * math.cos(base + angle))


def _square_measure(direction: float, angle: float) -> float:
    """Share of the square's directions between `direction` and `direction` + `angle` (>= 0 or <= 0), signed.

    A face of [-1, 1]^2 seen from 0 spans π/2 and a quarter of the area; inside it the share is
    tan(·)/8 of the whole.
    """
    if angle < 0.0:
        return -_square_measure(-direction, -angle)  # mirror image: the square is symmetric
    total, remaining = 0.0, angle
    face = round(direction / (math.pi / 2))
    base = direction - face * math.pi / 2
    while remaining > 0.0:
        step = min(remaining, math.pi / 4 - base)
        total += _tan_difference(base, step) / 8.0 if step > 0.0 else 0.0
        remaining -= step
        if remaining <= 1e-15 * angle:
            break
        base = -math.pi / 4
    return total


def window_probability(window: float, law: str = "normal", target: float = 0.0) -> float:
    """P(a neuron's kink line is within `window` of the target's), to relative rounding.

    Args:
        window: δ, radians in (0, π/2].
        law: "normal" (2δ/π) or "uniform" (depends on the direction of w).
        target: the angle of w in the plane, radians; used for "uniform".

    Raises:
        ValueError: for a window outside (0, π/2] or an unknown law.
    """
    window = arguments.real("window", window, above=0.0, high=math.pi / 2)
    arguments.choice("law", law, LAWS)
    if law == "normal":
        return 2.0 * window / math.pi
    return min(1.0, 2.0 * (_square_measure(target, window) - _square_measure(target, -window)))


def capacity_for(n: int, probability: float, failure: float = 1e-15) -> int:
    """The least capacity that n neurons overflow with probability below `failure`, at least 1."""
    n = arguments.whole("n", n, 1)
    return max(1, min(n, int(scipy.stats.binom.isf(failure, n, probability))))


def count_table(n: int, probability: float, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """The binomial distribution function at 0..capacity as 62-bit numbers (high and low 31 bits).

    A 62-bit uniform number compared with these gives the count with an error in distribution below
    2^-62·(capacity + 1) plus that of SciPy's float64 values.
    """
    cumulative = scipy.stats.binom.cdf(np.arange(capacity + 1), n, probability)
    # 1 - cdf keeps its relative accuracy in the upper tail, where the cdf has none left.
    above = scipy.stats.binom.sf(np.arange(capacity + 1), n, probability)
    whole = 2**62
    levels = [
        round(c * whole) if c < 0.5 else whole - round(a * whole)
        for c, a in zip(cumulative.tolist(), above.tolist(), strict=True)
    ]
    levels = [min(level, whole - 1) for level in levels]
    high = np.array([level >> 31 for level in levels], dtype=np.uint32)
    low = np.array([level & (2**31 - 1) for level in levels], dtype=np.uint32)
    return high, low


def _sample_count(key: Array, high: np.ndarray, low: np.ndarray) -> Array:
    """How many thresholds a 62-bit uniform number reaches: 0..capacity + 1."""
    bits = jax.random.bits(key, (2,), jnp.uint32) >> 1
    reached = (bits[0] > high) | ((bits[0] == high) & (bits[1] >= low))
    return jnp.sum(reached)


def sample_near(
    key: Key[Array, ""],
    n: int,
    window: float,
    *,
    law: str = "normal",
    target: float = 0.0,
    capacity: int | None = None,
    dtype: DTypeLike = jnp.float32,
) -> NearKinks:
    """The neurons of a random network of n with a kink line within `window` of the target's (d = 2).

    Exact in distribution: the same as drawing all n and keeping those inside, in random order. Cost
    O(capacity), whatever n; use `jax.vmap` over keys for many trials.

    Args:
        key: typed key.
        n: neurons of the whole network, at least 1; 1e13 is fine.
        window: δ, radians in (0, π/2].
        law: of the weights, "normal" or "uniform".
        target: the angle of w, radians (matters for "uniform" only).
        capacity: places; by default overflow has probability below 1e-15.
        dtype: of the draws.

    Raises:
        ValueError: for bad arguments, naming them.
    """
    n = arguments.whole("n", n, 1)
    target = arguments.real("target", target)
    probability = window_probability(window, law, target)
    if capacity is None:
        capacity = capacity_for(n, probability)
    capacity = arguments.whole("capacity", capacity, 1)
    key_count, key_offset, key_side, key_row, key_v = jax.random.split(key, 5)
    count = _sample_count(key_count, *count_table(n, probability, capacity))
    places = jnp.arange(capacity)
    present = places < count
    shape = (capacity,)
    oriented = jax.random.rademacher(key_side, shape, dtype)
    if law == "normal":
        # Symmetric draws keep full relative precision near 0: a sign times a uniform on (0, 1).
        offset = window * _signed_uniform(key_offset, shape, dtype)
        radius = jnp.sqrt(2.0 * jax.random.exponential(key_row, shape, dtype))
        kappa = jax.random.normal(key_v, shape, dtype) * radius
    else:
        offset, edge = _square_direction(key_offset, window, target, shape, dtype)
        length = edge * jnp.sqrt(jax.random.uniform(key_row, shape, dtype))
        kappa = length * jax.random.uniform(key_v, shape, dtype, minval=-1.0, maxval=1.0)
    kappa = jnp.where(present, kappa, 0.0)
    return NearKinks(
        jnp.where(present, offset, 0.0),
        oriented,
        kappa,
        present,
        jnp.minimum(count, capacity),
        count > capacity,
    )


def _signed_uniform(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    key_sign, key_size = jax.random.split(key)
    return jax.random.rademacher(key_sign, shape, dtype) * jax.random.uniform(key_size, shape, dtype)


def _square_direction(
    key: Array, window: float, target: float, shape: tuple[int, ...], dtype: DTypeLike
) -> tuple[Array, Array]:
    """Offsets in [-δ, δ] with density ∝ radius², and the square's radius there.

    By inversion, face by face: on a face the share is tan/8, so an offset from w whose share is y obeys
    tan(φ) = tan(φ_w) + 8y, and the angle difference arctan(8y/(1 + T² + 8yT)) keeps its relative precision.
    """
    pieces = []  # (first offset, share, tangent at the offset's face where it begins, its distance from w)
    for sign in (1.0, -1.0):
        direction = sign * target
        face = round(direction / (math.pi / 2))
        base, begin, remaining = direction - face * math.pi / 2, 0.0, window
        while remaining > 1e-15 * window:
            step = min(remaining, math.pi / 4 - base)
            if step > 0.0:
                pieces.append((sign, begin, _tan_difference(base, step) / 8.0, math.tan(base), step))
            begin, remaining, base = begin + step, remaining - step, -math.pi / 4
    share = np.array([piece[2] for piece in pieces])
    key_piece, key_inside = jax.random.split(key)
    log_share = jnp.asarray(np.log(share / share.sum()), dtype)
    which = jax.random.categorical(key_piece, log_share, shape=shape)
    sign, begin, size, tangent, step = (
        jnp.asarray(np.array([piece[i] for piece in pieces]), dtype)[which] for i in range(5)
    )
    rise = 8.0 * size * jax.random.uniform(key_inside, shape, dtype)
    inside = jnp.arctan2(rise, 1.0 + tangent**2 + rise * tangent)
    edge = jnp.sqrt(1.0 + (tangent + rise) ** 2)
    return sign * (begin + jnp.minimum(inside, step)), edge


__all__ = ["LAWS", "NearKinks", "capacity_for", "count_table", "sample_near", "window_probability"]
