"""A sweep's specification: a small TOML file in, cells and tasks out.

A *cell* is one question: a problem with all its options, an n, an ε and a seed. A *task* is a grid of cells
that one trial decides together, since hits are monotone in n and ε. What a cell draws depends on nothing but
the cell: its *stream* is the problem as it is drawn (dtype and the like included) and the seed, and trial i of a
stream is the same in every sweep, task, chunk, machine and year. A task is only a way to share work.
"""

import dataclasses
import difflib
import hashlib
import itertools
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.problems.base import AbstractProblem
from ltjax.problems.registry import PROBLEMS, problem_class
from ltjax.solvers.choose import Choice, choose
from ltjax.sweeps.code import own_code
from ltjax.trials.dispatch import MAX_TRIALS
from ltjax.trials.plan import Share, plan

MOST_CELLS = 1_000_000
MOST_TRIALS_TO_VERDICT = 100_000
"""Where `until = "verdict"` gives up on a cell whose probability is near one half, unless `trials` says."""
FORMAT = 2
"""Of cell hashes: part of what is hashed."""


@dataclasses.dataclass(frozen=True)
class Until:
    """When a cell has trials enough: its anytime-valid interval is narrow, or lies on one side of one half."""

    kind: Literal["width", "verdict"]
    width: float = 1.0

    def __str__(self) -> str:
        return self.kind if self.kind == "verdict" else f"width={self.width:g}"

    def reached(self, hits: int, misses: int, trials: int, confidence: float) -> bool:
        """Whether a cell with these counts may stop."""
        lower, upper = intervals.anytime(hits, trials, confidence, trials - hits - misses)
        return upper - lower <= self.width if self.kind == "width" else lower > 0.5 or upper < 0.5

    def hopeless(self, hits: int, misses: int, trials: int) -> bool:
        """Whether these shares of hits and misses, known ever so well, would leave the interval too wide."""
        lower, upper = hits / trials, 1.0 - misses / trials
        return upper - lower > self.width if self.kind == "width" else lower <= 0.5 <= upper and lower < upper

    def most(self, confidence: float) -> int:
        """Trials after which a cell stops in any case: for a width, what P = 1/2 takes if all are decided."""
        if self.kind == "verdict":
            return MOST_TRIALS_TO_VERDICT
        low, high = 0, 1
        while not self.reached(high // 2, high - high // 2, high, confidence):
            low, high = high, 2 * high
            if high > MAX_TRIALS:
                raise ArgumentError(
                    f"until='width={self.width:g}' is not allowed: it takes more than {MAX_TRIALS} trials"
                )
        while high - low > 1:
            middle = (low + high) // 2
            enough = self.reached(middle // 2, middle - middle // 2, middle, confidence)
            low, high = (low, middle) if enough else (middle, high)
        return high


def parse_until(text: Any) -> Until:
    """`"width=0.02"` or `"verdict"`, checked."""
    if text == "verdict":
        return Until("verdict")
    if isinstance(text, str) and text.startswith("width="):
        try:
            return Until("width", arguments.real("width", float(text.removeprefix("width=")), above=0.0, below=1.0))
        except ValueError:
            pass
    raise ArgumentError(f"until={text!r} is not allowed: until is width=W with W above 0 and below 1, or verdict")


def digest(content: Any) -> str:
    """A short name for plain data: 96 bits of SHA-256 of its canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@lru_cache(maxsize=256)
def make_problem(name: str, options: tuple[tuple[str, Any], ...]) -> AbstractProblem:
    """The problem of that name with these options.

    Raises:
        ArgumentError: for an unknown problem, or options that it refuses.
    """
    return problem_class(name)(**dict(options))


@lru_cache(maxsize=1024)
def make_choice(name: str, options: tuple[tuple[str, Any], ...], solver: str | None, n: int, eps: float) -> Choice:
    """How a cell of that problem is drawn and decided."""
    return choose(make_problem(name, options), n, eps, solver)


@dataclasses.dataclass(frozen=True)
class Task:
    """Cells that one trial decides together: all of `ns` × `eps` of one stream.

    Attributes:
        problem, options: what rebuilds the problem in any process.
        solver: as the spec names it; None: what suits each cell best.
        described: the problem and how its trials are drawn and decided, plain values; of what is not ltjax's own, which
            code.
        seed: of the spec.
        ns, eps: increasing sizes, decreasing precisions.
        trials: how many, or at most how many.
        chunk: trials a dispatch; None: the solver's own choice.
    """

    problem: str
    options: tuple[tuple[str, Any], ...]
    solver: str | None
    described: dict[str, Any] = dataclasses.field(hash=False)
    seed: int
    ns: tuple[int, ...]
    eps: tuple[float, ...]
    trials: int
    chunk: int | None = None

    @property
    def choice(self) -> Choice:
        return make_choice(self.problem, self.options, self.solver, self.ns[0], self.eps[0])

    def share(self, ns: tuple[int, ...] | None = None, eps: tuple[float, ...] | None = None) -> Share:
        """Some of the cells, as the trials' engine takes them; all by default."""
        return Share(make_problem(self.problem, self.options), self.choice, ns or self.ns, eps or self.eps)

    @property
    def content(self) -> dict[str, Any]:
        """What the outcomes of the cells are functions of, besides n and ε, as plain values."""
        return {"format": FORMAT, "seed": self.seed, **self.described}

    @property
    def stream(self) -> str:
        """What is drawn and how it is decided: trial i of a stream is the same in every sweep."""
        return digest(self.content)

    def cell(self, n: int, eps: float) -> str:
        """The cell's hash: its name in every store."""
        return digest({"n": n, "eps": eps, **self.content})

    def __len__(self) -> int:
        return len(self.ns) * len(self.eps)


@dataclasses.dataclass(frozen=True)
class Spec:
    """A sweep, checked as far as it can be without drawing anything.

    Attributes:
        problem: a name of `PROBLEMS`, or "module:Class".
        axes: options of the problem, each with its one or several values.
        n, eps: sizes and precisions.
        trials: for each cell; with `until`, at most.
        until: stop a cell earlier; None: all trials.
        confidence: of each cell's interval.
        seed: of all streams.
        chunk: trials a dispatch; None: chosen.
        memory: bytes that one process may use; None: what the machine has.
        solver: by name, or "module:Class", for all cells; None: what suits each cell best.
    """

    problem: str
    axes: dict[str, tuple[Any, ...]]
    n: tuple[int, ...]
    eps: tuple[float, ...]
    trials: int
    until: Until | None = None
    confidence: float = 0.99
    seed: int = 0
    chunk: int | None = None
    memory: int | None = None
    solver: str | None = None

    def tasks(self) -> list[Task]:
        """The cells, grouped. Which cells share a task does not change what they draw."""
        return list(self._tasks())

    def _tasks(self) -> Iterator[Task]:
        # A module that was loaded again since has other classes of the same names.
        make_problem.cache_clear()
        make_choice.cache_clear()
        for values in itertools.product(*self.axes.values()):
            options = tuple(zip(self.axes, values, strict=True))
            problem = make_problem(self.problem, options)
            for share in plan(problem, self.n, self.eps, self.solver):
                described = plain(problem.describe() | share.choice.describe() | own_code(problem, share.solver))
                yield Task(
                    self.problem,
                    options,
                    self.solver,
                    described,
                    self.seed,
                    share.ns,
                    share.eps,
                    self.trials,
                    self.chunk,
                )


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values that JSON can hold."""
    known = (str, int, float, bool, type(None))
    return {key: value if isinstance(value, known) else str(value) for key, value in values.items()}


def read_spec(path: str | Path, *, until: str | None = None) -> Spec:
    """Read and check a TOML file.

    Args:
        path: the file.
        until: overrides the file's `until`.

    Raises:
        ArgumentError: one line that names the file or the key, its value, and what is allowed.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ArgumentError(f"spec={str(path)!r} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"spec={str(path)!r} is no TOML file: {error}") from None
    return parse_spec(table if until is None else table | {"until": until})


def parse_spec(table: Mapping[str, Any]) -> Spec:
    """The same from a mapping."""
    if "problem" not in table:
        raise ArgumentError(f"key 'problem' is missing: problem is one of {', '.join(PROBLEMS)}")
    cls = problem_class(table["problem"])
    options = [field.name for field in dataclasses.fields(cls) if field.init]
    own = ["problem", "n", "eps", "trials", "until", "confidence", "seed", "chunk", "memory", "solver"]
    for key in table:
        if key not in own and key not in options:
            near = difflib.get_close_matches(key, own + options, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ArgumentError(f"key {key!r} is not known: keys are {', '.join(own + options)}{hint}")
    for key in ("n", "eps"):
        if key not in table:
            raise ArgumentError(f"key {key!r} is missing: {key} is a number, a list, or a table with logspace or range")
    for field in dataclasses.fields(cls):
        usual = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        if field.init and not usual and field.name not in table:
            raise ArgumentError(f"key {field.name!r} is missing: {table['problem']} has no usual {field.name}")
    n = sorted(arguments.whole("n", value, 1) for value in axis("n", table["n"]))
    eps = sorted((arguments.real("eps", value, above=0.0) for value in axis("eps", table["eps"])), reverse=True)
    hints = get_type_hints(cls)
    axes = {
        key: tuple(_declared(key, item, hints[key]) for item in axis(key, table[key]))
        for key in options
        if key in table
    }
    cells = math.prod(len(values) for values in (n, eps, *axes.values()))
    if cells > MOST_CELLS:
        longest = max([("n", n), ("eps", eps), *axes.items()], key=lambda item: len(item[1]))[0]
        raise ArgumentError(
            f"{longest} has too many values: the sweep has {cells} cells, at most {MOST_CELLS} are allowed"
        )
    confidence = arguments.real("confidence", table.get("confidence", 0.99), above=0.0, below=1.0)
    until = parse_until(table["until"]) if "until" in table else None
    if until is None and "trials" not in table:
        raise ArgumentError('key \'trials\' is missing: give trials, or until = "width=0.02" or "verdict", or both')
    trials = table["trials"] if "trials" in table or until is None else until.most(confidence)
    chunk, memory, solver = table.get("chunk"), table.get("memory"), table.get("solver")
    if solver is not None and not isinstance(solver, str):
        raise ArgumentError(f"solver={solver!r} is not allowed: solver is one word, for all cells")
    return Spec(
        problem=table["problem"],
        axes=axes,
        n=tuple(n),
        eps=tuple(eps),
        trials=arguments.whole("trials", trials, 1, MAX_TRIALS),
        until=until,
        confidence=confidence,
        seed=arguments.whole("seed", table.get("seed", 0), 0, 2**32 - 1),
        chunk=None if chunk is None else arguments.whole("chunk", chunk, 1, MAX_TRIALS),
        memory=None if memory is None else int(arguments.real("memory", memory, above=0.0) * 2**30),
        solver=solver,
    )


def _declared(key: str, item: Any, hint: Any) -> Any:
    """An option's value in the type that the problem declares: 2 and 2.0, 0.0 and -0.0 are one cell."""
    kinds = set(get_args(hint) or (hint,))
    if bool in kinds and not isinstance(item, bool):
        raise ArgumentError(f"{key}={item!r} is not allowed: {key} is true or false")
    if isinstance(item, str | bool) or not kinds & {int, float}:
        return item
    return arguments.real(key, item) if float in kinds else arguments.whole(key, item, -(2**63), 2**63 - 1)


def axis(key: str, value: Any) -> tuple[Any, ...]:
    """The values of one key: a single value, a list, or one of the tables.

    `{ logspace = [low, high, count] }` is a geometric sequence and `{ range = [low, high, step] }` an arithmetic
    one, both with both ends; for n, `logspace` gives whole numbers, each once.
    """
    if isinstance(value, Mapping):
        value = _sequence(key, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ArgumentError(f"{key}=[] is not allowed: an axis has one value or more")
    for item in values:
        if not isinstance(item, str | int | float):
            raise ArgumentError(f"{key}={item!r} is not allowed: the values of an axis are numbers, words or booleans")
    seen = set()
    for item in values:
        if item in seen:
            raise ArgumentError(f"{key}={values!r} is not allowed: {item!r} stands there twice")
        seen.add(item)
    return tuple(values)


def _sequence(key: str, table: Mapping[str, Any]) -> list[Any]:
    if list(table) not in (["logspace"], ["range"]) or not isinstance(next(iter(table.values())), list):
        raise ArgumentError(
            f"{key}={dict(table)!r} is not allowed: a table is {{logspace = [low, high, count]}} "
            "or {range = [low, high, step]}"
        )
    ((form, numbers),) = table.items()
    if len(numbers) != 3:
        third = "count" if form == "logspace" else "step"
        raise ArgumentError(f"{key}={numbers!r} is not allowed: {form} = [low, high, {third}]")
    low = arguments.real(f"{key}'s low", numbers[0], **({"above": 0.0} if form == "logspace" else {}))
    high = arguments.real(f"{key}'s high", numbers[1], **({"above": 0.0} if form == "logspace" else {}))
    if form == "logspace":
        count = arguments.whole(f"{key}'s count", numbers[2], 1, MOST_CELLS)
        found = np.geomspace(low, high, count)
        if key == "n":
            return sorted({round(x) for x in found})
    else:
        step = arguments.real(f"{key}'s step", numbers[2], above=0.0)
        count = math.floor((high - low) / step * (1 + 1e-12) + 1e-9) + 1
        if count < 1:
            raise ArgumentError(f"{key}={numbers!r} is not allowed: the range is empty")
        if count > MOST_CELLS:
            raise ArgumentError(f"{key}={numbers!r} is not allowed: at most {MOST_CELLS} values")
        last = low + step * (count - 1)
        if high - last > 1e-6 * step:
            raise ArgumentError(
                f"{key}={numbers!r} is not allowed: both ends belong to a range, and steps of {step:g} from {low:g} "
                f"come to {last:g} and {last + step:g}"
            )
        found = low + step * np.arange(count)
        if all(type(x) is int for x in numbers):
            return [int(x) for x in found]
    # Twelve digits: the last bits of a power depend on the machine, and a cell's name must not.
    return [float(f"{x:.12g}") for x in found]
