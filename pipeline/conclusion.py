"""How a run ended, read from what its last components left."""

from __future__ import annotations

from components.artifact_types import REPORT_HTML
from components.tflm_evaluator.outcome import refusal_reason
from pipeline.events import Concluded
from pipeline.lineage import Lineage, Outputs


def conclude(lineage: Lineage, *, delivered: bool) -> Concluded:
    """The verdict.

    Args:
        lineage: of the run that has just ended.
        delivered: whether the pipeline ends with TFLMPusher; without it the two blessings decide.
    """
    if delivered:
        return _delivery(lineage.latest("TFLMPusher"))
    evaluation, validation = lineage.latest("TFLMEvaluator"), lineage.latest("TFLMValidator")
    reasons = [
        reason
        for reason in (refusal_reason(str(evaluation.folder("evaluation"))), validation.text("blessing", "reason"))
        if reason
    ]
    return Concluded("refused" if reasons else "blessed", reasons, None)


def _delivery(pusher: Outputs) -> Concluded:
    report = str(pusher.folder("deployment_report") / REPORT_HTML)
    if pusher.number("deployment_report", "pushed"):
        return Concluded("pushed", [], report)
    return Concluded("refused", [pusher.text("deployment_report", "reason")], report)
