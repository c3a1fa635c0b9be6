"""Code of one's own: what a cell's counts depend on besides its options.

A built-in cell's name holds what it is drawn and decided by in words, and ltjax's own tests watch that the code behind
these words keeps its results. Of a class from elsewhere nobody knows: its name in a store holds a digest of its file.
"""

import dataclasses
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ltjax.arguments import ArgumentError

KNOWN = {"ltjax", "jax", "jaxlib", "numpy", *sys.stdlib_module_names}
"""Packages whose code is no part of a cell's name, whoever's the problem is."""
KEY = "own code"
"""In a cell's content and a store's table. No option of a problem can be called so."""


def own_code(*values: Any) -> dict[str, str]:
    """What a problem or a solver is made of that does not come from ltjax: each class with the digest of its file.

    Args:
        values: problems and solvers; their fields, and their classes' bases, are looked at too.

    Returns:
        one entry under `KEY`, or nothing where all is built in.

    Raises:
        ArgumentError: for a class whose file cannot be read.
    """
    found = {f"{each.__module__}:{each.__qualname__}": _digest(each) for each in _definitions(values)}
    return {KEY: ", ".join(f"{place} {found[place]}" for place in sorted(found))} if found else {}


def _definitions(value: Any) -> Iterable[Any]:
    """Classes and functions from elsewhere, that this value is made of."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, functools.partial):
        value = (value.func, *value.args, *value.keywords.values())
    if isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _definitions(each)
    defined = [value] if inspect.isfunction(value) else (value if isinstance(value, type) else type(value)).__mro__
    yield from (each for each in defined if _elsewhere(each.__module__))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from _definitions([getattr(value, field.name) for field in dataclasses.fields(value)])


def _elsewhere(module: str) -> bool:
    return module.partition(".")[0] not in KNOWN


@functools.lru_cache(maxsize=4096)
def _digest(defined: Any) -> str:
    """Of the file that a class or a function is from, as it was when this process first asked: what is edited later is
    not what runs. A module that is loaded again has other classes."""
    module = defined.__module__
    try:
        source = Path(sys.modules[module].__file__ or "").read_bytes()
    except (KeyError, AttributeError, OSError):
        raise ArgumentError(
            f"{module}:{defined.__qualname__} is not allowed in a sweep: its source cannot be read, so that its counts "
            "could not be told from those of other code; put it into a file of its own"
        ) from None
    return hashlib.sha256(source).hexdigest()[:12]


__all__ = ["KEY", "own_code"]
