"""What a board's answers are held against: TFLM's outputs and the labels, in the order in which samples are run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.quality import right_answers
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.task import NO_CLASS, Metric, Task, judging_metric
from edge_deployer.tensors import Array, TensorSpec


class Reference(BaseModel):
    """An acceptance set as evidence keeps it: inputs by their hash, everything else whole.

    Attributes:
        input_sha256: hex SHA-256 of each input's bytes.
        output: the model's output tensor.
        outputs: TFLM's output for each input, shape (n, ...); None where the release was built without TFLM.
        labels: class of each sample, or 0 normal and 1 anomaly; None where nobody labelled them.
        targets: real values that the outputs should have, shape (n, ...); None where there are none.
        task: what the model is for; None where nothing tells.
        random: whether the inputs are made up.
        class_names: may be empty.
        host_figure: the figure of `metric` in TFLM over all held-out samples, of which these were drawn.
        host_samples: number of those.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input_sha256: tuple[str, ...]
    output: TensorSpec
    outputs: StoredArray | None
    labels: tuple[int, ...] | None
    targets: StoredArray | None
    task: Task | None
    random: bool = False
    class_names: tuple[str, ...]
    host_figure: float | None = None
    host_samples: int | None = None

    @classmethod
    def of(cls, acceptance: AcceptanceSet, metrics: Mapping[str, float], *, most: int) -> Reference:
        """The first `most` samples of a release's acceptance set; `metrics` are those of its manifest."""
        examples = metrics.get("eval_examples")
        return cls(
            input_sha256=tuple(hashlib.sha256(sample.tobytes()).hexdigest() for sample in acceptance.inputs[:most]),
            output=acceptance.output,
            outputs=None if acceptance.outputs is None else StoredArray.of(acceptance.outputs[:most]),
            labels=None if acceptance.labels is None else tuple(map(int, acceptance.labels[:most])),
            targets=None if acceptance.targets is None else StoredArray.of(acceptance.targets[:most]),
            task=acceptance.task,
            random=acceptance.random,
            class_names=acceptance.class_names,
            host_figure=metrics.get(acceptance.metric) if acceptance.metric else None,
            host_samples=None if examples is None else int(examples),
        )

    def __len__(self) -> int:
        return len(self.input_sha256)

    @property
    def metric(self) -> Metric | None:
        """What the samples are judged by: the first figure of the task; None where nothing says what is true."""
        return judging_metric(self.task, self.labels, self.targets)

    @property
    def names_classes(self) -> bool:
        """Whether an output is a class: not where it is a score, a real value, or the input given back."""
        return self.task is not None and self.task.names_classes

    @property
    def reference_outputs(self) -> Array | None:
        """TFLM's outputs, flat: shape (n, values)."""
        return None if self.outputs is None else self.outputs.load().reshape(len(self), -1)

    @property
    def reference_labels(self) -> Array | None:
        """The class that TFLM names for each sample, shape (n,); None where outputs are no classes."""
        outputs = self.reference_outputs
        return None if outputs is None or not self.names_classes else self.named_classes(outputs)

    @property
    def true_labels(self) -> Array | None:
        """int64, shape (n,)."""
        return None if self.labels is None else np.array(self.labels, np.int64)

    def named_classes(self, outputs: Array) -> Array:
        """The class that each output names, int64 (n,); `edge_deployer.task.Task.named_classes`.

        Raises:
            ValueError: the task has no classes.
        """
        if self.task is None:
            raise ValueError("no task is known")
        return self.task.named_classes(outputs, self.output)

    def right_answers(self, outputs: Array, spec: TensorSpec | None = None) -> npt.NDArray[np.bool_]:
        """Whether each of the first outputs names its sample's class, bool (n,).

        Args:
            outputs: stored values, (n, ...).
            spec: of the model that gave them; None: of the one that this is the reference of.

        Raises:
            ValueError: the task has no classes, or the samples no labels.
        """
        if self.true_labels is None or self.task is None:
            raise ValueError("nobody labelled the samples")
        return right_answers(outputs, self.true_labels[: len(outputs)], spec or self.output, self.task)

    @property
    def pairs(self) -> int:
        """Disjoint pairs of a sample of label 1 and one of label 0."""
        labels = self.labels or ()
        ones = sum(label == 1 for label in labels)
        return min(ones, len(labels) - ones)

    def name(self, label: int) -> str:
        """The class's name, or its index where it has none."""
        if label == NO_CLASS:
            return "not a number"
        return self.class_names[label] if label < len(self.class_names) else str(label)
