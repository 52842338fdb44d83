"""On what Beam runs the components' data work: the `beam` section of a project, as arguments for Beam."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, PositiveInt, StrictBool, StrictFloat, StrictInt, model_validator

from edge_deployer.errors import TinyopsError

IN_MEMORY: Final = "in_memory"
MULTI_PROCESSING: Final = "multi_processing"

# Naming an image, which most runners have no use for, keeps TFX from packing its own source for remote workers: three
# seconds a component. Workers have what the pipeline has: they are its children, or they run its image.
_NO_PACKING: Final = "--sdk_container_image=none"

# Time in which a job server must take a connection.
_CONNECT_S: Final = 5.0

Scalar = StrictBool | StrictInt | StrictFloat | str
OptionValue = Scalar | list[Scalar] | dict[str, Any]


class BeamSection(BaseModel):
    """What runs the Beam jobs of the components.

    Attributes:
        runner: ``in_memory`` (in the process of the component), ``multi_processing`` (in processes beside it), or any
            runner that Beam knows: a name such as ``portable``, ``FlinkRunner``, ``SparkRunner``, ``DataflowRunner``,
            or the dotted name of a class.
        workers: processes of ``multi_processing``; None means one a processor.
        options: Beam's pipeline options, named as on its command line without the dashes. A list gives an option
            several times, a mapping is given as JSON.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    runner: str = IN_MEMORY
    workers: PositiveInt | None = None
    options: dict[str, OptionValue] = {}

    @model_validator(mode="after")
    def _workers_of_this_machine(self) -> BeamSection:
        if self.workers is not None and self.runner != MULTI_PROCESSING:
            raise ValueError(f"workers are those of runner {MULTI_PROCESSING}; another runner has options of its own")
        return self


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
        from pipeline import beam_check

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
        yield "--runner=pipeline.multi_processing.MultiProcessingRunner"
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
