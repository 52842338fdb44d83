"""PromotionGate: the last step on Kubeflow."""

from __future__ import annotations

from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types.channel import BaseChannel
from tfx.types.component_spec import ChannelParameter, ComponentSpec

from components.artifact_types import DeploymentReport
from components.promotion_gate import executor


class PromotionGateSpec(ComponentSpec):
    """Interface of PromotionGate."""

    PARAMETERS = {}
    INPUTS = {"deployment_report": ChannelParameter(type=DeploymentReport)}
    OUTPUTS = {}


class PromotionGate(base_component.BaseComponent):
    """Fails when the release does not run on the production boards.

    TFLMPusher itself succeeds with a report whatever becomes of the release: a component that raises loses its
    outputs. `tinyops run` reads the report; on Kubeflow a run's status is what people and alarms see.
    """

    SPEC_CLASS = PromotionGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, deployment_report: BaseChannel[Any]) -> None:
        """Describe the gate.

        Args:
            deployment_report: TFLMPusher's.
        """
        super().__init__(PromotionGateSpec(deployment_report=deployment_report))
