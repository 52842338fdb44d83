"""Getting the data that a config names."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from components.sensor_example_gen.sources.section import BUILTIN_DIGITS, DataSection
from edge_deployer.files import make_folder, write_file


def data_file(data: DataSection, folder: Path) -> Path | str:
    """The file or folder of a config, or the URI of what lies in an object store.

    Args:
        data: the section that names it.
        folder: where data that comes with the software is put.
    """
    if data.source == BUILTIN_DIGITS:
        return _builtin_digits(folder / "digits.npz")
    return data.source


def _builtin_digits(path: Path) -> Path:
    """scikit-learn's handwritten digits: ``image`` float32 (1797, 8, 8) from 0 to 16, ``label`` int64."""
    if not path.is_file():
        # Heavy, and needed once in the life of a workspace.
        from sklearn.datasets import load_digits

        digits = load_digits()
        contents = io.BytesIO()
        np.savez_compressed(contents, image=digits.images.astype(np.float32), label=digits.target.astype(np.int64))
        make_folder(path.parent)
        # Whole or not at all: an interrupted write must not be taken for the data.
        write_file(path, contents.getvalue(), remedy="give another folder with --workspace")
    return path
