"""Controllers that are killed at each write of the trail, and what whoever comes next makes of it."""

from __future__ import annotations

from pathlib import Path

from tests.edge_deployer.rollout.after_a_kill import NEXT, finished, found_wrong, new, usual
from tests.edge_deployer.rollout.simulated_rollouts import Releases


def test_whoever_comes_after_a_kill_finds_all_and_ends_right(fleet_folder: Path, releases: Releases) -> None:
    """One kill in thirteen; `make verify-rollouts` has them all."""
    found = found_wrong(fleet_folder, releases, usual, NEXT, every=13, in_turn=True)
    assert not found, "\n".join(found)


def test_whoever_goes_on_with_the_first_release_of_new_boards_finishes_it(
    fleet_folder: Path, releases: Releases
) -> None:
    """One kill in nine."""
    found = found_wrong(fleet_folder, releases, new, [finished], every=9)
    assert not found, "\n".join(found)
