"""Programs that nobody here wrote, in a virtual environment of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.board_fixtures import board, identity_image, signer, unused_boards
from tests.environments import ROOT, environment
from tests.interop.stores import bucket, endpoint, google_bucket, google_store

__all__ = ["board", "bucket", "endpoint", "google_bucket", "google_store", "identity_image", "signer", "unused_boards"]


@pytest.fixture(scope="session")
def interop() -> Path:
    """Folder of the environment's programs."""
    return environment("interop", ROOT / "requirements" / "interop.txt")
