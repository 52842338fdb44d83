"""What files there are, and that they are of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from components.sensor_example_gen.sources import audio_file, images
from components.sensor_example_gen.sources.file_records import names_below
from components.sensor_example_gen.sources.motion_files import opened
from edge_deployer.errors import TinyopsError
from edge_deployer.files import exists

SUFFIXES: Final = {
    "audio": audio_file.SUFFIXES,
    "images": images.SUFFIXES,
    "motion": opened.SUFFIXES,
    "arrays": (".npz",),
}
"""Of the files of each kind, in small letters."""
_STRAY: Final = 0.1
"""Share of files of other kinds that may lie about: a README's picture, a spoken example."""
_SHOWN: Final = 4


def require_there(place: Path) -> None:
    """See that there is such a file or folder.

    Raises:
        TinyopsError: there is none.
    """
    if not exists(place, f"data {place}"):
        raise TinyopsError(f"there is no {place}", remedy="give --data the file or folder that has the data")


def records_in(place: Path, kind: str) -> list[str]:
    """Names below a folder of the files of a kind, sorted.

    Raises:
        TinyopsError: there is no such folder, nothing of the kind in it, or much of another.
    """
    require_there(place)
    names = names_below(str(place))
    of_kind = [name for name in names if _suffix(name) in SUFFIXES[kind]]
    if not of_kind:
        raise TinyopsError(
            f"{place} has no file of {', '.join(SUFFIXES[kind])}; it has {_seen(names)}", remedy=_remedy(names)
        )
    for other, suffixes in SUFFIXES.items():
        # Tables and lists lie beside recordings of any kind.
        strangers = [] if other in (kind, "motion") else [name for name in names if _suffix(name) in suffixes]
        if len(strangers) > _STRAY * len(of_kind):
            raise TinyopsError(
                f"{place} has {len(of_kind)} files of {kind} and {len(strangers)} of {other}, e.g. {strangers[0]}: "
                "a project takes one kind",
                remedy=f"name the folder that has the {kind} alone, or take the others away",
            )
    return of_kind


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _seen(names: Sequence[str]) -> str:
    counts = Counter(_suffix(name) or "no suffix" for name in names).most_common(_SHOWN)
    return ", ".join(f"{count} of {suffix}" for suffix, count in counts) or "no file at all"


def _remedy(names: Sequence[str]) -> str:
    found = [kind for kind, suffixes in SUFFIXES.items() if any(_suffix(name) in suffixes for name in names)]
    return f"choose --kind {' or '.join(found)}, or another folder" if found else "give --data another folder"
