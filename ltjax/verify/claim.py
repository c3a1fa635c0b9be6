"""Claim: one theorem as a value whose fields are the constants it claims.

A claim measures once and is judged often: `measure` draws, `tests` says what the claim asserts of the data. A
negative control is the same claim with other numbers on the same data, which has to come out refuted. So a check
that cannot fail shows itself at once.
"""

import abc
import dataclasses
import difflib
import inspect
import re
import sys
import zlib
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from ltjax.arguments import ArgumentError
from ltjax.verify.tests import Finding, Test, Verdict, joint_verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ltjax.verify.run import Run


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The findings of one claim or control."""

    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        return joint_verdict([finding.verdict for finding in self.findings])

    @property
    def refutable(self) -> bool:
        """Whether any data could have refuted any of the tests."""
        return any(finding.refutable for finding in self.findings)


@dataclasses.dataclass(frozen=True)
class Control:
    """A false neighbour of a claim: the same tests, with constants that are wrong.

    Attributes:
        id: for example "MINE-1-half".
        statement: what is falsely claimed, in one line of Markdown with LaTeX.
        changes: the claim's fields that differ, by name.
    """

    id: str
    statement: str
    changes: Mapping[str, Any]


HOOKS = ("id", "controls", "caption", "alone", "prepare", "measure", "tests", "tables", "figure", "headline")
"""All that a claim's class may define in public, beside its constants."""
NUMBERS = (int, float, str)


@dataclasses.dataclass(frozen=True)
class Claim(abc.ABC):
    """One theorem: its statement, its constants, its measurement, its tests, its negative controls.

    To state one, write a final subclass, decorated `@dataclasses.dataclass(frozen=True)`. Its docstring, or else its
    module's, is the statement: the first line is the title, the rest Markdown with LaTeX. Its fields are the claimed
    constants: numbers, names of growth laws, or tuples of these, each with the true value as its default.

    Attributes:
        id: for example "MINE-1".
        controls: at least one false neighbour.
        caption: what the figure shows.
        alone: whether nothing else may run while it measures, as where times are taken.
    """

    id: ClassVar[str]
    controls: ClassVar[tuple[Control, ...]]
    caption: ClassVar[str] = ""
    alone: ClassVar[bool] = False
    _docstring: ClassVar[str | None] = None

    def prepare(self, run: "Run") -> Any:
        """What a claim that is `alone` needs and takes no times of: other claims may run meanwhile.

        Its result, which can be pickled, is `run.prepared` when the claim measures.
        """
        return None

    @abc.abstractmethod
    def measure(self, run: "Run") -> Any:
        """Draw: all data that the tests, tables and the figure need. It does not depend on the constants."""

    @abc.abstractmethod
    def tests(self, data: Any) -> Sequence[Test]:
        """What the claim asserts of the data. Their kinds and their number do not depend on the constants."""

    def tables(self, data: Any) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Evidence beside the tests: rows by title, each row values by column. Nothing is judged by it."""
        return {}

    def figure(self, data: Any) -> "Figure | None":
        """A picture of the data, if there is one."""
        return None

    def headline(self, data: Any) -> str | None:
        """In Markdown, what a reader without the paper should know; with its figure it opens the report."""
        return None

    def __init_subclass__(cls) -> None:
        # The decorator would put the signature where no docstring is, so the docstring is read before it.
        cls._docstring = cls.__dict__.get("__doc__")
        constants = {name for name, kind in inspect.get_annotations(cls).items() if "ClassVar" not in str(kind)}
        for name in [*vars(cls), *constants]:
            near = difflib.get_close_matches(name, HOOKS, 1, 0.8)
            if name.startswith("_") or name in HOOKS or (name in constants and not near):
                continue
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ArgumentError(
                f"{cls.__name__}.{name} is not allowed: a claim defines {', '.join(HOOKS)}, constants as fields, and "
                f"names of its own with a leading underscore{hint}"
            )
        clash = sorted(constants & set(HOOKS))
        if clash:
            raise ArgumentError(f"{cls.__name__}.{clash[0]} is not allowed as a constant: the name is a claim's hook")
        final = [base.__name__ for base in cls.__mro__[1:] if issubclass(base, Claim) and base is not Claim]
        if final:
            raise ArgumentError(f"{cls.__name__} is not allowed: its base {final[0]} is a claim, and claims are final")

    def __post_init__(self) -> None:
        where = type(self).__name__
        for name in ("id", "controls"):
            if not hasattr(self, name):
                raise ArgumentError(f"{where}.{name} is missing: a claim has an id and controls")
        constants = {field.name for field in dataclasses.fields(self)}
        stated = {n for n, kind in inspect.get_annotations(type(self)).items() if "ClassVar" not in str(kind)}
        if stated - constants:
            raise ArgumentError(f"{where} is not allowed: decorate it with @dataclasses.dataclass(frozen=True)")
        for name in sorted(constants):
            value = getattr(self, name)
            parts = value if isinstance(value, tuple) else (value,)
            if not all(isinstance(part, NUMBERS) and not isinstance(part, bool) for part in parts):
                raise ArgumentError(
                    f"{where}.{name}={value!r} is not allowed: a constant is a number, a growth law's name, or a tuple "
                    "of these"
                )
        if not self.controls:
            raise ArgumentError(f"claim {self.id} has no negative control: a check that cannot fail shows nothing")
        for control in self.controls:
            for name in control.changes:
                if name not in constants:
                    known = ", ".join(sorted(constants)) or "none"
                    raise ArgumentError(
                        f"control {control.id} changes {name!r}, which is not a constant of {self.id}: "
                        f"these are {known}"
                    )

    @property
    def _stated(self) -> str:
        module = sys.modules.get(type(self).__module__)
        text = self._docstring or getattr(module, "__doc__", None) or ""
        if not text.strip():
            raise ArgumentError(f"claim {self.id} has no statement: its class or its module has a docstring")
        return inspect.cleandoc(text)


def title_of(claim: Claim) -> str:
    """A claim's title: the first line of its docstring, without its id."""
    return claim._stated.partition("\n")[0].removeprefix(f"{claim.id}: ").rstrip(".")


def statement_of(claim: Claim) -> str:
    """A claim's statement, in Markdown with LaTeX: its docstring after the first line."""
    return claim._stated.partition("\n")[2].strip()


def place(id: str) -> list[str | int]:
    """What ids are sorted by: their words, then their numbers as numbers, so that 9 comes before 11."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", id)]


def stream(claim: Claim) -> int:
    """A number for `fold_in` that depends on nothing but the id."""
    return zlib.crc32(claim.id.encode())


def controlled(claim: Claim, control: Control) -> Claim:
    """The false neighbour itself."""
    return dataclasses.replace(claim, **control.changes)


def kinds(tests: Sequence[Test]) -> list[str]:
    """The kinds of tests, in order."""
    return [type(test).__name__ for test in tests]


def claims_in(module: ModuleType) -> list[Claim]:
    """The claims that a module defines, in the order of their definition."""
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Claim)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
    ]
    return [kind() for kind in found]


__all__ = [
    "Claim",
    "Control",
    "Evidence",
    "claims_in",
    "controlled",
    "kinds",
    "place",
    "statement_of",
    "stream",
    "title_of",
]
