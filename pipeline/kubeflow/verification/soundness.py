"""The checks of `tinyops verify` that make no environment, for commands that use a compiled file."""

from __future__ import annotations

from pathlib import Path

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.newest_kfp import UnavailableError, default_folder, newest_kfp
from pipeline.kubeflow.verification.parsed_pipeline import parse
from pipeline.kubeflow.verification.platform import PLATFORM_DOCUMENT
from pipeline.kubeflow.verification.verify import PIPELINE_DOCUMENT, static_checks


def require_sound(file: PipelineFile, path: Path) -> None:
    """Refuse a file that cannot be run.

    Where `tinyops verify` has made no environment with the newest kfp, a field that this kfp does not have may be a
    newer one, and is let through.

    Args:
        file: the compiled pipeline.
        path: where it was read, for the message.

    Raises:
        TinyopsError: something is wrong; the message has the first of it.
    """
    try:
        messages = newest_kfp(default_folder(), offline=True, before_making=lambda: None).messages()
        unknown = set[str]()
    except UnavailableError:
        messages, unknown = None, {PIPELINE_DOCUMENT, PLATFORM_DOCUMENT}
    checks = static_checks(*parse(file, messages))
    findings = [finding for check in checks if check.name not in unknown for finding in check.findings]
    if findings:
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise TinyopsError(
            f"{path}: {findings[0].place}: {findings[0].message}{more}", remedy=f"see `tinyops verify {path}`"
        )
