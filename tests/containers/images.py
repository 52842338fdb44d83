"""The images of `kubernetes/images`, built from this source tree."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from tests.containers.base import PYTHON
from tests.containers.engine import Engine

ROOT: Final = Path(__file__).resolve().parents[2]
IMAGES: Final = ROOT / "kubernetes" / "images"

BASE: Final = "localhost/tinyops/base:verify"
GATEWAY: Final = "localhost/tinyops/gateway:verify"
EDGE_DEPLOYER: Final = "localhost/tinyops/edge-deployer:verify"

EDGE_LIMIT_MB: Final = 250
_PACKAGES: Final = f"/opt/venv/lib/{PYTHON}/site-packages"


def import_tree(engine: Engine, tree: Path) -> str:
    """Makes an image of a folder; returns its name."""
    with subprocess.Popen(["tar", "-C", tree, "-c", "."], stdout=subprocess.PIPE) as tar:
        command = engine.command("import", "-", BASE)
        subprocess.run(command, env=engine.environment, stdin=tar.stdout, check=True, capture_output=True)
    return BASE


def build(engine: Engine, base: str, name: str, file: str, *options: str, log: Path) -> None:
    """Builds an image.

    Args:
        engine: podman.
        base: what it begins with.
        name: what it is called.
        file: Containerfile.
        options: more options of `podman build`.
        log: for what it says.

    Raises:
        subprocess.CalledProcessError: the build failed.
    """
    settings = engine.state / "pip.conf"
    settings.write_text(_pip_settings())
    words = [
        "build",
        "--isolation=chroot",
        "--pull=missing",
        f"--build-arg=BASE={base}",
        f"--build-arg=PYTHON={PYTHON}",
        f"--secret=id=pip,src={settings}",
    ]
    words += [*options, "--file", str(IMAGES / file), "--tag", name, str(ROOT)]
    with log.open("w") as output:
        command = engine.command(*words)
        subprocess.run(command, env=engine.environment, stdout=output, stderr=subprocess.STDOUT, check=True)


def _pip_settings() -> str:
    """This machine's package index, as pip's environment variables say, for pip in a build."""
    lines = ["[global]", "cert = /etc/ssl/certs/ca-certificates.crt", "disable-pip-version-check = true"]
    for variable, option in (("PIP_INDEX_URL", "index-url"), ("PIP_EXTRA_INDEX_URL", "extra-index-url")):
        if variable in os.environ:
            lines.append(f"{option} = {os.environ[variable]}")
    return "\n".join(lines) + "\n"


def python_packages_mb(engine: Engine, image: str) -> int:
    """Size of the Python packages in an image."""
    return int(engine.run("run", "--rm", "--network=none", "--entrypoint=du", image, "-sm", _PACKAGES).split()[0])


def modules_found(engine: Engine, image: str, *names: str) -> list[str]:
    """Which of these modules an image has."""
    program = "import importlib.util, sys; print(*(n for n in sys.argv[1:] if importlib.util.find_spec(n)))"
    return engine.run("run", "--rm", "--network=none", "--entrypoint=python", image, "-c", program, *names).split()
