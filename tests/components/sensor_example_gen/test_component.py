from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary
from components.sensor_example_gen.inspection import DividedData, divide
from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import Splits
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import DatasetFields, file_sha256, load_dataset

CLASSES = ("top", "middle", "bottom")

FIELDS = DatasetFields("picture", "kind", "person", 3)
SPLITS = ("train", "eval")


def section(path: Path, **more: object) -> ArraysSection:
    return ArraysSection(
        source=path, input="picture", label="kind", classes=list(CLASSES), splits=Splits(train=2, eval=1), **more
    )


def read(folder: Path, split: str) -> list:
    import tensorflow as tf

    files = sorted(str(file) for file in (folder / f"Split-{split}").iterdir())
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    return [tf.train.Example.FromString(record).features.feature for record in records]


def test_every_sample_is_written_once_and_into_the_split_that_was_promised(line) -> None:
    data = load_dataset(line.data_file, FIELDS)
    for split, rows in divide(section(line.data_file, group="person"), str(line.data_file)).splits.items():
        written = read(line.folder("SensorExampleGen", "examples"), split)
        found = sorted(tuple(example["picture"].float_list.value) for example in written)
        assert found == sorted(tuple(data.inputs[row].ravel().tolist()) for row in rows)


def test_labels_and_groups_stay_with_their_sample(line) -> None:
    data = load_dataset(line.data_file, FIELDS)
    expected = {data.inputs[row].tobytes(): row for row in range(len(data))}
    for example in read(line.folder("SensorExampleGen", "examples"), "eval"):
        row = expected[np.array(example["picture"].float_list.value, np.float32).tobytes()]
        assert example["kind"].int64_list.value[0] == data.labels[row]
        assert example["person"].bytes_list.value[0].decode() == data.groups[row]


def test_data_that_is_sorted_by_class_reaches_training_mixed(line) -> None:
    assert (np.diff(load_dataset(line.data_file, FIELDS).labels) >= 0).all()
    kinds = [e["kind"].int64_list.value[0] for e in read(line.folder("SensorExampleGen", "examples"), "train")]
    changes = np.count_nonzero(np.diff(kinds))
    # Of three classes in a random order, two neighbours in three differ.
    assert changes > len(kinds) / 2


@pytest.mark.parametrize("records", [3, 40, 2000, 100_000])
@pytest.mark.parametrize("in_files", [False, True])
def test_records_are_mixed_the_same_way_each_time_and_none_is_lost(records: int, in_files: bool) -> None:
    from components.sensor_example_gen.executor import chunks

    splits = {"train": np.arange(0, records, 2), "eval": np.arange(1, records, 2)}
    spans = np.zeros((records, 2), np.int64) if in_files else None
    divided = DividedData(Listing(np.arange(records), None, spans=spans), splits)
    first, second = list(chunks(divided)), list(chunks(divided))
    for (split, part), (_, again) in zip(first, second, strict=True):
        np.testing.assert_array_equal(part.rows, again.rows)
        assert set(part.rows) <= set(splits[split])
    train = [part.rows for split, part in first if split == "train"]
    assert sorted(np.concatenate(train)) == list(splits["train"])
    assert len(train) >= min(16, records // 2)
    if records >= 2000:
        # Whatever the data is sorted by, a part has some of either half of it.
        assert all(set(rows * 2 // records) == {0, 1} for rows in train[:-1])


def test_of_records_within_files_a_part_is_read_in_their_order_and_neighbours_together() -> None:
    from components.sensor_example_gen.executor import chunks

    places = np.arange(100_000)
    listing = Listing(places, None, spans=np.zeros((len(places), 2), np.int64))
    for _, part in list(chunks(DividedData(listing, {"train": places})))[:-1]:
        steps = np.diff(part.rows)
        assert (steps > 0).all()
        assert np.count_nonzero(steps > 1) <= 16


def test_no_person_stands_in_two_splits(line) -> None:
    folder = line.folder("SensorExampleGen", "examples")
    people = {s: {e["person"].bytes_list.value[0] for e in read(folder, s)} for s in SPLITS}
    assert people["train"]
    assert people["eval"]
    assert not people["train"] & people["eval"]


def test_fingerprint_and_sizes_are_recorded(line) -> None:
    folder = line.folder("SensorExampleGen", "examples")
    summary = DatasetSummary.read(folder / SUMMARY_FILE)
    assert summary.sha256 == file_sha256(line.data_file)
    assert summary.split_sizes == {split: len(read(folder, split)) for split in SPLITS}
    assert line.lineage.latest("SensorExampleGen").text("examples", "data_sha256") == summary.sha256


def test_the_cache_goes_by_contents(tmp_path: Path, run_nodes: Callable) -> None:
    from components.sensor_example_gen.component import SensorExampleGen

    path = tmp_path / "data.npz"

    def cached_after(values: np.ndarray) -> bool:
        np.savez(path, picture=values, kind=np.arange(60) % 3)
        os.utime(path, (1e9, 1e9))
        node = SensorExampleGen(str(path), section(path))
        return run_nodes("contents", [node]).latest("SensorExampleGen").cached

    values = np.arange(120, dtype=np.float32).reshape(60, 2)
    assert not cached_after(values)
    os.utime(path)
    assert cached_after(values)
    # Same size, same modification time: what TFX's own fingerprint would take for the same data.
    assert not cached_after(values + 1)


def test_wrong_data_ends_the_component_with_the_remedy(tmp_path: Path, run_nodes: Callable) -> None:
    from components.sensor_example_gen.component import SensorExampleGen

    np.savez(tmp_path / "data.npz", picture=np.full((9, 2), np.nan), kind=np.zeros(9, int))
    node = SensorExampleGen(str(tmp_path / "data.npz"), section(tmp_path / "data.npz"))
    with pytest.raises(TinyopsError, match="not finite"):
        run_nodes("wrong", [node])
