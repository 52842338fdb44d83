"""SMP group 2: statistics. Source: Zephyr's `stat_mgmt`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from smp.error import MGMT_ERR
from smp.header import CommandId, GroupId
from smp.statistics_management import STAT_MGMT_ERR

from edge_deployer.virtual_board.smp_server import Fields, GroupError, Handlers, Request, field

_Command = CommandId.StatisticsManagement
Statistics = Mapping[str, Callable[[], Mapping[str, int]]]
"""Groups of counts, read when they are asked for."""


class StatGroup:
    """The statistics group."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self.handlers: Handlers = {
            (_Command.GROUP_DATA, False): self._show,
            (_Command.LIST_OF_GROUPS, False): lambda _: {"stat_list": list(statistics)},
        }

    def _show(self, request: Request) -> Fields:
        name = field(request, "name", str)
        if name not in self._statistics:
            raise GroupError(GroupId.STATISTICS_MANAGEMENT, STAT_MGMT_ERR.ERR_INVALID_GROUP, MGMT_ERR.ENOENT)
        return {"name": name, "fields": self._statistics[name]()}
