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


def test_targets_and_slices_come_with_the_samples(tmp_path: Path) -> None:
    targets = np.array([1, 2, 3])
    np.savez(tmp_path / "data.npz", inputs=np.zeros((3, 4)), targets=targets, slices=np.array(["a", "b", "a"]))
    fields = DatasetFields(input="inputs", label=None, group=None, classes=None, target="targets", slice="slices")
    data = load_dataset(tmp_path / "data.npz", fields)
    assert data.targets is not None
    assert (data.targets.dtype, data.targets.tolist()) == (np.float64, [1.0, 2.0, 3.0])
    assert data.slices is not None
    assert data.slices.tolist() == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("targets", np.array(["1.5", "2"]), "'targets' is .*not an array of real numbers"),
        ("targets", np.array(1.5), "'targets' is .*not an array of real numbers"),
        ("targets", np.array([[0.5, 1.0], [np.nan, 2.0]]), r"'targets' has 1 values .* nan at index \[1, 0\]"),
        ("targets", np.array([0.5]), "'inputs' has 2 samples and 'targets' has 1"),
        ("slices", np.array([0.5, 1.5]), "'slices' is float64.*not one integer or text a sample"),
        ("slices", np.array([0, 1, 2]), "'inputs' has 2 samples and 'slices' has 3"),
    ],
)
def test_wrong_targets_and_slices_are_named(tmp_path: Path, name: str, values: np.ndarray, said: str) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((2, 4)), **{name: values})
    fields = DatasetFields(input="inputs", label=None, group=None, classes=None, **{name.removesuffix("s"): name})
    with pytest.raises(TinyopsError, match=rf"data\.npz: {said}"):
        load_dataset(tmp_path / "data.npz", fields)
