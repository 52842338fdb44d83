"""All checks of a compiled file, and what it asks of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.argo import check_argo
from pipeline.kubeflow.verification.artifact_types import check_artifact_types
from pipeline.kubeflow.verification.back_end import check_back_end
from pipeline.kubeflow.verification.cluster_needs import Need, cluster_needs
from pipeline.kubeflow.verification.containers import check_containers
from pipeline.kubeflow.verification.data_flow import check_data_flow
from pipeline.kubeflow.verification.duplicate_keys import check_keys
from pipeline.kubeflow.verification.findings import Check
from pipeline.kubeflow.verification.graph import check_graph
from pipeline.kubeflow.verification.kfp_child import check_loads
from pipeline.kubeflow.verification.kubernetes_settings import KUBERNETES_SETTINGS, check_kubernetes_settings
from pipeline.kubeflow.verification.multi_user import check_multi_user
from pipeline.kubeflow.verification.newest_kfp import UnavailableError, newest_kfp
from pipeline.kubeflow.verification.notes import notes
from pipeline.kubeflow.verification.parsed_pipeline import Misfits, ParsedPipeline, parse
from pipeline.kubeflow.verification.plain_scalars import check_plain_scalars
from pipeline.kubeflow.verification.platform import PLATFORM_DOCUMENT, check_platform

PIPELINE_DOCUMENT = "pipeline document"
_NEWEST = "loads with the newest kfp"
_REMEDY = "run it once where a package index is in reach, or accept this with --offline"


@dataclass(frozen=True)
class Verification:
    """What is known of a compiled file."""

    name: str
    checks: tuple[Check, ...]
    notes: tuple[str, ...]  # What is not wrong and should be known: a sentence each.
    needs: tuple[Need, ...]

    def verified(self, *, offline: bool) -> bool:
        """Whether nothing is wrong, and nothing unknown unless it was to be expected offline."""
        allowed = {"passed", "not checked"} if offline else {"passed"}
        return all(check.status in allowed for check in self.checks)


def verify_file(
    path: Path,
    *,
    environments: Path,
    offline: bool,
    before_making: Callable[[], None],
    namespace: str | None = None,
) -> Verification:
    """Ask everything of a compiled file.

    Args:
        path: the file.
        environments: folder that keeps the environment with the newest kfp.
        offline: do without that environment unless it is there.
        before_making: called if the environment has to be made.
        namespace: of a Kubeflow with several users, in which the pipeline is to run; None for any other.

    Raises:
        TinyopsError: the file is no compiled pipeline, or the folder cannot be written.
    """
    file = PipelineFile.load(path)
    # Two processes import their kfp while this one reads the file.
    with ThreadPoolExecutor(max_workers=2) as children:
        loads = [children.submit(check_loads, "loads with this kfp", Path(sys.executable), path)]
        try:
            kfp = newest_kfp(environments, offline=offline, before_making=before_making)
        except UnavailableError as error:
            pipeline, misfits = parse(file)
            checks = _unless_newer(static_checks(pipeline, misfits), str(error))
        else:
            loads.append(children.submit(check_loads, _NEWEST, kfp.python, path))
            pipeline, misfits = parse(file, kfp.messages())
            checks = list(static_checks(pipeline, misfits))
        if namespace is not None:
            checks.append(check_multi_user(pipeline, namespace))
        return _verification(path, pipeline, checks, loads)


def static_checks(pipeline: ParsedPipeline, misfits: Misfits) -> Iterator[Check]:
    """Checks that need the messages and nothing else."""
    yield Check(PIPELINE_DOCUMENT, (*misfits.spec, *misfits.deployment), remedy="compile the pipeline again")
    yield check_back_end(pipeline)
    yield check_argo(pipeline)
    yield check_graph(pipeline)
    yield check_data_flow(pipeline)
    yield check_artifact_types(pipeline)
    yield check_containers(pipeline)
    yield check_platform(pipeline, misfits.platform)
    yield check_kubernetes_settings(pipeline, misfits.settings)


def _verification(
    path: Path, pipeline: ParsedPipeline, checks: list[Check], loads: list[Future[Check]]
) -> Verification:
    own, *newest = (load.result() for load in loads)
    # What only a newer kfp loads is newer than the one here, whom nobody asks to run it.
    newer = own.status == "failed" and any(check.status == "passed" for check in newest)
    return Verification(
        pipeline.spec.pipeline_info.name,
        (check_keys(path), check_plain_scalars(path), *checks, *(() if newer else (own,)), *newest),
        (*notes(pipeline), *([f"{own.detail}, installed here, is too old to load it"] if newer else [])),
        tuple(cluster_needs(pipeline)),
    )


def _unless_newer(checks: Iterator[Check], why: str) -> list[Check]:
    """Without the newest kfp, a field that this one does not have may be wrong or may be new."""
    return [
        *(replace(check, not_checked=why, remedy=_REMEDY) if _may_be_newer(check) else check for check in checks),
        Check(_NEWEST, not_checked=why, remedy=_REMEDY),
    ]


def _may_be_newer(check: Check) -> bool:
    if check.name == KUBERNETES_SETTINGS:
        return not check.findings
    return check.name in (PIPELINE_DOCUMENT, PLATFORM_DOCUMENT) and bool(check.findings)
