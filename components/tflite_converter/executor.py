"""Executor of TFLiteConverter."""

from __future__ import annotations

from typing import Any

import numpy as np
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components.examples import LabelledExamples, read_examples
from components.reference import HOST_ARENA_BYTES
from components.tflite_converter.conversion import convert
from components.tflite_converter.float_model import FloatModel
from components.tflite_converter.report import FILE_NAME, ConversionReport, TensorQuantisation
from components.tflite_model import tflite_path
from edge_deployer.tensors import Array, TensorSpec, quantize
from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner, tensor_specs


class Executor(base_executor.BaseExecutor):
    """Converts, and measures what the conversion cost."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Write `Format-Serving/tflite` and `conversion.json`.

        Args:
            input_dict: ``model`` (SavedModel) and ``examples`` (as the model takes them, splits train and eval).
            output_dict: ``int8_model``.
            exec_properties: see `TFLiteConverterSpec`.

        Raises:
            Refused: the model cannot be converted to pure int8.
            TinyopsError: it does not fit the examples.
        """
        trained = artifact_utils.get_single_instance(input_dict["model"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        converted = artifact_utils.get_single_instance(output_dict["int8_model"])
        label = exec_properties["label_feature"]

        source = FloatModel.load(path_utils.serving_model_path(trained.uri))
        splits = {
            split: read_examples(examples, split, feature=source.feature, label=label, shape=source.shape)
            for split in ("train", "eval")
        }
        representative = _draw(splits["train"], exec_properties["representative_examples"], exec_properties["seed"])
        model = convert(source, representative)
        report = _measure(source, model, splits["eval"], representative_examples=len(representative))

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
    source: FloatModel, model: bytes, examples: LabelledExamples, *, representative_examples: int
) -> ConversionReport:
    input_spec, output_spec = tensor_specs(model)
    float_classes = source.predict(examples.inputs).reshape(len(examples), -1).argmax(axis=1)
    int8_classes, refusal = _classes_in_tflm(model, examples, input_spec)
    return ConversionReport(
        feature=source.feature,
        input=_quantisation(input_spec),
        output=_quantisation(output_spec),
        model_bytes=len(model),
        representative_examples=representative_examples,
        eval_examples=len(examples),
        float_accuracy=float(np.mean(float_classes == examples.labels)),
        int8_accuracy=None if int8_classes is None else float(np.mean(int8_classes == examples.labels)),
        agreement=None if int8_classes is None else float(np.mean(int8_classes == float_classes)),
        refusal=refusal,
    )


def _classes_in_tflm(
    model: bytes, examples: LabelledExamples, input_spec: TensorSpec
) -> tuple[Array | None, str | None]:
    """The classes TFLM names, or why it does not; the Evaluator then withholds its blessing for the same reason."""
    try:
        with TflmRunner(model, arena_bytes=HOST_ARENA_BYTES) as runner:
            outputs = runner.run(quantize(examples.inputs, input_spec))
    except (ModelRefused, InferenceCrashed) as error:
        return None, error.message
    return outputs.reshape(len(examples), -1).argmax(axis=1), None


def _quantisation(spec: TensorSpec) -> TensorQuantisation:
    # `convert` has made sure that there is a scale.
    return TensorQuantisation(dtype=spec.dtype, shape=spec.shape, scale=spec.scale or 0.0, zero_point=spec.zero_point)
