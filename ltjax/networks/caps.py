"""The neurons whose normals lie near a target's, in any dimension, drawn without drawing the others; law `normal`.

As `ltjax.networks.near` does in the plane. Number the neurons 1, 2, 3, …; those with a normal within an angle δ of ±w
form a Bernoulli process. It is drawn by thinning one that is a little denser: a candidate's sine s has the density
∝ s^{d-2} on [0, sin δ], so it is sin δ times the largest of d - 1 uniform variables, and a candidate is kept with
probability √((1 - sin²δ)/(1 - s²)). What is kept has the density ∝ s^{d-2}(1 - s²)^{-½} of a uniform direction. Cost
O(capacity), whatever n; small angles keep their relative precision.
"""

import math
from typing import NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import scipy.special
import scipy.stats
from jaxtyping import Array, Bool, Float, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import get_law

LATTICE = 2.0**-52
"""The spacing of float64 uniform draws."""
WIDEST = 1.2
"""Radians: beyond it candidates would be denser than neurons."""


class Cap(NamedTuple):
    """The first neurons of a network with a normal within δ of ±w, in the network's order.

    Attributes:
        sine, cosine: of the angle between a neuron's normal and the line of w, shape (capacity,).
        across: the unit direction of its part orthogonal to w, shape (capacity, d-1).
        oriented: +1 where ⟨u, w⟩ > 0 and -1 where < 0, shape (capacity,).
        kappa: v‖u‖, shape (capacity,).
        number: which neuron of the network it is, counted from 1, ascending whole numbers; infinite in places that
            hold none, shape (capacity,).
        moved: how far a draw from the continuous law, coupled with this one, may move the neuron's function on the
            unit sphere, shape (capacity,).
        upto: among the first so many neurons of the network, all within δ are listed, ().
    """

    sine: Float[Array, " c"]
    cosine: Float[Array, " c"]
    across: Float[Array, "c k"]
    oriented: Float[Array, " c"]
    kappa: Float[Array, " c"]
    number: Float[Array, " c"]
    moved: Float[Array, " c"]
    upto: Float[Array, ""]

    def among(self, n: Float[Array, ""] | int) -> Bool[Array, " c"]:
        """Which of them belong to the network's first n neurons."""
        return self.number <= n


def candidate_share(window: float, d: int) -> float:
    """The probability that a neuron is a candidate: 2·sin^{d-1}δ/((d-1)·B((d-1)/2, ½)·cos δ)."""
    window = arguments.real("window", window, above=0.0, high=WIDEST)
    share = float(_density(arguments.whole("d", d, 2)) * math.sin(window) ** (d - 1) / math.cos(window))
    if not share < 1.0:
        raise ArgumentError(f"window={window!r} is not allowed: with d={d} candidates would be denser than neurons")
    return share


def _density(d: int) -> float:
    return 2.0 / ((d - 1) * float(scipy.special.beta((d - 1) / 2, 0.5)))


def places_for(n: int, window: float, d: int, failure: float = 1e-15) -> int:
    """The least capacity that the candidates among n neurons overflow with probability below `failure`, and one."""
    # Poisson's law has the longer tail, and is computed for any n.
    mean = arguments.whole("n", n, 1) * candidate_share(window, d)
    return int(scipy.stats.poisson.isf(failure, mean)) + 1


def sample_cap(
    key: Key[Array, ""], window: Float[Array, ""] | float, d: int, capacity: int, *, thinned: bool = True
) -> Cap:
    """The first neurons of a random network of the law `normal` with a normal within `window` of ±w.

    Args:
        key: typed key.
        window: δ, radians in (0, 1.2], as long as candidates are no denser than neurons; not checked where traced.
        d: dimension, at least 2.
        capacity: places, see `places_for`; a larger capacity only lists more of the same neurons.
        thinned: False keeps every candidate, which is wrong: for tests of what checks this.

    Raises:
        ArgumentError: for bad arguments, naming them, and without 64-bit floats (`jax.enable_x64`).
    """
    if not isinstance(window, jax.core.Tracer):
        candidate_share(float(window), d)
    capacity = arguments.whole("capacity", capacity, 1)
    if jnp.zeros((), float).dtype != jnp.float64:
        raise ArgumentError(
            "jax_enable_x64=False is not allowed: neurons are numbered in 64-bit floats (jax.enable_x64)"
        )
    key_gap, key_sine, key_keep, key_side, key_rows = jax.random.split(key, 5)
    dtype = jnp.float64
    # P(gap > k) = (1 - p)^k: the ceiling of an exponential variable over -log(1 - p).
    wait = jax.random.exponential(key_gap, (capacity,), dtype)
    angle = jnp.asarray(window, dtype)
    widest, narrowest = jnp.sin(angle), jnp.cos(angle)
    share = _density(d) * widest ** (d - 1) / narrowest
    number = jnp.cumsum(jnp.maximum(jnp.ceil(wait / -jnp.log1p(-share)), 1.0))
    sine = widest * jnp.max(jax.random.uniform(key_sine, (capacity, d - 1), dtype), axis=1)
    cosine = jnp.sqrt((1.0 - sine) * (1.0 + sine))
    kept = jax.random.uniform(key_keep, (capacity,), dtype) * cosine < narrowest
    kept = kept if thinned else jnp.ones_like(kept)
    oriented = jax.random.rademacher(key_side, (capacity,), dtype)
    # One draw: every other one would be compiled again.
    drawn, moved = get_law("normal").draw(key_rows, (capacity, 2 * d), dtype)
    (across, row, v), (dacross, drow, dv) = ((x[:, : d - 1], x[:, d - 1 : -1], x[:, -1]) for x in (drawn, moved))
    length, dlength = jnp.linalg.norm(row, axis=1), jnp.linalg.norm(drow, axis=1)
    width, dwidth = jnp.linalg.norm(across, axis=1), jnp.linalg.norm(dacross, axis=1)
    kappa = v * length
    # The length, the output weight, the angle (whose sine has a lattice of its own), and the part across; 16 lattice
    # steps for the rounding of the few operations after them.
    turned = widest * LATTICE / cosine + sine * 2.0 * dwidth / width
    moved = jnp.abs(v) * dlength + dv * (length + dlength) + jnp.abs(kappa) * (turned + 16.0 * LATTICE)
    moved = jnp.where(jnp.isfinite(turned), moved, jnp.inf)
    listed = Cap(
        sine, cosine, across / width[:, None], oriented, kappa, jnp.where(kept, number, jnp.inf), moved, number[-1]
    )
    order = jnp.argsort(listed.number)
    return Cap(*(x[order] for x in listed[:-1]), upto=number[-1])


__all__ = ["WIDEST", "Cap", "candidate_share", "places_for", "sample_cap"]
