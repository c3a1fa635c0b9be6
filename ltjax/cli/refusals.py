"""What a command line that cannot be read is told, and whose code it was that failed."""

import difflib
import sys
import sysconfig
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args, get_origin

from cyclopts import CoercionError, CycloptsError, MissingArgumentError, UnknownOptionError, UnusedCliTokensError
from cyclopts.exceptions import RepeatArgumentError

import ltjax

KINDS = {int: "a whole number", float: "a number", bool: "a switch, given without a value", Path: "a file"}


def in_words(error: CycloptsError, words: list[str]) -> str:
    """One line that names the argument, its value and what is allowed."""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return _too_many(error.unused_tokens[0], words)
    if isinstance(error, RepeatArgumentError) and error.token.keyword:
        return f"{error.token.keyword} is given twice: give it once"
    if isinstance(error, UnknownOptionError):
        option = error.token.keyword or error.token.value
        known = [name for argument in error.argument_collection for name in argument.names]
        near = difflib.get_close_matches(option, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"`{_command(words)} --help` lists the options"
        return f"option {option} is not known: {hint}"
    if isinstance(error, MissingArgumentError) and error.argument is not None:
        name, kind = error.argument.name, _kind(error.argument.hint)
        if name in words:
            return f"{name} is given without a value: {name} is {kind}"
        near = difflib.get_close_matches(name, [word for word in words if word.startswith("-")], 1)
        return f"{name} is missing: {name} is {kind}{f', and {near[0]} is no option' if near else ''}"
    if isinstance(error, CoercionError) and error.token is not None and error.argument is not None:
        name = error.argument.name.lstrip("-").replace("-", "_")
        return f"{name}={error.token.value!r} is not allowed: {name} is {_kind(error.argument.hint)}"
    return str(error)


def _kind(hint: Any) -> str:
    """What is allowed for an argument of this type."""
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, get_args(hint)))}"
    if get_origin(hint) is list:
        return f"{_kind(get_args(hint)[0])}, or several"
    inner = [each for each in get_args(hint) if each is not type(None)]
    return _kind(inner[0]) if inner else KINDS.get(hint, "a word")


def _too_many(value: str, words: list[str]) -> str:
    """Of a word that nothing takes."""
    # The last one that is no option's first value.
    places = [i for i, word in enumerate(words) if word == value and not words[i - 1].startswith("-")]
    before = [word for word in words[: places[-1] if places else 0] if word.startswith("-")]
    if before:
        return f"{value!r} is not allowed: {before[-1]} takes one value, and it is one more"
    return f"{value!r} is not allowed: `{_command(words)}` takes no more words, its --help lists the options"


def _command(words: list[str]) -> str:
    named = words[: 2 if words[0] in ("estimate", "threshold") else 1]
    return " ".join(["ltjax", *(word for word in named if not word.startswith("-"))])


def told(error: BaseException) -> bool:
    """Print the traceback of an error in code of the user's own, from there on; whether it was in such."""
    at = error.__traceback__
    while at is not None and not _theirs(at):
        at = at.tb_next
    if at is None:
        return False
    traceback.print_exception(type(error), error, at, chain=False, file=sys.stderr)
    return True


def _theirs(at: TracebackType) -> bool:
    """Whether this line is neither ltjax's nor that of anything installed."""
    name = at.tb_frame.f_code.co_filename
    if name.startswith("<"):
        return False
    path = Path(name).resolve()
    ours = (Path(ltjax.__file__).parent, Path(sysconfig.get_paths()["stdlib"]))
    return "site-packages" not in path.parts and not any(path.is_relative_to(folder.resolve()) for folder in ours)


__all__ = ["in_words", "told"]
