"""What becomes of rollouts over a simulated fleet, whatever its boards do, and whatever others want of them."""

from __future__ import annotations

from pathlib import Path

from tests.edge_deployer.rollout.simulated_rollouts import Fleet, Releases, what_is_wrong


async def test_a_release_goes_over_all_boards(fleet_folder: Path, releases: Releases) -> None:
    fleet = Fleet(fleet_folder, releases).make()
    progress = await fleet.start(releases.wanted)
    assert progress.outcome == "promoted"
    assert set(fleet.kept().values()) == {releases.wanted}
    assert what_is_wrong(fleet) == []
