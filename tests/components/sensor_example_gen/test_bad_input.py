"""Recordings that are wrong are refused, or reported by name, before anything is trained; none is lost."""

from __future__ import annotations

import csv
import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.sensor_example_gen.dataset import DatasetSummary, ReadRecords, summarise
from components.sensor_example_gen.inspection import divide, require_sound
from components.sensor_example_gen.reading import RecordFacts, RecordReader
from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.sources.audio import AudioSection
from components.sensor_example_gen.sources.images import ImagesSection
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.errors import TinyopsError
from tests.components.sensor_example_gen.sounds import encoded, tone

CLASSES = ["no", "yes"]
MP3 = b"\xff\xfb\x90\x64" + bytes(400)
RECORDS = 30
ALL_MAY_BE = dict.fromkeys(["wrong_format", "empty", "missing", "outside", "too_large", "corrupt", "bad_name"], 1.0)


def put(path: Path, contents: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)


def sound(number: int, rate: int = 8_000) -> bytes:
    return encoded(tone(0.1, rate, 300 + 20 * number), rate)


def write_sounds(folder: Path, pattern: str = "{word}/{number}.wav", records: int = RECORDS) -> None:
    for number in range(records):
        name = pattern.format(word=CLASSES[number % 2], number=number, speaker="ab"[number // 2 % 2])
        put(folder / name, sound(number))


def sounds(folder: Path, **settings: Any) -> AudioSection:
    return AudioSection(source=folder, **{"classes": CLASSES, "window": 0.1, **settings})


def look_at(section: DataSection) -> DatasetSummary:
    """As SensorExampleGen does, but in this process, one record after the other."""
    divided, reader = divide(section, str(section.source)), RecordReader(section, str(section.source))
    facts = [read for read in reader.read(divided.listing) if isinstance(read, RecordFacts)]
    summary = summarise(
        divided.listing,
        divided.splits,
        ReadRecords.of(divided.listing, facts),
        shape=reader.shape,
        classes=len(section.classes or ()),
        described=reader.source.describe(divided.listing),
    )
    require_sound(summary, section)
    return summary


def found(summary: DatasetSummary) -> dict[str, dict[str, str]]:
    return {name: anomaly.records for name, anomaly in summary.anomalies.items()}


def refusal(section: DataSection) -> str:
    with pytest.raises(TinyopsError) as refused:
        look_at(section)
    assert refused.value.remedy
    return refused.value.message


def png_of(width: int, height: int, row: bytes) -> bytes:
    """A grey picture that claims a size, whatever its contents."""

    def chunk(kind: bytes, contents: bytes) -> bytes:
        return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    contents = zlib.compress((b"\0" + row) * min(height, 100))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", contents) + chunk(b"IEND", b"")


def test_an_mp3_under_another_name_is_named(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    put(tmp_path / "no" / "really.wav", MP3)
    assert "1 of 31 records are wrong_format" in refusal(sounds(tmp_path))
    assert "no/really.wav (is MP3)" in refusal(sounds(tmp_path))
    summary = look_at(sounds(tmp_path, anomalies={"wrong_format": 0.1}))
    assert found(summary) == {"wrong_format": {"no/really.wav": "is MP3"}}
    assert sum(summary.split_sizes.values()) == RECORDS
    assert summary.records == RECORDS + 1


def test_mixed_rates_are_resampled_and_told_with_a_recording_of_each(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    put(tmp_path / "yes" / "z.wav", sound(99, rate=44_100))
    summary = look_at(sounds(tmp_path, rate=8_000))
    assert summary.described["recorded at"] == "8000 Hz (30 of 31, e.g. no/0.wav), 44100 Hz (1 of 31, e.g. yes/z.wav)"
    assert sum(summary.split_sizes.values()) == RECORDS + 1


def test_a_label_that_only_the_test_has_is_named_with_a_recording(tmp_path: Path) -> None:
    write_sounds(tmp_path, "{word}_train_{number}.wav")
    put(tmp_path / "perhaps_test_7.wav", sound(77))
    put(tmp_path / "no_test_8.wav", sound(78))
    section = sounds(tmp_path, names="{label}_{part}_*", classes=[*CLASSES, "perhaps"], splits={"field": "part"})
    assert refusal(section) == "split 'train' has no record of perhaps, which split 'eval' has, e.g. perhaps_test_7.wav"


def test_a_speaker_whom_a_list_puts_into_both_splits_is_named_with_recordings(tmp_path: Path) -> None:
    write_sounds(tmp_path, "{word}_{speaker}_{number}.wav")
    (tmp_path / "test.txt").write_text("no_a_0.wav\nyes_a_1.wav\n")
    section = sounds(tmp_path, names="{label}_{speaker}_*", group="speaker", splits={"eval_list": "test.txt"})
    message = refusal(section)
    assert message == "speaker a stands in two splits, by no_a_12.wav (train) and no_a_0.wav (eval)"


def test_a_class_with_one_recording(tmp_path: Path) -> None:
    """Held out, it cannot be learnt; and where it trains, it is told that nothing can be said of it."""
    write_sounds(tmp_path)
    section = sounds(tmp_path, classes=[*CLASSES, "perhaps"])
    trains = set()
    for number in range(20):
        name = f"perhaps/{number}.wav"
        put(tmp_path / name, sound(100 + number))
        is_held_out = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % 5 == 4
        if is_held_out:
            assert f"has no record of perhaps, which split 'eval' has, e.g. {name}" in refusal(section)
        else:
            counts = look_at(section).class_counts
            assert (counts["train"][2], counts["eval"][2]) == (1, 0)
        trains.add(not is_held_out)
        (tmp_path / name).unlink()
    assert trains == {True, False}


def test_a_manifest_that_names_what_is_not_there_or_lies_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_sounds(folder)
    put(tmp_path / "secret.wav", sound(55))
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    wrong = ["no/gone.wav", "../secret.wav", str(tmp_path / "secret.wav"), "link.wav", "no/../../secret.wav", ""]
    with (folder / "all.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        rows.writerows([f"{CLASSES[number % 2]}/{number}.wav", CLASSES[number % 2]] for number in range(RECORDS))
        rows.writerows([name, "no"] for name in wrong)
    section = sounds(folder / "all.csv")
    with pytest.raises(TinyopsError, match=r"1 of 36 records are missing.*: no/gone\.wav"):
        divide(section, str(section.source))
    with pytest.raises(TinyopsError, match="5 of 36 records are outside") as refused:
        divide(section.model_copy(update={"anomalies": {Anomaly.MISSING: 1.0}}), str(section.source))
    assert all(name in refused.value.message for name in wrong[1:])
    summary = look_at(sounds(folder / "all.csv", anomalies=ALL_MAY_BE))
    assert set(found(summary)["missing"]) == {"no/gone.wav"}
    assert set(found(summary)["outside"]) == {*wrong[1:-1], "(no path)"}
    assert sum(summary.split_sizes.values()) == RECORDS


def test_links_in_a_circle_are_named_and_followed_no_further(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    (tmp_path / "no" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "no" / "itself.wav").symlink_to(tmp_path / "no" / "itself.wav")
    (tmp_path / "no" / "broken.wav").symlink_to(tmp_path / "nowhere.wav")
    summary = look_at(sounds(tmp_path, anomalies=ALL_MAY_BE))
    assert set(found(summary)) == {"outside", "missing"}
    assert set(found(summary)["outside"]) == {"no/up"}
    assert set(found(summary)["missing"]) == {"no/itself.wav", "no/broken.wav"}
    assert sum(summary.split_sizes.values()) == RECORDS


NAMES = [
    "größe",
    "日本語",
    "שלום",
    "🎤 take 1",
    "a,b;c",
    "it's",
    'say "no"',
    "new\nline",
    "back\\slash",
    "%41",
    "e\u0301",
]


def test_names_in_any_script_are_read_and_kept(tmp_path: Path) -> None:
    write_sounds(tmp_path, records=10)
    for number, name in enumerate(NAMES):
        put(tmp_path / CLASSES[number % 2] / f"{name}.wav", sound(40 + number))
    listing = divide(sounds(tmp_path), str(tmp_path)).listing
    assert {f"{CLASSES[number % 2]}/{name}.wav" for number, name in enumerate(NAMES)} <= set(listing.names or ())
    assert sum(look_at(sounds(tmp_path)).split_sizes.values()) == 10 + len(NAMES)


def test_a_class_is_the_same_however_its_letters_are_spelt(tmp_path: Path) -> None:
    for number in range(10):
        put(tmp_path / ("caf\u00e9", "cafe\u0301", "th\u00e9")[number % 3] / f"{number}.wav", sound(number))
    summary = look_at(sounds(tmp_path, classes=["cafe\u0301", "th\u00e9"]))
    assert sum(map(np.array, summary.class_counts.values())).tolist() == [7, 3]


def test_a_name_that_is_no_text_is_reported_in_letters_that_are(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/no/\xff.wav"))).write_bytes(sound(41))
    summary = look_at(sounds(tmp_path, anomalies=ALL_MAY_BE))
    assert found(summary) == {"bad_name": {"no/\\udcff.wav": "the name is not UTF-8"}}
    assert DatasetSummary.read(written(tmp_path, summary)) == summary


def written(folder: Path, summary: DatasetSummary) -> Path:
    path = folder / "summary.json"
    path.write_text(summary.to_json(), encoding="utf-8")
    return path


def test_a_file_without_bytes_is_named_before_anything_is_read(tmp_path: Path) -> None:
    write_sounds(tmp_path)
    put(tmp_path / "yes" / "nothing.wav", b"")
    with pytest.raises(TinyopsError, match=r"1 of 31 records are empty .*: yes/nothing\.wav \(0 bytes\)"):
        divide(sounds(tmp_path), str(tmp_path))
    summary = look_at(sounds(tmp_path, anomalies=ALL_MAY_BE))
    assert found(summary) == {"empty": {"yes/nothing.wav": "0 bytes"}}


def test_a_picture_that_claims_gigabytes_is_named_and_not_decoded(tmp_path: Path) -> None:
    for number in range(RECORDS):
        put(tmp_path / CLASSES[number % 2] / f"{number}.png", png_of(8, 8, bytes([8 * number] * 7 + [number])))
    put(tmp_path / "no" / "bomb.png", png_of(60_000, 60_000, bytes(60_000)))
    section = ImagesSection(source=tmp_path, classes=CLASSES, size=(8, 8), anomalies=ALL_MAY_BE)
    assert found(look_at(section))["too_large"] == {"no/bomb.png": "claims more than 67,108,864 pixels"}
    assert "no/bomb.png" in refusal(ImagesSection(source=tmp_path, classes=CLASSES, size=(8, 8)))


def test_where_a_split_has_nothing_that_can_be_read_a_recording_of_it_is_named(tmp_path: Path) -> None:
    write_sounds(tmp_path, "{word}_train_{number}.wav")
    put(tmp_path / "no_test_1.wav", MP3)
    section = sounds(tmp_path, names="{label}_{part}_*", splits={"field": "part"}, anomalies=ALL_MAY_BE)
    assert refusal(section) == ("no sample can be made of the records of split 'eval': no_test_1.wav is wrong_format")


def test_where_nothing_of_a_class_that_trains_can_be_read_a_recording_is_named(tmp_path: Path) -> None:
    write_sounds(tmp_path, "no_train_{number}.wav")
    put(tmp_path / "yes_train_1.wav", MP3)
    put(tmp_path / "yes_test_1.wav", sound(60))
    section = sounds(tmp_path, names="{label}_{part}_*", splits={"field": "part"}, anomalies=ALL_MAY_BE)
    assert refusal(section) == (
        "no sample can be made of the records of yes in split 'train', and split 'eval' has 1: "
        "yes_train_1.wav is wrong_format"
    )


def test_the_component_ends_with_the_names_and_before_whatever_trains(tmp_path: Path, run_nodes: Any) -> None:
    from components.sensor_example_gen.component import SensorExampleGen

    write_sounds(tmp_path)
    for number, name in enumerate(NAMES):
        put(tmp_path / "yes" / f"{name}.wav", sound(40 + number))
    put(tmp_path / "no" / "hören\n.wav", MP3)
    node = SensorExampleGen(str(tmp_path), sounds(tmp_path))
    with pytest.raises(TinyopsError, match=r"1 of 42 records are wrong_format .*: no/hören\n\.wav \(is MP3\)"):
        run_nodes("bad-input", [node])
    node = SensorExampleGen(str(tmp_path), sounds(tmp_path, anomalies=ALL_MAY_BE))
    folder = run_nodes("bad-input-taken", [node]).latest("SensorExampleGen").folder("examples")
    summary = DatasetSummary.read(folder / "dataset.json")
    assert found(summary) == {"wrong_format": {"no/hören\n.wav": "is MP3"}}
    assert sum(summary.split_sizes.values()) == RECORDS + len(NAMES)
