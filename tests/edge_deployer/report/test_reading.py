"""Reports that are looked for, and what stands in their place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON, REPORT_MARKDOWN
from edge_deployer.report.reading import find_report, read_report
from tests.edge_deployer.report import sample_reports


def test_the_newest_report_of_the_workspace_is_found_whichever_command_made_it(tmp_path: Path) -> None:
    for age, folder in ((30, "reports/2"), (10, "replay/reports/7"), (20, "reports/10")):
        path = tmp_path / folder / REPORT_JSON
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, ns=(10**18 - age, 10**18 - age))
    assert find_report(None, tmp_path).parent.name == "7"


@pytest.mark.parametrize("name", ["", REPORT_JSON, REPORT_HTML, REPORT_MARKDOWN])
def test_a_report_is_named_by_its_folder_or_any_of_its_files(name: str, tmp_path: Path) -> None:
    (tmp_path / REPORT_JSON).touch()
    assert find_report(tmp_path / name, tmp_path) == tmp_path / REPORT_JSON


def test_a_report_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match=f"there is no report {tmp_path / REPORT_JSON}"):
        find_report(tmp_path, tmp_path)
    with pytest.raises(TinyopsError, match=f"no report in workspace {tmp_path / 'nowhere'}"):
        find_report(None, tmp_path / "nowhere")


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    report = sample_reports.quarantined()
    path = tmp_path / REPORT_JSON
    path.write_text(report.model_dump_json(indent=2))
    assert read_report(path) == report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged, or of another version: Invalid JSON"),
        ("[]", "is damaged, or of another version: Input should be an object"),
        ("{}", "title: Field required"),
        ("torn array", r"deployment.reference.outputs: Value error, \d+ bytes of data for int8"),
        ("earlier format", "deployment.boards.0.evidence.samples: Extra inputs are not permitted"),
    ],
)
def test_a_damaged_report_is_named_with_the_field_and_not_its_contents(
    content: str, message: str, tmp_path: Path
) -> None:
    record = json.loads(sample_reports.promoted().model_dump_json())
    if content == "torn array":
        record["deployment"]["reference"]["outputs"]["shape"][0] += 1
    elif content == "earlier format":
        record["deployment"]["boards"][0]["evidence"]["samples"] = []
    path = tmp_path / REPORT_JSON
    path.write_text(json.dumps(record) if " " in content else content)
    with pytest.raises(TinyopsError, match=message) as raised:
        read_report(path)
    assert len(raised.value.message) < 400
    assert str(path) in raised.value.message


def test_a_folder_of_that_name_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / REPORT_JSON).mkdir()
    with pytest.raises(TinyopsError, match="there is no report"):
        find_report(tmp_path, tmp_path)
