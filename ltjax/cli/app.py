"""The `ltjax` command. JAX is imported inside commands, so that `--help` answers at once."""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ltjax import __version__
from ltjax.arguments import ArgumentError
from ltjax.cli.verify import claims, verify

if TYPE_CHECKING:
    from ltjax.problems.neuron_pruning import NeuronPruning
    from ltjax.problems.subset_sum import SubsetSum
    from ltjax.problems.weight_pruning import WeightPruning

app = App(
    name="ltjax",
    help="Verify the theory of strong lottery tickets: draw, decide honestly, count, and judge a theorem.",
    version=__version__,
)
estimate_app = App(name="estimate", help="Estimate the probability of a hit at one n and ε.")
threshold_app = App(name="threshold", help="Bracket n_p(ε): the least n at which a hit has probability p.")
app.command(estimate_app)
app.command(threshold_app)

notes = Console(stderr=True, soft_wrap=True)
"""People read this; standard output is for results."""


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to draw.

    Parameters
    ----------
    seed
        Seed of the run's key; trial i uses the i-th key folded from it.
    confidence
        Confidence of the interval.
    chunk
        Trials in one dispatch; changes speed and memory, not the result.
    devices
        Number of devices to share the trials; on a CPU all cores by default.
    json
        Print one JSON object and nothing else on standard output.
    """

    seed: int = 0
    confidence: float = 0.99
    chunk: int | None = None
    devices: int | None = None
    json: bool = False


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class SubsetSumOptions:
    """Random subset sum.

    Parameters
    ----------
    law
        Law of the numbers: uniform, normal, rademacher, uniform-product, normal-product,
        uniform-relu-product or normal-relu-product.
    target
        A number; "uniform", drawn from [-1, 1] for each trial; or "cover", every point of [-1, 1].
    size
        Only subsets of exactly this many elements.
    max_size
        Only subsets of at most this many elements.
    d
        Dimension of the numbers (sup norm).
    dtype
        float32, float64, or auto: float32 where ε is at least 2^-10.
    """

    law: str = "uniform"
    target: str = "0.5"
    size: int | None = None
    max_size: int | None = None
    d: int = 1
    dtype: str = "auto"

    def problem(self) -> "SubsetSum":
        """The problem these options describe."""
        from ltjax.problems.subset_sum import SubsetSum

        target: Any = self.target
        # The problem says what is allowed if this is neither a number nor a word it knows.
        with contextlib.suppress(ValueError):
            target = float(self.target)
        return SubsetSum(self.law, target, self.size, self.max_size, self.d, self.dtype)  # type: ignore[arg-type]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class NeuronPruningOptions:
    """Neuron pruning.

    Parameters
    ----------
    d
        Input dimension.
    readout
        linear or relu.
    law
        Law of the weights: normal or uniform.
    target
        axis, generic (0.7 rad in the plane), or the direction's angle in the plane in radians; with bias the
        target's kink in (-1, 1).
    bias
        Biased hidden units on [-1, 1], d = 1 only.
    sampling
        In the plane: whole (draw every neuron), near (only those that bend near the target's kink), or auto:
        near below ε = 0.01.
    """

    d: int = 2
    readout: str = "linear"
    law: str = "normal"
    target: str = "generic"
    bias: Annotated[bool, Parameter(negative="")] = False
    sampling: str = "auto"

    def problem(self) -> "NeuronPruning":
        """The problem these options describe."""
        from ltjax.problems.neuron_pruning import NeuronPruning

        target: Any = self.target
        with contextlib.suppress(ValueError):
            target = float(self.target)
        choices: dict[str, Any] = {"readout": self.readout, "law": self.law, "target": target}
        return NeuronPruning(self.d, **choices, bias=self.bias, sampling=self.sampling)  # type: ignore[arg-type]


@Parameter(name="*")
@dataclasses.dataclass(frozen=True)
class WeightPruningOptions:
    """Weight pruning.

    Parameters
    ----------
    d
        Input dimension.
    readout
        linear or relu.
    law
        Law of the weights: normal or uniform.
    target
        axis, generic (0.7 rad in the plane), or the direction's angle in the plane in radians.
    construction
        Where hits are looked for: blocks (each coordinate its own neurons) or shared (any neuron may serve any).
    """

    d: int = 2
    readout: str = "relu"
    law: str = "normal"
    target: str = "generic"
    construction: str = "shared"

    def problem(self) -> "WeightPruning":
        """The problem these options describe."""
        from ltjax.problems.weight_pruning import WeightPruning

        target: Any = self.target
        with contextlib.suppress(ValueError):
            target = float(self.target)
        return WeightPruning(self.d, self.readout, self.law, target, self.construction)  # type: ignore[arg-type]


Options = SubsetSumOptions | NeuronPruningOptions | WeightPruningOptions


def _start_devices(count: int | None = None) -> list[Any]:
    """The local devices to use; a CPU shows as one device a core unless the user configured JAX otherwise."""
    import jax

    from ltjax.machine import devices as parallel
    from ltjax.machine.compilation import use_compilation_cache

    use_compilation_cache()
    parallel.use_cores(max(parallel.cores(), count or 1))
    devices = jax.local_devices()
    if count is None:
        return devices
    from ltjax import arguments

    return devices[: arguments.whole("devices", count, 1, len(devices))]


def _bar() -> Progress:
    """A progress bar on standard error that vanishes when that is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=notes, transient=True, disable=not notes.is_terminal)


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, allow_nan=False))


def _compute(what: Callable[..., Any], sampling: Sampling, trials: int, runs: int = 1, **options: Any) -> Any:
    """Call an inference function with the sampling options, under a progress bar."""
    import jax

    from ltjax import arguments

    seed = arguments.whole("seed", sampling.seed, 0, 2**32 - 1)
    arguments.whole("trials", trials, 1)
    devices = _start_devices(sampling.devices)
    with _bar() as bar:
        task = bar.add_task("trials", total=trials * runs)
        return what(
            trials=trials,
            key=jax.random.key(seed),
            confidence=sampling.confidence,
            chunk=sampling.chunk,
            devices=devices,
            progress=lambda count: bar.advance(task, count),
            **options,
        )


@estimate_app.command(name="subset-sum")
def estimate_subset_sum(
    *,
    n: int,
    eps: float,
    trials: int = 1000,
    interval: str = "exact",
    witness: Path | None = None,
    options: SubsetSumOptions = SubsetSumOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """P(some subset of n random numbers comes within ε of the target).

    Parameters
    ----------
    n
        How many numbers are drawn.
    eps
        The precision ε.
    trials
        How many times.
    interval
        exact (Clopper-Pearson) or anytime (valid however the number of trials was chosen).
    witness
        Write every hit's numbers and subset into this .npz file.
    """
    _estimate(options, sampling, trials, n=n, eps=eps, interval=interval, witness=witness)


@estimate_app.command(name="neuron-pruning")
def estimate_neuron_pruning(
    *,
    n: int,
    eps: float,
    trials: int = 1000,
    interval: str = "exact",
    solver: str = "auto",
    witness: Path | None = None,
    options: NeuronPruningOptions = NeuronPruningOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """P(taking out whole neurons of a random network leaves one within ε of the target).

    Parameters
    ----------
    n
        Hidden neurons of the start network.
    eps
        The precision ε.
    trials
        How many networks are drawn.
    interval
        exact (Clopper-Pearson) or anytime (valid however the number of trials was chosen).
    solver
        auto, or milp: integer programming, slow, the judge of the other.
    witness
        Write every hit's network and mask into this .npz file.
    """
    _estimate(options, sampling, trials, n=n, eps=eps, interval=interval, solver=solver, witness=witness)


@estimate_app.command(name="weight-pruning")
def estimate_weight_pruning(
    *,
    n: int,
    eps: float,
    trials: int = 1000,
    interval: str = "exact",
    witness: Path | None = None,
    options: WeightPruningOptions = WeightPruningOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """P(cutting single weights of a random network leaves one within ε of the target).

    Parameters
    ----------
    n
        Hidden neurons of the start network.
    eps
        The precision ε.
    trials
        How many networks are drawn.
    interval
        exact (Clopper-Pearson) or anytime (valid however the number of trials was chosen).
    witness
        Write every hit's network and masks into this .npz file.
    """
    _estimate(options, sampling, trials, n=n, eps=eps, interval=interval, witness=witness)


def _estimate(options: Options, sampling: Sampling, trials: int, **what: Any) -> None:
    import ltjax

    found = _compute(lambda **how: ltjax.estimate(options.problem(), **what, **how), sampling, trials)
    if sampling.json:
        _print_json(dataclasses.asdict(found))
        return
    print(f"P(hit) in [{found.lower:.6g}, {found.upper:.6g}] with confidence {found.confidence:g}")
    print(f"{found.hits} hits, {found.misses} misses, {found.undecided} undecided in {found.trials} trials")
    print(f"n = {found.n}, ε = {found.eps:g}, {_options_line(found.problem)}")


@threshold_app.command(name="subset-sum")
def threshold_subset_sum(
    *,
    eps: Annotated[list[float], Parameter(consume_multiple=True, negative_iterable="")],
    p: float = 0.5,
    trials: int = 400,
    n_max: int | None = None,
    options: SubsetSumOptions = SubsetSumOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """The least n at which random subset sum hits with probability p, for one or several ε.

    Parameters
    ----------
    eps
        One precision or several, all decided from the same draws.
    p
        The hit probability to reach.
    trials
        Independent draws.
    n_max
        The largest n to look at; found by a pilot run if not given.
    """
    _threshold(options, sampling, trials, eps=eps, p=p, n_max=n_max)


@threshold_app.command(name="neuron-pruning")
def threshold_neuron_pruning(
    *,
    eps: Annotated[list[float], Parameter(consume_multiple=True, negative_iterable="")],
    p: float = 0.5,
    trials: int = 100,
    n_max: int | None = None,
    options: NeuronPruningOptions = NeuronPruningOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """The least n at which neuron pruning hits with probability p, for one or several ε.

    Parameters
    ----------
    eps
        One precision or several, all decided from the same draws.
    p
        The hit probability to reach.
    trials
        Independent draws.
    n_max
        The largest n to look at; found by a pilot run if not given.
    """
    _threshold(options, sampling, trials, eps=eps, p=p, n_max=n_max)


def _threshold(options: Options, sampling: Sampling, trials: int, **what: Any) -> None:
    import ltjax
    from ltjax import arguments

    _start_devices(sampling.devices)  # before anything else makes JAX look for them
    problem, precisions = options.problem(), arguments.precisions(what["eps"])
    runs = len(problem.groups(precisions))
    found = _compute(lambda **how: ltjax.threshold(problem, **what, **how), sampling, trials, runs)
    if sampling.json:
        _print_json({"thresholds": [dataclasses.asdict(one) for one in found]})
        return
    table = Table("ε", "n at least", "n at most", "width", "interpolated", title=f"n at hit probability {what['p']:g}")
    for one in found:
        upper = str(one.upper) if one.upper is not None else f"not below {one.n_max}"
        middle = f"{one.interpolated:.2f}" if one.interpolated is not None else "-"
        width = str(one.upper - one.lower) if one.upper is not None else "-"
        table.add_row(f"{one.eps:g}", str(one.lower), upper, width, middle)
    Console().print(table)
    print(f"confidence {sampling.confidence:g} each, {trials} trials, {_options_line(found[0].problem)}")


def _options_line(options: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in options.items() if value is not None)


@threshold_app.command(name="weight-pruning")
def threshold_weight_pruning(
    *,
    eps: Annotated[list[float], Parameter(consume_multiple=True, negative_iterable="")],
    p: float = 0.5,
    trials: int = 200,
    n_max: int | None = None,
    options: WeightPruningOptions = WeightPruningOptions(),
    sampling: Sampling = Sampling(),
) -> None:
    """The least n at which weight pruning hits with probability p, for one or several ε.

    Parameters
    ----------
    eps
        One precision or several, all decided from the same draws.
    p
        The hit probability to reach.
    trials
        Independent draws.
    n_max
        The largest n to look at; found by a pilot run if not given.
    """
    _threshold(options, sampling, trials, eps=eps, p=p, n_max=n_max)


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


app.command(claims)
app.command(verify)


def main(tokens: list[str] | None = None) -> None:
    """Entry point: usage errors and bad values end with one line and status 2, never with a traceback."""
    try:
        code = app(
            tokens,
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
