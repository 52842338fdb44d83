"""What is read from TFDV's statistics, and the options that make them say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate.judgement import Counts, Measured, Overlap
from edge_deployer.errors import TinyopsError

_MOST_VALUES: Final = 100_000
"""Groups that statistics list, each with its count; a few megabytes."""
_NEVER: Final = 2.0
"""A limit beyond every distance: the figures are judged elsewhere."""

Statistics: TypeAlias = statistics_pb2.DatasetFeatureStatisticsList


def statistics_options(label: str | None, group: str | None) -> tfdv.StatsOptions:
    """What StatisticsGen must be told so that labels and groups are counted, and not averaged as other integers."""
    schema = schema_pb2.Schema()
    for name in (label, group):
        if name is not None:
            schema.feature.append(categorical(name))
    return tfdv.StatsOptions(schema=schema, num_rank_histogram_buckets=_MOST_VALUES)


def categorical(name: str) -> schema_pb2.Feature:
    """An integer feature whose values are names."""
    return schema_pb2.Feature(name=name, type=schema_pb2.INT, int_domain=schema_pb2.IntDomain(is_categorical=True))


def label_counts(statistics: Statistics, label: str) -> Counts:
    """Samples of each class.

    Raises:
        TinyopsError: the statistics do not count them.
    """
    return {int(value): count for value, count in _counted(statistics, label).items()}


def overlap(train: Statistics, other: Statistics, group: str) -> Overlap:
    """The groups of another split, and those of train among them.

    Raises:
        TinyopsError: the statistics do not count them.
    """
    here, there = _counted(train, group), _counted(other, group)
    groups = int(_feature(other, group).string_stats.unique)
    # Where not all of train are listed, not finding one says nothing.
    complete = len(here) >= int(_feature(train, group).string_stats.unique)
    shared = tuple(sorted(set(here) & set(there)))
    return Overlap(groups=groups, compared=len(there) if complete else len(shared), shared=shared)


def measure(statistics: Statistics, known: Statistics, *, label: str | None, group: str | None) -> Measured:
    """TFDV's distances between two lots of samples: L-infinity of labels, Jensen-Shannon divergence of other numbers.

    The divergence is that of deciles: a histogram of equal steps is bent by a single outlier.
    """
    schema = schema_pb2.Schema()
    for feature in statistics.datasets[0].features:
        name = feature.path.step[0]
        if name == label:
            schema.feature.append(categorical(name))
            schema.feature[-1].skew_comparator.infinity_norm.threshold = _NEVER
        elif name != group and feature.WhichOneof("stats") == "num_stats":
            schema.feature.append(schema_pb2.Feature(name=name, type=schema_pb2.FLOAT))
            divergence = schema.feature[-1].skew_comparator.jensen_shannon_divergence
            divergence.threshold = _NEVER
            divergence.source.type = schema_pb2.HistogramSelection.QUANTILES
    found = tfdv.validate_statistics(statistics, schema, serving_statistics=known)
    distances = {
        info.path.step[0]: float(measurement.value)
        for info in found.drift_skew_info
        for measurement in info.skew_measurements
    }
    return Measured(distances.pop(label, None) if label else None, distances)


def anomalies(statistics: Statistics, schema: schema_pb2.Schema, split: str) -> Iterator[tuple[str, str, str]]:
    """Split, feature and description of what does not fit."""
    found = tfdv.validate_statistics(statistics, schema)
    if found.HasField("dataset_anomaly_info"):
        yield split, "the whole split", str(found.dataset_anomaly_info.description)
    for name, info in sorted(found.anomaly_info.items()):
        yield split, str(name), str(info.description)


def comparable(statistics: Statistics, *, group: str | None) -> Statistics:
    """What is the same whenever the same data is counted, and is compared with that of a later run.

    Not the list of groups, which may be long and is compared within a run only; and neither means nor standard
    deviations: they are sums in floating point, whose last digit depends on the order in which Beam's workers end.
    """
    kept = Statistics()
    kept.CopyFrom(statistics)
    features: Any = kept.datasets[0].features
    others = [feature for feature in features if list(feature.path.step) != [group]]
    del features[:]
    features.extend(others)
    for feature in features:
        if feature.WhichOneof("stats") == "num_stats":
            feature.num_stats.ClearField("mean")
            feature.num_stats.ClearField("std_dev")
    return kept


def features_of(statistics: Statistics) -> Sequence[str]:
    """Names of the features."""
    return [feature.path.step[0] for feature in statistics.datasets[0].features]


def _feature(statistics: Statistics, name: str) -> Any:
    found = [one for one in statistics.datasets[0].features if list(one.path.step) == [name]]
    if not found or found[0].WhichOneof("stats") != "string_stats":
        has = ", ".join(features_of(statistics))
        raise TinyopsError(
            f"the statistics do not count the values of feature {name!r}; they have {has}",
            remedy="give StatisticsGen the options of `components.data_gate.statistics.statistics_options`",
        )
    return found[0]


def _counted(statistics: Statistics, name: str) -> dict[str, int]:
    buckets = _feature(statistics, name).string_stats.rank_histogram.buckets
    return {str(bucket.label): round(bucket.sample_count) for bucket in buckets}
