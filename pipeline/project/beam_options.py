"""The `beam` section of a project as arguments for Beam."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from typing import Final

from edge_deployer.errors import TinyopsError
from pipeline.project.beam_section import IN_MEMORY, MULTI_PROCESSING, BeamSection

# Naming an image, which most runners have no use for, keeps TFX from packing its own source for remote workers: three
# seconds a component. Workers have what the pipeline has: they are its children, or they run its image.
_NO_PACKING: Final = "--sdk_container_image=none"

# Time in which a job server must take a connection.
_CONNECT_S: Final = 5.0


def beam_args(section: BeamSection) -> tuple[str, ...]:
    """Arguments for Beam, the same for a local run and for Kubeflow. Nothing is looked up on the network.

    Beam is imported only if the section names a runner or an option of it: those it checks.

    Raises:
        TinyopsError: Beam has no such runner or option, does not take the value, or workers in containers have no
            image.
    """
    args = tuple(_runner_args(section))
    if section.runner in (IN_MEMORY, MULTI_PROCESSING) and not section.options:
        return args
    with warnings.catch_warnings():
        # Google's libraries complain, when imported, of the Python that TFX wants.
        warnings.simplefilter("ignore")
        from pipeline.project import beam_check

    args += beam_check.option_args(section.options)
    if section.runner not in (IN_MEMORY, MULTI_PROCESSING):
        beam_check.require_workers(section, args)
    return args


def _runner_args(section: BeamSection) -> Iterator[str]:
    if section.runner == IN_MEMORY:
        # By name: the default runner of newer releases of Beam is a service, and would have to be downloaded.
        yield "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"
        yield "--direct_running_mode=in_memory"
    elif section.runner == MULTI_PROCESSING:
        yield "--runner=pipeline.local.multi_processing.MultiProcessingRunner"
        # Nought is Beam's word for one a processor.
        yield f"--direct_num_workers={section.workers or 0}"
    else:
        yield f"--runner={section.runner}"
    if "sdk_container_image" not in section.options:
        yield _NO_PACKING


def require_job_server(section: BeamSection) -> None:
    """Find out before a run whether its job server is there: Beam would wait a minute, and then say nothing of use.

    Raises:
        TinyopsError: ``job_endpoint`` is no address, or takes no connection.
    """
    endpoint = section.options.get("job_endpoint")
    # Beam's word for a job server in the same process.
    if endpoint in (None, "embed"):
        return
    host, _, port = str(endpoint).rpartition(":")
    if not host or not port.isdigit():
        raise TinyopsError(f"beam.options.job_endpoint {endpoint} is not host:port", remedy="give host and port")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise TinyopsError(
            f"beam.options.job_endpoint {endpoint}: no job server takes a connection ({error})",
            remedy="start the job server, or correct the address",
        ) from error
