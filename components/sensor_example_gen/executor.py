"""Executor and driver of SensorExampleGen: rows of an `.npz` file to `tf.train.Example`, on Beam."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from absl import logging
from apache_beam.pipeline import Pipeline
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from components.artifact_types import Artifacts, Properties
from components.fingerprint_driver import FingerprintDriver
from components.object_store import local_copy
from components.sensor_example_gen.dataset import SUMMARY_FILE
from components.sensor_example_gen.inspection import data_facts, inspect
from edge_deployer.release.labelled_data import DatasetFields, LabelledData, file_sha256, load_dataset
from edge_deployer.report.data_view import data_warnings
from edge_deployer.tensors import Array

_ROWS_A_CHUNK = 256
_SEED = 0
_FILES = "data_tfrecord"
"""How TFX's own ExampleGens begin the names of their files."""
_FILE_FORMAT = "tfrecords_gzip"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the splits in a random order, and `dataset.json` beside them.

    TFX's writer of examples is not used: its Reshuffle holds each record several times over, and may keep the order of
    the file, so that data sorted by class would reach training sorted. Here rows are shuffled before they are read.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Check the data, write the splits, record fingerprint and counts.

        Raises:
            TinyopsError: the data is wrong, a split is left empty, or there is one class only. Nothing is written then.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        fields, buckets = _fields(exec_properties), _buckets(exec_properties)
        # Here and not in a worker: Beam turns what a worker raises into text.
        with local_copy(exec_properties["data_file"]) as path:
            splits, summary = inspect(path, fields, buckets, earlier_runs=Path(examples.uri).parent)
        names = [str(index) for index in range(exec_properties["classes"])]
        for warning in data_warnings(data_facts(summary, source="", class_names=names, group=fields.group)):
            logging.warning("%s", warning)
        examples.split_names = artifact_utils.encode_split_names(list(splits))
        made: Pipeline = self._make_beam_pipeline()
        with made as pipeline:
            _write(pipeline, splits, examples, exec_properties)
        with fileio.open(f"{examples.uri}/{SUMMARY_FILE}", "w") as file:
            file.write(summary.to_json())
        examples.set_string_custom_property("data_sha256", summary.sha256)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, _FILE_FORMAT)


class Driver(FingerprintDriver):
    """Tells TFX's cache what the data is by its contents.

    TFX's own fingerprint of files is made of sizes and modification times: it misses an edit within a second and takes
    a fresh checkout of the same file for new data.
    """

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Hex SHA-256 of the file.

        Raises:
            TinyopsError: there is no such file.
        """
        with local_copy(execution_info.exec_properties["data_file"]) as path:
            return file_sha256(path)


def _write(
    pipeline: Pipeline, splits: Mapping[str, Array], examples: types.Artifact, exec_properties: dict[str, Any]
) -> None:
    """Let workers read and write: what goes between them are numbers of rows, never samples."""
    reader = _RowsToRecords(exec_properties["data_file"], _fields(exec_properties))
    records = pipeline | beam.Create(chunks(splits)) | beam.ParDo(reader).with_outputs(*splits)
    for split in splits:
        folder = artifact_utils.get_split_uri([examples], split)
        writer = beam.io.WriteToTFRecord(f"{folder}/{_FILES}", file_name_suffix=".gz")
        _ = records[split] | f"Write[{split}]" >> writer


def chunks(splits: Mapping[str, Array]) -> list[tuple[str, Array]]:
    """Names of splits, each with up to `_ROWS_A_CHUNK` of its rows: in a random order, which is the same each time."""
    random = np.random.default_rng(_SEED)
    mixed = {split: random.permutation(rows) for split, rows in splits.items()}
    return [
        (split, rows[start : start + _ROWS_A_CHUNK])
        for split, rows in mixed.items()
        for start in range(0, len(rows), _ROWS_A_CHUNK)
    ]


class _RowsToRecords(beam.DoFn):
    """Serialised examples of the rows, as an output for each split. One transform for all: it reads the file once."""

    def __init__(self, data_file: str, fields: DatasetFields) -> None:
        self._data_file = data_file
        self._fields = fields

    def setup(self) -> None:
        with local_copy(self._data_file) as path:
            self._data = load_dataset(path, self._fields)

    def process(self, chunk: tuple[str, Array]) -> Iterator[Any]:
        split, rows = chunk
        for row in rows:
            example = to_example(self._data, int(row), self._fields)
            yield beam.pvalue.TaggedOutput(split, example.SerializeToString())


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
