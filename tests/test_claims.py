"""The catalogue can pass, and it can fail: each sabotage is caught."""

import contextlib
import dataclasses
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ltjax import laws
from ltjax.bounds import subset_sum as bounds
from ltjax.search.sums import nearest as kernels
from ltjax.verify import claim as claims
from ltjax.verify import findings, runner
from ltjax.verify.claim import Claim, Control, Run, Verdict, joint_verdict

LEVEL = 1e-6


@pytest.fixture
def tiny(monkeypatch):
    """A budget for tests, and no compiled search left over from before a sabotage, or after it."""
    monkeypatch.setitem(claims.BUDGETS, "tiny", 0.2)
    yield "tiny"
    jax.clear_caches()


def check(id, budget):
    return runner.run_claim(runner.catalogue()[id], Run(jax.random.key(0), budget), LEVEL)


def test_catalogue_is_found_through_its_entry_point():
    assert list(runner.catalogue()) == [
        *("GAP-1", "GAP-2", "HW-1"),
        *(f"NP-{i}" for i in range(1, 8)),
        *(f"SS-{i}" for i in range(1, 7)),
        *(f"WP-{i}" for i in range(1, 5)),
    ]
    for claim in runner.catalogue().values():
        assert claim.controls
        for section in ("**Hypotheses.**", "**Statement.**", "**Source.**", "**Checked.**"):
            assert section in claim.statement, claim.id


def test_selection_by_id_and_family():
    known = runner.catalogue()
    assert [c.id for c in runner.select(["ss-3", "SS-1"], known)] == ["SS-3", "SS-1"]
    assert len(runner.select(["SS"], known)) == 6
    assert len(runner.select([], known)) == 20
    with pytest.raises(ValueError, match="claim 'XX' is not known"):
        runner.select(["XX"], known)


def test_events_of_many_draws_are_those_of_their_keys():
    """Whatever the block and the padding; and each set of draws is fresh."""

    def event(key):
        return {"value": jax.random.normal(key, (3,))}

    run = Run(jax.random.key(3), "quick")
    first, second = (run.each(event, 21, block=block, problem="toy", n=3)["value"] for block in (4, 8))
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.fold_in(run.key, 1), i))(jnp.arange(21))
    np.testing.assert_allclose(first, jax.vmap(event)(keys)["value"], rtol=1e-6)
    assert first.shape == second.shape == (21, 3)
    assert len(np.unique(np.concatenate([first, second]))) == 2 * 21 * 3
    assert [each["block"] for each in run.drawn] == [4, 8]


def test_a_claim_needs_a_control():
    with pytest.raises(ValueError, match="no negative control"):
        dataclasses.replace(runner.catalogue()["SS-1"], controls=())


@pytest.mark.parametrize(
    ("verdicts", "joint"),
    [
        (["proved", "proved"], "proved"),
        (["proved", "supported"], "supported"),
        (["supported", "inconclusive"], "inconclusive"),
        (["inconclusive", "refuted"], "refuted"),
        ([], "inconclusive"),
    ],
)
def test_joint_verdict(verdicts, joint):
    assert joint_verdict([Verdict(v) for v in verdicts]) == joint


def test_findings_decide_as_stated():
    assert findings.at_most("", 10, 1000, 0.02, LEVEL).verdict == "supported"
    assert findings.at_most("", 100, 1000, 0.02, LEVEL).verdict == "refuted"
    assert findings.at_most("", 1, 2, 0.9, LEVEL).verdict == "inconclusive"
    assert findings.at_least("", 900, 0, 1000, 0.5, LEVEL).verdict == "supported"
    assert findings.at_least("", 100, 0, 1000, 0.5, LEVEL).verdict == "refuted"
    assert findings.at_least("", 100, 600, 1000, 0.5, LEVEL).verdict == "inconclusive"
    assert findings.within("", -0.1, 0.1, 0.2).verdict == "supported"
    assert findings.within("", 0.25, 0.3, 0.2).verdict == "refuted"
    assert findings.within("", 0.1, 0.3, 0.2).verdict == "inconclusive"
    assert findings.inside("", (1.1, 1.2), (1.0, 2.0)).verdict == "supported"
    assert findings.smaller("", (1, 2), (3, 4)).verdict == "supported"
    assert findings.smaller("", (5, 6), (3, 4)).verdict == "refuted"
    assert findings.holds("", True, proved=True).verdict == "proved"


def test_an_honest_claim_passes(tiny):
    result = check("SS-1", tiny)
    assert result.verdict == "supported"
    assert result.sound


def test_a_wrong_constant_is_refuted(tiny, monkeypatch):
    honest = bounds.hit_probability_bound
    monkeypatch.setattr(bounds, "hit_probability_bound", lambda *a: 0.8 * honest(*a))
    assert check("SS-1", tiny).verdict == "refuted"


def test_a_biased_sampler_is_refuted(tiny, monkeypatch):
    honest = laws.LAWS["uniform"]

    def shrunk(key, shape, dtype):
        values, resolution = honest.draw(key, shape, dtype)
        return 0.8 * values, resolution

    monkeypatch.setitem(laws.LAWS, "uniform", dataclasses.replace(honest, draw=shrunk))
    assert check("SS-1", tiny).verdict == "refuted"


@pytest.mark.slow
def test_a_wrong_poisson_constant_a_biased_sampler_and_a_lazy_solver_are_refuted(tiny, monkeypatch):
    """SS-3 sees all three: its prediction is drawn apart from the trials."""
    module = importlib.import_module("proofs_check.subset_sum.poisson_law")
    monkeypatch.setattr(module, "JUDGED", (14,))
    monkeypatch.setattr(module, "NS", (14,))

    assert check("SS-3", tiny).verdict != "refuted"

    with monkeypatch.context() as patch:
        honest_rate = bounds.poisson_rate
        patch.setattr(bounds, "poisson_rate", lambda *a: 1.5 * honest_rate(*a))
        assert check("SS-3", tiny).verdict == "refuted"

    with monkeypatch.context() as patch:
        honest_law = laws.LAWS["uniform"]

        def skewed(key, shape, dtype):
            values, resolution = honest_law.draw(key, shape, dtype)
            return jnp.where(values < -0.5, -values, values), resolution

        patch.setitem(laws.LAWS, "uniform", dataclasses.replace(honest_law, draw=skewed))
        assert check("SS-3", tiny).verdict == "refuted"

    with monkeypatch.context() as patch:
        honest_search = kernels.nearest

        def lazy(values, target, prefixes):
            # Never takes the first number: half of all subsets are skipped.
            return honest_search(values.at[0].set(0), target, prefixes)

        jax.clear_caches()
        patch.setattr(kernels, "nearest", lazy)
        # The number counts as 0 in the search but not in the check of the mask, which may notice first.
        with contextlib.suppress(RuntimeError):
            assert check("SS-3", tiny).verdict == "refuted"


def test_a_check_that_cannot_fail_is_called_broken():
    honest = runner.catalogue()["SS-1"]
    blind = Claim(
        "X-1",
        "blind",
        "",
        lambda run: None,
        lambda data, level, **constants: [findings.holds("always", True)],
        (Control("X-1-any", "anything", {"factor": 0.0}),),
        honest.draw,
        "",
    )
    result = runner.run_claim(blind, Run(jax.random.key(0), "quick"), LEVEL)
    assert result.verdict == "supported"
    assert not result.sound
    assert not runner.Report((result,), {}).passed


def test_draws_of_one_claim_differ_and_do_not_depend_on_company():
    run = Run(jax.random.key(0), "quick")
    from ltjax import SubsetSum

    first, second = (run.count(SubsetSum(), (3,), (0.1,), 2000) for _ in range(2))
    assert first.hits[0, 0] != second.hits[0, 0]
    again = Run(jax.random.key(0), "quick").count(SubsetSum(), (3,), (0.1,), 2000)
    assert first.hits[0, 0] == again.hits[0, 0]
    assert [drawn["trials"] for drawn in run.drawn] == [2000, 2000]
