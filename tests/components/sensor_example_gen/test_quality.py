"""What is odd about data is found before anything is trained, and told in words of data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary, ReadRecords, summarise
from components.sensor_example_gen.inspection import DividedData, data_facts, divide, earlier_scale
from components.sensor_example_gen.quality import Repeats, find_repeats
from components.sensor_example_gen.reading import RecordFacts, RecordReader
from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.section import Splits
from edge_deployer.errors import TinyopsError
from edge_deployer.report.data_view import data_warnings

CLASSES = ["off", "on"]


def found(folder: Path, sound: np.ndarray, kind: np.ndarray, person: np.ndarray | None = None) -> DatasetSummary:
    """As SensorExampleGen finds it, but in this process."""
    section, data = divided(folder, sound, kind, person)
    reader = RecordReader(section, str(folder / "data.npz"))
    facts = [read for read in reader.read(data.listing) if isinstance(read, RecordFacts)]
    read = ReadRecords.of(data.listing, facts)
    summary = summarise(data.listing, data.splits, read, shape=reader.shape, classes=len(CLASSES))
    (folder / "summary.json").write_text(summary.to_json())
    assert DatasetSummary.read(folder / "summary.json") == summary
    return summary


def divided(
    folder: Path, sound: np.ndarray, kind: np.ndarray, person: np.ndarray | None = None
) -> tuple[ArraysSection, DividedData]:
    path, group = folder / "data.npz", None if person is None else "person"
    np.savez(path, sound=sound, kind=kind, **({} if person is None else {"person": person}))
    section = ArraysSection(
        source=path, input="sound", label="kind", group=group, classes=CLASSES, splits=Splits(train=3)
    )
    return section, divide(section, str(path))


def warnings(folder: Path, *arrays: np.ndarray) -> list[str]:
    return data_warnings(data_facts(found(folder, *arrays), source="", class_names=CLASSES, group="person"))


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(samples, 4)).astype(np.float32)


def test_sound_data_has_no_warnings(tmp_path: Path) -> None:
    assert warnings(tmp_path, noise(100), np.arange(100) % 2) == []


def test_equal_inputs_are_counted_once_each_for_what_is_wrong_with_them() -> None:
    digests = np.array([b"1", b"1", b"1", b"2", b"2", b"3", b"4", b"", b""])
    trains = np.isin(np.arange(9), [0, 3, 5, 7])
    marks = find_repeats(digests, np.array([0, 0, 1, 0, 0, 1, 1, 0, 1]), trains)
    assert marks.counts == Repeats(repeated=3, conflicting=3, shared=3)
    assert marks.first.tolist() == [0, 0, 0, 3, 3, 5, 6, 7, 8]


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
    splits = splits_of(tmp_path, sound, person)
    sound[splits["eval"][0]] = sound[splits["train"][0]]
    (warning,) = warnings(tmp_path, sound, np.arange(100) // 50, person)
    assert warning.startswith("samples of other splits that stand in train too: 1;")


def splits_of(folder: Path, sound: np.ndarray, person: np.ndarray) -> dict[str, np.ndarray]:
    return divided(folder, sound, np.arange(100) // 50, person)[1].splits


@pytest.mark.parametrize(("factor", "offset"), [(9.8, 0), (0.1, 0), (1, 5)])
def test_a_person_who_recorded_in_another_unit_is_told(tmp_path: Path, factor: float, offset: float) -> None:
    sound, person = noise(100), np.arange(100) % 20
    splits = splits_of(tmp_path, sound, person)
    sound[splits["eval"]] = factor * sound[splits["eval"]] + offset
    (warning,) = warnings(tmp_path, sound, np.arange(100) // 50, person)
    assert warning.startswith("values of split eval lie at ")
    assert warning.endswith("see that both were recorded alike, in the same unit")


@pytest.mark.parametrize(
    "inputs", [noise(3000), np.random.default_rng(3).integers(-128, 128, (500, 70, 40), np.int8)], ids=["float", "int8"]
)
def test_a_scale_is_that_of_numpy_however_the_values_are_stored(tmp_path: Path, inputs: np.ndarray) -> None:
    kind = np.arange(len(inputs)) % 2
    rows = divided(tmp_path, inputs, kind)[1].splits["eval"]
    scale = found(tmp_path, inputs, kind).scales["eval"]
    assert scale.mean == pytest.approx(inputs[rows].mean(dtype=np.float64))
    assert scale.spread == pytest.approx(inputs[rows].std(dtype=np.float64))


def test_a_class_without_samples_in_a_split_is_told(tmp_path: Path) -> None:
    sound = noise(100)
    splits = splits_of(tmp_path, sound, np.arange(100) % 20)
    kind = np.arange(100) // 50
    kind[splits["eval"]] = 0
    assert warnings(tmp_path, sound, kind, np.arange(100) % 20) == ["split eval has no samples of class on"]


def test_one_class_cannot_be_learnt(tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match="all records have 'kind' on: with one class"):
        found(tmp_path, noise(100), np.ones(100, int))
    sound, person = noise(100), np.arange(100) % 20
    splits = splits_of(tmp_path, sound, person)
    kind = np.zeros(100, int)
    kind[splits["eval"]] = 1
    with pytest.raises(TinyopsError, match=r"all records of split 'train' have 'kind' off.*") as refused:
        found(tmp_path, sound, kind, person)
    assert "finer group" in refused.value.remedy


def test_a_scale_that_changed_since_the_run_before_is_told(tmp_path: Path) -> None:
    kind = np.arange(100) % 2
    before = found(tmp_path, noise(100), kind)
    for number, text in (("8", '{"cut": '), ("7", before.to_json())):
        (tmp_path / "runs" / number).mkdir(parents=True)
        (tmp_path / "runs" / number / SUMMARY_FILE).write_text(text)
    assert earlier_scale(tmp_path / "runs", before.sha256) is None
    now = found(tmp_path, 9.8 * noise(100), kind)
    scale = earlier_scale(tmp_path / "runs", now.sha256)
    assert scale is not None
    (warning,) = data_warnings(data_facts(now.beside(scale), source="", class_names=CLASSES, group=None))
    assert warning.startswith("values of this data lie at ")
    assert "those of the data of the run before" in warning
