"""Strokes of a magic wand that nobody here drew are read as they lie: ten files of JSON, a hundred strokes in each."""

from __future__ import annotations

from collections import Counter

import numpy as np

from components.sensor_example_gen.features.scale import Scale, ScaleSection
from components.sensor_example_gen.sources.motion import MotionSection, MotionSource
from tests.conformance.shared import STROKES, needs_strokes

DIGITS = list("0123456789")

pytestmark = needs_strokes


def source(**fields: object) -> MotionSource:
    section = {"kind": "motion", "source": STROKES, "classes": DIGITS, "recording": "strokes", **fields}
    return MotionSource(MotionSection.model_validate(section), str(STROKES))


def test_the_list_has_label_and_person_of_each_stroke() -> None:
    listing = source(names="{person}_*", group="person", raster=32).listing()
    assert listing.labels is not None
    assert listing.groups is not None
    assert Counter(listing.labels.tolist()) == dict.fromkeys(range(10), 100)
    assert Counter(listing.groups.tolist()) == {"petewarden": 1000}
    assert listing.names is not None
    assert listing.names[117] == "petewarden_1.json#17"
    assert not listing.found
    assert listing.ignored == ("LICENSE",)


def test_the_name_may_say_the_label_and_the_file_be_the_group() -> None:
    by_name, by_stroke = source(names="{person}_{label}", raster=32), source(names="{file}", raster=32)
    assert np.array_equal(by_name.listing().labels, by_stroke.listing().labels)


def test_strokes_become_pictures() -> None:
    strokes = source(names="{person}_*", raster=32, resolution=1 / 128)
    listing = strokes.listing()
    samples = [sample for index in range(len(listing)) for sample in strokes.samples(listing, index)]
    pictures = np.stack([sample.values for sample in samples])
    assert pictures.shape == (1000, 32, 32, 1)
    assert not any(sample.anomalies for sample in samples)
    # A stroke touches the picture's margin on two sides that face each other, and a one is narrow.
    drawn = pictures[..., 0] > 0
    heights, widths = drawn.any(axis=2).sum(axis=1), drawn.any(axis=1).sum(axis=1)
    assert (np.maximum(heights, widths) >= 29).all()
    assert np.median(widths[100:200]) < np.median(widths[:100]) / 2
    scaled = Scale(ScaleSection()).compute(pictures)
    assert np.array_equal(scaled, (pictures.astype(int) - 128).astype(np.int8))


def test_strokes_become_windows() -> None:
    strokes = source(names="{person}_*", rate=50, window=2)
    listing = strokes.listing()
    assert strokes.shape == (100, 2)
    samples = [sample for index in range(len(listing)) for sample in strokes.samples(listing, index)]
    assert len(samples) == 1000
    short = [sample for sample in samples if sample.anomalies]
    assert 0 < len(short) < 1000
    assert {anomaly.value for sample in short for anomaly in sample.anomalies} == {"too_short"}
