"""Driver of LatestBlessedModel: the cache answers for as long as the same blessing is found."""

from __future__ import annotations

from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import artifact_utils

from components.blessed_models import latest_other
from components.fingerprint_driver import FingerprintDriver
from components.tflite_model import read_tflite


class Driver(FingerprintDriver):
    """Fingerprints what would be found."""

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Where the record lies, and when it was written; ``none`` if there is none.

        A model that is blessed again is found again, so that what is measured against it is blessed again too, and is
        then the latest.
        """
        candidate = artifact_utils.get_single_instance(execution_info.input_dict["candidate"])
        found = latest_other(execution_info.exec_properties["all_runs"], read_tflite(candidate))
        return "none" if found is None else f"{found.path} {found.blessed_at.isoformat()}"
