"""Schemas from statistics, by TFDV, with what it does not infer of labels and groups."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2


def schema_of(
    splits: Sequence[statistics_pb2.DatasetFeatureStatisticsList],
    *,
    before: schema_pb2.Schema | None = None,
) -> schema_pb2.Schema:
    """A schema that all splits fit, with the shape of each feature.

    TFDV infers a list of all words that it has seen for whatever is counted. Labels are integers, which cannot have
    one, and a new group, a person or a recording, is nothing that does not fit: such lists are left out.

    Args:
        splits: statistics of each split.
        before: what to start from; of it is changed only what the data does not fit.
    """
    inferred = _fitting(splits, None)
    if before is None:
        return inferred
    updated = _fitting(splits, before)
    # TFDV drops a shape that the data does not have. Without any, Transform would make sparse tensors of the feature.
    had = {feature.name for feature in before.feature if feature.HasField("shape")}
    shapes = {feature.name: feature.shape for feature in inferred.feature if feature.HasField("shape")}
    for feature in updated.feature:
        if feature.name in had & shapes.keys() and not feature.HasField("shape"):
            feature.shape.CopyFrom(shapes[feature.name])
    return updated


def _fitting(
    splits: Sequence[statistics_pb2.DatasetFeatureStatisticsList], schema: schema_pb2.Schema | None
) -> schema_pb2.Schema:
    for statistics in splits:
        if schema is None:
            schema = _without_words(tfdv.infer_schema(statistics, infer_feature_shape=True))
        else:
            schema = tfdv.update_schema(schema, statistics, infer_feature_shape=True)
    assert schema is not None
    return schema


def _without_words(schema: schema_pb2.Schema) -> schema_pb2.Schema:
    for feature in schema.feature:
        if feature.HasField("domain"):
            feature.ClearField("domain")
            if feature.type == schema_pb2.INT:
                feature.int_domain.is_categorical = True
    del schema.string_domain[:]
    return schema
