"""Data sets of every kind, made here: rates, label schemes, shapes and class counts that no template was made for."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Made:
    """A data set, and what a project for it must say."""

    kind: str
    make: Callable[[Path], Path]  # Writes it into a folder and says what `--data` is.
    data: dict[str, Any]  # Fields of `data`.
    shape: tuple[int, ...]  # Of the features.
    group: str | None = None
    splits: dict[str, Any] | None = None
    notices: tuple[str, ...] = field(default=())


def chirp(
    random: np.random.Generator, rate: int, seconds: float, ends: tuple[float, float], pitch: float
) -> np.ndarray:
    """A tone that glides from one frequency to another, with noise."""
    time = np.arange(int(rate * seconds)) / rate
    low, high = ends
    phase = 2 * np.pi * pitch * (low * time + (high - low) / 2 * time**2 / seconds)
    swell = np.sin(np.pi * time / seconds)
    return 0.4 * swell * np.sin(phase) + 0.01 * random.normal(size=len(time))


def doorbells(folder: Path) -> Path:
    """Folders; FLAC, 44.1 kHz, stereo; three labels."""
    random = np.random.default_rng(1)
    for label, ends in {"up": (500, 2500), "down": (2500, 500), "flat": (1500, 1500)}.items():
        (folder / label).mkdir(parents=True)
        for number in range(80):
            sound = chirp(random, 44100, random.uniform(0.6, 0.9), ends, random.uniform(0.9, 1.1))
            soundfile.write(folder / label / f"{number}.flac", np.stack([sound, 0.8 * sound], 1), 44100)
    return folder


def commands(folder: Path) -> Path:
    """Names with hyphens; WAV, 22.05 kHz; four labels of eight people, each with a pitch of their own."""
    random = np.random.default_rng(2)
    folder.mkdir(parents=True)
    labels = {"left": (400, 1600), "right": (1600, 400), "stop": (900, 900), "go": (300, 3000)}
    for speaker in range(1, 9):
        pitch = random.uniform(0.85, 1.2)
        for label, ends in labels.items():
            for take in range(25):
                sound = chirp(random, 22050, random.uniform(0.7, 1.3), ends, pitch * random.uniform(0.97, 1.03))
                soundfile.write(folder / f"{label}-s{speaker:02}-{take}.wav", sound, 22050, "PCM_24")
    return folder


def machines(folder: Path) -> Path:
    """A manifest; long WAV recordings at 11.025 kHz; two states of ten machines."""
    random = np.random.default_rng(3)
    (folder / "sound").mkdir(parents=True)
    rows = []
    for machine in range(10):
        for state in ("fine", "worn"):
            for part in range(2):
                time = np.arange(11025 * 8) / 11025
                turns = random.uniform(4, 6)
                knock = np.clip(np.sin(2 * np.pi * turns * time), 0.95, 1) - 0.95
                sound = 0.05 * random.normal(size=len(time)) * (1 + 4 * (np.sin(2 * np.pi * turns * time) > 0))
                if state == "worn":
                    sound = sound + 8 * knock * np.sin(2 * np.pi * 2200 * time)
                name = f"sound/{machine}{state[0]}{part}.wav"
                soundfile.write(folder / name, np.clip(sound, -0.9, 0.9), 11025)
                rows.append({"path": name, "state": state, "machine": f"m{machine}", "note": f"{machine}.{part}"})
    _write_csv(folder / "list.csv", rows)
    return folder / "list.csv"


def activities(folder: Path) -> Path:
    """Folders of CSV; milliseconds; 104 Hz; three axes in g; three labels."""
    random = np.random.default_rng(4)
    for label, (hertz, size) in {"still": (0.3, 0.02), "walk": (1.8, 0.3), "run": (2.9, 1.1)}.items():
        (folder / label).mkdir(parents=True)
        for number in range(14):
            time = np.arange(104 * 20) / 104
            turn = hertz * random.uniform(0.9, 1.1)
            axes = [
                size * np.sin(2 * np.pi * turn * time + phase) + 0.03 * random.normal(size=len(time))
                for phase in random.uniform(0, 6, 3)
            ]
            rows = [
                {"time_ms": round(1000 * at, 1), "ax": round(x, 4), "ay": round(y, 4), "az": round(1 + z, 4)}
                for at, x, y, z in zip(time, *axes, strict=True)
            ]
            _write_csv(folder / label / f"rec{number}.csv", rows)
    return folder


def exercises(folder: Path) -> Path:
    """One Parquet file; microseconds; 25 Hz; six columns; five labels of six subjects, two trials each."""
    random = np.random.default_rng(5)
    columns: dict[str, list[Any]] = {name: [] for name in ("subject", "trial", "activity", "timestamp")}
    axes: list[np.ndarray] = []
    trial = 0
    for subject in range(6):
        for label, hertz in {"squat": 0.5, "jump": 2.2, "row": 1.0, "plank": 0.05, "curl": 1.5}.items():
            for _ in range(2):
                time = np.arange(25 * 16) / 25
                turn = 2 * np.pi * hertz * random.uniform(0.95, 1.05) * time
                moves = np.stack([np.sin(turn + phase) for phase in (0, 1, 2)], 1) * (5 + subject % 2)
                turns = np.stack([np.cos(turn + phase) for phase in (0, 1, 2)], 1) * (200 + 20 * hertz)
                axes.append(np.hstack([moves, turns]) + random.normal(size=(len(time), 6)) * [0.5, 0.5, 0.5, 9, 9, 9])
                columns["subject"] += [subject + 1] * len(time)
                columns["trial"] += [trial] * len(time)
                columns["activity"] += [label] * len(time)
                columns["timestamp"] += (1_700_000_000_000_000 + 40_000 * np.arange(len(time))).tolist()
                trial += 1
    values = dict(zip(("ax", "ay", "az", "gx", "gy", "gz"), np.concatenate(axes).T, strict=True))
    folder.mkdir(parents=True)
    pq.write_table(pa.table({**columns, **values}), folder / "all.parquet", row_group_size=4096)
    return folder / "all.parquet"


def signs(folder: Path) -> Path:
    """JSON, a stroke a file; three labels of five people."""
    random = np.random.default_rng(6)
    folder.mkdir(parents=True)
    corners = {
        "circle": np.exp(2j * np.pi * np.linspace(0, 1, 40)),
        "zigzag": np.linspace(-1, 1, 40) + 1j * (np.arange(40) // 8 % 2 - 0.5),
        "corner": np.concatenate([np.linspace(1j, 0, 20), np.linspace(0, 1, 20)]),
    }
    for label, way in corners.items():
        for person in ("user1", "user2", "user3", "user4", "user5"):
            for number in range(40):
                turned = way * np.exp(1j * random.normal(0, 0.12)) * random.uniform(0.5, 2)
                points = turned + 0.03 * (random.normal(size=40) + 1j * random.normal(size=40))
                stroke = [{"x": round(point.real, 4), "y": round(point.imag, 4)} for point in points.tolist()]
                (folder / f"{person}.{label}.{number}.json").write_text(json.dumps(stroke))
    return folder


def _shape(random: np.random.Generator, kind: str, size: tuple[int, int], colour: Any, ground: Any) -> Image.Image:
    """A disc, a square, a cross or bars, somewhere in a picture with noise."""
    width, height = size
    picture = Image.new("RGB", size, ground)
    draw = ImageDraw.Draw(picture)
    radius = random.uniform(0.2, 0.3) * min(size)
    x, y = random.uniform(radius, width - radius), random.uniform(radius, height - radius)
    box = (x - radius, y - radius, x + radius, y + radius)
    if kind == "disc":
        draw.ellipse(box, fill=colour)
    elif kind == "square":
        draw.rectangle(box, fill=colour)
    elif kind == "cross":
        draw.line((*box[:2], *box[2:]), fill=colour, width=max(2, int(radius / 3)))
        draw.line((box[0], box[3], box[2], box[1]), fill=colour, width=max(2, int(radius / 3)))
    else:
        for step in (0.2, 0.8):
            at = box[1] + step * 2 * radius
            draw.line((box[0], at, box[2], at), fill=colour, width=max(2, int(radius / 3)))
    noisy = np.asarray(picture, np.int16) + random.integers(-12, 13, (height, width, 1))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def symbols(folder: Path) -> Path:
    """Folders within train and test; grey PNG of 40 x 40; four labels."""
    random = np.random.default_rng(7)
    for split, count in (("train", 160), ("test", 50)):
        for label in ("disc", "square", "cross", "bars"):
            (folder / split / label).mkdir(parents=True)
            for number in range(count):
                picture = _shape(random, label, (40, 40), (230, 230, 230), (40, 40, 40))
                picture.convert("L").save(folder / split / label / f"{label}_{number:03}.png")
    return folder


def fruit(folder: Path) -> Path:
    """Names; JPEG of 160 x 120 in colour; three labels that differ in colour alone."""
    random = np.random.default_rng(8)
    folder.mkdir(parents=True)
    for label, colour in {"apple": (200, 40, 40), "lime": (60, 190, 60), "plum": (110, 40, 160)}.items():
        for number in range(150):
            shade = tuple(int(np.clip(value + random.integers(-25, 26), 0, 255)) for value in colour)
            _shape(random, "disc", (160, 120), shade, (120, 120, 120)).save(folder / f"IMG_{number:04} {label}.jpg")
    return folder


def gauges(folder: Path) -> Path:
    """A manifest in the folder; grey BMP of 96 x 64; two labels, one of them rare, seen by six cameras."""
    random = np.random.default_rng(9)
    (folder / "shots").mkdir(parents=True)
    rows = []
    for camera in range(6):
        ground = int(random.integers(60, 120))
        for number in range(150):
            label = "alarm" if number % 5 == 0 else "normal"
            kind = "cross" if label == "alarm" else "disc"
            picture = _shape(random, kind, (96, 64), (240, 240, 240), (ground,) * 3)
            name = f"shots/{camera}{number:03}.bmp"
            picture.convert("L").save(folder / name)
            rows.append({"path": name, "class": label, "device": f"cam{camera}"})
    _write_csv(folder / "labels.csv", rows)
    return folder


def wines(folder: Path) -> Path:
    """Rows of eleven figures of very different ranges; three named classes; forty sites."""
    random = np.random.default_rng(10)
    label = random.integers(0, 3, 900)
    centres = random.normal(size=(3, 11)) * 1.5
    figures = (centres[label] + random.normal(size=(900, 11))) * 10.0 ** np.arange(-3, 8) / 100 + 3
    names = np.array(["dry", "medium", "sweet"])
    return _npz(folder, figures=figures, quality=label, names=names, site=random.integers(0, 40, 900))


def presses(folder: Path) -> Path:
    """Windows of int16; 90 steps of four sensors; labels from 1 to 5."""
    random = np.random.default_rng(11)
    label = random.integers(1, 6, 1200).astype(np.uint8)
    time = np.arange(90) / 90
    turns = 2 * np.pi * (label[:, None] * 1.5 * time + random.uniform(0, 1, (1200, 1)))
    waves = np.stack([np.sin(turns + phase) for phase in (0, 0.7, 1.4, 2.1)], 2) * 3000
    return _npz(folder, X=(waves + random.normal(0, 700, waves.shape)).astype(np.int16), y=label)


def loads(folder: Path) -> Path:
    """Rows of 96 floats; a value to answer, in newtons; no classes."""
    random = np.random.default_rng(12)
    load = random.uniform(50, 950, 1500)
    time = np.arange(96) / 96
    wave = load[:, None] / 100 * np.sin(2 * np.pi * (3 * time + random.uniform(0, 1, (1500, 1))))
    signal = (wave + 0.3 * random.normal(size=(1500, 96))).astype(np.float32)
    return _npz(folder, signal=signal, load=load, rig=random.integers(0, 30, 1500))


def _npz(folder: Path, **arrays: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


ALL = {
    "doorbells": Made(
        "audio",
        doorbells,
        {"names": "{label}/*", "classes": ["down", "flat", "up"], "rate": 16000, "window": 1.0},
        (49, 32),
        notices=("held-out samples are few",),
    ),
    "commands": Made(
        "audio",
        commands,
        {"names": "{label}-{speaker}-{take}", "classes": ["go", "left", "right", "stop"], "window": 1.5},
        (74, 32),
        group="speaker",
    ),
    "machines": Made(
        "audio",
        machines,
        {"label": "state", "classes": ["fine", "worn"], "window": 1.0, "hop": 0.5},
        (49, 32),
        group="machine",
    ),
    "activities": Made(
        "motion",
        activities,
        {
            "names": "{label}/*",
            "classes": ["run", "still", "walk"],
            "columns": ["ax", "ay", "az"],
            "time": "time_ms",
            "time_unit": "ms",
            "rate": 104,
            "window": 2,
            "hop": 1,
        },
        (208, 3),
    ),
    "exercises": Made(
        "motion",
        exercises,
        {
            "label": "activity",
            "classes": ["curl", "jump", "plank", "row", "squat"],
            "recording": "trial",
            "columns": ["ax", "ay", "az", "gx", "gy", "gz"],
            "time": "timestamp",
            "time_unit": "us",
            "rate": 25,
            "window": 2,
            "hop": 1,
        },
        (50, 6),
        group="subject",
    ),
    "signs": Made(
        "motion",
        signs,
        {"names": "{person}.{label}.{take}", "classes": ["circle", "corner", "zigzag"], "raster": 32},
        (32, 32, 1),
        group="person",
    ),
    "symbols": Made(
        "images",
        symbols,
        {"names": "{split}/{label}/*", "size": [40, 40], "colour": "grey"},
        (40, 40, 1),
        splits={"field": "split", "train_values": ["train"], "eval_values": ["test"]},
    ),
    "fruit": Made(
        "images",
        fruit,
        {"names": "IMG_{take} {label}", "classes": ["apple", "lime", "plum"], "size": [48, 64], "colour": "rgb"},
        (48, 64, 3),
    ),
    "gauges": Made(
        "images",
        gauges,
        {"label": "class", "classes": ["alarm", "normal"], "size": [32, 48], "colour": "grey"},
        (32, 48, 1),
        group="device",
    ),
    "wines": Made(
        "arrays",
        wines,
        {"input": "figures", "shape": [11], "label": "quality", "classes": ["dry", "medium", "sweet"]},
        (11,),
        group="site",
    ),
    "presses": Made(
        "arrays",
        presses,
        {"input": "X", "shape": [90, 4], "label": "y", "classes": ["0", "1", "2", "3", "4", "5"]},
        (90, 4),
    ),
    "loads": Made("arrays", loads, {"input": "signal", "shape": [96], "target": "load"}, (96,)),
}
