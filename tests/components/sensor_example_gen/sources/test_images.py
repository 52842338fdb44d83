from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.images import ImagesSection, ImagesSource
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.source import Sample, source_class
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

NO_RECORDS = Listing(rows=np.empty(0, np.int64), labels=None)

# Red on the left, blue on the right, 8 x 4.
FLAG = np.zeros((4, 8, 3), np.uint8)
FLAG[:, :4, 0] = FLAG[:, 4:, 2] = 255
FORMATS = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP"}


def source(folder: Path, **fields: object) -> ImagesSource:
    section = {"kind": "images", "source": folder, "classes": ["a", "b"], "size": [4, 8], **fields}
    return ImagesSource(ImagesSection.model_validate(section), str(folder))


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def put(folder: Path, name: str, contents: bytes) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(contents)


def read(folder: Path, contents: bytes, name: str = "a/1.png", **fields: object) -> Sample:
    put(folder, name, contents)
    images = source(folder, **fields)
    (sample,) = images.samples(images.listing(), 0)
    assert sample.values.shape == images.shape
    assert sample.values.dtype == np.uint8
    return sample


def rgb(folder: Path, contents: bytes, name: str = "a/1.png") -> Array:
    return read(folder, contents, name, colour="rgb").values


@contextmanager
def unusable(anomaly: Anomaly, said: str = "") -> Iterator[None]:
    with pytest.raises(UnusableRecord, match=said or None) as refused:
        yield
    assert refused.value.anomaly is anomaly


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_picture_comes_in_the_size_and_colour_that_is_asked_for(tmp_path: Path, suffix: str) -> None:
    large = Image.fromarray(np.repeat(np.repeat(FLAG, 20, 0), 20, 1))
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    contents = saved(large, FORMATS[suffix], **options)
    colours = rgb(tmp_path, contents, f"a/1.{suffix}").astype(int)
    # Beside the edge the filter mixes the colours.
    assert abs(colours - FLAG)[:, [0, 1, 2, 5, 6, 7]].max() <= 4
    grey = read(tmp_path, contents, f"a/1.{suffix}").values[..., 0].astype(int)
    assert abs(grey[:, 0] - 0.299 * 255).max() <= 2
    assert abs(grey[:, 7] - 0.114 * 255).max() <= 2


def test_shrinking_averages(tmp_path: Path) -> None:
    chequered = np.indices((64, 128)).sum(0) % 2 * 255
    values = read(tmp_path, saved(Image.fromarray(chequered.astype(np.uint8)), "PNG")).values
    assert abs(values.astype(int) - 127).max() <= 8


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_a_picture_is_turned_as_it_was_taken(tmp_path: Path, suffix: str) -> None:
    stored = Image.fromarray(np.repeat(np.repeat(FLAG, 20, 0), 20, 1)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera's top was on the right.
    colours = rgb(tmp_path, saved(stored, FORMATS[suffix], exif=exif), f"a/1.{suffix}").astype(int)
    assert abs(colours - FLAG)[:, [0, 1, 2, 5, 6, 7]].max() <= 8


def test_of_16_bits_the_upper_8_are_taken(tmp_path: Path) -> None:
    deep = np.arange(32, dtype=np.uint16).reshape(4, 8) * 2048 + 255
    values = read(tmp_path, saved(Image.fromarray(deep), "PNG")).values
    assert values[..., 0].tolist() == (deep >> 8).tolist()
    assert rgb(tmp_path, saved(Image.fromarray(deep), "PNG"))[..., 2].tolist() == (deep >> 8).tolist()


def test_palettes_and_one_bit_become_colours(tmp_path: Path) -> None:
    assert np.array_equal(rgb(tmp_path, saved(Image.fromarray(FLAG).quantize(4), "PNG")), FLAG)
    assert np.array_equal(rgb(tmp_path, saved(Image.fromarray(FLAG).quantize(4), "BMP"), "a/1.bmp"), FLAG)
    bits = FLAG[..., 0] > 0
    (tmp_path / "a" / "1.bmp").unlink()
    assert np.array_equal(read(tmp_path, saved(Image.fromarray(bits), "PNG")).values[..., 0], bits * 255)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_shows_white(tmp_path: Path, mode: str) -> None:
    picture = Image.new("RGBA", (8, 4), (0, 0, 0, 0))
    picture.paste((0, 0, 0, 255), (0, 0, 4, 4))
    values = read(tmp_path, saved(picture.quantize(4) if mode == "P" else picture.convert(mode), "PNG")).values[..., 0]
    assert values.tolist() == [[0] * 4 + [255] * 4] * 4


def test_inverted_print_colours_are_turned_into_screen_colours(tmp_path: Path) -> None:
    colours = rgb(tmp_path, saved(Image.fromarray(FLAG).convert("CMYK"), "JPEG", quality=100), "a/1.jpg")
    assert abs(colours.astype(int) - FLAG)[:, [0, 7]].max() <= 40


def test_the_first_picture_of_an_animation_is_taken(tmp_path: Path) -> None:
    frames = [Image.fromarray(FLAG), Image.new("RGB", (8, 4), "white")]
    animated = saved(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert np.array_equal(rgb(tmp_path, animated), FLAG)


def test_one_colour_is_silent_and_used(tmp_path: Path) -> None:
    assert read(tmp_path, saved(Image.new("RGB", (30, 30), "red"), "PNG"), colour="rgb").anomalies == (Anomaly.SILENT,)
    assert read(tmp_path, saved(Image.fromarray(FLAG), "PNG")).anomalies == ()


def test_a_file_is_what_its_name_says_or_left_out(tmp_path: Path) -> None:
    flag = Image.fromarray(FLAG)
    with unusable(Anomaly.WRONG_FORMAT, "is JPEG, not PNG"):
        read(tmp_path, saved(flag, "JPEG"))
    with unusable(Anomaly.WRONG_FORMAT, "is GIF, not PNG"):
        read(tmp_path, saved(flag, "GIF"))
    with unusable(Anomaly.WRONG_FORMAT, "is WebP"):
        read(tmp_path, b"RIFF\x10\0\0\0WEBPVP8 ")
    with unusable(Anomaly.WRONG_FORMAT, "is HEIC"):
        read(tmp_path, b"\0\0\0\x18ftypheic")
    with unusable(Anomaly.WRONG_FORMAT, "HTML"):
        read(tmp_path, b"<!DOCTYPE html>")
    with unusable(Anomaly.CORRUPT, "does not begin as PNG"):
        read(tmp_path, bytes(1000))


def test_a_file_without_bytes_is_found_in_the_list(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", saved(Image.fromarray(FLAG), "PNG"))
    put(tmp_path, "a/2.png", b"")
    listing = source(tmp_path).listing()
    assert listing.names == ("a/1.png",)
    assert [(found.record, found.anomaly) for found in listing.found] == [("a/2.png", Anomaly.EMPTY)]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_ends_early_is_corrupt(tmp_path: Path, suffix: str) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8))
    contents = saved(noise, FORMATS[suffix])
    for length in (20, 60, len(contents) // 2, len(contents) - 40):
        with unusable(Anomaly.CORRUPT):
            read(tmp_path, contents[:length], f"a/1.{suffix}")


def chunk(name: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that claims so many pixels, all black."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1 << 20))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8193, 8192), (50_000, 50_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_not_decoded(tmp_path: Path, width: int, height: int) -> None:
    with unusable(Anomaly.TOO_LARGE, "claims"):
        read(tmp_path, bomb(width, height))


def test_a_bomb_of_text_is_corrupt(tmp_path: Path) -> None:
    contents = saved(Image.fromarray(FLAG), "PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 27)))
    with unusable(Anomaly.CORRUPT):
        read(tmp_path, contents[:33] + text + contents[33:])


SEEDS = {
    "png": [saved(Image.fromarray(FLAG), "PNG"), saved(Image.fromarray(FLAG).quantize(4), "PNG"), bomb(64, 64)],
    "jpg": [saved(Image.fromarray(FLAG), "JPEG", exif=Image.Exif().tobytes()), saved(Image.new("L", (9, 9)), "JPEG")],
    "bmp": [saved(Image.fromarray(FLAG), "BMP"), saved(Image.fromarray(FLAG).quantize(4), "BMP")],
}


@given(data=st.data())
def test_no_bytes_get_past_the_decoder(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    suffix = data.draw(st.sampled_from(sorted(SEEDS)))
    contents = bytearray(data.draw(st.sampled_from(SEEDS[suffix])))
    for _ in range(data.draw(st.integers(0, 8))):
        place = data.draw(st.integers(0, len(contents) - 1))
        contents[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(3, len(contents)))
    after = data.draw(st.binary(max_size=40))
    try:
        read(tmp_path_factory.mktemp("fuzz"), bytes(contents[:cut]) + after, f"a/1.{suffix}")
    except UnusableRecord as refused:
        assert refused.anomaly.left_out  # noqa: PT017 - most examples are refused, some are read
        assert "fuzz" not in refused.detail  # noqa: PT017 - no path of this machine


def test_a_file_that_may_not_be_read_stops_the_reading(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", saved(Image.fromarray(FLAG), "PNG"))
    images = source(tmp_path)
    listing = images.listing()
    (tmp_path / "a/1.png").unlink()
    with pytest.raises(TinyopsError, match=r"picture a/1.png cannot be read: No such file"):
        list(images.samples(listing, 0))


@pytest.mark.parametrize("size", [[0, 8], [8], [8, 8, 3], [2000, 8]])
def test_a_size_is_a_height_and_a_width(tmp_path: Path, size: list[int]) -> None:
    with pytest.raises(ValidationError, match="size"):
        source(tmp_path, size=size)


def test_the_report_says_what_was_done(tmp_path: Path) -> None:
    assert source(tmp_path).describe(NO_RECORDS) == {
        "size": "4 x 8 pixels, stretched, bilinear",
        "colour": "grey (ITU-R BT.601)",
    }
    assert source(tmp_path, colour="rgb").describe(NO_RECORDS)["colour"] == "red, green, blue"
    assert source_class("images") is ImagesSource


def test_a_picture_that_changes_changes_the_fingerprint(tmp_path: Path) -> None:
    put(tmp_path, "a/1.png", saved(Image.fromarray(FLAG), "PNG"))
    before = source(tmp_path).fingerprint()
    assert source(tmp_path).fingerprint() == before
    put(tmp_path, "b/1.png", saved(Image.fromarray(FLAG), "PNG"))
    assert source(tmp_path).fingerprint() != before
