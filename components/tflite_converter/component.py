"""TFLiteConverter: from the trained float model to what a device runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.tflite_converter import executor
from edge_deployer.task_name import DEFAULT_THRESHOLD, TaskName


class TFLiteConverterSpec(ComponentSpec):
    """Interface of TFLiteConverter. Class names are JSON: Kubeflow's back end hands over text."""

    PARAMETERS = {
        "label_feature": ExecutionParameter(type=str, optional=True),
        "target_feature": ExecutionParameter(type=str, optional=True),
        "representative_examples": ExecutionParameter(type=int),
        "seed": ExecutionParameter(type=int),
        "class_names": ExecutionParameter(type=str, optional=True),
        "task": ExecutionParameter(type=str, optional=True),
        "threshold": ExecutionParameter(type=float, optional=True),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    # Not "model" again: TFX's Kubeflow compiler needs names of inputs and outputs to differ.
    OUTPUTS = {"int8_model": ChannelParameter(type=standard_artifacts.Model)}


class TFLiteConverter(base_component.BaseComponent):
    """Post-training quantisation of a SavedModel to int8, inputs and outputs included.

    Outputs:
        int8_model: `standard_artifacts.Model` with `Format-Serving/tflite`, and `conversion.json`
            (`components.conversion_report.ConversionReport`) at its root: quantisation parameters, size, and
            how the int8 model in TFLM compares with the float model on the eval split.
    """

    SPEC_CLASS = TFLiteConverterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: BaseChannel[Any],
        examples: BaseChannel[Any],
        *,
        label_feature: str | None = None,
        target_feature: str | None = None,
        representative_examples: int,
        seed: int,
        class_names: Sequence[str] = (),
        task: TaskName | None = None,
        threshold: float = DEFAULT_THRESHOLD,
    ) -> None:
        """Describe the conversion.

        Args:
            model: SavedModel with one input, named after the feature it takes, and one output.
            examples: examples as the model takes them, i.e. transformed, with splits train and eval.
            label_feature: the int64 feature with the class index.
            target_feature: of a regression, in the place of `label_feature`: the float feature with what is to be
                answered.
            representative_examples: number of training samples that set the ranges of the activations.
            seed: for drawing them.
            class_names: name of each class; none for a regression.
            task: classification, binary, anomaly or regression; without it, what classes, targets and model show.
            threshold: of a binary task, in the output's real units: class 1 is what is over it.
        """
        super().__init__(
            TFLiteConverterSpec(
                model=model,
                examples=examples,
                label_feature=label_feature,
                target_feature=target_feature,
                representative_examples=representative_examples,
                seed=seed,
                class_names=json.dumps(list(class_names)),
                task=task,
                threshold=threshold,
                int8_model=Channel(type=standard_artifacts.Model),
            )
        )
