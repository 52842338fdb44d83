"""Runs a compiled pipeline on this machine, one process per task, each told exactly what Kubeflow would tell it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from edge_deployer.ending import Ended
from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.replay import driver, launcher
from pipeline.kubeflow.replay.back_ends import NEWEST, BackEnd
from pipeline.kubeflow.replay.driver import LOGS_ARTIFACT, OUTPUT_FILE, Invocation, Json, Run
from pipeline.kubeflow.replay.executor_output import read_output
from pipeline.kubeflow.replay.step_process import LOG, Start, StepRun, ended, last_word
from pipeline.kubeflow.replay.task_order import in_order, producers
from pipeline.kubeflow.step import mounts
from pipeline.kubeflow.step.entrypoint import EXIT_ERROR, EXIT_REFUSED
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
    back_end: BackEnd = NEWEST,
) -> ReplayResult:
    """Run every task, one after the other, until one fails.

    A step fails by itself, or because Kubeflow would not start it or not take what it left.

    Args:
        spec: kfp.pipeline_spec.PipelineSpec.
        parameters: value of each parameter of the pipeline.
        workspace: gets a folder for each object store, which all replays share, and one for each run.
        start: starts a step, e.g. `on_this_machine`.
        follow: told of each step.
        back_end: the release of Kubeflow Pipelines that is replayed.

    Raises:
        TinyopsError: the pipeline cannot be run as it is, or the workspace cannot be written.
        Ended: a signal stopped the run; the step that ran has ended, and what it said last is told.
    """
    order = in_order(spec)
    folder = _new_run_folder(workspace)
    created = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = Run(spec, folder.name, parameters, workspace, back_end, created)
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
    return producers(run.task(task)) <= run.artifacts.keys()


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
    began, log = time.monotonic(), folder / LOG
    folder.mkdir()

    def over(status: int, message: str) -> TaskEnded:
        return TaskEnded(task, time.monotonic() - began, status, message, log)

    try:
        told = driver.invocation(run, task, folder)
    except TinyopsError as error:
        return over(EXIT_ERROR, _said(error, log))
    task_root = Path(mounts.local_path(told.task_root, run.stores))
    status, message = _run_process(run, _step(run, task, folder, told), told, task_root, start)
    if status:
        return over(status, message)
    output_file = _moved(Path(told.executor_input["outputs"]["outputFile"]), folder / OUTPUT_FILE)
    try:
        launcher.take_outputs(run, task, told, read_output(output_file, run.back_end))
    except TinyopsError as error:
        said = _said(error, log)
        run.artifacts.pop(task, None)
        run.outputs.pop(task, None)
        _forget(run, told, task_root, log)
        return over(EXIT_ERROR, said)
    _keep_log(run, told, log)
    launcher.keep_only_outputs(run, task, task_root)
    return over(0, "")


def _run_process(run: Run, step: StepRun, told: Invocation, task_root: Path, start: Start) -> tuple[int, str]:
    """Status of the step, and its last word if it failed."""
    step.termination_log.touch()
    (step.folder / "executor_input.json").write_text(told.to_json())
    task_root.mkdir(parents=True)
    status = None
    try:
        process = start(step)
        with ended(process, step):
            status = process.wait()
    except Ended as stopped:
        stopped.left = f"{step.task}: {last_word(step, process.returncode)}"
        raise
    finally:
        if status is None:
            shutil.rmtree(task_root)
    if status:
        _forget(run, told, task_root, step.log)
    return status, last_word(step, status) if status else ""


def _step(run: Run, task: str, folder: Path, told: Invocation) -> StepRun:
    container = run.executor(task)["container"]
    return StepRun(
        task=task,
        image=container["image"],
        command=tuple(launcher.filled_in(told.words, told.executor_input, run.stores)),
        environment={variable["name"]: variable["value"] for variable in container.get("env", [])},
        folder=folder,
        stores=run.stores,
    )


def _said(error: TinyopsError, log: Path) -> str:
    """One line of why Kubeflow fails the step, which the log ends with, too."""
    line = "; ".join(filter(None, (error.message, error.remedy))).replace("\n", " ")
    with log.open("a") as file:
        file.write(f"error: {line}\n")
    return line


def _moved(written: Path, kept: Path) -> Path:
    """The step's output file where replays keep it: no store gets it."""
    if written.exists() and written != kept:
        shutil.move(written, kept)
    return kept


def _forget(run: Run, told: Invocation, task_root: Path, log: Path) -> None:
    """Kubeflow stores nothing of a step that failed, but for its log."""
    shutil.rmtree(task_root)
    if run.back_end.failure_logs:
        _keep_log(run, told, log)


def _keep_log(run: Run, told: Invocation, log: Path) -> None:
    (logs,) = told.executor_input["outputs"]["artifacts"][LOGS_ARTIFACT]["artifacts"]
    place = Path(mounts.local_path(logs["uri"], run.stores))
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(log, place)


def _report(run: Run) -> Path | None:
    for task, artifacts in run.artifacts.items():
        definitions = run.component(task).get("outputDefinitions", {}).get("artifacts", {})
        for key, definition in definitions.items():
            if type_title(definition["artifactType"]) == REPORT_TYPE:
                return Path(mounts.local_path(artifacts[key]["uri"], run.stores))
    return None
