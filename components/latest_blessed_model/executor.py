"""Executor and driver of LatestBlessedModel."""

from __future__ import annotations

from tfx.dsl.components.base import base_executor
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import artifact_utils

from components.artifact_types import Artifacts, Properties
from components.blessed_models import latest_other
from components.fingerprint_driver import FingerprintDriver
from components.tflite_model import read_tflite, tflite_path
from edge_deployer.files import make_folder, write_file


class Executor(base_executor.BaseExecutor):
    """Copies the model; leaves the output empty if there is none."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Find the model and copy it.

        Raises:
            TinyopsError: the artifacts cannot be read.
        """
        candidate = artifact_utils.get_single_instance(input_dict["candidate"])
        found = latest_other(exec_properties["all_runs"], read_tflite(candidate))
        if found is not None:
            path = tflite_path(artifact_utils.get_single_instance(output_dict["baseline_model"]))
            make_folder(path.parent)
            write_file(path, found.read())


class Driver(FingerprintDriver):
    """The cache answers for as long as the same blessing is found."""

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Where the record lies, and when it was written; ``none`` if there is none.

        A model that is blessed again is found again, so that what is measured against it is blessed again too, and is
        then the latest.
        """
        candidate = artifact_utils.get_single_instance(execution_info.input_dict["candidate"])
        found = latest_other(execution_info.exec_properties["all_runs"], read_tflite(candidate))
        return "none" if found is None else f"{found.path} {found.recorded_at.isoformat()}"
