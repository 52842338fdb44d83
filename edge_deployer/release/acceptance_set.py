"""The acceptance set: inputs, TFLM's outputs for them, and what is true, so that a gateway can judge without TFLM."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.array_files import opened_npz
from edge_deployer.errors import TinyopsError
from edge_deployer.files import write_file
from edge_deployer.task import Metric, Task, judging_metric
from edge_deployer.tensors import Array, TensorSpec

FILE_NAME = "acceptance.npz"
_ARRAYS = ("inputs", "outputs", "labels", "targets")
_REMEDY = "build the release again"


class _Description(BaseModel):
    """What the file says beside the arrays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: TensorSpec
    output: TensorSpec
    task: Task | None
    class_names: tuple[str, ...]
    random: bool


@dataclass(frozen=True)
class AcceptanceSet:
    """Samples with the reference's answers, in the order they are to be run."""

    input: TensorSpec
    output: TensorSpec
    inputs: Array  # Stored values for the model's input tensor, shape ``(n, *input.sample_shape)``, the input's dtype.
    # TFLM's output for each input, shape ``(n, *output.sample_shape)``, the output's dtype; None where the release was
    # built without TFLM: there is no reference then.
    outputs: Array | None
    # Class index of each sample, for anomaly detection 0 normal and 1 anomaly; int64 ``(n,)``, or None where nobody
    # labelled the data.
    labels: Array | None = None
    # What the model should answer in real values, shape ``(n, *output.sample_shape)``: float64 for a regression; for an
    # autoencoder the dequantised inputs, float32; None for other models.
    targets: Array | None = None
    # What the model is for; None where nothing tells, and then there are neither labels nor targets.
    task: Task | None = None
    class_names: tuple[str, ...] = ()  # Name of each class; empty where unknown.
    random: bool = False  # Whether the inputs are made up.

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def metric(self) -> Metric | None:
        """What the samples are judged by: the first figure of the task; None where nothing says what is true."""
        return judging_metric(self.task, self.labels, self.targets)

    def take(self, chosen: Array) -> AcceptanceSet:
        """The samples with these indices, in this order."""
        taken: dict[str, Any] = {name: array[chosen] for name, array in self.arrays().items()}
        return replace(self, **taken)

    def arrays(self) -> dict[str, Array]:
        """Those that there are, by name."""
        return {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}

    def to_bytes(self) -> bytes:
        """The set as the bytes of an ``.npz`` file; the same set always gives the same bytes."""
        description = _Description.model_validate(self, from_attributes=True)
        buffer = io.BytesIO()
        # An array's bytes in the file follow its layout in memory, which says nothing about the set.
        arrays: dict[str, Any] = {name: np.ascontiguousarray(array) for name, array in self.arrays().items()}
        np.savez(buffer, description=np.array(description.model_dump_json()), **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> AcceptanceSet:
        """Inverse of `to_bytes`.

        Raises:
            TinyopsError: the bytes are not an acceptance set, or an array in it is not what its tensors ask for.
        """
        with opened_npz(io.BytesIO(data), "the acceptance set", remedy=_REMEDY) as archive:
            arrays = archive.read(archive.names)
        try:
            description = _Description.model_validate_json(str(arrays["description"]))
            optional: dict[str, Any] = {name: arrays.get(name) for name in _ARRAYS[1:]}
            found = cls(inputs=arrays["inputs"], **optional, **dict(description))
        # ValueError: pydantic's.
        except (ValueError, KeyError) as error:
            raise TinyopsError(f"the acceptance set cannot be read: {error}", remedy=_REMEDY) from error
        _check_arrays(found)
        _check_task(found)
        return found

    def write(self, folder: Path) -> Path:
        """Write `acceptance.npz` into `folder`, which must exist, and return its path."""
        path = folder / FILE_NAME
        write_file(path, self.to_bytes())
        return path

    @property
    def sha256(self) -> str:
        """Hex digest of `to_bytes`: what the release manifest names."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def _check_arrays(acceptance: AcceptanceSet) -> None:
    """Every array has a row for each sample, as its tensor stores it."""
    given, answered = acceptance.input, acceptance.output
    stored: dict[str, tuple[tuple[int, ...], set[str]]] = {
        "inputs": (given.sample_shape, {given.dtype}),
        "outputs": (answered.sample_shape, {answered.dtype}),
        "labels": ((), {"int64"}),
        "targets": (answered.sample_shape, {"float32", "float64"}),
    }
    for name, array in acceptance.arrays().items():
        shape, dtypes = stored[name]
        wanted = (*acceptance.inputs.shape[:1], *shape)
        if array.shape != wanted or array.dtype.name not in dtypes:
            found, asked = f"{array.dtype}{list(array.shape)}", f"{' or '.join(sorted(dtypes))}{list(wanted)}"
            raise TinyopsError(f"the acceptance set's {name} are {found}, not {asked}", remedy=_REMEDY)
    if not len(acceptance):
        raise TinyopsError("the acceptance set has no samples", remedy=_REMEDY)


def _check_task(acceptance: AcceptanceSet) -> None:
    """The task has the labels or targets that it needs, and labels that it knows."""
    task, labels, values = acceptance.task, acceptance.labels, prod(acceptance.output.sample_shape)
    if task is None:
        if labels is not None or acceptance.targets is not None:
            raise TinyopsError("the acceptance set has labels or targets, and no task", remedy=_REMEDY)
        return
    needs_targets = task.name == "regression" or (task.name == "anomaly" and values > 1 and labels is not None)
    if needs_targets and acceptance.targets is None:
        raise TinyopsError(f"the acceptance set has no targets, which its task {task.name} needs", remedy=_REMEDY)
    classes = values if task.name == "classification" else 2
    if labels is not None and (labels.min() < 0 or labels.max() >= classes):
        found = f"labels {labels.min()} to {labels.max()}, outside 0 .. {classes - 1}"
        raise TinyopsError(f"the acceptance set has {found}", remedy=_REMEDY)
