"""What a measurement may use: fresh draws, counted, under one key and one budget of trials."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int8, Key

from ltjax import arguments
from ltjax.machine import devices as parallel
from ltjax.machine import settings
from ltjax.machine.interrupts import interruptible
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver
from ltjax.trials import counts
from ltjax.trials import dispatch as engine
from ltjax.trials.plan import plan
from ltjax.verify.budget import BUDGETS
from ltjax.verify.plain import refuse_unsayable


@dataclasses.dataclass
class Run:
    """What a measurement may use: its key, its trials, and a record of what it drew.

    Attributes:
        key: of this claim alone.
        budget: "quick", "standard" or "full".
        progress: told of finished trials.
        drawn: provenance of every set of draws.
        prepared: what the claim's `prepare` returned.
    """

    key: Key[Array, ""]
    budget: str
    progress: Callable[[str], None] = lambda message: None
    drawn: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    prepared: Any = None

    def generator(self) -> np.random.Generator:
        """NumPy's generator from this claim's key, for draws that cost more to compile than to make on the host."""
        return np.random.default_rng(np.asarray(jax.random.key_data(self.key)).tolist())

    def trials(self, quick: int) -> int:
        """The number of trials at this budget, given the quick budget's."""
        return round(quick * BUDGETS[self.budget])

    def _record(
        self,
        problem: AbstractProblem,
        ns: Sequence[int],
        eps: Sequence[float],
        quick: int,
        solver: AbstractSolver | str | None,
    ) -> tuple[int, Key[Array, ""]]:
        """How many trials of these cells are drawn, and under which key."""
        arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
        trials = self.trials(quick)
        described = problem.describe()
        self.progress(f"{described['problem']}, n up to {max(ns)}: {trials:,} trials")
        # How cells were drawn and decided, each way once.
        ways = dict.fromkeys(tuple(share.choice.describe().items()) for share in plan(problem, ns, eps, solver))
        both = {
            name: ", ".join(dict.fromkeys(str(dict(way).get(name)) for way in ways)) for name in ("solver", "dtype")
        }
        ranges = {"n": [min(ns), max(ns)], "eps": [min(eps), max(eps)]}
        self.drawn.append(described | ranges | {"trials": trials} | both)
        return trials, self._fresh_key()

    def _fresh_key(self) -> Key[Array, ""]:
        # Draws of one claim must not be draws of another set of the same claim.
        return jax.random.fold_in(self.key, len(self.drawn))

    def each(
        self,
        fn: Callable[[Key[Array, ""]], Any],
        quick: int,
        *,
        block: int,
        float64: bool = False,
        **described: Any,
    ) -> Any:
        """What `fn` makes of every fresh key, `quick` keys times the budget's factor, spread over all devices.

        Args:
            fn: `key -> pytree of arrays`, pure and traceable.
            quick: keys at the quick budget.
            block: keys that a device takes together.
            float64: whether `fn` runs in float64.
            described: what is drawn, for provenance; `problem` names it.

        Returns:
            the pytree of NumPy arrays, with a leading axis of keys.
        """
        trials, devices = self.trials(quick), parallel.local()
        sizes = [f"{name} = {described[name]:,}" for name in ("d", "eps", "n") if name in described]
        self.progress(f"{', '.join([described['problem'], *sizes])}: {trials:,} trials")
        dtype = "float64" if float64 else "float32"
        provenance = described | {"trials": trials, "block": block, "dtype": dtype}
        refuse_unsayable(provenance)
        self.drawn.append(provenance)
        index = np.arange(parallel.padded(trials, block, devices), dtype=np.uint32)
        key = self._fresh_key()

        @settings.pinned()
        def compute() -> Any:
            with jax.enable_x64(float64):
                keys = engine.trial_keys(key, parallel.put(index, devices))
                found = jax.jit(parallel.map_blocks(jax.vmap(fn), block, devices))(keys)
                return jax.tree.map(lambda x: np.asarray(x)[:trials], found)

        return interruptible(compute)

    def count(
        self,
        problem: AbstractProblem,
        ns: Sequence[int],
        eps: Sequence[float],
        quick: int,
        *,
        solver: AbstractSolver | str | None = None,
    ) -> counts.Counts:
        """Counts of fresh draws, `quick` trials times the budget's factor."""
        trials, key = self._record(problem, ns, eps, quick, solver)
        return counts.count(problem, ns, eps, trials, key, solver=solver)

    def side_by_side(
        self,
        problem: AbstractProblem,
        n: int,
        eps: Sequence[float],
        quick: int,
        solvers: Sequence[AbstractSolver | str | None],
    ) -> list[Int8[np.ndarray, "trials eps"]]:
        """What each of several methods says of the same fresh draws: HIT, MISS or UNDECIDED, trial by trial.

        Raises:
            RuntimeError: where methods draw differently.
        """
        found, drawn = [], []
        key: Any = None
        for solver in solvers:
            trials, own = self._record(problem, (n,), eps, quick, solver)
            key = own if key is None else key
            (share,) = plan(problem, (n,), eps, solver)
            said = list(engine.decisions(share, trials, key))
            found.append(np.concatenate([one.status[:, 0] for one in said]))
            # Of each draw the numbers or the rows; some methods draw a few parts more.
            drawn.append(np.concatenate([next(iter(one.instance.values()))[:, :n] for one in said]))
        if any(not np.array_equal(drawn[0], other) for other in drawn):
            raise RuntimeError("methods beside each other were given other draws: they are no comparison")
        return found

    def first_hits(
        self,
        problem: AbstractProblem,
        ns: Sequence[int],
        eps: Sequence[float],
        quick: int,
        *,
        solver: AbstractSolver | str | None = None,
    ) -> counts.FirstHits:
        """First hits of fresh draws, `quick` trials times the budget's factor."""
        trials, key = self._record(problem, ns, eps, quick, solver)
        return counts.first_hits(problem, ns, eps, trials, key, solver=solver)
