"""What a board's answers are held against: TFLM's outputs and the labels, in the order in which samples are run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import prod

import numpy as np
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.quality import Metric
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.tensors import Array, TensorSpec


class Reference(BaseModel):
    """An acceptance set as evidence keeps it: inputs by their hash, everything else whole.

    Attributes:
        input_sha256: hex SHA-256 of each input's bytes.
        output: the model's output tensor.
        outputs: TFLM's output for each input, shape (n, ...); None where the release was built without TFLM.
        labels: class of each sample, or 0 normal and 1 anomaly; None where nobody labelled them.
        targets: real values that the outputs should have, shape (n, ...); None where there are none.
        metric: what labels or targets measure; None without them.
        may_name_classes: whether the outputs can be classes: more than one, and not as many as inputs.
        class_names: may be empty.
        host_figure: the metric's figure in TFLM over all held-out samples, of which these were drawn.
        host_samples: number of those.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_sha256: tuple[str, ...]
    output: TensorSpec
    outputs: StoredArray | None
    labels: tuple[int, ...] | None
    targets: StoredArray | None
    metric: Metric | None
    may_name_classes: bool = True
    class_names: tuple[str, ...]
    host_figure: float | None = None
    host_samples: int | None = None

    @classmethod
    def of(cls, acceptance: AcceptanceSet, metrics: Mapping[str, float], *, most: int) -> Reference:
        """The first `most` samples of a release's acceptance set.

        Args:
            acceptance: the set, in the order in which samples are run.
            metrics: figures of the release's manifest, by the metric's name, with ``eval_examples``.
            most: samples that the plan allows.
        """
        examples = metrics.get("eval_examples")
        return cls(
            input_sha256=tuple(hashlib.sha256(sample.tobytes()).hexdigest() for sample in acceptance.inputs[:most]),
            output=acceptance.output,
            outputs=None if acceptance.outputs is None else StoredArray.of(acceptance.outputs[:most]),
            labels=None if acceptance.labels is None else tuple(map(int, acceptance.labels[:most])),
            targets=None if acceptance.targets is None else StoredArray.of(acceptance.targets[:most]),
            metric=acceptance.metric,
            may_name_classes=prod(acceptance.output.shape) not in (1, prod(acceptance.input.shape)),
            class_names=acceptance.class_names,
            host_figure=metrics.get(acceptance.metric) if acceptance.metric else None,
            host_samples=None if examples is None else int(examples),
        )

    def __len__(self) -> int:
        return len(self.input_sha256)

    @property
    def reference_outputs(self) -> Array | None:
        """TFLM's outputs, flat: shape (n, values)."""
        return None if self.outputs is None else self.outputs.load().reshape(len(self), -1)

    @property
    def reference_labels(self) -> Array | None:
        """The class that TFLM names for each sample: argmax of its output, shape (n,)."""
        return None if self.reference_outputs is None else self.reference_outputs.argmax(axis=1)

    @property
    def true_labels(self) -> Array | None:
        """int64, shape (n,)."""
        return None if self.labels is None else np.array(self.labels, np.int64)

    def name(self, label: int) -> str:
        """The class's name, or its index where it has none."""
        return self.class_names[label] if label < len(self.class_names) else str(label)
