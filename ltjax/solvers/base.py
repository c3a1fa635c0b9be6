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
    """Whether `search` takes its sizes as a traced array, so that runs at other sizes share one compilation."""

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
        shown = ", ".join(f"{key} {value}" for key, value in options.items() if value is not None and key != "dtype")
        return f"{self.name} ({shown})" if shown else self.name


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


__all__ = ["AbstractSolver", "Found", "in_cells"]
