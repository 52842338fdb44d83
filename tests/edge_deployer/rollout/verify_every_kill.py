"""Every kill and a thousand random fleets: `make verify-rollouts`, a quarter of an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_deployer.rollout import after_a_kill, random_fleets
from tests.edge_deployer.rollout.simulated_rollouts import Releases


@pytest.mark.timeout(3_600)
def test_whoever_comes_after_any_kill_ends_right(fleet_folder: Path, releases: Releases) -> None:
    found = after_a_kill.found_wrong(fleet_folder, releases, every=1, each=len(after_a_kill.NEXT))
    assert not found, "\n".join(found)


@pytest.mark.timeout(3_600)
def test_whoever_goes_on_with_the_first_release_of_new_boards_finishes_it_after_any_kill(
    fleet_folder: Path, releases: Releases
) -> None:
    found = after_a_kill.wrong_with_new_boards(fleet_folder, releases, every=1)
    assert not found, "\n".join(found)


@pytest.mark.timeout(3_600)
def test_a_thousand_rollouts_end_with_what_was_verified(fleet_folder: Path, releases: Releases) -> None:
    found = random_fleets.found_wrong(range(50, 1_050), fleet_folder, releases)
    assert not found, "\n".join(found)
