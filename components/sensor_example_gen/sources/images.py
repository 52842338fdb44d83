"""Pictures in PNG, JPEG and BMP files, each made one size and colour."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import Field

from components.sensor_example_gen.sources.anomaly import Anomaly, UnusableRecord
from components.sensor_example_gen.sources.file_records import (
    FileSection,
    fingerprint_files,
    list_files,
    open_record,
)
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.source import Sample
from edge_deployer.files import reading

_FORMATS: Final = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP"}
SUFFIXES: Final = tuple(_FORMATS)
_SIGNATURES: Final = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"PK\x03\x04": "ZIP",
    b"<": "HTML or XML",
}
"""First bytes of files that people have under a picture's name."""
_LONGEST_SIGNATURE: Final = max(map(len, _SIGNATURES))
_HEIC: Final = slice(4, 8), b"ftyp"
_MOST_PIXELS: Final = 1 << 26
"""Of a picture before it is made small: 67 million, of four bytes each while it is decoded."""
_UNDECODABLE: Final = (
    *(OSError, EOFError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(OverflowError, ZeroDivisionError, MemoryError, NotImplementedError, struct.error, zlib.error),
)
"""What Pillow raises for a file that is no picture, or a damaged one."""
_Side = Annotated[int, Field(ge=1, le=1024)]


class ImagesSection(FileSection):
    """Pictures, as a network is to see them."""

    kind: Literal["images"] = "images"
    size: tuple[_Side, _Side]  # Height and width, in pixels.
    colour: Literal["grey", "rgb"] = "grey"


class ImagesSource:
    """A sample is uint8, shape ``(height, width, 1)`` in grey, ``(height, width, 3)`` in red, green and blue.

    A picture is turned as its EXIF orientation says, made of `colour`, and then stretched to `size` by Pillow's
    bilinear filter, which averages where it shrinks. A JPEG is decoded at the smallest scale that has twice that size.

    Grey is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601). Of 16 bits the upper 8 are taken. What is transparent
    shows white. Of an animation the first picture is taken.
    """

    Section = ImagesSection

    def __init__(self, section: ImagesSection, place: str) -> None:
        self._section = section
        self._place = place

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, and 1 or 3 channels."""
        return (*self._section.size, 3 if self._section.colour == "rgb" else 1)

    @property
    def sound_rate(self) -> int | None:
        """None: nothing is heard."""
        return None

    def listing(self) -> Listing:
        """All pictures, by name."""
        return list_files(self._section, self._place, SUFFIXES)

    def samples(self, listing: Listing, index: int) -> Iterator[Sample]:
        """The picture; silent, if it has one colour."""
        name = listing.name(index)
        with open_record(self._place, name) as path:
            picture = _decoded(path, _kind(path, name), self._section)
        values = np.asarray(picture, np.uint8).reshape(self.shape)
        is_plain = (values == values[0, 0]).all()
        yield Sample(values, (Anomaly.SILENT,) if is_plain else ())

    def fingerprint(self) -> str:
        """Of the files' names, sizes and times of change."""
        return fingerprint_files(self._section, self._place, SUFFIXES)

    def describe(self, listing: Listing) -> Mapping[str, str | int | float]:
        """Size, colour, and how they are made."""
        del listing
        height, width = self._section.size
        return {
            "size": f"{height} x {width} pixels, stretched, bilinear",
            "colour": "red, green, blue" if self._section.colour == "rgb" else "grey (ITU-R BT.601)",
        }


def _kind(path: Path, name: str) -> str:
    """Pillow's name for the format that a file has by its name, and by its first bytes.

    Raises:
        UnusableRecord: they differ.
        TinyopsError: it cannot be read.
    """
    with reading(f"picture {name}"), path.open("rb") as file:
        beginning = file.read(_LONGEST_SIGNATURE)
    wanted = _FORMATS[PurePosixPath(name).suffix.lower()]
    kind = next((kind for signature, kind in _SIGNATURES.items() if beginning.startswith(signature)), None)
    if beginning[_HEIC[0]] == _HEIC[1]:
        kind = "HEIC, AVIF or a film"
    if not beginning:
        raise UnusableRecord(Anomaly.EMPTY, "0 bytes")
    if kind is None:
        raise UnusableRecord(Anomaly.CORRUPT, f"does not begin as {wanted}")
    if kind != wanted:
        raise UnusableRecord(Anomaly.WRONG_FORMAT, f"is {kind}, not {wanted}")
    return kind


def _decoded(path: Path, kind: str, section: ImagesSection) -> Image.Image:
    """A file's picture in its size and colour.

    Raises:
        UnusableRecord: it is damaged, or claims more pixels than any picture has.
    """
    height, width = section.size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of metadata that is damaged, and of sizes, which are looked at below.
            with Image.open(path, formats=(kind,)) as file:
                _require_size(file)
                # At least twice the size in both, however it is turned.
                file.draft(None, (2 * max(height, width),) * 2)
                turned = ImageOps.exif_transpose(file)
                return _coloured(turned, section.colour).resize((width, height), Image.Resampling.BILINEAR)
    except Image.DecompressionBombError:
        raise UnusableRecord(Anomaly.TOO_LARGE, f"claims more than {_MOST_PIXELS:,} pixels") from None
    except UnidentifiedImageError:  # Its own words have a path of this machine.
        raise UnusableRecord(Anomaly.CORRUPT, "its header is damaged") from None
    except _UNDECODABLE as error:
        raise UnusableRecord(Anomaly.CORRUPT, _words(error)) from None


def _require_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > _MOST_PIXELS:
        raise UnusableRecord(Anomaly.TOO_LARGE, f"claims {width} x {height} pixels")
    if not width * height:
        raise UnusableRecord(Anomaly.EMPTY, "0 pixels")


def _coloured(picture: Image.Image, colour: str) -> Image.Image:
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture).astype(np.int32) >> 8).astype(np.uint8))
    if picture.has_transparency_data:
        over = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return picture.convert("RGB" if colour == "rgb" else "L")


def _words(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


SOURCE = ImagesSource
