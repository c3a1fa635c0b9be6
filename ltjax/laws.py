"""Weight laws: what a random weight is drawn from, and how concentrated it can be.

A draw by computer is not a draw from the law. `jax.random.uniform` in float32 gives multiples of
2^-22, so at ε = 10^-6 the lattice, not the law, decides who hits. Each law therefore says with every
value how far that value may lie from a draw of the continuous law it stands for (its *resolution*: a
bound on |X - X'| in the natural coupling, where X' is the continuous variable that falls in the same
cell of the generator's lattice). Problems add the resolutions to their guard band: a decision that
the lattice could turn is *undecided*, and float64 makes the band vanish.

JAX is imported where a law is drawn, so that problems can be described without it.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError

if TYPE_CHECKING:
    from jax import Array
    from jax.typing import DTypeLike

Draw = Callable[..., Any]
"""`(key, shape, dtype) -> (values, resolution)`, two arrays of that shape."""


@dataclasses.dataclass(frozen=True)
class Law:
    """A law of independent, identically distributed real weights.

    Attributes:
        name: how the command line and the reports call it.
        draw: `(key, shape, dtype) -> (values, resolution)`, both of that shape.
        concentration: `r -> sup over z of P(|X - z| <= r)`, exact.
        variance: Var X (every law here has mean 0).
        density_bound: the supremum of the density, or None where there is none.
        lattice: the mean resolution of a draw in units of the dtype's epsilon, but for one draw in a million;
            None where it is not known, and then only float64 is fine enough.
        largest: a bound on |X| that no draw in float32 or float64 exceeds, or None.
        outer: the law of a network's output weights where this is the law of its input weights alone, by name.
    """

    name: str
    draw: Draw
    concentration: Callable[[float], float]
    variance: float
    density_bound: float | None = None
    lattice: float | None = None
    largest: float | None = None
    outer: str | None = None

    @property
    def atom(self) -> float:
        """The largest probability of any one value; 0 for a law without atoms."""
        near = self.concentration(_NEAR)
        return near if near > math.sqrt(_NEAR) else 0.0

    def __repr__(self) -> str:
        return f"Law({self.name!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        # A known law travels between processes by its name: its functions cannot.
        if LAWS.get(self.name) is self or _with_number(self.name) is self:
            return get_law, (self.name,)
        return Law, tuple(getattr(self, field.name) for field in dataclasses.fields(self))

    def sample(self, key: "Array", shape: tuple[int, ...], dtype: "DTypeLike" = "float32") -> "Array":
        """Independent draws of the given shape. The first k of n draws are the draws of shape k."""
        return self.draw(key, shape, dtype)[0]


_NEAR = 1e-300
"""No law without atoms has a probability worth a look within this of any value."""


def _lattice(dtype: "DTypeLike") -> float:
    """Spacing of `jax.random.uniform` on [-1, 1]: two units of the mantissa's last place."""
    return 2.0 * float(np.finfo(np.dtype(dtype)).eps)


def _draw_uniform(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
    import jax
    import jax.numpy as jnp

    values = jax.random.uniform(key, shape, dtype, minval=-1.0, maxval=1.0)
    return values, jnp.full(shape, _lattice(dtype), dtype)


def _draw_normal(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
    """By inversion of a uniform variable, so that the coupling can be followed.

    x = √2·erfinv(u) has slope √(π/2)·e^{x²/2}. The hazard rate of the normal law increases, so inside
    one lattice cell at distance t >= 4 cells from ±1 the slope grows by at most 4/3; nearer to ±1 (one
    draw in 2^20 in float32) the value stands for an unbounded piece of the tail.
    """
    import jax
    import jax.numpy as jnp

    cell = _lattice(dtype)
    inside = float(np.nextafter(np.array(-1.0, dtype), np.array(0.0, dtype)))
    u = jax.random.uniform(key, shape, dtype, minval=inside, maxval=1.0)
    values = math.sqrt(2.0) * jax.scipy.special.erfinv(u)
    slope = math.sqrt(math.pi / 2.0) * jnp.exp(values**2 / 2.0)
    rounding = 32.0 * float(np.finfo(np.dtype(dtype)).eps) * jnp.abs(values)
    resolution = jnp.where(1.0 - jnp.abs(u) < 4.0 * cell, jnp.inf, 2.0 * cell * slope + rounding)
    return values, resolution.astype(dtype)


def _draw_rademacher(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
    import jax
    import jax.numpy as jnp

    return jax.random.rademacher(key, shape, dtype), jnp.zeros(shape, dtype)


def _product(factor: Draw, rectified: bool) -> Draw:
    def draw(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
        import jax
        import jax.numpy as jnp

        key_v, key_u = jax.random.split(key)
        v, dv = factor(key_v, shape, dtype)
        u, du = factor(key_u, shape, dtype)
        if rectified:
            u = jnp.maximum(u, 0.0)
        values = v * u
        rounding = float(np.finfo(np.dtype(dtype)).eps) * jnp.abs(values)
        # inf - inf and 0·inf cannot arise from finite u, v; an infinite resolution must stay infinite.
        resolution = jnp.abs(v) * du + jnp.abs(u) * dv + du * dv + rounding
        return values, jnp.where(jnp.isfinite(du) & jnp.isfinite(dv), resolution, jnp.inf)

    return draw


def _concentration_uniform_product(r: float) -> float:
    """P(|UV| <= r) = r(1 - ln r): the density -ln|x|/2 is symmetric and unimodal, so z = 0 is the worst."""
    return r * (1.0 - math.log(r)) if r < 1.0 else 1.0


def _concentration_normal_product(r: float) -> float:
    """P(|UV| <= r) = (2/π)·∫_0^r K_0(t) dt: the density is K_0(|x|)/π."""
    import scipy.special

    return float(2.0 / math.pi * scipy.special.iti0k0(r)[1]) if r < 30.0 else 1.0


def _half_atom(concentration: Callable[[float], float]) -> Callable[[float], float]:
    """V·max(U, 0) is 0 with probability ½, else distributed as V·U."""
    return lambda r: 0.5 + 0.5 * concentration(r)


_NORMAL = 4.0 * 4.89 + 32.0 * math.sqrt(2.0 / math.pi)
"""Mean resolution of normal draws in epsilons: 2 cells of 2 epsilons times the mean of the slope √(π/2)·e^{x²/2}, which
over |x| <= c is c, c = 4.89 for one draw in a million beyond it; and the rounding of 32 epsilons of |x|."""
_MEAN_NORMAL = math.sqrt(2.0 / math.pi)
_LARGEST_NORMAL = 8.5
"""√2·erfinv(1 - 2^-53) is 8.21."""


LAWS: dict[str, Law] = {
    law.name: law
    for law in [
        Law("uniform", _draw_uniform, lambda r: min(r, 1.0), 1.0 / 3.0, 0.5, 2.0, 1.0),
        Law(
            "normal",
            _draw_normal,
            lambda r: math.erf(r / math.sqrt(2.0)),
            1.0,
            1.0 / math.sqrt(2.0 * math.pi),
            _NORMAL,
            _LARGEST_NORMAL,
        ),
        Law("rademacher", _draw_rademacher, lambda r: 0.5 if r < 1.0 else 1.0, 1.0, None, 0.0, 1.0),
        Law(
            "uniform-product",
            _product(_draw_uniform, False),
            _concentration_uniform_product,
            1.0 / 9.0,
            None,
            2.25,
            1.0,
        ),
        Law(
            "normal-product",
            _product(_draw_normal, False),
            _concentration_normal_product,
            1.0,
            None,
            2.0 * _MEAN_NORMAL * _NORMAL + 1.0,
            _LARGEST_NORMAL**2,
        ),
        Law(
            "uniform-relu-product",
            _product(_draw_uniform, True),
            _half_atom(_concentration_uniform_product),
            1.0 / 18.0,
            None,
            1.75,
            1.0,
        ),
        Law(
            "normal-relu-product",
            _product(_draw_normal, True),
            _half_atom(_concentration_normal_product),
            0.5,
            None,
            1.5 * _MEAN_NORMAL * _NORMAL + 1.0,
            _LARGEST_NORMAL**2,
        ),
    ]
}


def _draw_sparse(p: float) -> Draw:
    """Normal with probability p, else exactly 0. Where the lattice decides which, nothing is known."""

    def draw(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
        import jax
        import jax.numpy as jnp

        key_kept, key_value = jax.random.split(key)
        chance = jax.random.uniform(key_kept, shape, dtype)
        values, resolution = _draw_normal(key_value, shape, dtype)
        kept, close = chance < p, jnp.abs(chance - p) <= 2.0 * _lattice(dtype)
        values, resolution = (jnp.where(kept, x, jnp.zeros_like(x)) for x in (values, resolution))
        return values, jnp.where(close, jnp.asarray(jnp.inf, dtype), resolution)

    return draw


def _draw_levels(levels: int) -> Draw:
    """The levels' whole numbers from a uniform number; where its lattice decides which, nothing is known."""

    def draw(key: "Array", shape: tuple[int, ...], dtype: "DTypeLike") -> "tuple[Array, Array]":
        import jax
        import jax.numpy as jnp

        scaled = jax.random.uniform(key, shape, dtype) * levels
        number = jnp.clip(jnp.floor(scaled), 0, levels - 1)
        values = (number - (levels - 1) // 2) / ((levels - 1) // 2)
        off = jnp.abs(scaled - jnp.round(scaled))
        inside = jnp.round(scaled) % levels != 0
        close = inside & (off <= 2.0 * levels * _lattice(dtype))
        rounding = float(np.finfo(np.dtype(dtype)).eps) * jnp.abs(values)
        return values, jnp.where(close, jnp.asarray(jnp.inf, dtype), rounding)

    return draw


FORMS = ("sparse:p", "levels:L")
"""Laws of input weights that have a number in their name; both have atoms, 0 among them."""


@functools.cache
def _with_number(name: str) -> Law | None:
    """sparse:p or levels:L; None for a name of another form.

    Raises:
        ArgumentError: for a number that is not allowed.
    """
    found = re.fullmatch(r"(sparse|levels):([0-9.e+-]+)", name)
    if found is None:
        return None
    kind, number = found.groups()
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if kind == "sparse":
        p = arguments.real("p", value, above=0.0, high=1.0)
        spread = LAWS["normal"].concentration
        mixed = Law(name, _draw_sparse(p), lambda r: 1.0 - p + p * spread(r), p, None, p * _NORMAL, _LARGEST_NORMAL)
        return dataclasses.replace(mixed, outer="normal")
    levels = arguments.whole("L", value, 3, 10_001)
    if levels % 2 == 0:
        raise ArgumentError(f"L={levels} is not allowed: L is odd, so that 0 is a level")
    half = (levels - 1) // 2
    return Law(
        name,
        _draw_levels(levels),
        lambda r: min(levels, math.floor(2.0 * half * r) + 1) / levels,
        (half + 1) / (3.0 * half),
        None,
        1.0,
        1.0,
        "uniform",
    )


def get_law(law: str | Law) -> Law:
    """The law of that name, or the law itself if it is one already.

    Args:
        law: a name of `LAWS`, or "sparse:p" (normal with probability p, else 0), or "levels:L" (L equally likely
            levels from -1 to 1, L odd).

    Raises:
        ArgumentError: for an unknown name.
    """
    if isinstance(law, Law):
        return law
    try:
        numbered = _with_number(law) if isinstance(law, str) else None
    except ArgumentError as error:
        raise ArgumentError(f"law={law!r} is not allowed: {error}") from None
    return numbered or LAWS[arguments.choice("law", law, [*LAWS, *FORMS])]


def without_atoms(law: str | Law) -> Law:
    """The law, for a bound that asks for one without atoms.

    Raises:
        ArgumentError: for a law with atoms.
    """
    law = get_law(law)
    if law.atom > 0.0:
        raise ArgumentError(
            f"law={law.name!r} is not allowed: this bound needs a law without atoms, here one value has probability "
            f"{law.atom:g}"
        )
    return law


__all__ = ["FORMS", "LAWS", "Draw", "Law", "get_law", "without_atoms"]
