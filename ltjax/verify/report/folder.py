"""Write a report folder as a whole or not at all."""

import dataclasses
import json
import os
import shutil
import tempfile
import traceback
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from matplotlib.transforms import Affine2D

from ltjax import files
from ltjax.arguments import ArgumentError
from ltjax.figures.style import own_style
from ltjax.verify.report.page import page
from ltjax.verify.report.results import results_of
from ltjax.verify.runner import Report, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
        self._pictures: dict[str, Future[str | None]] = {}
        self._thread = ThreadPoolExecutor(1, "figures")

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
            (self._draft / "figures").mkdir()
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

    def draw(self, result: Result) -> None:
        """Draw a claim's figure, in a thread: the next claim is mostly compiled, by one core."""
        if self._draft is not None and result.error is None:
            self._pictures[result.claim.id] = self._thread.submit(_draw, result, self._draft / "figures")

    def write(self, report: Report) -> Report:
        """Write index.html and results.json beside the figures of claims drawn, then put the folder in place.

        Returns:
            the report as written: a claim whose figure raised an error is broken in it.

        Raises:
            LateError: where it cannot be written after all; its `result` is the report.
        """
        if self.path is None or self._draft is None:
            return report
        if report.stopped and len(self._earlier()) >= len(report.results):
            self.kept = True
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
        try:
            self._put(report, pictures, self.path, self._draft)
        except OSError as error:
            reason = error.strerror or str(error)
            raise files.LateError(f"out={str(self.path)!r} cannot be written: {reason}", report) from None
        files.drafts.discard(self._draft)
        self._draft = None
        return report

    @staticmethod
    def _put(report: Report, pictures: dict[str, str], path: Path, draft: Path) -> None:
        text = json.dumps(results_of(report), indent=1, allow_nan=False)
        (draft / "results.json").write_text(f"{text}\n", encoding="utf-8")
        (draft / "index.html").write_text(page(report, pictures, _docs_from(path)), encoding="utf-8")
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
        # Who interrupts does not wait for a figure.
        self._thread.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)
        if self._draft is not None:
            shutil.rmtree(self._draft, ignore_errors=True)
            files.drafts.discard(self._draft)


def _draw(result: Result, folder: Path) -> str | None:
    """A claim's figure as SVG, which is returned, and as PNG; None if it has none."""
    with own_style():
        figure = result.claim.figure(result.data)
        if figure is None:
            return None
        for suffix in ("svg", "png"):
            # No date inside: the same run, the same file.
            metadata = {"Date": None} if suffix == "svg" else None
            figure.savefig(folder / f"{result.claim.id}.{suffix}", dpi=160, metadata=metadata)
            figure.set_layout_engine("none")  # laid out once, which takes half of the time
        panels = _panels(figure)
    return (folder / f"{result.claim.id}.svg").read_text("utf-8").replace("<svg", f'<svg data-panels="{panels}"', 1)


def _docs_from(path: Path) -> str | None:
    """The checkout's documentation, for a report that lies in the same checkout; else None."""
    home = Path(__file__).parents[3]
    if path.resolve().parent != home or not (home / "docs" / "index.md").exists():
        return None
    return "../docs"


def _panels(figure: "Figure") -> str:
    """Where a figure's axes lie with all that belongs to them, "x y width height" each, in points from the top left."""
    height = figure.get_figheight() * 72.0
    boxes = [box for ax in figure.axes if (box := ax.get_tightbbox()) is not None]
    points = [box.transformed(Affine2D().scale(72.0 / figure.dpi)).padded(3.0) for box in boxes]
    return ";".join(f"{box.x0:.1f} {height - box.y1:.1f} {box.width:.1f} {box.height:.1f}" for box in points)
