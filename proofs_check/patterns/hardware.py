r"""HW-2: Structure across units is fast, structure along a unit's inputs is not.

**Hypotheses.** A layer $\sigma(UX)$, $U$ square, $X$ of 1 or 4096 columns, of which every pattern keeps half of the
weights: whole rows; blocks of one input and $R=8$ or 32 neurons; 2:4; blocks of two inputs of one neuron; scattered
weights. JAX on the device at hand, float32 in its default precision.

**Statement.** Rows are a smaller dense matrix, and blocks across neurons regroup to small dense products: a group of
$R$ neurons reads the same inputs. Patterns that choose inputs neuron by neuron have to gather them for each neuron, and
save nothing: 2:4, blocks along the inputs and scattered weights take 0.8 of the start network's time or more, and more
than blocks across 32 neurons. So of the patterns that need a logarithmic number of neurons only blocks across neurons
are fast in themselves; 2:4 asks for an instruction of its own.

**Source.** Folklore of sparse linear algebra; for GPUs Gale, Zaharia, Young, Elsen (2020). NVIDIA's chips have an
instruction for 2:4. JAX offers no product of arrays that uses it: `jax.experimental.sparse.nm` of 2024 did, on such
chips alone, and JAX 0.10 has it no more; there only kernels written by hand can, in Mosaic GPU, for Blackwell. So 2:4
is timed as a CPU or GPU runs it without.

**Checked.** Each form is compiled before, and within every round each is timed once, in random order, as in HW-1; the
width is the least power of two, from 1024 and from 128 on, at which a call of the start network takes 0.1 ms and 1 ms.
Each form's values are those of the dense matrix with zeros in place. Scattered weights are as many in every row, which
flatters them. The times depend on shapes alone; what each pattern needs in neurons is the theorems' (PAT-2) or counted,
for $d=4$, an axis target, readout linear: single weights as 2:4, since there both take one subset sum, and blocks of 32
neurons as many groups as blocks of 8 (PAT-4 has R = 2, 4, 8; more were not counted).
"""

import dataclasses
import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ltjax.bounds import nearest_normal as bounds
from ltjax.figures import style as drawing
from ltjax.inference import thresholds
from ltjax.machine import timing
from ltjax.machine.timing import Timings
from ltjax.patterns import get_pattern
from ltjax.problems.pruning import Pruning
from ltjax.trials.counts import FirstHits
from ltjax.verify.claim import Claim, Control
from ltjax.verify.run import Run
from ltjax.verify.tests import Holds, Test
from proofs_check.gap.hardware import AS_USUAL, NO_FASTER, SAME, compared, grown, hidden
from proofs_check.patterns import exponent_law

BATCHES = (1, 4096)
WIDTHS = {1: tuple(2**k for k in range(10, 14)), 4096: tuple(2**k for k in range(7, 14))}
LONG = {1: 1e-4, 4096: 1e-3}
"""Seconds that a call of the start network should take, by batch."""
ROUNDS = 160
"""Of dense forms, and of the others at batch 1."""
GATHERED_ROUNDS = 64
"""Of the others at batch 4096: they take longest, and are furthest from what they are compared with."""
SHORTEST = 2.5e-4
TALL, LOW = 32, 8
ACROSS = {f"block:{TALL}x1": TALL, f"block:{LOW}x1": LOW}
"""Patterns of which so many neurons read the same inputs."""
ALONG = {"2:4": 1, "block:1x2": 2, "weights": 1}
"""Patterns that choose inputs neuron by neuron, so many neighbours together."""
SLOWER = 1.0
D, AT = 4, 1e-3
TIMES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Of the figure's axis."""
SIZES = {"2:4": exponent_law.NS, f"block:{LOW}x1": (25 * LOW, 27 * LOW)}
COUNTED = 120
"""Where hits are counted for the map."""


class Layer(NamedTuple):
    """One layer at one batch.

    Attributes:
        width: its inputs, and its outputs.
        dense: times of the forms "start", "rows" and "zeros in place".
        times: of these again, and of every other pattern by name.
        deviation: of any form's values from those of the dense matrix with zeros in place, at most, relative.
        kept: shares of the weights, by pattern.
        allowed: whether each mask is one of its pattern.
    """

    width: int
    dense: Timings
    times: Timings
    deviation: float
    kept: dict[str, float]
    allowed: bool


def half(name: str, width: int, rng: np.random.Generator) -> Bool[np.ndarray, "rows columns"]:
    """A mask of the pattern that keeps half of the weights, in every row as many; of rows the first half."""
    if name == "rows":
        return np.repeat(np.arange(width)[:, None] < width // 2, width, axis=1)
    group, along = ACROSS.get(name, 1), ALONG.get(name, 1)
    among = 4 if name == "2:4" else width // along
    chances = rng.random((width // group, width // along // among, among))
    kept = (chances.argsort(axis=-1) < among // 2).reshape(width // group, -1)
    return np.repeat(np.repeat(kept, along, axis=1), group, axis=0)


def regrouped(
    u: Float[np.ndarray, "rows columns"], mask: Bool[np.ndarray, "rows columns"], group: int
) -> tuple[Float[Array, "groups of kept"], Int[Array, "groups kept"]]:
    """Small dense matrices, one for each group of rows with the same mask, and the inputs that each reads."""
    inputs = np.nonzero(mask[::group])[1].reshape(len(u) // group, -1)
    small = np.take_along_axis(u.reshape(len(inputs), group, -1), inputs[:, None], axis=2)
    return jnp.asarray(small), jnp.asarray(inputs.astype(np.int32))


@partial(jax.jit, compiler_options=AS_USUAL)
def gathered(
    small: Float[Array, "groups of kept"], inputs: Int[Array, "groups kept"], x: Float[Array, "inputs batch"]
) -> Float[Array, "outputs batch"]:
    """A layer in groups, σ(UX): each group's inputs are gathered, then multiplied."""
    if x.shape[1] == 1:
        values = jnp.einsum("gok,gk->go", small, x[:, 0][inputs])
    else:
        # All that is gathered would not fit: group by group.
        values = jax.lax.map(lambda group: group[0] @ x[group[1]], (small, inputs))
    return jnp.maximum(values.reshape(-1, x.shape[1]), 0.0)


def time_layer(run: Run, batch: int, seed: int) -> Layer:
    """Time every pattern's form of a layer, half of its weights kept."""
    rng = np.random.default_rng(seed)

    def drawn(width: int) -> tuple[np.ndarray, Array]:
        u, x = rng.standard_normal((width, width)), rng.standard_normal((width, batch))
        return (u / math.sqrt(width)).astype(np.float32), jnp.asarray(x, jnp.float32)

    def start(width: int) -> timing.Variant:
        u, x = drawn(width)
        matrix = jnp.asarray(u)
        return lambda: hidden(matrix, x)

    width = grown(start, WIDTHS[batch], LONG[batch])
    run.progress(f"patterns of a layer {width} × {width}, batch {batch}")
    u, x = drawn(width)
    masks = {name: half(name, width, rng) for name in ("rows", *ACROSS, *ALONG)}

    def dense(matrix: np.ndarray) -> timing.Variant:
        on_device = jnp.asarray(matrix)
        return lambda: hidden(on_device, x)

    def grouped(name: str) -> timing.Variant:
        parts = regrouped(u, masks[name], ACROSS.get(name, 1))
        return lambda: gathered(*parts, x)

    forms = {"start": dense(u), "rows": dense(u[: width // 2]), "zeros in place": dense(np.where(masks["2:4"], u, 0))}
    apart = timing.interleaved(forms, run.trials(ROUNDS), shortest=SHORTEST, seed=seed)
    forms |= {name: grouped(name) for name in (*ACROSS, *ALONG)}
    rounds = run.trials(ROUNDS if batch == 1 else GATHERED_ROUNDS)
    times = timing.interleaved(forms, rounds, shortest=SHORTEST, seed=seed)
    wanted = {name: np.asarray(dense(np.where(mask, u, 0))()) for name, mask in masks.items()}
    wanted["rows"] = wanted["rows"][: width // 2]
    off = [float(np.max(np.abs(times.results[name] - wanted[name])) / np.max(wanted[name])) for name in masks]
    allowed = all(bool(get_pattern(name).allows(mask)) for name, mask in masks.items())
    kept = {name: float(mask.mean()) for name, mask in masks.items()}
    return Layer(width, apart, times, max(off), kept, allowed)


def titled(batch: int, layer: Layer) -> str:
    return f"layer {layer.width} × {layer.width}, batch {batch}"


def needs(data: dict[str, Any]) -> dict[str, tuple[float, bool]]:
    """Neurons at probability ½ by pattern, and whether that is a lower end."""
    middle = {
        name: one.interpolated or math.nan
        for name, found in data["counted"].items()
        for one in thresholds.brackets(found, 0.5, 0.99, {})
        if one.eps == AT
    }
    groups, one = middle[f"block:{LOW}x1"] / LOW, middle["2:4"]
    least = {"rows": bounds.threshold(0.5, AT, D), "block:1x2": bounds.threshold(0.5, AT, 2)}
    return {
        **{name: (float(n), True) for name, n in least.items()},
        **{name: (groups * r, False) for name, r in ACROSS.items()},
        **dict.fromkeys(("2:4", "weights"), (one, False)),
    }


@dataclasses.dataclass(frozen=True)
class Patterns(Claim):
    id = "HW-2"
    alone = True
    controls = (
        Control("HW-2-rows", "half of the rows are no faster than all", {"rows": (1.0, math.inf)}),
        Control("HW-2-gathered", "patterns along the inputs save nearly half of the time", {"over_start": (0.0, 0.6)}),
        Control("HW-2-across", "they are as fast as blocks across neurons", {"slower": (0.0, 1.0)}),
    )
    caption = (
        "The second map: neurons that each pattern needs at d = 4, ε = 0.001, against the time of a layer that keeps "
        "half of its weights so, over the start network's (blocks of 32: as many groups as counted for 8). Blue: a "
        "logarithm in neurons; red: at least a power. Fast and small is down and to the left."
    )

    rows: tuple[float, float] = (0.0, 1.0)
    """Median time of half of the rows, over the start network's."""
    over_start: tuple[float, float] = (NO_FASTER, math.inf)
    """Of patterns along the inputs, over the start network's."""
    slower: tuple[float, float] = (SLOWER, math.inf)
    """Of patterns along the inputs, over blocks across 32 neurons."""

    def prepare(self, run: Run) -> dict[str, FirstHits]:
        counted = {}
        for name, sizes in SIZES.items():
            problem = Pruning(d=D, pattern=name, readout="linear", target="axis")
            counted[name] = run.first_hits(problem, sizes, exponent_law.EPS, COUNTED)
        return counted

    def measure(self, run: Run) -> dict[str, Any]:
        seed, device = int(jax.random.bits(run.key)), jax.local_devices()[0]
        layers = {}
        for batch in BATCHES:
            layers[batch] = layer = time_layer(run, batch, seed)
            made = {"timed": "patterns of a layer", "matrix": [layer.width] * 2, "batch": batch}
            where = {
                "device": f"{device.platform}, {device.device_kind}",
                "rounds": [layer.dense.rounds, layer.times.rounds],
            }
            run.drawn.append(where | made)
        return {"device": device.device_kind, "layers": layers, "counted": run.prepared}

    def tests(self, data: dict[str, Any]) -> list[Test]:
        found: list[Test] = []
        for batch, layer in data["layers"].items():
            name, ratios = titled(batch, layer), layer.times.ratios
            found.append(
                compared(f"{name}: half of the rows over start", layer.dense.ratios("rows", "start"), self.rows)
            )
            for along in ALONG:
                found.append(compared(f"{name}: {along} over start", ratios(along, "start"), self.over_start))
                tall = f"block:{TALL}x1"
                found.append(compared(f"{name}: {along} over {tall}", ratios(along, tall), self.slower))
        layers = data["layers"].values()
        deviation = max(layer.deviation for layer in layers)
        title = "every form from zeros in place, relative"
        found.append(Holds(title, deviation <= SAME, numbers={"deviation": deviation}))
        fair = all(layer.allowed and set(layer.kept.values()) == {0.5} for layer in layers)
        found.append(Holds("masks are their patterns', and keep half of the weights", fair))
        return found

    def headline(self, data: dict[str, Any]) -> str:
        layers = data["layers"]
        head = " | ".join(titled(batch, layer) for batch, layer in layers.items())
        lines = [
            f"**What a pattern costs and what it saves** ({data['device']}): neurons at probability ½ for d = {D}, "
            f"ε = {AT:g}, and times over the start network's of a layer that keeps half of its weights, medians of "
            "paired rounds.",
            "",
            f"| pattern | neurons | {head} |",
            "|" + " --- |" * (2 + len(layers)),
        ]
        for name, (n, least) in needs(data).items():
            cells = [f"{np.median(layer.times.ratios(name, 'start')):.2f}" for layer in layers.values()]
            lines.append(f"| {name} | {'at least ' if least else 'about '}{n:,.0f} | {' | '.join(cells)} |")
        cells = [f"{np.median(layer.times.ratios('zeros in place', 'start')):.2f}" for layer in layers.values()]
        lines.append(f"| any, zeros in place | | {' | '.join(cells)} |")
        return "\n".join(lines)

    def figure(self, data: dict[str, Any]) -> Figure:
        figure, axes = drawing.panels(2)
        for ax, (batch, layer) in zip(axes, data["layers"].items(), strict=True):
            for name, (n, least) in needs(data).items():
                ratios = layer.times.ratios(name, "start")
                low, high = timing.median_interval(ratios, 0.005)
                middle, colour = float(np.median(ratios)), "#d55e00" if least else "#0072b2"
                reach = [[middle - low], [high - middle]]
                marker = "^" if least else "o"
                ax.errorbar(middle, n, xerr=reach, color=colour, marker=marker, capsize=2, linestyle="")
                place = (4, -11) if name == "weights" else (4, 4)
                ax.annotate(name, (middle, n), xytext=place, textcoords="offset points", fontsize=8)
            ax.axvline(1.0, color="#000000", linewidth=0.8)
            ax.margins(x=0.25, y=0.12)
            ax.set(xscale="log", yscale="log", title=titled(batch, layer))
            ax.set_xticks(TIMES, [f"{time:g}" for time in TIMES])
            ax.xaxis.set_minor_formatter(NullFormatter())
            ax.set(xlabel="time over the start network's", ylabel="neurons at probability ½")
        return figure
