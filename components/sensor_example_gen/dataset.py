"""Dividing labelled data into splits, and the summary that is stored beside them. Pure numpy.

A split that is left empty is found here, before TFX is imported or a component runs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from components.artifact_files import DAMAGED_ARTIFACT
from components.sensor_example_gen.quality import Repeats, Scale, find_repeats, scale_of
from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_json
from edge_deployer.release.labelled_data import LabelledData
from edge_deployer.tensors import Array

SUMMARY_FILE = "dataset.json"

_GROUPS_SHOWN = 10


@dataclass(frozen=True)
class DatasetSummary:
    """What lineage and report say about the data; stored as `SUMMARY_FILE` beside the splits."""

    sha256: str  # Hex digest of the file.
    shape: tuple[int, ...]
    class_counts: dict[str, list[int]]  # For each split, number of samples of each class.
    group_counts: dict[str, int]  # For each split, number of groups; empty where the data has no groups.
    repeats: Repeats = field(default_factory=Repeats)  # Inputs that occur more than once.
    scales: dict[str, Scale] = field(default_factory=dict)  # For each split, where its values lie.
    # The same for the training split of the data that the run before took; None where that is not known, or was this
    # data.
    earlier_scale: Scale | None = None

    @property
    def split_sizes(self) -> dict[str, int]:
        """Number of samples in each split."""
        return {split: sum(counts) for split, counts in self.class_counts.items()}

    def to_json(self) -> str:
        """For the file that `read` reads."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def read(cls, path: Path) -> DatasetSummary:
        """What `to_json` gave, from the file that it was written to; an earlier version looked for less.

        Raises:
            TinyopsError: the file cannot be read, or holds something else.
        """
        fields = read_json(path, f"summary of the data {path}", remedy=DAMAGED_ARTIFACT)
        try:
            earlier = fields.get("earlier_scale")
            return cls(
                sha256=fields["sha256"],
                shape=tuple(fields["shape"]),
                class_counts=fields["class_counts"],
                group_counts=fields["group_counts"],
                repeats=Repeats(**fields.get("repeats", {})),
                scales={split: Scale(**scale) for split, scale in fields.get("scales", {}).items()},
                earlier_scale=Scale(**earlier) if earlier else None,
            )
        except (TypeError, KeyError, AttributeError) as error:
            raise TinyopsError(f"{path} is no summary of the data: {error!r}", remedy=DAMAGED_ARTIFACT) from error


def assign_splits(data: LabelledData, buckets: Mapping[str, int]) -> dict[str, Array]:
    """Divide samples by hash: ``sha256(key) mod sum(buckets)`` falls into one split's share of the buckets.

    The key is the sample's group, or its input where there are no groups. So one person or recording, and one input
    that occurs twice, never stands in two splits, and a sample keeps its split when others are added.

    Args:
        data: what to divide.
        buckets: number of hash buckets of each split, e.g. ``{"train": 4, "eval": 1}``.

    Returns:
        For each split its row numbers, int64, ascending.

    Raises:
        TinyopsError: a split is left empty.
    """
    names = np.repeat(list(buckets), list(buckets.values()))
    chosen = np.array([names[_bucket(key, len(names))] for key in _split_keys(data)])
    splits = {split: np.flatnonzero(chosen == split) for split in buckets}
    for split, rows in splits.items():
        if not len(rows):
            raise _empty_split(split, data, buckets)
    return splits


def _split_keys(data: LabelledData) -> Iterator[bytes]:
    if data.groups is not None:
        return (str(group).encode() for group in data.groups)
    return (sample.tobytes() for sample in data.inputs)


def _bucket(key: bytes, count: int) -> int:
    return int.from_bytes(hashlib.sha256(key).digest(), "big") % count


def _empty_split(split: str, data: LabelledData, buckets: Mapping[str, int]) -> TinyopsError:
    share = ", ".join(f"{name} {count}" for name, count in buckets.items())
    if data.groups is None:
        remedy = "add samples, or give the split more buckets in data.splits"
        return TinyopsError(f"split {split!r} is left empty: {len(data)} samples, hash buckets {share}", remedy=remedy)
    sizes = Counter(data.groups.tolist()).most_common()
    shown = ", ".join(f"{group}: {size}" for group, size in sizes[:_GROUPS_SHOWN])
    more = f" and {len(sizes) - _GROUPS_SHOWN} more" if len(sizes) > _GROUPS_SHOWN else ""
    return TinyopsError(
        f"split {split!r} is left empty: {len(sizes)} groups ({shown}{more}), hash buckets {share}",
        remedy="change the buckets in data.splits until a group falls into each split, or use a finer group",
    )


def summarise(
    data: LabelledData,
    splits: Mapping[str, Array],
    *,
    sha256: str,
    classes: int,
    earlier_scale: Scale | None = None,
) -> DatasetSummary:
    """Counts and figures of each split, the training split first; the data has labels."""
    groups = {} if data.groups is None else {s: len(np.unique(data.groups[rows])) for s, rows in splits.items()}
    return DatasetSummary(
        sha256=sha256,
        shape=data.inputs.shape[1:],
        class_counts={s: _class_counts(data, rows, classes) for s, rows in splits.items()},
        group_counts=groups,
        repeats=find_repeats(data, splits),
        scales={split: scale_of(data.inputs, rows) for split, rows in splits.items()},
        earlier_scale=earlier_scale,
    )


def _class_counts(data: LabelledData, rows: Array, classes: int) -> list[int]:
    assert data.labels is not None
    return [int(count) for count in np.bincount(data.labels[rows], minlength=classes)]
