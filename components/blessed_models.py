"""Which models a pipeline has blessed: records that the Evaluator leaves among its artifacts, found again by looking.

Nothing but the artifacts is needed: Kubeflow's back end offers no way to ask ML Metadata from within a step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from components import object_store
from components.artifact_files import DAMAGED_ARTIFACT
from edge_deployer.files import checking, write_file

# Kubeflow uploads a folder in the order of its names: the record after what it is of.
_RECORD_FILE: Final = "blessed_record.json"
_MODEL_FILE: Final = "blessed_model.tflite"


class _Record(BaseModel):
    # Other releases may have more to say.
    model_config = ConfigDict(extra="ignore", frozen=True)

    sha256: str
    blessed_at: AwareDatetime


@dataclass(frozen=True)
class BlessedModel:
    """A record that was found."""

    path: str
    blessed_at: datetime

    def read(self) -> bytes:
        """The flatbuffer.

        Raises:
            TinyopsError: it cannot be read.
        """
        return object_store.read(self.path)


def record(blessing: Path, model: bytes) -> None:
    """Leave a record in the folder of a `ModelBlessing` artifact."""
    write_file(blessing / _MODEL_FILE, model)
    # Last: who finds it finds the model too.
    text = _Record(sha256=_sha256(model), blessed_at=datetime.now(timezone.utc)).model_dump_json()
    write_file(blessing / _RECORD_FILE, text.encode())


def latest_other(all_runs: str, candidate: bytes) -> BlessedModel | None:
    """The model that was blessed last and is not the candidate; None if there is none.

    A repeated run would else measure its model against itself.

    Args:
        all_runs: folder or URI (`components.object_store`) with the artifacts of all runs.
        candidate: the flatbuffer that is to be measured.

    Raises:
        TinyopsError: the folder or a record in it cannot be read.
    """
    own = _sha256(candidate)
    records = ((path, _read_record(path)) for path in object_store.find(all_runs, _RECORD_FILE))
    others = [
        BlessedModel(path.removesuffix(_RECORD_FILE) + _MODEL_FILE, found.blessed_at)
        for path, found in records
        if found.sha256 != own
    ]
    return max(others, key=lambda other: other.blessed_at, default=None)


def _read_record(path: str) -> _Record:
    with checking(f"record of a blessed model {path}", remedy=DAMAGED_ARTIFACT):
        return _Record.model_validate_json(object_store.read(path))


def _sha256(model: bytes) -> str:
    return hashlib.sha256(model).hexdigest()
