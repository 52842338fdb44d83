"""Executor and driver of SensorExampleGen: records of any kind to `tf.train.Example`, on Beam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, Final

import apache_beam as beam
import numpy as np
from absl import logging
from apache_beam.pipeline import Pipeline
from pydantic import TypeAdapter
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils

from components.artifact_types import Artifacts, Properties
from components.fingerprint_driver import FingerprintDriver
from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary, ReadRecords, summarise
from components.sensor_example_gen.encoding import ExampleEncoder
from components.sensor_example_gen.inspection import (
    DividedData,
    data_facts,
    divide,
    earlier_scale,
    front_end_record,
    require_sound,
)
from components.sensor_example_gen.reading import Featured, RecordFacts, RecordReader
from components.sensor_example_gen.shown import ShownExamples
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import DataSection
from components.sensor_example_gen.sources.source import section_json, section_of
from edge_deployer.report.data_view import data_warnings
from edge_deployer.tensors import Array

_VALUES_AT_ONCE: Final = 1 << 22
"""Of samples that are mixed and encoded together: 16 megabytes."""
_SEED: Final = 0
_FILES: Final = "data_tfrecord"
"""How TFX's own ExampleGens begin the names of their files."""
_FILE_FORMAT: Final = "tfrecords_gzip"
_FACTS: Final = "facts"
"""Output of the reading that is no split, and folder beside the splits while it is written."""
_FACTS_OF_A_PART: Final = TypeAdapter(list[RecordFacts])


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes the splits in a random order, and `dataset.json` beside them.

    TFX's writer of examples is not used: its Reshuffle holds each record several times over, and may keep the order of
    the file, so that data sorted by class would reach training sorted. Here records are shuffled before they are read.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Check the data, write the splits, record fingerprint and counts.

        Raises:
            TinyopsError: the data is wrong, a split is left empty, there is one class only, or more is wrong with the
                records than the project takes.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        section, place = section_of(exec_properties["data"]), exec_properties["data_file"]
        # Here and not in a worker: Beam turns what a worker raises into text.
        divided = divide(section, place)
        examples.split_names = artifact_utils.encode_split_names(list(divided.splits))
        made: Pipeline = self._make_beam_pipeline()
        with made as pipeline:
            _write(pipeline, divided, examples, section, place)
        summary = _summary(divided, examples, section, place)
        _warn(summary, section)
        require_sound(summary, section)
        with fileio.open(f"{examples.uri}/{SUMMARY_FILE}", "w") as file:
            file.write(summary.to_json())
        reader, folder = RecordReader(section, place), Path(examples.uri)
        front_end_record(reader, divided).write(folder)
        ShownExamples.of(reader, divided.held_out, section.classes or []).write(folder)
        examples.set_string_custom_property("data_sha256", summary.sha256)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        examples_utils.set_file_format(examples, _FILE_FORMAT)


class Driver(FingerprintDriver):
    """Tells TFX's cache what the data is.

    TFX's own fingerprint of files is made of sizes and modification times in seconds: it misses an edit within one.
    """

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """The source's own.

        Raises:
            TinyopsError: there is no such data.
        """
        properties = execution_info.exec_properties
        return RecordReader(section_of(properties["data"]), properties["data_file"]).source.fingerprint()


def _write(
    pipeline: Pipeline, divided: DividedData, examples: types.Artifact, section: DataSection, place: str
) -> None:
    """Let workers read and write: what goes between them are parts of the list, never samples."""
    reader = beam.ParDo(_RecordsToExamples(section_json(section), place))
    parts = pipeline | beam.Create(chunks(divided)) | reader.with_outputs(*divided.splits, _FACTS)
    for split in divided.splits:
        folder = artifact_utils.get_split_uri([examples], split)
        writer = beam.io.WriteToTFRecord(f"{folder}/{_FILES}", file_name_suffix=".gz")
        _ = parts[split] | f"Write[{split}]" >> writer
    _ = parts[_FACTS] | beam.io.WriteToText(f"{examples.uri}/{_FACTS}/part", file_name_suffix=".jsonl")


def chunks(divided: DividedData) -> Iterator[tuple[str, Listing]]:
    """Parts of the list, each of one split: in a random order, which is the same each time."""
    random = np.random.default_rng(_SEED)
    # What has decided the split is of no use to who reads.
    listing = replace(divided.listing, keys=None, given=None)
    layout = _WHOLE if listing.spans is None else _WITHIN_FILES
    for split, places in divided.splits.items():
        for part in layout.parts_of(places, random):
            yield split, listing.take(part)


@dataclass(frozen=True)
class _Layout:
    """How records are put into parts, so that each worker gets some of them, and each part is mixed."""

    most: int  # Records of a part.
    parts: int  # As many at least, where there are enough records.
    # Runs of neighbours that a part is made of, and is read in the order of; None: single records, in no order.
    runs: int | None

    def parts_of(self, places: Array, random: np.random.Generator) -> Iterator[Array]:
        """The places of each part."""
        size = min(self.most, max(1, len(places) // self.parts))
        run = 1 if self.runs is None else max(1, size // self.runs)
        begins = run * random.permutation(-(-len(places) // run))
        order = (begins[:, None] + np.arange(run)).ravel()
        mixed = places[order[order < len(places)]]
        for start in range(0, len(mixed), size):
            part = mixed[start : start + size]
            yield part if self.runs is None else np.sort(part)


_WHOLE: Final = _Layout(most=256, parts=64, runs=None)
_WITHIN_FILES: Final = _Layout(most=4096, parts=16, runs=16)
"""A file that holds many records is read from one place on: in its order, and many that stand together."""


class _RecordsToExamples(beam.DoFn):
    """Serialised examples of the records, an output for each split; one transform for all, so it opens data once.

    What is said of the records of a part is one element: each costs Beam more than the reading of a record.
    """

    def __init__(self, section: str, place: str) -> None:
        self._section = section
        self._place = place

    def setup(self) -> None:
        section = section_of(self._section)
        self._encoder = ExampleEncoder.of(section)
        self._reader = RecordReader(section, self._place)

    def process(self, part: tuple[str, Listing]) -> Iterator[Any]:
        split, listing = part
        facts: list[RecordFacts] = []
        for samples in self._batches(listing, facts):
            for example in self._encoder.encode(samples, listing):
                yield beam.pvalue.TaggedOutput(split, example)
        yield beam.pvalue.TaggedOutput(_FACTS, _FACTS_OF_A_PART.dump_json(facts, exclude_defaults=True).decode())

    def _batches(self, listing: Listing, facts: list[RecordFacts]) -> Iterator[list[Featured]]:
        """The samples, in a random order as far as memory has room; what is said of the records is added to `facts`."""
        most = max(1, _VALUES_AT_ONCE // prod(self._reader.shape))
        random = np.random.default_rng(int(listing.rows[0]))
        samples: list[Featured] = []
        for read in self._reader.read(listing):
            if isinstance(read, RecordFacts):
                facts.append(read)
                continue
            samples.append(read)
            if len(samples) == most:
                yield [samples[index] for index in random.permutation(most)]
                samples = []
        if samples:
            yield [samples[index] for index in random.permutation(len(samples))]


def _summary(divided: DividedData, examples: types.Artifact, section: DataSection, place: str) -> DatasetSummary:
    """Put together what the workers found, and forget what they left for that."""
    read = ReadRecords.of(divided.listing, _facts(f"{examples.uri}/{_FACTS}"))
    fileio.rmtree(f"{examples.uri}/{_FACTS}")
    reader = RecordReader(section, place)
    sha256 = reader.source.fingerprint() if divided.listing.names is None else None
    summary = summarise(
        divided.listing,
        divided.splits,
        read,
        shape=reader.shape,
        classes=len(section.classes or ()),
        sha256=sha256,
        described=reader.source.describe(divided.listing),
    )
    scale = earlier_scale(Path(examples.uri).parent, summary.sha256)
    return summary if scale is None else summary.beside(scale)


def _facts(folder: str) -> Iterator[RecordFacts]:
    for path in sorted(fileio.glob(f"{folder}/part*")):
        with fileio.open(path) as file:
            for line in file:
                yield from _FACTS_OF_A_PART.validate_json(line)


def _warn(summary: DatasetSummary, section: DataSection) -> None:
    for warning in data_warnings(
        data_facts(summary, source="", class_names=section.classes or (), group=section.group)
    ):
        logging.warning("%s", warning)
