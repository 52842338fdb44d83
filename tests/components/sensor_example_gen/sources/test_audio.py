from __future__ import annotations

import os
import struct
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.audio import AudioSection, AudioSource, every_hop, first, loudest
from components.sensor_example_gen.sources.audio_file import Block
from components.sensor_example_gen.sources.source import source_class
from edge_deployer.tensors import Array
from tests.components.sensor_example_gen.sounds import encoded, samples_of, source_of, tone


def blocks_of(values: Array, lengths: list[int]) -> Iterator[Block]:
    """The values, cut into blocks of these lengths and one of the rest."""
    for part in np.split(values, np.cumsum(lengths)):
        if len(part):
            yield Block(part, part > 0.9)


RECORDINGS = st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=200).map(lambda values: np.array(values, "f4"))
CUTS = st.lists(st.integers(1, 50), max_size=6)


@given(values=RECORDINGS, lengths=CUTS, size=st.integers(1, 60), hop=st.floats(0.5, 80))
def test_windows_lie_a_hop_apart_however_the_recording_is_read(
    values: Array, lengths: list[int], size: int, hop: float
) -> None:
    found = [window.values.tolist() for window in every_hop(blocks_of(values, lengths), size, hop)]
    starts = [round(number * hop) for number in range(1000)]
    expected = [values[start : start + size].tolist() for start in starts if start + size <= len(values)]
    assert found == (expected or [values.tolist()])


@given(values=RECORDINGS, lengths=CUTS, size=st.integers(1, 60))
def test_the_first_window_is_the_beginning(values: Array, lengths: list[int], size: int) -> None:
    assert first(blocks_of(values, lengths), size).values.tolist() == values[:size].tolist()


@given(values=RECORDINGS, lengths=CUTS, size=st.integers(1, 60))
def test_no_window_has_more_energy_than_the_loudest(values: Array, lengths: list[int], size: int) -> None:
    window = loudest(blocks_of(values, lengths), size)
    assert len(window) == min(size, len(values))
    energies = [float(np.square(values[at : at + size], dtype="f8").sum()) for at in range(len(values))]
    assert float(np.square(window.values, dtype="f8").sum()) == pytest.approx(max(energies), abs=1e-9)
    assert window.clipped.tolist() == (window.values > 0.9).tolist()


@pytest.mark.parametrize("block", [1, 3, 4, 5, 6, 7, 20])
def test_the_loudest_window_is_found_wherever_it_lies_between_blocks(block: int) -> None:
    for at in range(16):
        values = np.zeros(20, np.float32)
        values[at : at + 5] = [0.5, 0.6, 0.7, 0.6, 0.5][: 20 - at]
        window = loudest(blocks_of(values, (20 // block) * [block]), 5)
        assert window.values.tolist() == values[at : at + 5].tolist(), at


def test_a_recording_at_the_rate_of_the_samples_comes_through_unchanged(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-32768, 32768, 16_000).astype(np.int16)
    (sample,) = samples_of(tmp_path, encoded(values, 16_000))
    assert sample.values.dtype == np.int16
    assert sample.values.tolist() == values.tolist()


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize(("kind", "suffix"), [("WAV", ".wav"), ("FLAC", ".flac"), ("OGG", ".ogg")])
def test_a_tone_stays_the_tone_that_it_is_at_any_rate(tmp_path: Path, rate: int, kind: str, suffix: str) -> None:
    (sample,) = samples_of(tmp_path, encoded(tone(1, rate, 1000), rate, kind), suffix)
    assert sample.values.shape == (16_000,)
    spectrum = np.abs(np.fft.rfft(sample.values * np.hanning(16_000)))
    assert spectrum.argmax() == 1000
    assert sample.values[4000:12000].std() == pytest.approx(0.5 * 32768 / np.sqrt(2), rel=0.02)
    assert sample.anomalies == ()


def test_a_short_recording_is_filled_with_zeros_at_its_end(tmp_path: Path) -> None:
    (sample,) = samples_of(tmp_path, encoded(tone(0.5, 8_000), 8_000))
    assert np.abs(sample.values[7_000:8_000]).max() > 1000
    assert not sample.values[8_000:].any()
    assert sample.anomalies == ()


@pytest.mark.parametrize(("seconds", "short"), [(0.2, True), (0.3, False)])
def test_less_than_a_quarter_of_a_window_is_too_short(tmp_path: Path, seconds: float, short: bool) -> None:
    (sample,) = samples_of(tmp_path, encoded(tone(seconds, 44_100), 44_100))
    assert (Anomaly.TOO_SHORT in sample.anomalies) is short


def stereo() -> bytes:
    left, right = tone(1, 16_000, 300, level=0.4), tone(1, 16_000, 2000, level=0.2)
    return encoded(np.stack([left, right], axis=1), 16_000)


def heard(values: Array) -> set[int]:
    """Frequencies in Hz of the tones in a second."""
    spectrum = np.abs(np.fft.rfft(values * np.hanning(len(values))))
    return set(np.flatnonzero(spectrum > 0.2 * spectrum.max()).tolist()) & {300, 2000}


@pytest.mark.parametrize(("channels", "tones"), [("mean", {300, 2000}), ("first", {300}), (0, {300}), (1, {2000})])
def test_channels_are_mixed_as_the_project_says(tmp_path: Path, channels: Any, tones: set[int]) -> None:
    (sample,) = samples_of(tmp_path, stereo(), channels=channels)
    assert heard(sample.values) == tones


def test_a_channel_that_is_not_there_leaves_the_recording_out(tmp_path: Path) -> None:
    with pytest.raises(UnusableRecord, match="no channel 2: it has 2, counted from 0") as refused:
        samples_of(tmp_path, stereo(), channels=2)
    assert refused.value.anomaly is Anomaly.EMPTY


def late() -> bytes:
    """Three seconds, with sound in the second."""
    quiet, loud = tone(1, 44_100, level=0.001), tone(1, 44_100)
    return encoded(np.concatenate([quiet, loud, quiet]), 44_100)


def test_of_a_longer_recording_the_loudest_window_is_taken_or_the_first(tmp_path: Path) -> None:
    (sample,) = samples_of(tmp_path, late())
    assert sample.values.std() == pytest.approx(0.5 * 32768 / np.sqrt(2), rel=0.01)
    (sample,) = samples_of(tmp_path, late(), cut="start")
    assert sample.values.std() < 40


def test_with_a_hop_a_recording_gives_all_its_whole_windows(tmp_path: Path) -> None:
    samples = samples_of(tmp_path, late(), hop=0.5)
    assert [sample.values.std() > 1000 for sample in samples] == [False, True, True, True, False]
    source = source_of(tmp_path, {}, hop=0.5)
    assert not source.listing().one_sample_each
    assert source_of(tmp_path, {}).listing().one_sample_each


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_what_hardly_changes_is_silent_whatever_its_mean(tmp_path: Path, offset: float, rate: int) -> None:
    noise = 0.0003 * np.random.default_rng(0).standard_normal(rate)
    (sample,) = samples_of(tmp_path, encoded((noise + offset).astype("f4"), rate))
    assert sample.anomalies == (Anomaly.SILENT,)
    (sample,) = samples_of(tmp_path, encoded((4 * noise + offset).astype("f4"), rate))
    assert sample.anomalies == ()


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "FLOAT", "ULAW"])
def test_a_tone_that_is_too_loud_is_clipped_and_one_at_full_scale_is_not(
    tmp_path: Path, rate: int, subtype: str
) -> None:
    (sample,) = samples_of(tmp_path, encoded(np.clip(tone(1, rate, level=1.5), -1, 1), rate, subtype=subtype))
    assert sample.anomalies == (Anomaly.CLIPPED,)
    (sample,) = samples_of(tmp_path, encoded(tone(1, rate, level=0.9), rate, subtype=subtype))
    assert sample.anomalies == ()
    if subtype in {"PCM_16", "FLOAT"}:
        (sample,) = samples_of(tmp_path, encoded(tone(1, rate, level=1.0), rate, subtype=subtype))
        assert sample.anomalies == ()


def test_of_a_recording_that_is_damaged_near_its_end_no_window_is_used(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 160_000).astype("f4")
    flac = bytearray(encoded(noise, 16_000, "FLAC"))
    flac[-2000] ^= 0xFF
    source = source_of(tmp_path, {"yes/one.flac": bytes(flac)}, hop=1.0)
    with pytest.raises(UnusableRecord) as refused:
        next(source.samples(source.listing(), 0))
    assert refused.value.anomaly is Anomaly.CORRUPT


def test_rates_that_are_mixed_are_listed(tmp_path: Path) -> None:
    files = {f"yes/{rate}.wav": encoded(tone(1, rate), rate) for rate in (8_000, 44_100, 48_000)}
    files |= {"no/other.flac": encoded(tone(1, 8_000), 8_000, "FLAC"), "no/bad.wav": b"RIFF"}
    source = source_of(tmp_path, files)
    assert source.rates(source.listing()) == {8_000: 2, 44_100: 1, 48_000: 1}
    assert source.describe(source.listing()) == {
        "rate": "16000 Hz",
        "recorded at": "8000 Hz (2 of 4, e.g. no/other.flac), 44100 Hz (1 of 4, e.g. yes/44100.wav), "
        "48000 Hz (1 of 4, e.g. yes/48000.wav)",
        "channels": "mean",
        "window": "1 s",
        "cut": "loudest",
    }
    again = source_of(tmp_path, {}, hop=0.25, rate=8_000)
    assert again.describe(again.listing())["hop"] == "0.25 s"


def test_a_fingerprint_tells_another_file_and_another_way_of_reading(tmp_path: Path) -> None:
    files = {"yes/one.wav": encoded(tone(1, 8_000), 8_000)}
    prints = [
        source_of(tmp_path, files).fingerprint(),
        source_of(tmp_path, {}, channels="first").fingerprint(),
        source_of(tmp_path, {}, window=0.5).fingerprint(),
        source_of(tmp_path, {}, hop=0.5).fingerprint(),
        source_of(tmp_path, {}, cut="start").fingerprint(),
        source_of(tmp_path, {}, rate=8_000).fingerprint(),
        source_of(tmp_path, {"yes/one.wav": encoded(tone(2, 8_000), 8_000)}).fingerprint(),
    ]
    assert len(set(prints)) == len(prints)
    assert source_of(tmp_path, {}).fingerprint() == prints[-1]


def test_names_in_any_script_and_capital_suffixes_are_read(tmp_path: Path) -> None:
    wav = encoded(tone(1, 16_000), 16_000)
    source = source_of(tmp_path, {"yes/да нет.WAV": wav, "no/いいえ.wav": wav, "no/notes.txt": b"x"})
    listing = source.listing()
    assert listing.names == ("no/いいえ.wav", "yes/да нет.WAV")
    assert [len(list(source.samples(listing, index))) for index in range(2)] == [1, 1]


def test_the_front_end_that_takes_one_rate_is_held_to_it(tmp_path: Path) -> None:
    with pytest.raises(
        ValidationError, match=r"rate: features micro_frontend take 16000 Hz, not 8000; set rate to 16000"
    ):
        source_of(tmp_path, {}, features="micro_frontend", rate=8_000)
    assert source_of(tmp_path, {}, features="micro_frontend").shape == (16_000,)


@pytest.mark.parametrize(
    "wrong",
    [{"window": 0}, {"window": 31}, {"hop": 0}, {"rate": 0}, {"channels": -1}, {"channels": "sum"}, {"cut": "end"}],
)
def test_a_section_that_makes_no_sense_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        AudioSection(source=tmp_path, classes=["no", "yes"], **wrong)


def test_the_kind_is_found_by_its_name() -> None:
    assert source_class("audio") is AudioSource


def test_eight_hours_take_no_more_memory_than_a_window_and_some_blocks(tmp_path: Path) -> None:
    hours = 8 * 3600 * 1_000
    header = (
        b"RIFF" + struct.pack("<I", 36 + hours) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 1_000, 1_000, 1, 8)
    )
    source = source_of(tmp_path, {"yes/night.wav": header + b"data" + struct.pack("<I", hours)})
    os.truncate(tmp_path / "yes/night.wav", 44 + hours)  # A hole: it takes no disk.
    listing = source.listing()
    tracemalloc.start()
    try:
        (sample,) = source.samples(listing, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Zeros are the lower end of unsigned 8-bit values.
    assert set(sample.anomalies) == {Anomaly.SILENT, Anomaly.CLIPPED}
    assert peak < 8e6


@settings(max_examples=100, deadline=None)
@given(
    frames=st.integers(1, 3_000),
    rate=st.integers(1_000, 50_000),
    channels=st.integers(1, 3),
    window=st.floats(0.001, 0.2),
    hop=st.none() | st.floats(0.01, 0.3),
)
def test_every_sample_has_the_shape_that_the_source_says(
    frames: int, rate: int, channels: int, window: float, hop: float | None
) -> None:
    values = np.random.default_rng(frames).uniform(-1, 1, (frames, channels)).astype("f4")
    with tempfile.TemporaryDirectory() as folder:
        source = source_of(Path(folder), {"no/one.wav": encoded(values, rate)}, window=window, hop=hop)
        samples = list(source.samples(source.listing(), 0))
    assert samples
    assert {sample.values.shape for sample in samples} == {source.shape}


def test_channels_that_recordings_leave_empty_are_told_where_the_features_have_them(tmp_path: Path) -> None:
    files = {"yes/a.wav": encoded(tone(1, 8_000), 8_000)}
    source = source_of(tmp_path, files, rate=16_000)
    with_features = source_of(tmp_path, files, rate=16_000, features="micro_frontend")
    assert "empty channels" not in source.describe(source.listing())
    said = with_features.describe(source.listing())["empty channels"]
    assert said.startswith("recordings at 8000 Hz have no sound above 4000 Hz: about 9 of the 40 channels")
