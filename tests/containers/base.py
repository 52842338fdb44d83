"""A base image where no registry is in reach: a Debian tree with the Python that runs this."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"

# Debian 13 has Python 3.13 itself; Debian 12 has no 3.10, and these are what a CPython that was built there links to.
_WITH_ITS_OWN: Final = {"python3.13": "trixie"}
_OWN_PACKAGES: Final = ("ca-certificates", "python3-dev", "python3-venv")
_OTHER: Final = "bookworm"
_PACKAGES: Final = (
    "ca-certificates",
    "libbz2-1.0",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libnsl2",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "zlib1g",
)
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def make_tree(folder: Path) -> Path:
    """Debian with this Python as `PYTHON`, made once and kept.

    Where no Debian has it, the interpreter that runs this, with all that was installed with it, goes to the same place
    in the tree.

    Args:
        folder: for the tree and for a part of it while it is made.

    Raises:
        SystemExit: debootstrap failed, or the interpreter is the system's own.
    """
    tree, part = folder / f"base-{PYTHON}", folder / "base.part"
    if tree.exists():
        return tree
    shutil.rmtree(part, ignore_errors=True)
    own = _WITH_ITS_OWN.get(PYTHON)
    packages = f"--include={','.join(_OWN_PACKAGES if own else _PACKAGES)}"
    subprocess.run(
        ["debootstrap", "--variant=minbase", packages, own or _OTHER, str(part), *_mirror()],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    if not own:
        _add_python(part)
    # For who reaches the package index through a proxy with a certificate of its own.
    shutil.copy(_AUTHORITIES, part / _AUTHORITIES.relative_to("/"))
    part.rename(tree)
    return tree


def _mirror() -> list[str]:
    """The mirror that this machine's apt takes Debian from; debootstrap has a default where it takes none."""
    said = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI)",
            "Origin: Debian",
            "Label: Debian",
            "Created-By: Packages",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return said.stdout.split()[:1]


def _add_python(tree: Path) -> None:
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):
        sys.exit(f"error: this Python is a part of the system; give an image with {PYTHON}: BASE=IMAGE")
    place = tree / prefix.relative_to("/")
    shutil.copytree(prefix, place, symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__", "site-packages"))
    # pip for the first virtual environment comes from ensurepip.
    (tree / "usr/local/bin" / PYTHON).symlink_to(prefix / "bin" / PYTHON)
    for parent in place.relative_to(tree).parents:
        (tree / parent).chmod((tree / parent).stat().st_mode | 0o011)
