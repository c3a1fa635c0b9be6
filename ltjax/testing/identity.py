"""What a comparison is, as text: the same comparison of the same test draws the same numbers, another one its own."""

import dataclasses
import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from ltjax.arguments import ArgumentError
from ltjax.laws import Law
from ltjax.problems.base import AbstractProblem

PLAIN = (bool, int, float, str, bytes, type(None))


def told(name: str, value: Any) -> str:
    """A value as text that is the same in every process, and another one for every other value.

    Raises:
        ArgumentError: for what is no plain data: the text would depend on where it lies in memory.
    """
    if isinstance(value, AbstractProblem):
        return f"{type(value).__module__}:{type(value).__qualname__}({told(name, value.describe())})"
    if isinstance(value, Law):
        return repr(value)
    if isinstance(value, np.ndarray | np.generic | jax.Array) and not isinstance(value, float):
        array = np.asarray(value)
        return f"{array.dtype}{array.shape}:{hashlib.sha256(array.tobytes()).hexdigest()}"
    if isinstance(value, PLAIN):
        return f"{type(value).__name__}:{value!r}"
    if isinstance(value, types.ModuleType):
        return f"module:{value.__name__}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{told(name, k)}: {told(name, v)}' for k, v in value.items())}}}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(told(name, each) for each in value)}]"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return f"{type(value).__qualname__}({told(name, fields)})"
    raise ArgumentError(f"{name}={value!r} is not allowed: {name} is plain data, an array, problem, law or module")


def told_function(event: Callable[..., Any]) -> str:
    """A function as text: its name, the modules it captures, and what `functools.partial` gave it.

    Raises:
        ArgumentError: for a function that captures anything else: two of them have one name.
    """
    if isinstance(event, functools.partial):
        given = told("event", [event.args, event.keywords])
        return f"{told_function(event.func)}({given})"
    function = inspect.unwrap(event)
    if not inspect.isfunction(function):
        raise ArgumentError(f"event={event!r} is not allowed: event is a problem or a function of a key")
    captured = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    modules = {name: _module_in(cell) for name, cell in captured.items()}
    others = [name for name, module in modules.items() if module is None]
    if others or function.__defaults__ or function.__kwdefaults__:
        names = ", ".join(others) or "its defaults"
        raise ArgumentError(
            f"event={function.__qualname__} is not allowed: it captures {names}. Hand over by name what it depends on: "
            "at_most(event, n=n, …) calls event(key, n=n)"
        )
    return f"{function.__module__}:{function.__qualname__}{told('event', modules) if modules else ''}"


def _module_in(cell: types.CellType) -> types.ModuleType | None:
    """A captured module, such as one imported in the test: it is the same wherever it has that name."""
    try:
        found = cell.cell_contents
    except ValueError:  # nothing is in it yet
        return None
    return found if isinstance(found, types.ModuleType) else None


def key_of(seed: int, text: str) -> Key[Array, ""]:
    """The key of a comparison: as good as drawn anew for every other text and seed."""
    words = np.frombuffer(hashlib.sha256(text.encode()).digest()[:8], np.uint32)
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), words[0]), words[1])


__all__ = ["key_of", "told", "told_function"]
