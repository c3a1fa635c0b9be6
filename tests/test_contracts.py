"""The contracts of problems and solvers, as a table over all of them here; the same checks serve strangers."""

import dataclasses
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest

from ltjax import NeuronPruning, SubsetSum, WeightPruning
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import Pruning
from ltjax.solvers.all_masks import AllMasks
from ltjax.testing import check_problem, check_solver

sys.path.insert(0, str(Path(__file__).parent / "strangers"))
from blocks import BlockPruning

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
