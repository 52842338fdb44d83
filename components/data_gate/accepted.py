"""What data the last accepted run had: a record beside its report, found again among the artifacts of all runs.

Accepted is what was promoted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.artifact_files import DAMAGED_ARTIFACT
from components.dated_records import DatedContents, DatedRecords
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file

STATISTICS_FILE: Final = "train_statistics.pb"
"""What DataGate leaves beside its findings: the statistics that a later run is to be compared with."""

_RECORDS: Final = DatedRecords("accepted data", "accepted_data.pb", "accepted_record.json", "accepted_at")


def accept(findings: Path, report: Path) -> None:
    """Take the data of a run for what later ones are compared with.

    Args:
        findings: DataGate's folder.
        report: folder of the report of the promotion.

    Raises:
        TinyopsError: a file cannot be read or written.
    """
    source = findings / STATISTICS_FILE
    _RECORDS.write(report, read_file(source, f"statistics {source}", remedy=DAMAGED_ARTIFACT))


def latest(all_runs: str) -> DatedContents | None:
    """What was accepted last; None if nothing was.

    Args:
        all_runs: folder or URI (`components.object_store`) with the artifacts of all runs.

    Raises:
        TinyopsError: the folder or a record in it cannot be read.
    """
    return _RECORDS.latest(all_runs)


def statistics_of(accepted: DatedContents) -> statistics_pb2.DatasetFeatureStatisticsList:
    """The statistics that were accepted.

    Raises:
        TinyopsError: they cannot be read.
    """
    try:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(accepted.read())
    except DecodeError as error:
        raise TinyopsError(f"{accepted.path} holds no statistics: {error}", remedy=DAMAGED_ARTIFACT) from error
