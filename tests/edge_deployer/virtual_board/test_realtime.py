"""A board in real time takes as long as its profile says; another does not wait."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.wire.mcuboot import parse_image
from tests.edge_deployer.inventories import write_profile
from tests.edge_deployer.sessions import session_with
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.running_board import Signer, running_board

SLOW = {"macs_per_second": 40, "flash_bytes_per_second": 700}
"""16 multiply-accumulates then take 0.4 s, an image of 800 bytes 1.1 s to write."""

TOO_SLOW_TO_WAIT_FOR = {"macs_per_second": 1, "flash_bytes_per_second": 10}


@pytest.mark.parametrize(("realtime", "speed"), [(False, TOO_SLOW_TO_WAIT_FOR), (True, SLOW)])
async def test_inference_and_flash_take_the_profiles_time(
    tmp_path: Path, signer: Signer, realtime: bool, speed: dict[str, int]
) -> None:
    profile = write_profile(tmp_path, "slow", "cortex-m0plus", **speed)
    image = signer.sign(identity_classifier())
    options = ["--realtime"] if realtime else []
    with running_board(tmp_path / "board", signer.public_key, profile=str(profile), options=options) as board:
        async with session_with(board.url, line_rate=0) as session:
            began = time.monotonic()
            await session.install(image)
            install_s = time.monotonic() - began
            await session.test(parse_image(image).hash)
            await session.reset()
            await session.info()
            began = time.monotonic()
            result = await session.infer(np.zeros((5, 4), np.int8))
            infer_s = time.monotonic() - began
    estimated_s = int(result.microseconds.sum()) / 1e6
    assert estimated_s >= 2.0
    assert (install_s >= 0.8 * SLOW["flash_bytes_per_second"] / speed["flash_bytes_per_second"]) is realtime
    assert (infer_s >= estimated_s) is realtime
