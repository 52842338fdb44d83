"""Fuzzes the firmware's decoder and SMP server: ``python -m benchmarks.fuzz --minutes N``.

Valid conversations are mutated, as messages and as bytes, and played to the real firmware in this process, with either
framing. A conversation that is answered in a new way joins those that are mutated. Whatever the firmware raises besides
its own faults is a crash: it ends the run, with the script that shows it before the traceback.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import logging
import lzma
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import cbor2

from edge_deployer.profile import load_profile
from edge_deployer.public_key import read_public_keys
from edge_deployer.release.image import sign_image
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.virtual_board import inference_group
from edge_deployer.virtual_board.model import load_model
from edge_deployer.virtual_board.settings import BoardSettings
from edge_deployer.wire.framing import FRAMINGS, FramingName
from edge_deployer.wire.inference import crc32
from edge_deployer.wire.smp import HEADER_BYTES, Header
from tests.edge_deployer.tiny_models import identity_classifier
from tests.edge_deployer.virtual_board.scripted_firmware import SILENCE, play

HANG_SECONDS = 30
LONGEST_CORPUS = 2000
PORTION = 4096
_READ, _WRITE, _VERSION_2 = 0, 2, 1 << 3
_LZMA = [{"id": lzma.FILTER_LZMA1, "dict_size": 4096, "lc": 0, "lp": 0, "pb": 0}]
_PAGE_BYTES = 512
INTERESTING = (0, 1, -1, 23, 24, 255, 256, 65535, 65536, 2**31, 2**32 - 1, 2**63, 2**64 - 1, -(2**63), 1.5, True, None)
OTHER_NAMES = ("off", "len", "sha", "slot", "image", "hash", "confirm", "query", "header", "version", "sequence")
TAGGED = cbor2.CBORTag(2, b"\1" * 9)
CONTAINERS: tuple[Any, ...] = ("", "x" * 300, b"", bytes(300), [], {}, [[[]]], {"a": {"b": 1}}, TAGGED)


@dataclass(frozen=True)
class Message:
    """An SMP request before it is framed."""

    op: int
    group: int
    command: int
    fields: Any

    def encode(self, sequence: int) -> bytes:
        """Header and map."""
        body = self.fields if isinstance(self.fields, bytes) else cbor2.dumps(self.fields)
        header = Header(self.op, 0, self.group % 65536, sequence % 256, self.command, length=len(body) % 65536)
        return header.pack() + body


Conversation = tuple[Message, ...]
Script = list[bytes | None]


@dataclass
class Tally:
    """What came of it."""

    executions: int = 0
    messages: int = 0
    answers: set[tuple[Any, ...]] = field(default_factory=set)


def read(group: int, command: int, **fields: Any) -> Message:
    """A read request."""
    return Message(_READ | _VERSION_2, group, command, fields)


def write(group: int, command: int, **fields: Any) -> Message:
    """A write request."""
    return Message(_WRITE | _VERSION_2, group, command, fields)


def uploads(image: bytes, group: int, command: int, first: dict[str, Any], chunk: int = 300) -> Conversation:
    """An upload in chunks."""
    return tuple(
        write(group, command, off=start, data=image[start : start + chunk], **({} if start else first))
        for start in range(0, len(image), chunk)
    )


def conversations(image: bytes, digest: bytes) -> list[Conversation]:
    """What a client says, by the book."""
    sha = hashlib.sha256(image).digest()
    packed = lzma.compress(image, lzma.FORMAT_RAW, filters=_LZMA)
    batch = bytes(range(8))
    run = {"len": 8, "n": 2, "crc": crc32(batch)}
    questions = (
        write(0, 0, d="hello"),
        read(0, 6),
        read(0, 7, format="a"),
        read(0, 8),
        read(0, 8, query="mode"),
        read(1, 0),
        read(2, 1),
        read(2, 0, name="smp"),
        read(65, 0, rev=2),
        read(65, 2),
        read(65, 3),
        read(65, 4),
        read(65, 5, off=0, n=8),
        write(65, 3, epoch=1),
    )
    inference = (write(65, 1, off=0, data=batch, **run), read(65, 1, off=4))
    in_chunks = (write(65, 1, off=0, data=batch[:5], **run), write(65, 1, off=5, data=batch[5:]))
    upload = uploads(image, 1, 1, {"len": len(image), "sha": sha})
    compressed = uploads(packed, 65, 4, {"len": len(packed), "size": len(image), "sha": sha})
    told = {"len": len(image) - _PAGE_BYTES, "size": len(image), "sha": sha, "at": _PAGE_BYTES, "codec": 0, "epoch": 1}
    rest = (*upload[:3], write(0, 5), *uploads(image[_PAGE_BYTES:], 65, 4, told))
    settle = (write(1, 0, hash=digest, confirm=False), write(0, 5), write(1, 0, confirm=True), write(0, 5), read(1, 0))
    again = (*upload[:2], write(1, 5), *upload)
    return [questions, inference + in_chunks, upload + settle, compressed + settle, rest + settle, again]


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Another value for a field: near, far, or of another type."""
    if isinstance(value, bytes) and value and rng.random() < 0.6:
        return damage(value, rng)
    if isinstance(value, int) and rng.random() < 0.5:
        return value + rng.choice((-1, 1, 2, 256, -256))
    return rng.choice(INTERESTING + CONTAINERS)


def damage(data: bytes, rng: random.Random) -> bytes:
    """Bytes with flips, cuts, repetitions or noise."""
    data_now = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data_now) + 1)
        end = min(len(data_now), at + rng.randint(1, 40))
        kind = rng.randrange(4)
        if kind == 0 and at < len(data_now):
            data_now[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data_now[at:end]
        elif kind == 2:
            data_now[at:at] = data_now[at:end]
        else:
            data_now[at:at] = rng.randbytes(rng.randint(1, 12))
    return bytes(data_now)


def mutate_message(message: Message, rng: random.Random) -> Message:
    """A request with another header, another field, or a damaged map."""
    kind = rng.randrange(6)
    if kind == 0:
        return replace(message, op=rng.randrange(256))
    if kind == 1:
        return replace(message, group=rng.choice((0, 1, 2, 3, 9, 65, 65535)), command=rng.randrange(12))
    if kind == 2 or not isinstance(message.fields, dict):
        body = message.fields if isinstance(message.fields, bytes) else cbor2.dumps(message.fields)
        return replace(message, fields=damage(body, rng))
    fields = dict(message.fields)
    name = rng.choice([*fields, *OTHER_NAMES])
    if kind == 3:
        fields.pop(name, None)
    else:
        fields[name] = mutate_value(fields.get(name), rng)
    return replace(message, fields=fields)


def mutate_conversation(corpus: list[Conversation], rng: random.Random) -> Conversation:
    """A few mutations of one conversation, perhaps with a piece of another in it."""
    messages = list(rng.choice(corpus))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(messages))
        kind = rng.randrange(6)
        if kind == 0 and len(messages) > 1:
            del messages[at]
        elif kind == 1:
            messages.insert(at, messages[at])
        elif kind == 2:
            other = rng.choice(corpus)
            start = rng.randrange(len(other))
            messages[at:at] = other[start : start + rng.randint(1, 12)]
        else:
            messages[at] = mutate_message(messages[at], rng)
    return tuple(messages[:200])


def framed(conversation: Conversation, framing: FramingName, rng: random.Random) -> Script:
    """A conversation as portions on the line, some of it damaged there."""
    script: Script = []
    damages = rng.random() < 0.3
    for sequence, message in enumerate(conversation):
        data = FRAMINGS[framing].encode(message.encode(sequence))
        if damages and rng.random() < 0.2:
            data = damage(data, rng)
        cut = rng.randrange(len(data) + 1) if rng.random() < 0.1 else len(data)
        portions = [data[:cut][start : start + PORTION] for start in range(0, cut, PORTION)] + [data[cut:]]
        script += [portion for portion in portions if portion]
        if rng.random() < 0.1:
            script.append(SILENCE)
    return script


def signatures(sent: bytes, framing: FramingName) -> Iterator[tuple[Any, ...]]:
    """How each answer is, without its numbers."""
    for answer in FRAMINGS[framing].decoder(65536).feed(sent):
        header = Header.of(answer)
        assert header is not None
        fields = cbor2.loads(answer[HEADER_BYTES:])
        error = fields.get("err", {}).get("rc") if isinstance(fields.get("err"), dict) else fields.get("rc")
        yield header.op, header.group, header.command, error, tuple(sorted(fields))


class Fuzzer:
    """Plays mutated conversations to a board whose flash is the same at each start.

    Args:
        settings: the board, for each framing.
        flash: the flash to start with.
        seeds: valid conversations.
        rng: all choices.
    """

    def __init__(
        self, settings: dict[FramingName, BoardSettings], flash: Path, seeds: list[Conversation], rng: random.Random
    ) -> None:
        self.tally = Tally()
        self._settings, self._flash, self._rng = settings, flash, rng
        self._corpus = list(seeds)

    def run(self, seconds: float) -> Tally:
        """Fuzz for so long."""
        until = time.monotonic() + seconds
        for conversation in tuple(self._corpus):
            self._play(conversation, rng=None)
        while time.monotonic() < until:
            self._play(mutate_conversation(self._corpus, self._rng), self._rng)
        return self.tally

    def _play(self, conversation: Conversation, rng: random.Random | None) -> None:
        framing: FramingName = self._rng.choice(tuple(self._settings))
        script = framed(conversation, framing, rng or _Undamaged())
        settings = self._settings[framing]
        shutil.copytree(self._flash, settings.flash_directory, dirs_exist_ok=True)
        self.tally.executions += 1
        self.tally.messages += len(conversation)
        with ExitStack() as on_crash:
            on_crash.callback(print, f"crash, {framing} framing, script {script!r}", flush=True)
            with deadline(HANG_SECONDS):
                sent, _ = play(settings, script)
            on_crash.pop_all()
        fresh = set(signatures(sent, framing)) - self.tally.answers
        self.tally.answers |= fresh
        if fresh and len(self._corpus) < LONGEST_CORPUS:
            self._corpus.append(conversation)


class _Undamaged(random.Random):
    """Chooses nothing that damages."""

    def random(self) -> float:
        return 1.0


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """Raise TimeoutError in what takes longer."""

    def expire(*_: object) -> None:
        raise TimeoutError(f"no end after {seconds} s")

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def prepare(folder: Path, key: SigningKey) -> dict[FramingName, BoardSettings]:
    """A small board for each framing, so that starting it costs little."""
    (folder / "public.pem").write_bytes(key.public_pem)
    public_keys = read_public_keys(folder / "public.pem")
    small = {"slot_bytes": 16384, "page_bytes": _PAGE_BYTES, "arena_bytes": 16384, "compressed_upload": True}
    profile = load_profile("cortex-m0plus").model_copy(update=small)
    return {
        framing: BoardSettings(folder / framing, profile.model_copy(update={"framing": framing}), public_keys)
        for framing in FRAMINGS
    }


def fuzz(seconds: float, seed: int) -> Tally:
    """Fuzz for so long; see the module."""
    load: Callable[..., Any] = functools.lru_cache(load_model)
    logging.disable()
    with tempfile.TemporaryDirectory() as name, mock.patch.object(inference_group, "load_model", load):
        folder = Path(name)
        key = load_or_create_signing_key(folder / "key.pem")
        settings = prepare(folder, key)
        image = sign_image(identity_classifier(), version="1.0.0", manifest=b"{}", key=key)
        seeds = conversations(image.data, image.hash)
        install = [*uploads(image.data, 1, 1, {"len": len(image.data)}), write(1, 0, hash=image.hash, confirm=True)]
        script = framed((*install, write(0, 5)), "raw", _Undamaged())
        play(settings["raw"], script)
        flash = settings["raw"].flash_directory.rename(folder / "installed")
        return Fuzzer(settings, flash, seeds, random.Random(seed)).run(seconds)


def main() -> None:
    """Fuzz, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tally = fuzz(arguments.minutes * 60, arguments.seed)
    print(f"{tally.executions} executions, {tally.messages} messages, {len(tally.answers)} distinct answers, no crash")


if __name__ == "__main__":
    main()
