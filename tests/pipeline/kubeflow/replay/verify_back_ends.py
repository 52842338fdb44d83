"""`make verify-back-ends`: whole replays by the releases of Kubeflow between the oldest and the newest."""

from __future__ import annotations

import pytest

from tests.pipeline.kubeflow.replay.whole_replays import BETWEEN, TakeToBoards

pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("release", BETWEEN)
def test_it_takes_the_project_to_virtual_boards(take_to_boards: TakeToBoards, release: str) -> None:
    take_to_boards(release)
