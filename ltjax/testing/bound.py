"""Bounds compared with draws, under one error budget for a whole session of tests.

Each comparison draws trials of its own and judges them by a test of `ltjax.verify.tests`. Comparisons get levels by a
series in their order (`ltjax.verify.budget.level_of_comparison`, with the proof), so nobody counts them beforehand.

What a comparison draws is fixed by the session's seed, the test's name and everything that the comparison says. So an
example that hypothesis runs again, to report it or from its database, sees the same draws; within a session it gets
the same finding and is charged once. Every other example, such as a smaller one that shrinking tries, has draws and a
charge of its own, and what was refuted on the way there changes none of them.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.problems.base import AbstractProblem
from ltjax.testing.identity import key_of, told, told_function
from ltjax.trials.counts import first_hits
from ltjax.trials.dispatch import MAX_TRIALS, decisions, trial_keys
from ltjax.trials.plan import plan
from ltjax.verify.budget import ERROR_BUDGET, level_of_comparison
from ltjax.verify.quantities import Exact, Proportion
from ltjax.verify.tests import POWER, AtLeast, AtMost, Equivalent, Finding, FitsBetter, Holds, Test, Verdict

Event = AbstractProblem | Callable[..., Any]
"""A problem, whose event is a hit at `n` and `eps`; or a function `(key, **what it depends on) -> bool`."""
BLOCK = 4096
"""Keys that an event of one's own sees together."""


class Refuted(AssertionError):
    """Draws contradict what a test claims."""


@dataclasses.dataclass
class Bound:
    """Compares what a test claims with draws; refutes true claims with a chance of at most `budget` in all.

    In a test it is the fixture `bound`. Every method returns its `ltjax.verify.tests.Finding`, and raises `Refuted`
    where the draws contradict the claim. A finding that is not refuted may still be inconclusive: who wants more
    asserts that its `verdict` is "supported".

    Attributes:
        budget: the chance that a session refutes any true claim; for `grows_like` by the normal limit law.
        seed: another seed, other draws.
        test: the name of the test that runs.
        made: comparisons that were charged so far.
        idle: comparisons that no data could have failed, for example with a claim above 1; they are not charged.
        able: the others, those that were made again among them.

    Example:
        >>> import ltjax
        >>> from ltjax.testing import Bound
        >>> bound = Bound(seed=1)
        >>> found = bound.at_most(ltjax.SubsetSum(), n=4, eps=0.01, claimed=15 * 0.01, trials=500)
        >>> str(found.verdict)
        'supported'
    """

    budget: float = ERROR_BUDGET
    seed: int = 0
    test: str = ""
    made: int = 0
    idle: int = 0
    able: int = 0
    _known: dict[str, tuple[Finding, str]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.budget = arguments.real("budget", self.budget, above=0.0, below=0.5)
        self.seed = arguments.whole("seed", self.seed, 0, 2**32 - 1)

    def __repr__(self) -> str:
        return "bound"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))  # what hypothesis prints of an example

    def at_most(self, event: Event, *, claimed: float, trials: int = 1000, **given: Any) -> Finding:
        """P(event) is at most `claimed`: an upper bound such as a union bound.

        Args:
            event: a problem, with `n`, `eps` and, if wanted, `solver`; or a function of a key and of the other
                arguments by name, under `jax.vmap`, that returns one bool. It captures modules alone, so that what is
                compared is known by what is handed over.
            claimed: the bound.
            trials: independent draws.
            given: what the event depends on: numbers, words, arrays, dataclasses of these.

        Raises:
            Refuted: the exact lower limit of P(event) is above `claimed`.
            ArgumentError: for arguments outside what is allowed.
        """
        __tracebackhide__ = True
        return self._compare("at most", event, claimed, trials, given, lambda seen: AtMost("", seen, claimed))

    def at_least(self, event: Event, *, claimed: float, trials: int = 1000, **given: Any) -> Finding:
        """P(event) is at least `claimed`; arguments as for `at_most`. Undecided trials count for the claim.

        Raises:
            Refuted: the exact upper limit of P(event) is below `claimed`.
        """
        __tracebackhide__ = True
        return self._compare("at least", event, claimed, trials, given, lambda seen: AtLeast("", seen, claimed))

    def equals(self, event: Event, *, claimed: float, within: float = 0.0, trials: int = 1000, **given: Any) -> Finding:
        """P(event) is `claimed`, up to `within`; other arguments as for `at_most`.

        Raises:
            Refuted: the exact limits of P(event) lie outside, on one side.
        """
        __tracebackhide__ = True
        within = arguments.real("within", within, low=0.0)
        says = f"within {within:g} of" if within else "exactly"
        return self._compare(
            says, event, claimed, trials, given, lambda seen: Equivalent("", seen, Exact(claimed), within)
        )

    def never(self, event: Event, *, trials: int = 1000, **given: Any) -> Finding:
        """No draw is in the event: a deterministic statement, attacked; arguments as for `at_most`.

        One counter-example refutes it. No budget is spent: no draw is in an event that is impossible.

        Raises:
            Refuted: naming the trial.
        """
        __tracebackhide__ = True
        trials = arguments.whole("trials", trials, 1, MAX_TRIALS)
        text, key = self._identity("never", event, None, trials, given)
        _check_given(event, given)
        if text not in self._known:
            where = np.flatnonzero(_outcomes(event, key, trials, given) == HIT)
            finding = Holds("", not len(where), numbers={"trials": trials}).evaluate(self.budget)
            rows = {"counter-example": f"trial {where[0]} of {trials}: {len(where)} in all"} if len(where) else {}
            self._known[text] = finding, self._message("never", event, given, rows, key)
        return self._answer(text)

    def grows_like(
        self,
        problem: AbstractProblem,
        law: str,
        *,
        rivals: Sequence[str],
        ns: Sequence[int],
        eps: Sequence[float],
        trials: int = 400,
    ) -> list[Finding]:
        """n50(ε) grows by the law rather than by any of its rivals; see `ltjax.inference.growth.GROWTH_LAWS`.

        All laws are fitted to the same draws; each rival is a comparison with a level of its own, by the normal limit
        law of many trials.

        Args:
            problem: the question.
            law: its name: "logarithmic", "power", "inverse", …
            rivals: names of laws that it should beat, none a special case of it.
            ns: sizes, from 1 on; eps: precisions, more than any of the laws has parameters.
            trials: draws, each decided at all sizes and precisions.

        Raises:
            Refuted: a rival describes the draws better.
            ArgumentError: for an unknown law, or a rival that no data could show to be better.
        """
        __tracebackhide__ = True
        from ltjax.inference import growth

        known, rivals, ns, eps = growth.GROWTH_LAWS, tuple(rivals), tuple(ns), arguments.precisions(eps)
        trials = arguments.whole("trials", trials, 2, MAX_TRIALS)
        arguments.choice("law", law, known)
        for rival in rivals:
            arguments.choice("rivals", rival, known)
            if rival == law or rival in known[law].nested:
                raise ArgumentError(
                    f"rivals={rival!r} is not allowed: it is a special case of {law!r}, and no draws show it better"
                )
        given = {"ns": ns, "eps": eps}
        texts = {rival: self._identity(f"{law} against", problem, rival, trials, given)[0] for rival in rivals}
        if any(text not in self._known for text in texts.values()):
            key = self._identity(f"{law} against", problem, rivals, trials, given)[1]
            outcomes = first_hits(problem, ns, eps, trials, key)
            claimed = growth.fit(outcomes, law)
            for rival, text in texts.items():
                test, level = FitsBetter("", claimed, growth.fit(outcomes, rival)), self._charge()
                finding = test.evaluate(level)
                z = float(finding.numbers["z"])
                rows = {
                    "advantage": f"{finding.numbers['nats a trial']:.4g} nats a trial, z = {z:.3g}, {trials} trials",
                    "claimed": f"{law}: {_short(claimed.estimate)}",
                    "rival": f"{rival}: {_short(test.rival.estimate)}",
                    "visible": _would(f"{test.detectable(level):.4g} nats a trial or more"),
                    "level": self._level(level),
                }
                self._known[text] = finding, self._message(f"n50 grows like {law!r}", problem, given, rows, key)
        return [self._answer(text) for text in texts.values()]

    def _compare(
        self,
        says: str,
        event: Event,
        claimed: float,
        trials: int,
        given: dict[str, Any],
        test_of: Callable[[Proportion], Test],
    ) -> Finding:
        __tracebackhide__ = True
        claimed, trials = arguments.real("claimed", claimed), arguments.whole("trials", trials, 1, MAX_TRIALS)
        text, key = self._identity(says, event, claimed, trials, given)
        _check_given(event, given)
        if text in self._known:
            return self._answer(text)
        extremes = [test_of(Proportion(hits, trials)) for hits in (0, trials)]
        level = level_of_comparison(self.budget, self.made + 1)
        if all(test.evaluate(level).verdict is not Verdict.REFUTED for test in extremes):
            self.idle += 1
            return test_of(Proportion(0, trials, trials)).evaluate(level)
        outcomes = _outcomes(event, key, trials, given)
        seen = Proportion(int((outcomes == HIT).sum()), trials, int((outcomes == UNDECIDED).sum()))
        test, level = test_of(seen), self._charge()
        finding = test.evaluate(level)
        lower, upper = seen.lower(level), seen.upper(level)
        rows = {
            "measured": f"{seen.hits} of {trials} trials, {seen.undecided or 'none'} undecided",
            "interval": f"[{lower:.6g}, {upper:.6g}]",
            "claimed": f"{says} {claimed:.6g}",
            "visible": _would(_visible(test, level)),
            "level": self._level(level),
        }
        self._known[text] = finding, self._message(f"P(event) is {says} {claimed:.6g}", event, given, rows, key)
        return self._answer(text)

    def _charge(self) -> float:
        self.made += 1
        return level_of_comparison(self.budget, self.made)

    def _level(self, level: float) -> str:
        return f"{level:.3g}, as comparison {self.made} of the session"

    def _answer(self, text: str) -> Finding:
        __tracebackhide__ = True
        self.able += 1
        finding, message = self._known[text]
        if finding.verdict is Verdict.REFUTED:
            raise Refuted(message)
        return finding

    def _identity(
        self, says: str, event: Event, claimed: Any, trials: int, given: dict[str, Any]
    ) -> tuple[str, Key[Array, ""]]:
        if isinstance(event, type) or not (isinstance(event, AbstractProblem) or callable(event)):
            arguments.instance("event", event, AbstractProblem, "SubsetSum(), or a function of a key")
        what = told("event", event) if isinstance(event, AbstractProblem) else told_function(event)
        parts = [f"{name}={told(name, value)}" for name, value in sorted(given.items())]
        text = "|".join([self.test, says, what, told("claimed", claimed), str(trials), *parts])
        return text, key_of(self.seed, text)

    def _message(
        self, claim: str, event: Event, given: dict[str, Any], rows: dict[str, str], key: Key[Array, ""]
    ) -> str:
        words = ", ".join(str(word) for word in np.asarray(jax.random.key_data(key)).ravel())
        pasted = f"jax.random.wrap_key_data(jnp.array([{words}], dtype=jnp.uint32))"
        rows = {"event": _name(event), "given": _short(given), **rows, "key": pasted}
        return "\n".join([f"refuted: {claim}", *(f"  {name:16}{row}" for name, row in rows.items())])


def _name(event: Event) -> str:
    if isinstance(event, AbstractProblem):
        return str(event)
    return _name(event.func) if isinstance(event, functools.partial) else getattr(event, "__name__", repr(event))


def _check_given(event: Event, given: dict[str, Any]) -> None:
    """Whether the event takes what it is given, before anything is traced.

    Raises:
        ArgumentError: for an argument that it does not take, or one that it lacks.
    """
    if isinstance(event, AbstractProblem):
        takes, needs, any_name = ["n", "eps", "solver"], ["n", "eps"], False
        said = f"a problem takes {', '.join(takes)}"
    else:
        parameters = list(inspect.signature(event).parameters.values())
        if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
            raise ArgumentError(f"event={_name(event)} is not allowed: what an event takes first is a key")
        others = parameters[1:]
        any_name = any(each.kind is each.VAR_KEYWORD for each in others)
        named = [each for each in others if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
        takes, needs = [each.name for each in named], [each.name for each in named if each.default is each.empty]
        said = f"event={_name(event)} takes {', '.join(takes) or 'nothing'} besides its key"
    for name in given:
        if name not in takes and not any_name:
            raise ArgumentError(f"argument={name!r} is not known: {said}")
    for name in needs:
        if name not in given:
            raise ArgumentError(f"{name} is missing: {said}")


def _outcomes(event: Event, key: Key[Array, ""], trials: int, given: dict[str, Any]) -> np.ndarray:
    """Of each trial: hit, miss or undecided, shape (trials,)."""
    if not isinstance(event, AbstractProblem):
        return np.where(_happened(event, key, trials, given), HIT, MISS)
    n, eps = arguments.whole("n", given["n"], 1, event.max_n), arguments.real("eps", given["eps"], above=0.0)
    (share,) = plan(event, (n,), (eps,), given.get("solver"))
    return np.concatenate([decision.status[:, 0, 0] for decision in decisions(share, trials, key)])


def _happened(event: Callable[..., Any], key: Key[Array, ""], trials: int, given: dict[str, Any]) -> np.ndarray:
    """In which trials the event happened, shape (trials,).

    Not under `jax.jit`: hypothesis asks at ever new numbers, and to compile takes longer than to compute.
    """
    block = min(trials, BLOCK)
    found = []
    for start in range(0, trials, block):
        keys = trial_keys(key, np.arange(start, start + block, dtype=np.uint32))
        happened = np.asarray(jax.vmap(lambda one: event(one, **given))(keys))
        if happened.dtype != bool or happened.shape != (block,):
            raise ArgumentError(
                f"event={event!r} is not allowed: it returns one bool for a key, not {happened.dtype} of shape "
                f"{happened.shape[1:]}"
            )
        found.append(happened)
    return np.concatenate(found)[:trials]


def _visible(test: Test, level: float) -> str:
    """The rates that a test of one would have seen."""
    least = test.detectable(level) or 0.0
    if isinstance(test, AtMost):
        return f"rates of {test.bound + least:.4g} or more"
    if isinstance(test, AtLeast):
        return f"rates of {test.bound - least:.4g} or less"
    assert isinstance(test, Equivalent)
    low, high = test.to.estimate - test.margin - least, test.to.estimate + test.margin + least
    ends = [f"{low:.4g} or less"] * (low >= 0.0) + [f"{high:.4g} or more"] * (high <= 1.0)
    return f"rates of {', and of '.join(ends)}" if ends else "no rate"


def _would(what: str) -> str:
    return f"{what} would have been seen, with probability {POWER:g}"


def _short(values: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v:.6g}" if isinstance(v, float) else f"{k}={v}" for k, v in values.items())


__all__ = ["Bound", "Event", "Refuted"]
