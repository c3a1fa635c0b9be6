"""results.json: every verdict with its evidence and provenance, as plain values."""

from typing import Any

from ltjax.verify.claim import Evidence, statement_of, title_of
from ltjax.verify.plain import plain
from ltjax.verify.runner import Report


def _evidence(evidence: Evidence) -> list[dict[str, Any]]:
    return [
        {
            "name": finding.name,
            "kind": finding.kind,
            "verdict": str(finding.verdict),
            "refutable": finding.refutable,
            "detectable": finding.detectable,
            "trials needed for half of that": finding.trials_needed,
            "numbers": dict(finding.numbers),
        }
        for finding in evidence.findings
    ]


def results_of(report: Report) -> dict[str, Any]:
    """The whole report as one JSON-able object."""
    claims = [
        {
            "id": result.claim.id,
            "title": title_of(result.claim),
            "statement": statement_of(result.claim),
            "verdict": str(result.verdict),
            "controls": [
                {
                    "id": control.id,
                    "statement": control.statement,
                    "refuted": evidence.verdict == "refuted",
                    "findings": _evidence(evidence),
                }
                for control, evidence in result.controls
            ],
            "evidence": {
                "findings": _evidence(result.evidence),
                "refutable": result.evidence.refutable,
                "tables": {title: [dict(row) for row in rows] for title, rows in result.tables.items()},
                "level": result.level,
                "drawn": list(result.drawn),
                "seconds": round(result.seconds, 2),
                "error": result.error,
            },
        }
        for result in report.results
    ]
    state = {"passed": report.passed, "stopped": report.stopped, "broken": dict(report.broken)}
    return plain({"claims": claims, **state, "provenance": report.provenance})
