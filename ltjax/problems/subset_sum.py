"""Random subset sum: does a subset of n random numbers come within ε of a target, or of all of [-1, 1]?"""

import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, get_law
from ltjax.problems.base import AbstractProblem

MAX_TERMS = 40
"""Meet in the middle holds two lists of 2^(n/2) sums: 2^20 each at n = 40."""
MAX_COVER_TERMS = 24
"""Coverage needs all 2^n sums in order: 2^24 of them are 64 MiB in int32."""


class Instance(NamedTuple):
    """What is drawn: the numbers, the target, how far the lattice may move any sum of the first k numbers, and a
    bound on what all numbers that could have been drawn, and the target, add up to (infinite: none is known).

    Many instances have a leading trials axis in each.
    """

    values: Any
    target: Any
    moved: Any
    total: Any


@dataclasses.dataclass(frozen=True)
class SubsetSum(AbstractProblem):
    """Random subset sum (Lueker 1998): X_1..X_n independent, a hit is a subset S with |z - Σ_S X| <= ε.

    Args:
        law: the law of the X_i, by name or as a `Law`.
        target: z, a number; or "uniform", drawn from U[-1,1] for each trial; or "cover": every z in [-1, 1].
            In several dimensions z is the same number in each coordinate.
        size: only subsets of exactly this many elements.
        max_size: only subsets of at most this many elements.
        d: dimension of the X_i; the distance is the sup norm.

    Raises:
        ArgumentError: for an unknown law or target, or a combination that has no meaning.
    """

    law: Law | str = "uniform"
    target: float | Literal["uniform", "cover"] = 0.5
    size: int | None = None
    max_size: int | None = None
    d: int = 1
    name: ClassVar[str] = "subset-sum"

    def __post_init__(self) -> None:
        object.__setattr__(self, "law", get_law(self.law))
        if not (isinstance(self.target, str) and self.target in ("uniform", "cover")):
            try:
                object.__setattr__(self, "target", arguments.real("target", self.target))
            except ArgumentError:
                raise ArgumentError(
                    f"target={self.target!r} is not allowed: target is a finite number, uniform or cover"
                ) from None
        object.__setattr__(self, "d", arguments.whole("d", self.d, 1, 64))
        for name in ("size", "max_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, arguments.whole(name, getattr(self, name), 0, MAX_TERMS))
        if self.size is not None and self.max_size is not None:
            raise ArgumentError(f"size={self.size} and max_size={self.max_size} exclude each other: give one of them")
        if self.target == "cover" and (self.restricted or self.d > 1):
            raise ArgumentError("target='cover' goes with d=1 and without size and max_size")
        if self.restricted and self.d > 1:
            raise ArgumentError(f"size and max_size go with d=1, not d={self.d}")

    @property
    def restricted(self) -> bool:
        """Whether subsets of some sizes only count."""
        return self.size is not None or self.max_size is not None

    @property
    def max_n(self) -> int:
        return MAX_COVER_TERMS if self.target == "cover" else MAX_TERMS

    @property
    def lattice(self) -> float | None:
        # A target that float32 does not hold would be off by as much as its own rounding, at any ε.
        exact = isinstance(self.target, str) or float(np.float32(self.target)) == self.target
        each = get_law(self.law).lattice
        return None if each is None or not exact else self.max_n * each

    def draw(self, key: Any, n: int) -> Instance:
        import jax
        import jax.numpy as jnp

        law, dtype = get_law(self.law), jnp.result_type(float)
        key_values, key_target = jax.random.split(key)
        values, resolution = law.draw(key_values, (n,) if self.d == 1 else (n, self.d), dtype)
        shape = values.shape[1:]
        moved = jnp.cumsum(resolution, axis=0)
        if self.target == "uniform":
            target, of_target = get_law("uniform").draw(key_target, shape, dtype)
            moved = moved + of_target
        else:
            target = jnp.full(shape, self._number, dtype)
        largest = math.inf if law.largest is None else law.largest
        total = jnp.full((), self.max_n * largest + abs(self._number), dtype)
        return Instance(values, target, moved if self.d == 1 else jnp.max(moved, axis=1), total)

    @property
    def _number(self) -> float:
        """The target as a number: for a drawn one and for coverage the largest that it may be."""
        return 1.0 if isinstance(self.target, str) else float(self.target)

    def targets(self, instances: Instance) -> np.ndarray:
        """The targets as the question has them, in float64: a number that was asked for is not rounded."""
        drawn = np.asarray(instances.target, np.float64)
        return drawn if self.target == "uniform" else np.full_like(drawn, self._number)

    def error(self, instance: Instance, mask: Any, eps: float | None = None) -> tuple[Any, Any]:
        many = Instance(*(np.asarray(x)[None] for x in instance))
        wanted = np.ones((1, 1, 1), bool)
        bounds = self.errors(many, np.asarray(mask, bool)[None, None, None], wanted, np.array([eps or 0.0]))
        return tuple(float(bound[0, 0, 0]) for bound in bounds)  # type: ignore[return-value]

    def errors(self, instances: Instance, masks: np.ndarray, wanted: np.ndarray, eps: np.ndarray) -> tuple[Any, Any]:
        """|z - Σ|, in float64; where rounding could turn a comparison with ε, by correctly rounded sums."""
        from ltjax.certify import rounding

        values, target = np.asarray(instances.values, np.float64), self.targets(instances)
        if masks.shape[2] > 1:
            # One mask an ε: each column is a question of its own.
            each = [
                self.errors(instances, masks[:, :, j : j + 1], wanted[..., j : j + 1], eps[j : j + 1])
                for j in range(masks.shape[2])
            ]
            return tuple(np.concatenate(bounds, axis=2) for bounds in zip(*each, strict=True))  # type: ignore
        chosen = masks[:, :, 0]
        sums = np.einsum("tpn,tn...->tp...", chosen, values, optimize=True)
        off = np.abs(target[:, None] - sums)
        size = np.abs(values).sum(axis=1) + np.abs(target)
        if self.d > 1:
            off, size = off.max(axis=2), size.max(axis=1)
        margin = np.broadcast_to(rounding.subset_sum(values.shape[1] + 1, size)[:, None], off.shape)
        lower, upper = np.maximum(off - margin, 0.0), off + margin
        close = (lower[..., None] <= eps) & (upper[..., None] > eps)
        for t, i in np.argwhere(close.any(axis=2)):
            lower[t, i], upper[t, i] = _exact(values[t][chosen[t, i]], target[t])
        allowed = self._allowed(chosen)
        lower, upper = np.where(allowed, lower, np.inf), np.where(allowed, upper, np.inf)
        return tuple(np.broadcast_to(bound[..., None], wanted.shape) for bound in (lower, upper))  # type: ignore

    def _allowed(self, chosen: np.ndarray) -> np.ndarray:
        """Whether subsets have a size that counts; the empty set of a prefix too short for any has not."""
        count = chosen.sum(axis=-1)
        if self.size is not None:
            return count == self.size
        return count <= self.max_size if self.max_size is not None else np.ones(count.shape, bool)

    def moved(self, instances: Instance, parts: np.ndarray) -> np.ndarray:
        # Of a prefix as a whole: the best subset of the law's own draw may be another one.
        # The empty subset is moved by the target alone, which the first entry holds too.
        last = np.where(parts.any(axis=-1), parts.shape[-1] - 1 - np.argmax(parts[..., ::-1], axis=-1), 0)
        each = np.asarray(instances.moved, np.float64)
        each = each.reshape(each.shape[0], *[1] * (parts.ndim - 2), each.shape[1])
        shape = np.broadcast_shapes(last.shape, each.shape[:-1])
        last, each = np.broadcast_to(last, shape), np.broadcast_to(each, (*shape, each.shape[-1]))
        return np.take_along_axis(each, last[..., None], -1)[..., 0]


def _exact(terms: np.ndarray, target: np.ndarray | np.floating) -> tuple[float, float]:
    """Bounds of max |target - Σ terms|, apart by one unit in the last place at most: `math.fsum` rounds once."""
    low = high = 0.0
    for z, column in zip(np.atleast_1d(target), np.atleast_2d(terms.T).reshape(np.size(target), -1), strict=True):
        signed = [float(z), *(-float(x) for x in column)]
        value = math.fsum(signed)
        rest = math.fsum([*signed, -value]) * (1.0 if value >= 0.0 else -1.0)
        size = abs(value)
        low = max(low, math.nextafter(size, 0.0) if rest < 0.0 else size)
        high = max(high, math.nextafter(size, math.inf) if rest > 0.0 else size)
    return low, high


__all__ = ["MAX_COVER_TERMS", "MAX_TERMS", "Instance", "SubsetSum"]
