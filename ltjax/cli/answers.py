"""What `estimate` and `threshold` compute and print."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ltjax.cli.console import bar, note, print_json, say, show, start_devices, table
from ltjax.cli.problems import Sampling
from ltjax.cli.stopping import work_begins
from ltjax.problems.base import AbstractProblem


def _computed(what: Callable[..., Any], sampling: Sampling, trials: int, looks: int | None) -> Any:
    """Call an inference function with the sampling options, under a progress bar; `looks`: None where it says what it
    looks at by itself."""
    from ltjax import arguments

    seed = arguments.whole("seed", sampling.seed, 0, 2**32 - 1)
    devices = start_devices(sampling.devices)

    from ltjax.machine import settings

    with bar() as shown:
        work_begins()
        task = shown.add_task("", total=trials * looks if looks else None)
        at = ""

        def stage(what: str) -> None:
            nonlocal at
            at = what
            # Until trials come back nobody knows which of the two it is.
            shown.update(task, description=f"{what}: compiling, first trials")

        stage("trials")
        return what(
            trials=trials,
            key=settings.key(seed),
            confidence=sampling.confidence,
            solver=sampling.solver,
            chunk=sampling.chunk,
            devices=devices,
            progress=lambda count: shown.update(task, description=at, advance=count),
            **({} if looks else {"stage": stage}),
        )


def estimate(
    make: Callable[[], AbstractProblem],
    sampling: Sampling,
    n: int,
    eps: float,
    trials: int,
    interval: str,
    witness: Path | None,
) -> int:
    """P(hit) of a problem, printed; the exit status."""
    import ltjax
    from ltjax import arguments, files

    trials = arguments.whole("trials", trials, 1)

    of = ltjax.estimate  # imported now

    def what(**how: Any) -> Any:
        return of(make(), n=n, eps=eps, interval=interval, witness=witness, **how)  # type: ignore[arg-type]

    late = None
    try:
        found = _computed(what, sampling, trials, 1)
    except files.LateError as error:
        late, found = error, error.result
    if sampling.json:
        print_json(dataclasses.asdict(found))
    else:
        interval = f"[{found.lower:.6g}, {found.upper:.6g}] with confidence {found.confidence:g}"
        counts = f"{found.hits} hits, {found.misses} misses, {found.undecided} undecided in {found.trials} trials"
        say(f"P(hit) in {interval}\n{counts}\nn = {found.n}, ε = {found.eps:g}, {options_line(found.problem)}")
        if found.advice is not None:
            note(found.advice)
    if found.stopped:
        note(f"stopped: that is of {found.trials} of {trials} trials, and holds whenever one stops")
    if late is not None:
        raise late
    return 130 if found.stopped else 0


def threshold(
    make: Callable[[], AbstractProblem],
    sampling: Sampling,
    eps: list[float],
    p: float,
    trials: int | None,
    n_max: int | None,
) -> int:
    """Brackets of n_p, printed; the exit status."""
    import ltjax
    from ltjax import arguments

    start_devices(sampling.devices)  # before anything else makes JAX look for them
    from ltjax.solvers.choose import choose, largest_size, likely_size

    problem, precisions = make(), arguments.precisions(eps)
    if trials is None:
        e = precisions[0]
        size = min(likely_size(problem, e), largest_size(problem, e, sampling.solver))
        dear = choose(problem, size, e, sampling.solver).solver.traced_sizes
        trials = 100 if dear else 400
    trials = arguments.whole("trials", trials, 1)
    of = ltjax.threshold  # imported now
    found = _computed(lambda **how: of(problem, eps=precisions, p=p, n_max=n_max, **how), sampling, trials, None)
    stopped = any(one.stopped for one in found)
    if sampling.json:
        print_json({"thresholds": [dataclasses.asdict(one) for one in found]})
        return 130 if stopped else 0
    rows = table("ε", "n at least", "n at most", "width", "interpolated", title=f"n at hit probability {p:g}")
    crossed = False
    for one in found:
        upper = str(one.upper) if one.upper is not None else f"open (looked to {one.n_max})"
        x = one.interpolated
        inside = x is not None and one.lower - 1 < x <= (one.upper or one.n_max)
        middle, crossed = (f"{x:.2f}", True) if inside else ("-", crossed)
        width = str(one.upper - one.lower) if one.upper is not None else "-"
        rows.add_row(f"{one.eps:g}", str(one.lower), upper, width, middle)
    show(rows)
    say(f"confidence {sampling.confidence:g} each, {found[0].trials} trials, {options_line(found[0].problem)}")
    if crossed:
        say("interpolated: where the hit frequencies cross p, a real number that rounds up to n; no certificate")
    if stopped:
        left = ", ".join(f"{e:g}" for e in precisions if e not in {one.eps for one in found})
        counted = next(one.trials for one in found if one.stopped)
        begun = f"stopped: the last bracket is of what had been counted, {counted} trials a size"
        note(begun + (f"; not begun: ε = {left}" if left else ""))
    return 130 if stopped else 0


def options_line(options: dict[str, Any]) -> str:
    """A problem's options in one line."""
    return ", ".join(f"{name} {value}" for name, value in options.items() if value is not None)


__all__ = ["estimate", "options_line", "threshold"]
