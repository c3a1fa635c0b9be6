"""Two-layer ReLU networks, their masks and their targets, as frozen pytrees.

Conventions (those of the theory that the package verifies): inputs lie in the Euclidean unit ball of
R^d, σ(t) = max(t, 0), the hidden layer has rows u_i and, only where a bias is given, biases b_i; the
output weights are v_i. The readout is `linear`, g(x) = Σ m_i v_i σ(⟨u_i, x⟩ + b_i), or `relu`, σ of
that. A target is f(x) = σ(⟨w, x⟩ + c) with ‖w‖ = 1 and c = 0 unless said otherwise.
"""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, get_law

READOUTS = ("linear", "relu")
TARGETS = ("axis", "generic")
GENERIC_ANGLE = 0.7  # radians: the generic target of the plane


def _concrete(*arrays: Any) -> bool:
    """Whether values can be looked at: inside a trace only shapes can be checked."""
    return not any(isinstance(array, Tracer) for array in arrays)


def _is_array(value: Any) -> bool:
    """Whether JAX rebuilt the field with data, not with a placeholder of its own."""
    return isinstance(value, jax.Array | np.ndarray)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TwoLayerNetwork:
    """A two-layer ReLU network with one output.

    Attributes:
        u: hidden rows, shape (..., n, d); leading axes, if any, are a batch of networks.
        v: output weights, shape (..., n).
        b: hidden biases, shape (..., n), or None for a layer without bias.
        readout: "linear" (the weighted sum itself) or "relu" (its positive part). Static.
    """

    u: Float[Array, "*batch n d"]
    v: Float[Array, "*batch n"]
    b: Float[Array, "*batch n"] | None = None
    readout: str = dataclasses.field(default="linear", metadata={"static": True})

    def __post_init__(self) -> None:
        arguments.choice("readout", self.readout, READOUTS)
        # Transformations rebuild the class with placeholders in the fields; only data is checked.
        if not (_is_array(self.u) and _is_array(self.v)):
            return
        if self.u.ndim < 2 or self.u.shape[-1] < 1:
            raise ArgumentError(f"u has shape {self.u.shape}: allowed is (n, d) with d at least 1")
        if self.v.shape != self.u.shape[:-1]:
            raise ArgumentError(
                f"v has shape {self.v.shape}: allowed is {self.u.shape[:-1]}, one output weight a row of u"
            )
        if self.b is not None and _is_array(self.b) and self.b.shape != self.v.shape:
            raise ArgumentError(f"b has shape {self.b.shape}: allowed is {self.v.shape}, one bias a row of u")

    @property
    def n(self) -> int:
        """Number of hidden neurons."""
        return self.u.shape[-2]

    @property
    def d(self) -> int:
        """Input dimension."""
        return self.u.shape[-1]

    def __call__(self, x: Float[Array, "*points d"]) -> Float[Array, "*points"]:
        """The network's value at points x of shape (..., d); see `apply`."""
        return apply(self, x)


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Target:
    """The function σ(⟨w, x⟩ + c), one neuron.

    Attributes:
        w: unit direction, shape (d,).
        c: offset, a scalar; 0 except for biased hidden units, where d = 1, w = (1,) and c = -kink.
    """

    w: Float[Array, " d"]
    c: Float[Array, ""] | float = 0.0

    def __call__(self, x: Float[Array, "*points d"]) -> Float[Array, "*points"]:
        """The target's value at points x of shape (..., d)."""
        return jnp.maximum(x @ self.w + self.c, 0.0)


def check_network(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """The network itself, or one clear line if a weight is NaN or infinite (host only).

    Raises:
        ArgumentError: naming the array, the first bad entry and its value.
    """
    for name, array in (("u", network.u), ("v", network.v), ("b", network.b)):
        if array is None or not _concrete(array):
            continue
        values = np.asarray(array)
        bad = np.argwhere(~np.isfinite(values))
        if bad.size:
            index = tuple(int(i) for i in bad[0])
            raise ArgumentError(f"{name}{list(index)}={values[index]} is not allowed: {name} holds finite numbers")
    return network


def unit_target(w: Any, d: int | None = None) -> Target:
    """σ(⟨w, ·⟩) for a given unit vector.

    Args:
        w: shape (d,), of Euclidean length 1 to within 1e-4 (float32 input); it is normalised exactly.
        d: the dimension it must have, if known.

    Raises:
        ArgumentError: if w is no finite vector of length 1, or of another dimension than d.
    """
    vector = np.asarray(w, dtype=np.float64)
    length = float(np.linalg.norm(vector)) if vector.ndim == 1 else math.nan
    if vector.ndim != 1 or not abs(length - 1.0) <= 1e-4:
        raise ArgumentError(f"target={w!r} is not allowed: target is a finite vector of Euclidean length 1")
    if d is not None and vector.size != d:
        raise ArgumentError(f"target has {vector.size} entries: allowed is d={d} entries")
    dtype = w.dtype if _is_array(w) and jnp.issubdtype(w.dtype, jnp.floating) else jnp.float32
    return Target(jnp.asarray(vector / length, dtype))


def make_target(
    target: str | float | Any,
    d: int,
    key: Key[Array, ""] | None = None,
    dtype: DTypeLike = jnp.float32,
) -> Target:
    """The target that a problem's option names.

    Args:
        target: "axis" (w = e_1), "generic" (at 0.7 rad in the plane; uniform on the sphere for d >= 3,
            which needs `key`; e_1 for d = 1), an angle in radians (d = 2 only), or a unit vector.
        d: input dimension, at least 1.
        key: typed key, used for "generic" with d >= 3 only.
        dtype: of w.

    Raises:
        ArgumentError: for d < 1, an unknown word, an angle with d != 2, a vector not of unit length.
    """
    d = arguments.whole("d", d, 1)
    if isinstance(target, str):
        arguments.choice("target", target, TARGETS)
        if target == "axis" or d == 1:
            return Target(jnp.zeros(d, dtype).at[0].set(1.0))
        if d == 2:
            return make_target(target_angle(target), 2, dtype=dtype)
        if key is None:
            raise ArgumentError(
                f"key=None is not allowed: a generic target in d={d} dimensions is drawn, it needs a key"
            )
        return Target(random_directions(key, 1, d, dtype)[0])
    if np.ndim(target) == 0:
        angle = arguments.real("target", target)
        if d != 2:
            raise ArgumentError(
                f"target={target!r} is not allowed: an angle names a target in the plane only, here d={d}"
            )
        return Target(jnp.asarray([math.cos(angle), math.sin(angle)], dtype))
    return unit_target(target, d)


def target_angle(target: str | float) -> float:
    """The angle of w in the plane, radians, that a problem's option names."""
    words = {"axis": 0.0, "generic": GENERIC_ANGLE}
    return words[arguments.choice("target", target, words)] if isinstance(target, str) else float(target)


def random_directions(
    key: Key[Array, ""], count: int, d: int, dtype: DTypeLike = jnp.float32
) -> Float[Array, "count d"]:
    """Independent uniform points of the sphere S^{d-1}, shape (count, d)."""
    x = jax.random.normal(key, (count, d), dtype)
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


class Weights(NamedTuple):
    """Weights of one start network, and how far its draws may lie from the law's.

    Attributes:
        u: rows, shape (n, d); v: output weights, shape (n,); b: biases, shape (n,), or None.
        moved: how far each neuron's function on the unit ball may be from that of a draw from the continuous
            law, coupled with this one, shape (n,); see `ltjax.laws`. Infinite where nothing is known.
    """

    u: Float[Array, "n d"]
    v: Float[Array, " n"]
    b: Float[Array, " n"] | None
    moved: Float[Array, " n"]


def sample_weights(
    key: Key[Array, ""],
    n: int,
    d: int,
    law: str | Law = "normal",
    *,
    bias: bool = False,
    dtype: DTypeLike | None = None,
) -> Weights:
    """Every weight independent of the given law; arguments as for `sample_network`, for use under `jax.vmap`.

    The dtype is JAX's default float type unless one is given.
    """
    law, dtype = get_law(law), jnp.result_type(float) if dtype is None else dtype
    if law.outer is None:
        # One draw, a row a neuron: every other draw would be compiled again.
        drawn, moved = law.draw(key, (n, d + 1 + bias), dtype)
    else:
        key_rows, key_outer = jax.random.split(key)
        parts = law.draw(key_rows, (n, d), dtype), get_law(law.outer).draw(key_outer, (n, 1 + bias), dtype)
        drawn, moved = (jnp.concatenate(x, axis=1) for x in zip(*parts, strict=True))
    u, v, b = drawn[:, :d], drawn[:, d], drawn[:, d + 1] if bias else None
    du, dv, db = moved[:, :d], moved[:, d], moved[:, d + 1] if bias else None
    # A unit moved from (u, b, v) to (u + du, b + db, v + dv) is moved by at most this on the unit ball.
    size, dsize = jnp.linalg.norm(u, axis=1), jnp.linalg.norm(du, axis=1)
    if b is not None and db is not None:
        size, dsize = size + jnp.abs(b), dsize + db
    moved = jnp.abs(v) * dsize + dv * (size + dsize)
    # inf - inf and 0·inf must not hide that nothing is known.
    return Weights(u, v, b, jnp.where(jnp.isfinite(dsize) & jnp.isfinite(dv), moved, jnp.inf))


def sample_network(
    key: Key[Array, ""],
    n: int,
    d: int,
    law: str | Law = "normal",
    readout: str = "linear",
    bias: bool = False,
    dtype: DTypeLike = jnp.float32,
) -> TwoLayerNetwork:
    """A start network: every weight independent of the given law.

    The first k neurons of a network of n are the network of k drawn with the same key, so one drawn
    trial decides every smaller n.

    Args:
        key: typed key (`jax.random.key`).
        n: hidden neurons, at least 1.
        d: input dimension, at least 1.
        law: of every weight and bias; a name or a `Law`.
        readout: "linear" or "relu".
        bias: whether hidden units carry a bias of the same law.
        dtype: of the draws.

    Raises:
        ArgumentError: for n < 1, d < 1, an unknown law or readout.
    """
    n = arguments.whole("n", n, 1)
    d = arguments.whole("d", d, 1)
    weights = sample_weights(key, n, d, law, bias=bias, dtype=dtype)
    return TwoLayerNetwork(weights.u, weights.v, weights.b, readout)


def prune_neurons(network: TwoLayerNetwork, mask: Bool[Array, "*batch n"]) -> TwoLayerNetwork:
    """The network with output weight 0 where the mask is False: those rows are taken out."""
    return dataclasses.replace(network, v=jnp.where(mask, network.v, 0.0))


def prune_weights(
    network: TwoLayerNetwork,
    mask_u: Bool[Array, "*batch n d"],
    mask_v: Bool[Array, "*batch n"],
) -> TwoLayerNetwork:
    """The network with single weights cut: u where mask_u is False, v where mask_v is False."""
    return dataclasses.replace(network, u=jnp.where(mask_u, network.u, 0.0), v=jnp.where(mask_v, network.v, 0.0))


def extract_neurons(network: TwoLayerNetwork, mask: Any) -> TwoLayerNetwork:
    """The smaller dense network that holds only the masked neurons (host only: the shape depends on data)."""
    keep = np.flatnonzero(np.asarray(mask))
    return TwoLayerNetwork(
        u=network.u[keep],
        v=network.v[keep],
        b=None if network.b is None else network.b[keep],
        readout=network.readout,
    )


def apply(network: TwoLayerNetwork, x: Float[Array, "*points d"]) -> Float[Array, "*points"]:
    """The network's value at points x.

    Args:
        network: one network (no batch axes; use `jax.vmap` over a batch of them).
        x: points, shape (..., d).

    Returns:
        values, shape (...).
    """
    hidden = x @ network.u.T
    if network.b is not None:
        hidden = hidden + network.b
    out = jnp.maximum(hidden, 0.0) @ network.v
    return jnp.maximum(out, 0.0) if network.readout == "relu" else out


def sampled_error(network: TwoLayerNetwork, target: Target, x: Float[Array, "points d"]) -> Float[Array, ""]:
    """max |network - target| over given points: a lower bound on the sup-norm error, never more."""
    return jnp.max(jnp.abs(apply(network, x) - target(x)))


__all__ = [
    "GENERIC_ANGLE",
    "READOUTS",
    "TARGETS",
    "Target",
    "TwoLayerNetwork",
    "Weights",
    "apply",
    "check_network",
    "extract_neurons",
    "make_target",
    "prune_neurons",
    "prune_weights",
    "random_directions",
    "sample_network",
    "sample_weights",
    "sampled_error",
    "target_angle",
    "unit_target",
]
