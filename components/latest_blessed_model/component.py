"""LatestBlessedModel: finds the baseline of the evaluation, here and on Kubeflow."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.fingerprint_driver import FINGERPRINT
from components.latest_blessed_model import executor


class LatestBlessedModelSpec(ComponentSpec):
    """Interface of LatestBlessedModel."""

    PARAMETERS = {
        "all_runs": ExecutionParameter(type=str),
        FINGERPRINT: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {"candidate": ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"baseline_model": ChannelParameter(type=standard_artifacts.Model)}


class LatestBlessedModel(base_component.BaseComponent):
    """Copies the model that was blessed last, other than the candidate, out of the artifacts of all runs.

    It stands in for TFX's Resolver, which Kubeflow's back end does not run and which, on a repeated run, takes the
    candidate for its own baseline.

    Outputs:
        baseline_model: `standard_artifacts.Model` with `Format-Serving/tflite`; empty if no other was blessed.
    """

    SPEC_CLASS = LatestBlessedModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = executor.Driver

    def __init__(self, candidate: BaseChannel[Any], *, all_runs: str) -> None:
        """Describe the search.

        Args:
            candidate: the int8 model that is to be measured.
            all_runs: folder or URI where all runs of this pipeline, and of no other, keep their artifacts.
        """
        super().__init__(
            LatestBlessedModelSpec(
                candidate=candidate,
                all_runs=all_runs,
                baseline_model=Channel(type=standard_artifacts.Model),
            )
        )
