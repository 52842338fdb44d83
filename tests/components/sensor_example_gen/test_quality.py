"""What is odd about data is found before anything is trained, and told in words of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.sensor_example_gen.dataset import DatasetSummary
from components.sensor_example_gen.inspection import data_facts, inspect
from components.sensor_example_gen.quality import Repeats, find_repeats, scale_of
from edge_deployer.errors import TinyopsError
from edge_deployer.release.labelled_data import DatasetFields, LabelledData
from edge_deployer.report.data_view import data_warnings

BUCKETS = {"train": 3, "eval": 1}
CLASSES = ("off", "on")


def found(folder: Path, sound: np.ndarray, kind: np.ndarray, person: np.ndarray | None = None) -> DatasetSummary:
    arrays = {} if person is None else {"person": person}
    np.savez(folder / "data.npz", sound=sound, kind=kind, **arrays)
    fields = DatasetFields("sound", "kind", None if person is None else "person", len(CLASSES))
    _, summary = inspect(folder / "data.npz", fields, BUCKETS, earlier_runs=folder / "none")
    (folder / "summary.json").write_text(summary.to_json())
    assert DatasetSummary.read(folder / "summary.json") == summary
    return summary


def warnings(folder: Path, *arrays: np.ndarray) -> list[str]:
    return data_warnings(data_facts(found(folder, *arrays), source="", class_names=CLASSES, group="person"))


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(samples, 4)).astype(np.float32)


def test_sound_data_has_no_warnings(tmp_path: Path) -> None:
    assert warnings(tmp_path, noise(100), np.arange(100) % 2) == []


def test_equal_inputs_are_counted_once_each_for_what_is_wrong_with_them() -> None:
    inputs = np.array([[1], [1], [1], [2], [2], [3], [4]], np.float32)
    data = LabelledData(inputs, np.array([0, 0, 1, 0, 0, 1, 1]), None)
    splits = {"train": np.array([0, 3, 5]), "eval": np.array([1, 2, 4, 6])}
    assert find_repeats(data, splits) == Repeats(repeated=3, conflicting=3, shared=3)


def test_labels_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    sound = noise(100)
    sound[7] = sound[4]
    assert warnings(tmp_path, sound, np.arange(100) % 2) == [
        "2 samples have equal inputs and different labels: see which label is right"
    ]


def test_many_repeats_are_told_and_few_are_not(tmp_path: Path) -> None:
    sound, kind = noise(100), np.arange(100) % 2
    assert warnings(tmp_path, np.concatenate([sound, sound[:8]]), np.append(kind, kind[:8])) == []
    (warning,) = warnings(tmp_path, np.concatenate([sound, sound[:60]]), np.append(kind, kind[:60]))
    assert warning.startswith("60 samples (37.5")


def test_a_sample_that_both_splits_have_is_told(tmp_path: Path) -> None:
    sound, person = noise(100), np.arange(100) % 20
    splits, _ = inspect_split(tmp_path, sound, person)
    sound[splits["eval"][0]] = sound[splits["train"][0]]
    (warning,) = warnings(tmp_path, sound, np.arange(100) // 50, person)
    assert warning.startswith("samples of other splits that stand in train too: 1;")


def inspect_split(folder: Path, sound: np.ndarray, person: np.ndarray) -> tuple[dict, DatasetSummary]:
    np.savez(folder / "data.npz", sound=sound, kind=np.arange(100) // 50, person=person)
    fields = DatasetFields("sound", "kind", "person", 2)
    return inspect(folder / "data.npz", fields, BUCKETS, earlier_runs=folder / "none")


@pytest.mark.parametrize(("factor", "offset"), [(9.8, 0), (0.1, 0), (1, 5)])
def test_a_person_who_recorded_in_another_unit_is_told(tmp_path: Path, factor: float, offset: float) -> None:
    sound, person = noise(100), np.arange(100) % 20
    splits, _ = inspect_split(tmp_path, sound, person)
    sound[splits["eval"]] = factor * sound[splits["eval"]] + offset
    (warning,) = warnings(tmp_path, sound, np.arange(100) // 50, person)
    assert warning.startswith("values of split eval lie at ")
    assert warning.endswith("see that both were recorded alike, in the same unit")


def test_a_scale_is_that_of_numpy_however_the_values_are_stored() -> None:
    for inputs in (noise(3000), np.random.default_rng(3).integers(-128, 128, (50, 70, 400), np.int8)):
        rows = np.arange(1, len(inputs), 2)
        scale = scale_of(inputs, rows)
        assert scale.mean == pytest.approx(inputs[rows].mean(dtype=np.float64))
        assert scale.spread == pytest.approx(inputs[rows].std(dtype=np.float64))


def test_a_class_without_samples_in_a_split_is_told(tmp_path: Path) -> None:
    sound = noise(100)
    splits, _ = inspect_split(tmp_path, sound, np.arange(100) % 20)
    kind = np.arange(100) // 50
    kind[splits["eval"]] = 0
    assert warnings(tmp_path, sound, kind, np.arange(100) % 20) == ["split eval has no samples of class on"]


def test_one_class_cannot_be_learnt(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="all samples have 'kind' 1: with one class"):
        found(tmp_path, noise(100), np.ones(100, int))
    sound, person = noise(100), np.arange(100) % 20
    splits, _ = inspect_split(tmp_path, sound, person)
    kind = np.zeros(100, int)
    kind[splits["eval"]] = 1
    with pytest.raises(TinyopsError, match=r"all samples of split 'train' have 'kind' 0.*") as refused:
        found(tmp_path, sound, kind, person)
    assert "finer group" in refused.value.remedy
