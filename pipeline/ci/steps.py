"""What each step of `tinyops ci` does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from edge_deployer.errors import TinyopsError
from edge_deployer.files import make_folder, write_file
from edge_deployer.report.folders import REPORT_JUNIT
from pipeline.ci.clock import Clock
from pipeline.ci.commands import run_command
from pipeline.ci.decision import CiStep
from pipeline.ci.image import VARIABLE
from pipeline.ci.refusal import ReleaseRefused
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.project.ci_settings import CiSection
from pipeline.registration.origin import project_files
from pipeline.registration.repository import Repository

if TYPE_CHECKING:
    from kfp_server_api import V2beta1Run

    from pipeline.project.config import TrainSection
    from pipeline.registration.api_server import ApiServer
    from pipeline.registration.registrar import Registration


@dataclass(frozen=True)
class Job:
    """What is to be delivered, and where to."""

    config_file: Path  # The project.
    settings: CiSection  # Its section `ci`.
    train: TrainSection  # Names the user's code.
    for_kubeflow: bool  # Whether it has a section `kubeflow`.
    repository: Repository  # That it is in.
    data: str | None  # Fingerprint of the data; None if it is not known.
    image: str | None  # Of the steps; None takes the config's.
    folder: Path  # For the compiled file.
    host: str | None = None  # The API server; None takes the environment's.
    namespace: str | None = None  # Of pipeline and run; None takes kfp's context.
    timeout_s: float = 0.0  # Longest wait for the run, in seconds.
    approved_by: str | None = None  # Who let the run reach production boards; None if nobody did.
    reasons: tuple[str, ...] = ()  # Why this is done, in words.
    scheduled: bool = False  # Whether the clock is one of them.
    # The server's id of the run that the last finished delivery ended with; None if it is not known.
    finished_run: str | None = None

    @property
    def subject(self) -> str:
        """What the run is of; its description begins with it."""
        return f"commit {self.repository.commit}; data {self.data or 'not known'}; "

    @property
    def description(self) -> str:
        """What is kept with the run."""
        because = "; ".join(self.reasons)
        return f"{self.subject}{because}; approved by {self.approved_by}"

    @property
    def compiled(self) -> Path:
        """The compiled pipeline."""
        return self.folder / "pipeline.yaml"

    @property
    def junit(self) -> Path:
        """The acceptance of the run as JUnit XML; not in the folder that is kept for the next time."""
        return self.folder.parent / REPORT_JUNIT

    def require_committed(self) -> None:
        """Make sure that the commit says what is built and registered.

        Raises:
            TinyopsError: it does not, or the module is wrong.
        """
        self.repository.require_committed()
        self.repository.require_tracked(project_files(self.config_file, self.train))


@dataclass(frozen=True)
class Tools:
    """What is slow to import, or takes time."""

    # Config file, and the image in the place of the config's, to compiled pipeline.
    compile_project: Callable[[Path, str | None], PipelineFile]
    # Raises a TinyopsError unless a compiled file can be run; the flag allows what cannot be checked offline, and the
    # namespace is the job's.
    verify: Callable[[Path, bool, str | None], None]
    # From a run's folder in the object store, copies its JUnit file to this machine; raises a TinyopsError if the store
    # cannot be read or has none.
    copy_junit: Callable[[str, Path], None]
    clock: Clock  # Of the wait for the run.


@dataclass
class Steps:
    """The steps of one delivery; each leaves what the next ones need."""

    job: Job
    tools: Tools
    follow: Callable[[str], None]
    registration: Registration | None = None
    run_id: str | None = None
    run_url: str | None = None
    _file: PipelineFile = field(init=False)
    _server: ApiServer = field(init=False)

    def by_name(self) -> Mapping[CiStep, Callable[[], str]]:
        """Each step; it returns what it did in a few words, and raises a TinyopsError if it fails."""
        return {
            CiStep.LINT: lambda: self._commands(self.job.settings.lint),
            CiStep.TESTS: lambda: self._commands(self.job.settings.test),
            CiStep.BUILD: self._build,
            CiStep.COMPILE: self._compile,
            CiStep.VERIFY: self._verify,
            CiStep.REGISTER: self._register,
            CiStep.RUN: self._start,
            CiStep.WAIT: self._wait,
            CiStep.REPORT: self._report,
        }

    def _commands(self, commands: Collection[str], **variables: str) -> str:
        for command in commands:
            self.follow(f"$ {command}")
            run_command(command, self.job.repository.top, variables)
        return "; ".join(commands)

    def _build(self) -> str:
        image = str(self.job.image)
        self._commands(self.job.settings.build, **{VARIABLE: image})
        return image

    def _compile(self) -> str:
        self._file = self.tools.compile_project(self.job.config_file, self.job.image)
        make_folder(self.job.folder)
        write_file(self.job.compiled, self._file.to_yaml().encode())
        return f"{self.job.compiled}, {len(_task_names(self._file))} steps"

    def _verify(self) -> str:
        self.tools.verify(self.job.compiled, self.job.settings.verify_offline, self.job.namespace)
        return "can be run"

    def _register(self) -> str:
        # kfp takes a second, which a change of documentation need not wait for.
        from pipeline.registration.api_server import ApiServer
        from pipeline.registration.registrar import register

        job = self.job
        job.require_committed()
        self._server = ApiServer(job.host, job.namespace)
        self.registration = register(self._server, self._file, job.compiled, version=job.repository.commit)
        return f"{self.registration.outcome}: {self.registration.url}"

    def _start(self) -> str:
        from pipeline.ci.kubeflow_run import latest_run, start_run

        assert self.registration is not None
        run = latest_run(self._server, self.registration)
        taken_up = run is not None and self._is_of_this_delivery(run)
        if run is None or not taken_up:
            run = start_run(
                self._server,
                self.registration,
                pipeline_root=self._file.spec["defaultPipelineRoot"],
                service_account=self.job.settings.service_account,
                experiment=self.job.settings.experiment or self._file.name,
                description=self.job.description,
            )
        self.run_id = str(run.run_id)
        self.run_url = self._server.run_url(self.run_id)
        return f"{'taken up again: ' if taken_up else ''}{self.run_url}"

    def _is_of_this_delivery(self, run: V2beta1Run) -> bool:
        """Whether an earlier call started a run for the same purpose, and did not see its end."""
        from pipeline.ci.kubeflow_run import has_ended

        if not (run.description or "").startswith(self.job.subject):
            return False
        if not has_ended(run):
            return True
        if run.state != "SUCCEEDED" or run.run_id == self.job.finished_run:
            return False
        # Where the state was lost, this may be what the schedule asked for last time.
        return not self.job.scheduled or self.job.finished_run is not None

    def _wait(self) -> str:
        from pipeline.ci.kubeflow_run import wait_for_run

        assert self.run_id is not None
        try:
            run = wait_for_run(
                self._server,
                self.run_id,
                _task_names(self._file),
                timeout_s=self.job.timeout_s,
                follow=self.follow,
                clock=self.tools.clock,
            )
        except ReleaseRefused:
            self._copy_junit()
            raise
        self._copy_junit()
        return str(run.state).lower()

    def _copy_junit(self) -> None:
        """For the page of the CI system; without it, the run's own page has all."""
        folder = f"{self._file.spec['defaultPipelineRoot']}/{self._file.name}/{self.run_id}"
        try:
            self.tools.copy_junit(folder, self.job.junit)
        except TinyopsError as error:
            self.follow(f"note: {self.job.junit} is not written: {error.message}")
        else:
            self.follow(f"acceptance: {self.job.junit}")

    def _report(self) -> str:
        pages = ", ".join(f"{output} of {task}" for task, output in _pages(self._file))
        return f"{pages or 'no page of its own'}, in {self.run_url}"


def _task_names(file: PipelineFile) -> list[str]:
    """Display names of the pipeline's tasks."""
    tasks = file.spec["root"]["dag"]["tasks"]
    return [task.get("taskInfo", {}).get("name", key) for key, task in tasks.items()]


def _pages(file: PipelineFile) -> list[tuple[str, str]]:
    """Tasks with an output that Kubeflow shows as a page, and the output's name."""
    found = []
    for key, task in file.spec["root"]["dag"]["tasks"].items():
        component = file.spec["components"][task["componentRef"]["name"]]
        for output, definition in component.get("outputDefinitions", {}).get("artifacts", {}).items():
            if definition["artifactType"].get("schemaTitle") == "system.HTML":
                found.append((task.get("taskInfo", {}).get("name", key), output))
    return found
