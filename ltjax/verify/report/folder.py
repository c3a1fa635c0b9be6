"""Write a report folder as a whole or not at all."""

import dataclasses
import json
import os
import shutil
import tempfile
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from matplotlib import rc_context

from ltjax.arguments import ArgumentError
from ltjax.figures.style import STYLE
from ltjax.verify.report.page import page
from ltjax.verify.report.results import results_of
from ltjax.verify.runner import Report, Result


class ReportFolder:
    """A folder that appears complete: everything goes to a temporary neighbour that is renamed at the end.

    Args:
        path: where; None writes nothing. A folder that holds an earlier report is replaced; one that holds
            anything else is refused.

    Raises:
        ArgumentError: on entry, if the folder cannot be written or holds other files.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._draft: Path | None = None
        self._pictures: dict[str, Future[str | None]] = {}
        self._thread = ThreadPoolExecutor(1, "figures")

    def __enter__(self) -> "ReportFolder":
        if self.path is None:
            return self
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"out={str(self.path)!r} is not allowed: it is a file; out is a folder")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / "results.json").exists():
            raise ArgumentError(f"out={str(self.path)!r} is not allowed: it holds other files; out is a new folder")
        try:
            parent = self.path.resolve().parent
            parent.mkdir(parents=True, exist_ok=True)
            if self.path.is_dir() and not os.access(self.path, os.W_OK):
                raise PermissionError("permission denied")
            self._draft = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))
            (self._draft / "figures").mkdir()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ArgumentError(f"out={str(self.path)!r} cannot be written: {reason}") from None
        return self

    def draw(self, result: Result) -> None:
        """Draw a claim's figure, in a thread: the next claim is mostly compiled, by one core."""
        if self._draft is not None and result.error is None:
            self._pictures[result.claim.id] = self._thread.submit(_draw, result, self._draft / "figures")

    def write(self, report: Report) -> Report:
        """Write index.html and results.json beside the figures of claims drawn, then put the folder in place.

        Returns:
            the report as written: a claim whose figure raised an error is broken in it.
        """
        if self.path is None or self._draft is None:
            return report
        pictures: dict[str, str] = {}
        results = []
        for result in report.results:
            try:
                picture = self._pictures[result.claim.id].result() if result.claim.id in self._pictures else None
                if picture is not None:
                    pictures[result.claim.id] = picture
            except Exception:
                result = dataclasses.replace(result, error=traceback.format_exc())
            results.append(result)
        report = dataclasses.replace(report, results=tuple(results))
        (self._draft / "results.json").write_text(json.dumps(results_of(report), indent=1, allow_nan=False) + "\n")
        (self._draft / "index.html").write_text(page(report, pictures), encoding="utf-8")
        self._draft.chmod(0o755)
        if self.path.exists():
            old = self._draft.with_name(self._draft.name + "-old")
            self.path.rename(old)
            self._draft.rename(self.path)
            shutil.rmtree(old)
        else:
            self._draft.rename(self.path)
        self._draft = None
        return report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)


def _draw(result: Result, folder: Path) -> str | None:
    """A claim's figure as SVG, which is returned, and as PNG; None if it has none."""
    with rc_context(STYLE):
        figure = result.claim.figure(result.data)
        if figure is None:
            return None
        for suffix in ("svg", "png"):
            # No date inside: the same run, the same file.
            metadata = {"Date": None} if suffix == "svg" else None
            figure.savefig(folder / f"{result.claim.id}.{suffix}", dpi=160, metadata=metadata)
            figure.set_layout_engine("none")  # laid out once, which takes half of the time
    return (folder / f"{result.claim.id}.svg").read_text()
