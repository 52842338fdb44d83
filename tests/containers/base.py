"""A base image where no registry is in reach: a Debian tree with this machine's Python 3.10."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

MIRROR: Final = "http://deb.debian.org/debian"
SUITE: Final = "bookworm"

# What a CPython that was built on Debian links to.
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
    """Debian with Python 3.10 as `python3.10`, made once and kept.

    Debian bookworm has Python 3.11, so the interpreter that runs this, with all that was installed with it, goes to the
    same place in the tree.

    Args:
        folder: for the tree and for a part of it while it is made.

    Raises:
        SystemExit: debootstrap failed, or the interpreter is the system's own.
    """
    tree, part = folder / "base", folder / "base.part"
    if tree.exists():
        return tree
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", SUITE, str(part), MIRROR],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    _add_python(part)
    # For who reaches the package index through a proxy with a certificate of its own.
    shutil.copy(_AUTHORITIES, part / _AUTHORITIES.relative_to("/"))
    part.rename(tree)
    return tree


def _add_python(tree: Path) -> None:
    prefix = Path(sys.base_prefix)
    if prefix == Path("/usr"):
        sys.exit("error: this Python is a part of the system; give an image with Python 3.10: BASE=IMAGE")
    place = tree / prefix.relative_to("/")
    shutil.copytree(prefix, place, symlinks=True, ignore=shutil.ignore_patterns("test", "__pycache__", "site-packages"))
    # pip for the first virtual environment comes from ensurepip.
    (tree / "usr/local/bin/python3.10").symlink_to(prefix / "bin/python3.10")
    for parent in place.relative_to(tree).parents:
        (tree / parent).chmod((tree / parent).stat().st_mode | 0o011)
