"""Models that are not TFLite yet: told by what is in the file, with the way to convert them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from edge_deployer.errors import TinyopsError

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_KERAS_MEMBER = "model.weights.h5"
_SAVED_MODEL = "saved_model.pb"
_CONVERT = (
    "convert it with `tf.lite.TFLiteConverter.from_saved_model` to int8, with a representative data set, and push the "
    '.tflite file; docs/release-engineer.md has the lines, "A model that is not TFLite yet"'
)
_EXPORT = f"load it with `keras.models.load_model`, write it with `model.export(FOLDER)`, then {_CONVERT}"


def require_tflite(path: Path) -> None:
    """See that a path is not a model of Keras or TensorFlow, which would have to be converted first.

    Raises:
        TinyopsError: it is one; the remedy says how. What is in none of these formats is not judged here.
    """
    for name, found, remedy in (
        ("a SavedModel", _is_saved_model(path), _CONVERT),
        ("a Keras model in HDF5", _starts_with(path, _HDF5), _EXPORT),
        ("a Keras model", _is_keras_archive(path), _EXPORT),
    ):
        if found:
            raise TinyopsError(f"{path} is {name}, not a .tflite file", remedy=remedy)


def _is_saved_model(path: Path) -> bool:
    return path.name == _SAVED_MODEL or (path / _SAVED_MODEL).is_file()


def _is_keras_archive(path: Path) -> bool:
    if not _starts_with(path, _ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return _KERAS_MEMBER in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _starts_with(path: Path, magic: bytes) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
