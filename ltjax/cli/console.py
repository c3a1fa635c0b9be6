"""What all commands share: where people read, progress, JSON, devices."""

import json
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from cyclopts import Parameter, Token
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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
    """A progress bar on standard error that vanishes when that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    print(json.dumps(value, allow_nan=False))


__all__ = ["Whole", "bar", "notes", "print_json", "start_devices", "whole_number"]
