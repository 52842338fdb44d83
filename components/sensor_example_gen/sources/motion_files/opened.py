"""Opens a file of motion by its name."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from components.sensor_example_gen.sources.motion_files.csv_file import CsvFile
from components.sensor_example_gen.sources.motion_files.json_file import JsonFile
from components.sensor_example_gen.sources.motion_files.parquet_file import ParquetFile
from components.sensor_example_gen.sources.motion_files.rows import MotionFile
from edge_deployer.files import reading

SUFFIXES: Final = (".csv", ".json", ".parquet")


def opened(path: Path, name: str, recording: str | None) -> MotionFile:
    """A file that messages call `name`; `recording` as for `MotionFile.runs`.

    Raises:
        UnusableRecord: it is another file than its name says, or is damaged.
        TinyopsError: it cannot be read.
    """
    with reading(f"recording {name}"):
        match PurePosixPath(name).suffix.lower():
            case ".csv":
                return CsvFile(path)
            case ".json":
                return JsonFile(path, recording)
            case _:
                return ParquetFile(path)
