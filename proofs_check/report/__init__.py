"""The report: one HTML page that needs nothing beside it, JSON, and figures."""

from proofs_check.report.folder import ReportFolder
from proofs_check.report.results import results_of

__all__ = ["ReportFolder", "results_of"]
