"""How time and memory grow with n, trials, 1/ε and devices: fitted exponents.

Processor seconds, the least of three, compilation apart: what else the machine does counts less there. Peak memory is
that of a process of its own, on Linux. `python -m benchmarks.growth`.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import ltjax
from benchmarks import plane
from ltjax.machine import devices
from ltjax.machine.compilation import use_compilation_cache

# The peak that `resource` knows of a process is at least that of the one which started it; the kernel's own is not.
PEAK = """
import sys, jax, ltjax
ltjax.use_cores()
ltjax.estimate(ltjax.SubsetSum(), n=int(sys.argv[1]), eps=0.01, trials=int(sys.argv[2]), key=jax.random.key(0))
print(next(float(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024)
"""
WALL = """
import sys, time, jax, ltjax
ltjax.use_cores(int(sys.argv[1]))
ask = lambda: ltjax.estimate(ltjax.SubsetSum(), n=22, eps=0.01, trials=8192, key=jax.random.key(0))
ask()
began = time.perf_counter()
ask()
print(time.perf_counter() - began)
"""


def least(call: Callable[[], Any]) -> float:
    """Processor seconds of the quickest of three calls, after one that compiles."""
    jax.block_until_ready(call())
    found = []
    for _ in range(3):
        began = time.process_time()
        jax.block_until_ready(call())
        found.append(time.process_time() - began)
    return min(found)


def elsewhere(program: str, *words: object) -> float:
    """What a process of its own prints."""
    run = subprocess.run([sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=True)
    return float(run.stdout)


def slope(x: list[float], y: list[float]) -> float:
    """The exponent a of y ~ x^a, by least squares of the logarithms."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def sums(trials: int = 64) -> dict[str, Any]:
    """Least errors against n: 2^(a·n), where meeting in the middle is a = 1/2 and a logarithm."""
    values = np.random.default_rng(0).uniform(-1.0, 1.0, (trials, 30)).astype(np.float32)
    ns = [18, 22, 26, 30]
    seconds = [least(lambda n=n: ltjax.nearest_subset_sums(values[:, :n], 0.5)) / trials for n in ns]
    return {"n": ns, "processor seconds": seconds, "a of 2^(a·n)": slope([2.0**n for n in ns], seconds)}


def trials() -> dict[str, Any]:
    """Against trials: one more costs what one costs, in time and not in memory."""
    problem, key = ltjax.SubsetSum(), jax.random.key(0)
    counts = [10_000, 100_000, 1_000_000]
    seconds = [least(lambda k=k: ltjax.estimate(problem, n=8, eps=0.01, trials=k, key=key).hits) for k in counts]
    peaks = {k: elsewhere(PEAK, 4, k) for k in (100_000, 10_000_000)}
    found = {"trials": counts, "processor seconds": seconds, "exponent": slope(counts, seconds)}
    return found | {"peak MiB": peaks, "10^7 over 10^5": peaks[10_000_000] / peaks[100_000]}


def precision() -> dict[str, Any]:
    """Kink and cap events against 1/ε: flat."""
    found = {}
    for name, make, count in (("kinks", plane.kinks, 512), ("caps", plane.caps, 256)):
        seconds = [least(make(eps, count).ltjax) / count for eps in plane.EPS]
        found[name] = {
            "eps": plane.EPS,
            "processor seconds a trial": seconds,
            "exponent of 1/ε": slope([1.0 / e for e in plane.EPS], seconds),
            "largest over least": max(seconds) / min(seconds),
        }
    return found


def shared() -> dict[str, Any]:
    """Wall seconds against CPU devices."""
    seconds = {k: min(elsewhere(WALL, k) for _ in range(3)) for k in (1, devices.cores())}
    return {"seconds by devices": seconds, "times faster": seconds[1] / seconds[devices.cores()]}


PARTS = {"n": sums, "trials": trials, "precision": precision, "devices": shared}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=PARTS, nargs="*", default=list(PARTS))
    options = parser.parse_args()
    devices.use_cores()
    use_compilation_cache()
    for name in options.only:
        print(json.dumps({name: PARTS[name]()}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
