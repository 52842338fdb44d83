"""SMP group 0: echo, reset, MCUmgr parameters, application and bootloader information. Source: Zephyr's `os_mgmt`."""

from __future__ import annotations

import platform
from importlib.metadata import version

from smp.error import MGMT_ERR
from smp.header import CommandId, GroupId
from smp.os_management import OS_MGMT_RET_RC, MCUbootMode

from edge_deployer.profile import BoardProfile
from edge_deployer.virtual_board.smp_server import Fields, GroupError, Handlers, Request, field

_Command = CommandId.OSManagement
_ALL = "a"
_DEFAULT = "s"


class OsGroup:
    """The OS group. With `reset_requested` the firmware resets once the answer is out."""

    def __init__(self, profile: BoardProfile, node: str) -> None:
        self.reset_requested = False
        self._profile, self._node = profile, node
        self.handlers: Handlers = {
            (_Command.ECHO, True): self._echo,
            (_Command.RESET, True): self._reset,
            (_Command.MCUMGR_PARAMETERS, False): self._parameters,
            (_Command.OS_APPLICATION_INFO, False): self._application,
            (_Command.BOOTLOADER_INFO, False): self._bootloader,
        }

    def _echo(self, request: Request) -> Fields:
        return {"r": field(request, "d", str)}

    def _reset(self, _: Request) -> Fields:
        self.reset_requested = True
        return {}

    def _parameters(self, _: Request) -> Fields:
        return {"buf_size": self._profile.smp_buffer_bytes, "buf_count": self._profile.smp_buffer_count}

    def _application(self, request: Request) -> Fields:
        asked = field(request, "format", str, _DEFAULT) or _DEFAULT
        facts = self._facts()
        if set(asked) - {*facts, _ALL}:
            raise GroupError(GroupId.OS_MANAGEMENT, OS_MGMT_RET_RC.INVALID_FORMAT, MGMT_ERR.EINVAL)
        # Zephyr gives them in its own order, whatever the order asked for.
        return {"output": " ".join(text for letter, text in facts.items() if letter in asked or _ALL in asked)}

    def _facts(self) -> dict[str, str]:
        """By Zephyr's format letters: what `uname` shows, and the build."""
        return {
            "s": "tinyops virtual board",
            "n": self._node,
            "r": version("tinyml-ops"),
            "v": f"tflite-micro-{version('tflite-micro')}",
            "b": platform.python_build()[1],
            "m": platform.machine(),
            "p": self._profile.name,
            "i": f"virtual/{self._profile.name}",
            "o": "tinyops",
        }

    def _bootloader(self, request: Request) -> Fields:
        query = field(request, "query", str, "")
        if query == "mode":
            return {"mode": MCUbootMode.SWAP_WITHOUT_SCRATCH.value}
        if query:
            raise GroupError(GroupId.OS_MANAGEMENT, OS_MGMT_RET_RC.QUERY_YIELDS_NO_ANSWER, MGMT_ERR.ENOTSUP)
        return {"bootloader": "MCUboot"}
