"""Write a report folder as a whole or not at all."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from matplotlib import rc_context

from ltjax.drawing import STYLE
from proofs_check.report.page import page
from proofs_check.report.results import results_of
from proofs_check.runner import Report


class ReportFolder:
    """A folder that appears complete: everything goes to a temporary neighbour that is renamed at the end.

    Args:
        path: where; None writes nothing. A folder that holds an earlier report is replaced; one that holds
            anything else is refused.

    Raises:
        ValueError: on entry, if the folder cannot be written or holds other files.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._draft: Path | None = None

    def __enter__(self) -> "ReportFolder":
        if self.path is None:
            return self
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"out={str(self.path)!r} is not allowed: it is a file; out is a folder")
        if self.path.is_dir() and any(self.path.iterdir()) and not (self.path / "results.json").exists():
            raise ValueError(f"out={str(self.path)!r} is not allowed: it holds other files; out is a new folder")
        try:
            parent = self.path.resolve().parent
            parent.mkdir(parents=True, exist_ok=True)
            self._draft = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))
            if self.path.is_dir() and not os.access(self.path, os.W_OK):
                raise PermissionError("permission denied")
        except OSError as error:
            reason = error.strerror or str(error)
            raise ValueError(f"out={str(self.path)!r} cannot be written: {reason}") from None
        return self

    def write(self, report: Report) -> None:
        """Write index.html, results.json and the figures, then put the folder in place."""
        if self.path is None or self._draft is None:
            return
        figures = self._draft / "figures"
        figures.mkdir()
        pictures = {}
        for result in report.results:
            with rc_context(STYLE):
                figure = result.claim.draw(result.data)
                for suffix in ("svg", "png"):
                    # No date inside: the same run, the same file.
                    metadata = {"Date": None} if suffix == "svg" else None
                    figure.savefig(figures / f"{result.claim.id}.{suffix}", dpi=160, metadata=metadata)
                    figure.set_layout_engine("none")  # laid out once, which takes half of the time
            pictures[result.claim.id] = (figures / f"{result.claim.id}.svg").read_text()
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
