"""What all commands share: where people read, progress, JSON, devices."""

import json
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

notes = Console(stderr=True, soft_wrap=True)
"""People read this; standard output is for results."""


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


__all__ = ["bar", "notes", "print_json", "start_devices"]
