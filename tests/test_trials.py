"""A trial is a key: the same counts for any number of devices, chunk, or company."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import ltjax
from ltjax.machine import devices
from ltjax.outcomes import HIT, MISS, UNDECIDED
from ltjax.problems.base import AbstractProblem
from ltjax.solvers.base import AbstractSolver, Found
from ltjax.solvers.choose import choose
from ltjax.trials import counts as counting
from ltjax.trials import dispatch
from ltjax.trials.decide import decide
from ltjax.trials.plan import plan

NS, EPS, TRIALS = (3, 6, 9), (0.1, 0.01), 3000
PROBLEMS = {
    "fixed": (ltjax.SubsetSum(), None),
    "drawn": (ltjax.SubsetSum(law="normal-product", target="uniform"), None),
    "cover": (ltjax.SubsetSum(target="cover"), None),
    "vectors": (ltjax.SubsetSum(d=2), None),
    "size": (ltjax.SubsetSum(size=3), None),
    "float64": (ltjax.SubsetSum(law="normal"), "float64"),
}
"""Each with a solver."""


def counts(problem, solver, **how):
    ns = NS if problem.size is None else (5, 9)
    return counting.count(problem, ns, EPS, TRIALS, jax.random.key(7), solver=solver, **how)


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_counts_do_not_depend_on_devices_or_chunks(name):
    problem, solver = PROBLEMS[name]
    reference = counts(problem, solver, devices=jax.local_devices()[:1])
    assert np.all(reference.hits + reference.misses + reference.undecided == TRIALS)
    assert np.all(np.diff(reference.hits, axis=0) >= 0), "monotone in n"
    assert np.all(np.diff(reference.hits, axis=1) <= 0), "monotone in ε (which decreases)"
    for how in (
        {"chunk": 100, "devices": jax.local_devices()[:2]},
        {"chunk": 2500, "devices": jax.local_devices()},
    ):
        other = counts(problem, solver, **how)
        np.testing.assert_array_equal(reference.hits, other.hits)
        np.testing.assert_array_equal(reference.misses, other.misses)


def test_a_thread_that_is_limited_to_devices_counts_there_and_the_same():
    problem, solver = PROBLEMS["fixed"]
    everywhere, last = counts(problem, solver), devices.local()[-1:]
    with devices.limited_to(last):
        assert devices.local() == last
        assert jax.numpy.zeros(1).devices() == {*last}
        np.testing.assert_array_equal(counts(problem, solver).hits, everywhere.hits)
    assert devices.local() == tuple(jax.local_devices())


@pytest.mark.parametrize("eps", [0.1, 0.001])
def test_problems_that_draw_alike_share_one_program(eps):
    """Pattern and readout have no part in a draw, nor has n but for the places that it takes."""
    rows = ltjax.NeuronPruning(readout="relu"), ltjax.NeuronPruning(readout="linear")
    drawn = {choose(problem, n, eps, "near").drawn(problem, n) for problem in rows for n in (800, 900)}
    assert len(drawn) == 1
    (one,) = drawn
    under = [ltjax.Pruning(d=3, pattern=p, readout=r) for p in ("2:3", "weights") for r in ("relu", "linear")]
    assert len({problem.drawn_as for problem in under}) == 1
    with jax.enable_x64(True):
        for problem in (*rows, *under):
            near = one.window is not None and problem.d == 2
            draw = (lambda p, k: p.draw_near(k, 256, 0.1)) if near else (lambda p, k: p.draw(k, 5))
            jax.tree.map(
                np.testing.assert_array_equal,
                draw(problem, jax.random.key(3)),
                draw(problem.drawn_as, jax.random.key(3)),
            )


def undispatched(share, keys):
    """One trial a key, all in one block."""
    with jax.enable_x64(share.solver.dtype == "float64"):
        block = len(keys)
        drawn = share.choice.drawn(share.problem, max(share.ns))
        instances = dispatch.draw_rows(keys, drawn=drawn, block=block, devices=None)
        found = dispatch.search_rows(instances, np.asarray(share.eps), solver=share.solver, ns=share.ns, block=block)
    instances, found = jax.tree.map(np.asarray, (instances, found))
    return decide(share.problem, share.solver, instances, found, share.ns, share.eps)


def test_a_trial_does_not_depend_on_its_company():
    (problem, solver), key = PROBLEMS["drawn"], jax.random.key(1)
    shares = plan(problem, NS, EPS, solver)
    assert sum(len(share) for share in shares) == len(NS) * len(EPS)
    for share in shares:
        few = next(iter(dispatch.decisions(share, 10, key)))
        many = next(iter(dispatch.decisions(share, 500, key)))
        alone = undispatched(share, jax.vmap(jax.random.fold_in, (None, 0))(key, np.arange(10)))
        for other in (many, alone):
            np.testing.assert_array_equal(few.lower, other.lower[:10])
            np.testing.assert_array_equal(few.upper, other.upper[:10])
            np.testing.assert_array_equal(few.witness["mask"], other.witness["mask"][:10])


def test_every_hit_has_a_mask_and_no_miss_has_one():
    """Witnesses re-checked by hand, and misses against brute force."""
    from brute import least_error

    eps = 0.02
    (share,) = plan(ltjax.SubsetSum(law="normal"), (8,), (eps,))
    for decision in dispatch.decisions(share, 200, jax.random.key(0)):
        for i in range(len(decision)):
            values, target = decision.instance["values"][i], decision.instance["target"][i]
            error = abs(target - values[decision.witness["mask"][i, 0, 0]].sum())
            assert decision.lower[i, 0, 0] <= error <= decision.upper[i, 0, 0]
            if decision.status[i, 0, 0] == HIT:
                assert error <= eps
            if decision.status[i, 0, 0] == MISS:
                assert least_error(values, target) > eps


def test_float32_falls_to_undecided_where_its_lattice_could_turn_the_decision():
    how = {"trials": 4000, "key": jax.random.key(0), "n": 18, "eps": 1e-5}
    coarse = ltjax.estimate(ltjax.SubsetSum(), solver="float32", **how)
    fine = ltjax.estimate(ltjax.SubsetSum(), **how)
    assert coarse.undecided > 400
    assert coarse.problem["dtype"] == "float32"
    assert coarse.advice is not None
    assert "float64" in coarse.advice
    assert fine.undecided == 0
    assert fine.problem["dtype"] == "float64"
    assert coarse.lower <= fine.hits / fine.trials <= coarse.upper


class Told(AbstractProblem):
    """What its masks' error is, it was told."""

    def draw(self, key, n):
        return {"upper": 0.0}

    def error(self, instance, mask, eps=None):
        return 0.0, float(instance["upper"])


class Says(AbstractSolver):
    """Nothing of its own."""

    name = "says"

    def block(self, n):
        return 1

    def search(self, instances, ns, eps):
        return None  # what was found is handed to `decide`


def told(lower, upper, eps=(0.25,), mask=None):
    """The decision about one trial for each pair of bounds; the solver claims masks with error 0."""
    lower, upper = np.asarray(lower), np.asarray(upper)
    each = lower[:, None, None]
    nobody = np.zeros((len(lower), 1, 1), int)
    mask = np.ones((len(lower), 1, 1, 2), bool) if mask is None else mask
    return decide(Told(), Says(), {"upper": upper}, Found(mask, 0.0 * each, each, nobody, nobody), (2,), eps)


def test_status_is_undecided_only_between_the_bounds():
    found = told([0.1, 0.2, 0.3], [0.15, 0.3, np.inf])
    assert found.status[:, 0, 0].tolist() == [HIT, UNDECIDED, MISS]
    assert found.by[:, 0, 0].tolist() == [0, -1, 0]
    assert told([0.1, 0.3], [0.25, 0.3], eps=(0.3, 0.25)).status[:, 0].tolist() == [[HIT, HIT], [HIT, MISS]]


@pytest.mark.parametrize(("lower", "upper"), [(np.nan, np.nan), (0.1, np.nan), (np.nan, np.inf)])
def test_what_is_not_a_number_decides_nothing(lower, upper):
    assert told([lower], [upper]).status.item() == UNDECIDED


def test_a_broken_solver_is_no_decision():
    with pytest.raises(RuntimeError, match="a certificate says miss where a mask hits"):
        told([0.2], [0.1])
    with pytest.raises(RuntimeError, match="a mask holds parts that are not there"):
        told([0.1], [0.2], mask=np.ones((1, 1, 1, 3), bool))


def test_first_hits_and_counts_agree():
    (problem, _), key = PROBLEMS["fixed"], jax.random.key(3)
    outcomes = counting.first_hits(problem, NS, EPS, 1000, key)
    direct = counting.count(problem, NS, EPS, 1000, key)
    np.testing.assert_array_equal(outcomes.counts().hits, direct.hits)
    np.testing.assert_array_equal(outcomes.counts().misses, direct.misses)


@pytest.mark.parametrize(("first", "chunk"), [(0, None), (5, 64)])
def test_some_of_the_trials_are_decided_as_among_all(first, chunk):
    (share,) = plan(ltjax.SubsetSum(), (6,), (0.02,))
    key, how = jax.random.key(3), {"first": first, "chunk": chunk}
    among = np.random.default_rng(0).random(300) < 0.1
    whole = np.concatenate([d.status for d in dispatch.decisions(share, 300, key, **how)])
    seen = []
    some = list(dispatch.decisions(share, 300, key, among=among, progress=seen.append, **how))
    assert 0 < (whole == HIT).sum() < 300
    assert np.array_equal(np.concatenate([d.status for d in some]), whole[among])
    assert sum(seen) == among.sum()
    assert list(dispatch.decisions(share, 300, key, among=np.zeros(300, bool), **how)) == []


def test_progress_adds_up():
    seen = []
    problem, _ = PROBLEMS["fixed"]
    counting.count(problem, (5,), (0.1,), 5000, jax.random.key(0), chunk=1000, progress=seen.append)
    assert sum(seen) == 5000


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "n=0 is not allowed: n is a whole number from 1 to 40"),
        ({"n": 41}, "n=41 is not allowed"),
        ({"n": 2.5}, "n=2.5 is not allowed"),
        ({"eps": 0.0}, "eps=0.0 is not allowed: eps is a finite number above 0"),
        ({"eps": float("nan")}, "eps=nan is not allowed"),
        ({"trials": 0}, "trials=0 is not allowed"),
        ({"chunk": 0}, "chunk=0 is not allowed"),
        ({"confidence": 1.0}, "confidence=1.0 is not allowed"),
        ({"interval": "bayes"}, "interval='bayes' is not known"),
        ({"key": 0}, "key=0 is not allowed"),
        (
            {"solver": "float16"},
            "solver='float16' is not known for subset-sum: solver is one of auto, float32, float64",
        ),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"n": 5, "eps": 0.1, "trials": 10, "key": jax.random.key(0)} | change
    with pytest.raises(ValueError, match=message):
        ltjax.estimate(ltjax.SubsetSum(), **arguments)


@pytest.mark.wrong_types
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"law": "cauchy"}, "law='cauchy' is not known"),
        ({"target": "covers"}, "target='covers' is not allowed: target is a finite number, uniform or cover"),
        ({"target": float("inf")}, "target=inf is not allowed"),
        ({"d": 0}, "d=0 is not allowed"),
        ({"size": -1}, "size=-1 is not allowed"),
        ({"size": 1, "max_size": 2}, "exclude each other"),
        ({"target": "cover", "d": 2}, "target='cover' goes with d=1"),
        ({"size": 2, "d": 2}, "go with d=1"),
    ],
)
def test_bad_problems(options, message):
    with pytest.raises(ValueError, match=message):
        ltjax.SubsetSum(**options)


def test_quick_compiling_adds_flags_that_this_xla_knows_and_keeps_those_chosen(monkeypatch):
    from ltjax.machine import compilation

    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=3")
    monkeypatch.setattr(jax, "__version_info__", (0, 11, 0))
    compilation.compile_quickly()
    assert os.environ["XLA_FLAGS"] == "--xla_backend_optimization_level=3"
    monkeypatch.setattr(jax, "__version_info__", (0, 10, 2))
    for _ in range(2):
        compilation.compile_quickly()
        assert os.environ["XLA_FLAGS"] == "--xla_backend_optimization_level=3 --xla_cpu_use_fusion_emitters=false"


@pytest.mark.parametrize("version", [(0, 10, 2), (0, 11, 0)])
def test_what_is_timed_is_compiled_by_defaults_that_every_xla_knows(monkeypatch, version):
    from ltjax.machine import compilation

    assert jax.jit(lambda x: x + 1, compiler_options=compilation.usual_options())(1) == 2
    monkeypatch.setattr(jax, "__version_info__", version)
    assert ("xla_cpu_use_fusion_emitters" in compilation.usual_options()) == (version < (0, 11))


def test_cores_are_devices_of_one_thread_unless_chosen_otherwise():
    """In processes of their own: JAX looks for its devices once."""
    code = "import os, jax, ltjax; ltjax.use_cores(3); print(len(jax.devices()), os.environ['XLA_FLAGS'])"
    for flags, expected in (
        ("", "3 --xla_cpu_multi_thread_eigen=false"),
        ("--xla_cpu_multi_thread_eigen=true", "3 --xla_cpu_multi_thread_eigen=true"),
        (
            "--xla_force_host_platform_device_count=2",
            "2 --xla_force_host_platform_device_count=2 --xla_cpu_multi_thread_eigen=false",
        ),
    ):
        how = {"env": os.environ | {"XLA_FLAGS": flags}, "capture_output": True, "text": True, "check": True}
        assert subprocess.run([sys.executable, "-c", code], **how).stdout.strip() == expected


def test_all_threads_take_memory_from_one_pool(monkeypatch):
    """glibc's own name for the limit; a C library without it is left alone."""
    asked = []

    class Library:
        def mallopt(self, *options):
            asked.append(options)

    monkeypatch.setattr(devices.sys, "platform", "linux")
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: Library())
    devices._share_memory()
    assert asked == [(-8, 1)]
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda name: object())
    devices._share_memory()
