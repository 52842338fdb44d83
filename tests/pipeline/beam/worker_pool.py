"""A pool of Beam workers, on loopback only: ``worker_pool.py threads|processes PORT_FILE``.

Beam's own `apache_beam.runners.worker.worker_pool_main` is the same service with ``processes``, for every interface: a
Python process a job, as in a container. With ``threads`` all jobs share this process, which imports TensorFlow once.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import grpc
from apache_beam.portability.api import beam_fn_api_pb2_grpc
from apache_beam.runners.worker.worker_pool_main import BeamFnExternalWorkerPoolServicer
from apache_beam.utils import thread_pool_executor


def main(kind: str, port_file: Path) -> None:
    """Serve until the process is ended."""
    # The values with which `worker_pool_main` starts it.
    pool = BeamFnExternalWorkerPoolServicer(use_process=kind == "processes", data_buffer_time_limit_ms=-1)
    server = grpc.server(thread_pool_executor.shared_unbounded_instance())
    port = server.add_insecure_port("localhost:0")
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
    server.start()
    part = port_file.with_suffix(".part")
    part.write_text(str(port))
    part.rename(port_file)
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
