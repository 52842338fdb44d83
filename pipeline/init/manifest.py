"""Manifests: CSV tables with a column of paths, which say what recordings are."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from components.sensor_example_gen.sources.file_records import PATH_COLUMN
from components.sensor_example_gen.sources.places import read_table
from edge_deployer.errors import TinyopsError
from edge_deployer.files import reading
from pipeline.init.names import says_split
from pipeline.init.proposal import MOST_CLASSES
from pipeline.init.roles import called, role_of

_LONGEST_HEADER: Final = 1 << 16
_LIKE_PATHS: Final = ("file", "filename", "filepath", "file_name", "file_path", "wav", "image", "recording")


@dataclass(frozen=True)
class Manifest:
    """What the columns of a manifest mean."""

    place: Path
    paths: tuple[str, ...]
    label: str
    labels: tuple[str, ...]
    group: str | None
    split: str | None
    split_values: tuple[str, ...]


def manifest_in(folder: Path) -> Path | None:
    """The manifest that lies in a folder: the one table there with a column of paths."""
    found = [table for table in sorted(folder.glob("*.csv")) if is_manifest(table)]
    return found[0] if len(found) == 1 else None


def is_manifest(table: Path) -> bool:
    """Whether a file is a table with a column of paths."""
    if table.suffix.lower() != ".csv" or not table.is_file():
        return False
    with reading(f"table {table}"), table.open("rb") as file:
        first = file.readline(_LONGEST_HEADER).decode("utf-8-sig", "replace")
    return PATH_COLUMN in next(csv.reader([first]), [])


def _rows(place: Path) -> list[dict[str, str]]:
    reader = csv.DictReader(io.StringIO(read_table(str(place), "manifest")))
    try:
        return [{name: value or "" for name, value in row.items() if name is not None} for row in reader]
    except csv.Error as error:
        raise TinyopsError(f"{place}, line {reader.line_num}: {error}", remedy="write plain CSV") from error


def read_manifest(place: Path) -> Manifest:
    """What a manifest says.

    Raises:
        TinyopsError: it is no table, or nothing in it can be a label.
    """
    rows = _rows(place)
    columns = list(rows[0]) if rows else []
    if PATH_COLUMN not in columns:
        like = next((column for column in columns if column.lower() in _LIKE_PATHS), None)
        remedy = f"call the column {like!r} {PATH_COLUMN!r}" if like else f"give it the columns {PATH_COLUMN} and label"
        raise TinyopsError(
            f"{place} has no column {PATH_COLUMN!r}; it has {', '.join(columns) or 'none'}", remedy=remedy
        )
    values = {column: tuple(row[column].strip() for row in rows) for column in columns}
    split = next((column for column in columns if says_split(values[column])), None)
    others = [column for column in columns if column not in (PATH_COLUMN, split) and column.isidentifier()]
    label = called("label", others) or _few(others, values)
    if label is None:
        raise TinyopsError(
            f"{place} has no column that can be a label: {', '.join(columns)}",
            remedy="add a column `label` that names what each recording is, in letters, digits and underscores",
        )
    group = called("group", [column for column in others if column != label])
    return Manifest(
        place,
        values[PATH_COLUMN],
        label,
        values[label],
        group,
        split,
        () if split is None else tuple(sorted(set(values[split]))),
    )


def _few(columns: Sequence[str], values: dict[str, tuple[str, ...]]) -> str | None:
    """The first column of few values that is called nothing else."""
    for column in columns:
        count, of = len(set(values[column])), len(values[column])
        if role_of(column) is None and 2 <= count <= min(MOST_CLASSES, of // 3):
            return column
    return None
