"""The folders of reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.report.folders import REPORT_HTML, keep_report, new_report_folder, report_files
from edge_deployer.report.html import write_report
from tests.edge_deployer.report import sample_reports


def test_reports_are_numbered(tmp_path: Path) -> None:
    assert [new_report_folder(tmp_path).name for _ in range(2)] == ["1", "2"]


def test_a_report_among_artifacts_is_kept_with_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    written = write_report(sample_reports.promoted(), tmp_path / "artifacts" / "7").parent
    new_report_folder(tmp_path)
    kept = keep_report(written, tmp_path)
    assert (kept.parent.name, kept.name, caplog.messages) == ("reports", "2", [])
    assert (kept / REPORT_HTML).read_bytes() == (written / REPORT_HTML).read_bytes()
    assert [path.parent for path in report_files(tmp_path)] == [kept]


def test_what_cannot_be_kept_is_told_and_read_where_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    written = write_report(sample_reports.promoted(), tmp_path / "artifacts" / "7").parent
    (tmp_path / "reports").touch()
    assert keep_report(written, tmp_path) == written
    assert "reports cannot be made" in caplog.messages[0]


def test_a_workspace_that_is_a_file_is_named(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.touch()
    with pytest.raises(TinyopsError, match="workspace/reports cannot be made: Not a directory"):
        new_report_folder(workspace)
