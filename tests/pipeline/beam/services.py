"""The portable path of Beam on this machine: its Python job server and a pool of workers, each a process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.project import quiet_libraries

_JOB_SERVER = ["-m", "apache_beam.runners.portability.local_job_service_main"]
_SEVERAL_WORKERS = str(Path(__file__).with_name("job_server.py"))
_WORKER_POOL = [str(Path(__file__).with_name("worker_pool.py"))]
_PATIENCE_S = 180.0


@contextmanager
def job_server(folder: Path) -> Iterator[str]:
    """The address of a job server; logs and staged files are in the folder."""
    options = ["--staging_dir", str(folder / "staging"), "--port_file"]
    with _service([*_JOB_SERVER, *options], folder / "job-server") as address:
        yield address


@contextmanager
def job_server_with_workers(folder: Path, workers: int) -> Iterator[str]:
    """The same, but each job has so many workers."""
    with _service([_SEVERAL_WORKERS, str(workers), str(folder / "staging")], folder / "job-server") as address:
        yield address


@contextmanager
def worker_pool(folder: Path, kind: str, modules: Path) -> Iterator[str]:
    """The address of a pool of workers.

    Args:
        folder: for the log.
        kind: ``threads`` or ``processes``.
        modules: the folder of the user's module, which workers import.
    """
    path = os.pathsep.join(filter(None, [str(modules), os.environ.get("PYTHONPATH")]))
    with _service([*_WORKER_POOL, kind], folder / "worker-pool", PYTHONPATH=path) as address:
        yield address


def portable(job_server: str, worker_pool: str) -> dict[str, Any]:
    """The section `beam` for both."""
    options = {"job_endpoint": job_server, "environment_type": "EXTERNAL", "environment_config": worker_pool}
    return {"runner": "portable", "options": options}


@contextmanager
def _service(arguments: list[str], files: Path, **environment: str) -> Iterator[str]:
    """A Python process that writes its port to the file that is its last argument."""
    port_file = files.with_suffix(".port")
    # A worker pool starts `python`, whichever that is.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with files.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments, str(port_file)],
            cwd=files.parent,
            stdout=log,
            stderr=log,
            env={**os.environ, **quiet_libraries.ENVIRONMENT, **environment, "PATH": path},
        )
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while not port_file.exists():
            assert process.poll() is None, files.with_suffix(".log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield f"localhost:{port_file.read_text()}"
    finally:
        process.terminate()
        process.wait()
