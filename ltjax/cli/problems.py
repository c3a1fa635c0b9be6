"""`ltjax estimate PROBLEM` and `ltjax threshold PROBLEM`, made from the problems' own options and docstrings.

PROBLEM is a name of the registry, or `module:Class`. Only problems named on the command line, or all of the registry
for `--help`, are imported; none of them needs JAX before a trial is drawn.
"""

import contextlib
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

from cyclopts import App, Parameter

from ltjax import arguments
from ltjax.cli.console import Whole, whole_number
from ltjax.problems.registry import PROBLEMS, problem_class

if TYPE_CHECKING:
    from ltjax.problems.base import AbstractProblem

estimate_app = App(name="estimate", help="Estimate the probability of a hit at one n and ε.")
threshold_app = App(name="threshold", help="Bracket n_p(ε): the least n at which a hit has probability p.")


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to draw.

    Parameters
    ----------
    seed
        Seed of the run's key; trial i uses the i-th key folded from it.
    confidence
        Confidence of the interval.
    solver
        auto, the name of a method that the problem has, or module:Class, a solver of one's own.
    chunk
        Trials in one dispatch; changes speed and memory, not the result.
    devices
        Number of devices to share the trials; on a CPU all cores by default.
    json
        Print one JSON object and nothing else on standard output.
    """

    seed: Whole = 0
    confidence: float = 0.99
    solver: str = "auto"
    chunk: Whole | None = None
    devices: Whole | None = None
    json: bool = False


def register(tokens: list[str]) -> None:
    """Make the commands that these words ask for."""
    if (tokens[:1] == ["sweep"] or any(":" in word for word in tokens)) and sys.path[:1] != [""]:
        sys.path.insert(0, "")  # a module of the folder one stands in, here or named by a sweep's specification
    if not tokens or tokens[0] not in ("estimate", "threshold"):
        return
    named = tokens[1] if len(tokens) > 1 else ""
    if named and not named.startswith("-") and ":" not in named:
        arguments.choice("problem", named, [*PROBLEMS, "module:Class"])
    names = [named] if named in PROBLEMS or ":" in named else list(PROBLEMS)
    for app, make in ((estimate_app, _estimate_command), (threshold_app, _threshold_command)):
        for name in names:
            if app.name[0] == tokens[0] and name not in _made[tokens[0]]:
                _made[tokens[0]].add(name)
                app.command(make(problem_class(name)), name=name)


_made: dict[str, set[str]] = {"estimate": set(), "threshold": set()}


def _helps(cls: "type[AbstractProblem]") -> dict[str, str]:
    """What the docstring's `Args` say of each option.

    However it is indented: where `Args:` ends the first line, Python takes the indentation of what follows away.
    """
    options = {field.name for field in dataclasses.fields(cls)}
    found: dict[str, list[str]] = {}
    entry: list[str] | None = None
    for line in _parts(cls)[1].splitlines():
        begun = re.match(r"\s*(\w+(?:, \w+)*): (.*)", line)
        if begun and options.issuperset(begun[1].split(", ")):
            entry = [begun[2]]
            found |= dict.fromkeys(begun[1].split(", "), entry)
        elif not line.strip() or re.fullmatch(r"\w+:", line.strip()):
            entry = None  # what follows is no help of an option's
        elif entry is not None:
            entry.append(line.strip())
    return {name: " ".join(" ".join(text).split()) for name, text in found.items()}


def _parts(cls: "type[AbstractProblem]") -> tuple[str, str]:
    """A docstring before and after `Args:` at the end of a line."""
    before, *after = re.split(r"(?:^|(?<=\s))Args:[ \t]*\n", inspect.getdoc(cls) or "", maxsplit=1)
    return before, "".join(after)


def _option_type(hint: Any) -> Any:
    """What the command line takes for an option: whole numbers and switches as such, anything else as a word."""
    kinds = set(get_args(hint) or (hint,)) - {type(None)}
    for simple in (bool, int, float):
        if kinds == {simple}:
            return simple | None if type(None) in get_args(hint) else simple
    return str


def options_of(cls: "type[AbstractProblem]") -> type[Any]:
    """A dataclass of a problem's options as the command line takes them."""
    hints, helps = get_type_hints(cls), _helps(cls)
    fields: list[Any] = []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        kind = _option_type(hints[field.name])
        default = field.default
        if kind is str:
            default = str(getattr(default, "name", default))
        how = Parameter(
            help=helps.get(field.name, ""),
            negative="" if kind is bool else None,
            converter=whole_number if int in (get_args(kind) or (kind,)) else None,
        )
        required = field.default is dataclasses.MISSING
        fields.append((field.name, Annotated[kind, how]) if required else (field.name, Annotated[kind, how], default))
    made = dataclasses.make_dataclass(f"{cls.__name__}Options", fields, frozen=True)
    made.__doc__, made.__module__ = f"Options of {cls.__name__}.", __name__
    return Parameter(name="*")(made)


def made_from(cls: "type[AbstractProblem]", options: Any) -> "AbstractProblem":
    """The problem that these options describe; the problem itself says what is allowed."""
    values = {}
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if isinstance(value, str):
            # A number where one is meant; a word that is none stays a word.
            with contextlib.suppress(ValueError):
                value = float(value)
        values[field.name] = value
    return cls(**values)


def _first_line(cls: "type[AbstractProblem]") -> str:
    return _parts(cls)[0].strip().partition("\n\n")[0].replace("\n", " ")


def _command(cls: "type[AbstractProblem]", run: Callable[..., Any], doc: str) -> Callable[..., Any]:
    """`run` with the problem's options as parameters of its own."""
    options = options_of(cls)
    signature = inspect.signature(run)
    required = any(f.default is dataclasses.MISSING for f in dataclasses.fields(options) if f.init)
    default = inspect.Parameter.empty if required else options()
    own = inspect.Parameter("options", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=options)
    parameters = [p for p in signature.parameters.values() if p.name != "options"]

    def command(**given: Any) -> Any:
        return run(**({"options": default} | given))

    command.__doc__ = doc
    command.__signature__ = signature.replace(parameters=[*parameters, own])  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in [*parameters, own]}
    return command


def _estimate_command(cls: "type[AbstractProblem]") -> Callable[..., Any]:
    def run(
        *,
        n: Whole,
        eps: float,
        trials: Whole = 1000,
        interval: str = "exact",
        witness: Path | None = None,
        sampling: Sampling = Sampling(),
        options: Any,
    ) -> int:
        from ltjax.cli import answers

        return answers.estimate(lambda: made_from(cls, options), sampling, n, eps, trials, interval, witness)

    return _command(
        cls,
        run,
        f"""P(hit) at one n and ε. {_first_line(cls)}

        Parameters
        ----------
        n
            How many parts are drawn: numbers, or hidden neurons of the start network.
        eps
            The precision ε.
        trials
            How many times.
        interval
            exact (Clopper-Pearson) or anytime (valid however the number of trials was chosen).
        witness
            Write every hit's draw and mask into this .npz file.
        """,
    )


def _threshold_command(cls: "type[AbstractProblem]") -> Callable[..., Any]:
    def run(
        *,
        eps: Annotated[list[float], Parameter(consume_multiple=True, negative_iterable="")],
        p: float = 0.5,
        trials: Whole | None = None,
        n_max: Whole | None = None,
        sampling: Sampling = Sampling(),
        options: Any,
    ) -> int:
        from ltjax.cli import answers

        return answers.threshold(lambda: made_from(cls, options), sampling, eps, p, trials, n_max)

    return _command(
        cls,
        run,
        f"""The least n at which a hit has probability p, for one or several ε. {_first_line(cls)}

        Parameters
        ----------
        eps
            One precision or several.
        p
            The hit probability to reach.
        trials
            Independent draws; by default 400, or 100 where each size costs a search.
        n_max
            The largest n to look at; found by a pilot run if not given.
        """,
    )


__all__ = ["Sampling", "estimate_app", "made_from", "options_of", "register", "threshold_app"]
