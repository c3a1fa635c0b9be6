"""The one question of pruning: does a start network hold, under a pattern, one within ε of a target?"""

import abc
import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import FORMS, Law, get_law
from ltjax.patterns import AbstractPattern
from ltjax.problems.base import AbstractProblem

LAWS = ("normal", "uniform", *FORMS)
READOUTS = ("linear", "relu")
TARGETS = ("axis", "generic")
GENERIC_KINK = 0.3
CELLS_OF_WEIGHTS = 20_000


class StartNetwork(NamedTuple):
    """A start network, or those of its neurons that bend near the target's kink; the target; what is true of the draw.

    The target is σ(⟨w, x⟩ + c). Many networks have a leading trials axis in each.

    Attributes:
        u, v, b: rows (n, d), output weights (n,), biases (n,); b is 0 where hidden units have none.
        w, c: the target's direction (d,) and offset ().
        moved: how far the law's lattice may move each neuron's function on the unit ball, (n,).
        number: which neuron of the network each is, counted from 1, ascending, (n,).
        window: every neuron with a kink line within this angle of the target's is listed, radians, (),
        upto: among the first so many of the network, ().
        chance: bits for a search that needs some, (2,).
    """

    u: Any
    v: Any
    b: Any
    w: Any
    c: Any
    moved: Any
    number: Any
    window: Any
    upto: Any
    chance: Any


def kink_of(target: Any) -> float:
    """The kink c that a target's option names on the interval: "axis" is 0, "generic" 0.3, or a number in (-1, 1)."""
    words = {"axis": 0.0, "generic": GENERIC_KINK}
    if isinstance(target, str):
        return words[arguments.choice("target", target, words)]
    return arguments.real("target", target, above=-1.0, below=1.0)


@dataclasses.dataclass(frozen=True)
class AbstractPruning(AbstractProblem):
    """What all ways of pruning share: start network, target, error. Options are those of the final classes."""

    d: int = 2
    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    in_pieces: ClassVar[bool] = True
    """Whether a mask has an axis of input weights, shape (n, d), or says which neurons stay, shape (n,)."""
    cells: ClassVar[int] = CELLS_OF_WEIGHTS
    """Of the branch and bound that certifies an error, d >= 4; a hit that it cannot confirm is undecided."""

    @property
    def error_without_eps(self) -> bool:  # type: ignore[override]
        # In more dimensions a bound is as tight as it takes to compare it with ε.
        return self.d <= 2

    @property
    def drawn_as(self) -> "AbstractPruning":
        # The readout has no part in a draw.
        return dataclasses.replace(self, readout="linear")

    @property
    @abc.abstractmethod
    def rule(self) -> AbstractPattern:
        """The pattern: which masks are allowed."""

    def _check(self, bias: bool) -> None:
        object.__setattr__(self, "d", arguments.whole("d", self.d, 1, 64))
        arguments.choice("readout", self.readout, READOUTS)
        name = getattr(self.law, "name", self.law)
        numbered = str(name).partition(":")[0] in ("sparse", "levels")
        object.__setattr__(self, "law", get_law(name if numbered else arguments.choice("law", name, LAWS)))
        if bias:
            kink_of(self.target)
        elif isinstance(self.target, str):
            arguments.choice("target", self.target, TARGETS)
        elif self.d != 2:
            arguments.real("target", self.target)
            raise ArgumentError(
                f"target={self.target!r} is not allowed: an angle names a target in the plane only, here d={self.d}"
            )
        else:
            object.__setattr__(self, "target", arguments.real("target", self.target))

    @property
    def atoms(self) -> bool:
        """Whether input weights may be equal: then kinks may, too."""
        return get_law(self.law).atom > 0.0

    @property
    def on_axis(self) -> bool:
        """Whether the target is σ(x_1)."""
        return self.d == 1 or self.target in ("axis", 0.0)

    def _start(self, key: Any, n: int, key_target: Any = None, key_chance: Any = None, bias: bool = False) -> Any:
        """A whole start network; in one or two dimensions the target is no matter of chance."""
        import jax
        import jax.numpy as jnp

        from ltjax.networks import make_target, sample_weights

        dtype = jnp.result_type(float)
        weights = sample_weights(key, n, self.d, self.law, bias=bias, dtype=dtype)
        if bias:
            w, c = jnp.ones(1, dtype), jnp.asarray(-kink_of(self.target), dtype)
        else:
            w, c = make_target(self.target, self.d, key_target, dtype).w, jnp.zeros((), dtype)
        b = jnp.zeros(n, dtype) if weights.b is None else weights.b
        chance = jnp.zeros(2, jnp.uint32) if key_chance is None else jax.random.key_data(key_chance)
        everywhere = jnp.asarray(math.inf, dtype)
        number = jnp.arange(1.0, n + 1.0, dtype=dtype)
        return StartNetwork(weights.u, weights.v, b, w, c, weights.moved, number, everywhere, everywhere, chance)

    def error(self, instance: StartNetwork, mask: Any, eps: float | None = None) -> tuple[float, float]:
        """As `AbstractProblem.error`; of a mask that the pattern does not allow it is infinite."""
        keep = np.asarray(mask, bool)
        u, v, b, w = (np.asarray(x, np.float64) for x in (instance.u, instance.v, instance.b, instance.w))
        if not self.in_pieces:
            return network_error(u[keep], v[keep], b[keep], w, instance.c, self.readout, eps, self.cells)
        kept, most = keep.any(axis=1), int(keep.sum(axis=1).max(initial=0))
        if not self.rule.allowed(keep):
            return math.inf, math.inf
        rows = (u * keep)[kept]
        if self.d > 2 and len(w) == self.d and self.separable and most <= 1 and self.rule.one_each | (most == 1):
            return self._separable_error(rows, v[kept], w)
        # The ball's shadow on the inputs that matter is a ball.
        read = keep.any(axis=0) | (w != 0.0)
        return network_error(rows[:, read], v[kept], b[kept], w[read], instance.c, self.readout, eps, self.cells)

    @property
    def separable(self) -> bool:
        """Whether sums of v_i|u_ij|·σ(±x_j) can make the target."""
        return self.readout == "relu" or self.on_axis

    def _separable_error(self, rows: np.ndarray, v: np.ndarray, w: np.ndarray) -> tuple[float, float]:
        """Of a mask that keeps at most one input weight a neuron: exact for the sums; a σ around both moves no error
        upward. See `ltjax.search.masks.single_weights.separable_error`."""
        from ltjax.certify import rounding

        above, below = (v[:, None] * np.maximum(s * rows, 0.0) for s in (1.0, -1.0))
        # Of an axis target only σ(x_1) counts.
        plus, minus = (np.eye(1, self.d)[0], np.zeros(self.d)) if self.on_axis else (w, w)
        residual = np.stack([above.sum(axis=0) - plus, below.sum(axis=0) + minus], axis=1)
        square = [float((np.maximum(s * residual, 0.0).max(axis=1) ** 2).sum()) for s in (1.0, -1.0)]
        scale = float(np.abs(v[:, None] * rows).sum()) + 1.0 + float(np.abs(w).sum())
        # Sums of at most n products; the norm of the residuals' roundings is at most their sum.
        return 0.0, math.sqrt(max(square)) + rounding.separable_error(len(v), self.d, scale)

    def witness(self, mask: np.ndarray) -> dict[str, np.ndarray]:
        return {"mask_u": mask, "mask_v": np.asarray(mask.any(axis=-1))} if self.in_pieces else {"mask": mask}


def network_error(
    u: Any, v: Any, b: Any, w: Any, c: Any, readout: str, eps: float | None, cells: int
) -> tuple[float, float]:
    """Certified bounds of the sup-norm error of a network over the unit ball, by the method for its dimension."""
    from ltjax.certify.errors import interval, plane, sphere

    if u.shape[1] == 1:
        value, margin = interval.exact_error(u[:, 0], v, b, float(w[0]), float(c), readout)
    elif u.shape[1] == 2:
        value, margin = plane.exact_error(u, v, w, readout=readout)
    else:
        return sphere.certified_error(u, v, w, readout=readout, eps=eps, cells=cells)
    return max(value - margin, 0.0), value + margin


__all__ = ["AbstractPruning", "StartNetwork", "kink_of", "network_error"]
