"""The acceptance set: inputs, TFLM's outputs for them, and labels, so that a gateway can judge a board without TFLM."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

FILE_NAME = "acceptance.npz"


@dataclass(frozen=True)
class AcceptanceSet:
    """Samples with the reference's answers, in the order they are to be run.

    Attributes:
        inputs: stored values for the model's input tensor, shape ``(n, *input.shape[1:])``, the input's dtype.
        outputs: TFLM's output for each input, shape ``(n, *output.shape[1:])``, the output's dtype.
        labels: class index of each sample, int64 ``(n,)``, or None where nobody labelled the data.
        class_names: name of each class; empty where unknown.
    """

    inputs: Array
    outputs: Array
    labels: Array | None
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def reference_labels(self) -> Array:
        """The class TFLM names for each sample: argmax of its output, int64 ``(n,)``."""
        named: Array = self.outputs.reshape(len(self), -1).argmax(axis=1)
        return named

    def to_bytes(self) -> bytes:
        """The set as the bytes of an ``.npz`` file; the same set always gives the same bytes."""
        arrays: dict[str, Array] = {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "class_names": np.array(self.class_names, dtype=np.str_),
        }
        if self.labels is not None:
            arrays["labels"] = np.asarray(self.labels, np.int64)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> AcceptanceSet:
        """Inverse of `to_bytes`.

        Raises:
            TinyopsError: the bytes are not an acceptance set.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                return cls(
                    inputs=arrays["inputs"],
                    outputs=arrays["outputs"],
                    labels=arrays["labels"] if "labels" in arrays else None,
                    class_names=tuple(str(name) for name in arrays["class_names"]),
                )
        except (ValueError, KeyError, OSError) as error:
            raise TinyopsError(
                f"the acceptance set cannot be read: {error}", remedy="build the release again"
            ) from error

    def write(self, folder: Path) -> Path:
        """Write `acceptance.npz` into `folder`, which must exist, and return its path."""
        path = folder / FILE_NAME
        path.write_bytes(self.to_bytes())
        return path

    @property
    def sha256(self) -> str:
        """Hex digest of `to_bytes`: what the release manifest names."""
        return hashlib.sha256(self.to_bytes()).hexdigest()
