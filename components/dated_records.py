"""Contents of one run that later runs find by looking: a file, and beside it its digest with the moment it counts from.

No step on open-source Kubeflow may ask ML Metadata, so that records lie in the pipeline root, here as there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, create_model

from components import object_store
from components.artifact_files import DAMAGED_ARTIFACT
from edge_deployer.files import checking, write_file


@dataclass(frozen=True)
class DatedContents:
    """A record that was found."""

    path: str
    sha256: str  # Of the contents, hex.
    recorded_at: datetime

    def read(self) -> bytes:
        """The contents.

        Raises:
            TinyopsError: they cannot be read.
        """
        return object_store.read(self.path)


@dataclass(frozen=True)
class DatedRecords:
    """Records of one sort.

    Kubeflow uploads a folder in the order of its names: `record_file` must come after `contents_file`.
    """

    what: str  # For messages, e.g. ``a blessed model``.
    contents_file: str
    record_file: str
    moment: str  # What the record calls it, e.g. ``blessed_at``.

    def write(self, folder: Path, contents: bytes) -> None:
        """Leave a record in an artifact's folder."""
        write_file(folder / self.contents_file, contents)
        # Last: who finds it finds the contents too.
        record = {"sha256": digest(contents), self.moment: datetime.now(timezone.utc).isoformat()}
        write_file(folder / self.record_file, json.dumps(record).encode())

    def latest(self, all_runs: str, *, other_than: bytes | None = None) -> DatedContents | None:
        """The last one; None if there is none.

        Args:
            all_runs: folder or URI (`components.object_store`) with the artifacts of all runs.
            other_than: contents that do not count.

        Raises:
            TinyopsError: the folder or a record in it cannot be read.
        """
        own = None if other_than is None else digest(other_than)
        found = [self._read(path) for path in object_store.find(all_runs, self.record_file)]
        return max((one for one in found if one.sha256 != own), key=lambda one: one.recorded_at, default=None)

    def _read(self, path: str) -> DatedContents:
        with checking(f"record of {self.what} {path}", remedy=DAMAGED_ARTIFACT):
            # Other releases may have more to say: it is ignored.
            fields: Any = {"sha256": (str, ...), self.moment: (AwareDatetime, ...)}
            model: type[BaseModel] = create_model("DatedRecord", **fields)
            record = model.model_validate_json(object_store.read(path)).model_dump()
        contents = path.removesuffix(self.record_file) + self.contents_file
        return DatedContents(contents, record["sha256"], record[self.moment])


def digest(contents: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(contents).hexdigest()
