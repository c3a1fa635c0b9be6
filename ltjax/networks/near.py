"""The kinks near the target's, drawn without drawing the other neurons.

Only neurons whose kink line is within some window of the target's decide a hit at small ε.
Number the neurons of a network 1, 2, 3, … and let p be the window's probability: the numbers of those
inside form a Bernoulli process, so the gaps between them are geometric, and given their number they are
independent draws from the conditional law. Both are sampled, so the result has the distribution of "draw all
n, keep those inside" (among the first n their number is binomial) at a cost that does not grow with n, and one
draw serves every n. Small angles are drawn as small numbers, with full relative precision, down to windows
of 1e-12 and below.

Which laws: a row of the plane has its kink line within δ of the target's exactly if its direction is
within δ of ±w. `normal`: directions are uniform, and κ = v‖u‖ is independent of them. `uniform`: (u_1, u_2)
is uniform in a square, so directions have density ∝ (square's radius)², and ‖u‖ is that radius times the
square root of a uniform variable.

"Exactly" is up to the lattice of float64 draws: `moved` bounds by how much that can shift the network.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import get_law

LAWS = ("normal", "uniform")
LATTICE = 2.0**-52
"""The spacing of float64 uniform draws."""


class NearKinks(NamedTuple):
    """The first neurons of a network with a kink line inside the window, in the network's order.

    Attributes:
        offset: signed angle of the kink line from the target's, radians in [-δ, δ], shape (capacity,).
        oriented: +1 where ⟨u, w⟩ > 0 and -1 where < 0, shape (capacity,). A neuron switches on at angle
            `offset` of the target's frame if +1, at `offset` + π if -1.
        kappa: slope jumps v‖u‖, shape (capacity,).
        number: which neuron of the network it is, counted from 1, ascending whole numbers, shape (capacity,).
        moved: how far a draw from the continuous law, coupled with this one, may move the neuron's function
            on the unit circle, shape (capacity,).
    """

    offset: Float[Array, " c"]
    oriented: Float[Array, " c"]
    kappa: Float[Array, " c"]
    number: Float[Array, " c"]
    moved: Float[Array, " c"]

    def among(self, n: Float[Array, ""] | int) -> Bool[Array, " c"]:
        """Which of them belong to the network's first n neurons."""
        return self.number <= n

    def complete(self, n: Float[Array, ""] | int) -> Bool[Array, ""]:
        """Whether all neurons inside the window among the first n are listed (`capacity_for`)."""
        return self.number[-1] > n


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
        ArgumentError: for a window outside (0, π/2] or an unknown law.
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


def sample_near(
    key: Key[Array, ""],
    n: int,
    window: float,
    *,
    law: str = "normal",
    target: float = 0.0,
    capacity: int | None = None,
) -> NearKinks:
    """The neurons of a random network with a kink line within `window` of the target's (d = 2).

    The same in distribution as drawing all neurons and keeping those inside. Cost O(capacity), whatever n;
    use `jax.vmap` over keys for many trials. A larger capacity only lists more of the same neurons.

    Args:
        key: typed key.
        n: neurons of the largest network asked about, at least 1; 1e13 is fine.
        window: δ, radians in (0, π/2].
        law: of the weights, "normal" or "uniform".
        target: the angle of w, radians (matters for "uniform" only).
        capacity: places; by default not `complete(n)` has probability below 1e-15.

    Raises:
        ArgumentError: for bad arguments, naming them, and without 64-bit floats (`jax.enable_x64`).
    """
    n = arguments.whole("n", n, 1)
    target = arguments.real("target", target)
    share = window_probability(window, law, target)
    if capacity is None:
        capacity = capacity_for(n, share) + 1
    capacity = arguments.whole("capacity", capacity, 1)
    if jnp.zeros((), float).dtype != jnp.float64:
        raise ArgumentError(
            "jax_enable_x64=False is not allowed: neurons are numbered in 64-bit floats (jax.enable_x64)"
        )
    key_gap, key_offset, key_side, key_row, key_v = jax.random.split(key, 5)
    shape, dtype = (capacity,), jnp.float64
    # P(gap > k) = (1 - p)^k: the ceiling of an exponential variable over -log(1 - p).
    wait = jax.random.exponential(key_gap, shape, dtype)
    gap = jnp.maximum(jnp.ceil(wait / -math.log1p(-share)), 1.0) if share < 1.0 else jnp.ones(shape, dtype)
    oriented = jax.random.rademacher(key_side, shape, dtype)
    v, dv = get_law(law).draw(key_v, shape, dtype)
    if law == "normal":
        # Symmetric draws keep full relative precision near 0: a sign times a uniform on (0, 1).
        offset = window * _signed_uniform(key_offset, shape, dtype)
        level = jax.random.uniform(key_row, shape, dtype)
        radius, above = (jnp.sqrt(-2.0 * jnp.log1p(-x)) for x in (level, jnp.minimum(level + LATTICE, 1.0)))
    else:
        offset, edge = _square_direction(key_offset, window, target, shape, dtype)
        level = jax.random.uniform(key_row, shape, dtype)
        radius, above = (edge * jnp.sqrt(x) for x in (level, level + LATTICE))
    # 16 lattice steps: the draws' own and the rounding of the few operations after them.
    moved = jnp.abs(v) * (above - radius) + dv * above + 16.0 * LATTICE * jnp.abs(v) * radius
    return NearKinks(offset, oriented, v * radius, jnp.cumsum(gap), moved)


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


__all__ = ["LAWS", "NearKinks", "capacity_for", "sample_near", "window_probability"]
