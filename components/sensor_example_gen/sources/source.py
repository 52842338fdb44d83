"""A kind of data: what it must be able to do, and how it is found."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

from components.sensor_example_gen.sources.anomaly import Anomaly
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from edge_deployer.errors import TinyopsError
from edge_deployer.tensors import Array

ENTRY_POINTS: Final = "tinyops.sources"
"""Group of entry points by which an installed package brings a kind of its own: ``kind = "module:Class"``."""
KINDS: Final = ("arrays", "audio", "images", "motion")


@dataclass(frozen=True)
class Sample:
    """What a network sees at once, before its features are computed."""

    values: Array  # Shape `Source.shape`; integers where a sensor gives integers.
    anomalies: tuple[Anomaly, ...] = ()  # Such as are used all the same.


class Source(Protocol):
    """Records of one kind. Made anew in each worker, which reads some of them; it must be cheap to make."""

    Section: ClassVar[type[DataSection]]
    """Its section of the project file."""

    def __init__(self, section: Any, place: str) -> None:
        """Remember where to look.

        Args:
            section: a `Section`.
            place: path or URI (`gs://`, `s3://`, `minio://`) of the file or folder.
        """

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""

    @property
    def sound_rate(self) -> int | None:
        """Values a second, where a sample is sound (int16, shape ``(n,)``); else None."""

    def listing(self) -> Listing:
        """All records, in an order that depends on the data alone. No record is decoded.

        Raises:
            TinyopsError: there is no such place, nothing in it is a record, or its manifest is wrong.
        """

    def samples(self, listing: Listing, index: int) -> Iterator[Sample]:
        """Read one record, a window at a time.

        Raises:
            UnusableRecord: no sample can be made of it.
        """

    def fingerprint(self) -> str:
        """Changes when what `samples` would give changes; no record is decoded.

        Raises:
            TinyopsError: there is no such place.
        """

    def describe(self, listing: Listing) -> Mapping[str, str | int | float]:
        """For the report: what was done to the recordings, e.g. ``{"rate": "16000 Hz", "window": "1 s"}``."""


def section_json(section: DataSection) -> str:
    """A section for a component, which is told apart where the data is: the same wherever the project lies."""
    return json.dumps({**section.model_dump(mode="json"), "source": Path(section.source).name})


def section_of(text: str) -> DataSection:
    """The section that `section_json` gave, of the kind that it names."""
    return source_class(json.loads(text)["kind"]).Section.model_validate_json(text)


def source_class(kind: str) -> type[Source]:
    """The class of a kind.

    Raises:
        TinyopsError: nothing that is installed knows it, or what does cannot be imported.
    """
    if kind in KINDS:
        found: type[Source] = import_module(f"{__package__}.{kind}").SOURCE
        return found
    theirs = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if kind not in theirs:
        raise TinyopsError(
            f"data.kind: {kind!r} is no kind of data here; there are {', '.join(sorted({*KINDS, *theirs}))}",
            remedy=f"correct it, or install the package that brings it (entry point group {ENTRY_POINTS!r})",
        )
    try:
        brought: type[Source] = theirs[kind].load()
    except (ImportError, AttributeError) as error:
        raise TinyopsError(
            f"data.kind: {kind!r} cannot be loaded from {theirs[kind].value}: {error}",
            remedy="mend or update the package that brings it",
        ) from error
    return brought
