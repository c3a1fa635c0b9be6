"""Nearest subset sums: ltjax beside a parallel two-pointer solver in Numba, in the same process.

The instances are those of the first published experiment (Pensia et al. 2020, Experiment 1: the 397,000
weights of a 784-500-10 network, n = 21 coefficients each): coefficients U[-0.4642, 0.5407], target 0.1.
Both solvers get the same numbers and are timed warm, by turns, compile time apart; each time is the least of three.

Run: `make bench`, or `python benchmarks/subset_sums.py --instances 397000 --n 21`.
"""

import argparse
import json

import jax
import numba
import numpy as np

import ltjax
from ltjax.machine import devices as parallel
from ltjax.machine import timing

LOW, HIGH, TARGET = -0.4642, 0.5407, 0.1


@numba.njit(cache=False)
def _sorted_sums(values: np.ndarray, out: np.ndarray, scratch: np.ndarray) -> None:
    """All subset sums in order: merge A and A + x, coefficient by coefficient."""
    out[0] = 0.0
    size = 1
    for x in values:
        i, j = 0, 0
        for k in range(2 * size):
            if j >= size or (i < size and out[i] <= out[j] + x):
                scratch[k] = out[i]
                i += 1
            else:
                scratch[k] = out[j] + x
                j += 1
        size *= 2
        out[:size] = scratch[:size]


@numba.njit(parallel=True, cache=False)
def two_pointer(values: np.ndarray, target: float) -> np.ndarray:
    """Horowitz and Sahni's meet in the middle with two pointers; trials shared among the cores."""
    trials, n = values.shape
    half = n // 2
    threads = numba.get_num_threads()
    errors = np.empty(trials, values.dtype)
    for part in numba.prange(threads):
        a, b = np.empty(1 << half, values.dtype), np.empty(1 << (n - half), values.dtype)
        scratch = np.empty(1 << (n - half), values.dtype)
        for t in range(part, trials, threads):
            _sorted_sums(values[t, :half], a, scratch)
            _sorted_sums(values[t, half:], b, scratch)
            i, j = 0, b.shape[0] - 1
            best = np.float32(np.inf)
            while i < a.shape[0] and j >= 0:
                gap = a[i] + b[j] - target
                best = min(best, abs(gap))
                if gap < 0:
                    i += 1
                else:
                    j -= 1
            errors[t] = best
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=397_000)
    parser.add_argument("--n", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cores = parallel.cores()
    parallel.use_cores()
    numba.set_num_threads(cores)
    values = np.random.default_rng(0).uniform(LOW, HIGH, (options.instances, options.n)).astype(np.float32)
    devices = jax.local_devices()
    solvers = {
        "ltjax": lambda: np.asarray(ltjax.nearest_subset_sums(values, TARGET, devices=devices)),
        "numba": lambda: two_pointer(values, np.float32(TARGET)),
    }
    found = timing.interleaved(solvers, rounds=3, shortest=0.0)
    warm = {name: float(seconds.min()) for name, seconds in found.seconds.items()}
    errors = found.results["ltjax"]
    disagreement = float(np.abs(errors - found.results["numba"]).max())
    report = {
        "instances": options.instances,
        "n": options.n,
        "device": f"{len(devices)} x {devices[0].device_kind}",
        "ltjax seconds, warm": round(warm["ltjax"], 2),
        "ltjax seconds, first call": round(found.first["ltjax"], 2),
        "numba seconds, warm": round(warm["numba"], 2),
        "numba seconds, first call": round(found.first["numba"], 2),
        "ltjax microseconds an instance": round(warm["ltjax"] / options.instances * 1e6, 2),
        "numba microseconds an instance": round(warm["numba"] / options.instances * 1e6, 2),
        "times faster than numba": round(warm["numba"] / warm["ltjax"], 2),
        "largest disagreement of the least errors": disagreement,
        "largest least error": float(errors.max()),
    }
    if options.json:
        print(json.dumps(report))
    else:
        for name, value in report.items():
            print(f"{name:42} {value}")
    if disagreement > 1e-5:
        raise SystemExit("the two solvers disagree")


if __name__ == "__main__":
    main()
