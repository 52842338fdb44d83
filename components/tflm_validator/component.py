"""TFLMValidator: the last question before a release is built."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifact_types import AcceptanceSet
from components.tflm_validator import executor
from edge_deployer.profile import BoardProfile


class TFLMValidatorSpec(ComponentSpec):
    """Interface of TFLMValidator. Lists and mappings are JSON: Kubeflow's back end hands over text."""

    PARAMETERS = {
        "profile": ExecutionParameter(type=str),
        "label_feature": ExecutionParameter(type=str, optional=True),
        "target_feature": ExecutionParameter(type=str, optional=True),
        "class_names": ExecutionParameter(type=str, optional=True),
        "slices": ExecutionParameter(type=str),
        "samples": ExecutionParameter(type=int),
        "seed": ExecutionParameter(type=int),
    }
    INPUTS = {
        "model": ChannelParameter(type=standard_artifacts.Model),
        "examples": ChannelParameter(type=standard_artifacts.Examples),
    }
    OUTPUTS = {
        "blessing": ChannelParameter(type=standard_artifacts.InfraBlessing),
        "acceptance_set": ChannelParameter(type=AcceptanceSet),
    }


class TFLMValidator(base_component.BaseComponent):
    """Examines the int8 model against a board profile, in a child process.

    Checks that TFLM has the model's operators, that the smallest arena and the file fit the board, estimates the
    latency, and draws the acceptance set with TFLM's answers. A model that is refused is not blessed; the component
    succeeds.

    Outputs:
        blessing: `standard_artifacts.InfraBlessing`; custom properties ``blessed`` (0 or 1) and ``reason``; its folder
            has `validation.json` (`edge_deployer.release.validation_report.ValidationReport`).
        acceptance_set: `components.artifact_types.AcceptanceSet`; empty if the model is not blessed.
    """

    SPEC_CLASS = TFLMValidatorSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: BaseChannel[Any],
        examples: BaseChannel[Any],
        *,
        profile: BoardProfile,
        label_feature: str | None = None,
        target_feature: str | None = None,
        class_names: Sequence[str] = (),
        slices: Sequence[str],
        samples: int,
        seed: int,
    ) -> None:
        """Describe the examination.

        Args:
            model: the int8 model.
            examples: examples as the model takes them; split eval is used.
            profile: what the board offers; its contents count for the cache, not where they were read.
            label_feature: the int64 feature with the class index.
            target_feature: of a regression, in the place of `label_feature`: the float feature with what is to be
                answered.
            class_names: name of each class; none for a regression.
            slices: features whose every value is a slice; the acceptance set has its share of each.
            samples: size of the acceptance set.
            seed: for drawing it.
        """
        super().__init__(
            TFLMValidatorSpec(
                model=model,
                examples=examples,
                profile=profile.model_dump_json(),
                label_feature=label_feature,
                target_feature=target_feature,
                class_names=json.dumps(list(class_names)),
                slices=json.dumps(list(slices)),
                samples=samples,
                seed=seed,
                blessing=Channel(type=standard_artifacts.InfraBlessing),
                acceptance_set=Channel(type=AcceptanceSet),
            )
        )
