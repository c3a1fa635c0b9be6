"""What git says of the checkout that ltjax runs from."""

import subprocess
from pathlib import Path


def git(folder: Path, *words: str) -> str:
    """What a git command prints. It leaves the index alone: who is stopped meanwhile leaves no lock behind.

    Raises:
        OSError, subprocess.SubprocessError: where there is no git, or it fails.
    """
    ask = ["git", "--no-optional-locks", "-C", str(folder), *words]
    return subprocess.run(ask, capture_output=True, text=True, check=True, timeout=20).stdout.strip()


def changed(folder: Path, *, new: bool) -> bool:
    """Whether files below the folder differ from the commit, or, if `new`, are not in it.

    `git describe --dirty` would lock.
    """
    return bool(git(folder, "status", "--porcelain", f"--untracked-files={'normal' if new else 'no'}", "--", "."))


__all__ = ["changed", "git"]
