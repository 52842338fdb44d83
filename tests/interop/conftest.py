"""Programs that nobody here wrote, in a virtual environment of their own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.edge_deployer.virtual_board.board_fixtures import board, identity_image, signer

__all__ = ["board", "identity_image", "signer"]

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements" / "interop.txt"
ENVIRONMENT = ROOT / ".venv-interop"
UNREACHABLE = ("NewConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ProxyError", "name resolution")


@pytest.fixture(scope="session")
def interop() -> Path:
    """Folder of the environment's programs; the environment is made when it is missing or out of date."""
    stamp, wanted = ENVIRONMENT / "ready", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", ENVIRONMENT], check=True)
        _install()
        stamp.write_text(wanted)
    return ENVIRONMENT / "bin"


def _install() -> None:
    pip = [ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--require-hashes", "-r", REQUIREMENTS], capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip("pip does not reach its package index")
    assert done.returncode == 0, done.stderr
