"""Patterns: which masks of single weights a way of pruning allows, between whole rows and scissors.

A mask is of shape (n, d): which input weights of which neuron stay. Of a neuron that keeps none the output weight is
cut too, so masks and pruned networks are in one-to-one correspondence.

| name | a neuron may keep | together with others |
|---|---|---|
| `rows` | all its weights or none | |
| `weights` | any | |
| `block:RxC` | all or none of every C consecutive inputs | the same of R consecutive neurons |
| `N:M` | at most N of every M consecutive inputs | |
| `exactly:N` | N weights or none | |
| `budget:m` | any | at most m neurons keep any one input |
| `rows+columns` | all of the inputs that are kept, or none | inputs are kept or cut for all neurons |
| `rows+cuts:s` | any | at most s weights of kept neurons are cut |

A pattern of one's own is a frozen dataclass with `allows`, named as `module:Class` wherever a name is asked for.
"""

import abc
import dataclasses
import math
import re
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from ltjax import arguments
from ltjax.arguments import ArgumentError

Mask = Bool[np.ndarray, "*batch n d"]
Allowed = Bool[np.ndarray, "*batch"] | np.bool_
FEW = 18
"""Weights up to which all masks of any pattern are listed."""


@dataclasses.dataclass(frozen=True)
class AbstractPattern(abc.ABC):
    """Which masks are allowed. The empty one must be, and one of n neurons must be one of n + 1 that cuts the last.

    `ltjax.testing.check_pattern` holds a pattern to that.
    """

    @property
    def name(self) -> str:
        """How it is asked for; a pattern of one's own with fields needs a name of its own."""
        return f"{type(self).__module__}:{type(self).__qualname__}"

    @abc.abstractmethod
    def allows(self, mask: Mask) -> Allowed:
        """Whether these masks of whole networks are allowed; leading axes are a batch: one bool for each mask."""

    def allowed(self, mask: Mask) -> Bool[np.ndarray, "*batch"]:
        """What `allows` says, as an array.

        Raises:
            ArgumentError: where that is not one bool for each mask.
        """
        found = np.asarray(self.allows(mask))
        if found.dtype != bool or found.shape != mask.shape[:-2]:
            raise ArgumentError(
                f"pattern={self.name!r} is not allowed: for masks of shape {mask.shape} `allows` gives one bool "
                f"each, of shape {mask.shape[:-2]}, not {found.dtype} of shape {found.shape}"
            )
        return found

    def bits(self, n: int, d: int) -> float:
        """log2 of how many masks of n neurons with d inputs are allowed: what the counting limit asks for."""
        return math.log2(len(self.masks(n, d)))

    def check(self, d: int) -> None:
        """Raises an `ArgumentError` where the pattern does not fit d inputs."""
        del d

    @property
    def one_each(self) -> bool:
        """Whether each neuron may keep any one of its weights, whatever others keep."""
        return False

    def rows_on(self, support: tuple[int, ...], d: int) -> "RowsOn | None":
        """Inputs, those of `support` among them, of which rows may be kept whole; None: there are none such."""
        del support, d
        return None

    def masks(self, n: int, d: int) -> Bool[np.ndarray, "masks n d"]:
        """All allowed masks of a small network, the empty one first.

        Raises:
            ArgumentError: for more than 18 weights.
        """
        arguments.whole("n·d", n * d, 1, FEW)
        every = (np.arange(1 << (n * d))[:, None] >> np.arange(n * d)) % 2 == 1
        every = every.reshape(-1, n, d)
        return every[self.allowed(every)]

    def __str__(self) -> str:
        return self.name


class RowsOn(NamedTuple):
    """Inputs on which a pattern allows whole rows: any mask that keeps all or nothing of each row there and cuts all
    other inputs.

    Attributes:
        inputs: which.
        exact: whether on these inputs any allowed mask keeps all of a row or nothing. For a target that depends on
            some of them alone the question then is exactly that of whole rows there: to restrict a network to them
            moves no error upward.
    """

    inputs: tuple[int, ...]
    exact: bool


@dataclasses.dataclass(frozen=True)
class Rows(AbstractPattern):
    """Whole rows: neuron pruning."""

    @property
    def name(self) -> str:
        return "rows"

    def allows(self, mask: Mask) -> Allowed:
        return np.all(mask.all(axis=-1) | ~mask.any(axis=-1), axis=-1)

    def bits(self, n: int, d: int) -> float:
        del d
        return float(n)

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        return RowsOn(tuple(range(d)), True)


@dataclasses.dataclass(frozen=True)
class Weights(AbstractPattern):
    """Any single weight: scissors."""

    @property
    def name(self) -> str:
        return "weights"

    def allows(self, mask: Mask) -> Allowed:
        return np.ones(mask.shape[:-2], bool)

    def bits(self, n: int, d: int) -> float:
        return float(n * d)

    @property
    def one_each(self) -> bool:
        return True

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        # On one input any mask keeps all of a row or nothing.
        return RowsOn(support, len(support) == 1)


@dataclasses.dataclass(frozen=True)
class Block(AbstractPattern):
    """R consecutive neurons keep or cut each block of C consecutive inputs together.

    Where d is no multiple of C the last block is narrower. Neurons that make no whole group are cut: they wait for
    those that do not exist yet.

    Args:
        neurons: R; inputs: C.
    """

    neurons: int = 1
    inputs: int = 1

    def __post_init__(self) -> None:
        arguments.whole("neurons", self.neurons, 1)
        arguments.whole("inputs", self.inputs, 1)

    @property
    def name(self) -> str:
        return f"block:{self.neurons}x{self.inputs}"

    def allows(self, mask: Mask) -> Allowed:
        n, d = mask.shape[-2:]
        whole = n - n % self.neurons
        rows = mask[..., :whole, :].reshape(*mask.shape[:-2], n // self.neurons, self.neurons, d)
        fits = ~mask[..., whole:, :].any(axis=(-2, -1))
        for first in range(0, d, self.inputs):
            block = rows[..., first : first + self.inputs]
            fits &= np.all(block.all(axis=(-2, -1)) | ~block.any(axis=(-2, -1)), axis=-1)
        return fits

    def bits(self, n: int, d: int) -> float:
        return float((n // self.neurons) * -(-d // self.inputs))

    def check(self, d: int) -> None:
        arguments.whole("inputs", self.inputs, 1, d)

    @property
    def one_each(self) -> bool:
        return self.neurons == self.inputs == 1

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        blocks = {j // self.inputs for j in support}
        if self.neurons > 1:
            return None
        if len(blocks) > 1:
            return RowsOn(tuple(range(d)), False)
        first = self.inputs * blocks.pop()
        return RowsOn(tuple(range(first, min(first + self.inputs, d))), True)


@dataclasses.dataclass(frozen=True)
class NM(AbstractPattern):
    """At most N of every M consecutive inputs, as hardware has it; where d is no multiple of M the last are fewer.

    Args:
        kept: N, 1 to M; among: M.
    """

    kept: int = 2
    among: int = 4

    def __post_init__(self) -> None:
        arguments.whole("among", self.among, 1)
        arguments.whole("kept", self.kept, 1, self.among)

    @property
    def name(self) -> str:
        return f"{self.kept}:{self.among}"

    def allows(self, mask: Mask) -> Allowed:
        d = mask.shape[-1]
        groups = [mask[..., first : first + self.among].sum(axis=-1) for first in range(0, d, self.among)]
        return np.all(np.stack(groups, axis=-1) <= self.kept, axis=(-2, -1))

    def bits(self, n: int, d: int) -> float:
        widths = [min(self.among, d - first) for first in range(0, d, self.among)]
        return n * math.fsum(math.log2(_subsets(width, self.kept)) for width in widths)

    @property
    def one_each(self) -> bool:
        return True

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        groups = [sum(j // self.among == k for j in support) for k in range(d)]
        return RowsOn(support, len(support) == 1) if max(groups) <= self.kept else None


@dataclasses.dataclass(frozen=True)
class Exactly(AbstractPattern):
    """A row that is kept keeps exactly N weights.

    Args:
        kept: N, 1 to d.
    """

    kept: int = 1

    def __post_init__(self) -> None:
        arguments.whole("kept", self.kept, 1)

    @property
    def name(self) -> str:
        return f"exactly:{self.kept}"

    def allows(self, mask: Mask) -> Allowed:
        count = mask.sum(axis=-1)
        return np.all((count == 0) | (count == self.kept), axis=-1)

    def bits(self, n: int, d: int) -> float:
        return n * math.log2(1 + math.comb(d, self.kept))

    def check(self, d: int) -> None:
        arguments.whole("kept", self.kept, 1, d)

    @property
    def one_each(self) -> bool:
        return self.kept == 1

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        if len(support) > self.kept:
            return None
        others = [j for j in range(d) if j not in support]
        return RowsOn((*support, *others[: self.kept - len(support)]), self.kept in (1, d))


@dataclasses.dataclass(frozen=True)
class Budget(AbstractPattern):
    """Any weights, but at most m neurons keep any one input: the sum that an input serves has at most m terms.

    Args:
        most: m.
    """

    most: int = 1

    def __post_init__(self) -> None:
        arguments.whole("most", self.most, 1)

    @property
    def name(self) -> str:
        return f"budget:{self.most}"

    def allows(self, mask: Mask) -> Allowed:
        return np.all(mask.sum(axis=-2) <= self.most, axis=-1)

    def bits(self, n: int, d: int) -> float:
        return d * math.log2(_subsets(n, self.most))


@dataclasses.dataclass(frozen=True)
class RowsAndColumns(AbstractPattern):
    """Whole rows, and whole inputs: a smaller dense layer is left."""

    @property
    def name(self) -> str:
        return "rows+columns"

    def allows(self, mask: Mask) -> Allowed:
        rows, columns = mask.any(axis=-1), mask.any(axis=-2)
        return np.all(mask == np.expand_dims(rows, -1) & np.expand_dims(columns, -2), axis=(-2, -1))

    def bits(self, n: int, d: int) -> float:
        # (2^n - 1)(2^d - 1) + 1, where 2^n may be no float.
        return n + d + math.log1p(-(2.0**-n) - 2.0**-d + 2.0 ** (1 - n - d)) / math.log(2.0)

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        # Of two inputs that the target depends on one may still be cut, at a loss.
        return RowsOn(support, len(support) == 1)


@dataclasses.dataclass(frozen=True)
class RowsAndCuts(AbstractPattern):
    """Whole rows, and besides at most s single weights of rows that are kept.

    Args:
        cuts: s.
    """

    cuts: int = 1

    def __post_init__(self) -> None:
        arguments.whole("cuts", self.cuts, 0)

    @property
    def name(self) -> str:
        return f"rows+cuts:{self.cuts}"

    def allows(self, mask: Mask) -> Allowed:
        missing = np.where(mask.any(axis=-1), (~mask).sum(axis=-1), 0)
        return np.asarray(missing.sum(axis=-1) <= self.cuts)[()]

    def bits(self, n: int, d: int) -> float:
        # Of each neuron: cut whole, kept whole, or C(d, k) ways to lack k weights. The n-th power of that series.
        one = [2, *(math.comb(d, k) for k in range(1, d))]
        total = [1]
        for digit in f"{n:b}":
            total = self._product(total, total)
            total = self._product(total, one) if digit == "1" else total
        return math.log2(sum(total))

    def _product(self, a: list[int], b: list[int]) -> list[int]:
        """Of two series, up to the s-th power."""
        size = min(self.cuts, len(a) + len(b) - 2) + 1
        return [sum(a[i] * b[k - i] for i in range(len(a)) if 0 <= k - i < len(b)) for k in range(size)]

    def rows_on(self, support: tuple[int, ...], d: int) -> RowsOn | None:
        return RowsOn(tuple(range(d)), d == 1 or self.cuts == 0)


def _subsets(n: int, most: int) -> int:
    """Subsets of at most so many of n."""
    return sum(math.comb(n, k) for k in range(min(n, most) + 1))


FORMS: dict[str, tuple[str, type[AbstractPattern]]] = {
    "rows": ("rows", Rows),
    "weights": ("weights", Weights),
    "block:RxC": (r"block:(\d+)x(\d+)", Block),
    "N:M": (r"(\d+):(\d+)", NM),
    "exactly:N": (r"exactly:(\d+)", Exactly),
    "budget:m": (r"budget:(\d+)", Budget),
    "rows+columns": (r"rows\+columns", RowsAndColumns),
    "rows+cuts:s": (r"rows\+cuts:(\d+)", RowsAndCuts),
}
"""What a pattern's name looks like, as an expression whose groups are the class's fields."""


def get_pattern(pattern: Any) -> AbstractPattern:
    """The pattern of that name, or the pattern itself if it is one already.

    Args:
        pattern: a name as in `FORMS`, or `module:Class`, a pattern of one's own.

    Raises:
        ArgumentError: for an unknown name, numbers that are not allowed, a class that cannot be loaded or made.
    """
    if isinstance(pattern, AbstractPattern):
        return pattern
    word = pattern if isinstance(pattern, str) else ""
    for form, cls in FORMS.values():
        found = re.fullmatch(form, word)
        if found:
            try:
                return cls(*map(int, found.groups()))
            except ArgumentError as error:
                raise ArgumentError(f"pattern={pattern!r} is not allowed: {error}") from None
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", word):
        known = ", ".join([*FORMS, "module:Class"])
        raise ArgumentError(f"pattern={pattern!r} is not known: pattern is one of {known}")
    own: Any = arguments.class_at("pattern", word, AbstractPattern)
    try:
        return own()
    except TypeError as error:
        raise ArgumentError(f"pattern={pattern!r} cannot be made: {error}") from None


__all__ = [
    "FORMS",
    "NM",
    "AbstractPattern",
    "Block",
    "Budget",
    "Exactly",
    "Rows",
    "RowsAndColumns",
    "RowsAndCuts",
    "RowsOn",
    "Weights",
    "get_pattern",
]
