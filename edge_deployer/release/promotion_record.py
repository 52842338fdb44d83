"""What the store reads of the record that a promotion leaves beside a bundle; a rollout writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel

from edge_deployer.files import exists, read_record

RECORD_FILE: Final = "deployment.json"
"""Beside a bundle that was promoted: the record of that."""


class PromotedBoard(BaseModel):
    """A board and the image that it ran before: what it is taken back to."""

    pool: Literal["staging", "production"]
    image_before: str | None = None


class PromotionRecord(BaseModel):
    """The parts of the record that are of interest here."""

    finished: AwareDatetime
    boards: tuple[PromotedBoard, ...] = ()


def read_promotion(folder: Path) -> PromotionRecord | None:
    """The record beside a bundle; None if it was never promoted.

    Raises:
        DamagedFile: it is no such record.
        TinyopsError: it cannot be read.
    """
    path = folder / RECORD_FILE
    if not exists(path, f"record {path}"):
        return None
    return read_record(PromotionRecord, path, f"record {path}", remedy="move the file out of the workspace")
