"""Neuron pruning: does taking out whole rows of a random network leave one within ε of the target?

One question, and a procedure for each kind of start network: `line` (d = 1), `interval` (d = 1 with bias),
`plane` (d = 2) and `space` (d >= 3).
"""

import dataclasses
import math
from typing import Literal

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.laws import Law, get_law
from ltjax.networks import READOUTS, TARGETS, make_target
from ltjax.problems.base import AbstractProblem, AbstractProcedure
from ltjax.problems.neuron_pruning.interval import IntervalPruning, kink_of
from ltjax.problems.neuron_pruning.line import LinePruning
from ltjax.problems.neuron_pruning.plane import WINDOW, PlanePruning
from ltjax.problems.neuron_pruning.space import SpacePruning

LAWS = ("normal", "uniform")
WHOLE_EPS = 0.01
"""Below this, drawing whole networks of the size it takes would only draw neurons that play no part."""


@dataclasses.dataclass(frozen=True)
class NeuronPruning(AbstractProblem):
    """Two-layer ReLU networks, pruned by neurons, against σ(⟨w, x⟩) on the unit ball.

    In the plane a trial is decided by an exhaustive walk over kinks (`kernels.tube`), by a search among the
    neurons that bend near the target's kink (hits only), and by the kink lemma and its local extension
    (misses only, readout "linear"); what all of them leave open is undecided. On the line (d = 1) all kinks
    are at 0 and the problem is subset sum: the sums of v·max(u, 0) have to reach 1. For d >= 3, and with
    biased hidden units on [-1, 1], up to 13 neurons are decided by all their masks; with more, a direction that
    no zone covers, or a target's kink that no breakpoint is near, is a miss (readout "linear"), and what a
    descent finds may be a hit.

    Args:
        d: input dimension, 1 to 64.
        readout: "linear" or "relu".
        law: of all weights, "normal" or "uniform".
        target: "axis" (w = e_1), "generic" (0.7 rad in the plane; for d >= 3 drawn anew for each trial), or
            w's angle in the plane. With bias the target is σ(x - c): c = 0, 0.3, or a number in (-1, 1).
        bias: whether hidden units carry a bias of the same law; d = 1 only.
        solver: "auto", or in the plane "milp": integer programming (HiGHS), slow, the judge of the other.
        sampling: in the plane, "whole": all neurons are drawn; "near": only those that bend within 100 ε of
            the target's kink, whose number is drawn too, so that a trial costs the same at any ε; "auto":
            near below ε = 0.01.
        capacity: in the plane, partial choices that the walk carries; by default 2^(5 + n/3), at most 2^16.

    Raises:
        ArgumentError: for options outside these.
    """

    d: int = 2
    readout: Literal["linear", "relu"] = "linear"
    law: Law | str = "normal"
    target: float | Literal["axis", "generic"] = "generic"
    bias: bool = False
    solver: Literal["auto", "milp"] = "auto"
    sampling: Literal["auto", "whole", "near"] = "auto"
    capacity: int | None = None
    name: str = dataclasses.field(init=False, default="neuron-pruning", repr=False)

    def __post_init__(self) -> None:
        arguments.whole("d", self.d, 1, 64)
        arguments.choice("readout", self.readout, READOUTS)
        object.__setattr__(self, "law", get_law(arguments.choice("law", getattr(self.law, "name", self.law), LAWS)))
        arguments.choice("solver", self.solver, ["auto", "milp"])
        arguments.choice("sampling", self.sampling, ["auto", "whole", "near"])
        if self.capacity is not None:
            arguments.whole("capacity", self.capacity, 2, 1 << 20)
        if self.bias and self.d > 1:
            raise ArgumentError(f"bias=True is not allowed: biased hidden units go with d=1, here d={self.d}")
        for name in ("solver", "sampling", "capacity"):
            if getattr(self, name) not in ("auto", None) and self.d != 2:
                raise ArgumentError(f"{name}={getattr(self, name)!r} is not allowed: it goes with d=2, here d={self.d}")
        if self.bias:
            kink_of(self.target)
        elif isinstance(self.target, str):
            arguments.choice("target", self.target, TARGETS)
        else:
            make_target(self.target, self.d)

    @property
    def max_n(self) -> int:
        return self.resolved(1e-3).max_n

    def resolved(self, eps: float) -> AbstractProcedure:
        if self.bias:
            return IntervalPruning(self.readout, self.law, self.target)
        if self.d == 1:
            return LinePruning(self.law)
        if self.d > 2:
            return SpacePruning(self.readout, self.law, self.target, self.d)
        near = self.sampling == "near" or (self.sampling == "auto" and eps < WHOLE_EPS)
        window = min(WINDOW * eps, 0.5 * math.pi) if near else None
        return PlanePruning(self.readout, self.law, self.target, self.solver, self.capacity, window)

    def with_solver(self, solver: str) -> "NeuronPruning":
        return dataclasses.replace(self, solver=solver)

    def first_guess(self, eps: float) -> int:
        return self.resolved(eps).first_guess(eps)

    def sizes(self, n_max: int) -> tuple[int, ...]:
        # Deciding a size costs as much as drawing. Steps of a seventh are fine enough for a bracket, and no
        # n below 0.27/ε reaches one half, where the largest n is some 6/ε.
        if self.d == 1 and not self.bias:
            return super().sizes(n_max)
        fewest, sizes = max(0, n_max // 24), [n_max]
        while sizes[-1] > fewest + 1:
            sizes.append(max(fewest + 1, min(sizes[-1] - 1, sizes[-1] * 7 // 8)))
        return tuple(sizes[::-1])

    def groups(self, eps: tuple[float, ...]) -> list[tuple[float, ...]]:
        # Near draws are made at the scale of their own ε.
        near = [e for e in eps if getattr(self.resolved(e), "window", None) is not None]
        whole = tuple(e for e in eps if e not in near)
        return [group for group in (whole, *((e,) for e in near)) if group]


__all__ = ["LAWS", "NeuronPruning"]
