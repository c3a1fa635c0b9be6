"""A store as a tidy table: one row a cell."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ltjax import arguments, files
from ltjax.inference import intervals
from ltjax.sweeps.store import Store

if TYPE_CHECKING:
    import pandas as pd


def load(
    path: str | Path, *, confidence: float | None = None, interval: Literal["anytime", "exact"] = "anytime"
) -> "pd.DataFrame":
    """A store's cells, also of an unfinished one: the problem's options, counts, intervals, provenance.

    A cell's counts are those of its trials from the first on without a gap: rows beyond a gap, which an
    unfinished run may leave, came in an order that may have to do with their outcome.

    Args:
        path: the store.
        confidence: of each cell's interval; None: what the cell's last sweep asked for.
        interval: "anytime" holds however the trials' number was chosen, and so for unfinished and for adaptive
            sweeps; "exact" (Clopper-Pearson) is narrower, for a number fixed beforehand.

    Returns:
        Columns `problem`, its options, `seed`, `n`, `eps`, `trials`, `hits`, `misses`, `undecided`, `frequency`
        (hits over trials), `lower`, `upper`, `confidence`, `interval`, `cell` and what computed it: `ltjax`,
        `jax`, `device`, `git` (several joined by "; "). Cells without trials have counts 0 and limits 0 and 1.

    Raises:
        ArgumentError: for a file that is no store.
    """
    import pandas as pd

    if confidence is not None:
        confidence = arguments.real("confidence", confidence, above=0.0, below=1.0)
    arguments.choice("interval", interval, ["anytime", "exact"])
    limits = intervals.anytime if interval == "anytime" else intervals.clopper_pearson
    with Store(path, read_only=True) as store:
        streams = {stream: json.loads(text) for stream, text in store.query("select stream, content from streams")}
        cells = list(store.query("select cell, stream, n, eps from cells"))
        origins = {number: json.loads(text) for number, text in store.query("select origin, content from origins")}
        asked = store.confidences()
        counts = {cell: (0, 0, 0, frozenset[int]()) for cell, *_ in cells}
        query = "select cell, first, trials, hits, misses, origin from counts order by cell, first"
        for cell, first, trials, hits, misses, origin in store.query(query):
            # A cell that another run has added since has its turn next time.
            if cell in counts and counts[cell][0] == first:
                _, h, m, origins_ = counts[cell]
                counts[cell] = (first + trials, h + hits, m + misses, origins_ | {origin})
    table = []
    for cell, stream, n, eps in cells:
        trials, hits, misses, numbers = counts[cell]
        undecided = trials - hits - misses
        sure = confidence if confidence is not None else asked.get(cell, 0.99)
        lower, upper = limits(hits, trials, sure, undecided) if trials else (0.0, 1.0)
        known = [origins[number] for number in sorted(numbers)]
        table.append(
            {key: value for key, value in streams[stream].items() if key != "format"}
            | {"n": n, "eps": eps, "trials": trials, "hits": hits, "misses": misses, "undecided": undecided}
            | {"frequency": hits / trials if trials else float("nan")}
            | {"lower": float(lower), "upper": float(upper), "confidence": sure, "interval": interval}
            | {"cell": cell}
            | {key: "; ".join(dict.fromkeys(str(each[key]) for each in known)) for key in _ORIGIN}
        )
    frame = pd.DataFrame(table)
    if not table:
        return frame
    options = [key for content in streams.values() for key in content if key not in ("format", "seed", "problem")]
    leading = ["problem", *dict.fromkeys(options), "seed"]
    frame = frame[leading + [key for key in frame.columns if key not in leading]]
    # Mixed columns (a target may be a word or a number) sort as text.
    order = frame.assign(**{key: frame[key].astype(str) for key in leading if frame[key].dtype == object})
    index = order.sort_values([*leading, "eps", "n"], ascending=[True] * len(leading) + [False, True]).index
    return frame.loc[index].reset_index(drop=True)


_ORIGIN = ("ltjax", "jax", "device", "git")


def export(path: str | Path, to: str | Path, **how: Any) -> int:
    """Write a store's table to a Parquet or a CSV file, whichever the name ends in, and return its rows.

    Args:
        path: the store.
        to: the file; replaced as a whole.
        how: `confidence` and `interval`, as for `load`.

    Raises:
        ArgumentError: for another ending, a file that cannot be written, or one that is no store.
    """
    to = Path(to)
    files.apart("to", to, "store", path)
    files.check("to", to, (".parquet", ".csv"))
    frame = load(path, **how)
    for key in frame.columns:
        if frame[key].dtype == object:
            # A column of a file has one type.
            kinds = {type(value) for value in frame[key].dropna()}
            if len(kinds) > 1:
                frame[key] = frame[key].map(str, na_action="ignore")
    with files.replacing("to", to) as file:
        if to.suffix == ".csv":
            frame.to_csv(file, index=False)
        else:
            frame.to_parquet(file, index=False)
    return len(frame)
