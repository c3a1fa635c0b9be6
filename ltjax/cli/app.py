"""The `ltjax` command. JAX is imported inside commands, so that `--help` answers at once."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.table import Table

from ltjax import __version__
from ltjax.arguments import ArgumentError
from ltjax.cli import problems
from ltjax.cli.console import bar as _bar
from ltjax.cli.console import notes
from ltjax.cli.console import print_json as _print_json
from ltjax.cli.console import start_devices as _start_devices

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
        start_devices=lambda: _start_devices(devices),
        notes=notes,
        say=_print_json if json else None,
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


@app.command
def claims(*, json: bool = False) -> None:
    """List the claims of every installed catalogue.

    Parameters
    ----------
    json
        Print one JSON object and nothing else on standard output.
    """
    from ltjax.verify.runner import catalogue

    known = catalogue().values()
    if json:
        rows = [
            {"id": c.id, "title": c.title, "statement": c.statement, "controls": [k.id for k in c.controls]}
            for c in known
        ]
        _print_json({"claims": rows})
        return
    table = Table("id", "claim", "negative controls")
    for claim in known:
        table.add_row(claim.id, claim.title, ", ".join(control.id for control in claim.controls))
    Console().print(table)


@app.command
def verify(
    ids: Annotated[list[str] | None, Parameter(negative_iterable="")] = None,
    /,
    *,
    budget: str = "quick",
    seed: int = 0,
    out: Path | None = None,
    json: bool = False,
) -> int:
    """Check claims and their negative controls; exit 0 when nothing is refuted and every control is.

    Parameters
    ----------
    ids
        Claims (SS-3) or families (SS); all by default.
    budget
        quick, standard or full: how many trials.
    seed
        Seed of the run's key.
    out
        Write the report (index.html, results.json, figures) into this folder.
    json
        Print results.json on standard output and nothing else there.
    """
    from ltjax import arguments
    from ltjax.verify import runner
    from ltjax.verify.claim import BUDGETS
    from ltjax.verify.report import ReportFolder, results_of

    claims = runner.select(ids or [], runner.catalogue())
    arguments.choice("budget", budget, BUDGETS)
    arguments.whole("seed", seed, 0, 2**32 - 1)
    _start_devices()
    say = (lambda *parts, **how: None) if json else notes.print
    # The folder is opened first: finding out after the work that it cannot be written would be rude.
    with ReportFolder(out) as folder, _bar() as bar:
        task = bar.add_task("claims", total=len(claims))

        def finished(result: runner.Result) -> None:
            bar.advance(task)
            folder.draw(result)
            refuted = sum(evidence.verdict == "refuted" for _, evidence in result.controls)
            colour = {"refuted": "red", "inconclusive": "yellow"}.get(result.verdict, "green")
            controls = f"controls refuted: {refuted} of {len(result.controls)}"
            line = f"[bold]{result.claim.id}[/] [{colour}]{result.verdict:<12}[/] {result.claim.title}"
            say(f"{line} ({controls}; {result.seconds:.1f} s)", highlight=False)
            for finding in result.evidence.findings:
                if finding.verdict in ("refuted", "inconclusive"):
                    say(f"    [{colour}]{finding.verdict}[/]: {finding.name}", highlight=False)
            for control, evidence in result.controls:
                if evidence.verdict != "refuted":
                    say(f"    [red]control {control.id} survived: the check is broken[/]", highlight=False)

        report = runner.verify(
            ids or [],
            budget=budget,
            seed=seed,
            started=lambda claim: bar.update(task, description=f"{claim.id} {claim.title}"),
            progress=lambda message: bar.update(task, description=message),
            finished=finished,
        )
        bar.update(task, description="writing the report")
        folder.write(report)
    if json:
        _print_json(results_of(report))
    elif out is not None:
        say(f"report: {out / 'index.html'}", highlight=False)
    return 0 if report.passed else 1


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
