"""The contract of a solver: one method of looking for masks, or for reasons that there are none.

A solver is a frozen, hashable value that holds all that its search depends on: it is the key under which the search is
compiled. It knows nothing of laws. What it says is not the last word: `ltjax.trials.decide` checks every mask again.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ltjax.problems.base import AbstractProblem


class Found(NamedTuple):
    """What a search says of a block of trials: arrays with leading axes (trials, ns, k), k one for all ε or one each.

    What is said of one (n, ε) must not depend on which others are asked for.

    Attributes:
        mask: the best mask met, (trials, ns, k, n, …), or None where hits need none.
        error: its error as the search sees it; infinite where none was met. It decides nothing: masks whose error is
            far above ε are not looked at again.
        least: certified: no mask of the first n parts leaves less, of this draw or of the law's own that it stands for
            (see `ltjax.laws`). A certificate for one ε says: just above ε. 0: nothing is known.
        hit_by, miss_by: index into the solver's `methods`: who found the mask, who knows the least error.
        most: certified upper bounds of the least error where there is no mask; None otherwise.
        proof: what the host checks a certificate of a miss with; None where nothing is to be checked.
    """

    mask: Any
    error: Any
    least: Any
    hit_by: Any
    miss_by: Any
    most: Any = None
    proof: Any = None


@dataclasses.dataclass(frozen=True)
class AbstractSolver(abc.ABC):
    """One method. Fields are what its search depends on."""

    name: ClassVar[str]
    """How `solver=` names it."""
    dtype = "float64"
    """In which draws and search are computed."""
    blocks_per_chunk: ClassVar[int] = 16
    """Blocks a device and dispatch, unless the caller chooses a chunk. It does not depend on the number of
    trials, so that runs of any length share one compilation; the last chunk is padded."""
    traced_sizes: ClassVar[bool] = False
    """Whether `search` takes its sizes as a traced array, so that runs at other sizes share one compilation. Then each
    size costs, and `look` looks at one."""
    misses: ClassVar[bool] = True
    """Whether the method ever knows that no mask works."""
    proofs: ClassVar[bool] = False
    """Whether its misses come with a proof that the host checks again; see `holds`."""

    near_kink: ClassVar[bool] = False
    """Whether it looks at nothing but the neurons near the target's kink, in the plane: at small ε these are drawn
    alone."""
    linear_only: ClassVar[bool] = False
    """Whether what it says holds for readout linear alone."""
    question: ClassVar[type[AbstractProblem]] = AbstractProblem
    """The kind of problem that it answers: masks of rows and masks of weights are not told apart by their options."""

    def serves(self, problem: AbstractProblem) -> bool:
        """Whether this solver's word holds for the problem: what both have an option for must agree."""
        readout = getattr(problem, "readout", "linear")
        shared = {field.name for field in dataclasses.fields(self)} & {
            field.name for field in dataclasses.fields(problem)
        }
        same = all(getattr(self, name) == getattr(problem, name) for name in shared)
        return isinstance(problem, self.question) and same and not (self.linear_only and readout != "linear")

    def for_misses(self) -> "AbstractSolver | None":
        """What is left of this solver where only misses are wanted; None where it finds none."""
        return self if self.misses else None

    @property
    def methods(self) -> tuple[str, ...]:
        """Whose word a decision may rest on."""
        return (self.name,)

    def places(self, n: int) -> int:
        """How many parts to draw where n is the largest size asked for: at least n."""
        return n

    @abc.abstractmethod
    def block(self, n: int) -> int:
        """Trials that one call of `search` should take together."""

    @abc.abstractmethod
    def search(self, instances: Any, ns: Any, eps: Array) -> Any:
        """Search drawn trials (leading axis: trials): a pytree with that leading axis. Pure and jittable.

        `ns` is a tuple of whole numbers, or an array of them where `traced_sizes` says so.
        """

    def look(self, instances: Any, size: Array, eps: Array) -> Found:
        """What is said at one ε, and at one size or at a size a trial, leading axis trials; where sizes are traced."""
        raise RuntimeError(f"the solver {self.name} decides all sizes at once: it is broken")

    def search_first(self, instances: Any, ns: Any, eps: Array) -> Any:
        """As `search`, but only at the sizes that it takes to know, for each trial, the least that hits and the
        largest that misses; nothing is said at others."""
        if not self.traced_sizes:
            return self.search(instances, ns, eps)
        return bisected(self.look, instances, ns, eps, self.misses)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        """What was found, on the host in NumPy; here certificates are checked again and other solvers called."""
        del problem, instances, ns, eps
        return found

    def holds(self, problem: AbstractProblem, instance: Any, size: int, eps: float, proof: np.ndarray) -> bool:
        """Whether a `proof` of a miss holds in float64, on the host, for the first `size` parts."""
        raise RuntimeError(f"the solver {self.name} gives no proofs to check: it is broken")

    def as_searched(self, ns: tuple[int, ...]) -> Any:
        """The sizes as `search` takes them."""
        return np.asarray(ns, np.int64) if self.traced_sizes else ns

    def __str__(self) -> str:
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        shown = ", ".join(
            f"{key} {value}" for key, value in options.items() if value not in (None, False) and key != "dtype"
        )
        return f"{self.name} ({shown})" if shown else self.name


def size_class(n: int) -> int:
    """The least of few sizes that n fits in: eighths of an octave. Shapes must not depend on which sizes are asked for
    together, and few of them need compiling."""
    step = max(1, octave(n) // 16)
    return -(-n // step) * step


def octave(n: int) -> int:
    """The least power of two that n fits in: for methods that cost little more there than at n, but long to compile."""
    return 1 << (n - 1).bit_length()


COARSE = 4096
"""Up to so many neurons of the plane the sizes of an octave share a program; with more, drawing the others would
cost."""


def in_cells(look: Callable[[Any, Array, Array], Found], instances: Any, ns: Any, eps: Array) -> Found:
    """A search of one size and precision, at every size and precision: nothing goes from one cell to another.

    Args:
        look: `(instances, size, ε) -> Found` with leading axis trials.
        instances: with leading axis trials.
        ns, eps: arrays.
    """
    sizes = jnp.asarray(ns)
    cells = jnp.repeat(sizes, len(eps)), jnp.tile(jnp.asarray(eps, float), len(sizes))
    found = jax.lax.map(lambda cell: look(instances, *cell), cells)

    def laid_out(x: Array) -> Array:
        return jnp.moveaxis(x.reshape(len(sizes), len(eps), *x.shape[1:]), 2, 0)

    return jax.tree.map(laid_out, found)


class AbstractHostSolver(AbstractSolver):
    """A method that the host leads: nothing is left to the device's search."""

    blocks_per_chunk = 1
    traced_sizes = True

    def search(self, instances: Any, ns: Any, eps: Array) -> Any:
        del ns, eps
        return jnp.zeros(jax.tree.leaves(instances)[0].shape[0], bool)

    def search_first(self, instances: Any, ns: Any, eps: Array) -> Any:
        return self.search(instances, ns, eps)

    def read(self, problem: AbstractProblem, instances: Any, found: Any, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        trials = np.shape(jax.tree.leaves(instances)[0])[0]
        return self.ask(instances, np.ones((trials, len(ns), len(eps)), bool), ns, eps)

    @abc.abstractmethod
    def ask(self, instances: Any, asked: np.ndarray, ns: tuple[int, ...], eps: np.ndarray) -> Found:
        """What is found where it is asked for, (trials, ns, eps), in NumPy; elsewhere nothing is said."""


class _Bisection(NamedTuple):
    """What a search for the least size that hits, then for the largest that misses, knows.

    Attributes:
        found: at one ε, (trials, ns, …).
        seen: sizes looked at that are no misses, (trials, ns).
        low, high: each trial's change lies between these two sizes.
        hits: whether it is hits that are looked for.
    """

    found: Found
    seen: Array
    low: Array
    high: Array
    hits: Array


def bisected(look: Callable[[Any, Array, Array], Found], instances: Any, ns: Any, eps: Array, misses: bool) -> Found:
    """A search of one size and precision, at the few sizes of each trial that bisection asks for."""
    sizes, count = jnp.asarray(ns), len(ns)
    trials = jax.tree.leaves(instances)[0].shape[0]
    row, number = jnp.arange(trials), jnp.arange(count)

    def at_precision(eps: Array) -> Found:
        def go_on(state: _Bisection) -> Array:
            return jnp.any(state.high - state.low > 1)

        def step(state: _Bisection) -> _Bisection:
            found, seen, low, high, hits = state
            middle = (low + high) // 2
            at = jnp.clip(middle, 0, count - 1)
            one = look(instances, sizes[at], eps)
            asked = high - low > 1
            missed, hit = (one.least > eps) & asked, (one.error <= eps) & asked

            def stored(whole: Array, part: Array) -> Array:
                wide = asked.reshape(asked.shape + (1,) * (part.ndim - 1))
                return whole.at[row, at].set(jnp.where(wide, part, whole[row, at]))

            found = jax.tree.map(stored, found, one)
            seen = seen.at[row, at].max(asked & ~missed)
            down = jnp.where(hits, hit, ~missed)
            low, high = jnp.where(asked & ~down, middle, low), jnp.where(asked & down, middle, high)
            if misses:
                # Then the misses; what was seen on the way to the hits does not have to be looked at again.
                turn = hits & ~jnp.any(high - low > 1)
                certified = found.least > eps
                low = jnp.where(turn, jnp.max(jnp.where(certified, number, -1), axis=1), low)
                high = jnp.where(turn, jnp.min(jnp.where(seen, number, count), axis=1), high)
                hits = hits & ~turn
            return _Bisection(found, seen, low, high, hits)

        shape = jax.eval_shape(lambda: look(instances, sizes[jnp.zeros(trials, int)], eps))
        nothing = jax.tree.map(lambda x: jnp.zeros((trials, count, *x.shape[1:]), x.dtype), shape)
        nothing = nothing._replace(error=jnp.full((trials, count), jnp.inf))
        low, high = jnp.full(trials, -1), jnp.full(trials, count)
        start = _Bisection(nothing, jnp.zeros((trials, count), bool), low, high, jnp.ones((), bool))
        return jax.lax.while_loop(go_on, step, start).found

    found = jax.lax.map(at_precision, jnp.asarray(eps, float))
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 2), found)


def each_trial(look: Callable[[Any, Array], Found], instances: Any, size: Array) -> Found:
    """`look(instance, size)` at every trial, at one size for all or at its own."""
    trials = jax.tree.leaves(instances)[0].shape[0]
    sizes = jnp.broadcast_to(size, (trials,))
    if trials == 1:
        # A search that takes its trials one by one branches; mapped over a batch it would go both ways.
        one = look(jax.tree.map(lambda x: x[0], instances), sizes[0])
        return jax.tree.map(lambda x: x[None], one)
    return jax.vmap(look)(instances, sizes)


__all__ = [
    "COARSE",
    "AbstractHostSolver",
    "AbstractSolver",
    "Found",
    "bisected",
    "each_trial",
    "in_cells",
    "octave",
    "size_class",
]
