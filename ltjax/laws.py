"""Weight laws: what a random weight is drawn from, and how concentrated it can be.

A draw by computer is not a draw from the law. `jax.random.uniform` in float32 gives multiples of
2^-22, so at ε = 10^-6 the lattice, not the law, decides who hits. Each law therefore says with every
value how far that value may lie from a draw of the continuous law it stands for (its *resolution*: a
bound on |X - X'| in the natural coupling, where X' is the continuous variable that falls in the same
cell of the generator's lattice). Problems add the resolutions to their guard band: a decision that
the lattice could turn is *undecided*, and float64 makes the band vanish.
"""

import dataclasses
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Key

from ltjax import arguments

Draw = Callable[[Key[Array, ""], tuple[int, ...], DTypeLike], tuple[Array, Array]]


@dataclasses.dataclass(frozen=True)
class Law:
    """A law of independent, identically distributed real weights.

    Attributes:
        name: how the command line and the reports call it.
        draw: `(key, shape, dtype) -> (values, resolution)`, both of that shape.
        concentration: `r -> sup over z of P(|X - z| <= r)`, exact.
        variance: Var X (every law here has mean 0).
        density_bound: the supremum of the density, or None where there is none.
    """

    name: str
    draw: Draw
    concentration: Callable[[float], float]
    variance: float
    density_bound: float | None = None

    def sample(
        self, key: Key[Array, ""], shape: tuple[int, ...], dtype: DTypeLike = jnp.float32
    ) -> Float[Array, "..."]:
        """Independent draws of the given shape. The first k of n draws are the draws of shape k."""
        return self.draw(key, shape, dtype)[0]


def _lattice(dtype: DTypeLike) -> float:
    """Spacing of `jax.random.uniform` on [-1, 1]: two units of the mantissa's last place."""
    return 2.0 * float(jnp.finfo(dtype).eps)


def _draw_uniform(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Array, Array]:
    values = jax.random.uniform(key, shape, dtype, minval=-1.0, maxval=1.0)
    return values, jnp.full(shape, _lattice(dtype), dtype)


def _draw_normal(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Array, Array]:
    """By inversion of a uniform variable, so that the coupling can be followed.

    x = √2·erfinv(u) has slope √(π/2)·e^{x²/2}. The hazard rate of the normal law increases, so inside
    one lattice cell at distance t >= 4 cells from ±1 the slope grows by at most 4/3; nearer to ±1 (one
    draw in 2^20 in float32) the value stands for an unbounded piece of the tail.
    """
    cell = _lattice(dtype)
    inside = float(np.nextafter(np.array(-1.0, dtype), np.array(0.0, dtype)))
    u = jax.random.uniform(key, shape, dtype, minval=inside, maxval=1.0)
    values = math.sqrt(2.0) * jax.scipy.special.erfinv(u)
    slope = math.sqrt(math.pi / 2.0) * jnp.exp(values**2 / 2.0)
    rounding = 32.0 * float(jnp.finfo(dtype).eps) * jnp.abs(values)
    resolution = jnp.where(1.0 - jnp.abs(u) < 4.0 * cell, jnp.inf, 2.0 * cell * slope + rounding)
    return values, resolution.astype(dtype)


def _draw_rademacher(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Array, Array]:
    return jax.random.rademacher(key, shape, dtype), jnp.zeros(shape, dtype)


def _product(factor: Draw, rectified: bool) -> Draw:
    def draw(key: Array, shape: tuple[int, ...], dtype: DTypeLike) -> tuple[Array, Array]:
        key_v, key_u = jax.random.split(key)
        v, dv = factor(key_v, shape, dtype)
        u, du = factor(key_u, shape, dtype)
        if rectified:
            u = jnp.maximum(u, 0.0)
        values = v * u
        rounding = float(jnp.finfo(dtype).eps) * jnp.abs(values)
        # inf - inf and 0·inf cannot arise from finite u, v; an infinite resolution must stay infinite.
        resolution = jnp.abs(v) * du + jnp.abs(u) * dv + du * dv + rounding
        return values, jnp.where(jnp.isfinite(du) & jnp.isfinite(dv), resolution, jnp.inf)

    return draw


def _concentration_uniform_product(r: float) -> float:
    """P(|UV| <= r) = r(1 - ln r): the density -ln|x|/2 is symmetric and unimodal, so z = 0 is the worst."""
    return r * (1.0 - math.log(r)) if r < 1.0 else 1.0


def _concentration_normal_product(r: float) -> float:
    """P(|UV| <= r) = (2/π)·∫_0^r K_0(t) dt: the density is K_0(|x|)/π."""
    return float(2.0 / math.pi * scipy.special.iti0k0(r)[1]) if r < 30.0 else 1.0


def _half_atom(concentration: Callable[[float], float]) -> Callable[[float], float]:
    """V·max(U, 0) is 0 with probability ½, else distributed as V·U."""
    return lambda r: 0.5 + 0.5 * concentration(r)


LAWS: dict[str, Law] = {
    law.name: law
    for law in [
        Law("uniform", _draw_uniform, lambda r: min(r, 1.0), 1.0 / 3.0, density_bound=0.5),
        Law(
            "normal",
            _draw_normal,
            lambda r: math.erf(r / math.sqrt(2.0)),
            1.0,
            density_bound=1.0 / math.sqrt(2.0 * math.pi),
        ),
        Law("rademacher", _draw_rademacher, lambda r: 0.5 if r < 1.0 else 1.0, 1.0),
        Law("uniform-product", _product(_draw_uniform, False), _concentration_uniform_product, 1.0 / 9.0),
        Law("normal-product", _product(_draw_normal, False), _concentration_normal_product, 1.0),
        Law(
            "uniform-relu-product",
            _product(_draw_uniform, True),
            _half_atom(_concentration_uniform_product),
            1.0 / 18.0,
        ),
        Law(
            "normal-relu-product",
            _product(_draw_normal, True),
            _half_atom(_concentration_normal_product),
            0.5,
        ),
    ]
}


def get_law(law: str | Law) -> Law:
    """The law of that name, or the law itself if it is one already.

    Raises:
        ValueError: for an unknown name.
    """
    if isinstance(law, Law):
        return law
    return LAWS[arguments.choice("law", law, LAWS)]


__all__ = ["LAWS", "Draw", "Law", "get_law"]
