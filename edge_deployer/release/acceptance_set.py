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
        return replace(
            self,
            inputs=self.inputs[chosen],
            outputs=None if self.outputs is None else self.outputs[chosen],
            labels=None if self.labels is None else self.labels[chosen],
            targets=None if self.targets is None else self.targets[chosen],
        )

    def to_bytes(self) -> bytes:
        """The set as the bytes of an ``.npz`` file; the same set always gives the same bytes."""
        description = _Description(
            input=self.input, output=self.output, task=self.task, class_names=self.class_names, random=self.random
        )
        buffer = io.BytesIO()
        arrays = {"inputs": self.inputs, "outputs": self.outputs, "labels": self.labels, "targets": self.targets}
        # An array's bytes in the file follow its layout in memory, which says nothing about the set.
        present: dict[str, Any] = {
            name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None
        }
        np.savez(buffer, description=np.array(description.model_dump_json()), **present)
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
            description = _Description.model_validate_json(str(arrays.pop("description")))
            found = cls(
                input=description.input,
                output=description.output,
                inputs=arrays["inputs"],
                outputs=arrays.get("outputs"),
                labels=arrays.get("labels"),
                targets=arrays.get("targets"),
                task=description.task,
                class_names=description.class_names,
                random=description.random,
            )
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
    _check_array("inputs", acceptance.inputs, acceptance.inputs, given.sample_shape, {given.dtype})
    if not len(acceptance):
        raise TinyopsError("the acceptance set has no samples", remedy=_REMEDY)
    for name, array, shape, dtypes in (
        ("outputs", acceptance.outputs, answered.sample_shape, {answered.dtype}),
        ("labels", acceptance.labels, (), {"int64"}),
        ("targets", acceptance.targets, answered.sample_shape, {"float32", "float64"}),
    ):
        if array is not None:
            _check_array(name, array, acceptance.inputs, shape, dtypes)


def _check_array(name: str, array: Array, inputs: Array, sample_shape: tuple[int, ...], dtypes: set[str]) -> None:
    wanted = (*inputs.shape[:1], *sample_shape)
    if array.shape != wanted or array.dtype.name not in dtypes:
        raise TinyopsError(
            f"the acceptance set's {name} are {array.dtype}{list(array.shape)}, not "
            f"{' or '.join(sorted(dtypes))}{list(wanted)}",
            remedy=_REMEDY,
        )


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
        raise TinyopsError(
            f"the acceptance set has labels {labels.min()} to {labels.max()}, outside 0 .. {classes - 1}",
            remedy=_REMEDY,
        )
