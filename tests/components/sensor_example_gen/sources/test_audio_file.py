from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.audio_file import opened
from tests.components.sensor_example_gen.sounds import encoded, tone

SECOND = tone(1, 16_000)
REAL = {
    ".wav": encoded(SECOND, 16_000),
    ".flac": encoded(SECOND, 16_000, "FLAC"),
    ".ogg": encoded(SECOND, 16_000, "OGG"),
}
MP3 = encoded(SECOND, 16_000, "MP3")


def refusal(folder: Path, contents: bytes, suffix: str) -> tuple[Anomaly, str] | None:
    """What is wrong with a file, or None where all of it can be read."""
    path = folder / f"recording{suffix}"
    path.write_bytes(contents)
    try:
        with opened(path) as recording:
            frames = sum(len(block) for block in recording.blocks("mean"))
            assert frames == recording.frames
    except UnusableRecord as refused:
        return refused.anomaly, refused.detail
    return None


@pytest.mark.parametrize("suffix", sorted(REAL))
def test_a_file_that_is_what_its_name_says_is_read_to_its_end(tmp_path: Path, suffix: str) -> None:
    assert refusal(tmp_path, REAL[suffix], suffix) is None
    assert refusal(tmp_path, REAL[suffix], suffix.upper()) is None


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_24"),
        ("WAV", "PCM_32"),
        ("WAV", "FLOAT"),
        ("WAV", "DOUBLE"),
        ("WAV", "ULAW"),
        ("WAV", "IMA_ADPCM"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "OPUS"),
    ],
)
def test_every_common_coding_is_read(tmp_path: Path, kind: str, subtype: str) -> None:
    suffix = {"FLAC": ".flac", "OGG": ".ogg"}.get(kind, ".wav")
    assert refusal(tmp_path, encoded(SECOND, 16_000, kind, subtype), suffix) is None


@pytest.mark.parametrize(
    ("contents", "suffix", "detail"),
    [
        (MP3, ".wav", "is MP3"),
        (b"ID3\x04" + bytes(20) + MP3, ".wav", "is MP3"),
        (REAL[".flac"], ".wav", "is FLAC"),
        (REAL[".wav"], ".ogg", "is WAV"),
        (encoded(SECOND, 16_000, "AIFF"), ".wav", "is AIFF"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(50), ".wav", "is MP4"),
        (b"<!DOCTYPE html>", ".flac", "no FLAC: begins with 3c 21 44 4f 43 54 59 50"),
    ],
)
def test_a_file_of_another_kind_is_refused_though_it_can_be_decoded(
    tmp_path: Path, contents: bytes, suffix: str, detail: str
) -> None:
    assert refusal(tmp_path, contents, suffix) == (Anomaly.WRONG_FORMAT, detail)


def test_mp3_inside_a_wav_is_refused(tmp_path: Path) -> None:
    # WAVEFORMATEX with the tag of MPEG layer III, as recorders write it.
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 16_000, 4_000, 1, 0, 12, 1, 2, 144, 1, 1393)
    chunks = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(MP3)) + MP3
    refused = refusal(tmp_path, b"RIFF" + struct.pack("<I", len(chunks)) + chunks, ".wav")
    assert refused == (Anomaly.WRONG_FORMAT, "is MP3 in another kind of file")


@pytest.mark.parametrize("suffix", sorted(REAL))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_file_that_ends_early_is_found(tmp_path: Path, suffix: str, share: float) -> None:
    refused = refusal(tmp_path, REAL[suffix][: int(share * len(REAL[suffix]))], suffix)
    assert refused is not None
    assert refused[0] is Anomaly.CORRUPT


@pytest.mark.parametrize("suffix", sorted(REAL))
def test_the_last_byte_counts(tmp_path: Path, suffix: str) -> None:
    refused = refusal(tmp_path, REAL[suffix][:-1], suffix)
    assert refused is not None
    assert refused[0] is Anomaly.CORRUPT


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_damaged_page_of_an_ogg_is_found_though_its_decoder_skips_it(tmp_path: Path, share: float) -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 160_000)
    ogg = bytearray(encoded(noise, 16_000, "OGG"))
    ogg[int(share * len(ogg))] ^= 0xFF
    refused = refusal(tmp_path, bytes(ogg), ".ogg")
    assert refused is not None
    assert refused[0] is Anomaly.CORRUPT


def test_a_short_wav_says_what_is_missing(tmp_path: Path) -> None:
    refused = refusal(tmp_path, REAL[".wav"][:1044], ".wav")
    assert refused == (Anomaly.CORRUPT, "the header promises 32000 bytes of samples, 1000 are there")


def test_chunks_before_the_samples_are_passed(tmp_path: Path) -> None:
    wav = REAL[".wav"]
    note = b"LIST" + struct.pack("<I", 5) + b"about\0"
    longer = wav[:4] + struct.pack("<I", len(wav) - 8 + len(note)) + wav[8:36] + note + wav[36:]
    assert refusal(tmp_path, longer, ".wav") is None
    assert refusal(tmp_path, longer[:-2], ".wav") == (
        Anomaly.CORRUPT,
        "the header promises 32000 bytes of samples, 31998 are there",
    )


def test_a_size_in_rf64_is_believed_no_more_than_another(tmp_path: Path) -> None:
    refused = refusal(tmp_path, encoded(SECOND, 16_000, "RF64")[:-2], ".wav")
    assert refused == (Anomaly.CORRUPT, "the header promises 32000 bytes of samples, 31998 are there")


def test_a_header_that_claims_gigabytes_is_too_large(tmp_path: Path) -> None:
    wav = REAL[".wav"]
    refused = refusal(tmp_path, wav[:40] + struct.pack("<I", 0xFFFF_FFF0) + wav[44:], ".wav")
    assert refused == (Anomaly.TOO_LARGE, "the header promises 4294967280 bytes of samples, 32000 are there")


def flac_of(frames: int) -> bytes:
    """A FLAC file whose header claims so many frames, in the 36 bits at its byte 21."""
    flac = bytearray(REAL[".flac"])
    flac[21] = (flac[21] & 0xF0) | frames >> 32
    flac[22:26] = struct.pack(">I", frames & 0xFFFF_FFFF)
    return bytes(flac)


@pytest.mark.parametrize(
    ("frames", "anomaly"),
    [(0, Anomaly.CORRUPT), (16_001, Anomaly.CORRUPT), (1 << 35, Anomaly.TOO_LARGE)],
)
def test_a_flac_with_another_number_of_frames_than_it_claims(tmp_path: Path, frames: int, anomaly: Anomaly) -> None:
    assert refusal(tmp_path, flac_of(16_000), ".flac") is None
    refused = refusal(tmp_path, flac_of(frames), ".flac")
    assert refused is not None
    assert refused[0] is anomaly


def test_no_byte_and_no_frame_are_empty(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"", ".wav") == (Anomaly.EMPTY, "0 bytes")
    assert refusal(tmp_path, REAL[".wav"][:40] + bytes(4), ".wav") == (Anomaly.EMPTY, "no frames")


def test_a_rate_that_no_microphone_has_is_refused(tmp_path: Path) -> None:
    wav = REAL[".wav"]
    refused = refusal(tmp_path, wav[:24] + struct.pack("<I", 7) + wav[28:], ".wav")
    assert refused == (Anomaly.CORRUPT, "the header claims 7 frames a second")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_found_where_it_is(tmp_path: Path, value: float) -> None:
    values = tone(10, 16_000)
    values[100_000] = value
    refused = refusal(tmp_path, encoded(values, 16_000, subtype="FLOAT"), ".wav")
    assert refused == (Anomaly.NOT_FINITE, "frame 100000")


def test_a_file_that_is_gone_or_may_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnusableRecord) as refused, opened(tmp_path / "gone.wav"):
        pass
    assert refused.value.anomaly is Anomaly.MISSING
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UnusableRecord, match="Is a directory") as refused, opened(tmp_path / "folder.wav"):
        pass
    assert refused.value.anomaly is Anomaly.CORRUPT


def test_full_scale_saturates_and_is_called_clipped_from_the_third_frame_on(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    path.write_bytes(encoded(np.array([0, 2, 3, 4, 5, -7, 0.5, 0.5, 0.5], np.float32), 16_000, subtype="FLOAT"))
    with opened(path) as recording:
        (block,) = recording.blocks("mean")
    assert block.values.tolist() == [0, 1, 1, 1, 1, -1, 0.5, 0.5, 0.5]
    assert np.flatnonzero(block.clipped).tolist() == [3, 4]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "ULAW", "ALAW"])
def test_the_end_of_every_coding_is_full_scale(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "loud.wav"
    path.write_bytes(encoded(np.ones(100, np.float32), 16_000, subtype=subtype))
    with opened(path) as recording:
        (block,) = recording.blocks("mean")
    assert block.clipped.sum() == 98


@settings(max_examples=300, deadline=None)
@given(contents=st.binary(max_size=300), suffix=st.sampled_from(sorted(REAL)), genuine=st.booleans())
def test_random_bytes_are_refused_or_read(contents: bytes, suffix: str, genuine: bool) -> None:
    head = REAL[suffix][:16] if genuine else b""
    with tempfile.TemporaryDirectory() as folder:
        refusal(Path(folder), head + contents, suffix)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), suffix=st.sampled_from(sorted(REAL)))
def test_a_mutated_file_is_refused_or_read(data: st.DataObject, suffix: str) -> None:
    contents = bytearray(REAL[suffix])
    places = st.integers(0, len(contents) - 1) | st.integers(0, 120)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        contents[place] = value
    end = data.draw(st.integers(0, len(contents)) | st.just(len(contents)))
    with tempfile.TemporaryDirectory() as folder:
        refusal(Path(folder), bytes(contents[:end]), suffix)
