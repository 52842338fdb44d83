"""Virtual boards for these tests, each with a process of its own, since it is the process that is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.board_fixtures import identity_image, signer, stranger
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board

__all__ = ["board", "identity_image", "signer", "stranger"]


@pytest.fixture(autouse=True)
def cold(children_start_cold: None) -> None:
    """How a board starts and ends is what these tests are about."""


@pytest.fixture
def board(tmp_path: Path, signer: Signer) -> Iterator[RunningBoard]:
    with running_board(tmp_path / "board", signer.public_key) as running:
        yield running
