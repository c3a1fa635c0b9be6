"""The `ltjax` command. JAX is imported inside commands, so that `--help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from ltjax import __version__
from ltjax.arguments import ArgumentError
from ltjax.cli import console, problems
from ltjax.cli.console import Whole, notes, say
from ltjax.cli.refusals import in_words
from ltjax.cli.ticket import ticket
from ltjax.cli.verify import claims, verify

app = App(
    name="ltjax",
    help="Verify the theory of strong lottery tickets: draw, decide honestly, count, and judge a theorem.",
    version=__version__,
    suppress_keyboard_interrupt=False,  # commands say what is kept
)
app.command(problems.estimate_app)
app.command(problems.threshold_app)


@app.command
def sweep(
    spec: Path,
    /,
    *,
    store: Path,
    engine: str = "serial",
    scheduler: str | None = None,
    workers: Whole | None = None,
    devices: Whole | None = None,
    until: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: bool = False,
) -> int:
    """Decide a grid of cells into a store; run it again after any stop, and it goes on.

    Parameters
    ----------
    spec
        TOML file: problem, its options, n, eps, trials or until, seed.
    store
        SQLite file for the counts; made if there is none.
    engine
        serial (this process, all its devices) or dask.
    scheduler
        Address of a running Dask scheduler; without it a local cluster is started.
    workers
        Workers of the local cluster; by default one a GPU, or one a core.
    devices
        Number of devices of the serial engine.
    until
        Stop a cell early: width=0.02, or verdict (its interval lies on one side of 1/2).
    dry_run
        Print cells, tasks, time and memory, and write nothing.
    json
        Print one JSON object and nothing else on standard output.
    """
    from ltjax.cli import sweeps

    return sweeps.sweep(
        spec,
        store=store,
        engine=engine,
        scheduler=scheduler,
        workers=workers,
        until=until,
        dry_run=dry_run,
        devices=devices,
        json=json,
    )


@app.command
def export(
    store: Path, /, *, to: Path, confidence: float | None = None, interval: Literal["anytime", "exact"] = "anytime"
) -> None:
    """Write a store's cells with their intervals to a .parquet or .csv file.

    Parameters
    ----------
    store
        A store that `ltjax sweep` made; it may be unfinished.
    to
        The file to write.
    confidence
        Of each cell's interval; by default what its sweep asked for.
    interval
        anytime (valid however the number of trials was chosen) or exact (Clopper-Pearson).
    """
    from ltjax import sweeps

    say(f"{sweeps.export(store, to, confidence=confidence, interval=interval)} cells written to {to}")


@app.command
def plot(
    store: Path,
    /,
    *,
    out: Path,
    p: float = 0.5,
    confidence: float | None = None,
    interval: Literal["anytime", "exact"] = "anytime",
    where: Annotated[list[str] | None, Parameter(consume_multiple=True, negative_iterable="")] = None,
) -> None:
    """Draw hit probabilities and thresholds of a store, also of an unfinished one.

    Parameters
    ----------
    store
        A store that `ltjax sweep` made.
    out
        The figure: .png, .svg or .pdf.
    p
        The threshold's hit probability.
    confidence
        Of bands and brackets; by default what the sweep of each cell asked for.
    interval
        anytime (valid however the number of trials was chosen) or exact (Clopper-Pearson).
    where
        Only these options, each NAME=VALUE; of one name any of the values.
    """
    from ltjax.sweeps import plotting

    undrawn = plotting.plot(store, out, p=p, confidence=confidence, interval=interval, where=where or [])
    say(f"figure written to {out}")
    if undrawn:
        console.note(f"not drawn, for no trials of them are done yet: {'; '.join(undrawn)}")


app.command(ticket)
app.command(claims)
app.command(verify)


def run(words: list[str]) -> int:
    """Run a command; its exit status."""
    console.begin()
    if sys.flags.optimize >= 2:
        return _refused("statements, titles and help are docstrings: run Python without -OO or PYTHONOPTIMIZE=2")
    try:
        problems.register(words)
        code = app(
            words,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            error_console=notes,
        )
        console.finish()
    except CycloptsError as error:
        return _refused(in_words(error, words))
    except ArgumentError as error:
        return _refused(str(error))
    except MemoryError as error:
        return _refused(f"out of memory, a smaller chunk takes less: {error}")
    return code if isinstance(code, int) else 0


def _refused(message: str) -> int:
    print(f"ltjax: {' '.join(message.split())}", file=sys.stderr)
    return 2


__all__ = ["app", "run"]
