"""Executor of TFLiteConverter."""

from __future__ import annotations

import json
import logging

import numpy as np
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.artifact_types import Artifacts, Properties
from components.conversion_report import FILE_NAME, ConversionReport, TensorQuantisation
from components.examples import LabelledExamples, read_examples
from components.tflite_converter.conversion import convert
from components.tflite_converter.float_model import FloatModel
from components.tflite_model import HOST_ARENA_BYTES, tflite_path
from components.tflite_task import task_of_project
from edge_deployer.quality import figures
from edge_deployer.task import AskedTask, Task
from edge_deployer.task_name import DEFAULT_THRESHOLD
from edge_deployer.tensors import Array, TensorSpec, quantize
from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner, tensor_specs


class Executor(base_executor.BaseExecutor):
    """Converts, and measures what the conversion cost."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write `Format-Serving/tflite` and `conversion.json`.

        Raises:
            Refused: the model cannot be converted to pure int8.
            TinyopsError: it does not fit the examples, or its outputs do not fit its task.
        """
        trained = artifact_utils.get_single_instance(input_dict["model"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        converted = artifact_utils.get_single_instance(output_dict["int8_model"])
        label, target = exec_properties.get("label_feature"), exec_properties.get("target_feature")

        source = FloatModel.load(path_utils.serving_model_path(trained.uri))
        splits = {
            split: read_examples(
                examples, split, feature=source.feature, label=label, target=target, shape=source.shape
            )
            for split in ("train", "eval")
        }
        representative = _draw(splits["train"], exec_properties["representative_examples"], exec_properties["seed"])
        model = convert(source, representative)
        asked = AskedTask(
            name=exec_properties.get("task"), threshold=exec_properties.get("threshold", DEFAULT_THRESHOLD)
        )
        classes = len(json.loads(exec_properties.get("class_names") or "[]")) or None
        task = task_of_project(model, asked, classes=classes, examples=splits["eval"])
        logging.getLogger(__name__).info("task %s", task.in_words)
        report = _measure(source, model, splits["eval"], task, representative_examples=len(representative))

        path = tflite_path(converted)
        fileio.makedirs(str(path.parent))
        with fileio.open(str(path), "wb") as file:
            file.write(model)
        with fileio.open(f"{converted.uri}/{FILE_NAME}", "w") as file:
            file.write(report.model_dump_json(indent=2))


def _draw(examples: LabelledExamples, count: int, seed: int) -> Array:
    """At most `count` inputs, the same ones for the same data and seed."""
    chosen = np.random.default_rng(seed).permutation(len(examples))[:count]
    return examples.inputs[np.sort(chosen)]


def _measure(
    source: FloatModel, model: bytes, examples: LabelledExamples, task: Task, *, representative_examples: int
) -> ConversionReport:
    input_spec, output_spec = tensor_specs(model)
    predicted = source.predict(examples.inputs)
    real = TensorSpec(str(predicted.dtype), (1, *predicted.shape[1:]))
    outputs, refusal = _answers_in_tflm(model, examples, input_spec)
    agreement = None
    if outputs is not None and task.names_classes:
        agree = task.named_classes(predicted, real) == task.named_classes(outputs, output_spec)
        agreement = float(np.mean(agree))
    return ConversionReport(
        feature=source.feature,
        input=_quantisation(input_spec),
        output=_quantisation(output_spec),
        model_bytes=len(model),
        representative_examples=representative_examples,
        eval_examples=len(examples),
        task=task,
        float_figure=_figure(task, examples, predicted, real),
        int8_figure=None if outputs is None else _figure(task, examples, outputs, output_spec),
        agreement=agreement,
        refusal=refusal,
    )


def _figure(task: Task, examples: LabelledExamples, outputs: Array, spec: TensorSpec) -> float | None:
    """The task's first figure; an autoencoder is held against the real inputs."""
    targets = examples.inputs if task.name == "anomaly" and outputs[0].size > 1 else examples.targets
    return figures(task, outputs, spec, labels=examples.labels, targets=targets).get(task.metrics[0])


def _answers_in_tflm(
    model: bytes, examples: LabelledExamples, input_spec: TensorSpec
) -> tuple[Array | None, str | None]:
    """TFLM's answers, or why it gives none; the Evaluator then withholds its blessing for the same reason."""
    try:
        with TflmRunner(model, arena_bytes=HOST_ARENA_BYTES) as runner:
            return runner.run(quantize(examples.inputs, input_spec)), None
    except (ModelRefused, InferenceCrashed) as error:
        return None, error.message


def _quantisation(spec: TensorSpec) -> TensorQuantisation:
    # `convert` has made sure that there is a scale.
    return TensorQuantisation(dtype=spec.dtype, shape=spec.shape, scale=spec.scale or 0.0, zero_point=spec.zero_point)
