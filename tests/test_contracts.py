"""The contracts of problems, patterns and solvers, as a table over all of them here; the same checks serve strangers.

That built-in patterns keep theirs is in tests/test_patterns.py.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from ltjax import NeuronPruning, SubsetSum, WeightPruning
from ltjax.arguments import ArgumentError
from ltjax.patterns import AbstractPattern, RowsOn, get_pattern
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import Pruning
from ltjax.solvers.all_masks import AllMasks
from ltjax.testing import check_pattern, check_problem, check_solver

sys.path.insert(0, str(Path(__file__).parent / "strangers"))
from blocks import BlockPruning
from diagonals import Parity
from unfinished import AtMost, Scalar

PROBLEMS = [
    BlockPruning(),
    SubsetSum(),
    SubsetSum(law="normal-relu-product", target="uniform"),
    SubsetSum(law="rademacher", size=2),
    SubsetSum(d=2),
    NeuronPruning(),
    NeuronPruning(d=1, law="uniform"),
    NeuronPruning(d=1, bias=True, readout="relu"),
    NeuronPruning(d=3, readout="relu"),
    WeightPruning(),
    WeightPruning(d=1),
    WeightPruning(d=3, target="axis"),
]
DEAR = pytest.mark.slow
# What compiles long and is not slow has one ε here; in the company of several it is in tests/test_company.py.
SOLVERS = [
    (BlockPruning(size=3), (2, 5), (0.3, 0.1), None),
    (SubsetSum(law="normal"), (2, 7), (0.1, 0.001), None),
    (SubsetSum(law="uniform-product", max_size=2), (2, 7), (0.1, 0.01), None),
    (SubsetSum(d=2), (3, 6), (0.3, 0.1), None),
    (SubsetSum(target=0.3), (2, 7), (0.1, 0.01), "float32"),
    (SubsetSum(target="cover"), (3, 6), (0.3, 0.1), None),
    (SubsetSum(), (2, 5), (0.1, 0.01), "all masks"),
    (SubsetSum(law="normal"), (2, 7), (0.1, 0.01), "differencing"),
    pytest.param(NeuronPruning(), (3, 8), (0.5, 0.35), "swaps", marks=DEAR),
    pytest.param(NeuronPruning(readout="relu"), (3, 8), (0.5, 0.35), "bernoulli", marks=DEAR),
    pytest.param(WeightPruning(), (2, 5), (0.6, 0.3), "edge-popup", marks=DEAR),
    pytest.param(Pruning(d=3, pattern="1:2"), (2, 4), (0.6, 0.3), "swaps", marks=DEAR),
    (NeuronPruning(d=1), (4, 7), (0.2, 0.05), None),
    (WeightPruning(d=1), (4, 7), (0.2, 0.05), None),
    pytest.param(NeuronPruning(), (3, 6), (0.5,), None, marks=DEAR),
    pytest.param(NeuronPruning(readout="relu"), (4, 8), (0.5, 0.35), None, marks=DEAR),
    (NeuronPruning(), (3, 6), (0.5,), "milp"),
    (NeuronPruning(readout="relu"), (4, 30), (0.02,), "elimination"),
    pytest.param(NeuronPruning(readout="relu"), (4, 10), (0.4, 0.2), "arcs", marks=DEAR),
    pytest.param(NeuronPruning(d=3), (4, 16), (0.2, 0.02), "elimination", marks=DEAR),
    pytest.param(NeuronPruning(), (200, 800), (0.01, 0.005), "near", marks=DEAR),
    pytest.param(NeuronPruning(), (6, 20, 60), (0.3, 0.2), "whole", marks=DEAR),
    pytest.param(NeuronPruning(d=1, bias=True), (4, 16), (0.3, 0.1), None, marks=DEAR),
    pytest.param(NeuronPruning(d=3), (4, 16), (0.6, 0.3), None, marks=DEAR),
    pytest.param(NeuronPruning(d=3), (500, 2000), (0.009, 0.006), None, marks=DEAR),
    pytest.param(NeuronPruning(d=4, readout="relu"), (4, 16), (0.6, 0.3), None, marks=DEAR),
    (WeightPruning(), (3, 8), (0.6,), None),
    (WeightPruning(), (3, 9), (0.3,), "blocks"),
    pytest.param(WeightPruning(readout="linear"), (3, 8), (0.6, 0.3), None, marks=DEAR),
    pytest.param(WeightPruning(d=3, readout="linear"), (3, 8), (0.6, 0.3), None, marks=DEAR),
    (WeightPruning(readout="linear", target="axis"), (3, 9), (0.3, 0.05), None),
]


@pytest.mark.parametrize("problem", PROBLEMS, ids=str)
def test_every_problem_keeps_its_contract(problem):
    check_problem(problem, n=3, trials=4)


@pytest.mark.parametrize(("problem", "ns", "eps", "solver"), SOLVERS)
def test_every_solver_keeps_its_contract(problem, ns, eps, solver):
    check_solver(problem, ns, eps, solver=solver, trials=8)


class Sums(NamedTuple):
    values: jax.Array | np.ndarray


@dataclasses.dataclass(frozen=True)
class Sloppy(AbstractProblem):
    """Sums of uniform numbers against ½; `fault` says what is wrong with it."""

    fault: str = ""
    name = "sloppy"

    def draw(self, key, n):
        if self.fault == "prefix":
            key = jax.random.fold_in(key, n)
        return Sums(jax.random.uniform(key, (n,), minval=-1.0))

    def error(self, instance, mask, eps=None) -> Any:
        error = abs(0.5 - float(instance.values[mask].sum()))
        if self.fault == "one":
            return error
        if self.fault == "size":
            error += len(mask) / 10
        return (error + 1.0, error) if self.fault == "order" else (error, error)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("prefix", "depends on n"),
        ("order", "out of order"),
        ("one", "must return two numbers"),
        ("size", "the error of a mask depends on n"),
    ],
)
def test_a_broken_problem_is_told_what_it_breaks(fault, message):
    check_problem(Sloppy())
    with pytest.raises(AssertionError, match=message):
        check_problem(Sloppy(fault))


@dataclasses.dataclass(frozen=True)
class Broken(AllMasks):
    """All masks, but wrong in one way."""

    wrong: str = ""

    def read(self, problem, instances, found, ns, eps):
        found = AllMasks().read(problem, instances, found, ns, eps)
        if self.wrong == "company" and len(ns) > 1:
            return found._replace(mask=0 * found.mask, error=found.error + 9.0)
        if self.wrong == "miss":
            return found._replace(least=np.full_like(found.least, 9.0), mask=0 * found.mask, error=found.error + 9.0)
        return found


@pytest.mark.parametrize(("fault", "message"), [("company", "company"), ("miss", "a miss where a mask hits")])
def test_a_broken_solver_is_told_what_it_breaks(fault, message):
    check_solver(Sloppy(), (2, 5), (0.3, 0.1), solver=Broken())
    with pytest.raises(AssertionError, match=message):
        check_solver(Sloppy(), (2, 5), (0.3, 0.1), solver=Broken(fault))


@dataclasses.dataclass(frozen=True)
class NoEmpty(AbstractPattern):
    def allows(self, mask):
        return mask.any(axis=(-2, -1))


@dataclasses.dataclass(frozen=True)
class LastMustStay(AbstractPattern):
    def allows(self, mask):
        return mask[..., -1, :].any(axis=-1) | ~mask.any(axis=(-2, -1))


class Unlike(Parity):
    """It equals no copy."""

    def __eq__(self, other):
        return self is other

    __hash__ = Parity.__hash__


@dataclasses.dataclass(frozen=True)
class Lying(AbstractPattern):
    """At most one weight a neuron, but `fault` says what is wrong of what it says besides."""

    fault: str = ""

    @property
    def name(self):
        return "rows" if self.fault == "name" else f"lying:{self.fault}"

    def allows(self, mask):
        if self.fault == "axes":
            return np.einsum("mnd->mn", mask.astype(int)).max(axis=1) <= 1
        if self.fault == "batch" and mask.ndim > 3:
            return np.ones(mask.shape[:-2], bool)
        return mask.sum(axis=-1).max(axis=-1) <= (0 if self.fault == "one" else 1)

    def masks(self, n, d):
        masks = super().masks(n, d)
        return {"masks": masks[:-1], "order": masks[::-1]}.get(self.fault, masks)

    def bits(self, n, d):
        return super().bits(n, d) + (self.fault == "bits")

    @property
    def one_each(self):
        return True

    def rows_on(self, support, d):
        if self.fault == "support":
            return RowsOn((), True)
        if self.fault == "rows":
            return RowsOn(tuple(range(d)), False)
        return RowsOn(support, True) if len(support) == 1 else None


@dataclasses.dataclass(frozen=True)
class Inexact(Lying):
    """Any weights, which are no whole rows on two inputs."""

    def allows(self, mask):
        return np.ones(mask.shape[:-2], bool)

    def rows_on(self, support, d):
        return RowsOn(support, True)


PATTERNS = [
    (NoEmpty(), "n=1, d=3: the empty mask is not allowed"),
    (LastMustStay(), "n=1, d=3: allowed, but not with one more neuron that is cut: [[1, 0, 0], [0, 0, 0]]"),
    (
        Scalar(),
        "pattern='unfinished:Scalar' is not allowed: for masks of shape (8, 1, 3) `allows` gives one bool each, "
        "of shape (8,), not bool of shape ()",
    ),
    (AtMost(2), "a pattern with fields needs a `name` that says them"),
    (Lying("name"), "name 'rows' is that of another pattern"),
    (Lying("axes"), "`allows` fails for masks of shape (2, 4, 1, 3): "),
    (Lying("batch"), "n=1, d=3: what is allowed depends on the batch"),
    (Lying("one"), "n=1, d=3: `one_each`, but not allowed: [[1, 0, 0]]"),
    (Lying("masks"), "n=1, d=3: `masks` are not those that `allows` allows"),
    (Lying("order"), "n=1, d=3: `masks` does not begin with the empty mask"),
    (Lying("bits"), "n=1, d=3: `bits` is 3, log2 of the masks 2"),
    (Lying("support"), "n=1, d=3: `rows_on` (0,) names (), which are not inputs with all of these"),
    (Lying("rows"), "n=1, d=3: `rows_on` (0,) names (0, 1, 2), but not allowed: [[1, 1, 1]]"),
    (Inexact(), "n=1, d=3: `rows_on` (0, 1) names (0, 1) as exact, where others are seen: [[1, 0, 0]]"),
    (Unlike(), "the pattern does not equal its copy from another process"),
]


@pytest.mark.parametrize(("pattern", "message"), PATTERNS, ids=lambda x: "" if isinstance(x, str) else repr(x))
def test_a_broken_pattern_is_told_what_it_breaks(pattern, message):
    check_pattern(Lying())
    with pytest.raises(AssertionError) as error:
        check_pattern(pattern)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_what_has_no_copy_or_hash_is_told():
    class Local(Parity):
        pass

    class Unpacked(Sloppy):
        pass

    for check in (lambda: check_pattern(Local()), lambda: check_problem(Unpacked())):
        with pytest.raises(AssertionError, match="has no copy in another process, or no hash: ") as error:
            check()
        assert "\n" not in str(error.value)


def test_a_pattern_is_checked_where_all_masks_can_be():
    with pytest.raises(ArgumentError, match="n·d=16 is not allowed: n·d is a whole number from 1 to 12"):
        check_pattern(Parity(), n=4, d=4)
    with pytest.raises(ArgumentError, match="kept=4 is not allowed: kept is a whole number from 1 to 3"):
        check_pattern(get_pattern("exactly:4"), d=3)
