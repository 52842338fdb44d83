"""RAM that keeps its content over a reset and loses it with power: the count of faults and the last one's text."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from edge_deployer.files import read_record, write_file

_REMEDY = "remove the file, or free its disk: the board then counts its faults from zero"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    faults: int
    fault: str | None


class RetainedMemory:
    """Fault records in a file that `lose_power` removes.

    Raises:
        TinyopsError: the file is damaged.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "retained.json"
        record = _Record(faults=0, fault=None)
        if self._path.exists():
            record = read_record(_Record, self._path, f"retained memory {self._path}", remedy=_REMEDY)
        self.faults, self.last_fault = record.faults, record.fault

    def record_fault(self, text: str) -> None:
        """Count a fault and keep its text.

        Raises:
            TinyopsError: the file cannot be written.
        """
        self.faults, self.last_fault = self.faults + 1, text
        record = _Record(faults=self.faults, fault=text)
        write_file(self._path, record.model_dump_json().encode(), remedy=_REMEDY)

    @staticmethod
    def lose_power(directory: Path) -> None:
        """Forget, as RAM does."""
        (directory / "retained.json").unlink(missing_ok=True)
