"""What the template `image` learns is drawn by its script: the pictures fit the project, and are no two the same."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from components.sensor_example_gen.sources.images import ImagesSource
from pipeline.project.preflight import load_project
from tests.pipeline.templates.whole_run import TEMPLATES, copied, promoted

COUNT = 12


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("render", TEMPLATES / "image" / "render.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_project_reads_all_pictures_and_finds_nothing_wrong(script: ModuleType, tmp_path: Path) -> None:
    data = load_project(copied("image", tmp_path)).config.data
    assert data.classes == list(script.SHAPES)
    script.render(Path(data.source), COUNT)
    source = ImagesSource(data, str(data.source))
    listing = source.listing()
    assert not listing.found
    assert not listing.ignored
    assert np.bincount(listing.labels).tolist() == [COUNT] * len(script.SHAPES)
    samples = [sample for index in range(len(listing)) for sample in source.samples(listing, index)]
    assert not any(sample.anomalies for sample in samples)
    assert {sample.values.shape for sample in samples} == {(32, 32, 3)}
    assert len({sample.values.tobytes() for sample in samples}) == len(samples) == COUNT * len(script.SHAPES)


def test_the_same_pictures_are_drawn_each_time(script: ModuleType, tmp_path: Path) -> None:
    for name in ("one", "two"):
        script.render(tmp_path / name, 2)
    first, second = (sorted((tmp_path / name).rglob("*.png")) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_shapes_lie_wholly_in_the_picture_and_cover_what_they_should(script: ModuleType) -> None:
    """Areas of shapes whose corners lie at a distance of 1, over that of their circle."""
    areas = {"circle": np.pi, "square": 2, "triangle": 3 * np.sqrt(3) / 4, "cross": 4 * 2 * 0.3 * 0.7 + 0.6**2}
    for name, outline in script.SHAPES.items():
        covers = [script.covered(outline, np.random.default_rng(seed)) for seed in range(40)]
        radii = [np.random.default_rng(seed).uniform(10, 20) for seed in range(40)]
        drawn = [cover.sum() / radius**2 for cover, radius in zip(covers, radii, strict=True)]
        np.testing.assert_allclose(drawn, areas[name], rtol=0.06)


@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_a_copy_runs_out_of_the_box(tmp_path: Path) -> None:
    """As the project file says: render, then run."""
    config = copied("image", tmp_path)
    subprocess.run([sys.executable, "render.py"], cwd=config.parent, check=True, stdout=subprocess.DEVNULL)
    model = promoted(config, tmp_path / "workspace")
    assert model.conversion.int8_figure > 0.97
    assert abs(model.conversion.int8_figure - model.conversion.float_figure) <= 0.005
