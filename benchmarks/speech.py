"""The speech template on the Free Spoken Digit Dataset: people whom the network has not heard, one after the other.

Seven trainings, a quarter of an hour: `python -m benchmarks.speech [RECORDINGS]`. The recordings are public
(github.com/Jakobovski/free-spoken-digit-dataset); by default they are looked for beside the repository.
"""

from __future__ import annotations

import runpy
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
import yaml

from benchmarks.rows import Row, table
from components.building_blocks.training import fit
from components.sensor_example_gen.reading import Featured, RecordReader
from components.sensor_example_gen.sources.audio import AudioSection
from components.tflite_converter.conversion import convert
from components.tflite_converter.float_model import FloatModel
from edge_deployer.profile import load_profile
from edge_deployer.tensors import Array, quantize
from edge_deployer.tflm import TflmRunner

RESULTS: Final = Path(__file__).with_name("SPEECH.md")
_TEMPLATE: Final = Path(__file__).parents[1] / "pipeline" / "templates" / "speech"
_RECORDINGS: Final = Path(__file__).parents[2] / "shared" / "data" / "free_spoken_digit_dataset"
_TEST_TAKES: Final = 5
"""Takes 0 to 4 of each word and speaker are the data set's own test split."""
_FLASH, _ARENA = 60_000, 40_000
_REPRESENTATIVE: Final = 200
_COMMAND: Final = "python -m benchmarks.speech"


@dataclass(frozen=True)
class Recordings:
    """Features of all recordings, and what their names say."""

    features: Array  # float32, shape ``(n, frames, channels)``.
    labels: Array
    speakers: Array
    takes: Array


@dataclass(frozen=True)
class Found:
    """One division."""

    float_accuracy: float
    int8_accuracy: float
    model_bytes: int
    arena_bytes: int


def main(recordings: Path) -> None:
    """Measure every division and write the table."""
    project = yaml.safe_load((_TEMPLATE / "tinyops.yaml").read_text())
    data = _read(project["data"], recordings)
    rows, found = [], {}
    for name, held_out in _divisions(data):
        found[name] = _measure(project, data, held_out)
        rows.append(_row(name, found[name]))
        print(rows[-1].what, rows[-1].figure, flush=True)
    rows.append(_together([each for name, each in found.items() if name != "official test split"]))
    RESULTS.write_text(table(rows, _COMMAND))


def _read(section: dict[str, Any], recordings: Path) -> Recordings:
    settings = AudioSection.model_validate({**section, "source": str(recordings)})
    reader = RecordReader(settings, str(recordings))
    listing = reader.source.listing()
    assert listing.labels is not None
    assert listing.groups is not None
    features = np.stack([read.features for read in reader.read(listing) if isinstance(read, Featured)])
    takes = [int(listing.name(index).removesuffix(".wav").rpartition("_")[2]) for index in range(len(listing))]
    return Recordings(features.astype(np.float32), listing.labels, listing.groups, np.array(takes))


def _divisions(data: Recordings) -> Iterator[tuple[str, Array]]:
    """Name of each, and which recordings are held out."""
    yield "official test split", data.takes < _TEST_TAKES
    for speaker in np.unique(data.speakers).tolist():
        yield f"{speaker} held out", data.speakers == speaker


def _measure(project: dict[str, Any], data: Recordings, held_out: Array) -> Found:
    """Train as the template does, convert as the pipeline does, and ask TFLM."""
    module = runpy.run_path(str(_TEMPLATE / "speech.py"))
    profile = load_profile(project["board_profile"])
    config = {
        "input": project["data"]["input"],
        "shape": list(data.features.shape[1:]),
        "label": project["data"]["label"],
        "classes": len(project["data"]["classes"]),
        "board": {"arena_bytes": profile.arena_bytes, "slot_bytes": profile.slot_bytes},
        "epochs": project["train"]["epochs"],
        "seed": project["train"]["seed"],
    }
    tf.keras.utils.set_random_seed(config["seed"])
    model = module["build_model"](config)
    train, test = (data.features[chosen] for chosen in (~held_out, held_out))
    truth = data.labels[held_out]
    samples = (train, data.labels[~held_out])
    fit(model, samples, (test, truth), config, augmentations=module["AUGMENTATIONS"], label_smoothing=0.1)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder)
        source = FloatModel.load(folder)
        chosen = np.random.default_rng(0).permutation(len(train))[:_REPRESENTATIVE]
        converted = convert(source, train[chosen])
        exact = float((source.predict(test).argmax(axis=1) == truth).mean())
    with TflmRunner(converted, arena_bytes=1 << 20) as runner:
        arena = runner.shrink()
        answers = runner.run(quantize(test, runner.input)).reshape(len(test), -1)
    return Found(exact, float((answers.argmax(axis=1) == truth).mean()), len(converted), arena)


def _row(name: str, found: Found) -> Row:
    figure = (
        f"int8 {found.int8_accuracy:.1%}, float {found.float_accuracy:.1%}; {found.model_bytes:,} bytes, "
        f"arena {found.arena_bytes:,}"
    )
    goal = "at least 98.5 %" if name == "official test split" else "at least 85 %"
    return Row(name, figure, f"{goal}, within {_FLASH:,} and {_ARENA:,} bytes", _COMMAND)


def _together(found: list[Found]) -> Row:
    accuracies = [each.int8_accuracy for each in found]
    figure = f"mean {np.mean(accuracies):.1%}, worst {min(accuracies):.1%}"
    return Row("each speaker held out", figure, "mean 92 %, worst 85 %", _COMMAND)


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else _RECORDINGS
    if not place.is_dir():
        sys.exit(
            f"no recordings at {place}: clone github.com/Jakobovski/free-spoken-digit-dataset, give its recordings"
        )
    main(place)
