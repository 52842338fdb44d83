"""Beam's Python job server, but with more than one worker a job: ``job_server.py WORKERS STAGING_FOLDER PORT_FILE``.

Beam's own main gives each job one, whatever the job's options say.
"""

from __future__ import annotations

import signal
import sys

from apache_beam.runners.portability import local_job_service, local_job_service_main
from apache_beam.runners.portability.fn_api_runner import fn_runner


def main(workers: int, staging: str, port_file: str) -> None:
    """Serve until the process is ended."""

    class Runner(fn_runner.FnApiRunner):
        def __init__(self, *args: object, **settings: object) -> None:
            super().__init__(*args, **settings)
            self._num_workers = workers

    local_job_service.fn_runner.FnApiRunner = Runner
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    local_job_service_main.run(["--staging_dir", staging, "--port_file", port_file])


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
