from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_deployer.ending import Ended, listening
from pipeline.ci import commands
from tests.edge_deployer.cli.command import TINYOPS
from tests.pipeline.ci.conftest import Delivered
from tests.pipeline.conftest import MODULE
from tests.pipeline.git_project import commit_all, git
from tests.pipeline.kfp_api_server import Look, Request
from tests.processes import loaded_with, wait_for_the_end_of

ALL = ["lint", "tests", "compile", "verify", "register", "run", "wait", "report"]
TASKS = ["train", "push", "promotion-gate"]


def by_outcome(outcome: dict, kind: str) -> list[str]:
    return [step["step"] for step in outcome["steps"] if step["outcome"] == kind]


def test_the_command_module_imports_nothing_heavy() -> None:
    assert not {"kfp", "yaml", "pydantic", "rich", "numpy"} & loaded_with("pipeline.cli.ci")


def test_a_change_of_code_goes_all_the_way(delivered: Delivered) -> None:
    delivered.server.looks = [
        Look("PENDING"),
        Look("RUNNING", {"root": "RUNNING", "train": "RUNNING"}),
        Look("RUNNING", {"root": "RUNNING", "train": "SUCCEEDED", "push": "RUNNING"}),
        Look("SUCCEEDED", dict.fromkeys(["root", *TASKS], "SUCCEEDED")),
    ]
    result = delivered.ci("--approved-by", "Ada")
    assert result.exit_code == 0, result.exception or result.output
    assert delivered.commands == ["lint", "tests"]
    assert delivered.calls == ["compile", "verify"]
    assert delivered.server.changing_lines == [
        "POST /pipelines",
        "POST /pipelines/upload_version",
        "POST /experiments",
        "POST /runs",
    ]
    assert delivered.server.lines.count("GET /runs/*") == 4
    (run_id,) = delivered.server.runs
    assert result.stdout.splitlines()[0] == "done"
    assert f"{delivered.server.url}/#/runs/details/{run_id}" in result.stdout
    assert "running, 1 of 3 steps done; now push" in result.stderr
    assert "html_report of push" in result.stderr


def test_the_run_is_of_the_commit_and_says_who_approved(delivered: Delivered) -> None:
    outcome = delivered.approved()
    commit = git(delivered.folder, "rev-parse", "HEAD")
    (version,) = delivered.server.versions.values()
    assert version.display_name == commit
    body = next(request.body for request in delivered.server.requests if request.line == "POST /runs")
    assert body["pipeline_version_reference"]["pipeline_version_id"] == version.pipeline_version_id
    assert body["description"].startswith(f"commit {commit}; ")
    assert body["description"].endswith("; approved by Ada")
    assert outcome["approved_by"] == "Ada"
    assert outcome["commit"] == commit


def test_a_run_has_the_service_account_of_the_config_or_the_back_ends(delivered: Delivered) -> None:
    delivered.approved()
    delivered.configure(service_account="strokes-runner")
    delivered.approved()
    assert [run.service_account for run in delivered.server.runs.values()] == [None, "strokes-runner"]


def test_without_an_approval_it_waits_before_the_run_and_ends_well(delivered: Delivered) -> None:
    outcome = delivered.outcome()
    assert outcome["outcome"] == "waiting"
    assert by_outcome(outcome, "passed") == ALL[:5]
    assert by_outcome(outcome, "held") == ALL[5:]
    assert not delivered.server.runs
    assert delivered.server.versions
    assert "--approved-by" in delivered.ci().stdout


def test_after_the_approval_the_same_version_runs_untested(delivered: Delivered) -> None:
    delivered.outcome()
    outcome = delivered.approved()
    assert by_outcome(outcome, "passed") == ALL[2:]
    assert delivered.commands == []
    assert len(delivered.server.versions) == 1
    assert delivered.approved()["outcome"] == "unchanged"


def test_the_environment_names_who_approved(delivered: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINYOPS_APPROVED_BY", "environment production")
    assert delivered.outcome()["approved_by"] == "environment production"


@pytest.mark.parametrize("name", ["", "  "])
def test_an_approval_by_nobody_is_none(delivered: Delivered, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("TINYOPS_APPROVED_BY", name)
    assert delivered.outcome()["outcome"] == "waiting"


def test_documentation_reaches_no_server(delivered: Delivered) -> None:
    delivered.approved()
    delivered.change("README.md")
    outcome = delivered.outcome()
    assert (outcome["outcome"], delivered.commands, delivered.calls) == ("done", ["lint"], [])
    assert delivered.server.requests == []
    assert delivered.outcome()["outcome"] == "unchanged"


def test_a_schedule_runs_the_version_that_is_there_again(delivered: Delivered) -> None:
    delivered.approved()
    outcome = delivered.approved("--trigger", "schedule")
    assert by_outcome(outcome, "passed") == ALL[2:]
    assert delivered.server.changing_lines == ["POST /runs"]
    assert len(delivered.server.runs) == 2


def test_until_stops_early_and_forgets_nothing(delivered: Delivered) -> None:
    outcome = delivered.approved("--until", "verify")
    assert (outcome["outcome"], by_outcome(outcome, "passed")) == ("done", ALL[:4])
    assert delivered.server.requests == []
    assert by_outcome(delivered.approved(), "passed") == ALL[2:]


def break_lint(delivered: Delivered) -> None:
    delivered.configure(lint=["sh -c 'exit 7'"])


def break_tests(delivered: Delivered) -> None:
    delivered.configure(test=["no-such-command --now"])


def break_compile(delivered: Delivered) -> None:
    delivered.broken = "compile"


def break_verify(delivered: Delivered) -> None:
    delivered.broken = "verify"


def break_register(delivered: Delivered) -> None:
    delivered.server.fail("POST /pipelines/upload_version", 500)


def break_run(delivered: Delivered) -> None:
    delivered.server.fail("POST /runs", 500)


def break_wait(delivered: Delivered) -> None:
    delivered.server.looks = [Look("FAILED", {"root": "FAILED", "train": "FAILED", "executor": "FAILED"})]


@pytest.mark.parametrize(
    ("how", "step", "said"),
    [
        (break_lint, "lint", "exit status 7"),
        (break_tests, "tests", "no-such-command"),
        (break_compile, "compile", "compile is broken"),
        (break_verify, "verify", "verify is broken"),
        (break_register, "register", "answered 500"),
        (break_run, "run", "answered 500"),
        (break_wait, "wait", "failed in train"),
    ],
)
def test_a_step_that_fails_leaves_the_later_ones_unrun(delivered: Delivered, how, step: str, said: str) -> None:
    how(delivered)
    outcome = delivered.approved(status=1)
    place = ALL.index(step)
    assert (outcome["outcome"], outcome["failed_step"]) == ("failed", step)
    assert said in outcome["error"]
    assert by_outcome(outcome, "passed") == ALL[:place]
    assert by_outcome(outcome, "not run") == ALL[place + 1 :]


def test_a_failure_is_told_in_words_with_what_was_not_run(delivered: Delivered) -> None:
    break_verify(delivered)
    said = delivered.ci("--approved-by", "Ada").stdout.splitlines()
    assert said == [
        "failed",
        "  verify: verify is broken",
        "  remedy: mend it",
        "  not run: register, run, wait, report",
    ]


def test_what_failed_is_done_again_and_what_passed_is_not(delivered: Delivered) -> None:
    break_wait(delivered)
    delivered.approved(status=1)
    delivered.server.looks = [Look("SUCCEEDED")]
    assert by_outcome(delivered.approved(), "passed") == ALL[2:]
    assert delivered.commands == []


def test_a_refused_model_has_its_own_status_and_the_run_is_named(delivered: Delivered, monkeypatch) -> None:
    monkeypatch.setattr("pipeline.ci.kubeflow_run.GATE", "promotion-gate")
    tasks = {"train": "SUCCEEDED", "push": "SUCCEEDED", "promotion-gate": "FAILED", "root": "FAILED"}
    delivered.server.looks = [Look("FAILED", tasks)]
    outcome = delivered.approved(status=3)
    (run_id,) = delivered.server.runs
    assert outcome["outcome"] == "refused"
    assert run_id in outcome["remedy"]


def test_the_acceptance_of_a_run_is_copied_whether_it_was_refused_or_not(delivered: Delivered, monkeypatch) -> None:
    delivered.approved()
    (run_id,) = delivered.server.runs
    assert delivered.junit.read_text() == f"minio://bucket/line/digits/{run_id}"
    monkeypatch.setattr("pipeline.ci.kubeflow_run.GATE", "promotion-gate")
    delivered.server.looks = [Look("FAILED", {"promotion-gate": "FAILED"})]
    delivered.change("code.py")
    delivered.approved(status=3)
    assert delivered.junit.read_text().endswith(list(delivered.server.runs)[-1])
    delivered.outcome()
    assert not delivered.junit.exists(), "it is an earlier run's"


def test_a_store_that_cannot_be_read_is_a_note(delivered: Delivered) -> None:
    delivered.broken = "store"
    result = delivered.ci("--approved-by", "Ada")
    assert result.exit_code == 0
    assert f"note: {delivered.junit} is not written: the store is broken" in result.stderr


def test_a_gate_that_did_not_run_is_no_refusal(delivered: Delivered, monkeypatch) -> None:
    monkeypatch.setattr("pipeline.ci.kubeflow_run.GATE", "promotion-gate")
    delivered.server.looks = [Look("FAILED", {"push": "SUCCEEDED", "promotion-gate-driver": "FAILED"})]
    assert delivered.approved(status=1)["outcome"] == "failed"
    delivered.server.looks = [Look("FAILED", {"promotion-gate-driver": "FAILED", "promotion-gate": "FAILED"})]
    assert delivered.approved(status=1)["outcome"] == "failed"


def test_a_refused_model_is_not_tried_again(delivered: Delivered, monkeypatch) -> None:
    monkeypatch.setattr("pipeline.ci.kubeflow_run.GATE", "promotion-gate")
    delivered.server.looks = [Look("FAILED", {"promotion-gate": "FAILED"})]
    delivered.approved(status=3)
    assert delivered.approved()["outcome"] == "unchanged"
    delivered.change("README.md")
    assert delivered.approved()["plan"] == ["lint"]
    delivered.server.looks = [Look("SUCCEEDED")]
    assert delivered.approved("--trigger", "schedule")["outcome"] == "done"
    assert len(delivered.server.runs) == 2


@pytest.mark.parametrize("state", ["RUNNING", "SUCCEEDED"])
@pytest.mark.parametrize("trigger", ["change", "schedule"])
def test_a_run_whose_answer_was_lost_is_taken_up(delivered: Delivered, state: str, trigger: str) -> None:
    delivered.approved()
    if trigger == "change":
        delivered.change("vibration.py", MODULE + "x = 1")
    delivered.server.fail("POST /runs", 504, afterwards=True)
    outcome = delivered.approved("--trigger", trigger, status=1)
    assert (outcome["failed_step"], len(delivered.server.runs)) == ("run", 2)
    assert "taken up" in outcome["remedy"]
    lost = list(delivered.server.runs.values())[-1]
    lost.state = state
    outcome = delivered.approved("--trigger", trigger)
    assert (outcome["outcome"], len(delivered.server.runs)) == ("done", 2)
    assert outcome["run"].endswith(lost.run_id)
    delivered.approved("--trigger", "schedule")
    assert len(delivered.server.runs) == 3


def test_a_run_that_goes_on_after_the_wait_is_taken_up(delivered: Delivered) -> None:
    delivered.server.looks = [Look("RUNNING")]
    delivered.approved("--timeout", "1", status=1)
    delivered.server.looks = [Look("SUCCEEDED")]
    assert delivered.approved()["outcome"] == "done"
    assert len(delivered.server.runs) == 1


def test_a_run_that_reads_other_data_is_not_taken_up(delivered: Delivered) -> None:
    (delivered.folder / ".gitignore").write_text("data.npz\n")
    git(delivered.folder, "rm", "--quiet", "--cached", "data.npz")
    commit_all(delivered.folder)
    delivered.server.looks = [Look("RUNNING")]
    delivered.approved("--timeout", "1", status=1)
    np.savez(delivered.folder / "data.npz", sound=np.zeros((60, 4)), kind=np.arange(60) % 2)
    delivered.server.looks = [Look("SUCCEEDED")]
    delivered.approved()
    assert len(delivered.server.runs) == 2


def test_where_the_state_is_lost_a_schedule_still_starts_a_run(delivered: Delivered) -> None:
    delivered.approved()
    (delivered.log.parent / "workspace" / "ci" / "state.json").unlink()
    delivered.approved("--trigger", "schedule")
    assert len(delivered.server.runs) == 2


def test_a_step_whose_driver_fails_is_named(delivered: Delivered) -> None:
    delivered.server.looks = [Look("FAILED", {"root": "FAILED", "push-driver": "FAILED", "train": "SUCCEEDED"})]
    assert "failed in push" in delivered.approved(status=1)["error"]


def test_a_run_that_somebody_cancels_is_no_success(delivered: Delivered) -> None:
    delivered.server.looks = [Look("CANCELING"), Look("CANCELED")]
    assert "is canceled" in delivered.approved(status=1)["error"]


def test_the_wait_ends_when_its_time_is_over_and_the_run_goes_on(delivered: Delivered) -> None:
    delivered.server.looks = [Look("RUNNING")]
    outcome = delivered.approved("--timeout", "61", status=1)
    assert "has not ended after 61 s; it goes on" in outcome["error"]
    assert delivered.seconds == 61
    assert delivered.server.lines.count("GET /runs/*") == 14


def test_a_server_that_is_away_for_a_moment_does_not_end_the_wait(delivered: Delivered) -> None:
    delivered.server.fail(r"GET /runs/\*", 503, times=12)
    assert delivered.approved()["outcome"] == "done"


def test_only_failures_in_a_row_end_the_wait(delivered: Delivered) -> None:
    delivered.server.looks = [Look("RUNNING"), Look("SUCCEEDED")]

    def answer_every_13th(request: Request) -> None:
        if request.line == "GET /runs/*" and delivered.server.lines.count("GET /runs/*") % 13:
            delivered.server.fail(r"GET /runs/\*", 503)

    delivered.server.on_request = answer_every_13th
    assert delivered.approved()["outcome"] == "done"
    assert delivered.server.lines.count("GET /runs/*") == 26


def test_a_server_that_stays_away_ends_it(delivered: Delivered) -> None:
    delivered.server.fail(r"GET /runs/\*", 503, times=99)
    outcome = delivered.approved(status=1)
    assert (outcome["failed_step"], delivered.server.lines.count("GET /runs/*")) == ("wait", 13)


def test_a_run_that_is_gone_is_not_waited_for(delivered: Delivered) -> None:
    delivered.server.fail(r"GET /runs/\*", 404, times=99)
    delivered.approved(status=1)
    assert delivered.server.lines.count("GET /runs/*") == 1


def test_a_version_with_other_content_ends_it_before_the_run(delivered: Delivered) -> None:
    delivered.outcome()
    (version,) = delivered.server.versions.values()
    version.pipeline_spec["pipeline_spec"]["sdkVersion"] = "another"
    outcome = delivered.approved(status=1)
    assert (outcome["failed_step"], len(delivered.server.runs)) == ("register", 0)


def test_uncommitted_changes_are_an_error_before_anything_runs(delivered: Delivered) -> None:
    (delivered.folder / "vibration.py").write_text("x = 2")
    assert "not committed" in delivered.refused("--approved-by", "Ada").message
    assert delivered.commands == []


def test_a_helper_that_is_not_in_git_is_an_error_before_anything_runs(delivered: Delivered) -> None:
    delivered.change("vibration.py", "import helper\n" + MODULE)
    (delivered.folder / "helper.py").write_text("x = 1")
    assert "helper.py" in delivered.refused("--approved-by", "Ada").message
    assert delivered.commands == []
    commit_all(delivered.folder)
    assert delivered.approved()["outcome"] == "done"


def test_a_project_that_is_not_for_kubeflow_is_refused_before_anything_runs(delivered: Delivered) -> None:
    config = yaml.safe_load(delivered.config.read_text())
    del config["kubeflow"]
    delivered.config.write_text(yaml.safe_dump(config))
    commit_all(delivered.folder)
    assert "no section kubeflow" in delivered.refused("--until", "verify").message
    assert delivered.commands == []
    assert delivered.outcome("--until", "tests")["outcome"] == "done"


def test_a_server_that_nobody_names_is_an_error_before_anything_runs(delivered: Delivered) -> None:
    delivered.configure(host=None)
    assert "KF_PIPELINES_ENDPOINT" in delivered.refused().remedy
    assert delivered.commands == []
    assert delivered.outcome("--host", delivered.server.url)["outcome"] == "waiting"


def test_a_project_outside_git_is_an_error(delivered: Delivered) -> None:
    (delivered.folder / ".git").rename(delivered.log.parent / "no-git")
    assert "git" in delivered.refused().message


def test_tests_that_pass_on_uncommitted_changes_are_not_remembered(delivered: Delivered) -> None:
    (delivered.folder / "vibration.py").write_text("x = 2")
    delivered.outcome("--until", "tests")
    git(delivered.folder, "checkout", "--quiet", ".")
    delivered.outcome("--until", "tests")
    assert delivered.commands == ["lint", "tests"]


def test_ctrl_c_ends_the_command_that_runs_with_its_children(delivered: Delivered) -> None:
    started = delivered.log.parent / "started"
    delivered.configure(test=[f"sh -c 'sleep 600 & echo $! > {started}; wait'"])
    workspace = delivered.log.parent / "workspace"
    process = subprocess.Popen(
        [TINYOPS, "ci", delivered.config, "--workspace", workspace], stderr=subprocess.PIPE, text=True
    )
    with process:
        while not (started.exists() and started.read_text().strip()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "stopped by SIGINT; no run was started"
    wait_for_the_end_of(int(started.read_text()))


def test_ctrl_c_while_a_command_starts_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen):
        """Which the user stops before anybody has hold of it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            started.append(self)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(commands.subprocess, "Popen", Interrupted)
    with listening(), pytest.raises(Ended):
        commands.run_command("sleep 600", tmp_path, {})
    assert [process.poll() for process in started] == [-signal.SIGINT]


def test_ctrl_c_during_the_wait_names_the_run_that_goes_on(delivered: Delivered, monkeypatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise Ended(signal.SIGINT)

    monkeypatch.setattr(delivered, "_pause", interrupt)
    delivered.server.looks = [Look("RUNNING")]
    with pytest.raises(Ended) as ended:
        delivered.ci("--approved-by", "Ada")
    (run_id,) = delivered.server.runs
    assert ended.value.left == f"the run goes on: {delivered.server.url}/#/runs/details/{run_id}"
    assert by_outcome(delivered.outcome(), "passed") == ALL[2:5]
