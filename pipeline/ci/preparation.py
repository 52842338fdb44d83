"""Looks at a project, and decides what `tinyops ci` has to do for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.errors import TinyopsError
from pipeline.ci.changes import Findings, find_changes
from pipeline.ci.decision import CiStep, Plan, decide
from pipeline.ci.delivery import Delivery, Memory
from pipeline.ci.image import image_for
from pipeline.ci.state import load_state
from pipeline.ci.steps import Job, Steps, Tools
from pipeline.project.config import load_config
from pipeline.registration.host import resolve_host
from pipeline.registration.repository import Repository


@dataclass(frozen=True)
class Request:
    """What the caller asks; the fields are the options of `tinyops ci`."""

    config: Path
    workspace: Path
    since: str | None = None
    scheduled: bool = False
    until: CiStep = CiStep.REPORT
    approved_by: str | None = None
    host: str | None = None
    namespace: str | None = None
    timeout_s: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """A decision, and all that carries it out."""

    findings: Findings
    plan: Plan
    job: Job
    memory: Memory

    def delivery(self, tools: Tools, follow: Callable[[str], None]) -> Delivery:
        """What carries out the plan.

        Raises:
            TinyopsError: a later step is bound to fail: there is nothing to compile, no server is named, or the commit
                does not say what is built or registered. Better known before the tests have run.
        """
        steps = self.plan.steps
        if CiStep.COMPILE in steps and not self.job.for_kubeflow:
            raise TinyopsError(
                f"{self.job.config_file} has no section kubeflow, so there is nothing to compile, register and run",
                remedy="add `kubeflow: {image: REGISTRY/NAME:TAG, pipeline_root: minio://BUCKET/FOLDER}`, or stop "
                "before with --until tests",
            )
        if CiStep.REGISTER in steps:
            resolve_host(self.job.host)
        if CiStep.BUILD in steps or CiStep.REGISTER in steps:
            self.job.require_committed()
        return Delivery(self.plan, Steps(self.job, tools, follow))


def prepare(request: Request) -> Prepared:
    """Find out what changed, and decide.

    Raises:
        TinyopsError: the config or the state is wrong, or git has no answer.
    """
    config = load_config(request.config)
    repository = Repository.around(request.config.resolve().parent)
    folder = request.workspace / "ci"
    state = load_state(folder / "state.json")
    findings = find_changes(
        repository,
        config,
        state,
        since=request.since,
        scheduled=request.scheduled,
    )
    clean = not repository.uncommitted()
    tested = clean and state.tested == repository.commit
    image = image_for(config, repository, findings.revision, state)
    plan = decide(
        findings.changes,
        tested=tested,
        build=image.missing,
        approved=request.approved_by is not None,
        until=request.until,
    )
    job = Job(
        config_file=request.config,
        settings=config.ci,
        train=config.train,
        for_kubeflow=config.kubeflow is not None,
        repository=repository,
        data=findings.revision.data,
        image=image.name,
        folder=folder,
        host=request.host or config.ci.host,
        namespace=request.namespace or config.ci.namespace,
        timeout_s=request.timeout_s,
        approved_by=request.approved_by,
        reasons=findings.reasons,
        scheduled=request.scheduled,
        finished_run=state.run,
    )
    return Prepared(findings, plan, job, Memory(folder / "state.json", state, job, findings.revision, plan, clean))
