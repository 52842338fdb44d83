"""The newest kfp and kfp-kubernetes, in an environment of their own: TensorFlow holds ours at protobuf 3.20."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_deployer.errors import TinyopsError
from pipeline.kubeflow.verification.kfp_child import PROGRAM
from pipeline.kubeflow.verification.messages import Messages, messages_from

_REQUIREMENTS = Path(__file__).with_name("kfp-newest.txt")
_UNREACHABLE = ("NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "name resolution")
_MESSAGES = "kubernetes_executor_config.binpb"


class UnavailableError(Exception):
    """The environment is not there and cannot be made; its text says why."""


@dataclass(frozen=True)
class NewestKfp:
    """An environment that is ready."""

    folder: Path  # Where it is.

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def messages(self) -> Messages:
        """What its kfp reads compiled files into."""
        return messages_from((self.folder / _MESSAGES).read_bytes())


def default_folder() -> Path:
    """Where environments are kept unless the user says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinyops"


def newest_kfp(kept_in: Path, *, offline: bool, before_making: Callable[[], None]) -> NewestKfp:
    """The environment, made unless it is there.

    Args:
        kept_in: folder of such environments; another lock file or interpreter gets another one.
        offline: do not make it.
        before_making: called if it has to be made, which takes a while.

    Raises:
        UnavailableError: it has to be made and cannot be, e.g. because no package index is in reach.
        TinyopsError: the folder cannot be written.
    """
    interpreter = f"{sys.base_prefix} {sys.version} {sysconfig.get_platform()}"
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes() + interpreter.encode()).hexdigest()[:12]
    folder = kept_in / f"kfp-newest-{wanted}"
    if not folder.exists():
        if offline:
            raise UnavailableError(f"--offline was given, and {kept_in} has no environment with the newest kfp")
        before_making()
        _make(folder)
    return NewestKfp(folder)


def _make(folder: Path) -> None:
    """Make it aside and move it: whoever finds it finds all of it, and two who make it at once do no harm."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent) as aside:
            made = Path(aside, "environment")
            _fill(made)
            try:
                made.rename(folder)
            except OSError:
                # Someone else was quicker.
                if not folder.exists():
                    raise
    except OSError as error:
        raise TinyopsError(
            f"no environment can be made in {folder.parent}: {error.strerror}",
            remedy="name a folder that can be written with --environment",
        ) from error


def _fill(folder: Path) -> None:
    python = folder / "bin" / "python"
    _run("venv", [sys.executable, "-I", "-m", "venv", str(folder)])
    pip = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    _run("pip", [*pip, "--retries", "1", "--timeout", "15", "--require-hashes", "-r", str(_REQUIREMENTS)])
    (folder / _MESSAGES).write_bytes(_run("kfp-kubernetes", [str(python), "-I", str(PROGRAM), "message"]))


def _run(what: str, command: Sequence[str]) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace")
        if any(word in said for word in _UNREACHABLE):
            raise UnavailableError(f"{what} does not reach its package index")
        raise UnavailableError(f"{what} failed: {(said.strip() or 'no message').splitlines()[-1]}")
    return done.stdout
