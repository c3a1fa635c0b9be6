"""Checks of arguments: one clear line that names the argument, its value and what is allowed."""

import importlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


class ArgumentError(ValueError):
    """The user's mistake: one line that names the argument, its value and what is allowed.

    The command line turns this class, and no other, into exit status 2.
    """


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """`value` as an int in [low, high], or an `ArgumentError` that says why not."""
    allowed = f"a whole number from {low} to {high}" if high is not None else f"a whole number of at least {low}"
    try:
        number = int(value)
        if number != value or isinstance(value, bool):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"{name}={value!r} is not allowed: {name} is {allowed}") from None
    if number < low or (high is not None and number > high):
        raise ArgumentError(f"{name}={value!r} is not allowed: {name} is {allowed}")
    return number


def real(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    below: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> float:
    """`value` as a finite float inside the open (above, below) and closed (low, high) limits given."""
    limits = [
        f"above {above:g}" if above is not None else "",
        f"below {below:g}" if below is not None else "",
    ]
    limits += [
        f"at least {low:g}" if low is not None else "",
        f"at most {high:g}" if high is not None else "",
    ]
    allowed = " ".join(["a finite number", " and ".join(part for part in limits if part)]).strip()
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    good = math.isfinite(number) and not isinstance(value, str | bool)
    good = good and (above is None or number > above) and (below is None or number < below)
    good = good and (low is None or number >= low) and (high is None or number <= high)
    if not good:
        raise ArgumentError(f"{name}={value!r} is not allowed: {name} is {allowed}")
    return number + 0.0  # there is one zero


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """`value` if it is one of the allowed words."""
    words = list(allowed)
    if value not in words:
        raise ArgumentError(f"{name}={value!r} is not known: {name} is one of {', '.join(words)}")
    return value


def increasing(name: str, values: Sequence[Any], low: int, high: int) -> tuple[int, ...]:
    """`values` as a strictly increasing tuple of whole numbers in [low, high]."""
    numbers = tuple(whole(name, value, low, high) for value in values)
    if not numbers or list(numbers) != sorted(set(numbers)):
        raise ArgumentError(
            f"{name}={list(values)!r} is not allowed: {name} is a strictly increasing list of whole numbers"
        )
    return numbers


def instance(name: str, value: Any, kind: type[T], example: str) -> T:
    """`value` if it is an object of this kind; neither the class itself nor a name is one."""
    if not isinstance(value, kind):
        shown = value.__name__ if isinstance(value, type) else repr(value)
        raise ArgumentError(f"{name}={shown} is not allowed: {name} is an instance such as {example}")
    return value


def is_collection(value: Any) -> bool:
    """Whether these are several values: any collection but a word; an array without axes is one value."""
    return isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) > 0


def precisions(value: Any) -> tuple[float, ...]:
    """ε, one or several, as a non-empty tuple of positive finite floats."""
    values = list(value) if is_collection(value) else [value]
    if not values:
        raise ArgumentError("eps=[] is not allowed: eps is one or more finite numbers above 0")
    return tuple(real("eps", item, above=0.0) for item in values)


def class_at(argument: str, place: str, kind: type[T]) -> type[T]:
    """The class that `module:Class` names, imported now.

    Args:
        argument: whose value this is: "problem", "solver" or "pattern".
        place: `module:Class`.
        kind: what the class must be a subclass of.

    Raises:
        ArgumentError: for a module that cannot be imported, a class that is not there, is of another kind or lacks
            a method.
    """
    module, _, attribute = place.partition(":")
    named = module.removesuffix(".py").replace("\\", "/").replace("/", ".").strip(".")
    if not named or not attribute or module.startswith("."):
        raise ArgumentError(f"{argument}={place!r} cannot be loaded: {argument} is module:Class, such as blocks:Blocks")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        if named != module:
            raise ArgumentError(
                f"{argument}={place!r} is not allowed: {argument} is module:Class, without .py and with dots for "
                f"folders: {named}:{attribute}"
            ) from None
        raise ArgumentError(f"{argument}={place!r} cannot be loaded: {error}") from None
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ArgumentError(f"{argument}={place!r} is not allowed: {place} is no {argument} class")
    lacking = sorted(getattr(found, "__abstractmethods__", ()))
    if lacking:
        raise ArgumentError(f"{argument}={place!r} cannot be made: it lacks {', '.join(lacking)}")
    return found
