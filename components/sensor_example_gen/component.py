"""SensorExampleGen: the way of labelled sensor data into a TFX pipeline.

It is no FileBasedExampleGen: on Kubeflow that needs a driver in a container of its own, which only Vertex runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.fingerprint_driver import FINGERPRINT
from components.sensor_example_gen import executor
from edge_deployer.release.labelled_data import DatasetFields


class SensorExampleGenSpec(ComponentSpec):
    """The file, the names of its arrays, and how it is divided."""

    PARAMETERS = {
        "data_file": ExecutionParameter(type=str),
        "input_feature": ExecutionParameter(type=str),
        "label_feature": ExecutionParameter(type=str),
        "group_feature": ExecutionParameter(type=str, optional=True),
        "classes": ExecutionParameter(type=int),
        "output_config": ExecutionParameter(type=example_gen_pb2.Output),
        FINGERPRINT: ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {}
    OUTPUTS = {"examples": ChannelParameter(type=standard_artifacts.Examples)}


class SensorExampleGen(base_beam_component.BaseBeamComponent):
    """Labelled arrays of an `.npz` file as TFX examples.

    The file holds one row per sample: an array of real numbers, an array of class indices, and, where samples come from
    the same person, device or recording, an array that says from which. Samples are divided into splits by a hash of
    the group, or of the input itself; the division depends on nothing else. Within a split they are in a random order,
    whatever their order in the file.

    Parameters:
        input_feature: array of samples in the file, and name of the feature.
        label_feature: array of class indices in the file, and name of the feature.
        group_feature: array in the file that says from which person, device or recording a sample is.
        classes: number of classes.
        output_config: name and hash buckets of each split; the partition feature, if any, is the group.

    Outputs:
        examples: `standard_artifacts.Examples` with the splits; features ``<input>`` (flat float list), ``<label>``
            (int64) and ``<group>`` (int64 or bytes). `dataset.json` in its folder is a
            `components.sensor_example_gen.dataset.DatasetSummary`; custom property ``data_sha256`` names the file.
    """

    SPEC_CLASS = SensorExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = executor.Driver

    def __init__(
        self, data_file: Path | str | RuntimeParameter, fields: DatasetFields, buckets: Mapping[str, int]
    ) -> None:
        """Describe the source.

        Args:
            data_file: the `.npz` file; `gs://`, `s3://` and `minio://` are read too.
            fields: names of the arrays in it; ``label`` and ``classes`` are needed.
            buckets: hash buckets of each split, e.g. ``{"train": 4, "eval": 1}``.
        """
        split_config = example_gen_pb2.SplitConfig(
            splits=[example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in buckets.items()],
            partition_feature_name=fields.group or "",
        )
        spec = SensorExampleGenSpec(
            data_file=data_file if isinstance(data_file, RuntimeParameter) else str(data_file),
            input_feature=fields.input,
            label_feature=fields.label,
            group_feature=fields.group,
            classes=fields.classes,
            output_config=example_gen_pb2.Output(split_config=split_config),
            examples=Channel(type=standard_artifacts.Examples),
        )
        super().__init__(spec=spec)
