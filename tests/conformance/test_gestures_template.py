"""The template `gestures` on the strokes that its project file names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from components.sensor_example_gen.reading import Featured, RecordReader
from pipeline.project.preflight import prepare
from pipeline.project.workspace import Workspace
from tests.conformance.shared import STROKES, needs_strokes
from tests.pipeline.templates.whole_run import copied, promoted

pytestmark = needs_strokes


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the template with the strokes where it looks for them."""
    copy = copied("gestures", tmp_path)
    (copy.parent / "strokes").symlink_to(STROKES)
    return copy


def test_every_stroke_is_read_as_a_board_draws_it(config: Path, tmp_path: Path) -> None:
    project = prepare(config, Workspace(tmp_path / "workspace"))
    assert not project.warnings
    reader = RecordReader(project.config.data, str(project.data_file))
    listing = reader.source.listing()
    assert np.bincount(listing.labels).tolist() == [100] * 10
    read = list(reader.read(listing))
    pictures = np.stack([one.features for one in read if isinstance(one, Featured)])
    assert pictures.shape == (1000, 24, 24, 1)
    assert pictures.dtype == np.int8
    assert not any(one.found for one in read if not isinstance(one, Featured))
    # Augmentation repeats the outermost pixels, which are ground.
    assert (pictures[:, [0, -1]] == -128).all()
    assert (pictures[:, :, [0, -1]] == -128).all()


@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_held_out_strokes_are_told_apart_by_a_small_model(config: Path, tmp_path: Path) -> None:
    model = promoted(config, tmp_path / "workspace")
    assert model.conversion.int8_figure >= 0.985
    assert abs(model.conversion.int8_figure - model.conversion.float_figure) <= 0.005
    assert model.validation.model_bytes <= 24_000
    assert model.validation.arena_bytes <= 10_000
