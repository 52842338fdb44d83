"""All checks of a compiled file, and what it asks of a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.verification.artifact_types import check_artifact_types
from pipeline.kubeflow.verification.back_end import check_back_end
from pipeline.kubeflow.verification.cluster_needs import Need, cluster_needs
from pipeline.kubeflow.verification.containers import check_containers
from pipeline.kubeflow.verification.data_flow import check_data_flow, parameters_without_default
from pipeline.kubeflow.verification.duplicate_keys import check_keys
from pipeline.kubeflow.verification.findings import Check
from pipeline.kubeflow.verification.graph import check_graph
from pipeline.kubeflow.verification.kfp_child import check_loads
from pipeline.kubeflow.verification.newest_kfp import UnavailableError, newest_kfp
from pipeline.kubeflow.verification.parsed_pipeline import Misfits, ParsedPipeline, parse
from pipeline.kubeflow.verification.plain_scalars import check_plain_scalars
from pipeline.kubeflow.verification.platform import check_platform
from pipeline.kubeflow.verification.platform_settings import check_platform_settings

_SETTINGS = "Kubernetes settings"
_NEWEST = "loads with the newest kfp"


@dataclass(frozen=True)
class Verification:
    """What is known of a compiled file."""

    name: str
    checks: tuple[Check, ...]
    parameters_without_default: tuple[str, ...]
    needs: tuple[Need, ...]

    def verified(self, *, offline: bool) -> bool:
        """Whether nothing is wrong, and nothing unknown unless it was to be expected offline."""
        allowed = {"passed", "not checked"} if offline else {"passed"}
        return all(check.status in allowed for check in self.checks)


def verify_file(path: Path, *, environments: Path, offline: bool, before_making: Callable[[], None]) -> Verification:
    """Ask everything of a compiled file.

    Args:
        path: the file.
        environments: folder that keeps the environment with the newest kfp.
        offline: do without that environment unless it is there.
        before_making: called if the environment has to be made.

    Raises:
        TinyopsError: the file is no compiled pipeline, or the folder cannot be written.
    """
    file = PipelineFile.load(path)
    pipeline, misfits = parse(file)
    checks = [
        check_keys(path),
        check_plain_scalars(path),
        *static_checks(pipeline, misfits),
        check_loads("loads with this kfp", Path(sys.executable), path),
        *_newest(path, pipeline, environments, offline, before_making),
    ]
    return Verification(
        pipeline.spec.pipeline_info.name,
        tuple(checks),
        tuple(parameters_without_default(pipeline)),
        tuple(cluster_needs(pipeline)),
    )


def static_checks(pipeline: ParsedPipeline, misfits: Misfits) -> Iterator[Check]:
    """Checks that need the messages and nothing else."""
    yield Check("pipeline document", (*misfits.spec, *misfits.deployment), remedy="compile the pipeline again")
    yield check_back_end(pipeline)
    yield check_graph(pipeline)
    yield check_data_flow(pipeline)
    yield check_artifact_types(pipeline)
    yield check_containers(pipeline)
    yield check_platform(pipeline, misfits.platform)


def _newest(
    path: Path, pipeline: ParsedPipeline, environments: Path, offline: bool, before_making: Callable[[], None]
) -> Iterator[Check]:
    try:
        kfp = newest_kfp(environments, offline=offline, before_making=before_making)
    except UnavailableError as error:
        remedy = "run it once where a package index is in reach, or accept this with --offline"
        for name in (_SETTINGS, _NEWEST):
            yield Check(name, not_checked=str(error), remedy=remedy)
        return
    yield check_platform_settings(_SETTINGS, pipeline, kfp.message)
    yield check_loads(_NEWEST, kfp.python, path)
