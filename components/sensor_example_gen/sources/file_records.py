"""Records that are files: in a folder whose names say what they are, or in a manifest, a CSV table of paths.

The folder may lie on this machine or in an object store. Names, sizes and the manifest are read here, no recording.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
from pydantic import field_validator, model_validator

from components.project_section import ConfigPath, FeatureName, StoreUri
from components.sensor_example_gen.sources.anomaly import Anomaly, Found
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.name_pattern import NamePattern, plain
from components.sensor_example_gen.sources.places import is_uri, local_file, read_table
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists, reading

PATH_COLUMN: Final = "path"
"""Column of a manifest with the path of a recording, which counts from the manifest's folder."""
_SHOWN: Final = 5


class FileSection(DataSection):
    """Data that is files. `source` is a folder, or a manifest: a `.csv` file with a column ``path``."""

    source: StoreUri | ConfigPath
    label: FeatureName | None = "label"
    # What names say of recordings in a folder: fields in braces, `*` for anything. With a `/` it is matched against the
    # path below the folder, else against the file's name; both without suffix.
    names: str = "{label}/*"

    @field_validator("names")
    @classmethod
    def _is_pattern(cls, names: str) -> str:
        return NamePattern.checked(names).text

    @model_validator(mode="after")
    def _has_fields(self) -> FileSection:
        if str(self.source).endswith(".csv"):
            return self
        wanted = [name for name in (self.class_field, self.target, self.group, self.splits.field) if name is not None]
        missing = [name for name in wanted if name not in NamePattern(self.names).fields]
        if missing:
            raise ValueError(f"names: {self.names} has no field {{{missing[0]}}}; put it where the name says it")
        return self


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    changed: str
    fields: Mapping[str, str] | None = None  # What manifest or name say of it; None where the name says nothing.


def list_files(section: FileSection, place: str, suffixes: Sequence[str]) -> Listing:
    """All recordings, sorted by name.

    Args:
        section: says how names are read.
        place: path or URI of the folder or the manifest.
        suffixes: those of the recordings, in small letters, with their dot.

    Raises:
        TinyopsError: there is no such place, no recording in it, or the manifest is wrong.
    """
    found: list[Found] = []
    ignored: list[str] = []
    if place.endswith(".csv"):
        files = _in_manifest(section, place, found)
    else:
        files = []
        for file in _walk(place, found):
            if _is_record(file, suffixes):
                files.append(_described(file, section))
            else:
                ignored.append(file.name)
    usable = [file for file in sorted(files, key=lambda file: file.name) if _usable(file, section, found)]
    if not usable:
        raise _nothing(place, suffixes, found, ignored)
    return _listing(usable, section, found, ignored)


def names_below(place: str) -> list[str]:
    """Names of all files below a folder, sorted, whatever they are.

    Raises:
        TinyopsError: there is no such folder.
    """
    return sorted(_printable(file.name) for file in _walk(place, []))


def open_record(place: str, name: str) -> AbstractContextManager[Path]:
    """The recording of that name on this machine: itself, or a copy for as long as the block lasts.

    Raises:
        TinyopsError: it lies in an object store and cannot be read there.
    """
    return local_file(f"{_folder(place)}/{name}")


def fingerprint_files(section: FileSection, place: str, suffixes: Sequence[str]) -> str:
    """SHA-256 over names, sizes and times of change, and over the manifest: no recording is read.

    Raises:
        TinyopsError: there is no such place, or the manifest is wrong.
    """
    digest = hashlib.sha256()
    if place.endswith(".csv"):
        digest.update(read_table(place, "manifest").encode())
        files = _in_manifest(section, place, [])
    else:
        files = [file for file in _walk(place, []) if _is_record(file, suffixes)]
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name}\0{file.size}\0{file.changed}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def read_names(place: str, name: str) -> frozenset[str]:
    """The names in a list below the source's folder, one in each line.

    Raises:
        TinyopsError: there is no such list.
    """
    lines = (plain(line.strip()) for line in read_table(f"{_folder(place)}/{name}", "list of records").splitlines())
    return frozenset(line for line in lines if line)


def _is_record(file: _File, suffixes: Sequence[str]) -> bool:
    return PurePosixPath(file.name).suffix.lower() in suffixes


def _folder(place: str) -> str:
    """That from which paths count."""
    return place.rpartition("/")[0] or "." if place.endswith(".csv") else place.rstrip("/")


def _walk(place: str, found: list[Found]) -> Iterator[_File]:
    """Files below a folder, without hidden ones. Links are followed, but not back to where they come from."""
    if is_uri(place):
        yield from _stored(place)
        return
    root = Path(place)
    if not exists(root, f"data folder {root}"):
        raise TinyopsError(f"data folder {root} does not exist", remedy="correct data.source")
    if not root.is_dir():
        raise TinyopsError(
            f"{root} is a file; a folder of recordings or a manifest (.csv) is wanted", remedy="correct data.source"
        )
    with reading(f"data folder {root}"):
        yield from _walk_folder(root, root, (root.resolve(),), found)


def _stored(folder: str) -> Iterator[_File]:
    """Files below a URI, without hidden ones."""
    from components.object_store import stored_files

    for file in stored_files(folder):
        if not any(part.startswith(".") for part in file.name.split("/")):
            yield _File(file.name, file.size, file.changed)


def _walk_folder(root: Path, folder: Path, above: tuple[Path, ...], found: list[Found]) -> Iterator[_File]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        try:
            stat = entry.stat()
        except OSError as error:
            found.append(Found(name, Anomaly.MISSING, f"a link that leads nowhere ({error.strerror})"))
            continue
        if not entry.is_dir():
            yield _File(name, stat.st_size, str(stat.st_mtime_ns))
        elif (target := path.resolve()) in above:
            found.append(Found(name, Anomaly.OUTSIDE, f"a link back to {target.name}"))
        else:
            yield from _walk_folder(root, path, (*above, target), found)


def _described(file: _File, section: FileSection) -> _File:
    try:
        file.name.encode()
    except UnicodeEncodeError:
        return file
    return _File(file.name, file.size, file.changed, NamePattern(section.names).match(file.name))


def _in_manifest(section: FileSection, place: str, found: list[Found]) -> list[_File]:
    rows = csv.DictReader(io.StringIO(read_table(place, "manifest")), strict=True)
    columns = list(rows.fieldnames or [])
    wanted = [PATH_COLUMN, section.class_field, section.target, section.group, section.splits.field]
    for column in wanted:
        if column is not None and column not in columns:
            raise TinyopsError(
                f"{place} has no column {column!r}; it has {', '.join(columns) or 'none'}",
                remedy="add the column, or name another in the project's data section",
            )
    files = []
    stored = {file.name: file for file in _stored(_folder(place))} if is_uri(place) else None
    try:
        for row in rows:
            told = {name: value or "" for name, value in row.items() if name is not None}
            file = _in_row(place, told, stored, found)
            if file is not None:
                files.append(file)
    except csv.Error as error:
        raise TinyopsError(
            f"{place}, line {rows.line_num}: {error}", remedy="write plain CSV, quoted as RFC 4180 has it"
        ) from error
    return files


def _in_row(place: str, row: dict[str, str], stored: Mapping[str, _File] | None, found: list[Found]) -> _File | None:
    """The file that a row names, if it may be read; `stored` has those of an object store by name."""
    name = row[PATH_COLUMN].strip()
    parts = PurePosixPath(name).parts
    if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\0" in name:
        found.append(Found(name or "(no path)", Anomaly.OUTSIDE, "not a path below the manifest's folder"))
        return None
    fields = {key: plain(value.strip()) for key, value in row.items()}
    if stored is not None:
        if name not in stored:
            found.append(Found(name, Anomaly.MISSING, "the object store has no such file"))
            return None
        return replace(stored[name], fields=fields)
    path = Path(_folder(place), name)
    try:
        stat = path.stat()
    except OSError as error:
        found.append(Found(name, Anomaly.MISSING, error.strerror or ""))
        return None
    if not path.resolve().is_relative_to(Path(_folder(place)).resolve()):
        found.append(Found(name, Anomaly.OUTSIDE, "a link that leads out of the manifest's folder"))
        return None
    return _File(name, stat.st_size, str(stat.st_mtime_ns), fields)


def _usable(file: _File, section: FileSection, found: list[Found]) -> bool:
    """Whether a sample may be made of a file, as far as its name and size say; else it is found wanting."""
    problem = _problem(file, section)
    if problem is not None:
        found.append(Found(_printable(file.name), *problem))
    return problem is None


def _problem(file: _File, section: FileSection) -> tuple[Anomaly, str] | None:
    if _printable(file.name) != file.name:
        return Anomaly.BAD_NAME, "the name is not UTF-8"
    if file.fields is None:
        return Anomaly.BAD_NAME, f"the name does not fit {section.names}"
    if file.size == 0:
        return Anomaly.EMPTY, "0 bytes"
    if section.class_field is not None and section.classes is not None:
        label = file.fields[section.class_field]
        if not label:
            return Anomaly.UNLABELLED, f"{section.class_field} is empty"
        if label not in map(plain, section.classes):
            return Anomaly.UNKNOWN_LABEL, label
    if section.target is not None and _number(file.fields[section.target]) is None:
        return Anomaly.UNLABELLED, f"{section.target} is {file.fields[section.target]!r}, not a finite number"
    if section.splits.field is not None and _given(file, section) is None:
        return Anomaly.NO_SPLIT, f"{section.splits.field} is {file.fields[section.splits.field]!r}"
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _given(file: _File, section: FileSection) -> str | None:
    splits = section.splits
    assert splits.field is not None
    assert file.fields is not None
    value = file.fields[splits.field]
    if value in splits.train_values:
        return "train"
    return "eval" if value in splits.eval_values else None


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


def _listing(files: list[_File], section: FileSection, found: list[Found], ignored: list[str]) -> Listing:
    fields = [file.fields or {} for file in files]
    labels = targets = groups = given = None
    if section.class_field is not None and section.classes is not None:
        index = {plain(name): number for number, name in enumerate(section.classes)}
        labels = np.array([index[field[section.class_field]] for field in fields], np.int64)
    if section.target is not None:
        targets = np.array([float(field[section.target]) for field in fields])
    if section.group is not None:
        groups = np.array([field[section.group] for field in fields])
    if section.splits.field is not None:
        given = np.array([_given(file, section) for file in files])
    return Listing(
        rows=np.arange(len(files)),
        labels=labels,
        groups=groups,
        targets=targets,
        given=given,
        names=tuple(file.name for file in files),
        found=tuple(found),
        ignored=tuple(map(_printable, ignored)),
    )


def _nothing(place: str, suffixes: Sequence[str], found: Sequence[Found], ignored: Sequence[str]) -> TinyopsError:
    kinds = ", ".join(suffixes)
    if found:
        most, count = Counter(one.anomaly for one in found).most_common(1)[0]
        example = next(one for one in found if one.anomaly is most)
        problem = f"{count} are {most.value}, e.g. {example.record}: {example.detail}"
        return TinyopsError(
            f"{place} has no recording that can be used: {problem}",
            remedy="correct data.names, data.classes or the files",
        )
    if ignored:
        shown = ", ".join(map(_printable, ignored[:_SHOWN]))
        return TinyopsError(
            f"{place} has no file of {kinds}; it has {len(ignored)} others, e.g. {shown}",
            remedy="choose the data.kind that reads them, or convert them",
        )
    return TinyopsError(f"{place} has no file of {kinds}", remedy="correct data.source")
