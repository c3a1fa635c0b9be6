"""One look for all figures: legible at column width, in greyscale and to the colour-blind."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ltjax.inference import intervals

# Okabe and Ito's colours, ordered by lightness so that they stay apart in grey.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)))

STYLE: dict[Any, Any] = {
    "font.size": 9.5,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "svg.fonttype": "path",
    # The same picture, the same file: figures can be compared byte by byte.
    "svg.hashsalt": "ltjax",
    "figure.constrained_layout.use": True,
}


def panels(count: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of up to two panels side by side, in one row or several, without pyplot's global state."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * count if count > 1 else 6.2, 3.5 * rows))
        axes = figure.subplots(rows, count)
    return figure, list(np.atleast_1d(axes).flat)


def whole_ticks(axis: Axis) -> None:
    """Ticks at whole numbers: there is no half neuron."""
    axis.set_major_locator(MaxNLocator(integer=True))


def style(i: int, **changes: Any) -> dict[str, Any]:
    """Colour, marker and line of the i-th curve."""
    return {"color": COLOURS[i % 7], "marker": MARKERS[i % 7], "linestyle": LINES[i % 7]} | changes


def power_of_two(eps: float) -> str:
    """ε as a label: 2^-k where it is one, else a decimal."""
    bits = -np.log2(eps)
    return rf"$2^{{-{bits:.0f}}}$" if abs(bits - round(bits)) < 1e-9 else f"{eps:.1e}"


def frequencies(
    ax: Axes, x: Sequence[float], hits: np.ndarray, trials: int, i: int, label: str, undecided: np.ndarray | int = 0
) -> None:
    """Hit frequencies with their 99% limits (the upper one counts undecided trials as hits)."""
    low, high = intervals.clopper_pearson(hits, trials, 0.99, undecided)
    frequency = np.asarray(hits) / trials
    ax.errorbar(
        x, frequency, yerr=[frequency - low, high - frequency], label=label, capsize=2, elinewidth=1, **style(i)
    )
