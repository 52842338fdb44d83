"""A server, and a compiled pipeline in a git repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.compiled_pipeline import write_pipeline
from tests.pipeline.git_project import commit_all
from tests.pipeline.kfp_fixtures import no_kfp_environment, server

__all__ = ["compiled", "no_kfp_environment", "server"]


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A compiled pipeline, committed."""
    folder = tmp_path / "project"
    folder.mkdir()
    write_pipeline(folder / "pipeline.yaml")
    commit_all(folder)
    return folder / "pipeline.yaml"
