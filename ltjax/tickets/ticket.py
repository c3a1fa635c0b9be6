"""A ticket: masks and the seed of the start network that they prune, with a certificate."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from ltjax import arguments, files
from ltjax.arguments import ArgumentError
from ltjax.certify import rounding
from ltjax.certify.errors.perceptron import Reads, evaluated
from ltjax.patterns import AbstractPattern, get_pattern
from ltjax.tickets.certificate import Certificate, certify, reads, strays
from ltjax.tickets.perceptron import Perceptron, read_arrays, read_perceptron
from ltjax.tickets.prune import prune, shape_of
from ltjax.tickets.redundancy import least_redundancy
from ltjax.tickets.start import Start

FORMAT = "ltjax ticket 1"


@dataclasses.dataclass(frozen=True, eq=False)
class Ticket:
    """A pruned start network that is a target, up to what the certificate says.

    Attributes:
        start: how the start network is drawn; see `ltjax.tickets.start` for its layers.
        masks: of all its matrices, in order.
        pattern: that the masks obey, by name.
        eps: asked for of each weight.
        low, high: the box of inputs.
        target: the digest of what it is a ticket for.
        certificate: how near it comes.
    """

    start: Start
    masks: tuple[Bool[np.ndarray, "_ _"], ...]
    pattern: str
    eps: float
    low: float
    high: float
    target: str
    certificate: Certificate

    @property
    def kept(self) -> int:
        """How many weights survive."""
        return sum(int(mask.sum()) for mask in self.masks)

    def save(self, path: str | Path, target: str | Path | None = None) -> None:
        """Write the ticket, whole or not at all; a file that is there is replaced.

        `shapes` (matrices, 2), `seed`, `law`, `centers`, `spreads` and `mask_1`, `mask_2`, … (bits packed along rows)
        draw and prune the start network, see `ltjax.tickets.start`; `errors_1`, …, `unreached`, `bound`, `found` and
        `point` are the certificate.

        Args:
            path: ends in .npz.
            target: the target's own file, of which the place relative to the ticket is noted.

        Raises:
            ArgumentError: where the file cannot be written.
        """
        if target is not None:
            files.apart("out", path, "target", target)
        files.check("out", path, (".npz",))
        start, proof = self.start, self.certificate
        arrays: dict[str, Any] = {
            "format": FORMAT,
            **{f"mask_{i}": np.packbits(mask, axis=1) for i, mask in enumerate(self.masks, 1)},
            **{name: np.asarray(getattr(start, name)) for name in ("shapes", *START)},
            **{name: np.asarray(getattr(self, name)) for name in OWN},
            "target_file": "" if target is None else os.path.relpath(Path(target), Path(path).parent),
            **{f"errors_{i}": each for i, each in enumerate(proof.errors, 1)},
            **{name: np.asarray(getattr(proof, name)) for name in PROOF},
        }
        with files.replacing("out", path) as file:
            np.savez_compressed(file, **arrays)


START = tuple(field.name for field in dataclasses.fields(Start))
OWN = ("pattern", "eps", "low", "high", "target")
PROOF = ("unreached", "bound", "found", "point")


def build(
    target: Perceptron,
    eps: float,
    *,
    redundancy: int | None = None,
    hit: float = 0.999,
    pattern: AbstractPattern | str = "weights",
    kind: str = "products",
    law: str = "uniform",
    seed: int = 0,
    low: float = -1.0,
    high: float = 1.0,
    devices: tuple[object, ...] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Ticket:
    """Prune a random network to a target: a subset sum for every weight, all weights at once.

    Args:
        target: a ReLU multilayer perceptron.
        eps: wanted for each weight; those that no subset reaches are listed in the certificate.
        redundancy: neurons of the start network for each input of a layer; None: the least at which a weight is
            reached with probability `hit`, measured.
        pattern: "weights", "N:M" or "block:Bx1"; `redundancy` is a multiple of M or B.
        kind: "products" or "parallel"; see `ltjax.tickets.start`.
        law: of the start network's weights, "uniform" or "normal".
        seed: of the start network.
        low, high: the box of inputs that the certificate speaks of.
        devices: share the sums among these; by default they run on one.
        progress: told how many weights are done, slice by slice.

    Raises:
        ArgumentError: for options outside these, or an ε that float64 does not certify.
    """
    arguments.instance("target", target, Perceptron, "Perceptron(weights, biases) or what read_perceptron reads")
    eps, low, high = _checked(eps, low, high)
    pattern = get_pattern(pattern)
    shape, signed = shape_of(pattern), low < 0.0
    arguments.choice("law", law, ("uniform", "normal"))
    arguments.choice("start", kind, ("products", "parallel"))
    least = _certified(target, redundancy or 1)
    if not eps > least:
        raise ArgumentError(
            f"eps={eps:g} is not allowed: float64 certifies an error of these weights to {least:.1e} only, eps is above"
        )
    if redundancy is None:
        redundancy = least_redundancy(
            target, pattern, eps, signed, hit=hit, kind=kind, law=law, seed=seed, devices=devices
        )
    if redundancy % shape.neurons:
        raise ArgumentError(
            f"redundancy={redundancy} is not allowed: with pattern {pattern.name} it is a multiple of {shape.neurons}"
        )
    start = Start.of(target, kind=kind, law=law, seed=seed, redundancy=redundancy, neurons=shape.outputs)
    masks = prune(target, start, pattern, eps, signed, devices=devices, progress=progress)
    if strays(start, masks):
        raise RuntimeError("a mask keeps weights that it has no use for: it is broken")
    proof = certify(reads(target, start, masks, signed), eps, low, high)
    return Ticket(start, masks, pattern.name, eps, low, high, target.digest, proof)


def _checked(eps: Any, low: Any, high: Any) -> tuple[float, float, float]:
    """ε and the box, as numbers that fit."""
    low, high = arguments.real("low", low), arguments.real("high", high)
    if not low < high:
        raise ArgumentError(f"low={low:g} is not allowed: low is a finite number below high={high:g}")
    return arguments.real("eps", eps, above=0.0), low, high


def _certified(target: Perceptron, redundancy: int) -> float:
    """An error of a weight that rounding alone may make, about."""
    most = max(float(np.abs(target.layer(i)).max()) for i in range(len(target.weights)))
    return float(rounding.subset_sum(redundancy + 2, (redundancy + 1.0) * most))


def read_ticket(path: str | Path) -> tuple[Ticket, Path | None]:
    """A ticket, and where its target's file was when it was written.

    Raises:
        ArgumentError: for a file that is none.
    """
    path = Path(path)
    arrays = read_arrays("check", path)
    if str(arrays.get("format", "")) != FORMAT:
        raise ArgumentError(f"check={str(path)!r} is not allowed: it is no ticket that `ltjax ticket` wrote")
    try:
        start = Start(
            **{name: _plain(arrays[name]) for name in START}  # type: ignore[arg-type]
        )
        if tuple(map(tuple, arrays["shapes"].tolist())) != start.shapes:
            raise ArgumentError(f"check={str(path)!r} is not allowed: its shapes are not those of its start network")
        packed = [arrays[f"mask_{i}"] for i in range(1, len(start.shapes) + 1)]
        if any(x.shape != (rows, -(-columns // 8)) for x, (rows, columns) in zip(packed, start.shapes, strict=True)):
            raise ArgumentError(f"check={str(path)!r} is not allowed: its masks are not those of its start network")
        masks = tuple(
            np.unpackbits(each, axis=1, count=columns).astype(bool)
            for each, (_, columns) in zip(packed, start.shapes, strict=True)
        )
        errors = tuple(np.asarray(arrays[f"errors_{i}"], np.float64) for i in range(1, len(start.inputs) + 1))
        point = np.asarray(arrays["point"], np.float64)
        proof = Certificate(errors, arrays["unreached"], float(arrays["bound"]), float(arrays["found"]), point)
        own = {name: _plain(arrays[name]) for name in OWN}
        _checked(own["eps"], own["low"], own["high"])
        place = str(arrays["target_file"])
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, ArgumentError):
            raise
        raise ArgumentError(f"check={str(path)!r} is not allowed: a ticket without {error}") from None
    return Ticket(start, masks, certificate=proof, **own), path.parent / place if place else None


def check(path: str | Path, target: Perceptron | None = None) -> tuple[Ticket, list[str]]:
    """Draw a ticket's start network again and check all that the ticket says.

    Args:
        path: the ticket.
        target: what it is a ticket for; by default read from the file that it was made from.

    Returns:
        the ticket, and what does not hold, a line each. The certificate is that of now; where a mask keeps weights
        that no sum reads there is none, and it is what the ticket says.

    Raises:
        ArgumentError: for files that cannot be read, or another target.
    """
    ticket, place = read_ticket(path)
    if target is None:
        if place is None:
            raise ArgumentError(f"check={str(path)!r} names no file of its target: give the target too")
        target = read_perceptron(place)
    arguments.instance("target", target, Perceptron, "Perceptron(weights, biases) or what read_perceptron reads")
    if target.digest != ticket.target:
        raise ArgumentError(f"check={str(path)!r} is not allowed: it is a ticket for another target")
    pattern, signed, said = get_pattern(ticket.pattern), ticket.low < 0.0, ticket.certificate
    wrong = [
        f"mask {i} does not obey {pattern.name}" for i, mask in enumerate(ticket.masks, 1) if not pattern.allowed(mask)
    ]
    stray = strays(ticket.start, ticket.masks)
    if stray:
        kept = [f"mask {i} keeps {count} weights that no sum reads, it says none" for i, count in stray.items()]
        return ticket, wrong + kept
    layers = reads(target, ticket.start, ticket.masks, signed)
    now = certify(layers, ticket.eps, ticket.low, ticket.high)
    for number, (before, after, layer) in enumerate(zip(said.errors, now.errors, layers, strict=True), 1):
        if before.shape != after.shape or not np.all(np.abs(before - after) <= 4.0 * layer.off):
            wrong.append(f"errors of layer {number} are not those that it says")
    if not np.array_equal(said.unreached, now.unreached):
        wrong.append("other weights are unreached than it says")
    if not now.bound <= said.bound * (1.0 + 1e-9):
        wrong.append(f"the bound is {now.bound:.6g}, it says {said.bound:.6g}")
    if not now.found <= said.bound:
        wrong.append(f"the networks differ by {now.found:.6g}, it says {said.bound:.6g} at most")
    wrong += _at_point(said, layers, ticket)
    return dataclasses.replace(ticket, certificate=now), wrong


def _at_point(said: Certificate, layers: list[Reads], ticket: Ticket) -> list[str]:
    """What does not hold of the difference that was found, and where."""
    inputs = layers[0].target.shape[1] - layers[0].bias
    if said.point.shape != (inputs,) or not np.all((ticket.low <= said.point) & (said.point <= ticket.high)):
        return ["the point that it says is not in its box"]
    apart, sure = evaluated(layers, said.point[None])
    least = max(float((np.abs(apart).max(axis=1) - sure)[0]), 0.0)
    # Sums may be added up in another order on another machine.
    if not 0.0 <= said.found <= least + 2.0 * float(sure[0]):
        return [f"the networks differ by {least:.6g} at its point, it says {said.found:.6g}"]
    return []


def _plain(array: np.ndarray) -> Any:
    """A number, a word or a tuple of numbers."""
    return tuple(array.tolist()) if array.ndim else array.item()


__all__ = ["Ticket", "build", "check", "read_ticket"]
