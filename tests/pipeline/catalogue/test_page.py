"""The page of the documentation is current, and its example is one."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.kubeflow.compilation.pipeline_file import PipelineFile

if TYPE_CHECKING:
    from pipeline.catalogue.interface import Interface

PUBLISHED_WITH = "1.16.0"
PUBLISHED = Path(__file__).parents[3] / "docs" / "components.md"


@pytest.fixture(scope="module")
def page(interfaces: dict[str, Interface]) -> str:
    from pipeline.catalogue.page import catalogue_page

    return catalogue_page(list(interfaces.values()))


def test_the_published_page_is_current(page: str) -> None:
    published = PUBLISHED.read_text()
    if version("tfx") != PUBLISHED_WITH:
        # Each TFDV has options of its own.
        published = re.sub(r"(?<=\| `stats_options_json`, ).*", _row_of_options(page), published)
    assert published == page, "write it again: tinyops components catalogue > docs/components.md"


def _row_of_options(page: str) -> Callable[[re.Match[str]], str]:
    (row,) = re.findall(r"(?<=\| `stats_options_json`, ).*", page)
    return lambda _: row


def test_no_table_is_broken_by_what_stands_in_it(page: str) -> None:
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) > 100
    for row in rows:
        assert len(re.findall(r"(?<!\\)\|", row)) in (3, 4), row


def test_the_example_compiles(exported: Path, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "exported").symlink_to(exported)
    (tmp_path / "example.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    # kfp asks for the source of the function.
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("example")
    spec = PipelineFile.load(tmp_path / "vibration.yaml").spec
    assert set(spec["root"]["dag"]["tasks"]) == {"sensor-example-gen", "trainer"}
