"""Elimination's cost: n = 0.5/ε neurons in the plane by default, survivors, seconds a trial, misses.

What is left of at most 80 neurons goes to integer programming down to ε = 1e-4, below which its tolerances leave all
open; that time is shown apart. A call before the first that is timed compiles; its time is shown apart too. Processor
seconds are those of all cores together: what else the machine does counts less there.

Run: `python benchmarks/elimination.py`, or with `--eps 1e-3 --n 300 400 500`.
"""

import argparse
import time

import jax
import numpy as np

from ltjax.machine.compilation import use_compilation_cache
from ltjax.machine.devices import use_cores
from ltjax.problems.pruning import NeuronPruning
from ltjax.search.obstructions.elimination import MOST
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.elimination import Elimination, reduce

EPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def drawn(problem: NeuronPruning, seed: int, trials: int, n: int):
    """Start networks on the host."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), trials)
        return jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda key: problem.draw(key, n)))(keys))


def line(problem: NeuronPruning, n: int, eps: float, trials: int, seed: int) -> str:
    """One row of the table."""
    warm, networks = (drawn(problem, s, trials, n) for s in (seed + 1, seed))
    begin = time.perf_counter()
    reduce(warm, n, eps, readout=problem.readout)
    first = time.perf_counter() - begin
    begin, work = time.perf_counter(), time.process_time()
    left = reduce(networks, n, eps, readout=problem.readout)
    seconds, work = (time.perf_counter() - begin) / trials, (time.process_time() - work) / trials
    begin = time.perf_counter()
    solver: AbstractSolver = Elimination(problem.readout, few=80 if eps >= 1e-4 else 0)
    found = solver.read(problem, networks, None, (n,), np.array([eps]))
    missed = int(np.sum(found.least > eps))
    exact = max(0.0, (time.perf_counter() - begin) / trials - seconds)
    count = left.candidates.sum(axis=1)
    cells = [
        problem.readout,
        f"{eps:g}",
        f"{n:,}",
        f"{n * eps:.2g}",
        f"{np.median(count):.0f} ({count.min()} to {count.max()})",
        f"{np.mean(left.missed):.0%}",
        f"{missed} of {trials}",
        f"{seconds:.3f}",
        f"{work:.3f}",
        f"{exact:.3f}",
        f"{max(0.0, first - trials * seconds):.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--eps", type=float, nargs="*", default=EPS)
    parser.add_argument("--n", type=int, nargs="*", help="sizes; default: `--share` over each ε")
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--readout", nargs="*", default=("relu", "linear"), choices=("relu", "linear"))
    parser.add_argument("--trials", type=int, help="default: 1e6/n, from 2 to 32")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    use_cores()
    use_compilation_cache()
    print(f"At most {MOST} choices a trial are extended. {len(jax.devices())} × {jax.devices()[0].device_kind}.\n")
    head = ["readout", "ε", "n", "n·ε", "survivors", "by elimination", "misses", "s a trial", "processor s", "exact, s"]
    print("| " + " | ".join([*head, "compiling, s"]) + " |")
    print("|---" * (len(head) + 1) + "|")
    for readout in options.readout:
        for eps in options.eps:
            for n in options.n or [round(options.share / eps)]:
                trials = options.trials or int(np.clip(1e6 / n, 2, 32))
                print(line(NeuronPruning(readout=readout), n, eps, trials, options.seed), flush=True)


if __name__ == "__main__":
    main()
