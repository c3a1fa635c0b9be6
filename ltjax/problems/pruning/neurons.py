"""Pruning by whole neurons: the pattern `rows`, with what is known of it alone."""

import dataclasses
from typing import Any, ClassVar

from ltjax.arguments import ArgumentError
from ltjax.laws import get_law
from ltjax.patterns import AbstractPattern, Rows
from ltjax.problems.pruning.base import AbstractPruning, StartNetwork

MOST_DIMENSIONS = 16
"""Up to here the nearest normal's weights are known."""
MOST_PLACES = 4096
"""Of neurons near a target's normal, drawn alone."""


@dataclasses.dataclass(frozen=True)
class NeuronPruning(AbstractPruning):
    """Two-layer ReLU networks, pruned by neurons, against σ(⟨w, x⟩) on the unit ball.

    Args:
        d: input dimension, 1 to 64.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform"; or of the input weights, "sparse:p" or "levels:L" (see
            `ltjax.laws.get_law`).
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane. With bias the target is σ(x - c): c = 0, 0.3, or a number in (-1, 1).
        bias: whether hidden units carry a bias of the same law; d = 1 only.

    Raises:
        ArgumentError: for options outside these.
    """

    bias: bool = False
    name: ClassVar[str] = "neuron-pruning"
    in_pieces: ClassVar[bool] = False
    cells: ClassVar[int] = 4000

    def __post_init__(self) -> None:
        if self.bias and self.d != 1:
            raise ArgumentError(f"bias=True is not allowed: biased hidden units go with d=1, here d={self.d}")
        self._check(self.bias)

    @property
    def rule(self) -> AbstractPattern:
        return Rows()

    @property
    def on_the_line(self) -> bool:
        """Whether every kink is at 0."""
        return self.d == 1 and not self.bias

    @property
    def max_n(self) -> int:
        return 40 if self.on_the_line else 10**13 if self.caps or (self.d == 2 and not self.atoms) else 20_000

    @property
    def caps(self) -> bool:
        """Whether neurons near the target's normal tell enough, and can be drawn alone, in d >= 3 dimensions."""
        return 3 <= self.d <= MOST_DIMENSIONS and self.readout == "linear" and get_law(self.law).name == "normal"

    def draw(self, key: Any, n: int) -> StartNetwork:
        import jax

        if self.d <= 2:
            return self._start(key, n, bias=self.bias)
        key_weights, key_target, key_chance = jax.random.split(key, 3)
        return self._start(key_weights, n, key_target, key_chance)

    @property
    def near(self) -> "NeuronPruning":
        """Whose neurons `draw_near` draws."""
        return self

    def near_places(self, n: int, window: float) -> int:
        """How many neurons `draw_near` lists where n is the largest size asked for."""
        # In steps, so that runs at different n and ε share compiled programs.
        if self.d > 2:
            from ltjax.networks import caps

            return min(-(-caps.places_for(n, window, self.d) // 64) * 64, MOST_PLACES)
        from ltjax.networks import near, target_angle

        share = near.window_probability(window, get_law(self.law).name, target_angle(self.target))
        return -(-(near.capacity_for(n, share) + 1) // 256) * 256

    def draw_near(self, key: Any, places: int, window: float) -> StartNetwork:
        """The same in distribution, of the neurons with a kink within `window` of the target's only.

        In the plane that is an angle between lines, in d >= 3 dimensions (law normal) one between normals. How many
        there are is drawn too, so that a trial costs the same at any n; see `ltjax.networks.near` and `.caps`. They
        are given in the target's frame, w = (0, 1) or (1, 0, …), where small angles keep their precision.

        Args:
            key: the trial's.
            places: how many are listed; see `near_places`.
            window: radians.
        """
        import jax.numpy as jnp

        if self.d > 2:
            return self._draw_cap(key, places, window)
        from ltjax.networks import near, target_angle

        angle, law = target_angle(self.target), get_law(self.law).name
        kinks = near.sample_near(key, places, window, law=law, target=angle, capacity=places)
        rows = kinks.oriented[:, None] * jnp.stack([-jnp.sin(kinks.offset), jnp.cos(kinks.offset)], axis=1)
        nothing, zero = jnp.zeros(places), jnp.zeros(())
        ahead, upto = jnp.asarray([0.0, 1.0]), kinks.number[-1] - 1.0
        return StartNetwork(
            rows, kinks.kappa, nothing, ahead, zero, kinks.moved, kinks.number, jnp.asarray(window), upto,
            jnp.zeros(2, jnp.uint32),
        )  # fmt: skip

    def _draw_cap(self, key: Any, places: int, window: float) -> StartNetwork:
        """`draw_near` in d >= 3 dimensions."""
        import jax
        import jax.numpy as jnp

        from ltjax.networks import caps

        key_cap, key_chance = jax.random.split(key)
        cap = caps.sample_cap(key_cap, window, self.d, places)
        rows = cap.oriented[:, None] * jnp.concatenate([cap.cosine[:, None], cap.sine[:, None] * cap.across], axis=1)
        nothing, zero = jnp.zeros(places), jnp.zeros(())
        return StartNetwork(
            rows, cap.kappa, nothing, jnp.eye(self.d)[0], zero, cap.moved, cap.number, jnp.asarray(window), cap.upto,
            jax.random.key_data(key_chance),
        )  # fmt: skip


__all__ = ["MOST_DIMENSIONS", "MOST_PLACES", "NeuronPruning"]
