"""Data files that are not what they should be."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import DatasetFields, array_names, load_dataset

INPUTS = DatasetFields(input="inputs", label=None, group=None, classes=None)
_NAME_LENGTH = slice(26, 28)
_EXTRA_LENGTH = slice(28, 30)
_LOCAL_HEADER_BYTES = 30


def write_torn(path: Path) -> None:
    """A compressed file whose first block has a type that DEFLATE does not have."""
    np.savez_compressed(path, inputs=np.zeros((100, 4)))
    data = bytearray(path.read_bytes())
    lengths = (int.from_bytes(data[part], "little") for part in (_NAME_LENGTH, _EXTRA_LENGTH))
    data[_LOCAL_HEADER_BYTES + sum(lengths)] |= 0b110
    path.write_bytes(data)


def test_the_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((3, 4)), labels=np.zeros(3))
    assert array_names(tmp_path / "data.npz") == ["inputs", "labels"]


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.zeros((3, 4)))
    with pytest.raises(TinyopsError, match=r"data\.npy holds a single array"):
        load_dataset(tmp_path / "data.npy", INPUTS)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.npz").touch()
    with pytest.raises(TinyopsError, match=r"data\.npz cannot be read as an \.npz file"):
        load_dataset(tmp_path / "data.npz", INPUTS)


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    write_torn(tmp_path / "data.npz")
    with pytest.raises(TinyopsError, match=r"data\.npz cannot be read as an \.npz file"):
        load_dataset(tmp_path / "data.npz", INPUTS)


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("inputs", "no array")
    with pytest.raises(TinyopsError, match="not an array of real numbers"):
        load_dataset(tmp_path / "data.npz", INPUTS)
