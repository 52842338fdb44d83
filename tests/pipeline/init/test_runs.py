"""From data to production boards, with no line written by hand: one set of each kind that no template was made for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.init.propose import propose, source_of
from pipeline.init.write import write_project
from pipeline.local.run import run_project
from tests.edge_deployer.outcomes import assert_outcome
from tests.pipeline.init.made import ALL


@pytest.mark.verify
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["machines", "exercises", "gauges", "loads"])
def test_what_is_proposed_is_promoted(name: str, data_of: Callable[[str], Path], tmp_path: Path) -> None:
    made, place = ALL[name], data_of(name)
    project = tmp_path / f"a-{name}"
    write_project(project, propose(made.kind, place), source_of(made.kind, place))
    result = run_project(project / "tinyops.yaml", tmp_path / "workspace", lambda _: None)
    assert_outcome(result.deployment, "promoted")
