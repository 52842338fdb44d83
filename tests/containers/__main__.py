"""`make verify-containers`: builds the images and runs the whole line in them.

Needs root, and installs Debian's podman and what else is missing. All that it leaves is the folder `.containers`: the
Debian tree for the next time, and logs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pipeline.kubeflow.compilation.compiler import compile_project
from pipeline.kubeflow.compilation.pipeline_file import PipelineFile
from pipeline.kubeflow.replay.run import TaskEnded, TaskStarted
from pipeline.project import quiet_libraries
from pipeline.project.config import DEFAULT_CONFIG
from tests.containers.base import PYTHON, make_tree
from tests.containers.engine import Engine
from tests.containers.images import (
    EDGE_DEPLOYER,
    EDGE_LIMIT_MB,
    GATEWAY,
    ROOT,
    build,
    import_tree,
    modules_found,
    python_packages_mb,
)
from tests.containers.line import running_line

CACHE: Final = ROOT / ".containers"
FREE_GB: Final = 15
# Command and Debian package.
PROGRAMS: Final = {
    "podman": "podman",
    "runc": "runc",
    "catatonit": "catatonit",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
}


def main() -> None:
    """Verify, one thing after the other; the first that fails ends it."""
    parser = argparse.ArgumentParser(prog="make verify-containers")
    parser.add_argument("--base", help=f"image with {PYTHON}; without it, a Debian tree with it")
    base = parser.parse_args().base
    _require_machine()
    CACHE.mkdir(exist_ok=True)
    quiet_libraries.hush()
    pipeline = compile_project(DEFAULT_CONFIG)
    with _engine() as engine:
        _build_images(engine, base, pipeline)
        _check_edge_deployer(engine)
        _run_line(engine, pipeline)
    say("all is well")


def say(text: str) -> None:
    """One line of progress."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


def require(condition: bool, what: str) -> None:
    """Ends the program if something is not as it must be."""
    if not condition:
        sys.exit(f"error: {what}")


def _require_machine() -> None:
    require(os.geteuid() == 0, "containers are verified as root; run `sudo make verify-containers`")
    free_gb = shutil.disk_usage(ROOT).free // 10**9
    require(free_gb >= FREE_GB, f"{free_gb} GB are free at {ROOT}, and {FREE_GB} are needed")
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        say(f"installing {', '.join(missing)}")
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
        subprocess.run(install, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, check=True)


@contextmanager
def _engine() -> Iterator[Engine]:
    store = CACHE / "store"
    # A run that was killed leaves it.
    _remove(store)
    with tempfile.TemporaryDirectory(prefix="tinyops-") as state:
        engine = Engine.create(store, Path(state))
        try:
            yield engine
        finally:
            engine.run("rm", "--all", "--force", "--time=0")
            _remove(store)


def _remove(store: Path) -> None:
    # podman mounts a part of it over itself.
    subprocess.run(["umount", store / "overlay"], check=False, capture_output=True)
    shutil.rmtree(store, ignore_errors=not store.exists())


def _build_images(engine: Engine, base: str | None, pipeline: PipelineFile) -> None:
    if base is None:
        base = import_tree(engine, make_tree(CACHE))
        say("made a base image of Debian with Python")
    (image,) = {executor["container"]["image"] for executor in pipeline.executors.values()}
    for name, file, *options in (
        (GATEWAY, "gateway.Containerfile"),
        (EDGE_DEPLOYER, "tinyops.Containerfile", "--target=edge-deployer"),
        (f"localhost/{image}", "tinyops.Containerfile", "--target=pipeline"),
    ):
        log, began = CACHE / f"{Path(name).name.partition(':')[0]}.log", time.monotonic()
        try:
            build(engine, base, name, file, *options, log=log)
        except subprocess.CalledProcessError:
            sys.exit(f"error: {name} is not built; log: {log}")
        say(f"built {name} in {time.monotonic() - began:.0f} s")


def _check_edge_deployer(engine: Engine) -> None:
    size = python_packages_mb(engine, EDGE_DEPLOYER)
    say(f"the edge-deployer image has {size} MB of Python packages")
    require(size < EDGE_LIMIT_MB, f"more than {EDGE_LIMIT_MB} MB")
    unwanted = modules_found(engine, EDGE_DEPLOYER, "tensorflow", "tfx", "apache_beam", "kfp")
    require(not unwanted, f"the edge-deployer image has {', '.join(unwanted)}")


def _run_line(engine: Engine, pipeline: PipelineFile) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as name, running_line(engine, Path(name)) as line:
        say("the gateway's pod runs, with two virtual boards")
        wrong = line.run_pipeline(pipeline, _show, "data_file=/opt/nothing.npz").failure
        found = wrong is not None and "nothing.npz" in wrong.message
        require(found, f"a pipeline without its data did not fail as it should: {wrong}")
        result = line.run_pipeline(pipeline, _show)
        if result.failure is not None:
            shutil.copy(result.failure.log, CACHE / "failed-step.log")
            sys.exit(f"error: {result.failure.task}: {result.failure.message}; log: {CACHE / 'failed-step.log'}")
        say("the pipeline is done in containers, and its release is in production")
        outcome = line.push(line.model, "9.0.0")
        require(outcome == "promoted", f"the push from the edge-deployer image ended as {outcome}")
        say("a push from the edge-deployer image went through the gateway")


def _show(event: TaskStarted | TaskEnded) -> None:
    if isinstance(event, TaskEnded):
        say(f"  {event.task:<20} {event.seconds:6.1f} s  {event.message}")


if __name__ == "__main__":
    main()
