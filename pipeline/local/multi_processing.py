"""The Beam runner whose workers are processes beside the component's own."""

from __future__ import annotations

import shlex
import sys

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.pipeline import Pipeline
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo, FnApiRunner
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineResult, PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

_START = """
import sys
sys.path[:] = sys.argv[1:]
del sys.argv[1:]
import runpy
runpy.run_module("apache_beam.runners.worker.sdk_worker_main", run_name="__main__", alter_sys=True)
"""


class MultiProcessingRunner(PipelineRunner):
    """Beam's FnApiRunner in its mode ``multi_processing``, but for two things.

    Its workers import from where this process imports, in that order. Beam's own find neither the user's module nor,
    where it is not installed, this package, and take modules out of the folder in which the user stands for Python's
    own. They are also told the pipeline's options, as they are by Beam's other runners.
    """

    def run_pipeline(self, pipeline: Pipeline, options: PipelineOptions) -> PipelineResult:
        """Run a pipeline with ``direct_num_workers`` processes."""
        told = beam_provision_api_pb2.ProvisionInfo(
            pipeline_options=JobServiceHandle.encode_pipeline_options(options.get_all_options())
        )
        runner = FnApiRunner(
            default_environment=SubprocessSDKEnvironment.from_command_string(worker_command()),
            provision_info=ExtendedProvisionInfo(told),
        )
        return runner.run_pipeline(pipeline, options)


def worker_command() -> str:
    """The shell command that starts a worker; Beam tells it the rest by environment variables."""
    return shlex.join([sys.executable, "-c", _START, *sys.path])
