"""The schema beside a project's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from pipeline.project.preflight import load_project

SCHEMA = 'feature {\n  name: "sound"  # from the left bearing\n  type: FLOAT\n}\n'


def test_a_project_without_one_infers(project: Callable[..., Path]) -> None:
    assert load_project(project()).schema is None


def test_what_lies_beside_the_file_is_taken_and_travels_with_the_release(
    project: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "schema.pbtxt").write_text(SCHEMA)
    loaded = load_project(project())
    assert loaded.schema == SCHEMA
    assert tmp_path / "schema.pbtxt" in loaded.archives()["model_source.tar.gz"]


@pytest.mark.parametrize("contents", [b"feature { name: 1 }", b"feature", b"", b"\xff"])
def test_what_is_none_is_named_before_a_run(project: Callable[..., Path], tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "schema.pbtxt").write_bytes(contents)
    with pytest.raises(TinyopsError) as refused:
        load_project(project())
    assert str(tmp_path / "schema.pbtxt") in refused.value.message
    assert refused.value.remedy
