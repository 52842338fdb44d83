"""SMP group 0: echo, reset, MCUmgr parameters, bootloader information."""

from __future__ import annotations

from smp.error import MGMT_ERR
from smp.header import CommandId, GroupId
from smp.os_management import OS_MGMT_RET_RC, MCUbootMode

from edge_deployer.virtual_board.smp_server import Fields, GroupError, Handlers, Request, field

_Command = CommandId.OSManagement
_BUFFERS = 4


class OsGroup:
    """The OS group.

    Attributes:
        reset_requested: set by a reset request; the firmware resets once the answer is out.

    Args:
        buffer_bytes: size of an SMP buffer.
    """

    def __init__(self, buffer_bytes: int) -> None:
        self.reset_requested = False
        self._buffer_bytes = buffer_bytes
        self.handlers: Handlers = {
            (_Command.ECHO, True): self._echo,
            (_Command.RESET, True): self._reset,
            (_Command.MCUMGR_PARAMETERS, False): self._parameters,
            (_Command.BOOTLOADER_INFO, False): self._bootloader,
        }

    def _echo(self, request: Request) -> Fields:
        return {"r": field(request, "d", str)}

    def _reset(self, _: Request) -> Fields:
        self.reset_requested = True
        return {}

    def _parameters(self, _: Request) -> Fields:
        return {"buf_size": self._buffer_bytes, "buf_count": _BUFFERS}

    def _bootloader(self, request: Request) -> Fields:
        query = field(request, "query", str, "")
        if query == "mode":
            return {"mode": MCUbootMode.SWAP_WITHOUT_SCRATCH.value}
        if query:
            raise GroupError(GroupId.OS_MANAGEMENT, OS_MGMT_RET_RC.QUERY_YIELDS_NO_ANSWER, MGMT_ERR.ENOTSUP)
        return {"bootloader": "MCUboot"}
