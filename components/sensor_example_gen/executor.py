"""Executor of SensorExampleGen: rows of an `.npz` file to `tf.train.Example`, on Beam."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from tfx import types
from tfx.components.example_gen import base_example_gen_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.object_store import local_copy
from components.sensor_example_gen.dataset import SUMMARY_FILE, assign_splits, summarise
from edge_deployer.release.labelled_data import DatasetFields, LabelledData, file_sha256, load_dataset
from edge_deployer.tensors import Array

_ROWS_A_CHUNK = 256


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Writes the splits, and `dataset.json` beside them."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Check the data, write the splits, record fingerprint and counts.

        Args:
            input_dict: empty.
            output_dict: ``examples``.
            exec_properties: see `SensorExampleGenSpec`.

        Raises:
            TinyopsError: the data is wrong or a split is left empty. Nothing is written then.
        """
        fields = _fields(exec_properties)
        # Checked here and not only in a worker: Beam turns what a worker raises into text.
        with local_copy(exec_properties["data_file"]) as path:
            data, sha256 = load_dataset(path, fields), file_sha256(path)
        splits = assign_splits(data, _buckets(exec_properties))
        summary = summarise(data, splits, sha256=sha256, classes=fields.classes)
        super().Do(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        with fileio.open(f"{examples.uri}/{SUMMARY_FILE}", "w") as file:
            file.write(summary.to_json())
        examples.set_string_custom_property("data_sha256", summary.sha256)

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """The transform from a pipeline to the examples of one split."""
        return _ReadSplit

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.pvalue.PCollection]:
        """A collection of examples for each split.

        TFX's own partitioning hashes the serialised protocol buffer; ours is `assign_splits`, which answers before
        TensorFlow is imported.
        """
        read_split = self.GetInputSourceToExamplePTransform()
        return {
            split: pipeline | f"Read[{split}]" >> read_split(exec_properties, split)
            for split in _buckets(exec_properties)
        }


class _ReadSplit(beam.PTransform):
    """Examples of one split, read in chunks of rows so that workers share the file."""

    def __init__(self, exec_properties: dict[str, Any], split: str) -> None:
        super().__init__()
        self._data_file, self._fields = exec_properties["data_file"], _fields(exec_properties)
        self._buckets = _buckets(exec_properties)
        self._split = split

    def expand(self, pipeline: beam.Pipeline) -> beam.pvalue.PCollection:
        rows = assign_splits(_load(self._data_file, self._fields), self._buckets)[self._split]
        chunks = [rows[start : start + _ROWS_A_CHUNK] for start in range(0, len(rows), _ROWS_A_CHUNK)]
        return pipeline | beam.Create(chunks) | beam.ParDo(_RowsToExamples(self._data_file, self._fields))


@beam.typehints.with_output_types(tf.train.Example)
class _RowsToExamples(beam.DoFn):
    def __init__(self, data_file: str, fields: DatasetFields) -> None:
        self._data_file = data_file
        self._fields = fields

    def setup(self) -> None:
        self._data = _load(self._data_file, self._fields)

    def process(self, rows: Array) -> Iterator[tf.train.Example]:
        for row in rows:
            yield to_example(self._data, int(row), self._fields)


def to_example(data: LabelledData, row: int, fields: DatasetFields) -> tf.train.Example:
    """One sample: the input as a flat float list, the label as int64, the group as int64 or bytes."""
    features = {fields.input: tf.train.Feature(float_list=tf.train.FloatList(value=data.inputs[row].ravel()))}
    for name, values in ((fields.label, data.labels), (fields.group, data.groups)):
        if name is not None and values is not None:
            features[name] = _int64(values[row]) if isinstance(values[row], np.integer) else _text(values[row])
    return tf.train.Example(features=tf.train.Features(feature=features))


def _int64(value: int) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def _text(value: str) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[str(value).encode()]))


def _load(data_file: str, fields: DatasetFields) -> LabelledData:
    with local_copy(data_file) as path:
        return load_dataset(path, fields)


def _fields(exec_properties: dict[str, Any]) -> DatasetFields:
    return DatasetFields(
        input=exec_properties["input_feature"],
        label=exec_properties["label_feature"],
        group=exec_properties.get("group_feature"),
        classes=exec_properties["classes"],
    )


def _buckets(exec_properties: dict[str, Any]) -> dict[str, int]:
    output_config = proto_utils.json_to_proto(exec_properties["output_config"], example_gen_pb2.Output())
    return {split.name: split.hash_buckets for split in output_config.split_config.splits}
