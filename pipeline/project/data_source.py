"""Getting the data file that a config names."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from components.sensor_example_gen.inspection import data_facts, inspect
from edge_deployer.files import make_folder, write_file
from edge_deployer.release.labelled_data import DatasetFields
from edge_deployer.report.facts import DataFacts
from pipeline.project.config import BUILTIN_DIGITS, DataSection


def fields_of(data: DataSection) -> DatasetFields:
    """The names of the arrays, as the data set's reader wants them."""
    return DatasetFields(
        data.input, data.label, data.group, None if data.classes is None else len(data.classes), target=data.target
    )


def data_file(data: DataSection, folder: Path) -> Path:
    """The `.npz` file of a config.

    Args:
        data: the section that names it.
        folder: where data that comes with the software is put.
    """
    if data.source == BUILTIN_DIGITS:
        return _builtin_digits(folder / "digits.npz")
    return Path(data.source)


def inspect_data(data: DataSection, path: Path, earlier_runs: Path) -> DataFacts:
    """Read the file and divide it, to see whether that can be done and what there is to say of it.

    Args:
        data: the section that describes it.
        path: the file.
        earlier_runs: where SensorExampleGen keeps what it made of earlier data.

    Raises:
        TinyopsError: as `inspect`.
    """
    _, summary = inspect(path, fields_of(data), data.splits.model_dump(), earlier_runs=earlier_runs)
    return data_facts(summary, source=path.name, class_names=data.classes or [], group=data.group)


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
