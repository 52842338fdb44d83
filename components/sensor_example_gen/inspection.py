"""Reads a data file, divides it, and sees that something can be learnt from it, before anything heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary, assign_splits, summarise
from components.sensor_example_gen.quality import Scale
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import DatasetFields, file_sha256, load_dataset
from edge_deployer.report.facts import DataFacts, ScaleFacts
from edge_deployer.tensors import Array


def inspect(
    path: Path, fields: DatasetFields, buckets: Mapping[str, int], *, earlier_runs: Path
) -> tuple[dict[str, Array], DatasetSummary]:
    """Read and divide a data file.

    Args:
        path: the `.npz` file.
        fields: names of the arrays in it; ``label`` and ``classes`` are needed.
        buckets: number of hash buckets of each split, the training split first.
        earlier_runs: folder that has the summaries of earlier runs in numbered folders, if it is there.

    Returns:
        For each split its row numbers, and the summary of all. The samples are let go.

    Raises:
        TinyopsError: as `load_dataset` and `assign_splits`, or there is one class only to learn.
    """
    assert fields.label is not None
    assert fields.classes is not None
    data, sha256 = load_dataset(path, fields), file_sha256(path)
    splits = assign_splits(data, buckets)
    earlier = _earlier_scale(earlier_runs, sha256)
    summary = summarise(data, splits, sha256=sha256, classes=fields.classes, earlier_scale=earlier)
    _require_classes(summary, next(iter(splits)), fields.label)
    return splits, summary


def data_facts(summary: DatasetSummary, *, source: str, class_names: Sequence[str], group: str | None) -> DataFacts:
    """What the report says of the data, which comes from `source`; no split shares a value of the column `group`."""
    repeats = summary.repeats
    return DataFacts(
        source=source,
        fingerprint=summary.sha256,
        splits=summary.split_sizes,
        class_names=list(class_names),
        group=group,
        class_counts=summary.class_counts,
        repeated=repeats.repeated,
        conflicting=repeats.conflicting,
        shared=repeats.shared,
        scales={split: _scale_facts(scale) for split, scale in summary.scales.items()},
        earlier_scale=None if summary.earlier_scale is None else _scale_facts(summary.earlier_scale),
    )


def _scale_facts(scale: Scale) -> ScaleFacts:
    return ScaleFacts(mean=scale.mean, spread=scale.spread)


def _require_classes(summary: DatasetSummary, train: str, label: str) -> None:
    present = [index for index, count in enumerate(summary.class_counts[train]) if count]
    if len(present) > 1:
        return
    everywhere = {index for counts in summary.class_counts.values() for index, count in enumerate(counts) if count}
    where = "all samples have" if len(everywhere) == 1 else f"all samples of split {train!r} have"
    raise TinyopsError(
        f"{where} {label!r} {present[0]}: with one class there is nothing to tell apart",
        remedy="add samples of the other classes"
        if len(everywhere) == 1
        else "add samples of the other classes, use a finer group, or change the buckets in data.splits",
    )


def _earlier_scale(folder: Path, sha256: str) -> Scale | None:
    """Of the newest run that took other data."""
    numbered = [path for path in folder.glob(f"*/{SUMMARY_FILE}") if path.parent.name.isdecimal()]
    for path in sorted(numbered, key=lambda path: -int(path.parent.name)):
        try:
            summary = DatasetSummary.read(path)
        except TinyopsError:
            continue  # cut off by a crash, or of another version: nothing is known from it
        if summary.sha256 != sha256:
            return next(iter(summary.scales.values()), None)
    return None
