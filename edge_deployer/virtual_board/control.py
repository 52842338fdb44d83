"""Steering a virtual board from outside: a Unix socket ``control`` in its directory, a JSON object a line each way.

A request names its ``command``; the answer to one that was carried out is what it asks for, or ``{}``, to another
``{"error": words}``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from typing_extensions import Self

from edge_deployer.errors import TinyopsError
from edge_deployer.virtual_board.faults import FaultPlan

_ANSWER_DEADLINE_S = 30.0


class _Command(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Power(_Command):
    """Switch power; the answer to ``on`` and ``cycle`` comes when the board has booted."""

    command: Literal["power"]
    state: Literal["on", "off", "cycle"]


class ResetPin(_Command):
    """Reset the board; the answer comes when it has booted."""

    command: Literal["reset"]


class SetFaults(_Command):
    """Replace the fault plan."""

    command: Literal["faults"]
    plan: FaultPlan


class VanishNow(_Command):
    """Take the line away; after so many seconds another pty is under the link."""

    command: Literal["vanish"]
    seconds: float = Field(default=1.0, ge=0)


class Counters(_Command):
    """Ask for the counts since the line process started."""

    command: Literal["counters"]


Command = Power | ResetPin | SetFaults | VanishNow | Counters
COMMANDS: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="command")])


@contextmanager
def socket_address(directory: Path) -> Iterator[str]:
    """The address of a board's control socket: a path of any length, by way of its open directory.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    descriptor = os.open(directory, os.O_PATH)
    try:
        yield f"/proc/self/fd/{descriptor}/control"
    finally:
        os.close(descriptor)


class BoardControl:
    """A connection to the control socket in a running board's directory. Each call returns when the board has done it.

    Raises:
        TinyopsError: no board runs there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_ANSWER_DEADLINE_S)
        try:
            with socket_address(directory) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise TinyopsError(
                f"no virtual board runs in {directory}: {error.strerror}", remedy="start it, or correct the path"
            ) from error
        self._answers = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the board, which goes on."""
        self._answers.close()
        self._socket.close()

    def power(self, state: Literal["on", "off", "cycle"]) -> None:
        """Switch power; with power, wait until the board has booted."""
        self._ask(Power(command="power", state=state))

    def reset(self) -> None:
        """Pull the reset pin and wait until the board has booted."""
        self._ask(ResetPin(command="reset"))

    def set_faults(self, plan: FaultPlan) -> None:
        """Replace the fault plan; the counts that its numbers refer to start again."""
        self._ask(SetFaults(command="faults", plan=plan))

    def vanish(self, seconds: float) -> None:
        """Take the line away, to come back after so many seconds."""
        self._ask(VanishNow(command="vanish", seconds=seconds))

    def counters(self) -> dict[str, Any]:
        """``bytes_to_board``, ``bytes_to_client``, ``flash_operations``, ``resets``, and ``faults`` by kind."""
        return self._ask(Counters(command="counters"))

    def _ask(self, command: _Command) -> dict[str, Any]:
        self._socket.sendall(command.model_dump_json().encode() + b"\n")
        line = self._answers.readline()
        if not line:
            raise TinyopsError(f"the virtual board in {self._directory} has ended", remedy="start it again")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise TinyopsError(
                f"the virtual board in {self._directory}: {answer['error']}", remedy="read its board.log"
            )
        return answer
