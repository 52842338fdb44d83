"""Reading a split of an `Examples` artifact back into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import Artifact, artifact_utils
from tfx.utils import io_utils

from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

SliceValue = int | float | bytes

# What the lists of `tf.train.Feature` hold; a feature without values has none.
_DTYPES: Final = {"float_list": "float32", "int64_list": "int64", "bytes_list": "bytes", None: "empty"}


@dataclass(frozen=True)
class LabelledExamples:
    """One split, in an order that depends on its contents alone."""

    inputs: Array  # float32, shape ``(n, *shape)``.
    labels: Array | None  # int64, shape ``(n,)``; None for a regression.
    targets: Array | None  # float32, shape ``(n, values)``, what a regression is to answer; else None.
    # Values of the slice features of each sample, as a tuple for each feature, empty where it has none.
    slices: list[tuple[tuple[SliceValue, ...], ...]]

    def __len__(self) -> int:
        return len(self.inputs)


def read_examples(
    examples: Artifact,
    split: str,
    *,
    feature: str,
    label: str | None = None,
    target: str | None = None,
    shape: tuple[int, ...],
    slices: Sequence[str] = (),
    limit: int | None = None,
) -> LabelledExamples:
    """Read one split, or its first records.

    Beam promises no order of what it writes, so the rows are put in the order of their bytes: whatever is drawn from
    them with a seed is then the same in every run.

    Args:
        examples: TFRecord files (gzip) of `tf.train.Example`.
        split: ``train`` or ``eval``.
        feature: the float feature that the model takes.
        label: the int64 feature with the class index; either this or `target`.
        target: the float feature with the values that a regression is to answer.
        shape: shape of one sample, without the batch dimension.
        slices: features of any type whose every value is a slice; as for TFMA, a sample without one is in none of its
            slices.
        limit: number of records to read; None for all.

    Raises:
        TinyopsError: a feature is missing or of another type, its length does not fill `shape`, or the samples have
            different numbers of targets. Or both `label` and `target` are given, or neither.
    """
    records = first_records(examples, split, limit=limit)
    return parse_records(records, feature=feature, label=label, target=target, shape=shape, slices=slices)


def first_records(examples: Artifact, split: str, *, limit: int | None = None) -> list[bytes]:
    """Serialised `tf.train.Example` of one split, in no particular order: all, or so many."""
    files = fileio.glob(io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split)))
    stored = tf.data.TFRecordDataset(sorted(files), compression_type="GZIP")
    return list(stored.take(-1 if limit is None else limit).as_numpy_iterator())


def parse_records(
    records: Sequence[bytes],
    *,
    feature: str,
    label: str | None = None,
    target: str | None = None,
    shape: tuple[int, ...],
    slices: Sequence[str] = (),
) -> LabelledExamples:
    """Serialised `tf.train.Example`, one at least, as arrays; arguments and errors as of `read_examples`."""
    truth = _require_one(label, target)
    _require_features(records[0], (feature, "float_list"), (truth, "int64_list" if target is None else "float_list"))
    parsed = tf.io.parse_example(
        records,
        {
            feature: tf.io.FixedLenSequenceFeature([], tf.float32, allow_missing=True),
            truth: tf.io.FixedLenFeature([], tf.int64) if target is None else tf.io.RaggedFeature(tf.float32),
        },
    )
    values = parsed[feature].numpy()
    if values.shape[1] != np.prod(shape):
        raise TinyopsError(
            f"feature {feature!r} has {values.shape[1]} values a sample; the model's input {list(shape)} takes "
            f"{np.prod(shape)}",
            remedy="give the model an input of that size, or change preprocessing_fn",
        )
    order = sorted(range(len(records)), key=lambda row: (values[row].tobytes(), records[row]))
    return LabelledExamples(
        values[order].reshape(-1, *shape),
        parsed[truth].numpy()[order] if target is None else None,
        None if target is None else _target_rows(parsed[truth], target)[order],
        [_slice_values(records[row], slices) for row in order],
    )


def _require_one(label: str | None, target: str | None) -> str:
    """The feature that says what is true."""
    if label is not None and target is None:
        return label
    if target is not None and label is None:
        return target
    given = "neither is given" if label is None else "both are given"
    raise TinyopsError(
        f"label_feature or target_feature says what is true of the examples, and {given}",
        remedy="give target_feature for a regression, label_feature for anything else",
    )


def _target_rows(targets: tf.RaggedTensor, name: str) -> Array:
    lengths = targets.row_lengths().numpy()
    if lengths.min() != lengths.max():
        raise TinyopsError(
            f"feature {name!r} of the transformed examples has {lengths.min()} to {lengths.max()} values a sample",
            remedy="give every sample as many target values",
        )
    rows: Array = targets.to_tensor().numpy()
    return rows


def _slice_values(record: bytes, slices: Sequence[str]) -> tuple[tuple[SliceValue, ...], ...]:
    present = tf.train.Example.FromString(record).features.feature
    return tuple(_values(present[name]) if name in present else () for name in slices)


def _values(feature: tf.train.Feature) -> tuple[SliceValue, ...]:
    kind = feature.WhichOneof("kind")
    return tuple(getattr(feature, kind).value) if kind else ()


def _require_features(record: bytes, *wanted: tuple[str, str]) -> None:
    present = tf.train.Example.FromString(record).features.feature
    for name, kind in wanted:
        if name not in present:
            raise TinyopsError(
                f"the transformed examples have no feature {name!r}; they have {', '.join(sorted(present))}",
                remedy="name the model's input after a feature that preprocessing_fn returns, and return the label, or "
                "for a regression the target, too",
            )
        found = present[name].WhichOneof("kind")
        if found != kind:
            raise TinyopsError(
                f"feature {name!r} of the transformed examples is {_DTYPES[found]}, not {_DTYPES[kind]}",
                remedy=f"return it from preprocessing_fn as {_DTYPES[kind]}: `tf.cast(..., tf.{_DTYPES[kind]})`",
            )
