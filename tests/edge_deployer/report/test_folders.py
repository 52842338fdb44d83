"""The folders of reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.report.folders import new_report_folder


def test_reports_are_numbered(tmp_path: Path) -> None:
    assert [new_report_folder(tmp_path).name for _ in range(2)] == ["1", "2"]


def test_a_workspace_that_is_a_file_is_named(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.touch()
    with pytest.raises(TinyopsError, match="workspace/reports cannot be made: Not a directory"):
        new_report_folder(workspace)
