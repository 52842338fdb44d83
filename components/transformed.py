"""What Transform would make of a few records, without the artifacts and the files that its component wants."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tempfile import TemporaryDirectory
from typing import Any, Final

import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform.beam.context import Context
from tensorflow_transform.beam.impl import AnalyzeAndTransformDataset
from tensorflow_transform.tf_metadata.schema_utils import schema_from_feature_spec
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder, RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tf_example_record import TFExampleBeamRecord

_CUSTOM_CONFIG: Final = "custom_config"
_TYPES: Final = {"float_list": tf.float32, "int64_list": tf.int64, "bytes_list": tf.string}


def transform_records(
    records: Sequence[bytes],
    preprocessing_fn: Callable[..., Any],
    custom_config: Mapping[str, Any],
    schema: schema_pb2.Schema | None = None,
) -> list[bytes]:
    """Apply a `preprocessing_fn` as Transform does, in this process; what it analyses it sees of these records only.

    Args:
        records: serialised `tf.train.Example`, one at least, all with the same features.
        preprocessing_fn: the user's.
        custom_config: what it is given, if it takes that.
        schema: of the records; None for one that has each feature with the shape of the first record.

    Returns:
        Serialised `tf.train.Example`.
    """
    takes = inspect.signature(preprocessing_fn).parameters
    given = {_CUSTOM_CONFIG: dict(custom_config)} if _CUSTOM_CONFIG in takes else {}
    function = partial(preprocessing_fn, **given)
    schema = schema or _schema(records[0])
    tfxio = TFExampleBeamRecord(physical_format="memory", schema=schema, telemetry_descriptors=["tinyops"])
    batch = ExamplesToRecordBatchDecoder(schema.SerializeToString()).DecodeBatch(list(records))
    with TemporaryDirectory() as folder, Context(temp_dir=folder):
        step = AnalyzeAndTransformDataset(function, output_record_batches=True)
        (batches, transformed), _ = ([batch], tfxio.TensorAdapterConfig()) | step
    encoder = RecordBatchToExamplesEncoder(transformed.schema)
    return [bytes(record) for made, _ in batches for record in encoder.encode(made)]


def _schema(record: bytes) -> schema_pb2.Schema:
    features = tf.train.Example.FromString(record).features.feature
    return schema_from_feature_spec({name: _spec(feature) for name, feature in features.items()})


def _spec(feature: tf.train.Feature) -> tf.io.FixedLenFeature:
    kind = feature.WhichOneof("kind")
    return tf.io.FixedLenFeature([len(getattr(feature, kind).value)], _TYPES[kind])
