"""The `ltjax` command. JAX is imported inside commands, so that `--help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from ltjax import __version__
from ltjax.arguments import ArgumentError
from ltjax.cli import problems
from ltjax.cli.console import notes, print_json, start_devices
from ltjax.cli.ticket import ticket
from ltjax.cli.verify import claims, verify

app = App(
    name="ltjax",
    help="Verify the theory of strong lottery tickets: draw, decide honestly, count, and judge a theorem.",
    version=__version__,
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
    workers: int | None = None,
    devices: int | None = None,
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
    from ltjax.sweeps import commands

    return commands.sweep(
        spec,
        store=store,
        engine=engine,
        scheduler=scheduler,
        workers=workers,
        until=until,
        dry_run=dry_run,
        start_devices=lambda: start_devices(devices),
        notes=notes,
        say=print_json if json else None,
    )


@app.command
def export(store: Path, /, *, to: Path) -> None:
    """Write a store's cells with their intervals to a .parquet or .csv file.

    Parameters
    ----------
    store
        A store that `ltjax sweep` made; it may be unfinished.
    to
        The file to write.
    """
    from ltjax import sweeps

    print(f"{sweeps.export(store, to)} cells written to {to}")


@app.command
def plot(
    store: Path,
    /,
    *,
    out: Path,
    p: float = 0.5,
    where: Annotated[list[str] | None, Parameter(negative_iterable="")] = None,
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
    where
        Only these options, each NAME=VALUE.
    """
    from ltjax.sweeps import plotting

    plotting.plot(store, out, p=p, where=where or [])


app.command(ticket)
app.command(claims)
app.command(verify)


def main(tokens: list[str] | None = None) -> None:
    """Entry point: usage errors and bad values end with one line and status 2, never with a traceback."""
    words = sys.argv[1:] if tokens is None else tokens
    try:
        problems.register(words)
        code = app(
            words,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
            error_console=notes,
        )
    except (CycloptsError, ArgumentError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        notes.print("stopped")
        sys.exit(130)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    print(f"ltjax: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
