"""The checks of `tinyops verify` that need no other kfp, for commands that use a compiled file."""

from __future__ import annotations

from pathlib import Path

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.kubeflow.verification.verify import static_checks


def require_sound(file: PipelineFile, path: Path) -> None:
    """Refuse a file that cannot be run.

    Args:
        file: the compiled pipeline.
        path: where it was read, for the message.

    Raises:
        TinyopsError: something is wrong; the message has the first of it.
    """
    findings = [finding for check in static_checks(*parse(file)) for finding in check.findings]
    if findings:
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise TinyopsError(
            f"{path}: {findings[0].place}: {findings[0].message}{more}", remedy=f"see `tinyops verify {path}`"
        )
