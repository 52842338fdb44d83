"""Labelled arrays in an `.npz` file: reading and checking. Pure numpy."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_deployer.array_files import opened_npz, require_file
from edge_deployer.errors import TinyopsError
from edge_deployer.files import reading
from edge_deployer.tensors import Array

_REMEDY = "save plain numeric or text arrays with numpy.savez"


@dataclass(frozen=True)
class DatasetFields:
    """Which arrays of the file mean what."""

    input: str  # Array of real numbers, shape ``(n, ...)``; also the name of the model's input.
    # Array of class indices, or of names of `class_names`, shape ``(n,)``; None where the data has no labels.
    label: str | None
    # Array that tells which person, device or recording a sample is from, shape ``(n,)``; None if there is none.
    group: str | None
    classes: int | None  # Number of classes; labels lie in ``0 .. classes - 1``. None: any label from 0 up.
    # Array of the real values that the model should answer, shape ``(n, ...)``; None where there are none.
    target: str | None = None
    # Array that tells which part of the data a sample belongs to, shape ``(n,)``; None if there is none.
    slice: str | None = None
    class_names: tuple[str, ...] = ()  # Of labels that are text, in the order of the indices.

    @property
    def names(self) -> list[str]:
        """The arrays that the file must have."""
        named = (self.input, self.label, self.group, self.target, self.slice)
        return [name for name in named if name is not None]


@dataclass(frozen=True)
class LabelledData:
    """Checked contents of a file."""

    inputs: Array  # Finite numbers, shape ``(n, *shape)``; integers as they are stored, floats as float32.
    labels: Array | None  # int64, shape ``(n,)``, or None.
    groups: Array | None  # int64 or text, shape ``(n,)``, or None.
    targets: Array | None = None  # Finite float64, shape ``(n, ...)``, or None.
    slices: Array | None = None  # int64 or text, shape ``(n,)``, or None.

    def __len__(self) -> int:
        return len(self.inputs)


def file_sha256(path: Path) -> str:
    """Hex digest of a data file: its identity for the cache and for lineage.

    Raises:
        TinyopsError: there is no such file, it is a folder, or it cannot be read.
    """
    what = f"data file {path}"
    require_file(path, what)
    digest = hashlib.sha256()
    with reading(what), path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def load_dataset(path: Path, fields: DatasetFields, *, mapped: bool = False) -> LabelledData:
    """Read and check a data file.

    Args:
        path: the `.npz` file.
        fields: names of its arrays.
        mapped: leave samples that are stored uncompressed on the disk, as they are stored; whether they are finite is
            not looked at.

    Raises:
        TinyopsError: the file or an array is missing, lengths differ, a value is not finite, or a label is not an
            index of a class. The message names the array, the index and the value.
    """
    arrays = _read_arrays(path, fields, mapped=mapped)
    inputs = arrays[fields.input]
    require_numbers(inputs, fields.input, path)
    data = LabelledData(
        inputs=inputs if mapped else checked_inputs(inputs, fields.input, path),
        labels=None if fields.label is None else _checked_labels(arrays, fields.label, fields, path),
        groups=None if fields.group is None else _checked_names(arrays, fields.group, path),
        targets=None if fields.target is None else _checked_targets(arrays, fields.target, path),
        slices=None if fields.slice is None else _checked_names(arrays, fields.slice, path),
    )
    for name in fields.names:
        if len(arrays[name]) != len(data):
            message = f"{path}: {fields.input!r} has {len(data)} samples and {name!r} has {len(arrays[name])}"
            raise TinyopsError(message, remedy="give every sample one entry in each array")
    return data


def array_names(path: Path) -> list[str]:
    """Names of the arrays in a data file.

    Raises:
        TinyopsError: the file is missing, or is not an `.npz` file.
    """
    with opened_npz(path, f"data file {path}", remedy=_REMEDY) as archive:
        return archive.names


def _read_arrays(path: Path, fields: DatasetFields, *, mapped: bool) -> dict[str, Array]:
    with opened_npz(path, f"data file {path}", remedy=_REMEDY) as archive:
        for name in fields.names:
            if name not in archive.names:
                message = f"{path} has no array {name!r}; it has {', '.join(archive.names) or 'none'}"
                raise TinyopsError(message, remedy="name an array that the file has")
        # What is in the archive without numpy's header comes as bytes: no array, and found out by its dtype.
        samples = archive.map(path, fields.input) if mapped else None
        if samples is None:
            return archive.read(fields.names)
        return {**archive.read([name for name in fields.names if name != fields.input]), fields.input: samples}


def checked_inputs(values: Array, name: str, path: Path) -> Array:
    """Samples as they are stored if they are integers, else as float32.

    Raises:
        TinyopsError: they are not real numbers, there are none, or one is not finite.
    """
    require_numbers(values, name, path)
    if values.dtype.kind != "f":
        return values
    # A float64 beyond float32's range becomes inf here, and is then reported as such.
    with np.errstate(over="ignore"):
        inputs: Array = values.astype(np.float32, copy=False)
    require_finite(inputs, values, name, path)
    return inputs


def require_numbers(values: Array, name: str, path: Path) -> None:
    """See that an array holds samples.

    Raises:
        TinyopsError: they are not real numbers, or there are none.
    """
    if values.ndim == 0 or values.dtype.kind not in "iufb":
        raise _no_numbers(path, name, values, "store samples as floats or integers, the first dimension counting them")
    if values.size == 0:
        raise TinyopsError(f"{path}: {name!r} is empty, shape {list(values.shape)}", remedy="add samples to the file")


def require_finite(checked: Array, stored: Array, name: str, path: Path, *, start: int = 0) -> None:
    """See that numbers are finite.

    Args:
        checked: rows of an array, as they are used.
        stored: the whole array, as it is stored.
        name: of the array.
        path: its file.
        start: number of the first row that is checked.

    Raises:
        TinyopsError: one is not.
    """
    wrong = np.argwhere(~np.isfinite(checked))
    if len(wrong):
        index = [int(wrong[0][0]) + start, *wrong[0][1:].tolist()]
        first = f"the first {stored[tuple(index)]} at index {index}"
        message = f"{path}: {name!r} has {len(wrong)} values that are not finite, {first}"
        raise TinyopsError(message, remedy="drop or repair those samples")


def _no_numbers(path: Path, name: str, values: Array, remedy: str) -> TinyopsError:
    found = f"{values.dtype}{list(values.shape)}"
    return TinyopsError(f"{path}: {name!r} is {found}, not an array of real numbers, one row per sample", remedy=remedy)


def _checked_targets(arrays: dict[str, Array], name: str, path: Path) -> Array:
    values = arrays[name]
    if values.ndim == 0 or values.size == 0 or values.dtype.kind not in "iuf":
        remedy = "store what the model should answer as floats, in real units, the first dimension counting samples"
        raise _no_numbers(path, name, values, remedy)
    targets: Array = values.astype(np.float64)
    require_finite(targets, values, name, path)
    return targets


def _checked_labels(arrays: dict[str, Array], name: str, fields: DatasetFields, path: Path) -> Array:
    values, classes = arrays[name], fields.classes
    if values.ndim != 1:
        remedy = "store labels as a vector of class indices"
        raise TinyopsError(f"{path}: {name!r} has shape {list(values.shape)}, not one label per sample", remedy=remedy)
    allowed = "0 and up" if classes is None else f"0 .. {classes - 1}"
    if values.dtype.kind == "U" and fields.class_names:
        return _indices(values, name, fields.class_names, path)
    if values.dtype.kind not in "iu":
        remedy = f"store labels as integers, {allowed}"
        raise TinyopsError(f"{path}: {name!r} is {values.dtype}, not integers", remedy=remedy)
    wrong = np.flatnonzero((values < 0) | (values >= classes if classes is not None else False))
    if len(wrong):
        remedy = "correct the label, or name its class"
        raise TinyopsError(f"{path}: {name!r}[{wrong[0]}] = {values[wrong[0]]} is outside {allowed}", remedy=remedy)
    return values.astype(np.int64)


def _indices(values: Array, name: str, classes: tuple[str, ...], path: Path) -> Array:
    """Of each text its place among the classes, int64."""
    order = {label: index for index, label in enumerate(classes)}
    indices = np.array([order.get(label, -1) for label in values.tolist()], np.int64)
    wrong = np.flatnonzero(indices < 0)
    if len(wrong):
        message = (
            f"{path}: {name!r}[{wrong[0]}] = {str(values[wrong[0]])!r} is none of the classes {', '.join(classes)}"
        )
        raise TinyopsError(message, remedy="correct the label, or name its class")
    return indices


def _checked_names(arrays: dict[str, Array], name: str, path: Path) -> Array:
    """What tells samples apart: which person, device or slice each belongs to."""
    values = arrays[name]
    if values.ndim != 1 or values.dtype.kind not in "iuU":
        message = f"{path}: {name!r} is {values.dtype}{list(values.shape)}, not one integer or text a sample"
        raise TinyopsError(message, remedy="store a vector with an integer or a text for each sample")
    return values if values.dtype.kind == "U" else values.astype(np.int64)
