"""Executor of PromotionGate."""

from __future__ import annotations

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.artifact_types import PUSHED_PROPERTY, REASON_PROPERTY, Artifacts, Properties
from edge_deployer.errors import Refused


class Executor(base_executor.BaseExecutor):
    """Raises if the release was not promoted."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Look at the report.

        Raises:
            Refused: the release was refused, or there was no verdict.
        """
        del output_dict, exec_properties
        report = artifact_utils.get_single_instance(input_dict["deployment_report"])
        if not report.get_int_custom_property(PUSHED_PROPERTY):
            reason = report.get_string_custom_property(REASON_PROPERTY)
            raise Refused(f"not promoted: {reason}", remedy="read the report that TFLMPusher left in this run")
