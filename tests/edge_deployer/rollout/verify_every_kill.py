"""Every kill and a thousand random fleets: `make verify-rollouts`, most of an hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_deployer.rollout import random_fleets
from tests.edge_deployer.rollout.after_a_kill import NEXT, NEXT_OF_NEW, found_wrong, new, usual
from tests.edge_deployer.rollout.simulated_rollouts import Releases


@pytest.mark.timeout(3_600)
def test_whoever_comes_after_any_kill_ends_right(fleet_folder: Path, releases: Releases) -> None:
    found = found_wrong(fleet_folder, releases, usual, NEXT)
    assert not found, "\n".join(found)


@pytest.mark.timeout(3_600)
def test_whoever_comes_after_any_kill_of_a_first_release_ends_right(fleet_folder: Path, releases: Releases) -> None:
    found = found_wrong(fleet_folder, releases, new, NEXT_OF_NEW)
    assert not found, "\n".join(found)


@pytest.mark.timeout(3_600)
def test_a_thousand_rollouts_end_with_what_was_verified(fleet_folder: Path, releases: Releases) -> None:
    found = random_fleets.found_wrong(range(50, 1_050), fleet_folder, releases)
    assert not found, "\n".join(found)
