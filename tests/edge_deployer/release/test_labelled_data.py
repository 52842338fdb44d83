"""Data files that are not what they should be."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import DatasetFields, array_names, file_sha256, load_dataset
from tests.edge_deployer.malformed_files import write_torn

INPUTS = DatasetFields(input="inputs", label=None, group=None, classes=None)


def test_the_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((3, 4)), labels=np.zeros(3))
    assert array_names(tmp_path / "data.npz") == ["inputs", "labels"]


def test_a_single_array_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.zeros((3, 4)))
    with pytest.raises(TinyopsError, match=r"data\.npy holds a single array"):
        load_dataset(tmp_path / "data.npy", INPUTS)


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (b"", "data.npz cannot be read as an .npz file: it is empty"),
        ("x;y;größe\n1,5;2;3\n".encode("latin-1"), "data.npz cannot be read as an .npz file: it is text, e.g. CSV"),
        (b"\x80\x04\x95\x00a pickle", "data.npz cannot be read as an .npz file: it is something else"),
        (None, "data.npz is a folder, not an .npz file"),
    ],
)
def test_what_is_no_archive_is_said_to_be_what_it_is(tmp_path: Path, contents: bytes | None, said: str) -> None:
    path = tmp_path / "data.npz"
    if contents is None:
        path.mkdir()
    else:
        path.write_bytes(contents)
    for read in (lambda: load_dataset(path, INPUTS), lambda: array_names(path)):
        with pytest.raises(TinyopsError) as refused:
            read()
        assert said in refused.value.message
        assert "pickle" not in refused.value.message
        assert "numpy.savez" in refused.value.remedy


def test_rows_that_make_no_array_are_told_without_a_word_of_pickles(tmp_path: Path) -> None:
    rows = np.array([np.zeros(3), np.zeros(4)], dtype=object)
    np.savez(tmp_path / "data.npz", inputs=rows)
    with pytest.raises(TinyopsError, match="it holds Python objects, as numpy makes of rows that differ in length"):
        load_dataset(tmp_path / "data.npz", INPUTS)


def test_the_fingerprint_of_a_folder_is_refused_as_that(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="is a folder"):
        file_sha256(tmp_path)


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


def test_labels_may_be_the_names_of_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((3, 4)), what=np.array(["up", "down", "up"]))
    fields = DatasetFields("inputs", "what", group=None, classes=2, class_names=("down", "up"))
    labels = load_dataset(tmp_path / "data.npz", fields).labels
    assert labels is not None
    assert (labels.dtype, labels.tolist()) == (np.int64, [1, 0, 1])
    with pytest.raises(TinyopsError, match=r"'what'\[1\] = 'down' is none of the classes left, up"):
        load_dataset(tmp_path / "data.npz", replace(fields, class_names=("left", "up")))
