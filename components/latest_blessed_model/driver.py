"""Driver of LatestBlessedModel: the cache answers for as long as the same model is found."""

from __future__ import annotations

import hashlib

from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import artifact_utils

from components.blessed_models import latest_other
from components.fingerprint_driver import FingerprintDriver
from components.tflite_model import read_tflite


class Driver(FingerprintDriver):
    """Fingerprints what would be found."""

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Hex SHA-256 of the flatbuffer; ``none`` if there is none."""
        candidate = artifact_utils.get_single_instance(execution_info.input_dict["candidate"])
        found = latest_other(execution_info.exec_properties["pipeline_root"], read_tflite(candidate))
        return "none" if found is None else hashlib.sha256(found).hexdigest()
