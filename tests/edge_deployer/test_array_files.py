"""Array files that claim more than they hold, and damaged ones."""

from __future__ import annotations

import io
import random
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_deployer.array_files import opened_npz, read_npy
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

MIB = 1 << 20


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    buffer = io.BytesIO()
    fields = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, fields)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def read_all(path: Path) -> dict[str, Array]:
    with opened_npz(path, f"data {path.name}", remedy="save it again") as archive:
        return archive.read(archive.names)


def of_one_member(path: Path, member: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inputs.npy", member)
    return path


def inflating(path: Path, mebibytes: int) -> Path:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("inputs.npy", "w", force_zip64=True) as member,
    ):
        member.write(header((mebibytes * MIB // 4,)))
        for _ in range(mebibytes):
            member.write(bytes(MIB))
    return path


def claiming_memory(path: Path) -> Path:
    """An array of 2^50 bytes whose entry in the archive says so, too."""
    start = header((1 << 48,))
    of_one_member(path, start)
    size = (len(start)).to_bytes(4, "little")
    contents = path.read_bytes()
    entry = contents.index(b"PK\x01\x02")
    assert contents[entry + 20 : entry + 28] == size * 2
    # Both sizes move into a zip64 extra field of the central directory.
    extra = b"\x01\x00\x10\x00" + (len(start) + (1 << 50)).to_bytes(8, "little") * 2
    directory = bytearray(contents[entry:])
    directory[20:28] = b"\xff" * 8
    directory[30:32] = len(extra).to_bytes(2, "little")
    name_end = 46 + int.from_bytes(directory[28:30], "little")
    directory[name_end:name_end] = extra
    end = directory.index(b"PK\x05\x06")
    directory[end + 12 : end + 16] = end.to_bytes(4, "little")
    path.write_bytes(contents[:entry] + directory)
    return path


def encrypted(path: Path) -> Path:
    of_one_member(path, header((0,)))
    contents = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        contents[contents.index(signature) + flags] |= 1
    path.write_bytes(contents)
    return path


def deep(path: Path) -> Path:
    return of_one_member(path, b"\x93NUMPY\x01\x00" + (5000).to_bytes(2, "little") + b"(" * 5000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: of_one_member(path, header((10**12, 4)) + bytes(64)), r"float32\[1000000000000, 4\], 16,000,"),
        (lambda path: of_one_member(path, header((-1, 4)) + bytes(64)), r"float32\[-1, 4\]"),
        (lambda path: inflating(path, 300), "'inputs' would inflate from 305,[0-9]+ to 314,572,[0-9]+ bytes"),
        # A newer zipfile finds out before that the member would have to overlap what comes after it.
        (claiming_memory, "are needed twice at once; this machine has|Overlapped entries"),
        (encrypted, "is encrypted"),
        (deep, "cannot be read as an .npz file"),
        (
            lambda path: of_one_member(path, header((2,), "|O") + bytes(16)),
            "it holds Python objects, as numpy makes of rows",
        ),
        (lambda path: path.mkdir() or path, "is a folder, not an .npz file"),
        (lambda path: (path.write_bytes(b"") and path) or path, "it is empty"),
    ],
)
def test_what_a_file_claims_is_checked_before_it_is_read(
    tmp_path: Path, make: Callable[[Path], Path], message: str
) -> None:
    path = make(tmp_path / "data.npz")
    tracemalloc.start()
    with pytest.raises(TinyopsError, match=message) as raised:
        read_all(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10 * MIB
    assert raised.value.message.startswith(
        ("data data.npz cannot be read as an .npz file: ", "data data.npz is a folder")
    )


def test_zeroes_may_be_stored_small(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "data.npz", inputs=np.zeros((1000, 1000)))
    assert not read_all(tmp_path / "data.npz")["inputs"].any()


def test_an_npy_file_is_read_and_one_that_claims_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    np.save(path, np.arange(12.0).reshape(3, 4))
    assert np.array_equal(read_npy(path, "data"), np.arange(12.0).reshape(3, 4))
    path.write_bytes(header((10**10, 4)) + bytes(64))
    with pytest.raises(TinyopsError, match=r"data is not an .npy file: it says that it is float32\[10000000000, 4\]"):
        read_npy(path, "data")
    np.savez(tmp_path / "several", inputs=np.zeros(3))
    (tmp_path / "several.npz").rename(path)
    with pytest.raises(TinyopsError, match="does not begin as one"):
        read_npy(path, "data")


def _saved(save: Callable[..., Any], *arrays: Array, **named: Array) -> bytes:
    buffer = io.BytesIO()
    save(buffer, *arrays, **named)
    return buffer.getvalue()


@pytest.mark.parametrize("seed", range(4))
def test_damage_is_an_error_to_mend_or_shows_in_the_values(tmp_path: Path, seed: int) -> None:
    chance, values = random.Random(seed), np.arange(60, dtype=np.float32).reshape(10, 6)
    files = [
        (read_all, tmp_path / "data.npz", _saved(np.savez, inputs=values)),
        (read_all, tmp_path / "data.npz", _saved(np.savez_compressed, inputs=values)),
        (lambda path: read_npy(path, "data"), tmp_path / "data.npy", _saved(np.save, values)),
    ]
    refused = 0
    for _ in range(100):
        read, path, contents = chance.choice(files)
        damaged = bytearray(contents)
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        try:
            read(path)
        except TinyopsError:
            refused += 1
    assert refused > 30
