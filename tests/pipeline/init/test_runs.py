"""From data to production boards, with no line written by hand: one set of each kind that no template was made for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.init.propose import propose, source_of
from pipeline.init.write import write_project
from pipeline.local.checking.check import check_project
from pipeline.local.run import run_project
from pipeline.project.workspace import Workspace
from tests.edge_deployer.outcomes import assert_outcome
from tests.pipeline.init.made import ALL

pytestmark = pytest.mark.verify

RUN = ("machines", "exercises", "gauges", "loads")


def written(name: str, place: Path, folder: Path) -> Path:
    """The project file that is written for a data set."""
    kind = ALL[name].kind
    return write_project(folder / f"a-{name}", propose(kind, place), source_of(kind, place))[0]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", RUN)
def test_what_is_proposed_is_promoted(name: str, data_of: Callable[[str], Path], tmp_path: Path) -> None:
    config_file = written(name, data_of(name), tmp_path)
    result = run_project(config_file, tmp_path / "workspace", lambda _: None)
    assert_outcome(result.deployment, "promoted")


@pytest.mark.parametrize("name", sorted(set(ALL) - set(RUN)))
def test_nothing_that_can_be_known_stands_against_the_others(
    name: str, data_of: Callable[[str], Path], tmp_path: Path
) -> None:
    lines = list(check_project(written(name, data_of(name), tmp_path), Workspace(tmp_path / "workspace")))
    assert [line for line in lines if line.state == "failed"] == []
    assert "latency" in {line.name for line in lines}


def test_what_cannot_be_learnt_is_refused(tmp_path: Path) -> None:
    """Labels that have nothing to do with the samples."""
    random = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", x=random.normal(size=(1500, 12)), label=random.integers(0, 3, 1500))
    config_file, *_ = write_project(tmp_path / "noise", propose("arrays", tmp_path / "data.npz"), tmp_path / "data.npz")
    result = run_project(config_file, tmp_path / "workspace", lambda _: None)
    assert_outcome(result.deployment, "refused", at="evaluation")
