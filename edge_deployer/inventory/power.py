"""A board's power, where something can switch it: commands of the inventory, or a virtual board's control socket."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import tempfile
from asyncio.subprocess import DEVNULL
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Protocol

from edge_deployer.child_process import how_it_ended
from edge_deployer.ending import uncut, within
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.inventory import BoardEntry
from edge_deployer.inventory.power_commands import PowerCommands

_OFF_S: Final = 2.0
"""Seconds without power between `off` and `on`: what the capacitors of a board and its hub take to empty."""

_DEADLINE_S: Final = 30.0
"""Seconds that a command, or a virtual board, may take."""

_TOLD: Final = 4096
"""Bytes at the end of what a command writes on stderr in which its last line is looked for."""


class PowerFailed(TinyopsError):
    """A board's power could not be cycled; it may be off."""

    def __init__(self, board: str, what: str, *, remedy: str) -> None:
        super().__init__(f"{board} could not be power-cycled: {what}", remedy=remedy)


class PowerSupply(Protocol):
    """What switches a board's power."""

    async def cycle(self) -> None:
        """Take the power away and give it back. No signal cuts this short: a board is not left without power.

        Raises:
            PowerFailed: that could not be done.
        """


def supply_of(entry: BoardEntry, folder: Path) -> PowerSupply | None:
    """The supply of a board of a loaded inventory; None where nothing can switch it.

    Args:
        entry: the board.
        folder: has a folder for each virtual board, see `edge_deployer.inventory.bench.powered`.
    """
    if entry.virtual:
        return VirtualSupply(entry.name, folder / entry.name)
    return CommandSupply(entry.name, entry.power) if entry.power else None


class CommandSupply:
    """A supply that the commands of the inventory switch.

    Args:
        board: its name.
        commands: with programs as they were found.
        off_s: seconds between `off` and `on`.
        deadline_s: seconds that each command may take; then it is ended, with all that it has started.
    """

    def __init__(
        self, board: str, commands: PowerCommands, *, off_s: float = _OFF_S, deadline_s: float = _DEADLINE_S
    ) -> None:
        self._board, self._commands = board, commands
        self._off_s, self._deadline_s = off_s, deadline_s

    async def cycle(self) -> None:
        """See `PowerSupply`; `on` is run whatever came of `off`."""
        # As a value: what is raised would take the place of a cancellation.
        failure = await uncut(self._failure(), f"{self._board} to have power again")
        if failure:
            raise failure

    async def _failure(self) -> PowerFailed | None:
        try:
            await self._cycle()
        except PowerFailed as failure:
            return failure
        return None

    async def _cycle(self) -> None:
        off, on, cycle = self._commands.off, self._commands.on, self._commands.cycle
        if off is None or on is None:
            assert cycle is not None
            await self._run(cycle)
            return
        try:
            await self._run(off)
            await asyncio.sleep(self._off_s)
        finally:
            await self._run(on)

    async def _run(self, command: tuple[str, ...]) -> None:
        try:
            # A pipe would be waited for as long as anything that the command has left behind holds it.
            with tempfile.TemporaryFile() as told:
                status = await self._ended(command, told)
                said = _last_line(told)
        except OSError as error:
            raise self._failed(command, f"cannot be run: {error.strerror}") from error
        if status:
            raise self._failed(command, f"ended {how_it_ended(status)}{said}")

    async def _ended(self, command: tuple[str, ...], told: IO[bytes]) -> int:
        """The status with which the command has ended; what it says on stderr is written to `told`."""
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self._commands.folder, stdin=DEVNULL, stdout=DEVNULL, stderr=told, start_new_session=True
        )
        try:
            return await asyncio.wait_for(process.wait(), self._deadline_s)
        except asyncio.TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise self._failed(command, f"did not end within {self._deadline_s:g} s") from None

    def _failed(self, command: tuple[str, ...], how: str) -> PowerFailed:
        remedy = "see to the supply, or correct the board's `power` in the inventory"
        return PowerFailed(self._board, f"{shlex.join(command)} {how}", remedy=remedy)


class VirtualSupply:
    """The supply of a virtual board that has been started: its control socket, see docs/virtual-board.md."""

    def __init__(self, board: str, folder: Path) -> None:
        self._board, self._folder = board, folder

    async def cycle(self) -> None:
        """See `PowerSupply`; the board has booted then."""
        try:
            answer = await within(_DEADLINE_S, self._ask({"command": "power", "state": "cycle"}))
        except asyncio.TimeoutError:
            raise self._failed(f"it did not boot within {_DEADLINE_S:g} s") from None
        # ValueError: an end in the middle of an answer.
        except (OSError, ValueError) as error:
            raise self._failed(f"no virtual board runs in {self._folder}: {error}") from error
        if "error" in answer:
            raise self._failed(answer["error"])

    def _failed(self, how: str) -> PowerFailed:
        return PowerFailed(self._board, how, remedy=f"read the end of {self._folder / 'board.log'}")

    async def _ask(self, request: dict[str, str]) -> dict[str, str]:
        # By way of the open folder a path may be longer than an address of a socket.
        folder = os.open(self._folder, os.O_PATH)
        try:
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/control")
        finally:
            os.close(folder)
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            answer: dict[str, str] = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()


def _last_line(told: IO[bytes]) -> str:
    """What a command said last on stderr, after a colon; empty where it said nothing."""
    told.seek(max(0, told.seek(0, os.SEEK_END) - _TOLD))
    lines = told.read().decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {said}" if said else ""
