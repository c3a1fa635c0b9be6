"""What all commands share: where people read, progress, JSON, devices."""

import codecs
import io
import json
import os
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from cyclopts import Parameter, Token
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ltjax.arguments import ArgumentError

notes = Console(stderr=True, soft_wrap=True)
"""People read this; standard output is for results."""


def whole_number(kind: Any, tokens: Sequence[Token]) -> int:
    """A whole number as people write it, 100 or 1e2; what is none is refused, not rounded."""
    del kind
    text = tokens[0].value
    try:
        number = Decimal(text)
        # Of 1e999999999 the digits alone would fill the memory.
        if number.is_finite() and number.adjusted() < 40 and number == number.to_integral_value():
            return int(number)
    except InvalidOperation:
        pass
    raise ValueError(f"{text!r} is no whole number")


Whole = Annotated[int, Parameter(converter=whole_number)]


def start_devices(count: int | None = None) -> list[Any]:
    """The local devices to use; a CPU shows as one device a core unless the user configured JAX otherwise."""
    from ltjax import arguments
    from ltjax.machine import devices as parallel
    from ltjax.machine.compilation import use_compilation_cache

    use_compilation_cache()
    parallel.use_cores()
    devices = list(parallel.local())
    return devices if count is None else devices[: arguments.whole("devices", count, 1, len(devices))]


def bar() -> Progress:
    """A progress bar of what is looked at."""
    text, count = TextColumn("{task.description}"), MofNCompleteColumn()
    return progress(text, BarColumn(), count, TimeElapsedColumn(), TimeRemainingColumn())


def progress(*columns: ProgressColumn) -> Progress:
    """A bar on standard error, on a terminal only, that vanishes; what goes to standard output still goes there."""
    return Progress(*columns, console=notes, transient=True, redirect_stdout=False, disable=not notes.is_terminal)


_unwritten: list[str] = []
"""Why standard output took no more, where it did not."""


def begin() -> None:
    """Before a command: where a stream cannot hold a letter, as ε in a code page of Windows, it is spelt out."""
    _unwritten.clear()
    codecs.register_error("ltjax", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="ltjax")


def finish() -> None:
    """After a command.

    Raises:
        ArgumentError: where standard output took not all of it.
    """
    _written("")
    if _unwritten:
        raise ArgumentError(f"standard output cannot be written: {_unwritten[0]}")


def _spelt(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(SPELT.get(letter, "?") for letter in letters), error.end


SPELT = {"ε": "eps", "σ": "sigma", "≤": "<=", "≥": ">=", "…": "...", "×": "x", "·": "*", "–": "-", "π": "pi", "−": "-"}


def say(text: str) -> None:
    """A result, on standard output; where that takes none, on standard error: what was computed is not lost."""
    if not _written(f"{text}\n"):
        print(text, file=sys.stderr)


def _written(text: str) -> bool:
    """Whether standard output took it, or nobody reads it any more."""
    if _unwritten:
        return False
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        # What is left in its buffer must not be tried again at the end.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        if not isinstance(error, BrokenPipeError):
            _unwritten.append(error.strerror or str(error))
            return False
    return True


def show(what: Any) -> None:
    """A table, or a line with rich's markup, as `say` does; as wide as it wants to be where nobody's screen is."""
    console = Console(soft_wrap=isinstance(what, str), highlight=False)
    if not console.is_terminal:
        console.width = 1000
    with console.capture() as text:
        console.print(what)
    say(text.get().rstrip("\n"))


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table that folds what is too long for the screen, and cuts nothing off."""
    made = Table(title=title)
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def note(text: str) -> None:
    """A line for people."""
    notes.print(text, highlight=False, markup=False)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    say(json.dumps(value, allow_nan=False))


__all__ = [
    "Whole",
    "bar",
    "begin",
    "finish",
    "note",
    "notes",
    "print_json",
    "progress",
    "say",
    "show",
    "start_devices",
    "table",
    "whole_number",
]
