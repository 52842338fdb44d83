"""Samples in a file, as a board's model takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge_deployer.boards.inputs import fit_samples, read_samples
from edge_deployer.tensors import TensorSpec


def test_one_sample_alone_is_a_batch_of_one(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", np.ones((2, 3)))
    spec = TensorSpec("int8", (1, 2, 3), scale=0.5)
    assert fit_samples(read_samples(tmp_path / "one.npy"), spec).tolist() == [[[2, 2, 2], [2, 2, 2]]]
