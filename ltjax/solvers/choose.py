"""Which method answers which question at (n, ε): the README's table, as code.

| problem | sizes and precisions | method |
|---|---|---|
| subset sum | all | meet in the middle; for coverage all sums in order |
| pruning, d = 1 | all | one subset sum |
| rows, d = 1 with bias, d >= 3 | up to 13 neurons | all masks at points; linear: no breakpoint, no direction |
| | more | descent; linear: no breakpoint near, a direction uncovered |
| | linear, d >= 3, besides | before the descent: subsets of the neurons with the nearest normals |
| | readout linear, 3 <= d <= 16 | before all: the nearest normal |
| | readout relu, d >= 3, n·ε <= 0.3 | after the descent: elimination in planes through the target |
| | the same, normal, ε < 0.01 or n > 20,000 | the nearest normal, neurons near the target's normal alone |
| rows, law with atoms | linear, axis | sums of the rows that read the target's input alone |
| | else | all masks at points to 13 neurons, then a descent |
| rows, d = 2 | up to 48 neurons | arcs; what they leave: elimination, integer programming |
| | to 80, or n·ε <= 1.3·(ε/0.01)^(1/5) | the search near the kink; elimination, then arcs or integer programming |
| | more | the search near the kink |
| | readout relu, n·ε <= 0.5 | elimination alone |
| | readout relu, from 49 neurons to n·ε = 6, ε >= 3e-5 | besides, after that search: clusters |
| | readout linear, besides | before all: the kink lemma; from 49 neurons on: the local walk |
| scissors, relu or axis | up to 12 weights | all masks at points |
| | more | an axis: its one sum; else sums that share neurons |
| scissors, linear, generic | up to 12 weights | all masks at points; d = 2: the kink lemma for sub-rows |
| | more | d = 2: whole rows, the kink lemma for sub-rows; d >= 3: a descent over whole rows |
| a pattern that is whole rows on inputs that matter | all | those rows' method |
| axis target, at most 3 neurons a sum | all | the best sum of so few |
| axis target, one input of R neurons together | linear, or over 12 weights | subset sums of vectors |
| rows and a few cuts, axis target | linear, d = 2 to 16, n = 1000 at most | sums of neurons cut to the axis |
| any other pattern | up to 12 weights | all masks at points |
| | more, relu, one weight a neuron allowed | sums that share neurons |
| | more | whole rows where the pattern has them; linear, d = 2: the kink lemma for sub-rows |
| any other problem | up to 16 parts | all masks |

Below ε = 0.01 rows in the plane are drawn near the target's kink only, and how many, so that a trial costs the same
at any ε; for readout relu only where neither elimination nor clusters can decide.
"""

import bisect
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.bounds import nearest_normal
from ltjax.laws import get_law
from ltjax.networks.caps import candidate_share
from ltjax.patterns import Block, Budget, RowsAndCuts
from ltjax.problems.base import AbstractProblem
from ltjax.problems.pruning import MOST_DIMENSIONS, MOST_PLACES, AbstractPruning, NeuronPruning, Pruning, WeightPruning
from ltjax.problems.subset_sum import SubsetSum
from ltjax.search.masks.arcs import MOST
from ltjax.search.masks.at_points import ALL_TERMS
from ltjax.search.masks.single_weights import ALL_WEIGHTS
from ltjax.search.sums.few_terms import MOST_TERMS
from ltjax.search.sums.nearest import MAX_TERMS
from ltjax.solvers.all_masks import MOST_PARTS, AllMasks
from ltjax.solvers.at_points import AllRows, Descent, NoBreakpoint, Uncovered
from ltjax.solvers.axis_cuts import AxisCuts
from ltjax.solvers.axis_rows import AxisRows
from ltjax.solvers.axis_sums import FewTerms, GroupSums
from ltjax.solvers.base import AbstractSolver
from ltjax.solvers.elimination import Elimination
from ltjax.solvers.in_order import InOrder
from ltjax.solvers.integer_program import IntegerProgram
from ltjax.solvers.line import LineSum
from ltjax.solvers.nearest_sum import Coverage, NearestSum
from ltjax.solvers.normals import CapSearch, NearestNormal
from ltjax.solvers.on_inputs import OnInputs
from ltjax.solvers.plane import Arcs, Clusters, KinkLemma, LocalWalk, NearSearch
from ltjax.solvers.searches import SEARCHES
from ltjax.solvers.single_weights import AllWeights, AxesAndRows, Blocks, Shared, WholeRows

WHOLE_EPS = 0.01
"""Below this, drawing whole networks of the size it takes would only draw neurons that play no part."""
WINDOW = 100.0
"""In units of ε: farther kinks hardly ever help a hit, and a miss needs none of them."""
NARROW = WINDOW * 1e-4
"""Of a narrower window more choices are tried."""
REACH = 1.3
"""Of n·ε at ε = 0.01: beyond it elimination leaves more neurons than the exact methods take. As it was measured, this
falls with ε: 0.55 at 1e-3, 0.3 to 0.4 at 1e-4, 0.25 at 1e-5, 0.15 to 0.2 at 1e-6; a fifth root is a little above."""
PROGRAMMED = 80
"""Up to so many neurons integer programming decides, whatever elimination leaves."""
SURVIVORS = 68
"""Of more neurons, up to so many that are left: with more it seldom comes to an end, and takes longest."""
CAPS = 12.0
"""In units of ε/c_d: neurons with normals farther from the target's are not drawn, in d >= 3 dimensions."""
WIDEST_CAP = 0.9
"""Nor, radians, any beyond this."""
LARGEST_ROWS = 20_000
"""So many neurons are drawn whole in d >= 3 dimensions."""
LARGEST_CUT = 1000
"""Of so many neurons the sums of three are looked at."""
LARGEST_WHOLE = 10**6
"""So many neurons are drawn where only a whole network tells."""
MISSED = 0.5
"""Of n·ε, readout relu: up to here nearly all networks miss, and elimination says so before a search for hits is
compiled."""
MISSED_BEYOND = 0.3
"""Of n·ε, readout relu, d >= 3: half of the networks miss, and elimination says so, at 0.15 to 0.2."""
COARSE_DESCENT = 0.03
"""Of ε, readout relu, d >= 3: below it a descent among as many neurons as a hit takes lasts minutes."""
CLUSTERED = 6.0
"""Of n·ε, readout relu: up to here clusters find hits that the search near the kink does not."""
FINEST_CLUSTERS = 3e-5
"""Of ε: below it too few pairs of choices meet."""
SHARE = 0.01
"""Of trials that the generator's lattice may leave undecided, about, where float32 is taken for float64."""


@dataclasses.dataclass(frozen=True)
class Drawn:
    """All that a draw depends on, besides its key: equal ones are one compiled program.

    Attributes:
        problem: whose trials these are, or one that draws alike.
        places: parts that are listed.
        window: only neurons that bend within this angle of the target's kink, radians; None: the whole network.
    """

    problem: AbstractProblem
    places: int
    window: float | None = None

    def __call__(self, key: Any) -> Any:
        """One trial."""
        if self.window is None:
            return self.problem.draw(key, self.places)
        return self.problem.draw_near(key, self.places, self.window)  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Choice:
    """How a cell is drawn and decided.

    Attributes:
        solver: the method.
        window: draw only neurons that bend within this angle of the target's kink, radians; None: the whole network.
    """

    solver: AbstractSolver
    window: float | None = None

    def drawn(self, problem: AbstractProblem, n: int) -> "Drawn":
        """What is drawn for sizes up to n."""
        if self.window is None:
            return Drawn(problem.drawn_as, self.solver.places(n))
        near = problem.near  # type: ignore[attr-defined]
        return Drawn(near.drawn_as, near.near_places(n, self.window), self.window)

    def draw(self, problem: AbstractProblem, key: Any, n: int) -> Any:
        """One trial for sizes up to n. Its first k parts do not depend on n."""
        return self.drawn(problem, n)(key)

    def describe(self) -> dict[str, Any]:
        """What a trial's numbers and its decision depend on, besides the problem."""
        cls = type(self.solver)
        # A name is the solver's own choice: one from outside is told apart from ours by where it is.
        outside = "" if cls.__module__.startswith("ltjax.") else f", {cls.__module__}:{cls.__qualname__}"
        drawn = {"solver": f"{self.solver}{outside}", "dtype": self.solver.dtype, "window": self.window}
        return {key: value for key, value in drawn.items() if value is not None}


def choose(problem: AbstractProblem, n: int, eps: float, solver: AbstractSolver | str | None = None) -> Choice:
    """How one cell is drawn and decided; it depends on nothing but the problem, n and ε.

    Args:
        problem: the question.
        n, eps: the cell.
        solver: a solver, a name of `names(problem)`, a class of one's own as "module:Class" (see `own`), or None or
            "auto": the table above.

    Raises:
        ArgumentError: for a name that is not known, or not known for this problem.
    """
    arguments.instance("problem", problem, AbstractProblem, "SubsetSum()")
    if solver is not None and not isinstance(solver, str):
        arguments.instance("solver", solver, AbstractSolver, "AllMasks(), a name, or module:Class")
    if isinstance(solver, str) and ":" in solver:
        solver = own(solver, problem)
    if isinstance(solver, AbstractSolver):
        if not solver.serves(problem):
            raise ArgumentError(f"solver={solver} is not allowed: it answers another question than {problem}")
        # Where kinks may coincide they are not drawn near the target's alone.
        near = solver.near_kink and eps < WHOLE_EPS and not getattr(problem, "atoms", False)
        return Choice(solver, _window(eps) if near else None)
    if solver not in (None, "auto"):
        known = names(problem)
        if solver not in known:
            raise ArgumentError(
                f"solver={solver!r} is not known for {problem.name or type(problem).__name__}: "
                f"solver is one of {', '.join(['auto', *known, 'module:Class'])}"
            )
        return known[solver](problem, n, eps)
    if isinstance(problem, SubsetSum):
        return _sums(problem, n, eps)
    if isinstance(problem, NeuronPruning):
        return _rows(problem, n, eps)
    if isinstance(problem, WeightPruning):
        return _scissors(problem, n, eps)
    if isinstance(problem, Pruning):
        return _pattern(problem, n, eps)
    return _any(problem, n, eps)


def own(place: str, problem: AbstractProblem) -> AbstractSolver:
    """The solver of the class that `module:Class` names. What it has a field for as the problem has, is the problem's.

    Raises:
        ArgumentError: for a class that cannot be loaded, is no solver, or asks for more than the problem says.
    """
    cls: Any = arguments.class_at("solver", place, AbstractSolver)
    options = {field.name for field in dataclasses.fields(problem)}
    shared = [field.name for field in dataclasses.fields(cls) if field.init and field.name in options]
    try:
        return cls(**{name: getattr(problem, name) for name in shared})
    except TypeError as error:
        raise ArgumentError(f"solver={place!r} cannot be made: {error}") from None


def names(problem: AbstractProblem) -> dict[str, Callable[..., Choice]]:
    """The methods that may be asked for by name."""
    return _exact_names(problem) | {
        search.name: lambda p, n, e, search=search: Choice(search.of(p)) for search in SEARCHES if search.suits(problem)
    }


def _exact_names(problem: AbstractProblem) -> dict[str, Callable[..., Choice]]:
    """Those that construct masks or go through all."""
    if isinstance(problem, SubsetSum):
        return {dtype: lambda p, n, e, dtype=dtype: _sums(p, n, e, dtype) for dtype in ("float32", "float64")} | {
            "all masks": _any
        }
    if isinstance(problem, NeuronPruning) and problem.atoms and problem.d > 1:
        return {"all masks": _any}
    if isinstance(problem, NeuronPruning) and problem.d == 2:
        return {
            "milp": lambda p, n, e: Choice(IntegerProgram(p.readout)),
            "elimination": lambda p, n, e: Choice(Elimination(p.readout)),
            "arcs": lambda p, n, e: Choice(Arcs.for_size(n, p.readout)),
            **({"clusters": lambda p, n, e: Choice(Clusters.fine(e))} if problem.readout == "relu" else {}),
            "whole": lambda p, n, e: _whole(p, n, e),
            "near": lambda p, n, e: _near(p, e),
            "all masks": _any,
        }
    if isinstance(problem, NeuronPruning) and problem.d > 2:
        return {"elimination": lambda p, n, e: Choice(Elimination(p.readout)), "all masks": _any}
    if isinstance(problem, NeuronPruning) and not problem.on_the_line:
        return {"all masks": _any}
    if isinstance(problem, WeightPruning) and problem.d > 1 and problem.separable:
        return {
            "blocks": lambda p, n, e: Choice(in_blocks(p, e)),
            "shared": _scissors,
        }
    if isinstance(problem, Pruning):
        apart = problem.d > 1 and problem.separable and problem.rule.one_each
        return {"all masks": _all_weights} | ({"shared": lambda p, n, e: Choice(_shared(p, e))} if apart else {})
    return {} if isinstance(problem, AbstractPruning) else {"all masks": _any}


def _any(problem: AbstractProblem, n: int, eps: float) -> Choice:
    if n > MOST_PARTS:
        raise ArgumentError(
            f"n={n} is not allowed: all masks are looked at, n is a whole number from 1 to {MOST_PARTS}"
        )
    return Choice(AllMasks())


def _all_weights(problem: Pruning, n: int, eps: float) -> Choice:
    arguments.whole("n", n, 1, max(ALL_WEIGHTS // problem.d, 1))
    return Choice(AllWeights(problem.readout, problem.rule))


def dtype_for(problem: AbstractProblem, eps: float) -> str:
    """float32 where the generator's lattice may move about one decision in a hundred at most, else float64.

    The share of trials whose error lies within x of ε is some x/ε. It is taken at the largest n there is, so that all
    sizes share a draw.
    """
    epsilons = problem.lattice
    fine = epsilons is not None and epsilons * float(np.finfo(np.float32).eps) <= SHARE * eps
    return "float32" if fine else "float64"


def _sums(problem: SubsetSum, n: int, eps: float, dtype: str | None = None) -> Choice:
    dtype = dtype or dtype_for(problem, eps)
    if problem.target == "cover":
        return Choice(Coverage(dtype))
    return Choice(NearestSum(problem.d, problem.size, problem.max_size, dtype))


def _rows(problem: NeuronPruning, n: int, eps: float) -> Choice:
    linear = problem.readout == "linear"
    if problem.on_the_line:
        return Choice(LineSum())
    if problem.atoms:
        return _atoms(problem, n)
    if problem.d == 2:
        decided = n <= LARGEST_WHOLE and (_reached(n, eps) or _clustered(n, eps)) and not linear
        return _whole(problem, n, eps) if eps >= WHOLE_EPS or decided else _near(problem, eps)
    if problem.caps and (eps < WHOLE_EPS or n > LARGEST_ROWS):
        return _cap(problem, n, eps)
    known = (NearestNormal(),) if 3 <= problem.d <= MOST_DIMENSIONS else ()
    obstruction: tuple[AbstractSolver, ...] = (NoBreakpoint(),) if problem.bias else (*known, Uncovered())
    obstruction = obstruction if linear else ()
    if n <= ALL_TERMS:
        return Choice(InOrder((*obstruction, AllRows(problem.readout))))
    search = (CapSearch(),) if linear and not problem.bias else ()
    # Of the outer ReLU's networks elimination, in planes through w, rules out those that are small.
    out = (Elimination(problem.readout),) if not linear and not problem.bias and n * eps <= MISSED_BEYOND else ()
    return Choice(InOrder((*obstruction, *search, Descent(problem.readout), *out)))


def _atoms(problem: NeuronPruning, n: int) -> Choice:
    """Kinks may coincide: of the methods above only those that compare masks at points are at home here."""
    if problem.readout == "linear" and problem.on_axis and not problem.bias and problem.d <= MOST_DIMENSIONS:
        return Choice(AxisRows())
    return Choice(AllRows(problem.readout) if n <= ALL_TERMS else InOrder((Descent(problem.readout),)))


def _reached(n: int, eps: float) -> bool:
    """Whether elimination, and what it hands on to, decides most networks."""
    return n <= PROGRAMMED or n * eps <= REACH * (eps / WHOLE_EPS) ** 0.2


def _clustered(n: int, eps: float) -> bool:
    """Whether clusters find hits, readout relu."""
    return n * eps <= CLUSTERED and eps >= FINEST_CLUSTERS


def _whole(problem: NeuronPruning, n: int, eps: float) -> Choice:
    arguments.whole("n", n, 1, LARGEST_WHOLE)
    linear = problem.readout == "linear"
    lemma: tuple[AbstractSolver, ...] = (KinkLemma(),) if linear else ()
    if not linear and n * eps <= MISSED:
        return Choice(Elimination(problem.readout))
    few = PROGRAMMED if n <= PROGRAMMED else SURVIVORS
    exact = (Elimination(problem.readout, few),) if _reached(n, eps) else ()
    if n <= MOST:
        return Choice(InOrder((*lemma, Arcs.for_size(n, problem.readout), *exact)))
    walk = (LocalWalk(),) if linear else ()
    bent = (Clusters.fine(eps),) if not linear and _clustered(n, eps) else ()
    return Choice(InOrder((*lemma, *walk, NearSearch(problem.readout), *bent, *exact)))


def _cap(problem: NeuronPruning, n: int, eps: float) -> Choice:
    """In d >= 3 dimensions: the neurons near the target's normal alone, as many as a search can hold."""
    # The angle itself is taken to be the least that any certificate can use, up to rounding.
    least = min(eps / nearest_normal.constant(problem.d), WIDEST_CAP / CAPS)
    window = CAPS * least
    while window > 1.1 * least and n * candidate_share(window, problem.d) > 0.7 * MOST_PLACES:
        window *= 0.8
    return Choice(InOrder((NearestNormal(), CapSearch())), window)


def _window(eps: float) -> float:
    """Of the neurons near the target's kink that are drawn alone, radians."""
    return min(WINDOW * eps, 0.5 * math.pi)


def _near(problem: NeuronPruning, eps: float) -> Choice:
    window = _window(eps)
    wide = window >= NARROW
    search = NearSearch(problem.readout, 4096, 32) if wide else NearSearch(problem.readout, 8192, 48)
    lemma: tuple[AbstractSolver, ...] = (KinkLemma(), LocalWalk()) if problem.readout == "linear" else ()
    return Choice(InOrder((*lemma, search)), window)


def in_blocks(problem: WeightPruning, eps: float) -> AbstractSolver:
    """Each coordinate by neurons of its own, fine enough for precisions down to ε; few weights by all masks."""
    return InOrder((AllWeights(problem.readout), Blocks.fine(problem.d, problem.on_axis, eps)))


def _shared(problem: AbstractPruning, eps: float) -> AbstractSolver:
    return Blocks.fine(problem.d, True, eps) if problem.on_axis else Shared.fine(problem.d, eps)


def _scissors(problem: WeightPruning, n: int, eps: float) -> Choice:
    if problem.d == 1:
        return Choice(LineSum(pieces=True))
    few, plane = n * problem.d <= ALL_WEIGHTS, problem.d == 2
    if problem.separable:
        return Choice(AllWeights(problem.readout) if few else _shared(problem, eps))
    kinks: tuple[AbstractSolver, ...] = (AxesAndRows(),) if plane else ()
    if few:
        return Choice(InOrder((*kinks, AllWeights(problem.readout))))
    if plane:
        return Choice(InOrder((*kinks, WholeRows(problem.readout))))
    return Choice(InOrder((Descent(problem.readout, pieces=problem.d),)))


def _pattern(problem: Pruning, n: int, eps: float) -> Choice:
    rows, rule = problem.rows, problem.rule
    if rows is not None and rows.exact:
        inner = choose(rows.problem, n, eps)
        return Choice(OnInputs(rows, inner.solver), inner.window)
    if problem.on_axis and isinstance(rule, Budget) and rule.most <= MOST_TERMS:
        return Choice(FewTerms(rule.most))
    every = AllWeights(problem.readout, rule)
    groups = problem.on_axis and isinstance(rule, Block) and rule.inputs == 1
    if groups and isinstance(rule, Block) and (problem.readout == "linear" or n * problem.d > ALL_WEIGHTS):
        arguments.whole("n", n, 1, MAX_TERMS * rule.neurons)
        return Choice(GroupSums(rule.neurons, problem.readout))
    if n * problem.d <= ALL_WEIGHTS:
        return Choice(every)
    cut = problem.on_axis and isinstance(rule, RowsAndCuts) and problem.d <= MOST_DIMENSIONS and n <= LARGEST_CUT
    if cut and isinstance(rule, RowsAndCuts) and problem.readout == "linear":
        return Choice(AxisCuts(rule.cuts))
    if problem.separable and rule.one_each:
        return Choice(_shared(problem, eps))
    found: tuple[AbstractSolver, ...] = (AxesAndRows(),) if problem.readout == "linear" and problem.d == 2 else ()
    if rows is not None:
        inner = choose(rows.problem, n, eps)
        return Choice(InOrder((*found, OnInputs(rows, inner.solver))), inner.window)
    return Choice(InOrder((*found, every)))


def largest_size(problem: AbstractProblem, eps: float, solver: AbstractSolver | str | None = None) -> int:
    """The largest n that can be asked about at ε: what a method refuses at some size, it refuses at larger ones.

    Raises:
        ArgumentError: where not even n = 1 can be asked about.
    """
    choose(problem, 1, eps, solver)

    def refused(n: int) -> bool:
        try:
            choose(problem, n, eps, solver)
        except ArgumentError:
            return True
        return False

    if not refused(problem.max_n):
        return problem.max_n
    return bisect.bisect_left(range(problem.max_n + 1), True, lo=1, key=refused) - 1


def likely_size(problem: AbstractProblem, eps: float) -> int:
    """An n at which a hit at ε is likely: where a search for a threshold starts, and nothing more."""
    bits = max(0.0, -math.log2(eps))
    if isinstance(problem, SubsetSum):
        n = bits * problem.d + 4
        return min(problem.max_n, math.ceil(n * 9 / 8 if problem.target == "cover" else n))
    if isinstance(problem, Pruning) and problem.rows is not None and problem.rows.exact:
        return likely_size(problem.rows.problem, eps)
    if isinstance(problem, Pruning) and problem.on_axis and isinstance(problem.rule, Budget):
        most = problem.rule.most
        return min(problem.max_n, math.ceil(max(2 * (bits + 4), most * (5.0 / eps) ** (1.0 / most))))
    if isinstance(problem, Pruning) and problem.on_axis and isinstance(problem.rule, Block):
        return min(problem.max_n, problem.rule.neurons * math.ceil(2.0 * bits + 6.0))
    if isinstance(problem, AbstractPruning) and problem.d == 1 and not getattr(problem, "bias", False):
        return min(problem.max_n, 2 * math.ceil(bits + 4))
    if isinstance(problem, NeuronPruning) and problem.atoms:
        atom = get_law(problem.law).atom
        return min(problem.max_n, math.ceil(2.0 * (bits + 4.0) / (max(1.0 - atom, 0.01) * atom ** (problem.d - 1))))
    if isinstance(problem, WeightPruning | Pruning) and problem.separable:
        # Generously: a search that starts too low has to compile again.
        bits = max(0.0, math.log2(math.sqrt(problem.d) / eps)) + 6.0
        each = 2.0 if problem.on_axis else 2.0 * problem.d / math.log2(problem.d + 1.0)
        return min(problem.max_n, math.ceil(each * bits))
    if isinstance(problem, NeuronPruning) and problem.caps:
        # Where the cap search finds most.
        return min(problem.max_n, math.ceil(32.0 * min(eps, 1.0) ** (1 - problem.d)) + 4)
    if isinstance(problem, NeuronPruning) and problem.d > 2 and problem.readout == "relu" and eps >= COARSE_DESCENT:
        # Where the descent finds as much at d = 3, from ε = 0.6 to 0.1.
        return min(problem.max_n, math.ceil(2.5 * (problem.d - 1) / eps**2) + 4)
    if isinstance(problem, NeuronPruning) and problem.d > 2:
        return min(problem.max_n, math.ceil((problem.d - 1) * max(1.0, math.log(1.0 / eps)) / eps) + 4)
    if isinstance(problem, AbstractPruning):
        # Coarse precisions are decided exactly, so hits are seen where they begin.
        times = 4.0 if problem.d == 1 else 4.6 if eps >= 0.05 else 6.0
        if problem.d == 2 and problem.readout == "relu" and eps >= FINEST_CLUSTERS:
            # Where clusters find as many hits.
            times = 2.4 if eps >= 3e-3 else 1.9 if eps >= 1e-3 else 4.0
        return min(problem.max_n, math.ceil(times / eps) + 2)
    return min(problem.max_n, MOST_PARTS)


__all__ = ["Choice", "Drawn", "choose", "dtype_for", "in_blocks", "largest_size", "likely_size", "names", "own"]
