from __future__ import annotations

import socket
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.project.beam_options import require_job_server
from pipeline.project.beam_section import BeamSection
from tests.pipeline.beam.services import job_server, portable, worker_pool
from tests.pipeline.beam.whole_run import assert_promoted_on_sound_figures, write_project


@pytest.mark.verify
@pytest.mark.timeout(1800)
def test_the_digits_reach_production_through_a_job_server_and_external_workers(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    with job_server(tmp_path) as server, worker_pool(tmp_path, "threads", modules=project) as pool:
        assert_promoted_on_sound_figures(write_project(project, portable(server, pool)))


@pytest.fixture
def silent() -> str:
    """An address that answers to nothing: its queue of connections is full."""
    with socket.socket() as listener, socket.socket() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting.connect(listener.getsockname())
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("endpoint", ["localhost:1", "no-such-host.invalid:8099", "localhost", "localhost:port", 8099])
def test_a_job_server_that_is_not_there_is_named_before_anything_runs(endpoint: str) -> None:
    with pytest.raises(TinyopsError, match=f"beam.options.job_endpoint {endpoint}") as refused:
        require_job_server(BeamSection(runner="portable", options={"job_endpoint": endpoint}))
    assert refused.value.remedy


def test_a_job_server_that_takes_no_connection_is_given_up(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.project.beam_options._CONNECT_S", 0.2)
    with pytest.raises(TinyopsError, match="timed out"):
        require_job_server(BeamSection(runner="portable", options={"job_endpoint": silent}))


def test_without_a_job_server_none_is_asked() -> None:
    require_job_server(BeamSection())
    require_job_server(BeamSection(runner="portable", options={"job_endpoint": "embed"}))
