"""Pictures: their own size and colours decide what the network sees."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from edge_deployer.errors import TinyopsError
from pipeline.init.labelled import labelled_files
from pipeline.init.proposal import Choice, Survey

_MOST_OPENED: Final = 200
_MANY: Final = 2000
"""Pictures beyond which they are made smaller, so that training takes minutes."""
_SIDES: Final = ((400, 96), (128, 64), (48, 48))
"""Pixels of the longer side from which on pictures are made so small."""
_STEP: Final = 8
_LOOKED_AT: Final = 64
_COLOURED: Final = 12
"""Steps of 255 by which red, green and blue of a pixel differ if it has a colour."""
_COLOURED_PIXELS: Final = 0.02
_COLOURED_PICTURES: Final = 0.1

_Seen = tuple[tuple[int, int], bool]
"""Height and width, and whether it has colours."""


def survey(place: Path) -> Survey:
    """Look at names, and at some of the pictures.

    Raises:
        TinyopsError: there is no such place, no picture in it, nothing that says a label, or all are damaged.
    """
    files = labelled_files(place, "images")
    seen = _seen(files.folder, files.names)
    if not seen:
        raise TinyopsError(
            f"none of {len(files.names)} files of {place} can be opened as a picture, e.g. {files.names[0]}",
            remedy="convert them to PNG, JPEG or BMP",
        )
    height, width = (int(side) for side in np.median([size for size, _ in seen], axis=0))
    coloured = float(np.mean([has for _, has in seen]))
    colour = "rgb" if coloured > _COLOURED_PICTURES else "grey"
    sizes = {size for size, _ in seen}
    found = f"{height} x {width} pixels" if len(sizes) == 1 else f"{len(sizes)} sizes, about {height} x {width} pixels"
    return Survey(
        choices=(
            *files.choices,
            Choice("size", list(_size(height, width, len(files.names))), "height and width; larger costs time and RAM"),
            Choice("colour", colour, f"{coloured:.0%} of those looked at have colours"),
        ),
        network="pictures",
        found=(*files.found, found),
        groupings=files.groupings,
        split=files.split,
        features=Choice("features", "scale", "pixel - 128, in integers that a board repeats bit for bit"),
        notices=files.notices,
    )


def _seen(folder: Path, names: Sequence[str]) -> list[_Seen]:
    """What some of the pictures look like; those that are damaged the run finds, counts and names."""
    chosen = np.linspace(0, len(names) - 1, min(len(names), _MOST_OPENED)).astype(int)
    return [seen for index in chosen if (seen := _looked_at(folder / names[index])) is not None]


def _looked_at(path: Path) -> _Seen | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                return (picture.height, picture.width), _has_colours(picture)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError):
        return None


def _has_colours(picture: Image.Image) -> bool:
    picture.draft("RGB", (_LOOKED_AT, _LOOKED_AT))
    small = np.asarray(picture.convert("RGB").resize((_LOOKED_AT, _LOOKED_AT)), np.int16)
    return bool((np.ptp(small, axis=2) > _COLOURED).mean() > _COLOURED_PIXELS)


def _size(height: int, width: int, count: int) -> tuple[int, int]:
    """The pictures' own size, where it is small; else one of the same form."""
    longer = max(height, width)
    smaller = [side for least, side in _SIDES if longer >= least]
    if not smaller:
        return height, width
    side = smaller[1] if count > _MANY and len(smaller) > 1 else smaller[0]
    return _rounded(height * side / longer), _rounded(width * side / longer)


def _rounded(pixels: float) -> int:
    return max(_STEP, round(pixels / _STEP) * _STEP)
