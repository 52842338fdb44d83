"""Why the validator refused a model, in words."""

from __future__ import annotations

from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.words import in_words


def why(report: ValidationReport) -> str:
    """The reason; empty for a model that was not refused."""
    return in_words(report.reason) if report.reason else ""
