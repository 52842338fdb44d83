"""Projects for which there is no data yet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from edge_deployer.files import make_folder, read_text, write_file
from pipeline.init.audio import spectrogram
from pipeline.init.proposal import Choice, Network, Proposal
from pipeline.init.write import project_name, write_project
from pipeline.project.config import DEFAULT_CONFIG

FOLDER: Final = "recordings"
"""Where recordings are to be put."""
_RATE: Final = 16_000
_CLASSES: Final = ("one", "other")
_PLACED: Final = (
    Choice("names", "{label}/*", "the folder of a recording names its label"),
    Choice("classes", list(_CLASSES), "the folders' names: write yours"),
)
_RASTERED: Final = Choice("features", "scale", "pixel - 128, in integers that a board repeats bit for bit")
_KINDS: Final[dict[str, tuple[Network, tuple[int, ...], tuple[Choice, ...], str]]] = {
    "audio": (
        "speech",
        (49, 32),
        (
            Choice("rate", _RATE, "Hz; recordings of any rate are resampled to it"),
            Choice("window", 1.0, "seconds of a sample"),
            spectrogram(_RATE),
        ),
        "WAV, FLAC or OGG files",
    ),
    "motion": (
        "motion",
        (100, 3),
        (
            Choice("columns", ["x", "y", "z"], "of the files: write yours"),
            Choice("time", "time", "the column with the time of a row, in seconds"),
            Choice("rate", 50, "Hz, to which all are resampled"),
            Choice("window", 2.0, "seconds of a sample"),
            Choice("features", {"kind": "scale", "low": -20, "high": 20, "resolution": 0.001}, "the sensor's range"),
        ),
        "CSV, Parquet or JSON files with the columns time, x, y, z",
    ),
    "images": (
        "pictures",
        (64, 64, 1),
        (Choice("size", [64, 64], "height and width"), Choice("colour", "grey", "or rgb"), _RASTERED),
        "PNG, JPEG or BMP files",
    ),
}


def write_without_data(folder: Path, kind: str) -> tuple[list[Path], list[str]]:
    """Write a project of handwritten digits for arrays, for other kinds one with a place for recordings.

    Returns:
        The files, the project's own first; and what to do before it runs, a sentence each.

    Raises:
        TinyopsError: the folder's name is none for a project, or a file cannot be written.
    """
    if kind == "arrays":
        return _digits(folder), []
    network, shape, choices, files = _KINDS[kind]
    proposal = Proposal(
        kind=kind,
        data=(*_PLACED, *choices),
        evaluate=(Choice("min_accuracy", 0.7, "of the int8 model"),),
        acceptance=(),
        epochs=40,
        network=network,
        shape=shape,
        classes=len(_CLASSES),
        outputs=1,
        weighs_classes=False,
        found=(),
    )
    written = write_project(folder, proposal, FOLDER)
    place = folder / FOLDER
    say = (
        f"Put {files} here, into a folder for each label: {_CLASSES[0]}/1, {_CLASSES[1]}/1, ... 500 and more in all.\n"
    )
    for name in _CLASSES:
        make_folder(place / name)
    write_file(place / "README.txt", say.encode())
    todo = [
        f"put {files} into {place}, a folder for each label, and write the folders' names to `classes`",
        f"or, once there is data, let it be looked at: tinyops init OTHER --kind {kind} --data {place}",
    ]
    return [*written, place / "README.txt"], todo


def _digits(folder: Path) -> list[Path]:
    """The default project under another name, with scikit-learn's digits."""
    name = project_name(folder)
    make_folder(folder)
    written = []
    for file in (DEFAULT_CONFIG, *sorted(DEFAULT_CONFIG.parent.glob("*.py"))):
        text = read_text(file, f"template {file.name}")
        if file == DEFAULT_CONFIG:
            text = re.sub(r"^name: .*$", f"name: {name}", text, count=1, flags=re.MULTILINE)
            text = text.replace("the project of `tinyops run --demo`.", "written by `tinyops init`.")
        written.append(folder / file.name)
        write_file(written[-1], text.encode())
    return written
