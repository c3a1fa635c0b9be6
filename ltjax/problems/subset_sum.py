"""Random subset sum: does a subset of n random numbers come within ε of a target, or of all of [-1, 1]?"""

import dataclasses
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, get_law
from ltjax.problems.base import AbstractProcedure, Decision, status_of
from ltjax.search.sums import nearest as kernels

# Above this, the float32 lattice (2^-22) moves no decision that matters: forty steps of it are 1% of ε.
FLOAT32_EPS = 2.0**-10


class Instance(NamedTuple):
    """What is drawn: the numbers, the target, and how far the lattice may move any sum of the first k numbers.

    Many instances have a leading trials axis in each.
    """

    values: Float[Array, "n *d"]
    target: Float[Array, " *d"]
    moved: Float[Array, " n"]


class Found(NamedTuple):
    """What the search says of a trial, in quanta, and how far the quanta may lie from the numbers."""

    quantum: Float[Array, " trials"]
    guard: Float[Array, " trials"]
    found: kernels.Nearest | kernels.Cover


@dataclasses.dataclass(frozen=True)
class SubsetSum(AbstractProcedure):
    """Random subset sum (Lueker 1998): X_1..X_n independent, a hit is a subset S with |z - Σ_S X| <= ε.

    Args:
        law: the law of the X_i, by name or as a `Law`.
        target: z; or "uniform", drawn from U[-1,1] for each trial; or "cover": every z in [-1, 1].
            In several dimensions z is the same number in each coordinate.
        size: only subsets of exactly this many elements.
        max_size: only subsets of at most this many elements.
        d: dimension of the X_i; the distance is the sup norm.
        dtype: "float32", "float64", or "auto": float32 where ε >= 2^-10, else float64.

    Raises:
        ArgumentError: for an unknown law, target or dtype, or a combination that has no meaning.
    """

    law: Law | str = "uniform"
    target: float | Literal["uniform", "cover"] = 0.5
    size: int | None = None
    max_size: int | None = None
    d: int = 1
    dtype: Literal["auto", "float32", "float64"] = "auto"
    name: str = dataclasses.field(init=False, default="subset-sum", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "law", get_law(self.law))
        if isinstance(self.target, str) and self.target in ("uniform", "cover"):
            pass
        else:
            try:
                object.__setattr__(self, "target", arguments.real("target", self.target))
            except ValueError:
                raise ArgumentError(
                    f"target={self.target!r} is not allowed: target is a finite number, uniform or cover"
                ) from None
        arguments.whole("d", self.d, 1, 64)
        arguments.choice("dtype", self.dtype, ["auto", "float32", "float64"])
        for name in ("size", "max_size"):
            if getattr(self, name) is not None:
                arguments.whole(name, getattr(self, name), 0, kernels.MAX_TERMS)
        restricted = self.size is not None or self.max_size is not None
        if self.size is not None and self.max_size is not None:
            raise ArgumentError(f"size={self.size} and max_size={self.max_size} exclude each other: give one of them")
        if self.target == "cover" and (restricted or self.d > 1):
            raise ArgumentError("target='cover' goes with d=1 and without size and max_size")
        if restricted and self.d > 1:
            raise ArgumentError(f"size and max_size go with d=1, not d={self.d}")

    @property
    def max_n(self) -> int:
        return kernels.MAX_COVER_TERMS if self.target == "cover" else kernels.MAX_TERMS

    @property
    def uses_float64(self) -> bool:
        return self.dtype == "float64"

    def resolved(self, eps: float) -> "SubsetSum":
        if self.dtype != "auto":
            return self
        return dataclasses.replace(self, dtype="float32" if eps >= FLOAT32_EPS else "float64")

    def block(self, n: int) -> int:
        if self.target == "cover":
            return kernels.block_size(1 << n)
        if self.d > 1:
            return kernels.block_size(self.d << min(n, kernels.DIRECT_TERMS))
        return kernels.block_size(2 << (n // 2))

    def first_guess(self, eps: float) -> int:
        n = math.ceil(max(0.0, -math.log2(eps)) * self.d + 4)
        return min(self.max_n, n + math.ceil(n / 8) if self.target == "cover" else n)

    def searched_as(self) -> "SubsetSum":
        return dataclasses.replace(self, law="uniform", target="cover" if self.target == "cover" else 0.0)

    def draw(self, key: Key[Array, ""], n: int) -> Instance:
        law, dtype = get_law(self.law), jnp.dtype(self.dtype)
        key_values, key_target = jax.random.split(key)
        values, resolution = law.draw(key_values, (n,) if self.d == 1 else (n, self.d), dtype)
        shape = values.shape[1:]
        moved = jnp.cumsum(resolution, axis=0)
        if self.target == "uniform":
            target, of_target = get_law("uniform").draw(key_target, shape, dtype)
            moved = moved + of_target
        else:
            target = jnp.full(shape, 1.0 if self.target == "cover" else self.target, dtype)
        return Instance(values, target, moved if self.d == 1 else jnp.max(moved, axis=1))

    def search(self, instances: Instance, ns: tuple[int, ...], eps: Float[Array, " eps"]) -> Found:
        del eps  # the least error decides every ε
        values, target = jnp.moveaxis(instances.values, 0, -1), jnp.moveaxis(instances.target, 0, -1)
        fixed = kernels.to_fixed_point(values, target)
        if self.target == "cover":
            found = kernels.cover(fixed.values, -fixed.target, fixed.target, ns)
        elif self.d > 1:
            found = kernels.nearest_vector(fixed.values, fixed.target, ns)
        elif self.size is not None or self.max_size is not None:
            found = kernels.nearest_of_size(fixed.values, fixed.target, ns, self.size, self.max_size)
        else:
            found = kernels.nearest(fixed.values, fixed.target, ns)
        return Found(fixed.quantum, fixed.guard, jax.tree.map(jnp.transpose, found))

    def judge(self, instances: Instance, found: Found, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        values, target = (np.asarray(x, np.float64) for x in (instances.values, instances.target))
        quantum = np.asarray(found.quantum, np.float64)[:, None]
        # 2^-50: the roundings of this method's own float64 arithmetic, generously.
        size = np.abs(values).sum(axis=1) + np.abs(target)
        size = size if self.d == 1 else size.max(axis=1)
        rounding = 2.0**-50 * max(ns) * size[:, None]
        band = np.asarray(found.guard, np.float64)[:, None] + rounding
        moved = np.asarray(instances.moved, np.float64)[:, np.asarray(ns) - 1]
        instance = {"values": values, "target": target}
        best = found.found
        if isinstance(best, kernels.Cover):
            radius, point = np.asarray(best.radius) * quantum / 2, np.asarray(best.point) * quantum / 2
            lower, upper = np.maximum(radius - band - moved, 0.0), radius + band + moved
            return Decision(status_of(lower, upper, eps), lower, upper, instance, {"point": point})
        masks = kernels.unpack_masks(best.even, best.odd, max(ns))
        # A prefix too short for subsets of the wanted size has none: its error is infinite.
        possible = np.asarray(ns) >= (self.size or 0)
        claimed = np.where(possible, best.error * quantum, np.inf)
        sums = np.einsum("tpn,tn...->tp...", masks, values, optimize=True)
        error = np.abs(target[:, None] - sums)
        error = np.where(possible, error if self.d == 1 else error.max(axis=2), np.inf)
        if np.any(error > claimed + band):
            raise RuntimeError("a subset does not have the error its solver claimed: the solver is broken")
        lower = np.where(possible, np.maximum(claimed - band - moved, 0.0), np.inf)
        upper = error + rounding + moved
        return Decision(status_of(lower, upper, eps), lower, upper, instance, {"mask": masks})
