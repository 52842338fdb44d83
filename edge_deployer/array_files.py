"""Arrays in `.npy` and `.npz` files. What a file claims to hold is checked before any of it is read or inflated."""

from __future__ import annotations

import lzma
import mmap
import os
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists
from edge_deployer.tensors import Array

# RuntimeError: an encrypted member, a method of compression that zipfile does not know, a header nested too deep.
# TypeError, SyntaxError, TokenError: what numpy's reader makes of a header that is no Python. MemoryError: numpy's own,
# for an array that no memory is left for.
_UNREADABLE: Final = (
    *(ValueError, OSError, EOFError, RuntimeError, MemoryError, KeyError),
    *(TypeError, SyntaxError, tokenize.TokenError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
)
_ZIP_PREFIX: Final = b"PK"
_SNIFFED_BYTES: Final = 512
_MAKE_ARRAYS: Final = (
    "read the recordings or the table into arrays, one row per sample, and save them in a file with numpy.savez, each "
    "under its name"
)
_MOST_INFLATED: Final = 100
"""How many times its bytes in the file an array may have; a constant one has a thousand times as many."""
_INFLATES_FREELY: Final = 1 << 28
"""Bytes up to which an array may have any number of times its bytes in the file."""

_ENCRYPTED: Final = 1
"""Bit of a member's flags."""
_LOCAL_HEADER: Final = struct.Struct("<26xHH")
"""The end of a zip member's own header: lengths of its name and of its extra field, which follow (APPNOTE, 4.3.7)."""

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
_HEADERS: Final[dict[tuple[int, int], Callable[[IO[bytes]], _Header]]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class ArrayArchive:
    """An open `.npz` file."""

    def __init__(self, archive: np.lib.npyio.NpzFile) -> None:
        self._archive = archive
        self.names = list(archive.files)

    def read(self, names: list[str]) -> dict[str, Array]:
        """Some of the arrays, at once: together they must find room in this machine's memory.

        A member that has no header of numpy's comes as bytes.
        """
        _require_room(sum(self._claimed(name) for name in names))
        return {name: np.asarray(self._archive[name]) for name in names}

    def map(self, path: Path, name: str) -> Array | None:
        """An array on the disk, read-only, of the archive that was opened at `path`.

        Returns:
            None if it is compressed or has no plain numbers: then it must be read.
        """
        members, info = self._member(name)
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & _ENCRYPTED:
            return None
        self._claimed(name)
        with members.open(info) as member:
            magic = member.read(np.lib.format.MAGIC_LEN)
            if not magic.startswith(np.lib.format.MAGIC_PREFIX):
                return None
            shape, by_columns, dtype = _HEADERS[magic[-2], magic[-1]](member)
            header = member.tell()
        if dtype.hasobject or not prod(shape):
            return None
        offset = _contents(path, info.header_offset) + header
        return np.memmap(path, dtype, "r", offset, shape, "F" if by_columns else "C")

    def _member(self, name: str) -> tuple[zipfile.ZipFile, zipfile.ZipInfo]:
        members = self._archive.zip
        assert members is not None  # as long as the archive is open
        return members, members.getinfo(name if name in members.namelist() else f"{name}.npy")

    def _claimed(self, name: str) -> int:
        """Bytes of an array once it is inflated."""
        members, info = self._member(name)
        if info.file_size > max(_INFLATES_FREELY, _MOST_INFLATED * info.compress_size):
            raise ValueError(
                f"{name!r} would inflate from {info.compress_size:,} to {info.file_size:,} bytes: so much is no data"
            )
        with members.open(info) as member:
            _require_claim(member, info.file_size, repr(name))
        return info.file_size


def release_pages(values: Array) -> None:
    """Let go of the memory behind what has been read of an array that `ArrayArchive.map` gave.

    The system keeps what it has room for, and reads the rest again. An array that is no such mapping stays as it is.
    """
    if isinstance(values.base, mmap.mmap):
        values.base.madvise(mmap.MADV_DONTNEED)


def _contents(path: Path, header: int) -> int:
    """Where the bytes of a member begin whose own header stands there."""
    with path.open("rb") as file:
        file.seek(header)
        name, extra = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return header + _LOCAL_HEADER.size + int(name) + int(extra)


@contextmanager
def opened_npz(file: Path | IO[bytes], what: str, *, remedy: str) -> Iterator[ArrayArchive]:
    """An `.npz` file, which messages call `what`, for as long as the block lasts.

    Raises:
        TinyopsError: it is missing or damaged, holds a single array, or claims to hold more than it does; while it is
            opened or read.
    """
    if isinstance(file, Path):
        require_file(file, what)
    try:
        with file.open("rb") if isinstance(file, Path) else file as stream:
            beginning = stream.read(_SNIFFED_BYTES)
            stream.seek(0)
            if beginning.startswith(np.lib.format.MAGIC_PREFIX):
                raise TinyopsError(f"{what} holds a single array", remedy="save the arrays with numpy.savez")
            if not beginning.startswith(_ZIP_PREFIX):
                raise TinyopsError(f"{what} cannot be read as an .npz file: {_kind(beginning)}", remedy=_MAKE_ARRAYS)
            with np.load(stream, allow_pickle=False) as archive:
                yield ArrayArchive(archive)
    except _UNREADABLE as error:
        raise TinyopsError(f"{what} cannot be read as an .npz file: {_words(error)}", remedy=remedy) from error


def require_file(path: Path, what: str) -> None:
    """See that there is a file of arrays, as far as its name says.

    Raises:
        TinyopsError: there is none, or a folder.
    """
    if not exists(path, what):
        raise TinyopsError(f"{what} does not exist", remedy="correct the path")
    if path.is_dir():
        raise TinyopsError(f"{what} is a folder, not an .npz file", remedy=_MAKE_ARRAYS)


def read_npy(path: Path, what: str) -> Array:
    """The array in an `.npy` file, which messages call `what`.

    Raises:
        TinyopsError: it is missing, is damaged, or claims to hold more than it does.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
                raise ValueError("it does not begin as one")
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            _require_claim(file, size, "it")
            _require_room(size)
            file.seek(0)
            return np.asarray(np.load(file, allow_pickle=False))
    except OSError as error:
        raise TinyopsError(f"{what} cannot be read: {_words(error)}", remedy="correct the path") from None
    except _UNREADABLE as error:
        remedy = "save one array with numpy.save; what numpy.savez writes ends in .npz"
        raise TinyopsError(f"{what} is not an .npy file: {_words(error)}", remedy=remedy) from None


def _require_claim(file: IO[bytes], size: int, name: str) -> None:
    """The header of an array, at the beginning of `file`, must claim what its file of so many bytes has."""
    beginning = file.read(np.lib.format.MAGIC_LEN)
    if not beginning.startswith(np.lib.format.MAGIC_PREFIX):
        return
    read_header = _HEADERS.get((beginning[-2], beginning[-1]))
    if read_header is None:
        raise ValueError(f"{name} is of a version of numpy's format that holds no plain numbers or text")
    shape, _, dtype = read_header(file)
    claimed = file.tell() + prod(shape) * dtype.itemsize
    if claimed != size and not dtype.hasobject:
        raise ValueError(
            f"{name} says that it is {dtype}{list(shape)}, {claimed:,} bytes with its header, and has {size:,}"
        )


def _require_room(size: int) -> None:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if 2 * size > memory:
        raise ValueError(
            f"its arrays have {size:,} bytes, and are needed twice at once; this machine has {memory:,} bytes of memory"
        )


def _kind(beginning: bytes) -> str:
    """What a file is that is no archive of arrays, by its first bytes."""
    if not beginning:
        return "it is empty"
    # Of whatever encoding of one byte per character, or UTF-8: no control character but those that set text.
    is_text = all(byte >= ord(" ") or byte in b"\t\n\r" for byte in beginning)
    return "it is text, e.g. CSV" if is_text else "it is something else"


def _words(error: BaseException) -> str:
    """Not the path, which the message has already; and no talk of pickles, where a user has rows that make no array."""
    if "allow_pickle" in str(error):
        return "it holds Python objects, as numpy makes of rows that differ in length"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
