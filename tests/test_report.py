"""The page: what opens it, and what it says of a claim."""

import dataclasses

import jax

from ltjax.verify import runner
from ltjax.verify.claim import Control, Finding, Run
from ltjax.verify.report.page import page

PICTURE = '<?xml version="1.0"?><svg width="1" height="1"><g id="a"/></svg>'


def result(headline=None):
    honest = runner.catalogue()["SS-1"]
    claim = dataclasses.replace(
        honest,
        id="X-1",
        measure=lambda run: 42,
        judge=lambda data, level, **constants: [],
        controls=(Control("X-1-no", "no", {}),),
        headline=headline,
    )
    return runner.run_claim(claim, Run(jax.random.key(0), "quick"), 1e-6)


def test_headlines_open_the_page(monkeypatch):
    monkeypatch.setattr("ltjax.verify.report.page.closest", lambda findings: Finding("none", "proved", {}))
    provenance = {"error budget": 1e-6}
    told = page(
        runner.Report((result(lambda data: f"It is *{data}*.\n\n| a | b |\n|---|---|\n| 1 | $x$ |"),), provenance),
        {"X-1": PICTURE},
    )
    assert told.index("In short") < told.index("<em>42</em>") < told.index("All claims")
    assert "<td>1</td>" in told
    assert told.count('id="X-1-a"') == 1
    assert "<math" in told
    plain = page(runner.Report((result(),), provenance), {"X-1": PICTURE})
    assert "In short" not in plain
    assert plain.count('id="X-1-a"') == 1
