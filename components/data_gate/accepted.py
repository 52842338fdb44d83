"""What data the last accepted run had: a record beside its report, found again among the artifacts of all runs.

Accepted is what was promoted. Nothing but the artifacts is needed: Kubeflow's back end offers no way to ask ML Metadata
from within a step.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from pydantic import AwareDatetime, BaseModel, ConfigDict
from tensorflow_metadata.proto.v0 import statistics_pb2

from components import object_store
from components.artifact_files import DAMAGED_ARTIFACT
from edge_deployer.errors import TinyopsError
from edge_deployer.files import checking, read_file, write_file

STATISTICS_FILE: Final = "train_statistics.pb"
"""What DataGate leaves beside its findings: the statistics that a later run is to be compared with."""

# Kubeflow uploads a folder in the order of its names: the record after what it is of.
_RECORD_FILE: Final = "accepted_record.json"
_DATA_FILE: Final = "accepted_data.pb"


class _Record(BaseModel):
    # Other releases may have more to say.
    model_config = ConfigDict(extra="ignore", frozen=True)

    sha256: str
    accepted_at: AwareDatetime


@dataclass(frozen=True)
class AcceptedData:
    """A record that was found."""

    path: str
    sha256: str  # Of the statistics, hex.
    accepted_at: datetime

    def read(self) -> statistics_pb2.DatasetFeatureStatisticsList:
        """The statistics.

        Raises:
            TinyopsError: they cannot be read.
        """
        try:
            return statistics_pb2.DatasetFeatureStatisticsList.FromString(object_store.read(self.path))
        except DecodeError as error:
            raise TinyopsError(f"{self.path} holds no statistics: {error}", remedy=DAMAGED_ARTIFACT) from error


def accept(findings: Path, report: Path) -> None:
    """Take the data of a run for what later ones are compared with.

    Args:
        findings: DataGate's folder.
        report: folder of the report of the promotion.

    Raises:
        TinyopsError: a file cannot be read or written.
    """
    source = findings / STATISTICS_FILE
    statistics = read_file(source, f"statistics {source}", remedy=DAMAGED_ARTIFACT)
    write_file(report / _DATA_FILE, statistics)
    # Last: who finds it finds the statistics too.
    record = _Record(sha256=digest(statistics), accepted_at=datetime.now(timezone.utc))
    write_file(report / _RECORD_FILE, record.model_dump_json().encode())


def latest(all_runs: str) -> AcceptedData | None:
    """What was accepted last; None if nothing was.

    Args:
        all_runs: folder or URI (`components.object_store`) with the artifacts of all runs.

    Raises:
        TinyopsError: the folder or a record in it cannot be read.
    """
    found = [_accepted(path) for path in object_store.find(all_runs, _RECORD_FILE)]
    return max(found, key=lambda one: one.accepted_at, default=None)


def digest(statistics: bytes) -> str:
    """Hex SHA-256: runs with the same have the same data, for all that is compared."""
    return hashlib.sha256(statistics).hexdigest()


def _accepted(path: str) -> AcceptedData:
    with checking(f"record of accepted data {path}", remedy=DAMAGED_ARTIFACT):
        record = _Record.model_validate_json(object_store.read(path))
    return AcceptedData(path.removesuffix(_RECORD_FILE) + _DATA_FILE, record.sha256, record.accepted_at)
