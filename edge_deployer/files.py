"""Files and folders that a user names: what the file system or YAML says against them, as an error to mend."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import yaml

from edge_deployer.errors import TinyopsError


class Readable(Protocol):
    """A path, or a file that comes with a package."""

    def read_bytes(self) -> bytes:
        """All of it."""


def read_file(path: Readable, what: str) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        what: the file in words, with its path, for the message.

    Raises:
        TinyopsError: it is missing, is a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise TinyopsError(f"{what} cannot be read: {error.strerror}", remedy="correct the path") from None


def read_yaml(path: Readable, what: str) -> Any:
    """What a YAML file holds; None for an empty one. Arguments as for `read_file`.

    Raises:
        TinyopsError: the file cannot be read, or is not YAML in UTF-8.
    """
    text = read_file(path, what)
    try:
        return yaml.safe_load(text)
    # ValueError: a date that does not exist.
    except (yaml.YAMLError, ValueError) as error:
        raise TinyopsError(f"{what} is not YAML: {error}", remedy="correct the file, UTF-8 text") from None


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        TinyopsError: it cannot be made, e.g. because a file stands in its way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TinyopsError(f"folder {path} cannot be made: {error.strerror}", remedy="give another folder") from None


def write_file(path: Path, contents: bytes) -> None:
    """Write a file that a user asked for; what was there stays whole until all is written.

    Raises:
        TinyopsError: it cannot be written.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        _replace(path, contents)
    except OSError as error:
        raise TinyopsError(f"{path} cannot be written: {error.strerror}", remedy="give another path") from None


def _replace(path: Path, contents: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(contents)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()
