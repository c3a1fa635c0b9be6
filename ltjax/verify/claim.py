"""Claim, Evidence, Verdict: what a catalogue's entry is made of.

A claim measures once and judges often: `measure` draws, `judge` compares the draws with the claim's
constants and returns findings. A negative control is the same judge with a false constant on the same
draws, which it must refute. So a judge that cannot fail shows itself at once.
"""

import dataclasses
import enum
import inspect
import zlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key
from matplotlib.figure import Figure

from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.problems.base import AbstractProblem
from ltjax.trials import dispatch as engine

BUDGETS = {"quick": 1.0, "standard": 5.0, "full": 40.0}
"""Trials, as multiples of the quick budget's."""


class Verdict(enum.StrEnum):
    """What the evidence says of a claim, over the range measured."""

    PROVED = "proved"
    SUPPORTED = "supported"
    INCONCLUSIVE = "inconclusive"
    REFUTED = "refuted"


def joint_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a statement that is the conjunction of several."""
    for verdict in (Verdict.REFUTED, Verdict.INCONCLUSIVE, Verdict.SUPPORTED):
        if verdict in verdicts:
            return verdict
    return Verdict.PROVED if verdicts else Verdict.INCONCLUSIVE


@dataclasses.dataclass(frozen=True)
class Finding:
    """One comparison of a measurement with a claim.

    Attributes:
        name: what was compared, in one line.
        verdict: what this comparison says.
        numbers: the figures behind it; for a test, among them the smallest violation it could have seen.
    """

    name: str
    verdict: Verdict
    numbers: Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The findings of one claim or control."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return joint_verdict([finding.verdict for finding in self.findings])


@dataclasses.dataclass(frozen=True)
class Control:
    """A false neighbour of a claim: the same judge, with constants that are wrong.

    Attributes:
        id: for example "SS-1-half".
        statement: what is falsely claimed, in one line of Markdown with LaTeX.
        changes: keyword arguments of the claim's `judge`.
    """

    id: str
    statement: str
    changes: Mapping[str, Any]


@dataclasses.dataclass
class Run:
    """What a measurement may use: its key, its trials, and a record of what it drew.

    Attributes:
        key: of this claim alone.
        budget: "quick", "standard" or "full".
        progress: told of finished trials.
        drawn: provenance of every set of draws.
    """

    key: Key[Array, ""]
    budget: str
    progress: Callable[[str], None] = lambda message: None
    drawn: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def trials(self, quick: int) -> int:
        """The number of trials at this budget, given the quick budget's."""
        return round(quick * BUDGETS[self.budget])

    def _record(self, problem: AbstractProblem, ns: Sequence[int], eps: Sequence[float], trials: int) -> Any:
        described = problem.provenance(min(eps))
        chunk = engine.chunk_size(problem.resolved(min(eps)), max(ns), jax.local_devices())
        self.progress(f"{described['problem']}, {described['law']}, n up to {max(ns)}: {trials:,} trials")
        self.drawn.append(described | {"n": [min(ns), max(ns)], "trials": trials, "chunk": chunk})
        return self._fresh_key()

    def _fresh_key(self) -> Key[Array, ""]:
        # Draws of one claim must not be draws of another set of the same claim.
        return jax.random.fold_in(self.key, len(self.drawn))

    def each(
        self,
        fn: Callable[[Key[Array, ""]], Any],
        quick: int,
        *,
        block: int,
        float64: bool = False,
        **described: Any,
    ) -> Any:
        """What `fn` makes of every fresh key, `quick` keys times the budget's factor, spread over all devices.

        Args:
            fn: `key -> pytree of arrays`, pure and traceable.
            quick: keys at the quick budget.
            block: keys that a device takes together.
            float64: whether `fn` runs in float64.
            described: what is drawn, for provenance; `problem` names it.

        Returns:
            the pytree of NumPy arrays, with a leading axis of keys.
        """
        trials, devices = self.trials(quick), tuple(jax.local_devices())
        sizes = ", ".join(f"{name} = {described[name]:,}" for name in ("d", "eps", "n") if name in described)
        self.progress(f"{described['problem']}, {sizes}: {trials:,} trials")
        dtype = "float64" if float64 else "float32"
        self.drawn.append(described | {"trials": trials, "block": block, "dtype": dtype})
        index = np.arange(parallel.padded(trials, block, devices), dtype=np.uint32)
        with jax.enable_x64(float64):
            keys = engine.trial_keys(self._fresh_key(), parallel.put(index, devices))
            found = jax.jit(parallel.map_blocks(jax.vmap(fn), block, devices))(keys)
            return jax.tree.map(lambda x: np.asarray(x)[:trials], found)

    def count(self, problem: AbstractProblem, ns: Sequence[int], eps: Sequence[float], quick: int) -> engine.Counts:
        """Counts of fresh draws, `quick` trials times the budget's factor."""
        key = self._record(problem, ns, eps, self.trials(quick))
        return engine.count(problem, ns, eps, self.trials(quick), key)

    def first_hits(
        self, problem: AbstractProblem, ns: Sequence[int], eps: Sequence[float], quick: int
    ) -> engine.FirstHits:
        """First hits of fresh draws, `quick` trials times the budget's factor."""
        key = self._record(problem, ns, eps, self.trials(quick))
        return engine.first_hits(problem, ns, eps, self.trials(quick), key)


Measure = Callable[[Run], Any]
Judge = Callable[..., Sequence[Finding]]
Draw = Callable[[Any], Figure]
Headline = Callable[[Any], str]


@dataclasses.dataclass(frozen=True)
class Claim:
    """One theorem: its statement, its measurement, its judge, its negative controls, its picture.

    Attributes:
        id: for example "SS-1".
        title: in a few words.
        statement: Markdown with LaTeX: hypotheses, statement, source, what is checked.
        measure: `run -> data`.
        judge: `(data, level, **constants) -> findings`; its chance to refute a true claim is at most `level`.
        controls: at least one false neighbour.
        draw: `data -> figure`.
        caption: what the figure shows.
        headline: `data -> Markdown`: what a reader without the paper should know; with its figure it opens the
            report. None for a claim that waits for its turn.
    """

    id: str
    title: str
    statement: str
    measure: Measure
    judge: Judge
    controls: tuple[Control, ...]
    draw: Draw
    caption: str
    headline: Headline | None = None

    def __post_init__(self) -> None:
        if not self.controls:
            raise ArgumentError(f"claim {self.id} has no negative control: a check that cannot fail shows nothing")

    @property
    def stream(self) -> int:
        """A number for `fold_in` that depends on nothing but the id."""
        return zlib.crc32(self.id.encode())

    def evidence(self, data: Any, level: float, control: Control | None = None) -> Evidence:
        """The judge's findings, of the claim itself or of one of its controls."""
        return Evidence(tuple(self.judge(data, level, **(control.changes if control else {}))))


def claim_of(module: ModuleType, id: str, controls: Sequence[Control], caption: str) -> Claim:
    """The claim a catalogue module states: its docstring's first line is the title, the rest the statement.

    The module defines `measure`, `judge` and `draw`, and `headline` if the claim is to open the report.
    """
    title, _, statement = inspect.cleandoc(module.__doc__ or "").partition("\n")
    return Claim(
        id,
        title.removeprefix(f"{id}: ").rstrip("."),
        statement.strip(),
        module.measure,
        module.judge,
        tuple(controls),
        module.draw,
        caption,
        getattr(module, "headline", None),
    )
