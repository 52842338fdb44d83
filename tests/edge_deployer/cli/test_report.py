"""`tinyops report` as a user meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from edge_deployer.report.facts import Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON
from edge_deployer.report.html import write_report
from edge_deployer.report.reading import report_schema
from tests.edge_deployer.cli.command import Done, tinyops, tinyops_process
from tests.edge_deployer.report import sample_reports


def report(*arguments: str | Path) -> Done:
    return tinyops("report", *arguments)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one report, of a release whose staging had a board in quarantine."""
    monkeypatch.chdir(tmp_path)
    write_report(sample_reports.quarantined(), tmp_path / ".tinyops" / "reports" / "1")
    return tmp_path / ".tinyops"


def test_show_tells_the_newest_report_with_boards_checks_and_bounds(workspace: Path) -> None:
    done = report("show")
    text = " ".join(done.stdout.split())
    assert done.status == 0, done.stderr
    assert "promoted: 0.4.0-" in text
    assert "spares that stood in: staging-3" in text
    assert "staging-2 (staging, cortex-m4, virtual): quarantined, reverted" in text
    assert "labels failed 18.2 % ≤ 1.0 % 2 of 11 samples name another class than TFLM; at most 58.3 %" in text
    assert "72 samples where a test of fixed size takes 181" in text
    assert f"report: {workspace.name}/reports/1/{REPORT_JSON}" in text


def test_show_as_json_has_every_verdict(workspace: Path) -> None:
    shown = json.loads(report("show", workspace / "reports" / "1", "--json").stdout)
    assert (shown["outcome"], shown["staging"]["accepted"]) == ("promoted", ["staging-1", "staging-3"])
    states = {board["name"]: board["state"] for board in shown["boards"]}
    assert states["staging-2"] == "quarantined"
    assert states["staging-4"] == "not examined"
    assert shown["boards"][0]["verdict"]["checks"][1]["fixed_samples"] == 181


def test_no_verdict_is_shown_as_neither_refused_nor_promoted(tmp_path: Path) -> None:
    write_report(sample_reports.undecided(), tmp_path)
    text = report("show", tmp_path).stdout
    assert "no verdict at staging: 0 healthy boards accept it" in text
    assert "remedy: raise `samples`" in text
    assert "refused" not in text
    assert "promoted" not in text


@pytest.mark.parametrize("case", [sample_reports.quarantined, sample_reports.unchanged, sample_reports.undecided])
def test_replay_says_that_every_verdict_is_the_same(case: Callable[[], Report], tmp_path: Path) -> None:
    write_report(case(), tmp_path)
    done = report("replay", tmp_path)
    assert done.status == 0, done.stdout
    assert "staging-1: the same verdict, " in done.stdout
    assert "staging pool: the same verdict, " in done.stdout
    assert "deployment: the same outcome, " in done.stdout
    assert "not the verdict" not in done.stdout


def test_replay_names_what_was_altered_and_ends_with_status_3(workspace: Path) -> None:
    path = workspace / "reports" / "1" / REPORT_JSON
    content = json.loads(path.read_text())
    content["deployment"]["boards"][0]["evidence"]["answers"]["latencies_us"][0] = 5_000
    path.write_text(json.dumps(content))
    done = report("replay")
    assert done.status == 3
    assert "staging-1: not the verdict that is recorded" in done.stdout
    assert "latency.finding: recorded {'code': 'latency.percentiles', 'us': {'p50': 874" in done.stdout
    assert "line-1: the same verdict, accepted" in done.stdout
    told = report("replay", "--json")
    assert told.status == 3
    found = json.loads(told.stdout)
    assert found["same"] is False
    assert [verdict["name"] for verdict in found["verdicts"] if not verdict["same"]] == ["staging-1"]


def test_replay_does_not_take_a_headline_for_granted(workspace: Path) -> None:
    path = workspace / "reports" / "1" / REPORT_JSON
    content = json.loads(path.read_text())
    content["deployment"]["outcome"] = "refused"
    path.write_text(json.dumps(content))
    done = report("replay")
    assert done.status == 3
    assert "deployment: not the outcome that is recorded" in done.stdout
    assert "outcome: recorded refused; the evidence says promoted" in done.stdout


def test_replay_of_a_model_that_no_board_saw_has_nothing_to_say(tmp_path: Path) -> None:
    write_report(sample_reports.refused_at_validation(), tmp_path)
    done = report("replay", tmp_path)
    assert (done.status, "no board was examined" in done.stdout) == (0, True)
    assert json.loads(report("replay", tmp_path, "--json").stdout)["verdicts"] == []


def test_the_schema_is_printed_as_it_is_published() -> None:
    done = report("schema")
    assert (done.status, done.stdout) == (0, report_schema())


def test_all_runs_and_pushes_are_listed_the_newest_first(workspace: Path) -> None:
    pushed = sample_reports.pushed_by_hand()
    pushed.deployment.finished += timedelta(days=1)
    write_report(pushed, workspace / "replay" / "reports" / "4")
    refused = sample_reports.refused_at_evaluation()
    refused.deployment.finished -= timedelta(days=1)
    write_report(refused, workspace / "reports" / "2")
    write_report(sample_reports.promoted(), workspace / "artifacts" / "deployment_report" / "9")
    done = report("list")
    assert done.status == 0, done.stderr
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()[2:]]
    assert [row.rpartition("/")[2] for row in rows] == ["4", "1", "2"]
    assert f"{pushed.title}, push" in rows[0]
    assert "2026-03-14 09:" in rows[1]
    assert "digits, run promoted Accuracy, int8 98.1 %" in rows[1]
    assert "refused at evaluation" in rows[2]
    listed = json.loads(report("list", "--json").stdout)
    assert [line["outcome"] for line in listed["reports"]] == [pushed.deployment.outcome, "promoted", "refused"]
    assert listed["reports"][1]["figures"]["Accuracy, int8"] == "98.1\u202f%"
    assert listed["damaged"] == []


def test_a_damaged_report_is_named_and_hides_no_other(workspace: Path) -> None:
    (workspace / "reports" / "2").mkdir()
    (workspace / "reports" / "2" / REPORT_JSON).write_text("{")
    done = report("list")
    assert done.status == 0
    assert "reports/1" in done.stdout
    assert "not read: report .tinyops/reports/2/report.json is damaged" in done.stdout


def test_without_a_report_the_list_says_so(tmp_path: Path) -> None:
    done = report("list", "--workspace", tmp_path / "nowhere")
    assert (done.status, "no run and no push has left a report" in done.stdout) == (0, True)
    assert json.loads(report("list", "--workspace", tmp_path, "--json").stdout) == {"reports": [], "damaged": []}


def test_the_page_is_opened_in_the_browser(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = workspace / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{workspace}/opened\n')
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    done = tinyops_process("report", "open", cwd=workspace.parent)
    page = workspace / "reports" / "1" / REPORT_HTML
    assert (done.returncode, done.stdout.strip()) == (0, str(page))
    assert (workspace / "opened").read_text().strip() == page.as_uri()


def test_where_there_is_no_browser_the_page_is_named(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(workspace))
    done = tinyops_process("report", "open", cwd=workspace.parent)
    assert done.returncode == 1
    assert "no browser is found" in done.stderr
    assert done.stdout.strip() == str(workspace / "reports" / "1" / REPORT_HTML)


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_missing_or_damaged_report_is_an_error_with_a_remedy(command: str, tmp_path: Path) -> None:
    (tmp_path / REPORT_JSON).write_text('{"title": 3')
    for named, message in (
        (tmp_path / "nowhere", "there is no report"),
        (tmp_path, "is damaged, or of another version"),
    ):
        done = report(command, named)
        assert done.status == 1
        assert message in done.stderr
        assert "remedy:" in done.stderr
    done = report(command, "--workspace", tmp_path / "nowhere")
    assert done.status == 1
    assert "there is no report in workspace" in done.stderr


@pytest.mark.parametrize("command", ["list", "open", "show", "replay", "schema"])
def test_help_teaches_with_an_example(command: str, tmp_path: Path) -> None:
    shown = tinyops_process("report", command, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    assert f"Example: tinyops report {command}" in shown.stdout
