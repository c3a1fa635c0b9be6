"""The contract of a problem: draw trials, decide each as hit, miss or undecided."""

import abc
import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8, Key

from ltjax import arguments
from ltjax.machine import devices as parallel
from ltjax.outcomes import HIT, MISS, UNDECIDED


@dataclasses.dataclass(frozen=True)
class Decision:
    """What was decided about a block of trials, with what it takes to check it again.

    Attributes:
        status: HIT, MISS or UNDECIDED for every trial, start network size n and precision ε.
        lower: a certified lower bound of the least error any mask reaches, a trial and n.
        upper: the error of the mask in `witness`, recomputed in float64, plus a margin for rounding.
        instance: what was drawn, by name; leading axis: trials.
        witness: what anyone can check the decision with, by name; leading axes: trials, n.
    """

    status: Int8[np.ndarray, "trials ns eps"]
    lower: Float[np.ndarray, "trials ns"]
    upper: Float[np.ndarray, "trials ns"]
    instance: dict[str, np.ndarray]
    witness: dict[str, np.ndarray]

    def __len__(self) -> int:
        return self.status.shape[0]

    def first(self, trials: int) -> "Decision":
        """The first `trials` of them."""
        return Decision(
            self.status[:trials],
            self.lower[:trials],
            self.upper[:trials],
            {name: array[:trials] for name, array in self.instance.items()},
            {name: array[:trials] for name, array in self.witness.items()},
        )


def status_of(
    lower: Float[np.ndarray, "trials ns"],
    upper: Float[np.ndarray, "trials ns"],
    eps: Float[np.ndarray, " eps"],
) -> Int8[np.ndarray, "trials ns eps"]:
    """HIT where the upper bound of the least error is within ε, MISS where the lower bound is above it."""
    hit = upper[..., None] <= eps
    miss = lower[..., None] > eps
    return np.where(hit, HIT, np.where(miss, MISS, UNDECIDED)).astype(np.int8)


def closed(
    lower: Float[np.ndarray, "trials ns"],
    upper: Float[np.ndarray, "trials ns"],
    masks: Bool[np.ndarray, "trials ns n"],
    instance: Mapping[str, Any],
    eps: Float[np.ndarray, " eps"],
) -> Decision:
    """Decisions, once what one size says of others is used: a mask of the first n neurons is one of the first
    n + 1, and what no mask of the first n + 1 reaches none of the first n does.

    Raises:
        RuntimeError: where a certificate and a mask contradict each other.
    """
    upper, masks = upper.copy(), masks.copy()
    for i in range(1, upper.shape[1]):
        earlier = upper[:, i - 1] < upper[:, i]
        upper[earlier, i], masks[earlier, i] = upper[earlier, i - 1], masks[earlier, i - 1]
    lower = np.maximum.accumulate(lower[:, ::-1], axis=1)[:, ::-1]
    if np.any(lower > upper):
        raise RuntimeError("a certificate says miss where a mask hits: the solver is broken")
    drawn = {name: np.asarray(array) for name, array in instance.items()}
    return Decision(status_of(lower, upper, eps), lower, upper, drawn, {"mask": masks})


@dataclasses.dataclass(frozen=True)
class AbstractProblem(abc.ABC):
    """A random start network (or number set) of n parts, and the question whether some mask hits at ε.

    Hits are monotone: a hit with the first n parts is a hit with the first n + 1, and a hit at ε is one
    at every larger ε. A problem is a frozen, hashable value.
    """

    name: str = dataclasses.field(init=False, default="", repr=False)

    @property
    @abc.abstractmethod
    def max_n(self) -> int:
        """The largest n that can be asked about."""

    @abc.abstractmethod
    def resolved(self, eps: float) -> "AbstractProcedure":
        """How trials are drawn and decided when the least precision asked for is ε."""

    def with_solver(self, solver: str) -> "AbstractProblem":
        """The same problem, decided by another solver; this one knows its own only."""
        arguments.choice("solver", solver, ["auto"])
        return self

    @abc.abstractmethod
    def first_guess(self, eps: float) -> int:
        """An n at which a hit at ε is likely; only where a search for thresholds starts."""

    def sizes(self, n_max: int) -> tuple[int, ...]:
        """The n up to n_max that a search for thresholds decides, the last of them n_max."""
        return tuple(range(1, n_max + 1))

    def groups(self, eps: tuple[float, ...]) -> list[tuple[float, ...]]:
        """Which precisions share their draws in a search for thresholds."""
        return [eps]

    def describe(self) -> dict[str, Any]:
        """The problem's options as plain values, for provenance."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        return {"problem": self.name} | {key: getattr(value, "name", value) for key, value in options.items()}

    def provenance(self, eps: float) -> dict[str, Any]:
        """`describe`, with every choice made that was left open."""
        asked = self.describe()
        made = self.resolved(eps).describe()
        return asked | {key: value for key, value in made.items() if asked.get(key, "auto") == "auto"}


@dataclasses.dataclass(frozen=True)
class AbstractProcedure(AbstractProblem):
    """A problem with every choice made: how to draw trials, to search them, and to judge what was found.

    It can be a static argument of `jax.jit`.
    """

    blocks_per_chunk: ClassVar[int] = 16
    """Blocks a device and dispatch, unless the caller chooses a chunk. It does not depend on the number of
    trials, so that runs of any length share one compilation; the last chunk is padded."""

    traced_sizes: ClassVar[bool] = False
    """Whether `search` takes its sizes as a traced array, so that runs at other sizes share one compilation."""

    def resolved(self, eps: float) -> "AbstractProcedure":
        return self

    def as_searched(self, ns: tuple[int, ...]) -> Any:
        """The sizes as `search` takes them."""
        return np.asarray(ns, np.int64) if self.traced_sizes else ns

    @property
    @abc.abstractmethod
    def uses_float64(self) -> bool:
        """Whether `draw` and `search` must run under `jax.enable_x64`."""

    @abc.abstractmethod
    def block(self, n: int) -> int:
        """Trials that one call of `search` should take together."""

    @abc.abstractmethod
    def draw(self, key: Key[Array, ""], n: int) -> Any:
        """One trial's start network of n parts: a pytree of arrays. Pure; its first k parts do not depend on n."""

    @abc.abstractmethod
    def search(self, instances: Any, ns: Any, eps: Float[Array, " eps"]) -> Any:
        """Search drawn trials (leading axis: trials): a pytree with that leading axis. Pure and jittable.

        `ns` is a tuple of whole numbers, or an array of them where `traced_sizes` says so.
        """

    @abc.abstractmethod
    def searched_as(self) -> "AbstractProcedure":
        """The problem that stands for all that are searched alike: what only `draw` uses set to one value.

        Problems that differ only in what they draw then share one compiled search.
        """

    @abc.abstractmethod
    def judge(self, instances: Any, found: Any, ns: tuple[int, ...], eps: Float[np.ndarray, " eps"]) -> Decision:
        """Turn what was found into decisions, on the host in float64, checking every mask again."""

    def decide(self, keys: Key[Array, " trials"], ns: tuple[int, ...], eps: tuple[float, ...]) -> Decision:
        """Decide one trial a key, for every n and ε at once."""
        eps = arguments.precisions(eps)
        procedure = self.resolved(min(eps))
        ns = arguments.increasing("n", ns, 1, procedure.max_n)
        precisions = np.asarray(eps, np.float64)
        with jax.enable_x64(procedure.uses_float64):
            block = len(keys)
            instances = draw_rows(keys, problem=procedure, n=max(ns), block=block)
            found = search_rows(instances, precisions, problem=procedure.searched_as(), ns=ns, block=block)
        instances, found = jax.tree.map(np.asarray, (instances, found))
        return procedure.judge(instances, found, ns, precisions)


@partial(jax.jit, static_argnames=("problem", "n", "block", "devices"))
def draw_rows(
    keys: Key[Array, " trials"],
    *,
    problem: AbstractProcedure,
    n: int,
    block: int,
    devices: tuple[parallel.Device, ...] | None = None,
) -> Any:
    """One instance a key, `block` at a time on each device."""
    draw = jax.vmap(lambda key: problem.draw(key, n))
    return parallel.map_blocks(draw, block, devices)(keys)


def search_rows(
    instances: Any,
    eps: Float[Array, " eps"] | Float[np.ndarray, " eps"],
    *,
    problem: AbstractProcedure,
    ns: tuple[int, ...],
    block: int,
    devices: tuple[parallel.Device, ...] | None = None,
) -> Any:
    """Search every instance, `block` at a time on each device."""
    sizes = problem.as_searched(ns)
    traced, fixed = (sizes, None) if problem.traced_sizes else (None, sizes)
    return _search_rows(instances, eps, traced, problem=problem, ns=fixed, block=block, devices=devices)


@partial(jax.jit, static_argnames=("problem", "ns", "block", "devices"))
def _search_rows(
    instances: Any,
    eps: Float[Array, " eps"] | Float[np.ndarray, " eps"],
    traced: Int[np.ndarray, " ns"] | None,
    *,
    problem: AbstractProcedure,
    ns: tuple[int, ...] | None,
    block: int,
    devices: tuple[parallel.Device, ...] | None,
) -> Any:
    def search(rows: Any, eps: Array, traced: Array | None) -> Any:
        return problem.search(rows, traced if ns is None else ns, eps)

    return parallel.map_blocks(search, block, devices)(instances, eps, traced)
