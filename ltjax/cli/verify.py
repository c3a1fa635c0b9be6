"""`ltjax claims` and `ltjax verify`. JAX is imported inside, so that `--help` answers at once."""

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from ltjax.cli.console import Whole

if TYPE_CHECKING:
    from ltjax.verify.check import Result

COLOURS = {"refuted": "red", "broken": "red", "inconclusive": "yellow"}


def claims(*, json: bool = False) -> None:
    """List the claims of every installed catalogue.

    Parameters
    ----------
    json
        Print one JSON object and nothing else on standard output.
    """
    from ltjax.cli.console import notes, print_json, show, table
    from ltjax.verify.catalogue import catalogue
    from ltjax.verify.claim import statement_of, title_of

    found = catalogue()
    for name, trace in found.broken.items():
        notes.print(f"[red]broken[/] catalogue {name}: {escape(_what_broke(trace))}", highlight=False)
    if json:
        rows = [
            {"id": c.id, "title": title_of(c), "statement": statement_of(c), "controls": [k.id for k in c.controls]}
            for c in found.claims.values()
        ]
        print_json({"claims": rows, "broken": {name: _last_line(trace) for name, trace in found.broken.items()}})
        return
    rows = table("id", "claim", "negative controls")
    for claim in found.claims.values():
        rows.add_row(claim.id, title_of(claim), ", ".join(control.id for control in claim.controls))
    show(rows)


def verify(
    ids: Annotated[list[str] | None, Parameter(negative_iterable="")] = None,
    /,
    *,
    budget: str = "quick",
    seed: Whole = 0,
    at_once: Whole | None = None,
    out: Path | None = None,
    json: bool = False,
) -> int:
    """Check claims and their negative controls; exit 0 when nothing is refuted or broken and every control is refuted.

    Parameters
    ----------
    ids
        Claims by id, families by what stands before the number, installed catalogues by name, or Python files that
        define claims; by default the built-in catalogue.
    budget
        quick, standard or full: how many trials.
    seed
        Seed of the run's key.
    at_once
        Claims that are checked at a time, each in a process of its own; by default two on a CPU of several cores.
        Results do not depend on it.
    out
        Write the report (index.html, results.json, figures) into this folder.
    json
        Print results.json on standard output and nothing else there.
    """
    # Claims beside each other keep the cores busy: threads of NumPy's own would only wait for these, at full speed. Set
    # before NumPy is loaded.
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from ltjax import arguments, files
    from ltjax.cli.console import bar as progress_bar
    from ltjax.cli.console import note, notes, print_json, show, start_devices
    from ltjax.cli.stopping import work_begins
    from ltjax.machine.compilation import compile_quickly
    from ltjax.verify import runner
    from ltjax.verify.budget import BUDGETS
    from ltjax.verify.catalogue import catalogue, is_file, select
    from ltjax.verify.claim import title_of
    from ltjax.verify.report import ReportFolder, results_of

    arguments.choice("budget", budget, BUDGETS)
    arguments.whole("seed", seed, 0, 2**32 - 1)
    if at_once is not None:
        arguments.whole("at_once", at_once, 1, runner.MOST_AT_ONCE)  # said before JAX is asked
    if budget == "quick":
        compile_quickly()
    # A claim's file may well ask JAX for its devices.
    devices = start_devices()
    if at_once is None:
        at_once = 2 if devices[0].platform == "cpu" and len(devices) > 1 else 1
    known = catalogue()
    chosen = select(ids or [], known)

    def tell(text: str) -> None:
        if json:
            return
        if notes.is_terminal and sys.stdout.isatty():
            notes.print(text, highlight=False)  # on the same screen, above the bar
        else:
            show(text)

    for name, trace in chosen.broken.items():
        tell(f"[red]broken[/] {escape(name)}: {escape(_what_broke(trace, name if is_file(name) else None))}")
    # The folder is opened first: finding out after the work that it cannot be written would be rude.
    with ReportFolder(out, chosen.claims) as folder, progress_bar() as bar:
        task = bar.add_task("claims", total=len(chosen.claims))

        def finished(result: "Result") -> None:
            bar.advance(task)
            for line in _lines(result):
                tell(line)

        work_begins()
        report = runner.verify(
            budget=budget,
            seed=seed,
            known=known,
            chosen=chosen,
            at_once=at_once,
            pictures=out is not None,
            started=lambda claim: bar.update(task, description=f"{claim.id} {escape(title_of(claim))}"),
            progress=lambda message: bar.update(task, description=escape(message)),
            finished=finished,
        )
        if out is not None:
            bar.update(task, description="writing the report")
        late = None
        try:
            folder.write(report)
        except files.LateError as error:
            late = error
    if report.stopped:
        kept = f"; {out} is as it was" if folder.kept else ""
        note(f"stopped: {len(report.results)} of {len(chosen.claims)} claims are finished{kept}")
    if json:
        print_json(results_of(report))
    if late is not None:
        raise late
    if out is not None and not folder.kept and not json:
        tell(f"report: {escape(str(out / 'index.html'))}")
    if out is None and not json:
        note("no report: --out FOLDER writes one")
    return 130 if report.stopped else 0 if report.passed else 1


def _last_line(trace: str) -> str:
    return trace.strip().splitlines()[-1]


def _what_broke(trace: str, file: str | None = None) -> str:
    """A traceback in one line: what was raised, and where: the innermost line of this file, else of any."""
    frames = re.findall(r'File "(.+)", line (\d+)', trace)
    own = [frame for frame in frames if file is not None and Path(frame[0]).resolve() == Path(file).resolve()]
    if not frames:
        return _last_line(trace)
    name, line = (own or frames)[-1]
    return f"{_last_line(trace)} ({Path(name).name}, line {line})"


def _lines(result: "Result") -> list[str]:
    """What a person reads of a finished claim."""
    from ltjax.verify.claim import title_of

    refuted = sum(evidence.verdict == "refuted" for _, evidence in result.controls)
    colour = COLOURS.get(result.verdict, "green")
    title = escape(title_of(result.claim))
    if result.error is not None:
        module = sys.modules.get(type(result.claim).__module__)
        return [
            f"[bold]{result.claim.id}[/] [{colour}]{result.verdict:<12}[/] {title} ({result.seconds:.1f} s)",
            f"    [red]{escape(_what_broke(result.error, getattr(module, '__file__', None)))}[/]",
        ]
    controls = f"controls refuted: {refuted} of {len(result.controls)}"
    lines = [
        f"[bold]{result.claim.id}[/] [{colour}]{result.verdict:<12}[/] {title} ({controls}; {result.seconds:.1f} s)"
    ]
    lines += [
        f"    [{colour}]{finding.verdict}[/]: {escape(finding.name)}{_why(finding)}"
        for finding in result.evidence.findings
        if finding.verdict in ("refuted", "inconclusive")
    ]
    if not result.evidence.refutable:
        lines.append("    [yellow]no data could refute this claim[/]")
    lines += [
        f"    [red]control {control.id} survived: the check cannot tell the claim from it[/]"
        for control, evidence in result.controls
        if evidence.verdict != "refuted"
    ]
    return lines


def _why(finding: Any) -> str:
    """What refutes a claim, or what an inconclusive test would take."""
    from ltjax.verify.report.page import number

    if finding.verdict == "refuted":
        figures = "; ".join(f"{name} {number(value)}" for name, value in finding.numbers.items() if name != "level")
        return f" ({escape(figures)})" if figures else ""
    if finding.verdict != "inconclusive":
        return ""
    if not finding.refutable:
        return " (no data could refute it)"
    return f" (some {finding.trials_needed:,} trials would halve what it cannot see)" if finding.trials_needed else ""


__all__ = ["claims", "verify"]
