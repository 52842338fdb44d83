"""What is proposed for data that no template was made for, and that the project passes preflight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline.init.propose import propose, source_of
from pipeline.init.write import write_project
from pipeline.project.preflight import prepare
from pipeline.project.workspace import Workspace
from tests.pipeline.init.made import ALL


@pytest.mark.parametrize("name", ALL)
def test_the_proposal_is_right_and_the_project_can_run(
    name: str, data_of: Callable[[str], Path], tmp_path: Path
) -> None:
    made, place = ALL[name], data_of(name)
    proposal = propose(made.kind, place)
    config_file, *_ = write_project(tmp_path / f"a-{name}", proposal, source_of(made.kind, place))
    data = yaml.safe_load(config_file.read_text())["data"]
    assert {field: data.get(field) for field in made.data} == made.data
    assert data.get("group") == made.group
    assert made.splits is None or data["splits"] == made.splits
    for notice in made.notices:
        assert any(notice in said for said in proposal.notices)

    project = prepare(config_file, Workspace(tmp_path / "workspace"))
    assert project.shape == proposal.shape == made.shape
    # Who holds out a speaker or a device holds out a distribution.
    assert (project.config.data_gates.value_skew.stop is None) == (made.group is not None)
    assert project.config.train.fit_board == (proposal.network != "table")
    assert [path.name for path in project.module.tests] == [f"test_{project.module.name}.py"]
