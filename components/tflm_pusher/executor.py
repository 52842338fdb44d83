"""Executor and driver of TFLMPusher."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from tfx.dsl.components.base import base_executor
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import artifact_utils

from components.artifact_types import PUSHED_PROPERTY, REASON_PROPERTY, Artifacts, Properties
from components.data_gate.accepted import accept
from components.fingerprint_driver import FingerprintDriver
from components.tflm_pusher.delivery import OUTCOME_LOGGER, PusherExecution
from edge_deployer.paperwork import paperwork
from edge_deployer.report.folders import REPORT_HTML, REPORT_MARKDOWN
from edge_deployer.report.html import write_report
from edge_deployer.report.words import headline
from edge_deployer.rollout.deployment import Deployment


class Executor(base_executor.BaseExecutor):
    """Releases the model, or writes down why not: a component that raises would lose its outputs."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Take the model to the boards if both blessings are there, and write the report either way.

        Raises:
            TinyopsError: the inventory or the signing key is wrong, the acceptance plan cannot come to a verdict, or
                virtual boards cannot run on this machine.
        """
        inputs = {name: artifact_utils.get_single_instance(given) for name, given in input_dict.items() if given}
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        report = artifact_utils.get_single_instance(output_dict["deployment_report"])
        run_id = self._context.pipeline_run_id if self._context else None
        execution = PusherExecution(inputs, exec_properties, run_id)
        deployment, bundle = execution.refusal(), None
        if deployment is None:
            deployment, bundle = execution.push()
        pushed_model.set_int_custom_property(PUSHED_PROPERTY, int(deployment.pushed))
        report.set_int_custom_property(PUSHED_PROPERTY, int(deployment.pushed))
        report.set_string_custom_property(REASON_PROPERTY, "" if deployment.pushed else headline(deployment))
        _tell(deployment)
        with paperwork("the release in this step's output"):
            if bundle is not None and deployment.pushed:
                shutil.copytree(bundle.folder, pushed_model.uri, dirs_exist_ok=True)
        with paperwork("the record of the data that was accepted"):
            if deployment.pushed and "data_findings" in inputs:
                accept(Path(inputs["data_findings"].uri), Path(report.uri))
        with paperwork("the report"):
            write_report(execution.report(deployment, bundle), Path(report.uri))
            for name, file in (("html_report", REPORT_HTML), ("markdown_report", REPORT_MARKDOWN)):
                shown = artifact_utils.get_single_instance(output_dict[name])
                shutil.copy(Path(report.uri, file), Path(shown.uri, file))


class Driver(FingerprintDriver):
    """Keeps TFX's cache from answering for TFLMPusher.

    Whether a release runs on the boards is a fact of the boards, not of the component's inputs: a board may have been
    replaced since. Pushing the same model again is cheap: the release line changes nothing on boards that run it.
    """

    def fingerprint(self, execution_info: ExecutionInfo) -> str:  # noqa: ARG002
        """A random one: no two executions have the same."""
        return uuid4().hex


def _tell(deployment: Deployment) -> None:
    """Log the outcome: what is written afterwards may not get to whoever waits for it."""
    asked = {"answers", "soak", "repeated", "production", "power_cycle"}
    answers: dict[str, Any] = {"reference": True, "boards": {"__all__": {"evidence": asked}}}
    logging.getLogger(OUTCOME_LOGGER).info(
        "%s: %s",
        deployment.outcome,
        headline(deployment),
        extra={"deployment": deployment.model_dump_json(exclude=answers)},
    )
