"""The gates' defaults, on recordings that people really train on."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from components.data_gate.gates import DataGates
from components.data_gate.judgement import Evidence, judge
from edge_deployer.release.data_findings import GateResult
from tests.components.data_gate.made_statistics import statistics_of
from tests.conformance.shared import SPEECH, STROKES, needs_speech, needs_strokes

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")


@cache
def speech() -> tuple[Any, Any, Any, Any]:
    """Every fortieth sample of a second of each recording; digit, speaker, and number of the recording."""
    rows, names = [], []
    for file in sorted(SPEECH.rglob("*.wav")):
        with wave.open(str(file)) as recording:
            heard = np.frombuffer(recording.readframes(8000), np.int16)
        rows.append(np.pad(heard, (0, 8000 - len(heard)))[::40] / 32768)
        names.append(file.stem.split("_"))
    digits, speakers, numbers = zip(*names, strict=True)
    return np.array(rows), np.array(digits, int), np.array(speakers), np.array(numbers, int)


def strokes() -> Iterator[tuple[int, Any]]:
    for file in sorted(STROKES.glob("*.json")):
        for stroke in json.loads(file.read_text())["strokes"]:
            points = np.array([[point["x"], point["y"]] for point in stroke["strokePoints"]])
            places = np.linspace(0, len(points) - 1, 64)
            yield int(stroke["label"]), [np.interp(places, np.arange(len(points)), axis) for axis in points.T]


def stopped(values: Any, labels: Any, held_out: Any, *, known: Any = None) -> list[GateResult]:
    """What stops a run on these samples.

    Args:
        values: of all samples.
        labels: their class indices.
        held_out: which of them are in split eval, bool.
        known: values of the data that was accepted before, with the same labels and splits.
    """
    from components.data_gate.statistics import label_counts, measure

    train, held = (statistics_of(values[rows], labels[rows]) for rows in (~held_out, held_out))
    counts = {"train": label_counts(train, "label"), "eval": label_counts(held, "label")}
    evidence = Evidence(
        splits=("train", "eval"),
        labels=counts,
        skew={"eval": measure(held, train, label="label", group=None)},
        overlaps=None,
    )
    if known is not None:
        before = statistics_of(known[~held_out], labels[~held_out])
        evidence = evidence.compared_with(counts["train"], measure(train, before, label="label", group=None))
    names = [str(digit) for digit in range(10)]
    results = judge(evidence, DataGates(), class_names=names, anomaly_task=False)
    return [result for result in results if result.level == "stopped"]


@needs_speech
def test_the_official_split_of_the_spoken_digits_passes() -> None:
    values, digits, _, numbers = speech()
    assert not stopped(values, digits, numbers < 5)


@needs_speech
@pytest.mark.parametrize("speaker", SPEAKERS)
def test_each_speaker_may_be_held_out(speaker: str) -> None:
    values, digits, speakers, _ = speech()
    assert not stopped(values, digits, speakers == speaker)


@needs_speech
def test_recordings_in_another_unit_are_drift() -> None:
    values, digits, _, numbers = speech()
    (found,) = stopped(values * 32768, digits, numbers < 5, known=values)
    assert found.gate == "value_drift"


@needs_strokes
def test_strokes_pass_and_those_in_another_unit_do_not() -> None:
    labels, points = zip(*strokes(), strict=True)
    values, digits = np.array(points), np.array(labels)
    held_out = np.random.default_rng(0).random(len(digits)) < 0.2
    assert not stopped(values, digits, held_out, known=values)
    (found,) = stopped(values * 64, digits, held_out, known=values)
    assert found.gate == "value_drift"
