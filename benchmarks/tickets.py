"""The first published experiment on tickets, with what it lacks; and a digits network as a free and as a 2:4 ticket.

Pensia et al. (2020), Experiment 1: each of the 397,000 weights of a 784-500-10 network is approximated within 0.01 by a
subset of n = 21 coefficients, uniform on the range of the weights: 8.34 million coefficients, of which 3.73 million
survive, found in 21.5 hours on 36 cores by an integer-programming solver. No hit probability was recorded, and no error
of the network. Here the target is trained by Adam on scikit-learn's digits, scaled up from 8x8 to 28x28, or read from a
file; then come start weights, surviving weights, how many weights are reached, the certified error of the network on
[0, 1]^784 with the largest difference found, and the accuracy of both networks on digits that neither was trained on.

The second part prunes a 64-32-10 network with biases from the product of two layers, by single weights and by 2:4, at
the least redundancy that reaches 99.9% of the weights.

Run: `python benchmarks/tickets.py`; needs scikit-learn unless `--target FILE.npz`, of 28x28 inputs in [0, 1].
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ltjax.machine import devices as parallel
from ltjax.tickets import Perceptron, Ticket, build, read_perceptron
from ltjax.tickets.certificate import reads

PUBLISHED = {"start weights": 8_337_000, "surviving weights": 3_730_000, "core hours": 774.0}
HELD_OUT = 360


def digits(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of handwritten digits, (1797, side²) in [0, 1], shuffled, and their classes."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images = jax.image.resize(images[order].reshape(-1, 8, 8) / 16.0, (len(images), side, side), "bilinear")
    return np.clip(np.asarray(images, np.float64), 0.0, 1.0).reshape(len(images), -1), classes[order]


def trained(images: np.ndarray, classes: np.ndarray, hidden: int, *, bias: bool, steps: int) -> Perceptron:
    """A network of one hidden layer, by Adam on batches of 256 and a little weight decay."""
    x, y = jnp.asarray(images, jnp.float32), jnp.asarray(classes)
    keys = jax.random.split(jax.random.key(0), 2)
    shapes = ((hidden, x.shape[1]), (10, hidden))
    params: Any = [
        (jax.random.normal(key, shape) / shape[1] ** 0.5, jnp.zeros(shape[0]))
        for key, shape in zip(keys, shapes, strict=True)
    ]
    optimiser = optax.adamw(2e-3, weight_decay=1e-2)

    def loss(params: Any, rows: jax.Array) -> jax.Array:
        (w1, b1), (w2, b2) = params
        h = jax.nn.relu(x[rows] @ w1.T + bias * b1)
        return optax.softmax_cross_entropy_with_integer_labels(h @ w2.T + bias * b2, y[rows]).mean()

    @jax.jit
    def step(params: Any, state: Any, key: jax.Array) -> Any:
        rows = jax.random.randint(key, (256,), 0, len(x))
        change, state = optimiser.update(jax.grad(loss)(params, rows), state, params)
        return optax.apply_updates(params, change), state

    state = optimiser.init(params)
    for number in range(steps):
        params, state = step(params, state, jax.random.fold_in(jax.random.key(1), number))
    weights, biases = zip(*params, strict=True)
    return Perceptron(tuple(np.asarray(w) for w in weights), tuple(np.asarray(b) if bias else None for b in biases))


def accuracy(values: np.ndarray, classes: np.ndarray) -> float:
    return float(np.mean(values.argmax(axis=1) == classes))


def values_of(target: Perceptron, ticket: Ticket, points: np.ndarray) -> np.ndarray:
    """The ticket's outputs at points in its box, where inputs are at least 0."""
    layers = reads(target, ticket.start, ticket.masks, False)
    weights = [layer.plus[:, :-1] if layer.bias else layer.plus for layer in layers]
    biases = [layer.plus[:, -1] if layer.bias else None for layer in layers]
    return Perceptron(tuple(weights), tuple(biases))(points)


def reported(target: Perceptron, ticket: Ticket, images: np.ndarray, classes: np.ndarray, seconds: float) -> dict:
    """What there is to say of a ticket."""
    proof, other = ticket.certificate, values_of(target, ticket, images)
    random = np.random.default_rng(1).uniform(0.0, 1.0, (10_000, images.shape[1]))
    seen = np.concatenate([random, images])
    apart = float(np.abs(values_of(target, ticket, seen) - target(seen)).max())
    if not (apart <= proof.bound and proof.found <= proof.bound):
        raise SystemExit("the networks differ by more than is certified")
    return {
        "weights": target.size,
        "redundancy": ticket.start.redundancy,
        "pattern": ticket.pattern,
        "start weights": ticket.start.size,
        "surviving weights": ticket.kept,
        "times the target": round(ticket.kept / target.size, 2),
        "weights reached": proof.reached,
        "weights not reached": len(proof.unreached),
        "largest difference, certified": proof.bound,
        "largest difference, adversary": proof.found,
        "largest difference, 10,000 random inputs and the images": apart,
        "accuracy of the target": accuracy(target(images), classes),
        "accuracy of the ticket": accuracy(other, classes),
        "seconds, compilation included": round(seconds, 1),
        "peak memory of the process, GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", type=Path)
    parser.add_argument("--hidden", type=int, default=500)
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--n", type=int, default=21)
    parser.add_argument("--eps", type=float, default=0.01)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    parallel.use_cores()
    devices = tuple(jax.local_devices())
    report: dict[str, dict] = {"published": PUBLISHED}
    images, classes = digits(options.side)
    old, new = (images[:-HELD_OUT], classes[:-HELD_OUT]), (images[-HELD_OUT:], classes[-HELD_OUT:])
    if options.target:
        target = read_perceptron(options.target)
    else:
        target = trained(*old, options.hidden, bias=False, steps=options.steps)
    begun = time.perf_counter()
    ticket = build(target, options.eps, redundancy=options.n, kind="parallel", low=0.0, high=1.0, devices=devices)
    report["as published"] = reported(target, ticket, *new, time.perf_counter() - begun)
    images, classes = digits(8)
    small = trained(images[:-HELD_OUT], classes[:-HELD_OUT], 32, bias=True, steps=2 * options.steps)
    for pattern in ("weights", "2:4"):
        begun = time.perf_counter()
        ticket = build(small, options.eps, pattern=pattern, low=0.0, high=1.0, devices=devices)
        seconds = time.perf_counter() - begun
        report[f"products, {pattern}"] = reported(small, ticket, images[-HELD_OUT:], classes[-HELD_OUT:], seconds)
    if options.json:
        print(json.dumps(report))
        return
    for part, facts in report.items():
        print(part)
        for name, value in facts.items():
            print(f"  {name:58} {value}")


if __name__ == "__main__":
    main()
