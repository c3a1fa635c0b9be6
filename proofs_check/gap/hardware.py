r"""HW-1: Whole rows make a network faster, scattered holes only past a break-even.

**Hypotheses.** Start networks of $n=120$ neurons, $d=2$, readout relu, generic target, law normal, in which rows as
well as scissors reach $\varepsilon=0.05$: two tickets for one target, of equal $\varepsilon$, on one start network,
masks in hand. JAX on the device at hand, float32 in its default precision.

**Statement.** The structured ticket is a smaller dense matrix and runs faster than the start network and than the
unstructured ticket. The unstructured one, as a dense matrix with zeros in place, runs no faster than the start network
(0.8 of its time or more); as a sparse matrix it runs faster only past a break-even sparsity, which is above one half.

**Source.** Folklore of sparse linear algebra; for GPUs Gale, Zaharia, Young, Elsen (2020). The margin of 0.8: zeros
draw less power, and a chip short of power has been seen to multiply them 15% faster (He 2024, an A100).

**Checked.** (1) *The tickets themselves*, several side by side, from input to output with batch 4096; that of rows is
padded to the widest. What is timed is within $\varepsilon$ of the targets on the inputs timed. (2) *A layer*
$\sigma(UX)$, $U$ square, $X$ of 1 or 4096 columns. No ticket of rows can be found for so many inputs, so the layer has
the tickets' *shares*: of its rows, and of its weights, scattered uniformly. Shapes and the number of weights decide the
time, whatever the weights are. For each batch it is the least width (256, 512, …, 8192) at which a call of the start
network takes long enough for the arithmetic to count: 0.3 ms and 2 ms. The sparse matrices are
`jax.experimental.sparse.BCOO`, from one weight a row, which is what the construction of WP-1 keeps in so many
dimensions, up to the first that takes three times as long as the start network. Where that keeps fewer weights than the
ticket, it stands for the ticket, which flatters scissors.

Every round times each form once, in random order, compiled before, each call finished before the next. Compared are
times of one round; limits of their median ratio are order statistics, exact for any distribution. Load on the machine
widens them, so the dense forms, of which two are about equally fast, are timed apart from the slower sparse ones and
more often.

**What the statement leaves out.** A row of which scissors cut every weight can be taken out too. Of the tickets found
here that leaves a small dense matrix as well, about as fast as that of rows; it is timed beside the others. Holes are
slow where they are scattered so that no row is empty, as in (2).
"""

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse
from jaxtyping import Array, Bool, Float, Int, Key
from matplotlib.figure import Figure

from ltjax.figures import style as drawing
from ltjax.machine import timing
from ltjax.machine.compilation import usual_options
from ltjax.machine.timing import Timings
from ltjax.networks import TwoLayerNetwork, apply, prune_weights, random_directions
from ltjax.outcomes import HIT
from ltjax.problems.pruning import NeuronPruning, StartNetwork, WeightPruning
from ltjax.solvers.plane import NearSearch
from ltjax.trials import dispatch as engine
from ltjax.trials.decide import decide
from ltjax.trials.plan import plan
from ltjax.verify.claim import Claim, Control
from ltjax.verify.quantities import Median
from ltjax.verify.run import Run
from ltjax.verify.tests import Holds, InRange, Test

N, EPS, TRIALS = 120, 0.05, 24
BATCHES = (1, 4096)
TARGETS = tuple(2**k for k in range(2, 11))
WIDTHS = tuple(2**k for k in range(8, 14))
LONG = {1: 3e-4, 4096: 2e-3}
"""Seconds that a call of the start network should take, by batch: as many targets, and as wide a layer."""
ROUNDS = 400
"""Of dense forms. Each call meets a load that comes and goes within milliseconds and up to doubles its time."""
SPARSE_ROUNDS = 120
"""Of sparse forms: slower, and further from what they are compared with."""
SHORTEST = 2.5e-4
"""Seconds of one timing: long for a clock, short for a scheduler, which then seldom falls into one."""
ENOUGH = 3.0
"""A sparse matrix that takes so many times as long as the start network is the densest that is timed."""
NO_FASTER = 0.8
HALF = 0.5
"""If a sparse matrix that keeps so many weights is faster, there is no break-even to speak of."""
DENSER = 0.5
"""A denser sparse matrix is not faster than a sparser one: its time is above this share of the sparser one's."""
DIFFERENT = 1.05
"""By less than this factor the place of a matrix in memory may decide which of two is faster."""
ROUNDING, SAME = 1e-4, 0.01
"""Of a sum of some dozen float32 products; of a layer in the device's own precision, which may be TF32."""


class Tickets(NamedTuple):
    """Start networks with a ticket of either kind.

    Attributes:
        start: the networks, in float32.
        w: their targets' directions, shape (tickets, 2).
        rows: neurons that rows keep, shape (tickets, n).
        weights: input weights that scissors keep, shape (tickets, n, 2).
    """

    start: TwoLayerNetwork
    w: Float[np.ndarray, "tickets 2"]
    rows: Bool[np.ndarray, "tickets n"]
    weights: Bool[np.ndarray, "tickets n 2"]


class Layer(NamedTuple):
    """One layer at one batch.

    Attributes:
        width: its inputs, and its outputs.
        dense: times of the forms "start", "rows" and "masked".
        sparse: times of "start" and "rows" again, and of sparse matrices by the share of weights they keep.
        deviation: of any form's values from those of the same weights in a dense matrix, at most, relative.
    """

    width: int
    dense: Timings
    sparse: Timings
    deviation: float

    @property
    def shares(self) -> list[float]:
        """Shares of weights of the sparse matrices, sparsest first."""
        return sorted(name for name in self.sparse.seconds if isinstance(name, float))

    def ticket(self, share: float) -> float:
        """The densest sparse matrix that keeps no more than the ticket."""
        return max(each for each in self.shares if each <= share)


def find_tickets(key: Key[Array, ""]) -> Tickets:
    """The start networks, of a fixed number drawn, in which both kinds of pruning hit.

    Raises:
        RuntimeError: if there is none.
    """
    # Hits are all that is wanted: exact methods would only take longer to compile.
    (rows_share,) = plan(NeuronPruning(readout="relu"), (N,), (EPS,), NearSearch("relu", capacity=1024))
    decided = list(engine.decisions(rows_share, TRIALS, key))
    network = StartNetwork(*(np.concatenate([d.instance[name] for d in decided]) for name in StartNetwork._fields))
    rows = np.concatenate([d.witness["mask"][:, 0, 0] for d in decided])
    hit = np.concatenate([d.status[:, 0, 0] == HIT for d in decided])
    # The same networks under scissors.
    (share,) = plan(WeightPruning(), (N,), (EPS,))
    with jax.enable_x64(True):
        instances, block = jax.tree.map(jnp.asarray, network), share.solver.block(N)
        found = engine.search_rows(instances, np.array([EPS]), solver=share.solver, ns=(N,), block=block)
    decision = decide(share.problem, share.solver, network, jax.tree.map(np.asarray, found), (N,), (EPS,))
    u, v, w = network.u, network.v, network.w
    both = np.flatnonzero(hit & (decision.status[:, 0, 0] == HIT))
    if not both.size:
        raise RuntimeError(f"none of {TRIALS} start networks holds a ticket of either kind")
    start = TwoLayerNetwork(jnp.asarray(u[both], jnp.float32), jnp.asarray(v[both], jnp.float32), readout="relu")
    return Tickets(start, w[both], rows[both], decision.witness["mask_u"][both, 0, 0])


def repeated(tickets: Tickets, count: int) -> Tickets:
    """So many tickets, the same ones over and over."""
    at = np.arange(count) % len(tickets.w)
    return jax.tree.map(lambda x: x[at], tickets)


def packed(network: TwoLayerNetwork, keep: Bool[np.ndarray, "networks n"]) -> TwoLayerNetwork:
    """Smaller networks of the neurons kept, padded with zeros to the one that keeps most."""
    order = np.argsort(~keep, axis=1, kind="stable")[:, : keep.sum(axis=1).max()]
    u, v = np.where(keep[..., None], network.u, 0.0), np.where(keep, network.v, 0.0)
    u, v = np.take_along_axis(u, order[..., None], axis=1), np.take_along_axis(v, order, axis=1)
    return TwoLayerNetwork(jnp.asarray(u), jnp.asarray(v), readout=network.readout)


def forms_of(tickets: Tickets) -> dict[str, TwoLayerNetwork]:
    """Start networks and tickets as they are timed; "emptied": scissors', without the rows they cut whole."""
    used = np.any(tickets.weights, axis=2)
    masked = prune_weights(tickets.start, jnp.asarray(tickets.weights), jnp.asarray(used))
    return {
        "start": tickets.start,
        "rows": packed(tickets.start, tickets.rows),
        "masked": masked,
        "emptied": packed(masked, used),
    }


AS_USUAL = usual_options()
"""What is timed is compiled with XLA's defaults, even where XLA_FLAGS ask for less effort for the rest of a run."""
serve = jax.jit(jax.vmap(apply, in_axes=(0, None)), compiler_options=AS_USUAL)
"""The values of networks side by side at the same points, shape (networks, points)."""


@partial(jax.jit, compiler_options=AS_USUAL)
def hidden(u: Any, x: Float[Array, "inputs batch"]) -> Float[Array, "outputs batch"]:
    """A layer, σ(UX); U in any format."""
    return jnp.maximum(u @ x, 0.0)


def grown(call_at: Callable[[int], timing.Variant], sizes: Sequence[int], long: float) -> int:
    """The least of the sizes at which a call takes that many seconds, else the largest."""
    return next((size for size in sizes[:-1] if timing.quickest(call_at(size)) >= long), sizes[-1])


def sparse_matrix(
    share: float, u: Float[np.ndarray, "rows columns"], order: Int[np.ndarray, " weights"]
) -> sparse.BCOO:
    """U with the first weights in that order kept, so many of them."""
    row, column = np.divmod(np.sort(order[: round(share * u.size)]), u.shape[1])
    indices = np.stack([row, column], axis=1).astype(np.int32)
    how = {"shape": u.shape, "indices_sorted": True, "unique_indices": True}
    return sparse.BCOO((jnp.asarray(u[row, column]), jnp.asarray(indices)), **how)


def masked_matrix(
    share: float, u: Float[np.ndarray, "rows columns"], order: Int[np.ndarray, " weights"]
) -> Float[Array, "rows columns"]:
    """The same weights, zeros in place."""
    kept = np.zeros(u.size, u.dtype)
    at = order[: round(share * u.size)]
    kept[at] = u.ravel()[at]
    return jnp.asarray(kept.reshape(u.shape))


def time_layer(run: Run, batch: int, rows: float, weights: float, seed: int) -> Layer:
    """Time a layer of which tickets keep those shares of its rows and of its weights."""
    rng = np.random.default_rng(seed)

    def drawn(width: int) -> tuple[np.ndarray, Array]:
        u, x = (rng.standard_normal((width, columns), np.float32) for columns in (width, batch))
        return u, jnp.asarray(x)

    def square(width: int) -> timing.Variant:
        u, x = (jnp.asarray(matrix) for matrix in drawn(width))
        return lambda: hidden(u, x)

    width = grown(square, WIDTHS, LONG[batch])
    run.progress(f"a layer {width} × {width}, batch {batch}")
    u, x = drawn(width)
    order = rng.permutation(u.size)

    def call(matrix: Any) -> timing.Variant:
        return lambda: hidden(matrix, x)

    kept = max(1, round(rows * width))
    forms: dict[Any, timing.Variant] = {"start": call(jnp.asarray(u)), "rows": call(jnp.asarray(u[:kept]))}
    masked = {"masked": call(masked_matrix(weights, u, order))}
    dense = timing.interleaved(forms | masked, run.trials(ROUNDS), shortest=SHORTEST, seed=seed)
    enough = ENOUGH * timing.quickest(forms["start"], 8)
    for share in sorted({*(2.0**-k for k in range(1, width.bit_length())), weights}):
        forms[share] = call(sparse_matrix(share, u, order))
        if timing.quickest(forms[share], 8) > enough:
            break
    times = timing.interleaved(forms, run.trials(SPARSE_ROUNDS), shortest=SHORTEST, seed=seed)
    values = times.results
    pairs = [(values[share], hidden(masked_matrix(share, u, order), x)) for share in values if isinstance(share, float)]
    pairs += [(values["rows"], values["start"][:kept])]
    deviation = max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b))) for a, b in pairs)
    return Layer(width, dense, times, deviation)


def errors_of(
    forms: dict[str, TwoLayerNetwork], tickets: Tickets, points: Float[Array, "points 2"]
) -> dict[str, float]:
    """How far each form of a ticket is from the targets at the points, at most; multiplied in full float32."""
    wanted = np.maximum(tickets.w @ np.asarray(points, float).T, 0.0)
    with jax.default_matmul_precision("highest"):
        values = {name: np.asarray(serve(forms[name], points), float) for name in ("rows", "masked", "emptied")}
    return {name: float(np.abs(value - wanted).max()) for name, value in values.items()}


class BreakEven(NamedTuple):
    """Where a sparse matrix overtakes the start network.

    Attributes:
        limits: of the median time over the start network's, by share of weights kept.
        faster: the largest share at which it is faster beyond doubt, or 0.
        slower: the least share at which it is slower beyond doubt, or 1.
    """

    limits: dict[float, tuple[float, float]]
    faster: float
    slower: float

    @property
    def sparsity(self) -> str:
        """Between which sparsities, or beyond which."""
        if self.slower == 1.0:
            return f"< {1.0 - max(self.limits):.4g}"
        if self.faster == 0.0:
            return f"> {1.0 - min(self.limits):.4g}"
        return f"{1.0 - self.slower:.4g} to {1.0 - self.faster:.4g}"


def break_even(layer: Layer, level: float) -> BreakEven:
    """The break-even of a layer, each limit at that level."""
    limits = {share: timing.median_interval(layer.sparse.ratios(share, "start"), level) for share in layer.shares}
    faster = [share for share, (_, high) in limits.items() if high < 1.0 / DIFFERENT]
    slower = [share for share, (low, _) in limits.items() if low > DIFFERENT]
    return BreakEven(limits, max(faster, default=0.0), min(slower, default=1.0))


def titled(batch: int, layer: Layer) -> str:
    return f"layer {layer.width} × {layer.width}, batch {batch}"


def compared(name: str, ratios: np.ndarray, claimed: tuple[float, float]) -> InRange:
    """A median ratio of times, within a range."""
    return InRange(name, Median(ratios), claimed, numbers={"ratio": float(np.median(ratios))})


@dataclasses.dataclass(frozen=True)
class Hardware(Claim):
    id = "HW-1"
    alone = True
    controls = (
        Control("HW-1-rows", "the structured ticket is no faster than the start network", {"rows": (1.0, math.inf)}),
        Control("HW-1-masked", "zeros in place save time, at least half of it", {"masked": (0.0, HALF)}),
        Control("HW-1-sparse", "a sparse matrix is faster at any sparsity", {"densest": (0.0, 1.0)}),
    )
    caption = (
        "Times over the start network's. Left: a ticket in several forms, with 99% limits; below 1 it is faster. "
        "Right: sparse layers against the share of weights that they keep; the break-even lies in the shaded strip, "
        "the dotted line is the tickets' share, the right end one weight a row."
    )

    rows: tuple[float, float] = (0.0, 1.0)
    """Median time of the structured form, over the start network's."""
    masked: tuple[float, float] = (NO_FASTER, math.inf)
    """Of the unstructured form with zeros in place, over the start network's."""
    densest: tuple[float, float] = (1.0, math.inf)
    """Of the densest sparse matrix timed, which keeps half of the weights or takes long, over the start network's."""

    def prepare(self, run: Run) -> Tickets:
        run.progress(f"tickets of both kinds in {TRIALS} start networks, n = {N}, ε = {EPS:g}")
        found = find_tickets(jax.random.fold_in(run.key, 1))
        drawn = {"n": N, "eps": EPS, "trials": TRIALS, "scissors": "weight-pruning, shared", "tickets": len(found.w)}
        run.drawn.append(NeuronPruning(readout="relu").describe() | drawn)
        return found

    def measure(self, run: Run) -> dict[str, Any]:
        seed, device, found = int(jax.random.bits(run.key)), jax.local_devices()[0], run.prepared
        shares = {"rows": float(found.rows.mean()), "weights": float(found.weights.mean())}

        points = random_directions(jax.random.fold_in(run.key, 2), max(BATCHES), 2)

        def networks(count: int) -> timing.Variant:
            network = repeated(found, count).start
            return lambda: serve(network, points)

        targets = grown(networks, TARGETS, LONG[len(points)])
        run.progress(f"{targets} tickets side by side, batch {len(points)}")
        tickets = repeated(found, targets)
        forms = forms_of(tickets)
        calls = {name: (lambda network=network: serve(network, points)) for name, network in forms.items()}
        side_by_side = timing.interleaved(calls, run.trials(ROUNDS), seed=seed)
        where = {"device": f"{device.platform}, {device.device_kind}"}
        made = {
            "timed": "tickets",
            "hidden matrix": [targets * N, 2],
            "batch": len(points),
            "rounds": side_by_side.rounds,
        }
        run.drawn.append(where | made)

        layers = {}
        for batch in BATCHES:
            layers[batch] = layer = time_layer(run, batch, shares["rows"], shares["weights"], seed)
            made = {"timed": "layer", "matrix": [layer.width] * 2, "batch": batch}
            made |= {"rounds": layer.dense.rounds, "sparse rounds": layer.sparse.rounds}
            run.drawn.append(where | made)
        return {
            "device": device.device_kind,
            "shares": shares,
            "tickets": f"{targets} tickets, batch {len(points)}",
            "errors": errors_of(forms, tickets, points),
            "side by side": side_by_side,
            "layers": layers,
        }

    def tests(self, data: dict[str, Any]) -> list[Test]:
        layers = {titled(batch, layer): layer for batch, layer in data["layers"].items()}
        faster, found = (0.0, 1.0), list[Test]()
        for name, times in {data["tickets"]: data["side by side"], **{k: v.dense for k, v in layers.items()}}.items():
            found.append(compared(f"{name}: structured over start", times.ratios("rows", "start"), self.rows))
            found.append(compared(f"{name}: structured over masked", times.ratios("rows", "masked"), faster))
            found.append(compared(f"{name}: masked over start", times.ratios("masked", "start"), self.masked))
        for name, layer in layers.items():
            share, shares = layer.ticket(data["shares"]["weights"]), layer.shares
            title = f"{name}: structured over a sparse matrix that keeps {share:.3g}"
            found.append(compared(title, layer.sparse.ratios("rows", share), faster))
            title = f"{name}: sparse over start, keeps {shares[-1]:.3g}, the densest"
            found.append(compared(title, layer.sparse.ratios(shares[-1], "start"), self.densest))
            # So a break-even has slower matrices on its dense side only.
            for sparser, denser in itertools.pairwise(shares):
                title = f"{name}: sparse that keeps {denser:.3g} over one that keeps {sparser:.3g}"
                found.append(compared(title, layer.sparse.ratios(denser, sparser), (DENSER, math.inf)))
        error = max(data["errors"].values())
        title = "tickets as timed: error on the timed inputs"
        found.append(Holds(title, error <= EPS + ROUNDING, numbers={"error": error}))
        deviation = max(layer.deviation for layer in layers.values())
        title = "layers as timed: sparse and smaller forms from dense, relative"
        found.append(Holds(title, deviation <= SAME, numbers={"deviation": deviation}))
        return found

    def tables(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = []
        for batch, layer in data["layers"].items():
            limits = break_even(layer, 0.005).limits
            rows += [
                {"layer": titled(batch, layer), "share kept": share, "sparse over start, 99%": list(ends)}
                for share, ends in limits.items()
            ]
        return {"Sparse matrices, sparser and sparser": rows}

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, (left, right) = drawing.panels(2)
        shares, layers = data["shares"], data["layers"]
        side_by_side = {0: "rows", 1: "masked", 3: "emptied"}
        places = ["structured", "zeros in\nplace", "sparse\n(BCOO)", "empty rows\ntaken out"]

        def points(i: int, label: str, over_start: dict[int, np.ndarray]) -> None:
            for at, ratios in over_start.items():
                low, high = timing.median_interval(ratios, 0.005)
                middle = float(np.median(ratios))
                reach = [[middle - low], [high - middle]]
                look = drawing.style(i, linestyle="", markersize=6)
                left.errorbar(at + 0.2 * (i - 1), middle, yerr=reach, capsize=2, elinewidth=1, label=label, **look)
                label = "_"

        for i, (batch, layer) in enumerate(layers.items()):
            over_start = {0: layer.dense.ratios("rows", "start"), 1: layer.dense.ratios("masked", "start")}
            over_start[2] = layer.sparse.ratios(layer.ticket(shares["weights"]), "start")
            points(i, f"layer, batch {batch}", over_start)
            middle = [float(np.median(layer.sparse.ratios(share, "start"))) for share in layer.shares]
            right.plot(layer.shares, middle, **drawing.style(i), label=f"batch {batch}")
            found = break_even(layer, 0.005)
            if 0.0 < found.faster < found.slower < 1.0:
                right.axvspan(found.faster, found.slower, color=drawing.COLOURS[i], alpha=0.15, linewidth=0)
        over_start = {at: data["side by side"].ratios(name, "start") for at, name in side_by_side.items()}
        points(2, f"tickets, batch {max(BATCHES)}", over_start)
        left.axhline(1.0, color="#000000", linewidth=0.8)
        left.set_xticks(range(len(places)), places, fontsize=8)
        left.set(yscale="log", ylabel="time over the start network's", title="one ticket, several forms")
        left.legend(fontsize=7.5)
        right.axhline(1.0, color="#000000", linewidth=0.8)
        right.axvline(shares["weights"], color="#888888", linewidth=0.8, linestyle=":")
        right.set(xscale="log", yscale="log", xlabel="share of weights kept (sparser to the right)")
        right.set(ylabel="time over the start network's", title="sparse layers (BCOO)")
        right.invert_xaxis()
        right.legend(fontsize=7.5)
        return figure

    def headline(self, data: dict[str, Any]) -> str:
        shares, side, layers = data["shares"], data["side by side"], data["layers"]
        columns = [side, *(layer.dense for layer in layers.values())]

        def row(label: str, cells: Iterable[str]) -> str:
            return "| " + " | ".join([label, *cells]) + " |"

        def over_start(name: str) -> list[str]:
            return [f"{np.median(times.ratios(name, 'start')):.2f}" for times in columns]

        sparse_cells = []
        for layer in layers.values():
            share = layer.ticket(shares["weights"])
            short = "" if share == shares["weights"] else f" (with {share:.2%} of the weights)"
            sparse_cells.append(f"{np.median(layer.sparse.ratios(share, 'start')):.2f}{short}")
        emptied = f"{np.median(side.ratios('emptied', 'start')):.2f}"
        return "\n".join(
            [
                f"**What a ticket saves at run time** on this device ({data['device']}): times over the start "
                f"network's, medians of paired rounds. Rows keep {shares['rows']:.0%} of the neurons, scissors "
                f"{shares['weights']:.1%} of the weights.",
                "",
                row("", [data["tickets"], *(titled(batch, layer) for batch, layer in layers.items())]),
                row("---", ["---"] * len(columns)),
                row("start network, dense", [f"{1e3 * times.median('start'):.3g} ms" for times in columns]),
                row("structured, smaller and dense", over_start("rows")),
                row("unstructured, zeros in place", over_start("masked")),
                row("unstructured, its empty rows taken out", [emptied, *["no row is empty"] * len(layers)]),
                row("unstructured, sparse (BCOO)", ["", *sparse_cells]),
                row("break-even sparsity", ["", *(break_even(layer, 0.005).sparsity for layer in layers.values())]),
            ]
        )
