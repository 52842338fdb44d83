"""Recordings of sound, made for tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from components.sensor_example_gen.sources.audio import AudioSection, AudioSource
from components.sensor_example_gen.sources.source import Sample
from edge_deployer.tensors import Array


def tone(seconds: float, rate: int, hertz: float = 440.0, level: float = 0.5) -> Array:
    """float32, shape ``(frames,)``."""
    frames = np.arange(round(seconds * rate))
    return (level * np.sin(2 * np.pi * hertz * frames / rate)).astype(np.float32)


def chirp() -> Array:
    """A second at 16 kHz, int16, from 100 Hz to 7 kHz, of integer arithmetic alone but for the last step."""
    time = np.arange(16_000, dtype=np.int64)
    phase = (200 * time * 16_000 + (7_000 - 100) * time * time) % (2 * 16_000 * 16_000)
    return np.rint(12_000 * np.sin(np.pi * phase / 16_000**2)).astype(np.int16)


def encoded(values: Array, rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """A file's bytes."""
    file = io.BytesIO()
    soundfile.write(file, values, rate, format=kind, subtype=subtype)
    return file.getvalue()


def source_of(folder: Path, files: dict[str, bytes], **settings: Any) -> AudioSource:
    """A source of files below the folder; each name begins with its label's folder."""
    for name, contents in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    section = AudioSection(source=folder, classes=["no", "yes"], **settings)
    return AudioSource(section, str(folder))


def samples_of(folder: Path, contents: bytes, suffix: str = ".wav", **settings: Any) -> list[Sample]:
    """The samples of one recording."""
    source = source_of(folder, {f"yes/one{suffix}": contents}, **settings)
    return list(source.samples(source.listing(), 0))
