"""A store as a figure: hit probability against n for each ε, and the threshold against ε; also while it runs."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ltjax import arguments, files
from ltjax.arguments import ArgumentError
from ltjax.figures import style as drawing
from ltjax.sweeps.table import load

Frame = Any
"""A pandas DataFrame, whose published types know too little of what indexing returns."""
MOST_ROWS = 12


def plot(
    path: str | Path,
    out: str | Path,
    *,
    p: float = 0.5,
    confidence: float | None = None,
    interval: Literal["anytime", "exact"] = "anytime",
    where: Sequence[str] = (),
) -> list[str]:
    """Draw a store into a PNG, SVG or PDF file.

    A row of two panels for each combination of options: on the left the hit frequency against n, a curve an ε,
    in the band of its interval; on the right the bracket of the least n whose hit probability is at
    least p. Since hits are monotone in n trial by trial, a bracket holds with the confidence of one cell.

    Args:
        path: the store.
        out: the figure's file.
        p: the threshold's hit probability.
        confidence: of bands and brackets; None: what each cell's last sweep asked for.
        interval: as for `load`.
        where: only these options, each "NAME=VALUE"; of one name any of the values. Numbers are compared as such.

    Returns:
        the combinations of options that have no trials yet, and no panels.

    Raises:
        ArgumentError: for a file that is no store or holds no trials, an ending that matplotlib does not know, or
            more than 12 combinations of options.
    """
    out = Path(out)
    files.apart("out", out, "store", path)
    files.check("out", out, (".png", ".svg", ".pdf"))
    p = arguments.real("p", p, above=0.0, below=1.0)
    frame = load(path, confidence=confidence, interval=interval)
    undrawn: list[str] = []
    if len(frame):
        frame = _chosen(frame, where)
    if len(frame):
        undrawn = [name for name, part in _groups(frame)[1].items() if not part["trials"].any()]
        frame = frame[frame["trials"] > 0]
    if not len(frame):
        raise ArgumentError(f"store={str(path)!r} holds no trials{' of ' + ', '.join(where) if where else ''} yet")
    # Without a date, so that the same store gives the same file.
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(out.suffix[1:], {})
    with drawing.own_style(), files.replacing("out", out) as file:
        figure(frame, p).savefig(file, format=out.suffix[1:], dpi=160, metadata=metadata)
    return undrawn


def figure(frame: Frame, p: float = 0.5) -> Figure:
    """The figure of a table from `load`; see `plot`."""
    varied, groups = _groups(frame)
    if len(groups) > MOST_ROWS:
        raise ArgumentError(
            f"the store holds {len(groups)} combinations of {', '.join(varied)}, and a figure at most {MOST_ROWS}: "
            f"choose with --where {varied[0]}=VALUE"
        )
    with drawing.own_style():
        drawn = Figure(figsize=(9.0, 3.0 * len(groups)))
        rows = drawn.subplots(len(groups), 2, squeeze=False)
        precisions = sorted(frame["eps"].unique(), reverse=True)
        shades = matplotlib.colormaps["viridis"](np.linspace(0.0, 0.88, len(precisions)))
        colours = dict(zip(precisions, shades, strict=True))
        for (left, right), (_, part) in zip(rows, groups.items(), strict=True):
            fixed = {key: part[key].iloc[0] for key in (varied or ["problem"])}
            left.set_title(
                ", ".join(f"{key} {value}" if key != "problem" else str(value) for key, value in fixed.items())
            )
            _curves(left, part, colours)
            _thresholds(right, part, p, colours)
    return drawn


def _groups(frame: Frame) -> tuple[list[str], dict[str, Frame]]:
    """The options that vary, and the rows of each combination of them, by name."""
    options = list(frame.columns[: list(frame.columns).index("n")])
    # Precisions that are drawn in different dtypes, or near the kink, are still one curve family.
    hidden = ("dtype", "window", "sampling")
    varied = [key for key in options if key not in hidden and frame[key].astype(str).nunique() > 1]
    keys = frame[varied].astype(str).agg(", ".join, axis=1) if varied else frame["problem"].astype(str)
    return varied, {str(key): part for key, part in frame.groupby(keys, sort=False)}


def _chosen(frame: Frame, where: Sequence[str]) -> Frame:
    wanted: dict[str, list[str]] = {}
    for condition in where:
        key, equals, value = condition.partition("=")
        if not equals or key not in frame.columns:
            raise ArgumentError(f"where={condition!r} is not allowed: it is NAME=VALUE, NAME one of {', '.join(frame)}")
        wanted.setdefault(key, []).append(value)
    for key, values in wanted.items():
        frame = frame[[any(_same(item, value) for value in values) for item in frame[key]]]
    return frame


def _same(item: Any, value: str) -> bool:
    """Whether a cell's option is what was written: 0.1 and 1e-1 are one number."""
    with contextlib.suppress(TypeError, ValueError):
        return not isinstance(item, bool) and float(item) == float(value)
    return str(item).lower() == value.lower() if isinstance(item, bool) else str(item) == value


def _curves(ax: Axes, part: Frame, colours: Mapping[float, Any]) -> None:
    for eps in sorted(part["eps"].unique(), reverse=True):
        curve = part[part["eps"] == eps].sort_values("n")
        how = {"color": colours[eps]}
        ax.plot(curve["n"], curve["frequency"], marker="o", markersize=3, linewidth=1.2, label=f"ε = {eps:.3g}", **how)
        ax.fill_between(curve["n"], curve["lower"], curve["upper"], alpha=0.25, linewidth=0, **how)
    ax.set(xlabel="n", ylabel="hit probability", ylim=(-0.02, 1.02))
    drawing.whole_ticks(ax.xaxis)
    ax.legend(ncols=2 if part["eps"].nunique() > 6 else 1)


def _thresholds(ax: Axes, part: Frame, p: float, colours: Mapping[float, Any]) -> None:
    opened = False
    for eps in sorted(part["eps"].unique(), reverse=True):
        curve = part[part["eps"] == eps].sort_values("n")
        n = curve["n"].to_numpy()
        below, above = n[curve["upper"].to_numpy() < p], n[curve["lower"].to_numpy() >= p]
        low = below[-1] + 1 if len(below) else n[0]
        high = above[0] if len(above) else max(n[-1], low)  # where even the largest n is below, nothing is above it
        # An open end, where no n of the sweep is certified, is an arrow head.
        opened |= not (len(below) and len(above))
        ax.plot([eps, eps], [low, high], color=colours[eps], linewidth=2.5, solid_capstyle="butt")
        ax.plot(eps, low, color=colours[eps], marker="_" if len(below) else "v", markersize=7)
        ax.plot(eps, high, color=colours[eps], marker="_" if len(above) else "^", markersize=7)
    if opened:
        ax.set_title("▲ ▼: open, no n of the sweep is certified there", fontsize="small")
    if part["eps"].nunique() > 1:
        ax.set_xscale("log")
        ax.invert_xaxis()
    ax.set(xlabel="ε", ylabel=f"least n with probability ≥ {p:g}")
    drawing.whole_ticks(ax.yaxis)
