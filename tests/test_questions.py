"""The decision speaks of the question asked, not of its rounding; a problem is a plain value."""

import pickle
from typing import Any

import jax
import pytest

import ltjax
from ltjax import tickets
from ltjax.arguments import ArgumentError
from ltjax.patterns import get_pattern
from ltjax.problems.pruning import NeuronPruning, WeightPruning
from ltjax.problems.subset_sum import SubsetSum
from ltjax.solvers.all_masks import AllMasks
from ltjax.solvers.at_points import AllRows, Descent, Uncovered
from ltjax.solvers.choose import choose, dtype_for
from ltjax.solvers.elimination import Elimination
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.integer_program import IntegerProgram
from ltjax.solvers.line import LineSum
from ltjax.solvers.nearest_sum import NearestSum
from ltjax.solvers.plane import Arcs, Clusters, KinkLemma, LocalWalk, NearSearch
from ltjax.solvers.single_weights import AllWeights, WholeRows
from ltjax.trials.counts import count

KEY = jax.random.key(0)


@pytest.mark.wrong_types
@pytest.mark.parametrize("wrong", [SubsetSum, "subset-sum", None])
def test_a_class_or_a_name_is_no_problem(wrong):
    from ltjax.testing import Bound, check_problem, check_solver
    from ltjax.trials.counts import first_hits

    for ask in (
        lambda: ltjax.estimate(wrong, n=4, eps=0.1, key=KEY),
        lambda: ltjax.threshold(wrong, eps=0.1, key=KEY),
        lambda: count(wrong, (4,), (0.1,), 5, KEY),
        lambda: first_hits(wrong, (4,), (0.1,), 5, KEY),
        lambda: check_problem(wrong),
        lambda: check_solver(wrong, (4,), (0.1,)),
        lambda: choose(wrong, 4, 0.1),
        lambda: Bound(seed=0).at_most(wrong, n=4, eps=0.1, claimed=0.5),
    ):
        with pytest.raises(
            ArgumentError, match=r"^(problem|event)=.* is not allowed: .* is an instance such as SubsetSum"
        ):
            ask()


@pytest.mark.wrong_types
@pytest.mark.parametrize("wrong", [AllMasks, 3, ["all masks"]])
def test_a_class_or_a_number_is_no_solver(wrong):
    for ask in (
        lambda: ltjax.estimate(SubsetSum(), n=4, eps=0.1, key=KEY, solver=wrong),
        lambda: ltjax.threshold(SubsetSum(), eps=0.1, key=KEY, solver=wrong),
        lambda: count(SubsetSum(), (4,), (0.1,), 5, KEY, solver=wrong),
    ):
        with pytest.raises(
            ArgumentError, match=r"^solver=.* is not allowed: solver is an instance such as AllMasks\(\)"
        ):
            ask()


@pytest.mark.wrong_types
def test_a_file_is_no_target():
    wrong: Any = "target.npz"
    for ask in (
        lambda: tickets.build(wrong, 0.1),
        lambda: tickets.least_redundancy(wrong, get_pattern("weights"), 0.1, False),
    ):
        with pytest.raises(ArgumentError, match=r"^target='target.npz' is not allowed: target is an instance"):
            ask()


@pytest.mark.parametrize(
    ("problem", "n", "eps", "least", "most"),
    [
        # The empty set is off by exactly ε.
        (SubsetSum(law="rademacher", target=0.1), 1, 0.1, 1.0, 1.0),
        # x = 1 is off by 0.3; x = -1 leaves the empty set, off by 0.7 > ε.
        (SubsetSum(law="rademacher", target=0.7), 1, 0.69999999, 0.4, 0.6),
        # A hit asks for x >= 0.8. float32 has no 16777217.
        (SubsetSum(target=16777217.0), 1, 16777216.2, 0.05, 0.15),
        # One ulp of float64 on either side of a tie.
        (SubsetSum(law="rademacher", target=0.3), 2, 0.3, 1.0, 1.0),
    ],
)
def test_a_target_that_float32_does_not_hold_is_not_rounded(problem, n, eps, least, most):
    found = count(problem, (n,), (eps,), 1000, KEY)
    hits, _, undecided = found.at(n, eps)
    assert undecided == 0
    assert least * 1000 <= hits <= most * 1000


def test_a_tie_is_a_hit_and_a_hair_less_is_not():
    problem = SubsetSum(law="rademacher", target=0.1)
    assert count(problem, (1,), (0.1,), 50, KEY).hits[0, 0] == 50
    assert count(problem, (1,), (0.1 - 1e-15,), 50, KEY).hits[0, 0] == 0


def test_the_dtype_follows_the_laws_lattice():
    """Float32 where it leaves about one trial in a hundred undecided at most; the README's first command is decided."""
    assert dtype_for(SubsetSum(), 0.001) == "float32"
    assert dtype_for(SubsetSum(), 0.0005) == "float64"
    assert dtype_for(SubsetSum(law="normal"), 0.001) == "float64"
    assert dtype_for(SubsetSum(law="normal"), 0.1) == "float32"
    assert dtype_for(SubsetSum(target=0.1), 0.1) == "float64"
    found = ltjax.estimate(SubsetSum(law="normal"), n=12, eps=0.001, trials=2000, key=KEY)
    assert found.undecided == 0
    coarse = ltjax.estimate(SubsetSum(law="normal"), n=12, eps=0.001, trials=2000, key=KEY, solver="float32")
    assert coarse.undecided > 20


def test_an_answer_says_by_which_method_and_what_would_decide_the_rest():
    found = ltjax.estimate(ltjax.NeuronPruning(readout="relu"), n=100, eps=0.02, trials=12, key=KEY, solver="near")
    assert sum(hits + misses for hits, misses in found.by.values()) == found.hits + found.misses
    assert list(found.by) == ["near search"]
    assert found.undecided > 3
    assert found.advice is not None
    assert "near search found neither a mask nor a reason that there is none" in found.advice
    assert "solver=milp" in found.advice


@pytest.mark.parametrize(
    "problem",
    [ltjax.SubsetSum(law="normal-product"), ltjax.NeuronPruning(law="uniform"), ltjax.WeightPruning(d=3)],
    ids=str,
)
def test_a_problem_is_a_plain_value(problem):
    copy = pickle.loads(pickle.dumps(problem))
    assert copy == problem
    assert hash(copy) == hash(problem)
    assert choose(copy, 8, 0.1) == choose(problem, 8, 0.1)
    with jax.enable_x64(True):
        assert len(problem.draw(KEY, 3)[0]) == 3


def test_an_unknown_solver_is_named_with_those_that_are_known():
    with pytest.raises(ValueError, match="solver='guess' is not known for subset-sum: solver is one of auto, float32"):
        ltjax.estimate(ltjax.SubsetSum(), n=3, eps=0.1, trials=10, key=KEY, solver="guess")


def test_a_solver_of_another_question_is_refused():
    """The kink lemma speaks of the linear readout: with an outer ReLU its misses would be wrong."""
    relu = ltjax.NeuronPruning(readout="relu")
    for solver in (InOrder((KinkLemma(),)), LocalWalk(), Arcs("linear", 2, 16)):
        with pytest.raises(ValueError, match="it answers another question"):
            ltjax.estimate(relu, n=4, eps=0.1, trials=4, key=KEY, solver=solver)
    with pytest.raises(ValueError, match="it answers another question"):
        ltjax.estimate(ltjax.SubsetSum(size=2), n=4, eps=0.1, trials=4, key=KEY, solver=NearestSum())


def test_no_method_answers_a_question_of_another_kind():
    """Masks of rows and masks of weights have the same options; a miss of the one is no miss of the other."""
    kinds = {
        "sum": SubsetSum(),
        "rows": NeuronPruning(d=2),
        "rows, relu": NeuronPruning(d=2, readout="relu"),
        "rows, d = 1": NeuronPruning(d=1),
        "rows, d = 3": NeuronPruning(d=3),
        "weights, d = 1": WeightPruning(d=1),
        "weights": WeightPruning(d=2, readout="linear"),
        "weights, relu": WeightPruning(d=2, readout="relu"),
    }
    served = {
        NearestSum(): {"sum"},
        KinkLemma(): {"rows"},
        LocalWalk(): {"rows"},
        Arcs("relu"): {"rows, relu"},
        NearSearch("linear"): {"rows"},
        Clusters(): {"rows, relu"},
        IntegerProgram("relu"): {"rows, relu"},
        Elimination("linear"): {"rows", "rows, d = 3"},
        AllRows("relu"): {"rows, relu"},
        Descent("linear"): {"rows", "rows, d = 1", "rows, d = 3"},
        Descent("linear", pieces=2): {"weights"},
        Uncovered(): {"rows", "rows, d = 1", "rows, d = 3"},
        LineSum(): {"rows, d = 1"},
        LineSum(pieces=True): {"weights, d = 1"},
        AllWeights("relu"): {"weights, d = 1", "weights, relu"},
        WholeRows("linear"): {"weights"},
        AllMasks(): set(kinds),
    }
    for solver, some in served.items():
        assert {name for name, problem in kinds.items() if solver.serves(problem)} == some, solver
    with pytest.raises(ArgumentError, match="answers another question"):
        choose(WeightPruning(d=2, readout="relu"), 4, 0.1, Arcs("relu"))
