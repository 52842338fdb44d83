"""Release versions, as an MCUboot image header can hold them."""

from __future__ import annotations

import re

from edge_deployer.errors import TinyopsError

_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)", re.ASCII)
_LARGEST = (255, 255, 65535)  # struct image_version: uint8, uint8, uint16


def check_version(text: str) -> str:
    """The version, if it is ``major.minor.revision`` and fits an image header.

    Raises:
        TinyopsError: it is not, or does not.
    """
    match = _FORM.fullmatch(text)
    if match is None or any(int(part) > largest for part, largest in zip(match.groups(), _LARGEST, strict=True)):
        message = f"release version {text!r} is not major.minor.revision with at most {'.'.join(map(str, _LARGEST))}"
        raise TinyopsError(message, remedy="give a version such as 1.0.0")
    return text
