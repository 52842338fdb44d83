"""A rollout to many boards on serial lines of 115,200 baud, against the same waves with one board each."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import yaml

from benchmarks.release_line import TINYOPS, seconds
from benchmarks.rows import Row
from tests.edge_deployer.tiny_models import identity_classifier

_BOARDS = 32
_CLASSES = 64
_PADDING = 60_000


def measure_fleet(folder: Path) -> list[Row]:
    """One gateway on this machine's processors; staging, a canary, and the rest of 32 boards in one wave."""
    one, many = _push(folder / "one", 2), _push(folder / "many", _BOARDS - 1)
    figure = f"{many / one:.2f} times: {many:.0f} s and {one:.0f} s"
    return [Row(f"rollout to {_BOARDS} boards at 115,200 baud", figure, "at most 1.3 times", "make bench")]


def _push(folder: Path, production: int) -> float:
    """Seconds of a push to a staging board, a canary and a wave with the other production boards."""
    folder.mkdir(parents=True)
    names = {"staging-1": "staging"} | {f"production-{number}": "production" for number in range(1, production + 1)}
    boards = [{"name": name, "pool": pool, "virtual": True} for name, pool in names.items()]
    inventory, model = folder / "boards.yaml", folder / "padded.tflite"
    inventory.write_text(yaml.safe_dump({"boards": boards}))
    model.write_bytes(identity_classifier(_CLASSES) + random.Random(0).randbytes(_PADDING))
    with tempfile.TemporaryDirectory() as workspace:
        return seconds([TINYOPS, "push", model, "--inventory", inventory, "--workspace", workspace])
