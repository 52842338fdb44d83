"""Runs a compiled pipeline on this machine, one process per task, each told exactly what Kubeflow would tell it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_json
from pipeline.kubeflow.replay import launcher
from pipeline.kubeflow.replay.launcher import Json, Run
from pipeline.kubeflow.replay.step_process import Start, StepRun, ended, last_word
from pipeline.kubeflow.replay.task_order import in_order
from pipeline.kubeflow.step import mounts
from pipeline.kubeflow.step.entrypoint import EXIT_REFUSED
from pipeline.kubeflow.step.executor_input import type_title

# `components.artifact_types.DeploymentReport`; to import it would be to import TFX.
REPORT_TYPE: Final = "tinyops.DeploymentReport"


@dataclass(frozen=True)
class TaskStarted:
    """A step runs now."""

    task: str


@dataclass(frozen=True)
class TaskEnded:
    """A step is over."""

    task: str  # Its name.
    seconds: float  # How long it took.
    status: int  # Exit status; 0 is done.
    message: str  # Why it ended, if not as done.
    log: Path  # Everything that it said.

    @property
    def is_refusal(self) -> bool:
        """Whether the step did what it is for: to let nothing pass that does not run on the boards."""
        return self.status == EXIT_REFUSED


@dataclass(frozen=True)
class ReplayResult:
    """How a replay ended."""

    run_id: str  # Name of the run in URIs and folders.
    steps: tuple[TaskEnded, ...]  # In the order in which they ran.
    report: Path | None  # Folder of the deployment's report; None if no step left one.

    @property
    def failure(self) -> TaskEnded | None:
        """The first step that failed; None if all are done."""
        return next((step for step in self.steps if step.status), None)


def replay(
    spec: Json,
    parameters: Json,
    workspace: Path,
    start: Start,
    follow: Callable[[TaskStarted | TaskEnded], None],
) -> ReplayResult:
    """Run every task, one after the other, until one fails.

    Args:
        spec: kfp.pipeline_spec.PipelineSpec.
        parameters: value of each parameter of the pipeline.
        workspace: gets a folder for each object store, which all replays share, and one for each run.
        start: starts a step, e.g. `on_this_machine`.
        follow: told of each step.

    Raises:
        TinyopsError: the pipeline cannot be run as it is, a step left what Kubeflow would not take, or the workspace
            cannot be written.
        Ended: a signal stopped the run; the step that ran has ended, and what it said last is told.
    """
    order = in_order(spec)
    folder = _new_run_folder(workspace)
    run = Run(spec, folder.name, parameters, workspace)
    steps: list[TaskEnded] = []
    for task in order:
        if any(step.status for step in steps) and not _runs_anyway(run, task):
            continue
        if "importer" in run.executor(task):
            launcher.take_import(run, task)
            continue
        follow(TaskStarted(task))
        steps.append(_run_step(run, task, folder / task, start))
        follow(steps[-1])
    return ReplayResult(run.run_id, tuple(steps), _report(run))


def _runs_anyway(run: Run, task: str) -> bool:
    """Whether a task runs after a failure, as one that cleans up does. It must not need what was not made."""
    if run.task(task).get("triggerPolicy", {}).get("strategy") != "ALL_UPSTREAM_TASKS_COMPLETED":
        return False
    inputs = run.task(task).get("inputs", {}).get("artifacts", {}).values()
    producers = [source["taskOutputArtifact"]["producerTask"] for source in inputs if "taskOutputArtifact" in source]
    return all(producer in run.artifacts for producer in producers)


def _new_run_folder(workspace: Path) -> Path:
    runs = workspace / "runs"
    number = 1
    try:
        runs.mkdir(parents=True, exist_ok=True)
        while True:
            folder = runs / f"run-{number}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except OSError as error:
        raise TinyopsError(
            f"workspace {workspace} cannot be written: {error.strerror}",
            remedy="give another folder with --workspace",
        ) from error


def _run_step(run: Run, task: str, folder: Path, start: Start) -> TaskEnded:
    given = launcher.executor_input(run, task, folder)
    step = _step(run, task, folder, given)
    place = Path(mounts.local_path(launcher.output_folder(given), run.stores))
    folder.mkdir()
    step.termination_log.touch()
    (folder / "executor_input.json").write_text(json.dumps(given, indent=2))
    place.mkdir(parents=True)
    began, status = time.monotonic(), None
    try:
        process = start(step)
        with ended(process, step):
            status = process.wait()
    except Ended as stopped:
        stopped.left = f"{task}: {last_word(step, process.returncode)}"
        raise
    finally:
        if status != 0:
            # Kubeflow stores nothing of a step that failed.
            shutil.rmtree(place)
    if status == 0:
        _forget_empty_folders(place)
        launcher.take_outputs(run, task, given, _written(Path(given["outputs"]["outputFile"])))
    message = last_word(step, status) if status else ""
    return TaskEnded(task, time.monotonic() - began, status, message, step.log)


def _step(run: Run, task: str, folder: Path, given: Json) -> StepRun:
    container = run.executor(task)["container"]
    words = [*container.get("command", []), *container.get("args", [])]
    return StepRun(
        task=task,
        image=container["image"],
        command=tuple(launcher.filled_in(words, given, run.stores)),
        environment={variable["name"]: variable["value"] for variable in container.get("env", [])},
        folder=folder,
        stores=run.stores,
    )


def _forget_empty_folders(path: Path) -> None:
    """An object store has no folders, only files with slashes in their names."""
    for folder, _, _ in os.walk(path, topdown=False):
        with suppress(OSError):  # not empty
            Path(folder).rmdir()


def _written(output_file: Path) -> Json:
    """The step's ExecutorOutput; a step need not write one."""
    if not output_file.exists():
        return {}
    what, remedy = f"the step's output {output_file}", "let the component write a kfp.pipeline_spec.ExecutorOutput"
    written = read_json(output_file, what, remedy=remedy)
    if not isinstance(written, dict):
        raise TinyopsError(f"{what} is no JSON object", remedy=remedy)
    return written


def _report(run: Run) -> Path | None:
    for task, artifacts in run.artifacts.items():
        definitions = run.component(task).get("outputDefinitions", {}).get("artifacts", {})
        for key, definition in definitions.items():
            if type_title(definition["artifactType"]) == REPORT_TYPE:
                return Path(mounts.local_path(artifacts[key]["uri"], run.stores))
    return None
