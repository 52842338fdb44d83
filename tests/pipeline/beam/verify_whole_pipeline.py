"""`make verify-beam`: whole runs too long for `make test`, as each Beam job starts processes that import TensorFlow."""

from __future__ import annotations

from pathlib import Path

from tests.pipeline.beam.services import job_server, portable, worker_pool
from tests.pipeline.beam.whole_run import assert_promoted_on_sound_figures, write_project


def test_the_digits_reach_production_with_two_processes(tmp_path: Path) -> None:
    beam = {"runner": "multi_processing", "workers": 2}
    assert_promoted_on_sound_figures(write_project(tmp_path / "project", beam))


def test_the_digits_reach_production_with_a_worker_process_a_job(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with job_server(tmp_path) as server, worker_pool(tmp_path, "processes", modules=project) as pool:
        assert_promoted_on_sound_figures(write_project(project, portable(server, pool)))
