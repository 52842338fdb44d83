"""Recordings that several workers of a job server read become the examples that one worker in this process makes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.sensor_example_gen.dataset import SUMMARY_FILE
from components.sensor_example_gen.sources.audio import AudioSection
from components.sensor_example_gen.sources.images import ImagesSection
from components.sensor_example_gen.sources.motion import MotionSection
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import section_json
from pipeline.project.beam_options import beam_args
from pipeline.project.beam_section import BeamSection
from tests.components.sensor_example_gen.sounds import encoded, tone
from tests.pipeline.beam.services import job_server_with_workers, portable, worker_pool

WORKERS = 2
RECORDS = 120
CLASSES = ["left", "right"]
SPLITS = ("train", "eval")


def sounds(folder: Path) -> DataSection:
    """Of two rates; one is no sound, and some are repeated."""
    for number in range(RECORDS):
        path = folder / CLASSES[number % 2] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        rate = (8_000, 16_000)[number // 2 % 2]
        path.write_bytes(encoded(tone(0.2, rate, 200 + 10 * (number % 100)), rate))
    (folder / "left" / "0.wav").write_bytes(b"ID3" + bytes(100))
    return AudioSection(source=folder, classes=CLASSES, window=0.2, features="micro_frontend")


def motions(folder: Path) -> DataSection:
    """In four files, with many recordings of several windows in each."""
    random, rows = np.random.default_rng(0), 50
    for name in range(4):
        recording = np.repeat(np.arange(RECORDS // 4), rows)
        values = random.normal(size=(len(recording), 2))
        columns = {"x": values[:, 0], "y": values[:, 1], "recording": recording}
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.table({**columns, "label": np.array(CLASSES)[recording % 2]}), folder / f"{name}.parquet")
    fields = {"columns": ["x", "y"], "recording": "recording", "rate": 10, "window": 1, "hop": 0.5}
    return MotionSection(
        source=folder, input="motion", names="{file}", group="file", classes=CLASSES,
        splits={"eval_groups": ["3"]}, features={"kind": "scale", "low": -2, "high": 2, "resolution": 0.001}, **fields,
    )  # fmt: skip


def pictures(folder: Path) -> DataSection:
    random = np.random.default_rng(0)
    for number in range(RECORDS):
        path = folder / CLASSES[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (12, 10, 3), np.uint8)).save(path)
    return ImagesSection(source=folder, classes=CLASSES, size=(8, 8), colour="rgb", features="scale")


KINDS = {"audio": sounds, "motion": motions, "images": pictures}


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BeamSection]:
    """A job server and its workers, each a process."""
    folder = tmp_path_factory.mktemp("services")
    with job_server_with_workers(folder, WORKERS) as server, worker_pool(folder, "processes", folder) as pool:
        yield BeamSection(**portable(server, pool))


def generate(section: DataSection, beam: BeamSection, folder: Path) -> tuple[str, dict[str, list[bytes]], int]:
    """The summary, the examples of each split, whatever their order, and in how many files they are at least."""
    import tensorflow as tf
    from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
    from tfx.types import standard_artifacts

    from components.sensor_example_gen.executor import Executor

    examples = standard_artifacts.Examples()
    examples.uri = str(folder)
    told = {"data": section_json(section), "data_file": str(section.source)}
    Executor(BaseBeamExecutor.Context(beam_pipeline_args=list(beam_args(beam)))).Do({}, {"examples": [examples]}, told)
    files = {split: sorted(str(path) for path in (folder / f"Split-{split}").iterdir()) for split in SPLITS}
    records = {
        # Of the features in an example, the order means nothing and is another each time.
        split: sorted(
            tf.train.Example.FromString(record).SerializeToString(deterministic=True)
            for record in tf.data.TFRecordDataset(paths, compression_type="GZIP").as_numpy_iterator()
        )
        for split, paths in files.items()
    }
    return (folder / SUMMARY_FILE).read_text(), records, len(files["train"])


@pytest.mark.verify
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_several_workers_of_a_job_server_make_the_same_examples(
    tmp_path: Path, services: BeamSection, kind: str
) -> None:
    section = KINDS[kind](tmp_path / "recordings")
    summary, records, _ = generate(section, BeamSection(), tmp_path / "here")
    theirs, their_records, files = generate(section, services, tmp_path / "there")
    assert their_records == records
    assert theirs == summary
    assert all(records.values())
    assert files == WORKERS, "each worker writes a file, so that as many have read"
