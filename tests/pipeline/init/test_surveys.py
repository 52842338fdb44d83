"""What is seen in data beyond the made sets, and what is said where nothing can be proposed."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from edge_deployer.errors import TinyopsError
from pipeline.init.propose import propose
from pipeline.init.table import nice_rate, read_table


def write_csv(path: Path, columns: dict[str, Sequence[Any]], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def waves(rows: int, seed: int = 0) -> np.ndarray:
    return np.round(np.random.default_rng(seed).normal(size=rows), 4)


def wav(path: Path, seconds: float = 0.5, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).normal(size=int(8000 * seconds)), 8000)


def said_of(kind: str, place: Path) -> dict[str, Any]:
    return {choice.field: choice.value for choice in propose(kind, place).data}


# Times.


@pytest.mark.parametrize(
    ("name", "times", "unit", "rate"),
    [
        ("time", np.arange(400) * 0.02, "s", 50),
        ("timestamp", 1.7e9 + np.arange(400) * 0.01, "s", 100),
        ("timestamp", 1_700_000_000_000 + np.arange(400) * 20, "ms", 50),
        ("t", np.arange(400) * 5000, "us", 200),
        ("time [ns]", np.arange(400) * 10_000_000, "ns", 100),
        ("seconds_elapsed", np.arange(400) * 0.0403, "s", 25),
        ("clockwork", np.arange(400) * 40 + 7, "ms", 25),
    ],
)
def test_the_time_and_its_unit_are_told(tmp_path: Path, name: str, times: np.ndarray, unit: str, rate: float) -> None:
    table = read_table(write_csv(tmp_path / "a.csv", {name: times, "ax": waves(400)}), label_outside=True)
    assert (table.time, table.unit, table.rate, table.columns) == (name, unit, rate, ("ax",))


def test_a_time_that_is_text_is_a_timestamp(tmp_path: Path) -> None:
    times = [f"2026-03-01T10:00:{index // 20:02}.{index % 20 * 5:02}0" for index in range(400)]
    table = read_table(write_csv(tmp_path / "a.csv", {"datetime": times, "ax": waves(400)}), label_outside=True)
    assert (table.time, table.unit, table.rate) == ("datetime", "timestamp", 20)


def test_a_time_of_parquets_own_is_a_timestamp(tmp_path: Path) -> None:
    times = pa.array(np.arange(400) * 10_000, pa.timestamp("us"))
    pq.write_table(pa.table({"time": times, "ax": waves(400)}), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet", label_outside=True)
    assert (table.time, table.unit, table.rate) == ("time", "timestamp", 100)


def test_what_counts_rows_is_neither_time_nor_a_column(tmp_path: Path) -> None:
    columns = {"": np.arange(300), "frame": np.arange(300), "x": waves(300), "y": waves(300, 1), "z": waves(300, 2)}
    table = read_table(write_csv(tmp_path / "a.csv", columns, ";"), label_outside=True)
    assert (table.columns, table.time, table.rate) == (("x", "y", "z"), None, None)


@pytest.mark.parametrize(
    ("rate", "nice"), [(49.7, 50), (99.01, 100), (62.6, 62.5), (104.2, 104), (25.8, 25.8), (1000, 1000)]
)
def test_rates_are_those_of_data_sheets_where_they_are_near(rate: float, nice: float) -> None:
    assert nice_rate(rate) == nice


# Motion.


def test_short_recordings_are_one_sample_each_and_no_rate_is_made_up(tmp_path: Path) -> None:
    for label in ("tap", "shake"):
        for number in range(100):
            write_csv(
                tmp_path / label / f"{number}.csv", {"ax": waves(60 + number % 9, number), "ay": waves(60 + number % 9)}
            )
    proposal = propose("motion", tmp_path)
    data = {choice.field: choice.value for choice in proposal.data}
    assert (data["rate"], data["window"], "hop" in data, "time" in data) == (50, 68 / 50, False, False)
    assert any("no column says the time" in notice for notice in proposal.notices)


def test_a_file_may_say_its_label_in_a_field(tmp_path: Path) -> None:
    for number in range(150):
        turn = np.linspace(0, 6, 30)
        points = [{"x": x, "y": y} for x, y in zip(np.cos(turn).tolist(), waves(30, number).tolist(), strict=True)]
        (tmp_path / f"{number}.json").write_text(
            json.dumps({"sign": "ab"[number % 2], "label": number % 3, "points": points})
        )
    data = said_of("motion", tmp_path)
    assert (data["names"], data["label"], data["classes"], data["raster"]) == ("*", "label", ["0", "1", "2"], 32)


def test_a_word_in_a_column_does_not_outweigh_folders(tmp_path: Path) -> None:
    for label in ("up", "down"):
        for number in range(8):
            rows = {"t": np.arange(2000) * 0.02, "ax": waves(2000, number), "place": ["left", "right"] * 1000}
            write_csv(tmp_path / label / f"{number}.csv", rows)
    assert said_of("motion", tmp_path)["names"] == "{label}/*"


def test_a_manifest_may_say_what_files_of_motion_are(tmp_path: Path) -> None:
    rows: dict[str, list[str]] = {"path": [], "kind": [], "worker": []}
    for number in range(160):
        write_csv(tmp_path / f"raw/{number}.csv", {"t": np.arange(64) * 0.02, "ax": waves(64, number)})
        rows = {
            "path": [*rows["path"], f"raw/{number}.csv"],
            "kind": [*rows["kind"], "ab"[number % 2]],
            "worker": [*rows["worker"], f"w{number // 20}"],
        }
    write_csv(tmp_path / "all.csv", rows)
    data = said_of("motion", tmp_path)
    assert (data["label"], data["classes"], data["time"], data["rate"]) == ("kind", ["a", "b"], "t", 50)
    assert "hop" not in data


def test_columns_may_say_the_label_of_every_file(tmp_path: Path) -> None:
    """Numbers called class; one label a file, none of which is in the names."""
    for number in range(60):
        rows = {"t": np.arange(640) * 0.02, "ax": waves(640, number), "ay": waves(640), "class": [number % 3] * 640}
        write_csv(tmp_path / f"{number:03}.csv", {**rows, "subject_id": [number // 10] * 640})
    data = said_of("motion", tmp_path)
    assert (data["names"], data["label"], data["classes"]) == ("*", "class", ["0", "1", "2"])
    assert (data["group"], data["columns"]) == ("subject_id", ["ax", "ay"])


def test_what_is_called_a_date_and_is_none_is_no_time(tmp_path: Path) -> None:
    columns = {"date": ["Monday"] * 200, "ax": waves(200)}
    table = read_table(write_csv(tmp_path / "a.csv", columns), label_outside=True)
    assert (table.rate, table.columns) == (None, ("ax",))


# Images.


@pytest.mark.parametrize(("size", "wanted"), [((28, 28), [28, 28]), ((640, 480), [72, 96]), ((150, 300), [64, 32])])
def test_pictures_keep_their_form_and_become_small(tmp_path: Path, size: tuple[int, int], wanted: list[int]) -> None:
    random = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(100):
            values = random.integers(0, 256, (*size[::-1], 1), np.uint8)
            Image.fromarray(values[..., 0]).save(tmp_path / label / f"{number}.png")
    assert said_of("images", tmp_path)["size"] == wanted


# Arrays.


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def test_labels_may_be_text(tmp_path: Path) -> None:
    place = npz(tmp_path / "d.npz", a=waves(1200).reshape(400, 3), what=np.array(["no", "yes"] * 200))
    data = said_of("arrays", place)
    assert (data["label"], data["classes"], data["input"]) == ("what", ["no", "yes"], "a")


def test_several_values_are_answered_at_once(tmp_path: Path) -> None:
    place = npz(tmp_path / "d.npz", samples=waves(8000).reshape(400, 20), target=waves(800).reshape(400, 2))
    proposal = propose("arrays", place)
    assert (proposal.classes, proposal.outputs) == (0, 2)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x_train": waves(60).reshape(20, 3), "x_test": waves(60).reshape(20, 3)}, "arrays for each split"),
        ({"x": waves(60).reshape(20, 3), "y": np.eye(2)[np.arange(20) % 2]}, "'y' is one-hot"),
        ({"x": waves(60).reshape(20, 3), "y": np.arange(20) % 2 * 1.0}, "2 whole values: these are classes"),
        ({"x": waves(60).reshape(20, 3)}, "no other array has a label or a value"),
        ({"y": np.arange(20) % 2}, "no array that can be the samples: y int64"),
        ({"x": waves(60).reshape(20, 3), "y": np.arange(20) % 2}, "makes 20 samples of 20 records, and no division"),
        ({"x": waves(32).reshape(2, 2, 2, 2, 2), "y": np.zeros(2)}, "samples have 4 dimensions|whole values"),
        ({"x": np.full((20, 3), np.nan), "y": np.arange(20) % 2}, "not finite"),
    ],
)
def test_arrays_of_which_no_project_can_be_made(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    with pytest.raises(TinyopsError, match=said):
        propose("arrays", npz(tmp_path / "d.npz", **arrays))


# What there is no project for.


@pytest.mark.parametrize("kind", ["audio", "motion", "images", "arrays"])
def test_there_must_be_such_a_place(kind: str, tmp_path: Path) -> None:
    with pytest.raises(TinyopsError, match=r"there is no .*nowhere"):
        propose(kind, tmp_path / "nowhere")


@pytest.mark.parametrize("kind", ["audio", "motion", "images", "arrays"])
def test_what_was_seen_is_said_where_nothing_is_of_the_kind(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"ID3")
    (tmp_path / "b.mp3").write_bytes(b"ID3")
    with pytest.raises(TinyopsError, match=r"has no file of \.\w+.*it has 2 of \.mp3"):
        propose(kind, tmp_path)


def test_the_kind_that_would_read_it_is_named(tmp_path: Path) -> None:
    wav(tmp_path / "yes" / "1.wav")
    with pytest.raises(TinyopsError) as refused:
        propose("images", tmp_path)
    assert "--kind audio" in refused.value.remedy


def test_two_kinds_in_one_folder_are_refused(tmp_path: Path) -> None:
    for number in range(4):
        wav(tmp_path / "yes" / f"{number}.wav")
        Image.new("L", (9, 9)).save(tmp_path / f"{number}.png")
    with pytest.raises(TinyopsError, match=r"has 4 files of audio and 4 of images, e.g. 0.png"):
        propose("audio", tmp_path)


def test_one_label_is_refused(tmp_path: Path) -> None:
    for number in range(30):
        wav(tmp_path / f"{number}.wav")
    with pytest.raises(TinyopsError, match="neither their folders nor their names say what they are"):
        propose("audio", tmp_path)


def test_files_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(9):
            (tmp_path / label / f"{number}.wav").write_bytes(b"ID3 an MP3")
    with pytest.raises(TinyopsError, match=r"none of 18 files of .* can be opened as what its name says"):
        propose("audio", tmp_path)


def test_a_manifest_without_paths_says_which_column_might_be_meant(tmp_path: Path) -> None:
    place = write_csv(tmp_path / "list.csv", {"file": ["a.wav", "b.wav"], "label": ["yes", "no"]})
    with pytest.raises(TinyopsError, match="has no column 'path'; it has file, label") as refused:
        propose("audio", place)
    assert "'file'" in refused.value.remedy


def test_silent_recordings_are_told_and_tolerated(tmp_path: Path) -> None:
    """A class of silence is a third of all; a run takes a tenth without being told."""
    for number in range(120):
        wav(tmp_path / "noise" / f"{number}.wav", seed=number)
        wav(tmp_path / "voice" / f"{number}.wav", seed=number)
        (tmp_path / "silence").mkdir(exist_ok=True)
        soundfile.write(tmp_path / "silence" / f"{number}.wav", np.zeros(4000), 8000)
    assert said_of("audio", tmp_path)["anomalies"]["silent"] == pytest.approx(0.5, abs=0.02)
