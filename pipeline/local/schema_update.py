"""Making the schema that a project keeps fit the data of its last run. Imports TFDV."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.artifact_files import DAMAGED_ARTIFACT
from components.project_schema.inference import schema_of
from components.project_schema.schema_text import parse_schema, schema_text
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file, resolved, write_file
from pipeline.project.config import DEFAULT_CONFIG, load_config
from pipeline.project.schema_file import SCHEMA_FILE, read_schema
from pipeline.project.workspace import Workspace

_SPLITS = ("train", "eval")


@dataclass(frozen=True)
class Updated:
    """What was done to a schema."""

    file: Path
    difference: str  # Unified, a line a line; empty where nothing was changed.


def update_schema(config_file: Path, workspace: Path) -> Updated:
    """Write the schema beside a project's file.

    Args:
        config_file: the project's file.
        workspace: folder that keeps its runs.

    Raises:
        TinyopsError: there was no run, the schema that is there is none, or it cannot be written.
    """
    if config_file == DEFAULT_CONFIG:
        raise TinyopsError("the demo keeps no schema", remedy="name a project's tinyops.yaml, or its folder")
    file = config_file.parent / SCHEMA_FILE
    before = read_schema(file)
    project = load_config(config_file).name
    splits = _statistics(Workspace(resolved(workspace)).outputs(project, "StatisticsGen", "statistics"), project)
    known = None if before is None else parse_schema(before, f"schema {file}")
    made = schema_of(splits, before=known)
    # Comments and order are the reader's, as long as there is nothing to change.
    unchanged = before is not None and parse_schema(before, f"schema {file}") == made
    after = before if before is not None and unchanged else schema_text(made)
    if after != before:
        write_file(file, after.encode())
    return Updated(file, _difference(before or "", after, file))


def _statistics(folder: Path, project: str) -> list[statistics_pb2.DatasetFeatureStatisticsList]:
    """Of each split, from the newest run that made them."""
    runs = [run for run in folder.glob("*") if run.name.isdecimal() and _files(run)]
    if not runs:
        raise TinyopsError(
            f"no run of project {project} has left statistics in {folder}",
            remedy="run it first with `tinyops run`, or name the workspace with --workspace",
        )
    newest = max(runs, key=lambda run: int(run.name))
    return [_read(file) for file in _files(newest)]


def _files(run: Path) -> list[Path]:
    found = [run / f"Split-{split}" / "FeatureStats.pb" for split in _SPLITS]
    return [file for file in found if file.is_file()]


def _read(file: Path) -> statistics_pb2.DatasetFeatureStatisticsList:
    contents = read_file(file, f"statistics {file}", remedy=DAMAGED_ARTIFACT)
    try:
        return statistics_pb2.DatasetFeatureStatisticsList.FromString(contents)
    except DecodeError as error:
        raise TinyopsError(f"{file} holds no statistics: {error}", remedy=DAMAGED_ARTIFACT) from error


def _difference(before: str, after: str, file: Path) -> str:
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    return "".join(difflib.unified_diff(old, new, fromfile=file.name, tofile=file.name))
