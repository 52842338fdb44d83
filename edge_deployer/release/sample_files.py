"""Samples in a file that a user names: to run on a board, or to judge a release by."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np

from edge_deployer.array_files import read_npy
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_text
from edge_deployer.release.labelled_data import DatasetFields, array_names, checked_inputs, load_dataset
from edge_deployer.release.samples import LabelledSamples, stored_inputs
from edge_deployer.tensors import Array, TensorSpec

_FIELDS = DatasetFields(input="inputs", label=None, group=None, classes=None)


def read_samples(path: Path) -> Array:
    """The numbers in an ``.npy``, an ``.npz`` (array `inputs`) or a ``.csv`` file (one line per sample).

    Returns:
        ``(n, ...)``, or one sample without the first dimension if an ``.npy`` holds just that.

    Raises:
        TinyopsError: the file is missing, of another kind, or holds something else.
    """
    if path.suffix == ".npz":
        return load_dataset(path, _FIELDS).inputs
    if path.suffix == ".npy":
        return _read_npy(path)
    if path.suffix == ".csv":
        return _read_csv(path)
    raise TinyopsError(f"{path} is none of the kinds of file known here", remedy="give an .npy, .npz or .csv file")


def fit_samples(values: Array, spec: TensorSpec) -> Array:
    """Samples, as from `read_samples`, as the model stores them: ``(n, *spec.sample_shape)``.

    Raises:
        TinyopsError: a sample does not have as many values as the input.
    """
    if values.shape == spec.sample_shape:
        values = values[np.newaxis]
    return stored_inputs(values, spec)


def load_samples(path: Path) -> LabelledSamples:
    """Read held-out samples: the arrays `inputs`, and `labels` or `targets` and `slices` where the file has them.

    Raises:
        TinyopsError: the file is missing, or an array in it is wrong; see `load_dataset`.
    """
    present = array_names(path)
    if {"labels", "targets"} <= set(present):
        remedy = "keep 'targets' for a regression, 'labels' for a classification or for anomalies"
        raise TinyopsError(f"{path} has both arrays 'labels' and 'targets'", remedy=remedy)
    label, target, part = (name if name in present else None for name in ("labels", "targets", "slices"))
    fields = DatasetFields(input="inputs", label=label, group=None, classes=None, target=target, slice=part)
    data = load_dataset(path, fields)
    slices = None if data.slices is None else data.slices.tolist()
    return LabelledSamples(data.inputs, data.labels, targets=data.targets, slices=slices, source=str(path))


def _read_npy(path: Path) -> Array:
    return checked_inputs(read_npy(path, str(path)), "the array", path)


def _read_csv(path: Path) -> Array:
    text = read_text(path, str(path))
    try:
        with warnings.catch_warnings():
            # numpy warns of an empty file; `checked_inputs` refuses it.
            warnings.simplefilter("ignore", UserWarning)
            values = np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)
    except ValueError as error:
        remedy = "write the numbers of a sample in each line, with commas between them and no heading"
        raise TinyopsError(f"{path} is not a table of numbers: {error}", remedy=remedy) from None
    return checked_inputs(values, "the table", path)
