"""The target of a ticket: a ReLU multilayer perceptron, as plain arrays.

An .npz file holds `W1, b1, W2, b2, …` in single or double precision: W of shape (outputs, inputs), and b of shape
(outputs,) where the layer has a bias. How to write it:

    # PyTorch, a Sequential of Linear and ReLU
    pairs = [(m.weight.detach(), m.bias.detach()) for m in model if isinstance(m, torch.nn.Linear)]
    # Equinox, an eqx.nn.MLP
    pairs = [(m.weight, m.bias) for m in mlp.layers]
    # Flax, layers Dense_0, Dense_1, …, whose kernels are (inputs, outputs)
    pairs = [(m["kernel"].T, m["bias"]) for m in params.values()]

    arrays = {f"{x}{i}": np.asarray(a) for i, pair in enumerate(pairs, 1) for x, a in zip("Wb", pair)}
    np.savez("target.npz", **arrays)

Pickles are never loaded.
"""

import dataclasses
import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ltjax.arguments import ArgumentError


@dataclasses.dataclass(frozen=True, eq=False)
class Perceptron:
    """h_0 = x, h_l = σ(W_l h_{l-1} + b_l), the last layer without σ.

    Args:
        weights: W_1, W_2, …, each of shape (outputs, inputs), floats.
        biases: b_1, b_2, …, each of shape (outputs,), or None where a layer has none.

    Raises:
        ArgumentError: for arrays that do not fit, numbers that are not finite, whole numbers.
    """

    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray | None, ...]

    def __post_init__(self) -> None:
        if not self.weights or len(self.weights) != len(self.biases):
            raise ArgumentError(f"{len(self.weights)} weights and {len(self.biases)} biases are no perceptron")
        for number, (w, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            for name, array, axes in ((f"W{number}", w, 2), (f"b{number}", b, 1)):
                if array is not None:
                    _check(name, array, axes)
            if b is not None and b.shape != w.shape[:1]:
                raise ArgumentError(
                    f"b{number} has shape {b.shape}: W{number} of shape {w.shape} allows {w.shape[:1]}, "
                    f"for W is (outputs, inputs){_turned(number, w, b)}"
                )
            before = self.weights[number - 2].shape[0] if number > 1 else w.shape[1]
            if w.shape[1] != before:
                raise ArgumentError(
                    f"W{number} has shape {w.shape}: W{number - 1} has {before} outputs, "
                    f"so W{number} is of shape (outputs, {before}){_turned(number, w, before)}"
                )
        for kind in ("weights", "biases"):
            arrays = tuple(None if x is None else np.asarray(x, np.float64) for x in getattr(self, kind))
            object.__setattr__(self, kind, arrays)

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, then the neurons of every layer."""
        return (self.weights[0].shape[1], *(w.shape[0] for w in self.weights))

    @property
    def size(self) -> int:
        """How many weights and biases."""
        return sum(w.size for w in self.weights) + sum(b.size for b in self.biases if b is not None)

    def layer(self, number: int) -> Float[np.ndarray, "outputs sources"]:
        """Weights of a layer, counted from 0, and its bias as the weight of an input that is always 1."""
        w, b = self.weights[number], self.biases[number]
        return w if b is None else np.concatenate([w, b[:, None]], axis=1)

    def __call__(self, x: Float[np.ndarray, "points inputs"]) -> Float[np.ndarray, "points outputs"]:
        """Values at points, in float64."""
        h = np.asarray(x, np.float64)
        for number, (w, b) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            h = h @ w.T + (0.0 if b is None else b)
            h = h if number == len(self.weights) else np.maximum(h, 0.0)
        return h

    @property
    def digest(self) -> str:
        """SHA-256 of shapes and numbers: whether two are the same."""
        hashed = hashlib.sha256()
        for number in range(len(self.weights)):
            layer = self.layer(number)
            hashed.update(f"{layer.shape} {self.biases[number] is not None};".encode())
            hashed.update(np.ascontiguousarray(layer, "<f8").tobytes())
        return hashed.hexdigest()


def _turned(number: int, w: np.ndarray, wanted: np.ndarray | int) -> str:
    """What most often is wrong with shapes that do not fit: kernels are (inputs, outputs) in Keras and Flax."""
    fits = w.shape[0] == wanted if isinstance(wanted, int) else w.shape[1] == len(wanted)
    return f"; is W{number} transposed?" if fits else ""


def _check(name: str, array: np.ndarray, axes: int) -> None:
    allowed = "(outputs, inputs)" if axes == 2 else "(outputs,)"
    if not np.issubdtype(array.dtype, np.floating) or array.dtype.itemsize not in (4, 8):
        raise ArgumentError(f"{name} holds {array.dtype}: {name} is an array of float32 or float64")
    if array.ndim != axes or array.size == 0:
        raise ArgumentError(f"{name} has shape {array.shape}: {name} is of shape {allowed}, none of them 0")
    bad = np.argwhere(~np.isfinite(array))
    if bad.size:
        index = [int(i) for i in bad[0]]
        raise ArgumentError(f"{name}{index}={array[tuple(index)]} is not allowed: {name} holds finite numbers")


def read_arrays(argument: str, path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file; pickles are not loaded.

    Raises:
        ArgumentError: naming the file, for one that is not there, is no .npz or holds a pickle.
    """
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise ArgumentError(f"{argument}={str(path)!r} is not allowed: it is no .npz file of arrays")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise ArgumentError(f"{argument}={str(path)!r} cannot be read: {error.strerror or error}") from None
    except ArgumentError:
        raise
    except (ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        pickled = "allow_pickle" in str(error)
        why = "it holds a pickle, which is never loaded" if pickled else "an array in it cannot be read"
        raise ArgumentError(f"{argument}={str(path)!r} is not allowed: {why}") from None


def read_perceptron(path: str | Path) -> Perceptron:
    """The target in an .npz file.

    Raises:
        ArgumentError: one line that names the file or the array, and what is allowed.
    """
    arrays = read_arrays("target", Path(path))
    numbers = {}
    for name in arrays:
        found = re.fullmatch(r"([Wb])([1-9]\d*)", name)
        if found is None:
            raise ArgumentError(f"target={str(path)!r} holds an array {name!r}: arrays are W1, b1, W2, b2, …")
        numbers[name] = int(found[2])
    depth = max(numbers.values(), default=1)
    for number in range(1, depth + 1):
        if f"W{number}" not in arrays:
            # The first that is left without it.
            over = min((name for name in numbers if numbers[name] >= number), key=lambda x: (numbers[x], x), default="")
            holds = f" and holds {over}" if over else ""
            raise ArgumentError(f"target={str(path)!r} has no array W{number}{holds}: arrays are W1, b1, W2, b2, …")
    layers = range(1, depth + 1)
    return Perceptron(tuple(arrays[f"W{i}"] for i in layers), tuple(arrays.get(f"b{i}") for i in layers))


__all__ = ["Perceptron", "read_arrays", "read_perceptron"]
