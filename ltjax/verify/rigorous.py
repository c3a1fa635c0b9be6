"""Proofs by ball arithmetic: an inequality between closed forms, over a whole range.

Every operation on Arb balls encloses the exact result. A function that is positive on a ball is positive
at each of its points, so a range is proved when finitely many balls that cover it are positive.
"""

import dataclasses
from collections.abc import Callable

from flint import arb, ctx

PRECISION = 128
"""Bits."""
MAX_BOXES = 100_000


@dataclasses.dataclass(frozen=True)
class Proof:
    """What ball arithmetic showed about `f > 0` on [low, high].

    Attributes:
        proved: every box is positive.
        boxes: how many boxes it took.
        counter_example: a box on which f is certainly negative or zero, if one was met.
        least: a lower bound of f on the range, where proved.
    """

    proved: bool
    boxes: int
    counter_example: tuple[float, float] | None
    least: float | None


def prove_positive(f: Callable[[arb], arb], low: float, high: float, max_boxes: int = MAX_BOXES) -> Proof:
    """Prove f > 0 on the closed interval [low, high] by bisection, or find where it fails.

    Args:
        f: from balls to balls, each result an enclosure.
        low, high: exact ends.
        max_boxes: give up after so many; then nothing is proved and nothing refuted.
    """
    before, ctx.prec = ctx.prec, PRECISION
    try:
        boxes, least = 0, None
        open_boxes = [(arb(low), arb(high))]
        while open_boxes and boxes < max_boxes:
            left, right = open_boxes.pop()
            middle = (left + right) / 2
            box = arb(mid=middle.mid(), rad=((right - left) / 2).upper() + middle.rad())
            value = f(box)
            boxes += 1
            if value > 0:
                bound = float(value.lower())
                least = bound if least is None else min(least, bound)
            elif value <= 0 or f(arb(middle.mid())) <= 0:
                return Proof(False, boxes, (float(left), float(right)), None)
            else:
                open_boxes += [(left, middle), (middle, right)]
        return Proof(not open_boxes, boxes, None, least if not open_boxes else None)
    finally:
        ctx.prec = before
