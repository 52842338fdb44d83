"""Samples that a board runs several times in a row are sent once, to firmware that keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_deployer.public_key import read_public_keys
from edge_deployer.virtual_board.control import BoardControl
from edge_deployer.virtual_board.faults import FaultPlan, LineNoise, Reset
from edge_deployer.wire.inference import GROUP, Command
from edge_deployer.wire.smp import Header
from tests.edge_deployer import tiny_models
from tests.edge_deployer.session.small_line import WRITE, SmallLine
from tests.edge_deployer.sessions import put_for_good, session_with
from tests.edge_deployer.virtual_board.running_board import RunningBoard, Signer
from tests.edge_deployer.virtual_board.small_board import SmallBoard

INPUTS = np.random.default_rng(1).integers(-128, 128, (20, 4)).astype(np.int8)
LARGE = np.random.default_rng(2).integers(-128, 128, (2, 100, 30)).astype(np.int8)
TIMES = 5


@pytest.fixture
def small_board(tmp_path: Path, signer: Signer) -> SmallBoard:
    board = SmallBoard(tmp_path / "board", read_public_keys(signer.public_key), page_bytes=512)
    board.start()
    board.install(signer.sign(tiny_models.rotating_classifier()))
    return board


@pytest.mark.parametrize(("revision", "sent"), [(2, 1), (1, TIMES)], ids=["keeps them", "does not"])
async def test_samples_are_sent_as_often_as_the_board_needs_them(
    small_board: SmallBoard, revision: int, sent: int
) -> None:
    line = SmallLine(small_board, revision=revision)
    async with line.session() as session:
        result = await session.infer_repeatedly(INPUTS, TIMES)
    assert np.array_equal(result.outputs, np.stack([np.roll(INPUTS, -1, axis=1)] * TIMES))
    assert result.microseconds.shape == (TIMES, len(INPUTS))
    runs = [each for each in line.log if (each.header.group, each.header.command) == (GROUP, Command.RUN)]
    assert sum(len(each.fields["data"]) for each in runs if each.header.op == WRITE) == sent * INPUTS.nbytes
    results = [len(each.answer["us"]) for each in runs if each.answer and "us" in each.answer]
    assert sum(results) == TIMES * len(INPUTS)


class _Refuses(SmallLine):
    """Firmware that says no where it is to run what it has."""

    def __init__(self, board: SmallBoard, code: int) -> None:
        super().__init__(board)
        self._code = code

    def _refusal(self, header: Header, fields: dict[str, Any]) -> int:
        asks = (header.op, header.group, header.command) == (WRITE, GROUP, Command.RUN) and not fields["data"]
        return self._code if asks else 0


async def test_a_board_that_will_not_run_what_it_has_gets_it_again(small_board: SmallBoard) -> None:
    async with _Refuses(small_board, code=3).session() as session:
        result = await session.infer_repeatedly(INPUTS, TIMES)
    assert np.array_equal(result.outputs, np.stack([np.roll(INPUTS, -1, axis=1)] * TIMES))


async def test_what_a_board_has_kept_may_be_damaged(small_board: SmallBoard) -> None:
    """It sees that by the CRC, as the board does that is asked here, and gets the samples again."""

    def damage(_: int) -> None:
        batch = small_board.inference._batch
        if batch is not None and batch.outputs is not None:
            batch.inputs[0] ^= 1

    async with SmallLine(small_board, before=damage).session() as session:
        result = await session.infer_repeatedly(INPUTS, TIMES)
    assert np.array_equal(result.outputs, np.stack([np.roll(INPUTS, -1, axis=1)] * TIMES))


@pytest.mark.parametrize(
    "plan",
    [
        FaultPlan(seed=1, to_board=LineNoise(bit_flips=1e-4), to_client=LineNoise(bit_flips=1e-4)),
        FaultPlan(seed=2, reset=Reset(request=14, when="after")),
    ],
    ids=["bit flips", "reset"],
)
async def test_what_gets_lost_on_the_way_is_made_good(board: RunningBoard, signer: Signer, plan: FaultPlan) -> None:
    with BoardControl(board.directory) as control:
        async with session_with(board.url, line_rate=0, request_timeout_s=0.5) as session:
            await put_for_good(session, signer.sign(tiny_models.matrix_product(100, 30, 30)))
            once = await session.infer(LARGE)
            control.set_faults(plan)
            result = await session.infer_repeatedly(LARGE, TIMES)
        assert sum(control.counters()["faults"].values()) > 0
    assert np.array_equal(result.outputs, np.stack([once.outputs] * TIMES))
