"""Samples in files: which arrays are read, how a model takes them, and what is said of those that contradict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.sample_files import fit_samples, load_samples, read_samples
from edge_deployer.tensors import TensorSpec


def test_one_sample_alone_is_a_batch_of_one(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.ones((2, 3)))
    spec = TensorSpec("int8", (1, 2, 3), scale=0.5)
    assert fit_samples(read_samples(tmp_path / "one.npy"), spec).tolist() == [[[2, 2, 2], [2, 2, 2]]]


def test_labels_and_slices_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, inputs=np.zeros((2, 3), np.int8), labels=np.array([1, 0]), slices=np.array(["night", "day"]))
    samples = load_samples(path)
    assert (samples.values.dtype, samples.values.shape) == (np.int8, (2, 3))
    assert samples.labels is not None
    assert samples.labels.tolist() == [1, 0]
    assert (samples.slices, samples.targets, samples.source) == (["night", "day"], None, str(path))


def test_targets_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((2, 3)), targets=np.array([[1.5], [2.0]]))
    samples = load_samples(tmp_path / "data.npz")
    assert samples.targets is not None
    assert samples.targets.tolist() == [[1.5], [2.0]]
    assert (samples.labels, samples.slices) == (None, None)


def test_labels_beside_targets_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", inputs=np.zeros((2, 3)), labels=np.zeros(2, int), targets=np.zeros(2))
    with pytest.raises(TinyopsError, match=r"data\.npz has both arrays 'labels' and 'targets'"):
        load_samples(tmp_path / "data.npz")
