"""Fixtures around virtual boards, for the tests of the board and of the session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer, running_boards

_BOARDS_PER_PROCESS = 16


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.generate(tmp_path_factory.mktemp("signer"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.generate(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def unused_boards(signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[RunningBoard]]:
    """Boards as they leave the factory, several to a process: what a start costs is paid once for all of them."""
    with ExitStack() as powered:

        def boards() -> Iterator[RunningBoard]:
            while True:
                rack = tmp_path_factory.mktemp("rack")
                directories = [rack / str(number) / "board" for number in range(_BOARDS_PER_PROCESS)]
                yield from powered.enter_context(running_boards(directories, signer.public_key))

        yield boards()


@pytest.fixture
def board(unused_boards: Iterator[RunningBoard]) -> RunningBoard:
    """A board with empty flash. It shares its process with others: a test that ends that needs one of its own."""
    return next(unused_boards)


@pytest.fixture(scope="session")
def identity_image(signer: Signer) -> bytes:
    return signer.sign(identity_classifier(), "1.0.0")
