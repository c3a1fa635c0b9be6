"""Pruning by single weights, freely or under a pattern."""

import dataclasses
from typing import Any, ClassVar, Literal, NamedTuple

from ltjax.arguments import ArgumentError
from ltjax.patterns import AbstractPattern, Weights, get_pattern
from ltjax.problems.pruning.base import AbstractPruning, StartNetwork
from ltjax.problems.pruning.neurons import NeuronPruning


@dataclasses.dataclass(frozen=True)
class WeightPruning(AbstractPruning):
    """Two-layer ReLU networks, pruned by single weights, against σ(⟨w, x⟩) on the unit ball.

    A mask says which input weights stay, shape (n, d); of a neuron that keeps none the output weight is cut too.

    Args:
        d: input dimension, 1 to 64. On the line (d = 1) cutting a weight is cutting a neuron.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform"; or of the input weights, "sparse:p" or "levels:L" (see
            `ltjax.laws.get_law`).
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
    def rule(self) -> AbstractPattern:
        return Weights()

    @property
    def max_n(self) -> int:
        return 40 if self.d == 1 else 1000

    def draw(self, key: Any, n: int) -> StartNetwork:
        import jax

        if self.d == 1:
            return self._start(key, n)
        key_weights, key_target = jax.random.split(key)
        return self._start(key_weights, n, key_target)


class WholeRows(NamedTuple):
    """Pruning of whole rows inside a question of another pattern.

    Attributes:
        problem: the question of whole rows; inputs: on these of the d inputs, the others are cut.
        exact: whether both questions have the same answer on every draw, or a hit of rows is merely one here.
    """

    problem: NeuronPruning
    inputs: tuple[int, ...]
    exact: bool


@dataclasses.dataclass(frozen=True)
class Pruning(AbstractPruning):
    """Two-layer ReLU networks, pruned under a pattern, against σ(⟨w, x⟩) on the unit ball.

    A mask says which input weights stay, shape (n, d); of a neuron that keeps none the output weight is cut too. A
    network is drawn alike for all patterns, and as for `NeuronPruning`.

    Args:
        d: input dimension, 1 to 64.
        pattern: "rows", "weights", "block:RxC", "N:M", "exactly:N", "budget:m", "rows+columns" or "rows+cuts:s" (see
            `ltjax.patterns`), or a pattern of one's own as "module:Class".
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform"; or of the input weights, "sparse:p" or "levels:L" (see
            `ltjax.laws.get_law`).
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane.

    Raises:
        ArgumentError: for options outside these.
    """

    readout: Literal["linear", "relu"] = "relu"
    pattern: AbstractPattern | str = "weights"
    name: ClassVar[str] = "pruning"

    def __post_init__(self) -> None:
        self._check(False)
        object.__setattr__(self, "pattern", get_pattern(self.pattern))
        try:
            self.rule.check(self.d)
        except ArgumentError as error:
            raise ArgumentError(f"pattern={str(self.rule)!r} is not allowed with d={self.d}: {error}") from None

    @property
    def rule(self) -> AbstractPattern:
        assert isinstance(self.pattern, AbstractPattern)
        return self.pattern

    @property
    def max_n(self) -> int:
        rows = self.rows
        return rows.problem.max_n if rows is not None and rows.exact else 100_000 if self.on_axis else 1000

    @property
    def rows(self) -> WholeRows | None:
        """Pruning of whole rows that this question is, or holds; None: it holds none."""
        support = (0,) if self.on_axis else tuple(range(self.d))
        found = self.rule.rows_on(support, self.d)
        if found is None:
            return None
        target = "axis" if self.on_axis else self.target
        problem = NeuronPruning(d=len(found.inputs), readout=self.readout, law=self.law, target=target)
        return WholeRows(problem, found.inputs, found.exact)

    @property
    def drawn_as(self) -> NeuronPruning:
        return NeuronPruning(d=self.d, law=self.law, target=self.target)

    def draw(self, key: Any, n: int) -> StartNetwork:
        return self.drawn_as.draw(key, n)

    @property
    def near(self) -> NeuronPruning:
        """What `rows` asks about, whose neurons near the target's kink are drawn alone."""
        rows = self.rows
        assert rows is not None
        return rows.problem


__all__ = ["Pruning", "WeightPruning", "WholeRows"]
