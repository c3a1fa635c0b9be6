"""Check one claim: measure once, judge it and each of its controls on the same draws."""

import dataclasses
import pickle
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax

from ltjax.machine import settings
from ltjax.verify import budget as budgets
from ltjax.verify.claim import Claim, Control, Evidence, controlled, kinds, stream
from ltjax.verify.plain import refuse_unsayable
from ltjax.verify.run import Run
from ltjax.verify.tests import Test, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltjax.verify.rendering import Rendering

Rows = Sequence[Mapping[str, Any]]


@dataclasses.dataclass(frozen=True)
class Result:
    """One claim's evidence, that of its controls, and where its draws came from.

    Attributes:
        claim: the claim.
        evidence: its findings.
        controls: its controls, each with its findings on the same data.
        tables: evidence beside the tests: rows by title.
        headline: what opens the report, if the claim has a headline.
        picture: its figure, if it has one and it was asked for.
        level: this claim's share of the error budget.
        seconds: how long it took.
        drawn: provenance of its draws.
        error: the traceback, where anything in the claim raised an error; its verdict is then broken.
    """

    claim: Claim
    evidence: Evidence
    controls: tuple[tuple[Control, Evidence], ...]
    tables: Mapping[str, Rows]
    headline: str | None
    picture: "Rendering | None"
    level: float
    seconds: float
    drawn: tuple[dict[str, Any], ...]
    error: str | None = None

    @property
    def verdict(self) -> Verdict:
        return Verdict.BROKEN if self.error is not None else self.evidence.verdict

    @property
    def sound(self) -> bool:
        """Every control refuted: the check can fail."""
        return all(evidence.verdict is Verdict.REFUTED for _, evidence in self.controls)

    @property
    def passed(self) -> bool:
        """Neither refuted nor broken, and every control refuted."""
        return self.verdict not in (Verdict.REFUTED, Verdict.BROKEN) and self.sound


def broken(claim: Claim, level: float, seconds: float, error: str) -> Result:
    """The result of a claim of which nothing is known but why."""
    return Result(claim, Evidence(()), (), {}, None, None, level, seconds, (), error)


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a claim prepared, the provenance of its draws, how long that took, and why it broke, if it did."""

    value: Any
    drawn: list[dict[str, Any]]
    seconds: float
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class Terms:
    """Under which terms claims are checked: the same for all claims of a run.

    Attributes:
        seed: the run's key; a claim's own key depends on this and its id alone.
        budget: "quick", "standard" or "full".
        level: a claim's share of the error budget.
        pictures: whether figures are drawn.
    """

    seed: int
    budget: str
    level: float
    pictures: bool

    def check(self, claim: Claim, say: "Callable[[str], None]", prepared: Prepared | None = None) -> Result:
        """Check one claim; `say` is told of finished trials."""
        prepared = self.prepare(claim, say) if prepared is None else prepared
        if prepared.error is not None:
            return broken(claim, self.level, prepared.seconds, prepared.error)
        run = dataclasses.replace(self._run(claim, say), drawn=prepared.drawn, prepared=prepared.value)
        found = run_claim(claim, run, self.level, pictures=self.pictures)
        return dataclasses.replace(found, seconds=prepared.seconds + found.seconds)

    @settings.pinned()
    def prepare(self, claim: Claim, say: "Callable[[str], None]") -> Prepared:
        """What the claim prepares. Whatever it raises is kept, and breaks the claim."""
        start, run = time.perf_counter(), self._run(claim, say)
        value, error = None, None
        try:
            value = claim.prepare(run)
            pickle.dumps(value)  # also where no other process asks: a claim is the same however it is run
        except Exception:
            value, error = None, traceback.format_exc()
        return Prepared(value, run.drawn, time.perf_counter() - start, error)

    @settings.pinned()
    def _run(self, claim: Claim, say: "Callable[[str], None]") -> Run:
        return Run(jax.random.fold_in(settings.key(self.seed), stream(claim)), self.budget, say)


def judged(tests: Sequence[Test], level: float) -> Evidence:
    """The findings of a claim's tests at its level, which is split evenly over them."""
    share = budgets.level_of_test(level, max(1, len(tests)))
    return Evidence(tuple(test.evaluate(share) for test in tests))


def evidence_of(claim: Claim, data: Any, level: float) -> tuple[Evidence, tuple[tuple[Control, Evidence], ...]]:
    """The findings of a claim and of its controls, on the same data.

    Raises:
        TypeError: if a claim has no tests, or a control's tests differ from the claim's in kind, number or order.
    """
    tests = list(claim.tests(data))
    if not tests:
        raise TypeError(f"claim {claim.id} has no tests")
    controls = []
    for control in claim.controls:
        false = list(controlled(claim, control).tests(data))
        if kinds(false) != kinds(tests):
            raise TypeError(
                f"control {control.id} has other tests than {claim.id}: a control changes numbers, never the kind, "
                f"number or order of tests ({len(false)} against {len(tests)})"
            )
        controls.append((control, judged(false, level)))
    return judged(tests, level), tuple(controls)


@settings.pinned()
def run_claim(claim: Claim, run: Run, level: float, *, pictures: bool = False) -> Result:
    """Measure once, judge the claim and each of its controls on the same draws, draw its figure if asked to.

    Whatever the claim raises is kept in its result. Ctrl-C is let through.
    """
    start = time.perf_counter()
    evidence, controls, tables, headline, picture, error = Evidence(()), (), {}, None, None, None
    try:
        data = claim.measure(run)
        found = evidence_of(claim, data, level)
        judgements = [found[0], *(false for _, false in found[1])]
        refuse_unsayable([dict(finding.numbers) for each in judgements for finding in each.findings])
        evidence, controls = found
        rows = dict(claim.tables(data))
        refuse_unsayable(rows)
        tables, headline = rows, claim.headline(data)
        if pictures:
            from ltjax.verify.rendering import render

            picture = render(claim, data)
    except Exception:
        error = traceback.format_exc()
    seconds = time.perf_counter() - start
    return Result(claim, evidence, controls, tables, headline, picture, level, seconds, tuple(run.drawn), error)


__all__ = ["Prepared", "Result", "Terms", "broken", "evidence_of", "judged", "run_claim"]
