"""Which models a pipeline has blessed: records that the Evaluator leaves among its artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from components.dated_records import DatedContents, DatedRecords

_RECORDS: Final = DatedRecords("a blessed model", "blessed_model.tflite", "blessed_record.json", "blessed_at")


def record(blessing: Path, model: bytes) -> None:
    """Leave a record in the folder of a `ModelBlessing` artifact."""
    _RECORDS.write(blessing, model)


def latest_other(all_runs: str, candidate: bytes) -> DatedContents | None:
    """The flatbuffer that was blessed last and is not the candidate; None if there is none.

    A repeated run would else measure its model against itself.

    Args:
        all_runs: folder or URI (`components.object_store`) with the artifacts of all runs.
        candidate: the flatbuffer that is to be measured.

    Raises:
        TinyopsError: the folder or a record in it cannot be read.
    """
    return _RECORDS.latest(all_runs, other_than=candidate)
