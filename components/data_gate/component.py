"""DataGate: the gates between the statistics of the data and all that is made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifact_types import DataFindings
from components.data_gate import executor
from components.data_gate.gates import DataGates
from components.fingerprint_driver import FINGERPRINT


class DataGateSpec(ComponentSpec):
    """Interface of DataGate. Lists and mappings are JSON: Kubeflow's back end hands over text."""

    PARAMETERS = {
        "all_runs": ExecutionParameter(type=str),
        "label_feature": ExecutionParameter(type=str, optional=True),
        "group_feature": ExecutionParameter(type=str, optional=True),
        "class_names": ExecutionParameter(type=str),
        "task": ExecutionParameter(type=str, optional=True),
        "gates": ExecutionParameter(type=str),
        FINGERPRINT: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        "statistics": ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {
        "anomalies": ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "data_findings": ChannelParameter(type=DataFindings),
    }


class DataGate(base_component.BaseComponent):
    """Holds data against a schema, its splits against each other, and all of it against what was accepted before.

    It does ExampleValidator's work, too, with TensorFlow Data Validation. Where a limit that stops is exceeded it
    fails, with a line for each finding, so that nothing is trained; make the step that trains depend on it. What data
    was accepted before, TFLMPusher records when it has promoted a release.

    Outputs:
        anomalies: as ExampleValidator's; custom property ``blessed`` says which splits have none.
        data_findings: `components.artifact_types.DataFindings`: what each gate found, which TFLMPusher reports.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)
    DRIVER_CLASS = executor.Driver

    def __init__(
        self,
        statistics: BaseChannel[Any],
        schema: BaseChannel[Any],
        *,
        all_runs: str,
        label_feature: str | None,
        group_feature: str | None,
        class_names: Sequence[str],
        task: str | None,
        gates: DataGates,
    ) -> None:
        """Describe the gates.

        Args:
            statistics: of two splits at least, the training split first, made with the options of
                `components.data_gate.statistics.statistics_options`.
            schema: what the statistics are held against.
            all_runs: folder or URI where all runs of this pipeline, and of no other, keep their artifacts.
            label_feature: the int64 feature with the class index, if there is one.
            group_feature: the feature that no two splits share a value of, if there is one.
            class_names: name of each class; empty where there are none.
            task: ``anomaly`` where one class is rare by nature, and train may lack it; all else means nothing here.
            gates: the limits.
        """
        super().__init__(
            DataGateSpec(
                statistics=statistics,
                schema=schema,
                all_runs=all_runs,
                label_feature=label_feature,
                group_feature=group_feature,
                class_names=json.dumps(list(class_names)),
                task=task,
                gates=gates.model_dump_json(),
                anomalies=Channel(type=standard_artifacts.ExampleAnomalies),
                data_findings=Channel(type=DataFindings),
            )
        )
