"""The driver of SensorExampleGen: tells TFX's cache what the data is by its contents.

TFX's own file fingerprint is made of sizes and modification times: it misses an edit within a second and takes a
fresh checkout of the same file for new data.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfx.components.example_gen import driver, input_processor
from tfx.proto import example_gen_pb2, range_config_pb2

from edge_deployer.release.labelled_data import file_sha256


class ContentInputProcessor(input_processor.FileBasedInputProcessor):
    """Fingerprints the one data file by SHA-256."""

    def __init__(
        self,
        input_base_uri: str,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        super().__init__(input_base_uri, splits, range_config)
        (self._only_split,) = splits
        self._folder = Path(input_base_uri)

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        """Span 0 without a version: the path names one file."""
        return 0, None

    def get_input_fingerprint(self, span: int, version: int | None) -> str:
        """Hex SHA-256 of the file.

        Raises:
            TinyopsError: there is no such file.
        """
        del span, version
        return file_sha256(self._folder / self._only_split.pattern)


class Driver(driver.FileBasedDriver):
    """FileBasedDriver with `ContentInputProcessor`."""

    def get_input_processor(
        self,
        splits: Iterable[example_gen_pb2.Input.Split],
        range_config: range_config_pb2.RangeConfig | None = None,
        input_base_uri: str | None = None,
    ) -> Any:
        """The processor that TFX asks for the fingerprint."""
        return ContentInputProcessor(input_base_uri or "", list(splits), range_config)
