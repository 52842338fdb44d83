"""What reading data costs: against its own time, as it grows, and beside TFX's own reader of the same records."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.rows import Row
from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.audio import AudioSection
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import section_json
from edge_deployer.tensors import Array

_CLASSES = ["down", "left", "right", "up"]
_SECONDS = 1000
_RATES = (16_000, 44_100)
_WINDOW = (128, 6)
_FEW, _SMALL, _LARGE = 100, 10_000, 1_000_000
_AT_ONCE = 10_000
_REPEATS = 3
_COMMAND = "make bench"


@dataclass(frozen=True)
class Cost:
    """Of one run, without its imports."""

    seconds: float  # On the wall.
    processor_seconds: float  # Of all threads.
    peak_bytes: int  # Most resident memory of the process, its imports and mapped files included.


def measure_example_gen(folder: Path) -> list[Row]:
    """All rows."""
    folder.mkdir()
    return [*_measure_audio(folder / "audio"), *_measure_windows(folder / "windows")]


def _measure_audio(folder: Path) -> list[Row]:
    rows = []
    for rate in _RATES:
        section = AudioSection(source=folder / str(rate), classes=_CLASSES, features="micro_frontend")
        _write_sounds(Path(section.source), rate)
        cost = _cost("ours", section_json(section), Path(section.source), folder / "examples")
        rows.append(
            Row(
                f"audio at {rate:,} Hz to `micro_frontend` features",
                f"{_SECONDS:,} s in {cost.seconds:.1f} s, {_SECONDS / cost.seconds:.0f} times as fast; "
                f"{cost.processor_seconds:.1f} s of the processor, {_SECONDS / cost.processor_seconds:.0f} times",
                "at least 100 times",
                _COMMAND,
            )
        )
    return rows


def _measure_windows(folder: Path) -> list[Row]:
    folder.mkdir()
    few, small, large = (_write_windows(folder / f"{count}.npz", count) for count in (_FEW, _SMALL, _LARGE))
    examples, again = folder / "examples", folder / "again"
    start = median(_of_arrays(few, examples).processor_seconds for _ in range(_REPEATS))
    pairs = [(_of_arrays(small, examples), _cost("theirs", "", examples, again)) for _ in range(_REPEATS)]
    many = _of_arrays(large, examples)
    ours = median(cost.processor_seconds for cost, _ in pairs)
    a_record, of_many = (ours - start) / _SMALL, (many.processor_seconds - start) / _LARGE
    shape = " x ".join(map(str, _WINDOW))
    beside = median(cost.processor_seconds / theirs.processor_seconds for cost, theirs in pairs)
    waited = median(cost.seconds / theirs.seconds for cost, theirs in pairs)
    return [
        Row(
            f"{_LARGE:,} windows of {shape}: most memory of a worker",
            f"{many.peak_bytes / 1e9:.2f} GB; {pairs[0][0].peak_bytes / 1e9:.2f} GB for {_SMALL:,}",
            "1.5 GB",
            _COMMAND,
        ),
        Row(
            f"{_LARGE:,} windows of {shape}: processor time a record",
            f"{of_many * 1e6:.0f} us, {of_many / a_record:.2f} times that of {_SMALL:,} ({a_record * 1e6:.0f} us), "
            f"beside {start:.1f} s a run; {many.seconds:.0f} s in all",
            "at most 1.15 times",
            _COMMAND,
        ),
        Row(
            f"{_SMALL:,} windows of {shape}, beside ImportExampleGen on the same records",
            f"{beside:.2f} of its processor time, {waited:.2f} of its seconds",
            "at most 1.00",
            _COMMAND,
        ),
    ]


def _of_arrays(file: Path, examples: Path) -> Cost:
    section: DataSection = ArraysSection(source=file, input="motion", label="label", classes=_CLASSES)
    return _cost("ours", section_json(section), file, examples)


def _cost(what: str, data: str, place: Path, examples: Path) -> Cost:
    """Of one run in a process of its own (`example_gen_child`), into an empty folder."""
    shutil.rmtree(examples, ignore_errors=True)
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.example_gen_child", what, data, place, examples]
    done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def _write_sounds(folder: Path, rate: int) -> None:
    """Clips of a second, a folder a class; stereo but for those of 16 kHz."""
    random = np.random.default_rng(rate)
    channels = 1 if rate == min(_RATES) else 2
    times = np.arange(rate) / rate
    for number in range(_SECONDS):
        path = folder / _CLASSES[number % len(_CLASSES)] / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = np.sin(2 * np.pi * (200 + 3 * number) * times) * np.hanning(rate) / 2
        sound = tone[:, None] + random.normal(0, 0.02, (rate, channels))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(channels)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes((sound.clip(-1, 1) * 32767).astype("<i2").tobytes())


def _write_windows(path: Path, count: int) -> Path:
    """What `numpy.savez` would write, without ever holding it."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("motion.npy", "w", force_zip64=True) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (count, *_WINDOW)}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, count, _AT_ONCE):
                windows: Array = random.normal(size=(min(_AT_ONCE, count - start), *_WINDOW))
                file.write(windows.astype("<f4").tobytes())
        with archive.open("label.npy", "w") as file:
            np.lib.format.write_array(file, np.arange(count) % len(_CLASSES))
    return path
