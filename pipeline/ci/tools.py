"""The tools of a real delivery."""

from __future__ import annotations

from pathlib import Path

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, write_file
from edge_deployer.report.folders import REPORT_JUNIT
from pipeline.ci.clock import Clock
from pipeline.ci.steps import Tools
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.findings import Check
from pipeline.project import quiet_libraries
from pipeline.project.heavy_imports import heavy_imports


def real_tools() -> Tools:
    """What compiles and verifies, reads the object store, and the clock on the wall."""
    return Tools(_compile_project, _verify, _copy_junit, Clock())


def _compile_project(config: Path, image: str | None) -> PipelineFile:
    quiet_libraries.hush()
    from pipeline.kubeflow.compilation.compiler import compile_project

    return compile_project(config, image=image)


def _verify(path: Path, offline: bool, namespace: str | None) -> None:
    from pipeline.kubeflow.verification.newest_kfp import default_folder
    from pipeline.kubeflow.verification.verify import verify_file

    verification = verify_file(
        path, environments=default_folder(), offline=offline, before_making=lambda: None, namespace=namespace
    )
    if verification.verified(offline=offline):
        return
    wrong = [check for check in verification.checks if check.status == "failed" or (check.not_checked and not offline)]
    raise TinyopsError(
        f"{path}: " + "; ".join(f"{check.name}: {_first(check)}" for check in wrong),
        remedy=f"{wrong[0].remedy}; `tinyops verify {path}` lists everything",
    )


def _copy_junit(folder: str, to: Path) -> None:
    with heavy_imports():
        from components import object_store

    found = object_store.find(folder, REPORT_JUNIT)
    if not found:
        raise TinyopsError(
            f"{folder} has no {REPORT_JUNIT}", remedy="build the image with this version of tinyops, which writes it"
        )
    make_folder(to.parent)
    write_file(to, object_store.read(found[-1]))


def _first(check: Check) -> str:
    if check.not_checked:
        return f"not checked, {check.not_checked}"
    finding, more = check.findings[0], len(check.findings) - 1
    return f"{finding.place}: {finding.message}" + (f" (and {more} more)" if more else "")
