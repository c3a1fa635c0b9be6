"""One look for all figures: legible at column width, in greyscale and to the colour-blind."""

import contextlib
import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator
from PIL import Image

from ltjax.inference import intervals

if TYPE_CHECKING:
    from ltjax.inference.thresholds import Threshold

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


@contextlib.contextmanager
def own_style() -> Iterator[None]:
    """Figures look the same whatever a user's matplotlibrc says, such as that all text goes through LaTeX."""
    with matplotlib.rc_context({**{k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"}, **STYLE}):
        yield


class Powers(LogFormatterSciNotation):
    """Powers of ten in plain characters: a formula is set by a parser, which takes much of a figure's time."""

    RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

    def __call__(self, x: float, pos: int | None = None) -> str:
        formula = re.fullmatch(r"\$\\mathdefault\{(.*)\}\$", super().__call__(x, pos))
        if formula is None:
            return super().__call__(x, pos)
        raised = re.sub(r"\^\{(-?\d+)\}", lambda power: power[1].translate(self.RAISED), formula[1])
        return raised.replace(r"\times", "×")


def plain_powers(figure: Figure) -> None:
    """Let logarithmic axes label their ticks in plain characters."""
    for axis in (axis for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) if axis.get_scale() == "log"):
        for level in (axis.major, axis.minor):
            if type(level.formatter) is LogFormatterSciNotation:
                base = getattr(axis.get_transform(), "base", 10)
                powers = Powers(base, labelOnlyBase=level.formatter.labelOnlyBase)
                powers.set_axis(axis)
                level.formatter = powers


class Picture(Figure):
    """A figure that a notebook shows where it is a cell's last value: small, and the same bytes every time."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        drawn, small = io.BytesIO(), io.BytesIO()
        with own_style():
            plain_powers(self)
            self.savefig(drawn, format="png", dpi=150)
        # Of line drawings 128 colours leave a third of the bytes, and nobody sees it.
        Image.open(drawn).convert("RGB").quantize(128).save(small, format="png", optimize=True)
        width, height = (round(100 * inches) for inches in self.get_size_inches())
        return small.getvalue(), {"width": width, "height": height}


def panels(count: int = 1, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure of up to three panels side by side, in one row or several, without pyplot's global state."""
    with own_style():
        figure = Picture(figsize=(4.6 * count if count > 1 else 6.2, 3.5 * rows))
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


def band(ax: Axes, x: Any, middle: Any, low: Any, high: Any, i: int, label: str) -> None:
    """A curve in the band of its interval."""
    ax.fill_between(x, low, high, color=COLOURS[i % 7], alpha=0.15, linewidth=0)
    ax.plot(x, middle, label=label, **style(i))


def brackets(ax: Axes, x: Sequence[float], thresholds: Sequence["Threshold"], i: int, label: str) -> None:
    """Certified brackets of n_p, a bar from end to end; an arrow head where no n of the run certifies the upper one."""
    for at, one in zip(x, thresholds, strict=True):
        top = one.n_max if one.upper is None else one.upper
        # A bracket may be a single n: its bar still has two caps.
        ax.plot([at, at], [one.lower, top], color=COLOURS[i % 7], linewidth=3, solid_capstyle="butt", label=label)
        ax.plot(at, one.lower, "_", color=COLOURS[i % 7], markersize=9, markeredgewidth=2)
        ax.plot(at, top, "^" if one.upper is None else "_", color=COLOURS[i % 7], markersize=9, markeredgewidth=2)
        label = "_"  # one entry in the legend


def on_the_circle(ax: Axes, u: Any, v: Any, w: Any, mask: Any, eps: float) -> None:
    """A pruned planar network, readout `linear`, on the unit circle cut open: target, network, and every kink.

    The angle is counted from the target's kink, so that it bends at 0 and at π.

    Args:
        ax: where to draw.
        u: rows, shape (n, 2).
        v: output weights, shape (n,).
        w: the target's direction, shape (2,).
        mask: which neurons stay, shape (n,).
        eps: the grey band's half width.
    """
    u, v, w, mask = np.asarray(u, float), np.asarray(v, float), np.asarray(w, float), np.asarray(mask, bool)

    def network(t: np.ndarray) -> np.ndarray:
        x = np.cos(t)[:, None] * [w[1], -w[0]] + np.sin(t)[:, None] * w
        return np.maximum(x @ u[mask].T, 0.0) @ v[mask]

    # ⟨u, x(t)⟩ = ‖u‖·sin(t - θ): neuron i switches on at θ and off at θ + π.
    theta = np.arctan2(u[:, 1] * w[0] - u[:, 0] * w[1], u @ w)
    kinks = np.mod(np.stack([theta, theta + np.pi], axis=1) + np.pi / 2, 2 * np.pi) - np.pi / 2
    kept, out = kinks[mask].ravel(), kinks[~mask].ravel()
    t = np.linspace(-np.pi / 2, 3 * np.pi / 2, 1601)
    target, values = np.maximum(np.sin(t), 0.0), network(t)
    bottom, top = min(-eps, float(values.min())), max(1.0 + eps, float(values.max()))
    # Ticks have a strip of their own below all curves.
    low, margin = bottom - 0.16 * (top - bottom), 0.08 * (top - bottom)
    ax.fill_between(t, target - eps, target + eps, color="#dddddd", linewidth=0, label="within ε")
    ax.plot(t, target, "k-", label="target")
    ax.plot(t, values, **style(1, marker=""), label="pruned network")
    ax.plot(kept, network(kept), "o", color=COLOURS[1], markersize=3.5)
    ax.plot(kept, np.full(kept.size, low), "|", color="#000000", markersize=13, markeredgewidth=2, label="kink, kept")
    ax.plot(out, np.full(out.size, low), "|", color="#888888", markersize=7, label="kink, taken out")
    for pole in (0.0, np.pi):
        ax.axvline(pole, color="#000000", linewidth=0.8, linestyle=":")
    ax.set(xlabel="angle from the target's kink", ylim=(low - margin, top + margin))
    ax.set_xticks([0.0, np.pi / 2, np.pi], ["0", "π/2", "π"])
