"""Rollouts over boards that go wrong at random: at the end each runs what was verified, and the trail says which."""

from __future__ import annotations

from pathlib import Path

from tests.edge_deployer.rollout.random_fleets import found_wrong
from tests.edge_deployer.rollout.simulated_rollouts import Releases


def test_boards_that_go_wrong_at_random_end_with_what_was_verified(fleet_folder: Path, releases: Releases) -> None:
    """Sixteen fleets; `make verify-rollouts` has a thousand others."""
    found = found_wrong(range(16), fleet_folder, releases)
    assert not found, "\n".join(found)
