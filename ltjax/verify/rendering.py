"""A claim's figure as files hold it."""

import dataclasses
import io
from typing import TYPE_CHECKING, Any

from matplotlib.transforms import Affine2D

from ltjax.figures.style import own_style, plain_powers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ltjax.verify.claim import Claim


@dataclasses.dataclass(frozen=True)
class Rendering:
    """A figure.

    Attributes:
        svg: as text.
        png: as bytes.
        panels: where its axes lie with all that belongs to them: x, y, width, height, in points from the top left.
    """

    svg: str
    png: bytes
    panels: tuple[tuple[float, ...], ...]


def render(claim: "Claim", data: Any) -> Rendering | None:
    """The claim's figure of its data; None if it has none."""
    with own_style():
        figure = claim.figure(data)
        if figure is None:
            return None
        plain_powers(figure)
        # No date inside: the same run, the same file.
        svg = _saved(figure, format="svg", metadata={"Date": None})
        figure.set_layout_engine("none")  # laid out once, which takes half of the time
        png = _saved(figure, format="png")
        return Rendering(svg.decode("utf-8"), png, panels(figure))


def _saved(figure: "Figure", **options: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, dpi=160, **options)
    return file.getvalue()


def panels(figure: "Figure") -> tuple[tuple[float, ...], ...]:
    """Where a figure's axes lie; see `Rendering`."""
    height = figure.get_figheight() * 72.0
    boxes = [box for ax in figure.axes if (box := ax.get_tightbbox()) is not None]
    points = [box.transformed(Affine2D().scale(72.0 / figure.dpi)).padded(3.0) for box in boxes]
    return tuple((box.x0, height - box.y1, box.width, box.height) for box in points)


__all__ = ["Rendering", "panels", "render"]
