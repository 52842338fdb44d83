from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sensor_example_gen.dataset import DatasetSummary, ReadRecords, summarise
from components.sensor_example_gen.sources.arrays import ArraysSection, ArraysSource
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import Splits
from components.sensor_example_gen.splits import assign_splits
from edge_deployer.errors import TinyopsError


def section(train: int = 3, held_out: int = 1, **more: object) -> ArraysSection:
    splits = more.pop("splits", Splits(train=train, eval=held_out))
    return ArraysSection(source="data.npz", input="x", label="label", classes=["a", "b", "c"], splits=splits, **more)


def listing_of(groups: list[int] | None, samples: int) -> Listing:
    rows = np.arange(samples)
    keys = np.stack([np.frombuffer(hashlib.sha256(bytes([row % 251, row // 251])).digest(), np.uint8) for row in rows])
    return Listing(rows, np.zeros(samples, np.int64), None if groups is None else np.array(groups, np.int64), keys=keys)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=200))
def test_no_group_stands_in_two_splits(groups: list[int]) -> None:
    data = listing_of(groups, len(groups))
    try:
        splits = assign_splits(data, section())
    except TinyopsError:
        return  # too few groups to fill both splits
    members = {split: {groups[row] for row in rows} for split, rows in splits.items()}
    assert not members["train"] & members["eval"]
    assert sorted(np.concatenate(list(splits.values()))) == list(range(len(groups)))


def test_a_sample_keeps_its_split_when_others_are_added() -> None:
    few, many = assign_splits(listing_of(None, 200), section()), assign_splits(listing_of(None, 300), section())
    assert set(few["eval"]) == {row for row in many["eval"] if row < 200}


def test_equal_inputs_stand_in_the_same_split(tmp_path: Path) -> None:
    inputs = np.repeat(np.arange(50, dtype=np.float32), 3).reshape(-1, 1)
    np.savez(tmp_path / "data.npz", x=inputs, label=np.arange(150) % 2)
    listing = ArraysSource(section(), str(tmp_path / "data.npz")).listing()
    splits = assign_splits(listing, section())
    assert not set(inputs[splits["train"], 0]) & set(inputs[splits["eval"], 0])


def test_buckets_give_the_proportion() -> None:
    splits = assign_splits(listing_of(None, 4000), section())
    assert len(splits["eval"]) == pytest.approx(1000, abs=120)


def test_an_empty_split_is_named_with_the_sizes_of_the_groups() -> None:
    with pytest.raises(TinyopsError) as refused:
        assign_splits(listing_of([5] * 7 + [6] * 3, 10), section(1, 10**6))
    assert "'train'" in refused.value.message
    assert "2 groups (5: 7, 6: 3)" in refused.value.message
    assert "data.splits" in refused.value.remedy


def test_an_empty_split_without_groups() -> None:
    with pytest.raises(TinyopsError, match="1 records"):
        assign_splits(listing_of(None, 1), section())


def test_summary_counts_classes_and_survives_its_file(tmp_path: Path) -> None:
    listing = Listing(np.arange(4), np.array([0, 2, 2, 1]), np.array([1, 1, 2, 3]))
    splits = {"train": np.array([0, 1, 2]), "eval": np.array([3])}
    summary = summarise(listing, splits, ReadRecords.unread(listing), shape=(2,), sha256="ab", classes=3)
    assert summary.class_counts == {"train": [1, 0, 2], "eval": [0, 1, 0]}
    assert summary.group_counts == {"train": 2, "eval": 1}
    assert summary.split_sizes == {"train": 3, "eval": 1}
    (tmp_path / "dataset.json").write_text(summary.to_json())
    assert DatasetSummary.read(tmp_path / "dataset.json") == summary


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shape": 1}', '{"shape": [1], "colour": 2}', "[" * 100_000])
def test_a_damaged_summary_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(TinyopsError, match=r"dataset\.json is no(t JSON| summary)") as raised:
        DatasetSummary.read(tmp_path / "dataset.json")
    assert "run again" in raised.value.remedy
