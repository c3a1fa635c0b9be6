"""How far practical search stays behind existence: what exists and what each search finds, against n/n50.

For rows, scissors and 2:4, the threshold n50 is certified first; then, at half of it, at it, and at two and four times
as many neurons, the same start networks are given to the default solver and to each search as a user would call it.
Shares with their 99% limits; n/n50 has two ends, since n50 has.

Run: `python benchmarks/searches.py`, or with `--trials 400 --eps 0.5 0.3`.
"""

import argparse
import math
import time

import jax

import ltjax
from ltjax.machine.compilation import use_compilation_cache
from ltjax.machine.devices import use_cores
from ltjax.problems.pruning import NeuronPruning, Pruning, WeightPruning

PATTERNS = {
    "rows": (NeuronPruning(), (0.5, 0.3)),
    "scissors": (WeightPruning(), (0.3, 0.1)),
    "2:4": (Pruning(d=4, pattern="2:4"), (0.4, 0.2)),
}
"""Problem, precisions."""
SEARCHES = ("edge-popup", "bernoulli", "swaps")
TIMES = (0.5, 1.0, 2.0, 4.0)


def lines(name: str, eps: float, trials: int, seed: int) -> list[str]:
    """The rows of the table for one pattern at one ε."""
    problem = PATTERNS[name][0]
    key = jax.random.key(seed)
    n50 = ltjax.threshold(problem, eps=eps, trials=trials, key=jax.random.fold_in(key, 1))
    upper = math.inf if n50.upper is None else n50.upper
    middle = n50.interpolated or math.sqrt(n50.lower * min(upper, n50.n_max))
    found = []
    for n in sorted({max(1, round(middle * times)) for times in TIMES}):
        cells = [name, f"{eps:g}", f"{n}", f"{n / upper:.2g} to {n / n50.lower:.2g}"]
        for solver in (None, *SEARCHES):
            begin = time.perf_counter()
            said = ltjax.estimate(problem, n=n, eps=eps, trials=trials, key=key, solver=solver)
            seconds = time.perf_counter() - begin
            cells.append(
                f"{said.hits / trials:.2f} ({said.lower:.2f} to {said.upper:.2f})"
                if solver is None
                else f"{said.hits / trials:.2f}, {seconds:.1f} s"
            )
        found.append("| " + " | ".join(cells) + " |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pattern", nargs="*", default=tuple(PATTERNS), choices=tuple(PATTERNS))
    parser.add_argument("--eps", type=float, nargs="*", help="precisions; default: two of each pattern")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    use_cores()
    use_compilation_cache()
    head = ["pattern", "ε", "n", "n/n50", "exists, 99%", *SEARCHES]
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for name in options.pattern:
        for eps in options.eps or PATTERNS[name][1]:
            for line in lines(name, eps, options.trials, options.seed):
                print(line, flush=True)


if __name__ == "__main__":
    main()
