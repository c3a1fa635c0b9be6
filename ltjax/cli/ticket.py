"""`ltjax ticket`. JAX is imported inside, so that `--help` answers at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ltjax.arguments import ArgumentError
from ltjax.cli.console import Whole, bar, print_json, say, start_devices

if TYPE_CHECKING:
    from ltjax.tickets import Ticket

LISTED = 5
"""Unreached weights that are printed; the ticket has all."""


def ticket(
    target: Path | None = None,
    /,
    *,
    eps: float | None = None,
    out: Path | None = None,
    redundancy: Whole | None = None,
    auto: bool = False,
    hit: float = 0.999,
    pattern: str = "weights",
    start: str = "products",
    law: str = "uniform",
    seed: Whole = 0,
    low: float = -1.0,
    high: float = 1.0,
    check: Path | None = None,
    devices: Whole | None = None,
    json: bool = False,
) -> int:
    """Prune a random network to a trained one, or check a ticket again.

    Parameters
    ----------
    target
        .npz file with W1, b1, W2, b2, … of a ReLU network; W of shape (outputs, inputs), biases as there are.
    eps
        The precision asked for of each weight.
    out
        The ticket to write, .npz: masks, the seed, and a certificate.
    redundancy
        Neurons of the start network for each input of a layer.
    auto
        Take the least redundancy at which a weight is reached with probability HIT, measured.
    hit
        That probability.
    pattern
        Of the masks: weights, N:M such as 2:4, or block:Bx1.
    start
        products (two layers for one) or parallel (REDUNDANCY edges for one).
    law
        Of the start network's weights: uniform or normal.
    seed
        Of the start network.
    low
        The least value of an input that the certificate speaks of.
    high
        The largest.
    check
        A ticket to draw and check again; its target is read from the file it was made from unless TARGET is given.
        The exit status is 1 where something that it says does not hold.
    devices
        Number of devices to share the sums; on a CPU all cores by default.
    json
        Print one JSON object and nothing else on standard output.
    """
    from ltjax import files
    from ltjax.tickets.perceptron import read_perceptron

    if check is not None:
        from ltjax.tickets import check as checked

        if out is not None or eps is not None or redundancy is not None or auto:
            raise ArgumentError(f"check={str(check)!r} goes with TARGET alone: eps and all else is in the ticket")
        again, wrong = checked(check, None if target is None else read_perceptron(target))
        if json:
            print_json(_summary(again) | {"wrong": wrong})
        else:
            if not wrong:
                _say(again)
            say("\n".join(wrong) if wrong else f"the certificate holds{_but(again)}")
        return 1 if wrong else 0
    if target is None or eps is None or out is None:
        missing = "TARGET.npz" if target is None else "eps" if eps is None else "out"
        raise ArgumentError(f"{missing} is missing: give TARGET.npz --eps E --out TICKET.npz, or --check TICKET.npz")
    if not auto and redundancy is None:
        raise ArgumentError("redundancy is missing: give --redundancy N, or --auto to have it measured")
    if auto and redundancy is not None:
        raise ArgumentError(f"redundancy={redundancy} and auto={auto} exclude each other: give one of them")
    network = read_perceptron(target)
    files.apart("out", out, "target", target)
    files.check("out", out, (".npz",))  # finding out after the work that it cannot be written would be rude
    found = tuple(start_devices(devices))

    from ltjax.tickets import build

    with bar() as shown:
        task = shown.add_task("weights", total=network.size)
        made = build(
            network,
            eps,
            redundancy=redundancy,
            hit=hit,
            pattern=pattern,
            kind=start,
            law=law,
            seed=seed,
            low=low,
            high=high,
            devices=found,
            progress=lambda count: shown.advance(task, count),
        )
    if json:
        print_json(_summary(made))
    else:
        _say(made)
    made.save(out, target)
    return 0


def _summary(made: "Ticket") -> dict[str, Any]:
    proof = made.certificate
    return {
        "start_weights": made.start.size,
        "kept": made.kept,
        "redundancy": made.start.redundancy,
        "pattern": made.pattern,
        "eps": made.eps,
        "box": [made.low, made.high],
        "weights": sum(each.size for each in proof.errors),
        "unreached": [
            dict(
                zip(("layer", "output", "input"), at, strict=True),
                error=float(proof.errors[at[0] - 1][at[1] - 1, at[2] - 1]),
            )
            for at in proof.unreached.tolist()
        ],
        "bound": proof.bound,
        "found": proof.found,
    }


def _but(made: "Ticket") -> str:
    """What a certificate that holds leaves open."""
    missed = len(made.certificate.unreached)
    return f"; {missed:,} {'weight is' if missed == 1 else 'weights are'} not within {made.eps:g}" if missed else ""


def _say(made: "Ticket") -> None:
    """What a person reads of a ticket."""
    facts = _summary(made)
    missed, total = facts["unreached"], facts["weights"]
    say(f"{made.kept:,} of {made.start.size:,} weights survive ({made.pattern}, redundancy {made.start.redundancy})")
    say(f"{total - len(missed):,} of {total:,} weights within {made.eps:g}")
    for each in missed[:LISTED]:
        say(f"  layer {each['layer']}, output {each['output']}, input {each['input']}: off by {each['error']:.3g}")
    if len(missed) > LISTED:
        say(f"  and {len(missed) - LISTED:,} more, all listed in the ticket")
    say(
        f"for inputs in [{made.low:g}, {made.high:g}] outputs differ by {facts['bound']:.3g} at most, certified; "
        f"the largest difference found is {facts['found']:.3g}"
    )


__all__ = ["ticket"]
