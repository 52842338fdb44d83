"""podman with a store of its own, which leaves the machine's alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# runc: Debian's crun fails where the kernel has control groups of version 1 only. The limits: podman's own are above
# those of the machine, where it may not raise them.
_SETTINGS: Final = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""


@dataclass(frozen=True)
class Engine:
    """podman's folders.

    Attributes:
        store: images and containers.
        state: what it forgets at a reboot; a short path.
    """

    store: Path
    state: Path

    @classmethod
    def create(cls, store: Path, state: Path) -> Engine:
        """Writes podman's settings into the folder for its state."""
        engine = cls(store, state)
        engine._settings.write_text(_SETTINGS)
        return engine

    @property
    def _settings(self) -> Path:
        return self.state / "containers.conf"

    def command(self, *words: str | Path) -> list[str]:
        """A podman command line."""
        return ["podman", "--root", str(self.store), "--runroot", str(self.state), *(str(word) for word in words)]

    @property
    def environment(self) -> dict[str, str]:
        """What podman's processes need."""
        return {**os.environ, "CONTAINERS_CONF": str(self._settings)}

    def run(self, *words: str | Path) -> str:
        """Runs podman to its end; returns what it says on stdout.

        Raises:
            subprocess.CalledProcessError: it failed; its messages went to stderr.
        """
        command = self.command(*words)
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def start(self, words: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
        """Starts podman in a session of its own, with its output in a file."""
        with log.open("wb") as output:
            return subprocess.Popen(
                self.command(*words),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
