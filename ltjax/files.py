"""Files that are written whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ltjax.arguments import ArgumentError


@contextlib.contextmanager
def replacing(argument: str, path: Path) -> Iterator[IO[bytes]]:
    """An .npz file that takes the path's place once it is complete; nothing is half-written.

    Args:
        argument: which option named it, for the message.
        path: where it goes; a file that is there is replaced.

    Raises:
        ArgumentError: for another ending, or a folder that cannot be written to.
    """
    if path.suffix != ".npz":
        raise ArgumentError(f"{argument}={str(path)!r} is not allowed: {argument} is a file name that ends in .npz")
    try:
        file = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115
    except OSError as error:
        raise ArgumentError(f"{argument}={str(path)!r} cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
        os.replace(file.name, path)
    except BaseException:
        os.unlink(file.name)
        raise


__all__ = ["replacing"]
