"""A virtual board as a process, and images signed for it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imgtool.main import imgtool

from edge_deployer.inventory import bench

_SLOT = "0x80000"


@dataclass(frozen=True)
class RunningBoard:
    """A board that answers."""

    directory: Path
    process: subprocess.Popen[str]
    udp: str | None = None

    @property
    def url(self) -> str:
        return self.udp or str(self.directory / "line")

    @property
    def log(self) -> str:
        return (self.directory / "board.log").read_text()

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def running_board(
    directory: Path,
    public_key: Path,
    *,
    line_rate: int = 0,
    profile: str = "cortex-m4",
    options: Sequence[str] = (),
    udp: bool = False,
) -> Iterator[RunningBoard]:
    """Power on; power off at the end. The same directory is the same board, with its flash.

    Args:
        directory: the board's.
        public_key: the key it trusts.
        line_rate: bits per second; 0: no limit.
        profile: the class of board.
        options: more words for the command line.
        udp: whether it answers at a UDP port instead of a pty.
    """
    with running_boards(
        [directory], public_key, line_rate=line_rate, profile=profile, options=options, udp=udp
    ) as boards:
        yield boards[0]


@contextmanager
def running_boards(
    directories: Sequence[Path],
    public_key: Path,
    *,
    line_rate: int = 0,
    profile: str = "cortex-m4",
    options: Sequence[str] = (),
    udp: bool = False,
) -> Iterator[list[RunningBoard]]:
    """As `running_board`, boards of one process."""
    command = [*bench.module_command("edge_deployer.virtual_board"), "--line-rate", str(line_rate), *options]
    for directory in directories:
        command += ["--board", str(directory), profile, str(public_key), *(["udp=0"] if udp else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            ready = dict(_ready(process.stdout.readline()) for _ in directories)
            yield [RunningBoard(path, process, ready[str(path)] if udp else None) for path in directories]
        finally:
            process.stdin.close()
            process.wait()


def _ready(line: str) -> tuple[str, str]:
    """Directory and address of a board that has booted."""
    word, address, directory = line.strip().split(" ", maxsplit=2)
    assert word == "ready", line
    return directory, address


@dataclass(frozen=True)
class Signer:
    """Signs with imgtool.

    Attributes:
        private_key: ed25519, PEM.
        public_key: the same key's public half.
    """

    private_key: Path
    public_key: Path

    @classmethod
    def generate(cls, directory: Path) -> Signer:
        signer = cls(directory / "private.pem", directory / "public.pem")
        _imgtool("keygen", "--key", str(signer.private_key), "--type", "ed25519")
        _imgtool("getpub", "--key", str(signer.private_key), "--encoding", "pem", "--output", str(signer.public_key))
        return signer

    def sign(self, model: bytes, version: str = "1.0.0", *, security_counter: int = 0) -> bytes:
        return make_image(model, version, self.private_key, security_counter=security_counter)


def make_image(model: bytes, version: str, private_key: Path | None, *, security_counter: int = 0) -> bytes:
    """An MCUboot image; unsigned without a key, without a security counter where it is 0."""
    with tempfile.TemporaryDirectory() as folder:
        payload, image = Path(folder) / "model.tflite", Path(folder) / "model.img"
        payload.write_bytes(model)
        key = ["--key", str(private_key)] if private_key else []
        key += ["--security-counter", str(security_counter)] if security_counter else []
        layout = ["--header-size", "32", "--pad-header", "--slot-size", _SLOT, "--align", "4"]
        _imgtool("sign", *key, "--version", version, *layout, str(payload), str(image))
        return image.read_bytes()


def _imgtool(*arguments: str) -> None:
    """The command line of imgtool, in this process: its imports take longer than its work."""
    imgtool.main(arguments, standalone_mode=False)
