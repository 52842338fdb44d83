"""A run on Kubeflow: started, and followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from kfp_server_api import (
    V2beta1Experiment,
    V2beta1PipelineTaskDetail,
    V2beta1PipelineVersionReference,
    V2beta1Run,
    V2beta1RuntimeConfig,
)

from edge_deployer.errors import TinyopsError
from pipeline.ci.clock import Clock
from pipeline.ci.refusal import ReleaseRefused
from pipeline.project.step_names import GATE
from pipeline.registration.api_server import ApiServer, ApiServerError, display_name_filter
from pipeline.registration.registrar import Registration

_ENDED: Final = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
"""Final states of V2beta1RuntimeState."""

_LOOK_EVERY_S: Final = 5.0
_PATIENCE: Final = 12
"""Looks in a row that may fail: a minute, in which an API server is restarted."""
_NEWEST: Final = 100
"""Runs of one version that are looked at, of those that were started last."""


def start_run(
    server: ApiServer,
    registration: Registration,
    *,
    pipeline_root: str,
    service_account: str | None,
    experiment: str,
    description: str,
) -> V2beta1Run:
    """Start a run of a registered version.

    Args:
        server: where.
        registration: the version.
        pipeline_root: of the run. The back end does not read the version's own (v2_template.go,
            modelToPipelineJobRuntimeConfig): without this, artifacts go to the cluster's default.
        service_account: of the run's pods; None takes the back end's (template.go, setDefaultServiceAccount).
        experiment: display name of the experiment; made if it is not there.
        description: kept with the run.

    Raises:
        ApiServerError: the server cannot be reached or refuses; a run may have been started all the same.
    """
    body = V2beta1Run(
        display_name=_display_name(registration),
        description=description,
        experiment_id=_experiment(server, experiment).experiment_id,
        pipeline_version_reference=V2beta1PipelineVersionReference(
            pipeline_id=registration.pipeline_id, pipeline_version_id=registration.version_id
        ),
        # Without it the server takes parameters that have defaults for missing (v2_template.go).
        runtime_config=V2beta1RuntimeConfig(parameters={}, pipeline_root=pipeline_root),
        service_account=service_account,
    )
    try:
        return server.call(server.client.runs, "create_run", body)
    except ApiServerError as error:
        if not error.may_pass:
            raise
        raise ApiServerError(
            error.message,
            remedy="run the command again: should the run have been started all the same, it is taken up",
            status=error.status,
        ) from error


def latest_run(server: ApiServer, registration: Registration) -> V2beta1Run | None:
    """The run of a version that was started last, by `start_run`; None if there is none.

    Raises:
        ApiServerError: the server cannot be reached or refuses.
    """
    listed = server.call(
        server.client.runs,
        "list_runs",
        namespace=server.namespace,
        filter=display_name_filter(_display_name(registration)),
        sort_by="created_at desc",
        page_size=_NEWEST,
    )
    return next((run for run in listed.runs or [] if _is_of(run, registration)), None)


def has_ended(run: V2beta1Run) -> bool:
    """Whether a run has reached a final state."""
    return run.state in _ENDED


def wait_for_run(
    server: ApiServer,
    run_id: str,
    tasks: Collection[str],
    *,
    timeout_s: float,
    follow: Callable[[str], None],
    clock: Clock,
) -> V2beta1Run:
    """Look at a run until it has ended.

    Args:
        server: where it runs.
        run_id: the server's.
        tasks: names of the pipeline's own tasks; Kubeflow lists its drivers and pods among them.
        timeout_s: longest wait, in seconds.
        follow: called with a line when there is something new.
        clock: of the wait.

    Raises:
        ReleaseRefused: the last step said no.
        TinyopsError: the run failed or was cancelled, or the time is over while it goes on.
        ApiServerError: the server was not to be reached for a minute.
    """
    deadline = clock.now() + timeout_s
    failures = 0
    said = ""
    while True:
        try:
            run = server.call(server.client.runs, "get_run", run_id)
            failures = 0
        except ApiServerError as error:
            failures += 1
            if not error.may_pass or failures > _PATIENCE:
                raise
        else:
            if (line := _progress(run, tasks)) != said:
                follow(said := line)
            if has_ended(run):
                _require_success(server, run, tasks)
                return run
        if clock.now() >= deadline:
            raise TinyopsError(
                f"run {run_id} has not ended after {timeout_s:g} s; it goes on: {server.run_url(run_id)}",
                remedy="look what it waits for, or give it more time with --timeout",
            )
        clock.pause(min(_LOOK_EVERY_S, max(0.0, deadline - clock.now())))


def _display_name(registration: Registration) -> str:
    return f"{registration.pipeline} {registration.version[:12]}"


def _is_of(run: V2beta1Run, registration: Registration) -> bool:
    version = run.pipeline_version_reference
    return version is not None and version.pipeline_version_id == registration.version_id


def _experiment(server: ApiServer, name: str) -> V2beta1Experiment:
    listed = server.call(
        server.client.experiments, "list_experiments", namespace=server.namespace, filter=display_name_filter(name)
    )
    there = next((one for one in listed.experiments or [] if one.display_name == name), None)
    body = V2beta1Experiment(display_name=name, namespace=server.namespace)
    return there or server.call(server.client.experiments, "create_experiment", body)


def _details(run: V2beta1Run) -> list[V2beta1PipelineTaskDetail]:
    return (run.run_details.task_details if run.run_details else None) or []


def _progress(run: V2beta1Run, tasks: Collection[str]) -> str:
    details = [detail for detail in _details(run) if detail.display_name in tasks]
    ended = sum(detail.state in _ENDED for detail in details)
    running = sorted(detail.display_name for detail in details if detail.state == "RUNNING")
    return f"{run.state.lower()}, {ended} of {len(tasks)} steps done" + (
        f"; now {', '.join(running)}" if running else ""
    )


def _failed(run: V2beta1Run, tasks: Collection[str]) -> list[str]:
    """Tasks that failed, and drivers, which Kubeflow runs before each; no pods, no root."""
    failed = {detail.display_name for detail in _details(run) if detail.state == "FAILED"}
    return sorted(name for name in failed if name.removesuffix("-driver") in tasks)


def _require_success(server: ApiServer, run: V2beta1Run, tasks: Collection[str]) -> None:
    if run.state == "SUCCEEDED":
        return
    failed = _failed(run, tasks)
    page = server.run_url(run.run_id)
    # The API says of a task neither an exit code nor a reason: a gate that was evicted looks the same.
    if run.state == "FAILED" and failed == [GATE]:
        raise ReleaseRefused(
            f"{GATE} failed: the release does not run on the production boards",
            remedy=f"read the report that TFLMPusher left in the run: {page}",
        )
    where = f" in {', '.join(failed)}" if failed else ""
    raise TinyopsError(f"run {run.run_id} is {run.state.lower()}{where}", remedy=f"read the log of the step: {page}")
