"""Artifact types that TFX does not have: what the release line hands from one component to the next."""

from __future__ import annotations

from tfx.types.artifact import Artifact, Property, PropertyType


class AcceptanceSet(Artifact):
    """Samples with TFLM's outputs, in `edge_deployer.release.acceptance_set.FILE_NAME`.

    The folder is empty when the validator refused the model: there is then nothing for a board to be compared with.
    """

    TYPE_NAME = "tinyops.AcceptanceSet"
    PROPERTIES = {"samples": Property(type=PropertyType.INT)}


class DeploymentReport(Artifact):
    """The outcome of a delivery: a page for people and JSON for programs (`edge_deployer.report.folders`).

    Properties:
        pushed: 1 if the release runs on every production board, else 0.
        reason: why it was refused; empty if it was pushed.
    """

    TYPE_NAME = "tinyops.DeploymentReport"
    PROPERTIES = {
        "pushed": Property(type=PropertyType.INT),
        "reason": Property(type=PropertyType.STRING),
    }


class HtmlReport(Artifact):
    """The report's page, `edge_deployer.report.folders.REPORT_HTML`, under the type that Kubeflow's page shows."""

    TYPE_NAME = "system.HTML"


class MarkdownReport(Artifact):
    """The report in short, `edge_deployer.report.folders.REPORT_MARKDOWN`, under the type that Kubeflow shows."""

    TYPE_NAME = "system.Markdown"
