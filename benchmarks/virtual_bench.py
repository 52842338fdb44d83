"""Virtual boards for the measurements, one line process for all of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_deployer.child_process import module_command
from edge_deployer.release.image import SignedImage, sign_image
from edge_deployer.release.keys import SigningKey, load_or_create_signing_key
from edge_deployer.virtual_board.faults import HEALTHY, FaultPlan


@dataclass(frozen=True)
class VirtualBench:
    """Boards with power on.

    Attributes:
        process: the line process; its children are the firmware.
        directories: a board each; ``line`` in it is the serial port.
        key: what they trust.
    """

    process: int
    directories: tuple[Path, ...]
    key: SigningKey

    @property
    def urls(self) -> list[str]:
        """The boards' serial ports."""
        return [str(directory / "line") for directory in self.directories]

    def sign(self, payload: bytes, version: str = "1.0.0") -> SignedImage:
        """An image that these boards boot."""
        return sign_image(payload, version=version, manifest=b"{}", key=self.key)


@contextmanager
def virtual_bench(
    folder: Path,
    *,
    profile: Path | str = "cortex-m4",
    count: int = 1,
    line_rate: int = 115200,
    framing: str = "console",
    faults: FaultPlan = HEALTHY,
    realtime: bool = False,
) -> Iterator[VirtualBench]:
    """Power boards up, and down at the end.

    Args:
        folder: holds their flash; made if it does not exist.
        profile: a shipped board profile's name, or a file.
        count: how many boards.
        line_rate: bits per second; 0 for no limit.
        framing: ``console`` or ``raw``.
        faults: what goes wrong with each of them.
        realtime: whether an inference takes as long as the profile says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = load_or_create_signing_key(folder / "signing.pem")
    public, plan = folder / "public.pem", folder / "faults.json"
    public.write_bytes(key.public_pem)
    plan.write_text(faults.model_dump_json())
    directories = tuple(folder / f"board-{number}" for number in range(count))
    command = [*module_command("edge_deployer.virtual_board"), "--line-rate", line_rate, "--framing", framing]
    command += ["--faults", plan, *(["--realtime"] if realtime else [])]
    for directory in directories:
        command += ["--board", directory, profile, public]
    words = [str(word) for word in command]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            for _ in directories:
                ready = process.stdout.readline()
                assert ready.startswith("ready "), ready
            yield VirtualBench(process.pid, directories, key)
        finally:
            process.stdin.close()
            process.wait()
