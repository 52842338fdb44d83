"""A short campaign of random faults over whole installs; `python -m benchmarks.fault_campaign` runs the long one."""

from __future__ import annotations

import random
from pathlib import Path

from benchmarks.fault_campaign import Campaign, random_plan
from benchmarks.virtual_bench import virtual_bench

SEED, FAULTS, BOARDS = 2, 80, 3


async def test_no_wrong_model_is_called_right_and_no_board_is_lost(tmp_path: Path) -> None:
    with virtual_bench(tmp_path, count=BOARDS, line_rate=0) as bench:
        campaign = Campaign(bench, seed=SEED, faults=FAULTS)
        await campaign.run()
    assert campaign.tally.failures == []
    assert campaign.tally.injected >= FAULTS
    assert campaign.tally.right > 0


def test_a_campaign_can_be_repeated() -> None:
    first, again = (random_plan(random.Random(5)) for _ in range(2))
    assert first == again
