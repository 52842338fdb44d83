"""A driver that tells TFX's cache what a component depends on besides its inputs and parameters."""

from __future__ import annotations

import abc

from tfx.dsl.components.base import base_driver as dsl_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import driver_output_pb2

FINGERPRINT = "fingerprint"
"""The execution parameter that the driver sets. No user sets it, and Kubeflow, which runs no drivers, leaves it out."""


class FingerprintDriver(dsl_driver.BaseDriver, base_driver.BaseDriver, abc.ABC):
    """Sets `FINGERPRINT`, which is part of the cache's key, before the cache is asked.

    The launcher calls the second base; the first is what a component class may name as its driver.
    """

    def __init__(self, metadata_handle: metadata.Metadata) -> None:
        dsl_driver.BaseDriver.__init__(self, metadata_handle)
        base_driver.BaseDriver.__init__(self, metadata_handle)

    @abc.abstractmethod
    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """What two executions must have in common, besides inputs and parameters, to have the same outputs."""

    def run(self, execution_info: ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns the parameter; nothing else is resolved here."""
        output = driver_output_pb2.DriverOutput()
        output.exec_properties[FINGERPRINT].string_value = self.fingerprint(execution_info)
        return output
