"""The driver of SensorExampleGen: tells TFX's cache what the data is by its contents.

TFX's own fingerprint of files is made of sizes and modification times: it misses an edit within a second and takes a
fresh checkout of the same file for new data.
"""

from __future__ import annotations

from tfx.orchestration.portable.data_types import ExecutionInfo

from components.fingerprint_driver import FingerprintDriver
from components.object_store import local_copy
from edge_deployer.release.labelled_data import file_sha256


class Driver(FingerprintDriver):
    """Fingerprints the data file by SHA-256."""

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Hex SHA-256 of the file.

        Raises:
            TinyopsError: there is no such file.
        """
        with local_copy(execution_info.exec_properties["data_file"]) as path:
            return file_sha256(path)
