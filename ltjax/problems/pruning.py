"""Pruning: does a random two-layer ReLU network hold one within ε of a target, with nothing trained?

Two questions on the same start networks: `NeuronPruning` takes out whole rows, `WeightPruning` cuts single weights.
"""

import dataclasses
import math
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, get_law
from ltjax.problems.base import AbstractProblem

LAWS = ("normal", "uniform")
READOUTS = ("linear", "relu")
TARGETS = ("axis", "generic")
GENERIC_KINK = 0.3
CELLS = 4000
"""Of the branch and bound that certifies the error of whole rows, d >= 3; a hit that it cannot confirm is undecided."""
CELLS_OF_WEIGHTS = 20_000
MOST_DIMENSIONS = 16
"""Up to here the nearest normal's weights are known."""
MOST_PLACES = 4096
"""Of neurons near a target's normal, drawn alone."""


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
    """What both kinds of pruning share: the start network and the target. Options are those of the final classes."""

    d: int = 2
    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"

    def _check(self, bias: bool) -> None:
        object.__setattr__(self, "d", arguments.whole("d", self.d, 1, 64))
        arguments.choice("readout", self.readout, READOUTS)
        object.__setattr__(self, "law", get_law(arguments.choice("law", getattr(self.law, "name", self.law), LAWS)))
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


@dataclasses.dataclass(frozen=True)
class NeuronPruning(AbstractPruning):
    """Two-layer ReLU networks, pruned by neurons, against σ(⟨w, x⟩) on the unit ball.

    Args:
        d: input dimension, 1 to 64.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform".
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane. With bias the target is σ(x - c): c = 0, 0.3, or a number in (-1, 1).
        bias: whether hidden units carry a bias of the same law; d = 1 only.

    Raises:
        ArgumentError: for options outside these.
    """

    bias: bool = False
    name: ClassVar[str] = "neuron-pruning"

    def __post_init__(self) -> None:
        if self.bias and self.d != 1:
            raise ArgumentError(f"bias=True is not allowed: biased hidden units go with d=1, here d={self.d}")
        self._check(self.bias)

    @property
    def on_the_line(self) -> bool:
        """Whether every kink is at 0."""
        return self.d == 1 and not self.bias

    @property
    def max_n(self) -> int:
        return 40 if self.on_the_line else 10**13 if self.d == 2 or self.caps else 20_000

    @property
    def caps(self) -> bool:
        """Whether neurons near the target's normal tell enough, and can be drawn alone, in d >= 3 dimensions."""
        return 3 <= self.d <= MOST_DIMENSIONS and self.readout == "linear" and get_law(self.law).name == "normal"

    @property
    def error_without_eps(self) -> bool:  # type: ignore[override]
        return self.d <= 2

    def draw(self, key: Any, n: int) -> StartNetwork:
        import jax

        if self.d <= 2:
            return self._start(key, n, bias=self.bias)
        key_weights, key_target, key_chance = jax.random.split(key, 3)
        return self._start(key_weights, n, key_target, key_chance)

    def draw_near(self, key: Any, n: int, window: float) -> StartNetwork:
        """The same in distribution, of the neurons with a kink within `window` of the target's only.

        In the plane that is an angle between lines, in d >= 3 dimensions (law normal) one between normals. How many
        there are is drawn too, so that a trial costs the same at any n; see `ltjax.networks.near` and `.caps`. They
        are given in the target's frame, w = (0, 1) or (1, 0, …), where small angles keep their precision.
        """
        import jax.numpy as jnp

        if self.d > 2:
            return self._draw_cap(key, n, window)
        from ltjax.networks import near, target_angle

        angle, law = target_angle(self.target), get_law(self.law).name
        share = near.window_probability(window, law, angle)
        # In steps, so that runs at different ε share one compiled search.
        places = -(-(near.capacity_for(n, share) + 1) // 256) * 256
        kinks = near.sample_near(key, n, window, law=law, target=angle, capacity=places)
        rows = kinks.oriented[:, None] * jnp.stack([-jnp.sin(kinks.offset), jnp.cos(kinks.offset)], axis=1)
        nothing, zero = jnp.zeros(places), jnp.zeros(())
        ahead, upto = jnp.asarray([0.0, 1.0]), kinks.number[-1] - 1.0
        return StartNetwork(
            rows, kinks.kappa, nothing, ahead, zero, kinks.moved, kinks.number, jnp.asarray(window), upto,
            jnp.zeros(2, jnp.uint32),
        )  # fmt: skip

    def _draw_cap(self, key: Any, n: int, window: float) -> StartNetwork:
        """`draw_near` in d >= 3 dimensions; at most `MOST_PLACES` neurons are listed, whatever n."""
        import jax
        import jax.numpy as jnp

        from ltjax.networks import caps

        key_cap, key_chance = jax.random.split(key)
        # In steps, so that runs at different ε share one compiled search.
        places = min(-(-caps.places_for(n, window, self.d) // 64) * 64, MOST_PLACES)
        cap = caps.sample_cap(key_cap, window, self.d, places)
        rows = cap.oriented[:, None] * jnp.concatenate([cap.cosine[:, None], cap.sine[:, None] * cap.across], axis=1)
        nothing, zero = jnp.zeros(places), jnp.zeros(())
        return StartNetwork(
            rows, cap.kappa, nothing, jnp.eye(self.d)[0], zero, cap.moved, cap.number, jnp.asarray(window), cap.upto,
            jax.random.key_data(key_chance),
        )  # fmt: skip

    def error(self, instance: StartNetwork, mask: Any, eps: float | None = None) -> tuple[float, float]:
        keep = np.asarray(mask, bool)
        u, v, b = (np.asarray(x, np.float64)[keep] for x in (instance.u, instance.v, instance.b))
        return network_error(u, v, b, instance.w, instance.c, self.readout, eps, CELLS)


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


@dataclasses.dataclass(frozen=True)
class WeightPruning(AbstractPruning):
    """Two-layer ReLU networks, pruned by single weights, against σ(⟨w, x⟩) on the unit ball.

    A mask says which input weights stay, shape (n, d); of a neuron that keeps none the output weight is cut too.

    Args:
        d: input dimension, 1 to 64. On the line (d = 1) cutting a weight is cutting a neuron.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform".
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane.

    Raises:
        ArgumentError: for options outside these.
    """

    readout: Literal["linear", "relu"] = "relu"
    name: ClassVar[str] = "weight-pruning"

    def __post_init__(self) -> None:
        self._check(False)

    @property
    def max_n(self) -> int:
        return 40 if self.d == 1 else 1000

    @property
    def separable(self) -> bool:
        """Whether sums of v_i|u_ij|·σ(±x_j) can make the target."""
        return self.readout == "relu" or self.on_axis

    def draw(self, key: Any, n: int) -> StartNetwork:
        import jax

        if self.d == 1:
            return self._start(key, n)
        key_weights, key_target = jax.random.split(key)
        return self._start(key_weights, n, key_target)

    def error(self, instance: StartNetwork, mask: Any, eps: float | None = None) -> tuple[float, float]:
        keep = np.asarray(mask, bool)
        kept = keep.any(axis=1)
        u, v, b = (np.asarray(x, np.float64) for x in (instance.u, instance.v, instance.b))
        rows = (u * keep)[kept]
        if self.d > 2 and self.separable and np.all(keep.sum(axis=1) <= 1):
            return self._separable_error(rows, v[kept], np.asarray(instance.w, np.float64))
        return network_error(rows, v[kept], b[kept], instance.w, instance.c, self.readout, eps, CELLS_OF_WEIGHTS)

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
        return {"mask_u": mask, "mask_v": np.asarray(mask.any(axis=-1))}


__all__ = ["AbstractPruning", "NeuronPruning", "StartNetwork", "WeightPruning", "kink_of", "network_error"]
