"""Write a report folder as a whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from ltjax import files
from ltjax.arguments import ArgumentError
from ltjax.verify.report.page import page
from ltjax.verify.report.results import results_of
from ltjax.verify.runner import Report


class ReportFolder:
    """A folder that appears complete: everything goes to a temporary neighbour that is renamed at the end.

    Args:
        path: where; None writes nothing. A folder that holds an earlier report of the same claims is replaced; one that
            holds anything else is refused.
        claims: the ids of those that will be reported.

    Attributes:
        kept: whether nothing was written, because this run was stopped before it had more to say than what is there.

    Raises:
        ArgumentError: on entry, if the folder cannot be written or holds other files, or a report of other claims.
    """

    def __init__(self, path: Path | None, claims: Iterable[str] = ()) -> None:
        self.path, self._claims, self.kept = path, set(claims), False
        self._draft: Path | None = None

    def __enter__(self) -> "ReportFolder":
        if self.path is None:
            return self
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"out={str(self.path)!r} is not allowed: it is a file; out is a folder")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / "results.json").exists():
            raise ArgumentError(f"out={str(self.path)!r} is not allowed: it holds other files; out is a new folder")
        if others := [id for id in self._earlier() if id not in self._claims]:
            raise ArgumentError(
                f"out={str(self.path)!r} is not allowed: it holds a report of {', '.join(others)}, which this run does "
                "not check; out is a new folder"
            )
        try:
            parent = self.path.resolve().parent
            parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir() and not os.access(self.path, os.W_OK):
                raise PermissionError("permission denied")
            self._draft = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))
            files.drafts.add(self._draft)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ArgumentError(f"out={str(self.path)!r} cannot be written: {reason}") from None
        return self

    def _earlier(self) -> list[str]:
        """The claims of the report that the folder holds, if it holds one that can be read."""
        try:
            results = json.loads((self.path / "results.json").read_text("utf-8"))  # type: ignore[operator]
            return [claim["id"] for claim in results["claims"]]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def write(self, report: Report) -> None:
        """Write index.html, results.json and the claims' figures, then put the folder in place.

        Raises:
            LateError: where it cannot be written after all; its `result` is the report.
        """
        if self.path is None or self._draft is None:
            return
        if report.stopped and len(self._earlier()) >= len(report.results):
            self.kept = True
            return
        try:
            self._put(report, self.path, self._draft)
        except OSError as error:
            reason = error.strerror or str(error)
            raise files.LateError(f"out={str(self.path)!r} cannot be written: {reason}", report) from None
        files.drafts.discard(self._draft)
        self._draft = None

    @staticmethod
    def _put(report: Report, path: Path, draft: Path) -> None:
        figures = draft / "figures"
        figures.mkdir()
        for result in report.results:
            if result.picture is not None:
                (figures / f"{result.claim.id}.svg").write_text(result.picture.svg, encoding="utf-8")
                (figures / f"{result.claim.id}.png").write_bytes(result.picture.png)
        text = json.dumps(results_of(report), indent=1, allow_nan=False)
        (draft / "results.json").write_text(f"{text}\n", encoding="utf-8")
        (draft / "index.html").write_text(page(report, _docs_from(path)), encoding="utf-8")
        draft.chmod(0o755)
        # A link stays one, and what it points to is replaced.
        path = path.resolve()
        if not path.exists():
            draft.rename(path)
            return
        old = draft.with_name(draft.name + "-old")
        path.rename(old)
        draft.rename(path)
        shutil.rmtree(old)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            files.drafts.discard(self._draft)


def _docs_from(path: Path) -> str | None:
    """The checkout's documentation, for a report that lies in the same checkout; else None."""
    home = Path(__file__).parents[3]
    if path.resolve().parent != home or not (home / "docs" / "index.md").exists():
        return None
    return "../docs"
