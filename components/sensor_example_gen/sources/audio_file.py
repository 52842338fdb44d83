"""One WAV, FLAC or OGG file: that it is what its name says, that all of it is there, and its samples block by block.

libsndfile is lenient. It reads an MP3 named `.wav`, and a WAV that ends early as a shorter one; so the signature and
the promised length are checked here.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import numpy as np
import soundfile

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from edge_deployer.tensors import Array

SUFFIXES: Final = (".wav", ".flac", ".ogg")
Channels = Literal["mean", "first"] | int
"""Which channels of a recording make the one of a sample: their mean, the first, or one by its index from 0."""

_SIGNATURES: Final = {
    "WAV": re.compile(rb"(RIFF|RIFX|RF64)....WAVE", re.DOTALL),
    "FLAC": re.compile(rb"fLaC"),
    "OGG": re.compile(rb"OggS"),
    "MP3": re.compile(rb"ID3|\xff[\xe2\xe3\xf2-\xf7\xfa-\xff]"),
    "AAC": re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"),
    "MP4": re.compile(rb"....ftyp", re.DOTALL),
    "AIFF": re.compile(rb"FORM....AIF[FC]", re.DOTALL),
    "WebM": re.compile(rb"\x1a\x45\xdf\xa3"),
    "AMR": re.compile(rb"#!AMR"),
    "CAF": re.compile(rb"caff"),
}
_HEAD: Final = 12
_RATES: Final = range(1_000, 768_001)
_LONGEST_S: Final = 24 * 3600
_ABSURD_BYTES: Final = 1 << 31
"""A WAV that promises so much more than it has was not cut off; its header is nonsense."""
_MOST_CHUNKS: Final = 1000
_PAGE_HEAD: Final = 27
"""Bytes of an Ogg page (RFC 3533, section 6) before its table of segments; the last of them is the table's size."""
_CHECKSUM: Final = slice(22, 26)
_LAST_PAGE: Final = 4
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_UNKNOWN_LENGTH: Final = (1 << 63) - 1
"""Frames of a FLAC file whose header has none (libsndfile's SF_COUNT_MAX)."""
_BLOCK: Final = 1 << 16
_FULL_SCALE: Final = 0.98
"""Share of full scale: the ends of mu-law (0.980) and of 8-bit PCM (0.992) count, too."""


@dataclass(frozen=True)
class Block:
    """Consecutive frames of a recording, its channels mixed to one."""

    values: Array  # float32, shape ``(n,)``, within -1 and 1.
    clipped: Array  # bool, shape ``(n,)``: at full scale, as are the two frames before it.

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, frames: slice) -> Block:
        return Block(self.values[frames], self.clipped[frames])

    def __add__(self, after: Block) -> Block:
        if not len(self):
            return after
        joined = np.concatenate([self.values, after.values])
        return Block(joined, np.concatenate([self.clipped, after.clipped]))


NO_FRAMES: Final = Block(np.zeros(0, np.float32), np.zeros(0, bool))


class AudioFile:
    """A recording that `opened` has found to be what it says.

    Attributes:
        rate: frames a second.
        channels: values of a frame.
        frames: as many as the header says.
    """

    def __init__(self, file: soundfile.SoundFile) -> None:
        self._file = file
        self.rate: int = file.samplerate
        self.channels: int = file.channels
        self.frames: int = file.frames

    def blocks(self, channels: Channels) -> Iterator[Block]:
        """All frames from the first, never more than a few hundred kilobytes at once.

        Raises:
            UnusableRecord: the recording has no such channel, ends early, cannot be decoded, or has a sample that is
                not finite.
        """
        chosen = self._chosen(channels)
        most = max(1, _BLOCK // self.channels)
        done = 0
        with _decoding():
            self._file.seek(0)
        while len(values := self._read(most)):
            if not (finite := np.isfinite(values)).all():
                raise UnusableRecord(Anomaly.NOT_FINITE, f"frame {done + int(finite.all(axis=1).argmin())}")
            done += len(values)
            yield _mixed(values[:, chosen])
        if done < self.frames:
            raise UnusableRecord(Anomaly.CORRUPT, f"ends after {done} of {self.frames} frames")

    def _chosen(self, channels: Channels) -> slice:
        if channels == "mean":
            return slice(None)
        index = 0 if channels == "first" else channels
        if index >= self.channels:
            raise UnusableRecord(Anomaly.EMPTY, f"no channel {index}: it has {self.channels}, counted from 0")
        return slice(index, index + 1)

    def _read(self, frames: int) -> Array:
        with _decoding():
            values: Array = self._file.read(frames, dtype="float32", always_2d=True)
        return values


@contextmanager
def opened(path: Path) -> Iterator[AudioFile]:
    """A recording, checked as far as its header and its end show.

    Raises:
        UnusableRecord: it is missing, empty, another kind of file than its suffix says, damaged, ends early, or
            claims more than any recording holds.
    """
    _check_bytes(path)
    with _decoding():
        file = soundfile.SoundFile(path)
    with file:
        _check_header(file)
        yield AudioFile(file)


def _mixed(values: Array) -> Block:
    # Floating-point files may go beyond full scale; a converter saturates there. Channels come one after the other:
    # numpy is ten times slower along an axis of two.
    by_channel = np.clip(np.ascontiguousarray(values.T), -1, 1)
    at_end = (np.abs(by_channel[:, 1:]) >= _FULL_SCALE) & (by_channel[:, 1:] == by_channel[:, :-1])
    clipped = np.zeros(len(values), bool)
    clipped[2:] = (at_end[:, 1:] & at_end[:, :-1]).any(axis=0)
    return Block(by_channel[0] if len(by_channel) == 1 else by_channel.mean(axis=0, dtype=np.float32), clipped)


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise UnusableRecord(Anomaly.CORRUPT, f"cannot be decoded: {error.error_string.rstrip('.')}") from error


def _check_bytes(path: Path) -> None:
    try:
        with path.open("rb") as file:
            _check_signature(path.suffix.lower(), file.read(_HEAD))
            size = os.fstat(file.fileno()).st_size
            if path.suffix.lower() == ".wav":
                _check_wav(file, size)
            elif path.suffix.lower() == ".ogg":
                _check_ogg(file)
    except FileNotFoundError as error:
        raise UnusableRecord(Anomaly.MISSING, "gone since the folder was listed") from error
    except OSError as error:
        raise UnusableRecord(Anomaly.CORRUPT, f"cannot be read: {error.strerror}") from error


def _check_signature(suffix: str, head: bytes) -> None:
    if not head:
        raise UnusableRecord(Anomaly.EMPTY, "0 bytes")
    kind = next((kind for kind, signature in _SIGNATURES.items() if signature.match(head)), None)
    if kind is None:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, f"no {suffix[1:].upper()}: begins with {head[:8].hex(' ')}")
    if f".{kind.lower()}" != suffix:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, f"is {kind}")


def _check_wav(file: IO[bytes], size: int) -> None:
    data = _wav_data(file)
    if data is None:
        return
    begin, promised = data
    there = max(0, size - begin)
    if promised > there:
        kind = Anomaly.TOO_LARGE if promised >= _ABSURD_BYTES else Anomaly.CORRUPT
        raise UnusableRecord(kind, f"the header promises {promised} bytes of samples, {there} are there")


def _wav_data(file: IO[bytes]) -> tuple[int, int] | None:
    """Where a WAV's samples begin, and how many bytes the header promises; None where it has none."""
    file.seek(0)
    order = ">" if file.read(_HEAD).startswith(b"RIFX") else "<"
    large = None
    for _ in range(_MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        name, size = struct.unpack(f"{order}4sI", header)
        begin = file.tell()
        if name == b"data":
            # RF64 has sizes beyond 32 bits in a chunk of their own (EBU Tech 3306).
            return begin, large if large is not None and size == 0xFFFFFFFF else size
        if name == b"ds64":
            sizes = file.read(16)
            large = struct.unpack("<8xQ", sizes)[0] if len(sizes) == 16 else None
        file.seek(begin + size + size % 2)
    return None


def _check_ogg(file: IO[bytes]) -> None:
    """Each page is whole by its checksum, for a decoder skips those that are not; the last says that it is the last."""
    file.seek(0)
    is_last = 0
    while head := file.read(_PAGE_HEAD):
        segments = file.read(head[-1]) if len(head) == _PAGE_HEAD else b""
        body = file.read(sum(segments))
        if not segments or len(body) < sum(segments):
            break
        if not head.startswith(b"OggS") or _ogg_checksum(head, segments + body) != head[_CHECKSUM]:
            raise UnusableRecord(Anomaly.CORRUPT, f"damaged before byte {file.tell()}: a page has another checksum")
        is_last = head[5] & _LAST_PAGE
    if not is_last:
        raise UnusableRecord(Anomaly.CORRUPT, "ends early: no last page")


def _ogg_checksum(head: bytes, rest: bytes) -> bytes:
    """That of a page, taken with its own bytes as zeros: a CRC as zlib's, but the other way round and begun with 0."""
    page = head[: _CHECKSUM.start] + bytes(4) + head[_CHECKSUM.stop :] + rest
    backwards = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{backwards:032b}"[::-1], 2).to_bytes(4, "little")


def _check_header(file: soundfile.SoundFile) -> None:
    if file.subtype.startswith("MPEG"):
        raise UnusableRecord(Anomaly.WRONG_FORMAT, "is MP3 in another kind of file")
    if file.frames == _UNKNOWN_LENGTH:
        raise UnusableRecord(Anomaly.CORRUPT, "the header gives no length")
    if file.frames <= 0:
        raise UnusableRecord(Anomaly.EMPTY, "no frames")
    if file.samplerate not in _RATES:
        raise UnusableRecord(Anomaly.CORRUPT, f"the header claims {file.samplerate} frames a second")
    if file.frames > _LONGEST_S * file.samplerate:
        raise UnusableRecord(
            Anomaly.TOO_LARGE, f"claims {file.frames} frames, {file.frames / file.samplerate / 3600:.0f} hours"
        )
