"""Every file that a user names or that lies in a workspace is read and written here.

What a file system or a parser raises becomes an error to mend, with the path. What a file may make this program do is
bounded: how much is read, how deep and how large a YAML document may be.

A record that is damaged is a `DamagedFile` for whoever reads it. What writes another one in its place anyway moves it
aside, says so, and goes on; everything else ends with the error.
"""

from __future__ import annotations

import errno
import itertools
import json
import logging
import math
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from edge_deployer.errors import TinyopsError, shortened

_WORKSPACE: Final = ".tinyops"
"""Where commands keep what they make, unless they are told another place."""

DAMAGED: Final = "damaged-"
"""Before the name of what `move_aside` has moved."""

_LARGEST: Final = 1 << 28
"""Bytes of the largest file that is read whole: a report holds every answer of every board."""
_LARGEST_YAML: Final = 1 << 22
_DEEPEST_YAML: Final = 64
_MOST_NODES: Final = 200_000
"""Values, keys and collections of a YAML document, those behind an alias counted wherever it stands."""
_LARGEST_INTEGER: Final = 1 << 63
_INT_TAG: Final = "tag:yaml.org,2002:int"
_FLOAT_TAG: Final = "tag:yaml.org,2002:float"
_BLOCK: Final = 1 << 20

_Model = TypeVar("_Model", bound=BaseModel)


class DamagedFile(TinyopsError):
    """A file that can be read, and does not hold what it should."""


class Readable(Protocol):
    """A path, or a file that comes with a package."""

    def open(self, mode: Literal["rb"]) -> IO[bytes]:
        """Open it to read its bytes."""


def read_file(path: Readable, what: str, *, remedy: str = "correct the path", most: int = _LARGEST) -> bytes:
    """The bytes of a file.

    Args:
        path: the file.
        what: the file in words, with its path, for the message.
        remedy: what to do where it cannot be read.
        most: bytes of the largest file that is taken.

    Raises:
        TinyopsError: it is missing, is a folder, may not be read, or is too large.
    """
    contents = bytearray()
    with reading(what, remedy=remedy), path.open("rb") as file:
        while block := file.read(_BLOCK):
            contents += block
            if len(contents) > most:
                raise TinyopsError(f"{what} cannot be read: it has more than {most:,} bytes", remedy=remedy)
    return bytes(contents)


@contextmanager
def reading(what: str, *, remedy: str = "correct the path") -> Iterator[None]:
    """What the file system says while something is read, as an error to mend; arguments as for `read_file`.

    Raises:
        TinyopsError: the block raised an OSError, or a path in it is none.
    """
    try:
        yield
    # ValueError: a path with a zero byte in it.
    except (OSError, ValueError) as error:
        raise TinyopsError(f"{what} cannot be read: {_reason(error)}", remedy=remedy) from None


def resolved(path: Path) -> Path:
    """The path without links, from the root on; one that leads nowhere or in a circle as far as it goes."""
    return Path(os.path.realpath(path))


def exists(path: Path, what: str) -> bool:
    """Whether there is a file or folder; `what` as for `read_file`.

    Raises:
        TinyopsError: the file system does not say, e.g. because the name is too long or a folder may not be searched.
    """
    with reading(what):
        return path.exists()


def read_text(path: Readable, what: str, *, remedy: str = "correct the path") -> str:
    """The text of a file, which must be UTF-8; arguments and errors as for `read_file`."""
    contents = read_file(path, what, remedy=remedy)
    try:
        return contents.decode()
    except UnicodeDecodeError as error:
        raise TinyopsError(f"{what} is not UTF-8 text: {error}", remedy=remedy) from None


def read_json(path: Readable, what: str, *, remedy: str = "correct the path") -> Any:
    """What a JSON file holds; arguments and errors as for `read_text`, and a `TinyopsError` for what is not JSON."""
    text = read_text(path, what, remedy=remedy)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TinyopsError(f"{what} is not JSON: {error}", remedy=remedy) from None


def read_record(model: type[_Model], path: Readable, what: str, *, remedy: str) -> _Model:
    """A record that was written as JSON; arguments as for `read_file`.

    Raises:
        DamagedFile: it is no such record; the message names the first field that is wrong.
        TinyopsError: the file cannot be read.
    """
    contents = read_file(path, what, remedy=remedy)
    with checking(what, remedy=remedy):
        return model.model_validate_json(contents)


@contextmanager
def checking(what: str, *, remedy: str) -> Iterator[None]:
    """What pydantic says of a record, as an error to mend; arguments as for `read_record`.

    Raises:
        DamagedFile: the block raised a ValidationError.
    """
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        said = f"{field}: {first['msg']}" if field else first["msg"]
        raise DamagedFile(f"{what} is damaged, or of another version: {said}", remedy=remedy) from None


def read_yaml(path: Readable, what: str) -> Any:
    """What a YAML file holds; None for an empty one. Arguments as for `read_file`.

    Raises:
        TinyopsError: the file cannot be read, or is not YAML in UTF-8; or it is nested too deep or too large.
    """
    text = read_file(path, what, most=_LARGEST_YAML)
    documents = parse_yaml(text, what, remedy="correct the file, UTF-8 text")
    if len(documents) > 1:
        raise TinyopsError(f"{what} is not YAML: {len(documents)} documents stand in it", remedy="leave one in it")
    return documents[0] if documents else None


def read_yaml_documents(path: Readable, what: str, *, remedy: str) -> list[Any]:
    """What each document of a YAML file holds; arguments as for `read_file`, errors as for `read_yaml`."""
    return parse_yaml(read_file(path, what, remedy=remedy, most=_LARGEST_YAML), what, remedy=remedy)


def parse_yaml(text: bytes | str, what: str, *, remedy: str) -> list[Any]:
    """What each document in a text holds; bytes are UTF-8.

    Raises:
        TinyopsError: it is not YAML, or is nested too deep or too large.
    """
    try:
        return list(yaml.load_all(text, _BoundedLoader))
    # ValueError: a date that does not exist. The others: a set or mapping whose keys are no values.
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise TinyopsError(f"{what} is not YAML: {error}", remedy=remedy) from None


class _BoundedLoader(yaml.SafeLoader):
    """Refuses a document before it is built that is nested deeper or, with its aliases spelt out, larger than ours."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """One node with all below it."""
        self._depth += 1
        if self._depth > _DEEPEST_YAML:
            raise yaml.YAMLError(f"more than {_DEEPEST_YAML} collections stand in one another")
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_document(self, node: yaml.Node) -> Any:
        """What a composed document holds."""
        _require_bounded(node)
        return super().construct_document(node)


def _number(loader: _BoundedLoader, node: yaml.ScalarNode) -> int | float:
    read = loader.construct_yaml_int if node.tag == _INT_TAG else loader.construct_yaml_float
    value: int | float = read(node)
    if abs(value) < _LARGEST_INTEGER if isinstance(value, int) else math.isfinite(value):
        return value
    raise yaml.constructor.ConstructorError(
        problem=f"{shortened(node.value, 20)} is no number that a file here may have", problem_mark=node.start_mark
    )


for _tag in (_INT_TAG, _FLOAT_TAG):
    _BoundedLoader.add_constructor(_tag, _number)


def _require_bounded(root: yaml.Node) -> None:
    pending, nodes = [(root, 1)], 0
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if nodes > _MOST_NODES:
            raise yaml.YAMLError(f"it has more than {_MOST_NODES:,} values, its aliases spelt out")
        if depth > _DEEPEST_YAML:
            raise yaml.YAMLError(f"more than {_DEEPEST_YAML} collections stand in one another, aliases spelt out")
        if isinstance(node, yaml.SequenceNode):
            pending += [(child, depth + 1) for child in node.value]
        elif isinstance(node, yaml.MappingNode):
            pending += [(child, depth + 1) for pair in node.value for child in pair]


def make_folder(path: Path, *, remedy: str = "give another folder") -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        TinyopsError: it cannot be made, e.g. because a file stands in its way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise _unwritable(f"folder {path} cannot be made", error, remedy) from None
    for folder in (path, *path.parents):
        if folder.name == _WORKSPACE:
            _keep_from_git(folder)


def _keep_from_git(folder: Path) -> None:
    """Runs, keys and boards are nobody's to commit. A folder that cannot be written has its own reason for that."""
    ignored = folder / ".gitignore"
    if not ignored.exists():
        with suppress(OSError):
            ignored.write_text("*\n")


def require_plain_path(path: Path, what: str) -> None:
    """Lines name this folder, between programs and in logs: one with a line break in its path would break them.

    Raises:
        TinyopsError: the path, from the root on, has a control character in it.
    """
    with reading(f"{what} {str(path)!r}"):
        whole = os.path.realpath(path)
    if not whole.isprintable():
        message = f"{what} {whole!r} has a line break or another character in its path that cannot be printed"
        raise TinyopsError(message, remedy="give a folder with another name")


def write_file(path: Path, contents: bytes, *, remedy: str = "give another path") -> None:
    """Write a file; what was there stays whole until all of it is on the disk.

    A link is followed, and what is no file but takes bytes, e.g. ``/dev/stdout``, is given them.

    Raises:
        TinyopsError: it cannot be written.
    """
    with writing(str(path), remedy=remedy):
        target = resolved(path)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if target.exists() and not target.is_file():
            with target.open("wb") as device:
                device.write(contents)
            return
        with _part(target, contents, 0o666) as part:
            part.replace(target)


def create_file(path: Path, contents: bytes, *, mode: int) -> bool:
    """Make a file, whole or not at all, that takes no other's place; False if there is something already.

    Raises:
        TinyopsError: it cannot be written.
    """
    remedy = "make the folder writable"
    with writing(str(path), remedy=remedy), _part(path, contents, mode) as part:
        try:
            os.link(part, path)
        except FileExistsError:
            return False
    return True


def move_aside(path: Path, damage: TinyopsError, *, then: str, name: str = "") -> str:
    """Keep a damaged file or folder under a name with `DAMAGED` before it; the warning, which says what happens then.

    Args:
        path: the file or folder.
        damage: what is wrong with it.
        then: what happens then.
        name: what follows `DAMAGED`; the own name without.

    Raises:
        TinyopsError: it cannot be moved.
    """
    with writing(str(path), remedy=f"move {path} away yourself"):
        taken = {other.name for other in path.parent.iterdir()}
        names = (f"{DAMAGED}{name or path.name}{'' if number == 1 else f'-{number}'}" for number in itertools.count(1))
        aside = path.rename(path.with_name(next(name for name in names if name not in taken)))
    said = f"{damage.message}; {path} is now {aside.name}, and {then}"
    logging.getLogger(__name__).warning("warning: %s", said)
    return said


@contextmanager
def writing(what: str, *, remedy: str) -> Iterator[None]:
    """What the file system says while something is written, as an error to mend; arguments as for `read_file`.

    Raises:
        TinyopsError: the block raised an OSError, or a path in it is none.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise _unwritable(f"{what} cannot be written", error, remedy) from None


def _unwritable(message: str, error: Exception, remedy: str) -> TinyopsError:
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return TinyopsError(f"{message}: {_reason(error)}", remedy="free space on the disk" if is_full else remedy)


def _reason(error: Exception) -> str:
    """Not the path, which the message has already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


@contextmanager
def _part(path: Path, contents: bytes, mode: int) -> Iterator[Path]:
    """The contents on the disk, in a file beside `path` that is gone afterwards."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if path.is_file():
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        yield part
    finally:
        with suppress(OSError):
            part.unlink()
