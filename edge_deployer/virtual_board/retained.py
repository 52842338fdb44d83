"""RAM that keeps its content over a reset and loses it with power: the count of faults and the last one's text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class RetainedMemory:
    """Fault records in a file that `lose_power` removes.

    Args:
        directory: where the file is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "retained.json"
        self.faults = 0
        self.last_fault: str | None = None
        if self._path.exists():
            record = json.loads(self._path.read_text())
            self.faults, self.last_fault = record["faults"], record["fault"]

    def record_fault(self, text: str) -> None:
        """Count a fault and keep its text."""
        self.faults, self.last_fault = self.faults + 1, text
        _write_json(self._path, {"faults": self.faults, "fault": text})

    @staticmethod
    def lose_power(directory: Path) -> None:
        """Forget, as RAM does."""
        (directory / "retained.json").unlink(missing_ok=True)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file in one step: whoever dies half way leaves the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)
