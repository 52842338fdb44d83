"""Fixtures around virtual boards, for the tests of the board and of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_board


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.generate(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.generate(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def board(tmp_path: Path, signer: Signer) -> Iterator[RunningBoard]:
    with running_board(tmp_path / "board", signer.public_key) as running:
        yield running


@pytest.fixture(scope="session")
def identity_image(signer: Signer) -> bytes:
    return signer.sign(identity_classifier(), "1.0.0")
