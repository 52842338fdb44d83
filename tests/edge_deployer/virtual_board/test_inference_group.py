"""Group 65's claim, and what it says of itself, on a board of a few pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.public_key import read_public_keys
from edge_deployer.wire.inference import REVISION, Capability, ErrorCode, crc32
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

INFO, RUN, HEALTH, CLAIM = range(4)
ABILITIES = {"rev": REVISION, "caps": Capability.FENCE | Capability.PAGES}
STALE = {"err": {"group": 65, "rc": ErrorCode.STALE_EPOCH}}
BATCH = bytes(8)
FIRST = {"off": 0, "len": 8, "n": 2, "crc": crc32(BATCH)}


@pytest.fixture
def board(tmp_path: Path, signer: Signer) -> SmallBoard:
    board = SmallBoard(tmp_path / "board", read_public_keys(signer.public_key), page_bytes=512)
    board.start()
    return board


@pytest.fixture
def running(board: SmallBoard, signer: Signer) -> SmallBoard:
    board.install(signer.sign(identity_classifier()))
    return board


def read(board: SmallBoard, command: int, **fields: Any) -> dict[str, Any]:
    return board.ask(65, command, fields, write=False)


def test_a_board_without_an_image_tells_who_holds_it_and_what_it_can(board: SmallBoard) -> None:
    assert read(board, CLAIM) == {"epoch": 0, **ABILITIES}
    assert board.ask(65, CLAIM, {"epoch": 7}) == {"epoch": 7}
    assert read(board, CLAIM) == {"epoch": 7, **ABILITIES}
    board.start()
    assert read(board, CLAIM)["epoch"] == 7


@given(epochs=st.lists(st.integers(0, 2**64 - 1), max_size=5))
def test_the_greatest_epoch_holds_the_board(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer, epochs: list[int]
) -> None:
    board, held = SmallBoard(tmp_path_factory.mktemp("board"), read_public_keys(signer.public_key)), 0
    board.start()
    for epoch in epochs:
        assert board.ask(65, CLAIM, {"epoch": epoch}) == (STALE if epoch < held else {"epoch": epoch})
        held = max(held, epoch)
        assert read(board, CLAIM)["epoch"] == held


def test_a_client_of_revision_1_gets_the_fields_of_revision_1(running: SmallBoard) -> None:
    known = {"sha", "arena", "arena_size", "macs", "input", "output"}
    assert set(read(running, INFO)) == known == set(read(running, INFO, rev=1))
    assert set(read(running, HEALTH)) == {"reset", "up", "faults", "floor"}
    assert set(running.ask(65, RUN, FIRST | {"data": BATCH})) == {"off", "len", "crc", "icrc", "us", "data"}


@pytest.mark.parametrize("revision", [REVISION, REVISION + 1])
def test_a_client_of_a_newer_revision_is_told_the_boards(running: SmallBoard, revision: int) -> None:
    told = read(running, INFO, rev=revision)
    assert {name: told[name] for name in ABILITIES} == ABILITIES


def test_an_older_holder_runs_nothing(running: SmallBoard) -> None:
    running.ask(65, CLAIM, {"epoch": 7})
    assert running.ask(65, RUN, FIRST | {"data": BATCH, "epoch": 6}) == STALE
    for epoch in (7, 8):
        assert running.ask(65, RUN, FIRST | {"data": BATCH, "epoch": epoch})["data"] == BATCH


def test_a_newer_claim_ends_the_batch_under_way(running: SmallBoard) -> None:
    assert running.ask(65, RUN, FIRST | {"data": BATCH[:4]}) == {"off": 4}
    running.ask(65, CLAIM, {"epoch": 1})
    assert running.ask(65, RUN, {"off": 4, "data": BATCH[4:]}) == {"off": 0}
    assert running.ask(65, RUN, FIRST | {"data": BATCH})["data"] == BATCH
    running.ask(65, CLAIM, {"epoch": 2})
    assert read(running, RUN, off=0) == {"err": {"group": 65, "rc": ErrorCode.NO_RESULT}}


def test_a_batch_that_has_run_is_run_again_without_its_samples(running: SmallBoard) -> None:
    result = running.ask(65, RUN, FIRST | {"data": BATCH})
    for _ in range(3):
        assert running.ask(65, RUN, FIRST | {"data": b""}) == result
    assert read(running, RUN, off=0)["data"] == BATCH


@pytest.mark.parametrize(
    "other", [{"crc": 1}, {"n": 1, "len": 4}, {"sha": bytes(4)}, {"epoch": 1}], ids=["crc", "n", "sha", "epoch"]
)
def test_another_batch_is_not_run_without_samples(running: SmallBoard, other: dict[str, Any]) -> None:
    running.ask(65, CLAIM, {"epoch": 2})
    running.ask(65, RUN, FIRST | {"data": BATCH})
    refused = {"sha": {"err": {"group": 65, "rc": ErrorCode.WRONG_MODEL}}, "epoch": STALE}
    assert running.ask(65, RUN, FIRST | other | {"data": b""}) == refused.get(next(iter(other)), {"off": 0})


def test_a_batch_that_has_not_run_yet_begins_anew_without_samples(running: SmallBoard) -> None:
    assert running.ask(65, RUN, FIRST | {"data": BATCH[:4]}) == {"off": 4}
    assert running.ask(65, RUN, FIRST | {"data": b""}) == {"off": 0}
    assert running.ask(65, RUN, {"off": 4, "data": BATCH[4:]}) == {"off": 0}


def test_after_a_newer_claim_the_batch_of_the_older_holder_is_not_run_again(running: SmallBoard) -> None:
    running.ask(65, RUN, FIRST | {"data": BATCH})
    running.ask(65, CLAIM, {"epoch": 1})
    assert running.ask(65, RUN, FIRST | {"data": b"", "epoch": 1}) == {"off": 0}
