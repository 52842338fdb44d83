"""Programs that nobody here wrote, in a virtual environment of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.board_fixtures import board, identity_image, signer
from tests.environments import environment

__all__ = ["board", "identity_image", "signer"]

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "interop.txt"


@pytest.fixture(scope="session")
def interop() -> Path:
    """Folder of the environment's programs."""
    return environment("interop", REQUIREMENTS)
