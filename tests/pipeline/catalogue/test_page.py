"""The page of the documentation is current, and its example is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.catalogue.interface import Interface
from pipeline.catalogue.page import catalogue_page
from pipeline.kubeflow.pipeline_file import PipelineFile

PUBLISHED = Path(__file__).parents[3] / "docs" / "components.md"


def test_the_published_page_is_current(interfaces: dict[str, Interface]) -> None:
    assert PUBLISHED.read_text() == catalogue_page(list(interfaces.values())), (
        "write it again: tinyops components catalogue > docs/components.md"
    )


def test_no_table_is_broken_by_what_stands_in_it(interfaces: dict[str, Interface]) -> None:
    rows = [line for line in catalogue_page(list(interfaces.values())).splitlines() if line.startswith("|")]
    assert len(rows) > 100
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4), row


def test_the_example_compiles(
    exported: Path, interfaces: dict[str, Interface], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", catalogue_page(list(interfaces.values())), re.DOTALL)
    (tmp_path / "exported").symlink_to(exported)
    (tmp_path / "example.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    # kfp asks for the source of the function.
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("example")
    spec = PipelineFile.load(tmp_path / "vibration.yaml").spec
    assert set(spec["root"]["dag"]["tasks"]) == {"sensor-example-gen", "trainer"}
