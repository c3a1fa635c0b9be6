"""Every claim of the catalogue can be supported, and can be refuted: a table of sabotages."""

import contextlib
import copy
import dataclasses
import importlib

import jax
import jax.numpy as jnp
import made_up
import pytest

from ltjax import laws
from ltjax.bounds import subset_sum as bounds
from ltjax.search.sums import nearest as kernels
from ltjax.verify import budget, check
from ltjax.verify.catalogue import catalogue
from ltjax.verify.claim import controlled, kinds, statement_of, title_of
from ltjax.verify.run import Run
from proofs_check.gap import exponential, tenfold

KNOWN = catalogue()
IDS = list(KNOWN.claims)
_true: dict = {}


def data_of(id):
    if id not in _true:
        _true[id] = made_up.TRUE[id]()
    return _true[id]


def test_the_catalogue_is_found_through_its_entry_point():
    assert [
        *("GAP-1", "GAP-2", "HW-1", "HW-2", "KK-1"),
        *(f"NP-{i}" for i in (*range(1, 10), 11, 12, 13, 14)),
        *(f"PAT-{i}" for i in range(1, 10)),
        "SEARCH-1",
        *(f"SS-{i}" for i in range(1, 7)),
        *(f"WP-{i}" for i in range(1, 5)),
    ] == IDS
    assert set(KNOWN.homes.values()) == {budget.BUILT_IN}
    for claim in KNOWN.claims.values():
        assert title_of(claim)
        assert claim.caption
        for section in ("**Hypotheses.**", "**Statement.**", "**Source.**", "**Checked.**"):
            assert section in statement_of(claim), claim.id


@pytest.mark.parametrize("id", IDS)
def test_a_true_world_supports_the_claim_and_refutes_every_control(id):
    """On the same data, with the same kinds and number of tests."""
    claim, data = KNOWN.claims[id], data_of(id)
    evidence, controls = check.evidence_of(claim, data, KNOWN.level)
    assert evidence.verdict == "supported", [f for f in evidence.findings if f.verdict != "supported"]
    assert evidence.refutable
    assert {control.id: found.verdict for control, found in controls} == dict.fromkeys(
        (control.id for control in claim.controls), "refuted"
    )
    for control in claim.controls:
        assert kinds(controlled(claim, control).tests(data)) == kinds(claim.tests(data))


@pytest.mark.parametrize("id", IDS)
def test_every_test_of_every_claim_can_be_refuted(id):
    assert [test.name for test in KNOWN.claims[id].tests(data_of(id)) if not test.refutable] == []


@pytest.mark.parametrize("id", IDS)
def test_a_false_world_refutes_the_claim(id):
    sabotage, make = made_up.FALSE[id]
    found = check.judged(KNOWN.claims[id].tests(make()), KNOWN.level)
    print(f"| {id} | {sabotage} | {found.verdict} |")
    assert found.verdict == "refuted", sabotage


@pytest.mark.parametrize("id", ["GAP-1", "GAP-2", "HW-1", "KK-1", "NP-5", "NP-9", "NP-11", "NP-12", "SEARCH-1", "WP-1"])
def test_tables_are_rows_of_values(id):
    for title, rows in KNOWN.claims[id].tables(data_of(id)).items() if id != "GAP-2" else ():
        assert title
        assert rows
        assert all(row.keys() == rows[0].keys() for row in rows)


@pytest.mark.parametrize("id", ["GAP-1", "GAP-2", "HW-1", "HW-2"])
def test_headlines_and_figures_of_the_gap(id):
    claim, data = KNOWN.claims[id], data_of(id)
    assert claim.headline(data)
    figure = claim.figure(data)
    assert figure is not None
    assert len(figure.axes) == 2


def test_no_single_bound_or_count_hides_the_missing_gap():
    """Each replaced alone, too, is seen: bounds, or counts at both ends."""
    level = KNOWN.level
    for id, module in (("GAP-1", exponential), ("GAP-2", tenfold)):
        honest, none = data_of(id), made_up.FALSE[id][1]()
        bounds_alone = {**honest, **{name: none[name] for name in ("least", "missed") if name in none}}
        assert check.judged(KNOWN.claims[id].tests(bounds_alone), level).verdict == "refuted", module
        mixed = copy.copy(honest)
        mixed["least"], mixed["most"], mixed["coarse"] = honest["least"], none["most"], none["coarse"]
        # Masks in hand where a theorem says that there are none contradict it, and nothing is supported by that.
        assert check.judged(KNOWN.claims[id].tests(mixed), level).verdict != "supported", module


def test_a_gap_that_was_not_found_is_left_open():
    data = dict(data_of("GAP-1"))
    data["counts"] = {
        name: made_up.counts(range(1, 30), counts.eps, 100, lambda n, e: 0.0, lambda n, e: float(n < 3))
        for name, counts in data["counts"].items()
    }
    data["shared"] = made_up.counts((44,), data["shared"].eps, 48, lambda n, e: 0.0, lambda n, e: 0.0)
    assert check.judged(KNOWN.claims["GAP-1"].tests(data), KNOWN.level).verdict == "inconclusive"


@pytest.fixture
def tiny(monkeypatch):
    """A budget for tests, and no compiled search left over from before a sabotage, or after it."""
    monkeypatch.setitem(budget.BUDGETS, "tiny", 0.2)
    yield "tiny"
    jax.clear_caches()


def checked(id, budget):
    return check.run_claim(KNOWN.claims[id], Run(jax.random.key(0), budget), KNOWN.level)


def test_an_honest_claim_passes(tiny):
    result = checked("SS-1", tiny)
    assert result.error is None
    assert result.verdict == "supported"
    assert result.passed


def test_a_wrong_constant_is_refuted(tiny, monkeypatch):
    honest = bounds.hit_probability_bound
    monkeypatch.setattr(bounds, "hit_probability_bound", lambda *a: 0.8 * honest(*a))
    assert checked("SS-1", tiny).verdict == "refuted"


def test_a_biased_sampler_is_refuted(tiny, monkeypatch):
    honest = laws.LAWS["uniform"]

    def shrunk(key, shape, dtype):
        values, resolution = honest.draw(key, shape, dtype)
        return 0.8 * values, resolution

    monkeypatch.setitem(laws.LAWS, "uniform", dataclasses.replace(honest, draw=shrunk))
    assert checked("SS-1", tiny).verdict == "refuted"


@pytest.mark.slow
def test_a_wrong_poisson_constant_a_biased_sampler_and_a_lazy_solver_are_refuted(tiny, monkeypatch):
    """SS-3 sees all three: its prediction is drawn apart from the trials."""
    module = importlib.import_module("proofs_check.subset_sum.poisson_law")
    monkeypatch.setattr(module, "JUDGED", (14,))
    monkeypatch.setattr(module, "NS", (14,))

    assert checked("SS-3", tiny).verdict in ("supported", "inconclusive")

    with monkeypatch.context() as patch:
        honest_rate = bounds.poisson_rate
        patch.setattr(bounds, "poisson_rate", lambda *a: 1.5 * honest_rate(*a))
        assert checked("SS-3", tiny).verdict == "refuted"

    with monkeypatch.context() as patch:
        honest_law = laws.LAWS["uniform"]

        def skewed(key, shape, dtype):
            values, resolution = honest_law.draw(key, shape, dtype)
            return jnp.where(values < -0.5, -values, values), resolution

        patch.setitem(laws.LAWS, "uniform", dataclasses.replace(honest_law, draw=skewed))
        assert checked("SS-3", tiny).verdict == "refuted"

    with monkeypatch.context() as patch:
        honest_search = kernels.nearest

        def lazy(values, target, prefixes):
            # Never takes the first number: half of all subsets are skipped.
            return honest_search(values.at[0].set(0), target, prefixes)

        jax.clear_caches()
        patch.setattr(kernels, "nearest", lazy)
        # The number counts as 0 in the search but not in the check of the mask, which may notice first.
        with contextlib.suppress(RuntimeError):
            result = checked("SS-3", tiny)
            assert result.verdict == "refuted" or "RuntimeError" in (result.error or "")
