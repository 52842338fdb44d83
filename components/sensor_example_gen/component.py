"""SensorExampleGen: the way of labelled sensor data into a TFX pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts, standard_component_specs
from tfx.types.channel import Channel
from tfx.types.component_spec import ExecutionParameter

from components.sensor_example_gen import driver, executor
from edge_deployer.release.labelled_data import DatasetFields


class SensorExampleGenSpec(standard_component_specs.FileBasedExampleGenSpec):
    """FileBasedExampleGen's interface and the names of the arrays."""

    PARAMETERS = {
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        "input_feature": ExecutionParameter(type=str),
        "label_feature": ExecutionParameter(type=str),
        "group_feature": ExecutionParameter(type=str, optional=True),
        "classes": ExecutionParameter(type=int),
    }


class SensorExampleGen(FileBasedExampleGen):
    """Labelled arrays of an `.npz` file as TFX examples.

    The file holds one row a sample: an array of real numbers, an array of class indices, and, where samples come from
    the same person, device or recording, an array that says from which. Samples are divided into splits by a hash of
    the group, or of the input itself; the division depends on nothing else.

    Outputs:
        examples: `standard_artifacts.Examples` with the splits; features ``<input>`` (flat float list), ``<label>``
            (int64) and ``<group>`` (int64 or bytes). `dataset.json` in its folder is a
            `components.sensor_example_gen.dataset.DatasetSummary`; custom property ``data_sha256`` names the file.

    It is a FileBasedExampleGen, so that TFX's Kubeflow compiler gives it the driver container it needs there.
    """

    SPEC_CLASS = SensorExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
    DRIVER_CLASS = driver.Driver

    def __init__(self, data_file: Path | str, fields: DatasetFields, buckets: Mapping[str, int]) -> None:
        """Describe the source.

        Args:
            data_file: the `.npz` file.
            fields: names of the arrays in it; ``label`` and ``classes`` are needed.
            buckets: hash buckets of each split, e.g. ``{"train": 4, "eval": 1}``.
        """
        folder, _, name = str(data_file).rpartition("/")
        split_config = example_gen_pb2.SplitConfig(
            splits=[example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in buckets.items()],
            partition_feature_name=fields.group or "",
        )
        spec = SensorExampleGenSpec(
            input_base=folder or ".",
            input_config=example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="single_split", pattern=name)]),
            output_config=example_gen_pb2.Output(split_config=split_config),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            input_feature=fields.input,
            label_feature=fields.label,
            group_feature=fields.group,
            classes=fields.classes,
            examples=Channel(type=standard_artifacts.Examples),
        )
        # FileBasedExampleGen's constructor knows its own spec only; its parent takes any.
        super(FileBasedExampleGen, self).__init__(spec=spec)
