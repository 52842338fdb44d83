"""Places that hold data: paths on this machine, or URIs of an object store, whose libraries load when one is named."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from edge_deployer.errors import TinyopsError
from edge_deployer.files import read_file

_SCHEME: Final = re.compile(r"^[a-z0-9]+://")


def is_uri(place: str) -> bool:
    """Whether a place lies in an object store: `gs://`, `s3://`, `minio://`."""
    return _SCHEME.match(place) is not None


def local_file(place: str) -> AbstractContextManager[Path]:
    """A file on this machine: itself, or a copy for as long as the block lasts.

    Raises:
        TinyopsError: it lies in an object store and cannot be read there.
    """
    if not is_uri(place):
        return nullcontext(Path(place))
    # Heavy, here and below.
    from components.object_store import local_copy

    return local_copy(place)


def read_table(place: str, what: str) -> str:
    """Text of a small file, UTF-8 with or without a byte order mark.

    Raises:
        TinyopsError: it cannot be read, or is something else.
    """
    if is_uri(place):
        from components.object_store import read

        contents = read(place)
    else:
        contents = read_file(Path(place), f"{what} {place}")
    try:
        return contents.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TinyopsError(f"{what} {place} is not UTF-8: {error}", remedy="save it as UTF-8") from error
