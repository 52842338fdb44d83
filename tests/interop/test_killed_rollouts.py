"""A push is killed somewhere, and whatever comes next says of every board what smpmgr reads from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.killed_fleet import KilledFleet

KILLS = 2
"""`python -m tests.interop.kill_campaign` kills fifty times."""


@pytest.mark.verify
def test_after_a_kill_every_sentence_about_a_board_is_true(tmp_path: Path, interop: Path) -> None:
    fleet = KilledFleet.made(tmp_path, interop, seed=1)
    for _ in range(KILLS):
        fleet.kill_once()
