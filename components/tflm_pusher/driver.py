"""Driver of TFLMPusher: keeps TFX's cache from answering for it.

Whether a release runs on the boards is a fact of the boards, not of the component's inputs: a board may have been
replaced since. So every execution gets a number of its own, and with it a cache key of its own. Pushing the same model
again is cheap, because the release line changes nothing on boards that run it.
"""

from __future__ import annotations

from uuid import uuid4

from tfx.dsl.components.base import base_driver as dsl_driver
from tfx.orchestration import metadata
from tfx.orchestration.portable import base_driver
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto.orchestration import driver_output_pb2

DELIVERY = "delivery"
"""The execution parameter that no two executions share."""


class Driver(dsl_driver.BaseDriver, base_driver.BaseDriver):
    """Gives each execution a `DELIVERY` of its own.

    The launcher calls the second base; the first is what a component class may name as its driver.
    """

    def __init__(self, mlmd_connection: metadata.Metadata) -> None:
        dsl_driver.BaseDriver.__init__(self, mlmd_connection)
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Returns the parameter; nothing else is resolved here."""
        del execution_info
        output = driver_output_pb2.DriverOutput()
        output.exec_properties[DELIVERY].string_value = uuid4().hex
        return output
