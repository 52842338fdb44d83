from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pipeline.cli.ci import ci
from tests.pipeline.ci.conftest import Delivered

ROOT = Path(__file__).parents[3]
WRAPPERS = ROOT / "kubernetes" / "ci"
TEKTON = ROOT / "kubernetes" / "tekton"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def github() -> dict[str, list[str]]:
    """The commands of each job that has any; `uses` steps fetch the sources and the state, and show what was found."""
    jobs = load(WRAPPERS / "github.yml")["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    return {name: lines for name, lines in commands.items() if lines}


def gitlab() -> dict[str, list[str]]:
    document = load(WRAPPERS / "gitlab.yml")
    return {name: job["script"] for name, job in document.items() if "script" in job}


def tekton() -> dict[str, list[str]]:
    steps = load(TEKTON / "task.yaml")["spec"]["steps"]
    return {step["name"]: [shlex.join(step["command"] + step["args"])] for step in steps}


def as_called(command: str) -> list[str]:
    """The words of a command up to a pipe, with values that the CI system might fill in."""
    values = {"TRIGGER": "schedule", "UNTIL": "verify", "params.trigger": "change", "params.until": "report"}
    filled = re.sub(r"\$\(?([\w.-]+)\)?", lambda variable: values.get(variable[1], "value"), command.split("|")[0])
    return shlex.split(filled)


@pytest.mark.parametrize("commands", [github, gitlab, tekton])
def test_each_job_calls_tinyops_ci_and_nothing_else(commands: Any) -> None:
    application = typer.Typer()
    application.command()(ci)
    for lines in commands().values():
        (line,) = lines
        program, subcommand, *arguments = as_called(line)
        assert (program, subcommand) == ("tinyops", "ci")
        # Reads the options, as the command itself does, and goes no further.
        typer.main.get_command(application).make_context("ci", arguments)


@pytest.mark.parametrize("commands", [github, gitlab])
def test_there_is_a_job_before_the_approval_and_one_after_it(commands: Any) -> None:
    assert list(commands()) == ["check", "release"]
    assert "--approved-by" not in commands()["check"][0]


def test_on_github_only_the_protected_job_says_who_approved() -> None:
    jobs = load(WRAPPERS / "github.yml")["jobs"]
    assert "TINYOPS_APPROVED_BY" in jobs["release"]["env"]
    assert (jobs["release"]["environment"], jobs["release"]["needs"]) == ("production", "check")
    assert "'waiting'" in jobs["release"]["if"]
    assert "TINYOPS_APPROVED_BY" not in str(jobs["check"])


def test_on_github_each_attempt_saves_the_state_and_finds_the_newest() -> None:
    """A cache never changes: without the attempt in its key, a run that is started again has the state of the first."""
    for job in ("check", "release"):
        restore, save = (step["with"] for step in steps(job) if "actions/cache/" in step.get("uses", ""))
        assert restore["key"] == save["key"]
        assert save["key"].endswith(f"${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}-{job}")
        assert save["key"].startswith(restore["restore-keys"])


def test_on_github_no_job_may_do_more_than_it_needs() -> None:
    document = load(WRAPPERS / "github.yml")
    assert document["permissions"] == {}
    allowed = {name: job["permissions"] for name, job in document["jobs"].items()}
    assert allowed == {"check": {"contents": "read"}, "release": {"contents": "read"}, "acceptance": {}}
    for name in document["jobs"]:
        for step in steps(name):
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


def steps(job: str) -> list[dict[str, Any]]:
    return list(load(WRAPPERS / "github.yml")["jobs"][job]["steps"])


def test_the_acceptance_is_published_from_where_the_command_leaves_it(delivered: Delivered) -> None:
    left = delivered.junit.relative_to(delivered.log.parent / "workspace")
    (uploaded,) = (step["with"]["path"] for step in steps("release") if "upload-artifact" in step.get("uses", ""))
    assert uploaded == f".tinyops/{left}"
    release = load(WRAPPERS / "gitlab.yml")["release"]
    assert release["artifacts"] == {"when": "always", "reports": {"junit": uploaded}}
    # What is kept for the next time would be shown as the next run's.
    assert load(WRAPPERS / "gitlab.yml")["default"]["cache"]["paths"] == [".tinyops/ci/"]


def test_on_gitlab_the_job_that_approves_is_manual_and_on_the_protected_environment() -> None:
    release = load(WRAPPERS / "gitlab.yml")["release"]
    assert release["environment"] == "production"
    assert {rule["when"] for rule in release["rules"]} == {"manual", "never"}
    assert '--approved-by "$GITLAB_USER_LOGIN"' in release["script"][0]


def test_in_tekton_the_release_needs_the_parameter() -> None:
    tasks = {task["name"]: task for task in load(TEKTON / "pipeline.yaml")["spec"]["tasks"]}
    assert tasks["release"]["when"] == [{"input": "$(params.approved-by)", "operator": "notin", "values": [""]}]
    assert "approved-by" not in str(tasks["check"])
    given = {parameter["name"] for parameter in tasks["release"]["params"]}
    task = load(TEKTON / "task.yaml")["spec"]
    assert given <= {parameter["name"] for parameter in task["params"]}
    assert {parameter["name"] for parameter in task["params"] if "default" not in parameter} <= given


def test_the_tekton_run_gives_what_the_pipeline_asks_for() -> None:
    pipeline, run = load(TEKTON / "pipeline.yaml")["spec"], load(TEKTON / "run.yaml")["spec"]
    assert run["pipelineRef"]["name"] == load(TEKTON / "pipeline.yaml")["metadata"]["name"]
    given = {parameter["name"] for parameter in run["params"]}
    assert {parameter["name"] for parameter in pipeline["params"] if "default" not in parameter} <= given
    assert {space["name"] for space in run["workspaces"]} == {space["name"] for space in pipeline["workspaces"]}


def test_tekton_gives_a_task_one_claim_only() -> None:
    """Its affinity assistant, on by default, refuses a task with two."""
    spaces = load(TEKTON / "run.yaml")["spec"]["workspaces"]
    assert len({space["persistentVolumeClaim"]["claimName"] for space in spaces}) == 1
    assert len({space["subPath"] for space in spaces}) == len(spaces)


def test_tekton_clones_and_calls_as_one_user_that_a_restricted_namespace_takes() -> None:
    """Git refuses a clone that belongs to somebody else."""
    (clone,) = load(TEKTON / "clone.yaml")["spec"]["steps"]
    (call,) = load(TEKTON / "task.yaml")["spec"]["steps"]
    assert clone["securityContext"] == call["securityContext"]
    assert call["securityContext"]["runAsUser"] == 10001
    assert call["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    pipeline = load(TEKTON / "pipeline.yaml")["spec"]["tasks"]
    tasks = {load(TEKTON / name)["metadata"]["name"] for name in ("clone.yaml", "task.yaml")}
    assert {task["taskRef"]["name"] for task in pipeline} == tasks


@pytest.mark.parametrize("name", ["check", "release"])
def test_the_whole_history_is_cloned(name: str) -> None:
    github_job = load(WRAPPERS / "github.yml")["jobs"][name]
    assert github_job["steps"][0]["with"]["fetch-depth"] == 0
    assert load(WRAPPERS / "gitlab.yml")["variables"]["GIT_DEPTH"] == "0"
