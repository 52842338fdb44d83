"""The steps of a board, in files of the workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.boards.journal import Journal
from edge_deployer.boards.log import BoardLog, recorded_steps
from edge_deployer.errors import TinyopsError


def test_a_damaged_log_is_named(tmp_path: Path) -> None:
    Journal(BoardLog(tmp_path)).note("b1", "install", "1.0.0")
    assert [step.action for step in recorded_steps(tmp_path, "b1")] == ["install"]
    with (tmp_path / "log" / "b1.jsonl").open("a") as file:
        file.write("{torn")
    with pytest.raises(TinyopsError, match=r"b1\.jsonl is damaged, or of another version"):
        recorded_steps(tmp_path, "b1")


def test_a_record_of_something_else_is_named(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text('{"deployment": {"steps": [{"board": "b1"}]}}')
    with pytest.raises(TinyopsError, match=r"report\.json is damaged, or of another version: deployment\.steps\.0\.at"):
        recorded_steps(tmp_path, "b1", [report])
