"""Files that appear complete or not at all, in place of what was there before."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ltjax.arguments import ArgumentError

drafts: set[Path] = set()
"""Files and folders that are being written; a process that must end at once takes them with it."""


class LateError(ArgumentError):
    """What was computed could not be written.

    Attributes:
        result: what was computed.
    """

    def __init__(self, message: str, result: Any) -> None:
        super().__init__(message)
        self.result = result


def check(argument: str, path: str | os.PathLike[str], endings: tuple[str, ...]) -> None:
    """Whether this file can be written, before the work that fills it; what is there stays as it is.

    Args:
        argument: whose value the path is, for the message.
        path: the file.
        endings: what its name may end in.

    Raises:
        ArgumentError: one line that says why not.
    """
    path = Path(path)
    if path.suffix not in endings:
        raise ArgumentError(f"{argument}={str(path)!r} is not allowed: the name ends in {' or '.join(endings)}")
    with contextlib.suppress(_Dropped), replacing(argument, path):
        raise _Dropped


def apart(argument: str, path: str | os.PathLike[str], source: str, read: str | os.PathLike[str]) -> None:
    """Whether what is written is another file than what is read, also through links.

    Args:
        argument, path: what is written, and whose value it is, for the message.
        source, read: what is read.

    Raises:
        ArgumentError: where they are one file, which would be lost.
    """
    # A file that is not there yet is no other.
    with contextlib.suppress(OSError):
        if os.path.samefile(path, read):
            raise ArgumentError(
                f"{argument}={os.fspath(path)!r} is not allowed: it is the file that {source}={os.fspath(read)!r} "
                f"names and would take its place, give another"
            )


class _Dropped(Exception):
    pass


@contextlib.contextmanager
def replacing(argument: str, path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A file that takes the path's place once it is complete and on the disk. Of a link, what it points to is replaced.

    Raises:
        ArgumentError: where it cannot be written, by a full disk too; what was there before stays.
    """
    name = f"{argument}={os.fspath(path)!r}"
    draft = None
    try:
        # What is written beside the file can be renamed to it.
        to = Path(path).resolve()
        if to.is_dir():
            raise ArgumentError(f"{name} cannot be written: it is a folder")
        draft = to.with_name(f".{to.name}.{os.getpid()}")
        drafts.add(draft)
        with open(draft, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if to.exists():
            shutil.copymode(to, draft)
        draft.replace(to)
    except OSError as error:
        raise ArgumentError(f"{name} cannot be written: {error.strerror or error}") from None
    finally:
        if draft is not None:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            drafts.discard(draft)


def discard_drafts() -> None:
    """Remove what is half-written; for a process that ends now."""
    for draft in list(drafts):
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


__all__ = ["LateError", "apart", "check", "discard_drafts", "drafts", "replacing"]
