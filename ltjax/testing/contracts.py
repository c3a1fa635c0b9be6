"""The contracts of problems, patterns and solvers, as checks that anyone can run on her own.

Each check raises an `AssertionError` whose one line says what does not hold and where. They are slow and thorough:
small sizes, few trials, every mask.
"""

import dataclasses
import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.outcomes import HIT, MISS
from ltjax.patterns import AbstractPattern, get_pattern
from ltjax.problems.base import AbstractProblem, at_trial, bounds_of, fields_of
from ltjax.solvers.base import AbstractSolver
from ltjax.trials.counts import count
from ltjax.trials.decide import Decision
from ltjax.trials.dispatch import decisions
from ltjax.trials.plan import plan

MOST_BITS = 12


def _say(true: bool | np.bool_, what: str) -> None:
    if not true:
        raise AssertionError(what)


def _say_a_value(kind: str, value: Any) -> None:
    """Hashable, and equal to its copy from another process."""
    try:
        twin = pickle.loads(pickle.dumps(value))
        same = hash(twin) == hash(value)
    except Exception as error:  # pickle raises what it likes
        raise AssertionError(f"the {kind} has no copy in another process, or no hash: {error}") from None
    _say(same, f"the {kind}'s copy has another hash")
    _say(twin == value, f"the {kind} does not equal its copy from another process")


def every_mask(n: int, pieces: tuple[int, ...] = ()) -> np.ndarray:
    """All masks of n parts, shape (2^(n·pieces), n, …)."""
    bits = n * int(np.prod(pieces, dtype=int))
    return ((np.arange(1 << bits)[:, None] >> np.arange(bits)) % 2 == 1).reshape(-1, n, *pieces)


def least_error(problem: AbstractProblem, instance: Any, n: int, pieces: tuple[int, ...] = ()) -> tuple[float, float]:
    """Bounds of the least error of any mask on the first n parts, by the problem's own `error` of every mask."""
    drawn = len(next(iter(x for x in fields_of(instance).values() if np.ndim(x))))
    bounds = []
    for mask in every_mask(n, pieces):
        rest = ((0, drawn - n), *[(0, 0)] * len(pieces))
        bounds.append(problem.error(instance, np.pad(mask, rest)))
    lower, upper = np.array(bounds, float).min(axis=0)
    return float(lower), float(upper)


def check_problem(problem: AbstractProblem, *, n: int = 4, trials: int = 6, seed: int = 0) -> None:
    """What every problem promises.

    It is a plain value: hashable, equal to its copy from another process, with options that JSON holds. The first k
    parts of a draw do not depend on n. Bounds of an error are ordered and no NaN, of every mask, and hold for the same
    mask in a draw of more parts: else the hit probability could fall with n, and a threshold would have no meaning.

    Args:
        problem: yours.
        n: parts of the draws looked at, at most 12.
        trials: draws looked at.
        seed: of their keys.

    Raises:
        AssertionError: what does not hold.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    _say_a_value("problem", problem)
    json.dumps(problem.describe(), allow_nan=False)
    _say(1 <= n <= problem.max_n, f"max_n={problem.max_n} is too small for n={n}")
    keys = jax.random.split(jax.random.key(seed), trials)
    with jax.enable_x64(True):
        many, few = (
            jax.tree.map(np.asarray, jax.vmap(lambda key, k=k: problem.draw(key, k))(keys)) for k in (n + 2, n)
        )
    for name, array in fields_of(few).items():
        whole = fields_of(many)[name]
        same = whole[:, :n] if array.ndim > 1 and whole.shape[1] == array.shape[1] + 2 else whole
        # Not to the last bits: what is computed from the draws may round otherwise in arrays of another shape.
        equal = array.shape == same.shape and np.allclose(array, same, rtol=1e-12, atol=0.0, equal_nan=True)
        _say(equal, f"`{name}` of the first parts depends on n")
    for t in range(trials):
        instance, larger = at_trial(few, t), at_trial(many, t)
        for mask in every_mask(n):
            try:
                lower, upper = bounds_of(problem, instance, mask)
                low, high = bounds_of(problem, larger, np.pad(mask, (0, 2)))
            except IndexError:
                return  # masks of this problem have pieces: its solvers' masks are checked instead
            except ArgumentError as error:
                raise AssertionError(f"trial {t}: {error}") from None
            _say(lower <= upper, f"error bounds {lower} and {upper} are no numbers in trial {t}")
            slack = 1e-12 * (1.0 + abs(upper))
            _say(
                lower <= high + slack and low <= upper + slack,
                f"the error of a mask depends on n in trial {t}: [{lower}, {upper}] with {n} parts, [{low}, {high}] "
                f"with the same mask of {n + 2}",
            )


def check_pattern(pattern: AbstractPattern, *, d: int = 3, n: int = 3) -> None:
    """What every pattern promises, of all masks of up to n neurons with d inputs.

    It is a plain value with a name of its own. `allows` gives one bool for each mask, in whatever batch. The empty mask
    is allowed, and so is what is allowed of k neurons with one more that is cut. `masks` lists what `allows` allows,
    `bits` counts it, and what `one_each` and `rows_on` say is so.

    Args:
        pattern: yours.
        d, n: at most 12 weights in all.

    Raises:
        AssertionError: what does not hold.
        ArgumentError: for d that the pattern does not fit, and for more than 12 weights.
    """
    n, d = arguments.whole("n", n, 1), arguments.whole("d", d, 1)
    arguments.whole("n·d", n * d, 1, MOST_BITS)
    pattern.check(d)
    _say_a_value("pattern", pattern)
    own = type(pattern).name is not AbstractPattern.name
    _say(own or not dataclasses.fields(pattern), "a pattern with fields needs a `name` that says them")
    try:
        named = get_pattern(pattern.name)
    except ArgumentError:
        named = pattern  # only yours has this name
    _say(named == pattern, f"name {pattern.name!r} is that of another pattern")
    for k in range(1, n + 1):
        _check_masks(pattern, k, d)


def _check_masks(pattern: AbstractPattern, n: int, d: int) -> None:
    every, where = every_mask(n, (d,)), f"n={n}, d={d}"
    fits = _allowed(pattern, every)
    for again in (_allowed(pattern, every.reshape(2, -1, n, d)).ravel(), [_allowed(pattern, mask) for mask in every]):
        _say(np.array_equal(again, fits), f"{where}: what is allowed depends on the batch")
    _say(fits[0], f"{where}: the empty mask is not allowed")
    _say_all(
        pattern,
        np.pad(every[fits], ((0, 0), (0, 1), (0, 0))),
        f"{where}: allowed, but not with one more neuron that is cut",
    )
    listed = np.asarray(pattern.masks(n, d))
    same = {mask.tobytes() for mask in listed} == {mask.tobytes() for mask in every[fits]}
    _say(
        listed.dtype == bool and len(listed) == fits.sum() and same,
        f"{where}: `masks` are not those that `allows` allows",
    )
    _say(not listed[0].any(), f"{where}: `masks` does not begin with the empty mask")
    count = np.log2(fits.sum())
    _say(
        abs(pattern.bits(n, d) - count) < 1e-9,
        f"{where}: `bits` is {pattern.bits(n, d):g}, log2 of the masks {count:g}",
    )
    if pattern.one_each:
        _say_all(pattern, every[every.sum(axis=2).max(axis=1) <= 1], f"{where}: `one_each`, but not allowed")
    for size in range(1, d + 1):
        for support in itertools.combinations(range(d), size):
            _check_rows(pattern, every, fits, support)


def _check_rows(pattern: AbstractPattern, every: np.ndarray, fits: np.ndarray, support: tuple[int, ...]) -> None:
    (n, d), found = every.shape[1:], pattern.rows_on(support, every.shape[2])
    if found is None:
        return
    where = f"n={n}, d={d}: `rows_on` {support} names {found.inputs}"
    on = np.isin(np.arange(d), found.inputs)
    _say(set(support) <= set(found.inputs) <= set(range(d)), f"{where}, which are not inputs with all of these")
    _say_all(pattern, every_mask(n)[:, :, None] & on, f"{where}, but not allowed")
    seen = every[fits][:, :, on]
    whole = np.all(seen.all(axis=2) | ~seen.any(axis=2), axis=1)
    if found.exact:
        _say(whole.all(), f"{where} as exact, where others are seen: {_shown(every[fits], ~whole)}")


def _allowed(pattern: AbstractPattern, masks: np.ndarray) -> np.ndarray:
    try:
        return pattern.allowed(masks)
    except ArgumentError as error:
        raise AssertionError(str(error)) from None
    except Exception as error:
        raise AssertionError(f"`allows` fails for masks of shape {masks.shape}: {error!r}") from error


def _say_all(pattern: AbstractPattern, masks: np.ndarray, what: str) -> None:
    """That all these are allowed, else the first that is not."""
    fits = _allowed(pattern, masks)
    _say(fits.all(), f"{what}: {_shown(masks, ~fits)}")


def _shown(masks: np.ndarray, which: np.ndarray) -> str:
    return str(masks[np.argmax(which)].astype(int).tolist()) if which.any() else ""


def check_solver(
    problem: AbstractProblem,
    ns: Sequence[int],
    eps: Sequence[float],
    *,
    solver: AbstractSolver | str | None = None,
    trials: int = 12,
    seed: int = 0,
) -> None:
    """What every solver promises of a problem.

    Every hit has a mask of the first n parts whose error anyone can bound again, within ε. No decision contradicts all
    masks, where these are few enough. No cell's decision depends on which others are asked for, on the chunk or the
    number of devices. The solver is a value: equal to its copy, so that a compiled search is found again.

    Args:
        problem: the question.
        ns, eps: cells looked at.
        solver: yours, or a name; None: what `choose` takes for each cell.
        trials: draws looked at.
        seed: of the key.

    Raises:
        AssertionError: what does not hold.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    key = jax.random.key(seed)
    one: dict[str, Any] = {"chunk": trials, "devices": jax.local_devices()[:1], "solver": solver}
    for share in plan(problem, ns, eps, solver):
        _say_a_value("solver", share.solver)
        (decision,) = list(decisions(share, trials, key, chunk=trials, devices=one["devices"]))
        _check_decision(problem, share.ns, share.eps, decision)
    together = count(problem, ns, eps, trials, key, **one)
    spread = count(problem, ns, eps, trials, key, chunk=max(1, trials // 2), solver=solver)
    same = np.array_equal(spread.hits, together.hits) and np.array_equal(spread.misses, together.misses)
    _say(same, "counts depend on the chunk or the devices")
    for n in ns:
        for e in eps:
            alone = count(problem, (n,), (e,), trials, key, **one)
            _say(alone.at(n, e) == together.at(n, e), f"n={n}, ε={e}: counts depend on the company")


def _check_decision(problem: AbstractProblem, ns: Sequence[int], eps: Sequence[float], decision: Decision) -> None:
    masks = decision.witness.get("mask", decision.witness.get("mask_u"))
    for t in range(len(decision)):
        instance = {name: array[t] for name, array in decision.instance.items()}
        record = _as_drawn(problem, instance)
        for i, n in enumerate(ns):
            where = f"trial {t}, n={n}"
            least = None
            if masks is not None and n * int(np.prod(masks.shape[4:], dtype=int)) <= MOST_BITS:
                least = least_error(problem, record, n, masks.shape[4:])
            for j, e in enumerate(eps):
                status = decision.status[t, i, j]
                _say((decision.by[t, i, j] >= 0) == (status in (HIT, MISS)), f"{where}: no method for a decision")
                if status == HIT and masks is not None:
                    mask = masks[t, i, min(j, masks.shape[2] - 1)]
                    _, upper = problem.error(record, mask, e)
                    _say(upper <= e, f"{where}, ε={e}: the mask's error is at most {upper}, no hit")
                if least is not None:
                    _say(status != HIT or least[0] <= e, f"{where}, ε={e}: a hit where every mask misses")
                    _say(status != MISS or least[1] > e, f"{where}, ε={e}: a miss where a mask hits")


def _as_drawn(problem: AbstractProblem, arrays: dict[str, np.ndarray]) -> Any:
    """One trial's arrays in the form in which the problem draws them."""
    form = jax.eval_shape(lambda key: problem.draw(key, 1), jax.random.key(0))
    if hasattr(form, "_asdict"):
        return type(form)(**arrays)
    return arrays if isinstance(form, dict) else arrays["values"]


__all__ = ["check_pattern", "check_problem", "check_solver", "every_mask", "least_error"]
