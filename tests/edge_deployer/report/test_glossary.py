"""Words that a newcomer does not know are explained where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_deployer.report.glossary import MEANINGS, words_in
from edge_deployer.report.html import render_html
from edge_deployer.report.markdown import render_markdown
from tests.edge_deployer.report import sample_reports

ACCEPTANCE = Path(__file__).parents[3] / "docs" / "acceptance.md"


def test_what_stands_in_a_report_is_explained_in_it() -> None:
    report = sample_reports.quarantined()
    found = words_in(render_markdown(report))
    assert {"golden vector", "quarantine", "smoke", "soak", "steps"} <= set(found)
    for meaning in found.values():
        assert meaning in render_html(report).replace("&#39;", "'")
        assert meaning in render_markdown(report)


def test_a_report_without_such_words_has_no_list_of_them() -> None:
    assert "## Words" not in render_markdown(sample_reports.refused_at_validation())
    assert "What the words mean" not in render_html(sample_reports.refused_at_validation())


@pytest.mark.parametrize(
    ("text", "word"),
    [("not blessed: low", "blessed"), ("16 golden vectors", "golden vector"), ("1 step off TFLM's", "steps")],
)
def test_a_word_is_found_in_its_forms(text: str, word: str) -> None:
    assert list(words_in(text)) == [word]


def test_steps_taken_on_a_board_are_other_steps() -> None:
    assert words_in("every step taken on a board") == {}


def test_the_documentation_has_the_same_words() -> None:
    page = ACCEPTANCE.read_text()
    for word, meaning in MEANINGS.items():
        assert f"| {word} | {meaning} |" in page
