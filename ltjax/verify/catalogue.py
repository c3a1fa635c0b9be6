"""Where claims come from: installed catalogues, and files that are not installed.

A catalogue is a function that returns claims, registered as an entry point of the group `ltjax.claims`. One that
cannot be loaded is one broken line, and the others work.
"""

import dataclasses
import difflib
import importlib.metadata
import importlib.util
import sys
import traceback
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ltjax.arguments import ArgumentError
from ltjax.verify import budget
from ltjax.verify.claim import Claim, claims_in, place

GROUP = "ltjax.claims"


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Claims by id, and what could not be loaded.

    Attributes:
        claims: every claim, by id, sorted.
        homes: by id the entry point or the file that the claim comes from.
        broken: tracebacks, by entry point or file.
    """

    claims: Mapping[str, Claim]
    homes: Mapping[str, str]
    broken: Mapping[str, str]

    @property
    def built_in(self) -> dict[str, Claim]:
        """The claims that run by default: the built-in catalogue's, or all where it could not be loaded."""
        own = {id: claim for id, claim in self.claims.items() if self.homes[id] == budget.BUILT_IN}
        return own or dict(self.claims)

    @property
    def level(self) -> float:
        """Every claim's share of the error budget, wherever it comes from."""
        return budget.level_of_claim(max(1, len(self.built_in)))


def _collect(sources: Iterable[tuple[str, Sequence[Claim]]], broken: dict[str, str]) -> Catalogue:
    claims: dict[str, Claim] = {}
    homes: dict[str, str] = {}
    for home, found in sources:
        taken = [claim.id for claim in found if claim.id in claims]
        if taken:
            broken[home] = f"id={taken[0]!r} is taken: {homes[taken[0]]} uses it too\n"
            continue
        claims |= {claim.id: claim for claim in found}
        homes |= {claim.id: home for claim in found}
    return Catalogue(dict(sorted(claims.items(), key=lambda item: place(item[0]))), homes, broken)


def catalogue() -> Catalogue:
    """Every claim of every installed catalogue, the built-in one first."""
    broken: dict[str, str] = {}

    def loaded() -> Iterable[tuple[str, Sequence[Claim]]]:
        entries = importlib.metadata.entry_points(group=GROUP)
        for entry in sorted(entries, key=lambda e: (e.name != budget.BUILT_IN, e.name)):
            try:
                found = list(entry.load()())
            except Exception:
                broken[entry.name] = traceback.format_exc()
            else:
                yield entry.name, found

    return _collect(loaded(), broken)


def is_file(wanted: str) -> bool:
    """Whether an argument names a file rather than a claim."""
    return wanted.endswith(".py")


def load_file(path: Path) -> list[Claim]:
    """The claims that a Python file defines, installed or not.

    Raises:
        ArgumentError: if the file cannot be read or is no Python, if there is no claim in it, or one that is not formed
            as a claim is. Whatever else the file raises is let through.
    """
    if not path.is_file():
        raise ArgumentError(f"claim {str(path)!r} is not known: there is no such file")
    name = f"_ltjax_claims_{path.stem}_{zlib.crc32(str(path.resolve()).encode()):08x}"
    try:
        compile(path.read_bytes(), str(path), "exec")
    except OSError as error:
        raise ArgumentError(f"claim file {str(path)!r} cannot be read: {error.strerror or error}") from None
    except (SyntaxError, ValueError) as error:
        # Here, so that it is the mistake of this file and not of one that it imports.
        line, said = getattr(error, "lineno", None), getattr(error, "msg", None) or str(error)
        raise ArgumentError(
            f"claim file {str(path)!r} is no Python{f': line {line}' if line else ''}: {said}"
        ) from None
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        found = claims_in(module)
    except ArgumentError as error:
        raise ArgumentError(f"claim file {str(path)!r}: {error}") from None
    if not found:
        raise ArgumentError(f"claim file {str(path)!r} holds no claim: it defines a final subclass of Claim")
    return found


def select(wanted: Sequence[str], known: Catalogue) -> Catalogue:
    """The claims of those ids, families ("MINE" for MINE-1, …), catalogues or files; the built-in ones for none.

    What is broken in the result is what was asked for and could not be loaded.

    Raises:
        ArgumentError: for what fits no claim, no catalogue and no file, and for two claims of one id.
    """
    if not wanted:
        homes = {id: known.homes[id] for id in known.built_in}
        return Catalogue(known.built_in, homes, known.broken)
    claims: dict[str, Claim] = {}
    homes: dict[str, str] = {}
    broken: dict[str, str] = {}
    for word in wanted:
        if is_file(word):
            try:
                fits = {claim.id: claim for claim in load_file(Path(word))}
            except ArgumentError:
                raise
            except Exception:
                broken[word] = traceback.format_exc()
                continue
            clash = [id for id in fits if homes.get(id, word) != word]
            if clash:
                raise ArgumentError(f"claim {clash[0]!r} is asked for twice: in {homes[clash[0]]} and in {word}")
            homes |= dict.fromkeys(fits, word)
        else:
            fits = {
                id: claim
                for id, claim in known.claims.items()
                if word.upper() in (id.upper(), known.homes[id].upper()) or id.upper().startswith(f"{word.upper()}-")
            }
            if not fits and word in known.broken:
                broken[word] = known.broken[word]
                continue
            if not fits:
                raise _unknown(word, known)
            clash = [id for id in fits if homes.get(id, known.homes[id]) != known.homes[id]]
            if clash:
                raise ArgumentError(f"claim {clash[0]!r} is asked for twice: in {homes[clash[0]]} and installed")
            homes |= {id: known.homes[id] for id in fits}
        claims |= fits
    return Catalogue(claims, homes, broken)


def _unknown(word: str, known: Catalogue) -> ArgumentError:
    """What is wrong with a word that names nothing, and what may have been meant."""
    for claim in known.claims.values():
        if word.upper() in [control.id.upper() for control in claim.controls]:
            return ArgumentError(f"claim {word!r} is not allowed: it is a control of {claim.id} and checked with it")
    families = list(dict.fromkeys(id.partition("-")[0] for id in known.claims))
    catalogues = list(dict.fromkeys(known.homes.values()))
    names = {name.upper(): name for name in [*known.claims, *families, *catalogues]}
    near = [names[each] for each in difflib.get_close_matches(word.upper(), names, 1, 0.8)]
    if Path(f"{word}.py").is_file():
        near = [f"{word}.py"]
    unloaded = f"; not loaded: {', '.join(known.broken)}" if known.broken else ""
    hint = f"; did you mean {near[0]}?" if near else ""
    return ArgumentError(
        f"claim {word!r} is not known: a claim is named by its id, which `ltjax claims` lists, by its family, one of "
        f"{', '.join(families)}, by its catalogue, {' or '.join(catalogues)}, or by its file, NAME.py{unloaded}{hint}"
    )


__all__ = ["Catalogue", "catalogue", "is_file", "load_file", "select"]
