"""Records that one component leaves in its artifact's folder and others read."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel

from edge_deployer.files import read_record

DAMAGED_ARTIFACT: Final = (
    "it was altered, or the disk was full: move the workspace's artifacts and metadata away, and run again"
)
"""What to do about a file of an artifact that cannot be read."""

_Model = TypeVar("_Model", bound=BaseModel)


def read_artifact(model: type[_Model], path: Path) -> _Model:
    """A record in JSON.

    Raises:
        TinyopsError: the file cannot be read, or is no such record.
    """
    return read_record(model, path, f"record of an artifact {path}", remedy=DAMAGED_ARTIFACT)
