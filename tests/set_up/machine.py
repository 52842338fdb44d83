"""A machine that is not this one, for the scripts that set up: what stands on its PATH, its libc and its processor."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_TOOLS = ("cat", "chmod", "cut", "dirname", "grep", "mkdir", "rm", "sed", "sh", "tail", "touch", "tr")

# Answers what the scripts ask of a Python; as a module runner it makes an environment, or installs into one.
_PYTHON = """#!/bin/sh
echo "$0 $*" >>"{calls}"
case "$*" in
  *ensurepip*) {ensurepip} ;;
  *version_info*sys.executable*) echo "{version} $0" ;;
  *version_info*) echo "{version}" ;;
  *base_prefix*) echo "{base}" ;;
  *get_config_var*) echo "{compiler}" ;;
  *get_path*) echo "{headers}" ;;
  *"-m venv"*)
    for folder; do :; done
    case "$*" in *--clear*) rm -rf "$folder" ;; esac
    mkdir -p "$folder/bin"
    cat "$0" >"$folder/bin/python"; cat "{uv}" >"$folder/bin/uv"
    chmod +x "$folder/bin/python" "$folder/bin/uv" ;;
  *"-m pip"*) {pip} ;;
esac
"""


@dataclass(frozen=True)
class Machine:
    """A checkout and nothing but what a test puts on PATH.

    Attributes:
        folder: of everything.
    """

    folder: Path

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def programs(self) -> Path:
        return self.folder / "bin"

    @property
    def calls(self) -> list[str]:
        """What its Pythons and its uv were asked to do."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def command(self, name: str, script: str) -> Path:
        """Put a command on PATH; returns its path."""
        return self._program(self.programs / name, f"#!/bin/sh\n{script}\n")

    def libc(self, version: str) -> None:
        self.command("getconf", f"echo 'glibc {version}'")

    def python(self, version: str, place: Path | None = None, *, venv: bool = True, pip: str = "exit 0") -> Path:
        """Put a Python there, by default on PATH under its own name."""
        headers = self.folder / "include"
        headers.mkdir(exist_ok=True)
        (headers / "Python.h").touch()
        text = _PYTHON.format(
            calls=self.folder / "calls",
            ensurepip="exit 0" if venv else "exit 1",
            version=version,
            base=f"prefix of {version}",
            compiler="c++",
            headers=headers,
            uv=self.programs / "uv-of-the-lock",
            pip=pip,
        )
        return self._program(place or self.programs / f"python{version}", text)

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.checkout / ".ci" / script],
            env={"PATH": str(self.programs), "HOME": str(self.folder), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    @staticmethod
    def _program(path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path


def new_machine(folder: Path) -> Machine:
    """x86_64 Linux with Debian 13's glibc and a C++ compiler, and no Python."""
    machine = Machine(folder)
    shutil.copytree(ROOT / ".ci", machine.checkout / ".ci")
    machine.programs.mkdir()
    for tool in _TOOLS:
        found = shutil.which(tool)
        assert found is not None, tool
        (machine.programs / tool).symlink_to(found)
    machine.command("uname", 'case "$1" in -s) echo Linux ;; *) echo x86_64 ;; esac')
    machine.command("c++", "exit 0")
    machine.command("uv-of-the-lock", f'echo "uv $*" >>"{machine.folder / "calls"}"')
    machine.libc("2.41")
    return machine
