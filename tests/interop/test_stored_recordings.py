"""Recordings in an object store are those on this machine: a server holds a copy of a folder."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from components.sensor_example_gen.inspection import divide
from components.sensor_example_gen.reading import Featured, RecordFacts, RecordReader
from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.audio import AudioSection
from components.sensor_example_gen.sources.images import ImagesSection
from components.sensor_example_gen.sources.motion import MotionSection
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.errors import TinyopsError
from tests.components.sensor_example_gen.sounds import encoded, tone

CLASSES = ["left", "right"]
RECORDS = 14
ALL_MAY_BE = dict.fromkeys(Anomaly, 1.0)


def sounds(folder: Path) -> DataSection:
    for number in range(RECORDS):
        put(folder / CLASSES[number % 2] / f"größe {number}.wav", encoded(tone(0.1, 8_000, 300 + 50 * number), 8_000))
    put(folder / "left" / "empty.wav", b"")
    put(folder / "left" / "mp3.wav", b"ID3" + bytes(100))
    put(folder / "left" / "._hidden.wav", b"not a recording")
    put(folder / "notes.txt", b"not a recording")
    return AudioSection(source=folder, classes=CLASSES, window=0.1, features="micro_frontend", anomalies=ALL_MAY_BE)


def listed_sounds(folder: Path) -> DataSection:
    sounds(folder)
    names = [f"{word}/größe {number}.wav" for number, word in enumerate(CLASSES * (RECORDS // 2))]
    with (folder / "all.csv").open("w") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "word"])
        rows.writerows([name, name.partition("/")[0]] for name in [*names, "left/gone.wav", "../secret.wav"])
    return AudioSection(source=folder / "all.csv", label="word", classes=CLASSES, window=0.1, anomalies=ALL_MAY_BE)


def pictures(folder: Path) -> DataSection:
    random = np.random.default_rng(0)
    for number in range(RECORDS):
        path = folder / CLASSES[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (6, 6), np.uint8)).save(path)
    return ImagesSection(source=folder, classes=CLASSES, size=(6, 6), features="scale")


def motions(folder: Path) -> DataSection:
    random = np.random.default_rng(0)
    for number in range(RECORDS):
        rows = "\n".join(f"{x},{y}" for x, y in random.normal(size=(10, 2)))
        put(folder / CLASSES[number % 2] / f"{number}.csv", f"x,y\n{rows}\n".encode())
    return MotionSection(source=folder, classes=CLASSES, rate=10, window=1)


def one_table(folder: Path) -> DataSection:
    values = np.random.default_rng(0).normal(size=(10 * RECORDS, 2))
    rows = (f"{x},{y},{row // 10},{CLASSES[row // 10 % 2]}" for row, (x, y) in enumerate(values))
    put(folder / "all.csv", "\n".join(["x,y,take,label", *rows]).encode())
    return MotionSection(
        source=folder / "all.csv", classes=CLASSES, rate=10, window=1, columns=["x", "y"], recording="take"
    )


def arrays(folder: Path) -> DataSection:
    folder.mkdir(exist_ok=True)
    np.savez(folder / "all.npz", x=np.random.default_rng(0).normal(size=(RECORDS, 4)), label=np.arange(RECORDS) % 2)
    return ArraysSection(source=folder / "all.npz", input="x", label="label", classes=CLASSES)


KINDS = [sounds, listed_sounds, pictures, motions, one_table, arrays]


def put(path: Path, contents: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)


def a_recording(folder: Path) -> Path:
    """One that is sound."""
    return max(path for path in folder.rglob("*.*") if path.stat().st_size and path.suffix != ".txt")


def upload(bucket: Any, folder: Path) -> None:
    for file in folder.rglob("*"):
        if file.is_file():
            bucket.upload_file(str(file), f"data/{file.relative_to(folder)}")


def everything(section: DataSection, place: str) -> tuple[object, ...]:
    """Splits, samples and what was found in the list and in the records."""
    divided, reader = divide(section, place), RecordReader(section, place)
    listing, read = divided.listing, list(reader.read(divided.listing))
    return (
        listing.names,
        {split: places.tolist() for split, places in divided.splits.items()},
        {(found.record, found.anomaly) for found in listing.found},
        [(one.index, one.features.tolist()) for one in read if isinstance(one, Featured)],
        [one for one in read if isinstance(one, RecordFacts)],
        dict(reader.source.describe(listing)),
    )


def stored_place(section: DataSection, folder: Path, scheme: str, bucket: str = "mlpipeline") -> str:
    below = Path(section.source).relative_to(folder)
    return f"{scheme}://{bucket}/data" + ("" if below == Path() else f"/{below}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scheme", ["s3", "minio"])
def test_a_store_gives_what_the_folder_gives(tmp_path: Path, bucket: Any, kind: Any, scheme: str) -> None:
    folder = tmp_path / "data"
    section = kind(folder)
    # An equal beginning is another folder.
    bucket.put_object(Key="data-2/left/other.wav", Body=b"another folder's")
    upload(bucket, folder)
    here = everything(section, str(section.source))
    assert len(here[4]) > RECORDS - 1
    assert everything(section, stored_place(section, folder, scheme)) == here


@pytest.mark.parametrize("kind", KINDS)
def test_googles_store_gives_what_the_folder_gives(tmp_path: Path, google_bucket: Path, kind: Any) -> None:
    section = kind(tmp_path / "data")
    shutil.copytree(tmp_path / "data", google_bucket / "data")
    put(google_bucket / "data-2" / "left" / "other.wav", b"another folder's")
    place = stored_place(section, tmp_path / "data", "gs", google_bucket.name)
    assert everything(section, place) == everything(section, str(section.source))
    before = RecordReader(section, place).source.fingerprint()
    assert RecordReader(section, place).source.fingerprint() == before
    changed = a_recording(google_bucket / "data")
    changed.write_bytes(changed.read_bytes() + b"0")
    assert RecordReader(section, place).source.fingerprint() != before


def test_what_googles_store_does_not_have_is_an_error_with_a_remedy(google_bucket: Path) -> None:
    from components.object_store import read, stored_files

    for look, place in ((read, f"gs://{google_bucket.name}/gone.csv"), (stored_files, "gs://nobodys/data")):
        with pytest.raises(TinyopsError, match="404") as missing:
            look(place)
        assert place in missing.value.message
        assert missing.value.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_changes_in_the_store_changes_the_fingerprint(tmp_path: Path, bucket: Any, kind: Any) -> None:
    folder = tmp_path / "data"
    section = kind(folder)
    upload(bucket, folder)
    place = stored_place(section, folder, "s3")

    def fingerprint() -> str:
        return RecordReader(section, place).source.fingerprint()

    before = fingerprint()
    assert fingerprint() == before
    changed = a_recording(folder)
    contents = bytearray(changed.read_bytes())
    contents[-1] ^= 1
    bucket.put_object(Key=f"data/{changed.relative_to(folder)}", Body=bytes(contents))
    assert fingerprint() != before


def test_a_manifest_in_the_store_names_what_is_missing_and_what_leads_out(tmp_path: Path, bucket: Any) -> None:
    section = listed_sounds(tmp_path)
    upload(bucket, tmp_path)
    found = {one.record: one.anomaly for one in divide(section, "s3://mlpipeline/data/all.csv").listing.found}
    assert found == {"left/gone.wav": Anomaly.MISSING, "../secret.wav": Anomaly.OUTSIDE}


def test_a_project_on_this_machine_reads_what_lies_in_a_store(tmp_path: Path, bucket: Any) -> None:
    """All that is looked at before a run: the rest gets the same URI."""
    from pipeline.project.preflight import prepare
    from pipeline.project.workspace import Workspace

    for number in range(200):
        put(tmp_path / "data" / CLASSES[number % 2] / f"{number}.wav", encoded(tone(0.1, 8_000, 200 + number), 8_000))
    upload(bucket, tmp_path / "data")
    (tmp_path / "sound.py").write_text("def preprocessing_fn(inputs): ...\ndef run_fn(fn_args): ...\n")
    config = {
        "name": "sound",
        "data": {"kind": "audio", "source": "s3://mlpipeline/data", "classes": CLASSES, "window": 0.1},
        "train": {"module": "sound.py"},
        "acceptance": {"labels": {"bad": 0.9}, "outputs": {"bad": 0.9}, "against_production": None},
    }
    (tmp_path / "tinyops.yaml").write_text(yaml.safe_dump(config))
    project = prepare(tmp_path / "tinyops.yaml", Workspace(tmp_path / "workspace"))
    assert project.place == "s3://mlpipeline/data"
    assert project.shape == (1_600,)
    listing = RecordReader(project.config.data, project.place).source.listing()
    assert len(listing) == 200
    assert [listing.name(index) for index in (0, 199)] == ["left/0.wav", "right/99.wav"]
