"""The front end that a release carries: what boards can compute of it is found out, not declared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_transform.output_wrapper import TFTransformOutput
from tfx.types import Artifact

from edge_deployer.release.front_end import FrontEndRecord
from edge_deployer.tensors import Array


def released_front_end(examples: Artifact, transform_graph: Artifact | None, feature: str) -> FrontEndRecord | None:
    """SensorExampleGen's front end, unless the user's own function in Transform makes other features of its features.

    Args:
        examples: SensorExampleGen's.
        transform_graph: Transform's; None where the pipeline has none.
        feature: the one that the model takes.

    Returns:
        The front end with its golden vectors where boards compute all that the model gets; without them where the host
        does; None where nothing is said of a front end.

    Raises:
        TinyopsError: a file of the examples is damaged.
    """
    record = FrontEndRecord.read(Path(examples.uri))
    if record is None or record.golden is None or transform_graph is None:
        return record
    if _is_kept(record.golden.features, transform_graph.uri, feature):
        return record
    return FrontEndRecord(record.facts.model_copy(update={"on_board": False}))


def _is_kept(features: Array, folder: str, name: str) -> bool:
    """Whether what Transform makes of some features is these features."""
    output = TFTransformOutput(folder)
    given = features.reshape(len(features), -1).astype(np.float32)
    raw = {other: _blank(spec, len(given)) for other, spec in output.raw_feature_spec().items()}
    made = output.transform_raw_features({**raw, name: tf.constant(given)}).get(name)
    return made is not None and np.array_equal(np.asarray(made).reshape(len(given), -1), given)


def _blank(spec: tf.io.FixedLenFeature | tf.io.VarLenFeature, count: int) -> tf.Tensor | tf.SparseTensor:
    """Samples of another feature, of which the model's input is not made."""
    if isinstance(spec, tf.io.VarLenFeature):
        return tf.SparseTensor(np.empty((0, 2), np.int64), tf.zeros([0], spec.dtype), [count, 0])
    filler = tf.constant("" if spec.dtype == tf.string else 0, spec.dtype)
    return tf.fill([count, *spec.shape], filler)
