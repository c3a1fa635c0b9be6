"""`ltjax.testing`: bounds under one budget, strategies, and the pytest plugin as a stranger's tests meet it."""

import fractions
import functools
import itertools
import math
import re
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

import ltjax
from ltjax import testing as lt
from ltjax.arguments import ArgumentError
from ltjax.inference import intervals
from ltjax.testing import identity
from ltjax.verify import budget
from ltjax.verify.tests import Verdict
from tests import true_bounds
from tests.true_bounds import BOUNDS, SMALLEST, near, session, simulate

pytest_plugins = ["pytester"]


def by(method, event):
    (found,) = [which for which in BOUNDS if which.method == method and which.event == event]
    return found


def test_the_series_never_exceeds_the_budget():
    """As numbers and as a proof: with exact fractions the first K shares are total·(1 - 1/(K + 1))."""
    exact = sum(fractions.Fraction(1, k * (k + 1)) for k in range(1, 501))
    assert exact == 1 - fractions.Fraction(1, 501)
    for total in (1e-6, 0.3):
        shares = [budget.level_of_comparison(total, k) for k in range(1, 2_001)]
        assert all(later < earlier for earlier, later in itertools.pairwise(shares))
        assert total * (1 - 1e-3) < math.fsum(shares) < total
    with pytest.raises(ArgumentError, match="number=0"):
        budget.level_of_comparison(1e-6, 0)


def test_the_same_comparison_is_made_and_charged_once():
    def compare(bound, **changed):
        return bound.at_most(near, **{"n": 2, "eps": 0.1, "claimed": 0.3, "trials": 500} | changed)

    bound = lt.Bound()
    first = compare(bound)
    assert compare(bound) is first
    assert (bound.made, bound.able) == (1, 2)
    assert first.numbers["level"] == 0.5e-6
    measured = {first.numbers["measured"]}
    for changed in ({"n": 3}, {"eps": 0.11}, {"claimed": 0.31}):
        measured.add(compare(bound, **changed).numbers["measured"])
    assert bound.made == 4
    assert len(measured) > 2  # draws of their own
    bound.test = "another"
    assert compare(bound).numbers["measured"] not in (first.numbers["measured"],)
    assert compare(lt.Bound()).numbers == first.numbers  # another session repeats it
    assert compare(lt.Bound(seed=1)).numbers["measured"] != first.numbers["measured"]


@given(which=st.sampled_from(BOUNDS), n=st.integers(1, 4), eps=lt.precisions(0.03, 0.3))
@settings(max_examples=12)
def test_true_bounds_hold(bound, which, n, eps):
    which.claim(bound, n, eps, False, 500)


@pytest.mark.parametrize(
    "which",
    [by("at_most", near), by("at_least", true_bounds.largest), by("equals", true_bounds.waits)],
    ids=lambda which: which.method,
)
def test_a_false_bound_shrinks_to_its_smallest_case(which):
    assert simulate(which, lt.Bound(seed=3), True, 25, 4000) == SMALLEST


@pytest.mark.slow
def test_sessions_of_true_bounds_raise_no_alarm_and_false_neighbours_are_found():
    """`python tests/true_bounds.py` plays 200 of them."""
    assert [session(seed, 1e-6)[0] for seed in range(1000, 1003)] == [0] * 3
    for which in BOUNDS[::4]:  # from above, from below and exactly by turns
        assert simulate(which, lt.Bound(seed=2), True, 40, 4000) == SMALLEST


def test_a_failure_says_what_was_seen_and_what_would_have_been():
    with pytest.raises(lt.Refuted) as error:
        lt.Bound().at_most(ltjax.SubsetSum(), n=3, eps=0.2, claimed=0.25, trials=400)
    text = str(error.value)
    assert text.startswith("refuted: P(event) is at most 0.25\n")
    for row in ("SubsetSum(", "n=3, eps=0.2", "of 400 trials, none undecided", "at most 0.25", "as comparison 1 of"):
        assert row in text
    assert re.search(r"interval +\[0\.\d+, 0\.\d+\]", text)
    hits, low, high = (float(re.search(row, text)[1]) for row in (r"measured +(\d+)", r"\[(0\.\d+),", r", (0\.\d+)\]"))  # type: ignore[index]
    assert 0.25 < low < hits / 400 < high
    assert (low, high) == pytest.approx(intervals.clopper_pearson(hits, 400, 1.0 - 1e-6), rel=1e-4)  # two sides of 5e-7
    # A rate, not a distance from what is claimed; nor does what is settled say by when it would be.
    visible = re.search(r"visible +rates of (0\.\d+) or more would have been seen, with probability 0\.95", text)
    assert visible is not None
    assert float(visible[1]) == pytest.approx(intervals.detectable_excess(0.25, 400, 5e-7, 0.95), rel=1e-3)
    assert "settled" not in text


def test_rates_that_would_have_been_seen_are_said_of_every_method():
    def seen(method, **claim):
        with pytest.raises(lt.Refuted) as error:
            getattr(lt.Bound(), method)(near, n=1, eps=0.3, trials=2000, **claim)  # with probability 0.3
        found = re.search(r"visible +(.*) would have been seen", str(error.value))
        assert found is not None
        return re.sub(r"0\.\d+", "?", found[1]), [float(each) for each in re.findall(r"0\.\d+", found[1])]

    words, (rate,) = seen("at_least", claimed=0.5)
    assert words == "rates of ? or less"
    assert 0.3 < rate < 0.5
    words, (low, high) = seen("equals", claimed=0.5, within=0.05)
    assert words == "rates of ? or less, and of ? or more"
    assert 0.3 < low < 0.45 < 0.55 < high < 0.7
    assert low + high == pytest.approx(1.0)
    assert seen("equals", claimed=0.05)[0] == "rates of ? or more"


def test_the_key_of_a_failure_can_be_pasted():
    with pytest.raises(lt.Refuted) as error:
        lt.Bound().never(near, n=2, eps=0.01, trials=1000)
    text = str(error.value)
    trial, key = (re.search(row, text) for row in (r"counter-example trial (\d+) of", r"key +(.*)$"))
    assert trial is not None
    assert key is not None
    pasted = eval(key[1], {"jax": jax, "jnp": jnp})
    happened = [bool(near(jax.random.fold_in(pasted, i), n=2, eps=0.01)) for i in range(int(trial[1]) + 1)]
    assert happened == [False] * int(trial[1]) + [True]


def test_what_never_happens_costs_nothing_and_what_does_is_shown():
    bound = lt.Bound()
    assert bound.never(near, n=2, eps=1e-9).verdict is Verdict.SUPPORTED
    assert bound.made == 0
    with pytest.raises(lt.Refuted, match=r"counter-example trial \d+ of 5000"):
        bound.never(near, n=2, eps=0.01, trials=5000)
    with pytest.raises(lt.Refuted, match="counter-example trial"):
        bound.never(ltjax.SubsetSum(), n=6, eps=0.1, trials=50)


def test_growth_laws_are_compared_on_the_same_draws():
    bound, ask = lt.Bound(), {"ns": range(1, 15), "eps": (0.3, 0.1, 0.03, 0.01), "trials": 200}
    problem = ltjax.SubsetSum(target="uniform")
    (found,) = bound.grows_like(problem, "logarithmic", rivals=["inverse"], **ask)
    assert found.verdict is Verdict.SUPPORTED
    with pytest.raises(lt.Refuted, match=r"rival +logarithmic: a="):
        bound.grows_like(problem, "inverse", rivals=["logarithmic"], **ask)
    assert bound.made == 2
    with pytest.raises(ArgumentError, match="rivals='constant' is not allowed: it is a special case of 'logarithmic'"):
        bound.grows_like(problem, "logarithmic", rivals=["constant"], **ask)


def test_a_claim_that_nothing_could_refute_is_not_charged():
    bound = lt.Bound()
    for claim in (1.0, 1.5):
        assert bound.at_most(near, n=2, eps=0.1, claimed=claim).verdict is Verdict.INCONCLUSIVE
    assert bound.at_most(near, n=2, eps=0.1, claimed=0.999, trials=50).verdict is Verdict.INCONCLUSIVE
    assert bound.equals(near, n=2, eps=0.1, claimed=0.5, within=0.5).verdict is Verdict.INCONCLUSIVE
    assert bound.at_least(near, n=2, eps=0.1, claimed=0.0).verdict is Verdict.INCONCLUSIVE
    assert (bound.made, bound.idle) == (0, 5)


def shifted(key, x, n):
    return jnp.all(jax.random.uniform(key, (n,)) + x[0] <= 1.0)


def unlikely(key):
    return jax.random.uniform(key, (3,))


def keyless(*, n):
    return n > 2


MISTAKES = {
    "captures": (
        lambda n: lambda key: key is n,
        {},
        "event=.*lambda.* is not allowed: it captures n. Hand over by name",
    ),
    "defaults": (lambda n: eval("lambda key, n=3: True"), {}, "it captures its defaults"),
    "no function": (lambda n: math.fsum, {}, "event=.* is not allowed: event is a problem or a function of a key"),
    "no bool": (lambda n: unlikely, {}, "it returns one bool for a key, not float32 of shape"),
    "no data": (lambda n: near, {"n": object(), "eps": 0.1}, "n=<object object at .* is not allowed: n is plain data"),
    "no size": (lambda n: ltjax.SubsetSum(), {"eps": 0.1}, "n is missing: a problem takes n, eps, solver"),
    "no argument": (
        lambda n: ltjax.SubsetSum(),
        {"n": 3, "esp": 0.1},
        "argument='esp' is not known: a problem takes n",
    ),
    "forgotten": (lambda n: near, {"eps": 0.1}, "n is missing: event=near takes n, eps besides its key"),
    "another's": (
        lambda n: near,
        {"n": 3, "eps": 0.1, "within": 0.1},
        "argument='within' is not known: event=near takes n, eps besides its key",
    ),
    "needs none": (lambda n: unlikely, {"n": 3}, "argument='n' is not known: event=unlikely takes nothing besides"),
    "the key itself": (lambda n: near, {"key": 3}, "argument='key' is not known"),
    "of a part": (
        lambda n: functools.partial(near, n=2),
        {"esp": 0.1},
        "argument='esp' is not known: event=near takes n, eps besides its key",
    ),
    "compiled": (lambda n: jax.jit(near), {"n": 3}, "eps is missing: event=near takes n, eps besides its key"),
    "takes no key": (lambda n: keyless, {"n": 3}, "event=keyless is not allowed: what an event takes first is a key"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(mistake):
    make, given, message = MISTAKES[mistake]
    with pytest.raises(ArgumentError, match=message) as error:
        lt.Bound().at_most(make(3), claimed=0.5, **given)
    assert "\n" not in str(error.value)


def test_a_mistake_in_what_no_data_could_refute_is_told_too():
    with pytest.raises(ArgumentError, match="argument='esp' is not known"):
        lt.Bound().at_most(ltjax.SubsetSum(), n=3, esp=0.1, claimed=1.5)
    with pytest.raises(ArgumentError, match="n is missing: event=near takes n, eps besides its key"):
        lt.Bound().never(near, eps=0.1)


def anything(key, **given):
    return jnp.max(jax.random.uniform(key, (given["n"],))) <= 0.5


def test_an_event_may_take_any_name():
    assert lt.Bound().equals(anything, n=1, claimed=0.5, trials=500).verdict is not Verdict.REFUTED


def test_modules_are_no_obstacle():
    """Imported in the test, handed over, and told apart."""
    import jax.numpy as jnp
    import numpy as np

    def small(numpy):
        def event(key):
            return numpy.abs(jax.random.uniform(key)) <= 0.5

        return event

    def near_zero(key, eps):
        return jnp.abs(jax.random.uniform(key)) <= np.float32(eps)

    def by_name(key, numpy):
        return jnp.asarray(numpy.pi) * jax.random.uniform(key) <= 1.0

    bound = lt.Bound()
    assert bound.equals(near_zero, eps=0.5, claimed=0.5, trials=500).verdict is not Verdict.REFUTED
    assert bound.equals(by_name, numpy=np, claimed=1.0 / np.pi, trials=500).verdict is not Verdict.REFUTED
    assert bound.equals(by_name, numpy=jnp, claimed=1.0 / np.pi, trials=500).verdict is not Verdict.REFUTED
    bound.equals(small(jnp), claimed=0.5, trials=500)
    bound.equals(small(jax.numpy), claimed=0.5, trials=500)  # the same
    assert bound.made == 4
    assert identity.told_function(small(np)) != identity.told_function(small(jnp))
    half = 0.5
    with pytest.raises(ArgumentError, match="it captures half"):
        bound.equals(lambda key: jnp.abs(jax.random.uniform(key)) <= half, claimed=0.5)


def test_what_is_captured_later_is_no_module():
    def event(key):
        return later.abs(key) <= 0.5

    with pytest.raises(ArgumentError, match="it captures later"):
        identity.told_function(event)
    later = np


def test_an_event_may_depend_on_arrays_and_be_partial():
    bound = lt.Bound()
    bound.equals(shifted, x=np.array([0.5]), n=1, claimed=0.5, trials=500)
    bound.equals(shifted, x=jnp.array([0.25]), n=1, claimed=0.75, trials=500)
    bound.equals(functools.partial(shifted, n=2), x=np.array([0.5]), claimed=0.25, trials=500)
    bound.equals(jax.jit(shifted, static_argnames="n"), x=np.array([0.5]), n=2, claimed=0.25, trials=500)
    assert bound.made == 4


SIMPLE = settings(database=None, derandomize=True, max_examples=200)


# Types are executed in these tests, and beartype looks at an item of a collection that it draws.
drawn_by_beartype = pytest.mark.filterwarnings("ignore:Do not use the `random` module")


@drawn_by_beartype
def test_strategies_shrink_to_what_is_simple():
    assert find(lt.precisions(1e-3, 1e-1), lambda e: True, settings=SIMPLE) == 0.1
    assert find(lt.precisions(1e-3, 1e-1), lambda e: e < 0.05, settings=SIMPLE) == pytest.approx(0.05, rel=0.01)
    assert find(lt.laws(), lambda law: True, settings=SIMPLE) == "uniform"
    assert find(lt.laws(atoms=True), lambda law: True, settings=SIMPLE) == "rademacher"
    assert not find(lt.masks(3, 2), lambda mask: mask.shape == (3, 2), settings=SIMPLE).any()
    assert find(lt.masks(4), lambda mask: mask.sum() >= 2, settings=SIMPLE).sum() == 2
    assert find(lt.problems(), lambda problem: True, settings=SIMPLE) == ltjax.SubsetSum()
    assert find(lt.problems("weight-pruning"), lambda p: p.d == 2, settings=SIMPLE) == ltjax.WeightPruning(
        readout="linear", law="normal", target="axis"
    )
    network = find(lt.networks(), lambda net: net.n >= 2 and float(net.v.sum()) > 1.5, settings=SIMPLE)
    assert (network.u.shape, network.b, float(network.v.sum())) == ((2, 1), None, 2.0)


@drawn_by_beartype
@given(eps=lt.precisions(1e-4, 0.3), law=lt.laws(atoms=False), network=lt.networks(bias=True))
@settings(max_examples=20)
def test_strategies_stay_within_what_was_asked(eps, law, network):
    assert 1e-4 <= eps <= 0.3
    assert law in ("uniform", "normal", "uniform-product", "normal-product")
    assert network.b.shape == network.v.shape
    assert float(jnp.abs(network.u).max()) <= 4.0


SUITE = """
import jax, jax.numpy as jnp
from hypothesis import given, settings, strategies as st
from ltjax import testing as lt

def near(key, n, eps):
    return jnp.abs(jnp.sum(jax.random.uniform(key, (n,), minval=-1.0)) - 0.5) <= eps

@settings(max_examples=5, database=None)
@given(n=st.integers(1, 3), eps=lt.precisions(1e-2, 1e-1))
def test_true(bound, n, eps):
    bound.at_most(near, n=n, eps=eps, claimed=eps, trials=300)

@given(n=st.integers(1, 3), eps=lt.precisions(1e-2, 1e-1))
def test_false(bound, n, eps):
    bound.at_most(near, n=n, eps=eps, claimed=eps / 4, trials=2000)

def test_idle(bound):
    bound.at_most(near, n=1, eps=0.1, claimed=1.5)

def test_other():
    pass
"""
PLUGIN = ("-p", "no:cacheprovider", "-W", "error")


def test_in_a_suite_of_ones_own(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess(*PLUGIN)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*refuted: P(event) is at most 0.025",
            "*event  *near",
            "*n=1, eps=0.1*",
            "*interval *",
            "*claimed *at most 0.025",
            "*visible *",
            "*level *",
            "*bound=bound,",
            "*nothing could fail here: of 1 comparisons*",
            "ltjax: * comparisons with seed 0 spent * of the error budget 1e-06; 1 more could not have failed",
        ]
    )
    assert "_answer" not in result.stdout.str()  # the failure is shown at the test's own line


DEADLINES = """
import datetime, time
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

few = settings(max_examples=2, database=None)

def settings_of(test):
    return test._hypothesis_internal_use_settings

def is_slow(n):
    time.sleep(0.3 if n == 0 else 0.0)  # as what compiles at its first size is

@few
@given(n=st.just(0))
def test_above(bound, n):
    is_slow(n)
    assert Phase.explain not in settings_of(test_above).phases

@given(n=st.just(0))
@few
def test_below(bound, n):
    is_slow(n)

@given(n=st.just(0))
def test_bare(bound, n):
    is_slow(n)

class TestIn:
    @few
    @given(n=st.just(0))
    def test_class(self, bound, n):
        is_slow(n)

@settings(few, deadline=250, phases=[Phase.generate])
@given(n=st.just(0))
def test_chosen(bound, n):
    own = settings_of(test_chosen)
    assert (own.deadline, own.phases) == (datetime.timedelta(milliseconds=250), (Phase.generate,))
    assert own.max_examples == 2

@few
@given(n=st.just(0))
def test_without(n):
    own = settings_of(test_without)
    assert own.deadline == settings.default.deadline
    assert Phase.explain in own.phases
"""


def test_a_deadline_that_nobody_chose_fails_no_test(pytester):
    pytester.makepyfile(DEADLINES)
    pytester.makeconftest(
        "import hypothesis\n"
        "hypothesis.settings.register_profile('usual', deadline=200, phases=tuple(hypothesis.Phase))\n"
        "hypothesis.settings.load_profile('usual')\n"
    )
    try:
        pytester.runpytest_inprocess(*PLUGIN).assert_outcomes(passed=6)
    finally:
        settings.load_profile("ltjax")


def test_its_options(pytester):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess(*PLUGIN, "--ltjax-budget=2e-3", "--ltjax-seed=7", "-k", "true")
    result.stdout.fnmatch_lines(["ltjax: 5 comparisons with seed 7 spent 0.00167 of the error budget 0.002"])
    result = pytester.runpytest_inprocess(*PLUGIN, "--ltjax-budget=0.7", "-k", "true")
    assert "--ltjax-budget=0.7 is not allowed: budget is a finite number above 0 and below 0.5" in result.stdout.str()


def test_a_session_that_does_not_ask_for_it_pays_nothing(pytester):
    """No JAX, no hypothesis, no line of its own."""
    pytester.makepyfile("def test_it(): pass")
    code = (
        "import sys, pytest; code = pytest.main(sys.argv[1:]); assert 'ltjax.testing.plugin' in sys.modules;"
        "assert not {'jax', 'hypothesis', 'numpy'} & set(sys.modules); sys.exit(code)"
    )
    words = [sys.executable, "-c", code, "-q", *PLUGIN, "-p", "no:jaxtyping", "-p", "no:hypothesispytest"]
    done = subprocess.run(words, cwd=pytester.path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ltjax" not in done.stdout


def test_without_the_extra_it_is_said_what_to_install():
    """Of strategies alone: bounds and contracts need no hypothesis."""
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from ltjax import testing as lt\n"
        "lt.Bound, lt.check_problem\n"
        "lt.precisions(0.1, 0.2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: strategies of ltjax.testing need the extra testing: pip install 'ltjax[testing]'"
    )


@pytest.mark.slow
@pytest.mark.parametrize("chosen", ["true or idle", "true or other"])
def test_workers_share_the_budget(pytester, chosen):
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess(*PLUGIN, "-n", "2", "--dist", "load", "-k", chosen)
    result.stdout.fnmatch_lines(["ltjax: * comparisons with seed 0 spent * of the error budget 1e-06*"])
    spent = float(result.stdout.str().partition(" spent ")[2].split()[0])
    assert 0.0 < spent < 0.5e-6  # one of two workers compared
