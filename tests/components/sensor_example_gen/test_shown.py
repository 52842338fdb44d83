"""Examples of the data that the report shows."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import soundfile

from components.sensor_example_gen.inspection import divide
from components.sensor_example_gen.reading import RecordReader
from components.sensor_example_gen.shown import SHOWN_FILE, ShownExamples, example_facts
from components.sensor_example_gen.sources.audio import AudioSection


def recordings(folder: Path) -> AudioSection:
    """Four recordings of each of two words, one file of which is damaged."""
    random = np.random.default_rng(0)
    for word in ("no", "yes"):
        (folder / word).mkdir()
        for number in range(8):
            values = random.integers(-9000, 9000, 8000).astype(np.int16)
            soundfile.write(folder / word / f"{number}.wav", values, 8000)
    (folder / "no" / "9.wav").write_bytes(b"RIFF")
    return AudioSection.model_validate(
        {"source": str(folder), "label": "label", "classes": ["no", "yes"], "splits": {"train": 1, "eval": 1}}
    )


def test_a_sound_of_each_class_is_drawn_and_can_be_heard(tmp_path: Path) -> None:
    (data := tmp_path / "data").mkdir()
    section = recordings(data)
    divided = divide(section, str(data))
    shown = ShownExamples.of(RecordReader(section, str(data)), divided.held_out, ["no", "yes"])
    assert [example.label for example in shown.examples] == ["no", "yes"]
    for example in shown.examples:
        assert example.kind == "waveform"
        assert example.record in divided.held_out.names
        heard, rate = soundfile.read(io.BytesIO(base64.b64decode(example.wav)), dtype="int16")
        assert (len(heard), rate) == (16_000, 16_000)
        assert heard.any()


def test_what_is_written_is_read_and_an_earlier_version_wrote_nothing(tmp_path: Path) -> None:
    assert ShownExamples.read(tmp_path) == []
    example = example_facts(np.eye(8), record="row 3", label="cross", sound_rate=None)
    assert example is not None
    assert example.kind == "picture"
    assert example.wav is None
    ShownExamples(examples=[example]).write(tmp_path)
    assert (tmp_path / SHOWN_FILE).is_file()
    assert ShownExamples.read(tmp_path) == [example]


def test_what_is_neither_picture_nor_signal_is_not_shown() -> None:
    assert example_facts(np.zeros((3, 3, 3, 3)), record="row 0", label=None, sound_rate=None) is None
