"""SensorExampleGen: the way of labelled sensor data into a TFX pipeline.

It is no FileBasedExampleGen: on Kubeflow that needs a driver in a container of its own, which only Vertex runs.
"""

from __future__ import annotations

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.fingerprint_driver import FINGERPRINT
from components.sensor_example_gen import executor
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import section_json


class SensorExampleGenSpec(ComponentSpec):
    """Where the data is, and what it is."""

    PARAMETERS = {
        "data_file": ExecutionParameter(type=str),
        "data": ExecutionParameter(type=str),
        FINGERPRINT: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class SensorExampleGen(base_beam_component.BaseBeamComponent):
    """Recordings, pictures or arrays as TFX examples, with the features that a board can compute.

    Records are divided into splits by hash, by group, by a field or by a list. Within a split they are in a random
    order, whatever their order in the source. Records of which no sample can be made are counted and named; more than
    the project takes end the run.

    Parameters:
        data: the `data` section of a project file: ``kind``, ``input``, ``label``, ``classes``, ``splits``,
            ``features`` and what else the kind has; the name of ``source`` says nothing. As JSON.

    Outputs:
        examples: `standard_artifacts.Examples` with the splits ``train`` and ``eval``; features ``<input>`` (flat float
            list), ``<label>`` (int64) or ``<target>`` (float list), and ``<group>`` (int64 or bytes). `dataset.json` in
            its folder is a `components.sensor_example_gen.dataset.DatasetSummary`; custom property ``data_sha256``
            names the data.
    """

    SPEC_CLASS = SensorExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = executor.Driver

    def __init__(self, data_file: str | RuntimeParameter, section: DataSection) -> None:
        """Describe the source.

        Args:
            data_file: path or URI (`gs://`, `s3://`, `minio://`) of the file or folder.
            section: what it is.
        """
        spec = SensorExampleGenSpec(
            data_file=data_file,
            data=section_json(section),
            examples=Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
