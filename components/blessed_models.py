"""Which models a pipeline has blessed: records that the Evaluator leaves in the pipeline root, found again by looking.

Nothing but the pipeline root is needed: Kubeflow's back end offers no way to ask ML Metadata from within a step.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from components import object_store

_RECORD_FILE: Final = "blessed_model.json"
_MODEL_FILE: Final = "blessed_model.tflite"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    blessed_at: AwareDatetime


def record(blessing: Path, model: bytes) -> None:
    """Leave a record in the folder of a blessing.

    Args:
        blessing: folder of a `ModelBlessing` artifact.
        model: the flatbuffer.
    """
    (blessing / _MODEL_FILE).write_bytes(model)
    # Last: who finds it finds the model too.
    text = _Record(sha256=_sha256(model), blessed_at=datetime.now(timezone.utc)).model_dump_json()
    (blessing / _RECORD_FILE).write_text(text)


def latest_other(pipeline_root: str, candidate: bytes) -> bytes | None:
    """The flatbuffer that was blessed last and is not the candidate; None if there is none.

    A repeated run would else measure its model against itself.

    Args:
        pipeline_root: folder or URI (`components.object_store`).
        candidate: the flatbuffer that is to be measured.

    Raises:
        TinyopsError: the pipeline root cannot be read.
    """
    own, latest = _sha256(candidate), None
    for path in object_store.find(f"{pipeline_root}/**/{_RECORD_FILE}"):
        found = _Record.model_validate_json(object_store.read(path))
        if found.sha256 != own and (latest is None or found.blessed_at > latest[0]):
            latest = (found.blessed_at, path)
    if latest is None:
        return None
    return object_store.read(latest[1].removesuffix(_RECORD_FILE) + _MODEL_FILE)


def _sha256(model: bytes) -> str:
    return hashlib.sha256(model).hexdigest()
