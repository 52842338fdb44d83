"""Examples of the data for the report's page: to look at, and to listen to where they are sound."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel

from components.artifact_files import read_artifact
from components.sensor_example_gen.reading import RecordReader
from components.sensor_example_gen.sources.listing import Listing
from edge_deployer.files import write_file
from edge_deployer.report.drawings import draw, kind_of
from edge_deployer.report.facts import ExampleFacts
from edge_deployer.tensors import Array

SHOWN_FILE: Final = "shown.json"
_MOST: Final = 10


class ShownExamples(BaseModel):
    """What stands in `SHOWN_FILE`, beside the splits."""

    examples: list[ExampleFacts]

    @classmethod
    def of(cls, reader: RecordReader, held_out: Listing, classes: list[str]) -> ShownExamples:
        """The first sample of each class, as the sensor gives it; of a regression, the first samples.

        Args:
            reader: of the source.
            held_out: records of the evaluation split.
            classes: their names; empty for a regression.
        """
        some = held_out.take(_first_of_each(held_out))
        rate = reader.source.sound_rate
        examples = []
        for index, values in reader.first_samples(some):
            label = None if some.labels is None else classes[some.labels[index]]
            shown = example_facts(values, record=some.name(index), label=label, sound_rate=rate)
            examples += [] if shown is None else [shown]
        return cls(examples=examples)

    def write(self, folder: Path) -> None:
        """Write the file into a folder, which must exist."""
        write_file(folder / SHOWN_FILE, self.model_dump_json(indent=2).encode())

    @classmethod
    def read(cls, folder: Path) -> list[ExampleFacts]:
        """The examples of a folder; none where an earlier version wrote it.

        Raises:
            TinyopsError: the file is damaged.
        """
        path = folder / SHOWN_FILE
        return read_artifact(cls, path).examples if path.is_file() else []


def example_facts(values: Array, *, record: str, label: str | None, sound_rate: int | None) -> ExampleFacts | None:
    """One sample, drawn and, where `sound_rate` has values a second, to be heard; None where it can be neither.

    Args:
        values: numbers of any shape; int16, shape ``(n,)``, where it is sound.
        record: name of its record.
        label: name of its class.
        sound_rate: values a second.
    """
    kind = kind_of(values.shape)
    if kind is None:
        return None
    drawing = draw(values[np.newaxis], 0)
    return ExampleFacts(
        record=record,
        label=label,
        kind=kind,
        png=drawing.png,
        curves=drawing.curves,
        wav=None if sound_rate is None else base64.b64encode(_wav(values, sound_rate)).decode(),
    )


def _first_of_each(listing: Listing) -> Array:
    """Places of the first record of each class, or of the first records."""
    if listing.labels is None:
        return np.arange(min(_MOST, len(listing)))
    return np.unique(listing.labels, return_index=True)[1][:_MOST]


def _wav(values: Array, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(values.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(values.astype("<i2", copy=False).tobytes())
    return buffer.getvalue()
