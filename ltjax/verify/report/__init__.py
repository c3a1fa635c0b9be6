"""The report: one HTML page that needs nothing beside it, JSON, and figures."""

from ltjax.verify.report.folder import ReportFolder
from ltjax.verify.report.results import results_of

__all__ = ["ReportFolder", "results_of"]
