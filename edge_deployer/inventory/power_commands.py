"""`power` of a board in the inventory: the commands that switch its supply. Nothing is run here."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr, model_validator

from edge_deployer.errors import TinyopsError


def _words(command: object) -> object:
    """A command as its words: a text is split as a shell splits it, and nothing in it is expanded."""
    words = shlex.split(command) if isinstance(command, str) else command
    if not isinstance(words, list) or not words or not words[0]:
        raise ValueError("a command is wanted, as a text or as a list of its words")
    for word in words:
        # YAML takes a bare `off` for a truth value and a bare 010 for 8.
        if not isinstance(word, str) or "\0" in word:
            raise ValueError(f"{word!r} is no word of a command; put it in quotes")
    return tuple(words)


Command = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""A program and its arguments."""


class PowerCommands(BaseModel):
    """How a board's power is cycled: by `off` and `on`, or by one command, `cycle`. They are run without a shell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    off: Command | None = None
    on: Command | None = None
    cycle: Command | None = None
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="before")
    @classmethod
    def _name_keys(cls, content: Any) -> Any:
        """YAML 1.1 reads the bare keys `off` and `on` as truth values."""
        if not isinstance(content, dict):
            return content
        names = {False: "off", True: "on"}
        return {names[key] if isinstance(key, bool) else key: value for key, value in content.items()}

    @model_validator(mode="after")
    def _one_way_to_cycle(self) -> PowerCommands:
        given = self.off is not None, self.on is not None, self.cycle is not None
        if given not in ((True, True, False), (False, False, True)):
            raise ValueError("`off` and `on` are wanted, or `cycle` alone")
        return self

    @property
    def folder(self) -> Path:
        """Where the commands are run: the folder of the file that they stand in."""
        return self._folder

    def found_from(self, folder: Path, where: str) -> PowerCommands:
        """The same with the programs as they are found from a folder.

        Args:
            folder: of the file that the commands stand in; relative paths count from it.
            where: the file and the board, for the message.

        Raises:
            TinyopsError: a program is not there, or may not be executed.
        """
        commands = {name: command for name, command in self if command is not None}
        found = {name: _found(command, folder, f"{where}: power.{name}") for name, command in commands.items()}
        placed = self.model_copy(update=found)
        placed._folder = folder
        return placed


def _found(command: tuple[str, ...], folder: Path, where: str) -> tuple[str, ...]:
    program, *arguments = command
    # An absolute path stays itself.
    path = shutil.which(str((folder / program).absolute()) if "/" in program else program)
    if path is None:
        raise TinyopsError(
            f"{where} = {shlex.join(command)}: there is no program {program!r} that may be executed",
            remedy="install the program, put its folder on PATH, or name its path, which counts from the file's folder",
        )
    return (path, *arguments)
