"""Artifact types that TFX does not have: what the release line hands from one component to the next.

They have custom properties only: TFX's Kubeflow compiler takes no others for types that it does not know.
"""

from __future__ import annotations

from typing import Any

from tfx.types.artifact import Artifact

Artifacts = dict[str, list[Artifact]]
"""What TFX hands an executor, and takes from it: by the name of the input or output."""
Properties = dict[str, Any]
"""Execution parameters by name, as the component's spec declares them."""

PUSHED_PROPERTY = "pushed"
REASON_PROPERTY = "reason"


class AcceptanceSet(Artifact):
    """Samples with TFLM's outputs, in `edge_deployer.release.acceptance_set.FILE_NAME`.

    The folder is empty when the validator refused the model: there is then nothing for a board to be compared with.
    """

    TYPE_NAME = "tinyops.AcceptanceSet"


class DataFindings(Artifact):
    """What the gates on data found, in `edge_deployer.release.data_findings.FILE_NAME`.

    Beside it lie the statistics of the training split, which later runs are compared with once this one is accepted.
    """

    TYPE_NAME = "tinyops.DataFindings"


class DeploymentReport(Artifact):
    """The outcome of a delivery: a page for people and JSON for programs (`edge_deployer.report.folders`).

    Custom properties:
        `PUSHED_PROPERTY`: 1 if the release runs on every production board, else 0.
        `REASON_PROPERTY`: why it was refused; empty if it was pushed.
    """

    TYPE_NAME = "tinyops.DeploymentReport"


class HtmlReport(Artifact):
    """The report's page, `edge_deployer.report.folders.REPORT_HTML`, under the type that Kubeflow's page shows."""

    TYPE_NAME = "system.HTML"


class MarkdownReport(Artifact):
    """The report in short, `edge_deployer.report.folders.REPORT_MARKDOWN`, under the type that Kubeflow shows."""

    TYPE_NAME = "system.Markdown"
