"""Throughput of the kernels on every kind of device here, and how close to the device's limits they come.

Limits are measured in the same run: arithmetic by chains of multiply-adds (floating point) or of max and add (whole
numbers) on a block that stays close to the core, memory by a copy of a large array. A kernel's operations are those of
its traced program, one for each number that it computes, loops counted as often as they run; a loop that runs until it
is done counts once, so for neuron pruning the share of the arithmetic limit is a lower bound. Its memory traffic is
what goes in and comes out: what stays in a cache is not counted.

Run: `make bench`, or `python benchmarks/throughput.py --seconds 1`.
"""

import argparse
import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np

from ltjax.machine import devices as parallel
from ltjax.machine import timing
from ltjax.search.masks import arcs
from ltjax.search.sums import nearest as subset_sums

PLATFORMS = ("cpu", "gpu", "tpu")
DTYPES = ("float32", "float64")
CHAIN, LENGTH = 64, 1 << 14
LARGE = 1 << 26
"""Bytes of the array that is copied."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel as it is timed.

    Attributes:
        draw: `(generator, trials, dtype) -> rows`, a tuple of arrays, trials first.
        search: `rows -> results`, one block of trials at a time.
        block: `dtype -> trials a block`.
        whole: whether it computes with whole numbers, of the width of its dtype.
    """

    draw: Callable[[np.random.Generator, int, str], tuple[np.ndarray, ...]]
    search: Callable[[Any], Any]
    block: Callable[[str], int]
    whole: bool


def subset_sum(n: int) -> Kernel:
    """The least error of all subsets of n numbers, one target."""

    def search(rows: Any) -> Any:
        values, target = rows
        fixed = subset_sums.to_fixed_point(values.T, target)
        return jax.tree.map(jnp.transpose, subset_sums.nearest(fixed.values, fixed.target, (n,)))

    def draw(rng: np.random.Generator, trials: int, dtype: str) -> tuple[np.ndarray, ...]:
        return rng.uniform(-1.0, 1.0, (trials, n)).astype(dtype), np.full(trials, 0.5, dtype)

    return Kernel(draw, search, lambda dtype: subset_sums.nearest_block(n, dtype), whole=True)


def neuron_pruning(n: int, eps: float, capacity: int) -> Kernel:
    """All choices of four arcs of the circle, merged: n neurons in the plane."""

    def search(rows: Any) -> Any:
        return jax.lax.map(lambda row: arcs.scan_masks(*row, eps, capacity=capacity), rows)

    def draw(rng: np.random.Generator, trials: int, dtype: str) -> tuple[np.ndarray, ...]:
        theta = rng.uniform(-math.pi, math.pi, (trials, n))
        kappa = rng.standard_normal((trials, n)) * rng.rayleigh(1.0, (trials, n))
        return theta.astype(dtype), kappa.astype(dtype)

    return Kernel(draw, search, lambda _: 4, whole=False)


KERNELS = {
    "subset sums, n = 24": subset_sum(24),
    "neuron pruning, n = 25, ε = 0.2": neuron_pruning(25, 0.2, 1 << 14),
}


def operations(jaxpr: Any) -> int:
    """Numbers that a traced program computes; those it only moves are not counted."""
    moved = {"broadcast_in_dim", "concatenate", "copy", "gather", "iota", "pad", "reshape", "rev", "scatter", "slice"}
    moved |= {"squeeze", "transpose", "dynamic_slice", "dynamic_update_slice", "convert_element_type", "split"}
    total = 0
    for one in jaxpr.eqns:
        inner = [p for p in one.params.values() if isinstance(p, jex.ClosedJaxpr | jex.Jaxpr)]
        inner += [p for ps in one.params.values() if isinstance(ps, tuple | list) for p in ps]
        bodies = [getattr(p, "jaxpr", p) for p in inner if isinstance(p, jex.ClosedJaxpr | jex.Jaxpr)]
        size = sum(math.prod(v.aval.shape) for v in one.outvars)
        if one.primitive.name == "cond":
            total += max(map(operations, bodies))
        elif bodies:
            total += one.params.get("length", 1) * sum(map(operations, bodies))
        elif one.primitive.name == "dot_general":
            (left, _), _ = one.params["dimension_numbers"]
            total += 2 * size * math.prod(one.invars[0].aval.shape[i] for i in left)
        elif one.primitive.name == "sort":
            total += size * max(1, math.ceil(math.log2(one.outvars[0].aval.shape[one.params["dimension"]])))
        elif one.primitive.name.startswith(("reduce_", "arg", "cum")):
            total += math.prod(one.invars[0].aval.shape)
        elif one.primitive.name not in moved:
            total += size
    return total


def rate(call: timing.Variant, amount: float, seconds: float) -> float:
    """Amount a second: the median of as many calls as fit, 5 at least."""
    rounds = int(np.clip(seconds / max(timing.quickest(call, 2), 1e-6), 5, 200))
    return amount / timing.interleaved({"": call}, rounds, shortest=0.0).median("")


def spread(fn: Callable[[Any], Any], block: int, devices: tuple[Any, ...]) -> Callable[[Any], Any]:
    return jax.jit(parallel.map_blocks(fn, block, devices))


def limits(devices: tuple[Any, ...], dtype: np.dtype, seconds: float) -> tuple[float, float]:
    """(operations a second, bytes a second) that these devices reach together."""
    floating = dtype.kind == "f"
    rows = parallel.put(jnp.ones((len(devices) * 64, LENGTH), dtype), devices)

    def chain(x: Any) -> Any:
        for _ in range(CHAIN):
            x = x * dtype.type(0.999) + dtype.type(0.001) if floating else jnp.maximum(x, dtype.type(3)) + dtype.type(1)
        return x

    run = spread(chain, 1, devices)
    arithmetic = rate(lambda: run(rows), 2.0 * CHAIN * rows.size, seconds)
    large = parallel.put(jnp.ones((len(devices), LARGE // dtype.itemsize), dtype), devices)
    copy = spread(lambda x: x + dtype.type(1), 1, devices)
    return arithmetic, rate(lambda: copy(large), 2.0 * large.nbytes, seconds)


def measure(kernel: Kernel, dtype: str, devices: tuple[Any, ...], seconds: float, blocks: int) -> dict[str, Any]:
    """One line of the table."""
    works_in = np.dtype(dtype.replace("float", "int") if kernel.whole else dtype)
    with jax.enable_x64(True):
        block = kernel.block(dtype)
        trials = block * blocks * len(devices)
        rows = parallel.put(tuple(map(jnp.asarray, kernel.draw(np.random.default_rng(0), trials, dtype))), devices)
        search = spread(kernel.search, block, devices)
        one_block = jax.tree.map(lambda x: x[:block], rows)
        needs = operations(jax.make_jaxpr(kernel.search)(one_block).jaxpr) / block
        found = search(rows)
        moved = sum(x.nbytes for x in jax.tree.leaves((rows, found))) / trials
        speed = rate(lambda: search(rows), trials, seconds)
        arithmetic, memory = limits(devices, works_in, seconds)
    return {
        "trials a second": speed,
        "of arithmetic": speed * needs / arithmetic,
        "of memory": speed * moved / memory,
        "arithmetic limit, operations a second": arithmetic,
        "memory limit, bytes a second": memory,
    }


def devices_of(platform: str) -> tuple[Any, ...]:
    try:
        return tuple(jax.local_devices(backend=platform))
    except RuntimeError:
        return ()


def table(seconds: float = 1.0, blocks: int = 8, kernels: dict[str, Kernel] | None = None) -> list[dict[str, Any]]:
    """A line for each kernel, dtype and platform; platforms that are not here have no numbers."""
    lines = []
    for name, kernel in (kernels or KERNELS).items():
        for dtype in DTYPES:
            for platform in PLATFORMS:
                devices = devices_of(platform)
                line: dict[str, Any] = {"kernel": name, "dtype": dtype, "platform": platform}
                if devices:
                    line |= {"device": f"{len(devices)} × {devices[0].device_kind}"}
                    line |= measure(kernel, dtype, devices, seconds, blocks * (1 if platform == "cpu" else 64))
                lines.append(line)
    return lines


def shown(lines: list[dict[str, Any]]) -> str:
    """The table as Markdown."""
    rows = ["| kernel | dtype | device | trials a second | of arithmetic | of memory |", "|---|---|---|---|---|---|"]
    for line in lines:
        cells = [line["kernel"], line["dtype"]]
        if "device" in line:
            cells += [line["device"], f"{line['trials a second']:,.0f}"]
            cells += [f"{100 * line[key]:.2g}%" for key in ("of arithmetic", "of memory")]
        else:
            cells += [line["platform"], "not measured", "", ""]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure, besides compiling")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parallel.use_cores()
    lines = table(options.seconds)
    print(json.dumps(lines) if options.json else shown(lines))


if __name__ == "__main__":
    main()
