"""`tinyops schema`, on a project whose run has left statistics."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from edge_deployer.errors import TinyopsError
from pipeline.cli.schema import schema
from tests.components.data_gate.made_statistics import statistics_of


@pytest.fixture
def ran(project: Callable[..., Path], tmp_path: Path) -> Callable[..., Result]:
    """Calls the command on a project that ran once, on samples of four values, and then on those of five."""
    config, workspace = project(), tmp_path / "workspace"
    for run, values in (("9", 4), ("10", 5)):
        folder = workspace / "artifacts" / "vibration" / "StatisticsGen" / "statistics" / run / "Split-train"
        folder.mkdir(parents=True)
        statistics = statistics_of(np.zeros((40, values)), np.arange(40) % 2)
        (folder / "FeatureStats.pb").write_bytes(statistics.SerializeToString())

    def call(*arguments: Any) -> Result:
        return CliRunner().invoke(schema, [arguments[0], str(config), *arguments[1:]], catch_exceptions=False)

    return lambda *arguments: call(*arguments, *(["--workspace", str(workspace)] if arguments[0] == "update" else []))


def test_it_writes_what_the_last_run_had_and_shows_the_difference(ran: Callable[..., Result], tmp_path: Path) -> None:
    written = ran("update")
    file = tmp_path / "schema.pbtxt"
    assert "+      size: 5" in written.stdout
    assert ran("show").stdout == file.read_text()
    assert ran("update").stdout == f"{file}: the data fits it; nothing was changed\n"


def test_what_was_written_by_hand_stays_with_its_comments(ran: Callable[..., Result], tmp_path: Path) -> None:
    ran("update")
    file = tmp_path / "schema.pbtxt"
    commented = "# the left bearing\n" + file.read_text().replace("type: FLOAT", "type: FLOAT float_domain { min: -2 }")
    file.write_text(commented)
    assert json.loads(ran("update", "--json").stdout) == {"file": str(file), "changed": False, "difference": ""}
    assert file.read_text() == commented


def test_there_is_none_to_show_before_it_is_written(ran: Callable[..., Result]) -> None:
    with pytest.raises(TinyopsError, match=r"there is no .*schema\.pbtxt") as refused:
        ran("show")
    assert "tinyops schema update" in refused.value.remedy


def test_the_demo_keeps_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinyopsError, match="the demo keeps no schema"):
        CliRunner().invoke(schema, ["update"], catch_exceptions=False)
