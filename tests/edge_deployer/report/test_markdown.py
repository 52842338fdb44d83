"""The report in short, read by a parser of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from edge_deployer.finding import Told
from edge_deployer.report.acceptance_view import check_rows
from edge_deployer.report.facts import Report
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.words import headline, remedy
from tests.edge_deployer.report import sample_reports
from tests.edge_deployer.report.sample_reports import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_verdict_remedy_boards_and_checks_are_in_it(case: Callable[[], Report]) -> None:
    report = case()
    deployment = report.deployment
    tables = _tables(render_markdown(report))
    shown = _text(render_markdown(report))
    assert _plain(headline(deployment)) in shown
    assert deployment.pushed or _plain(remedy(deployment) or "") in shown
    checked = [board for board in deployment.boards if check_rows(board)]
    if report.data and report.data.class_names:
        assert tables.pop()[0] == ["Class", *report.data.class_counts]
    assert len(tables) == bool(deployment.boards) + len(checked)
    if deployment.boards:
        assert [row[0] for row in tables[0][1:]] == [board.name for board in deployment.boards]
    for table, board in zip(tables[1:], checked, strict=True):
        rows = [(row.name, row.measured, row.limit, row.bound, row.samples, row.finding) for row in check_rows(board)]
        assert [tuple(row[1:]) for row in table[1:]] == [tuple(map(_plain, row)) for row in rows]


def test_classes_are_counted_and_what_is_odd_about_the_data_is_told() -> None:
    report = sample_reports.promoted()
    assert report.data is not None
    report.data.class_counts["eval"][3] = 0
    text = render_markdown(report)
    assert _tables(text)[-1][4] == ["3", "144", "0"]
    assert "Warning: split eval has no samples of class 3" in _text(text)


def test_each_gate_on_the_data_has_a_line_and_one_that_warns_its_remedy() -> None:
    text = render_markdown(sample_reports.promoted())
    lines = [line for line in text.splitlines() if line.startswith("- ") and "class examples" in line]
    assert lines == [
        "- ! class examples: class seven has the fewest samples, 6; 10 are wanted; collect more of it, or take it out "
        "of \\`data.classes\\`"
    ]
    for line in (
        "- ✓ schema anomalies: all splits fit the schema",
        "- ✓ value skew: values of image in split eval are 0.013 from those in split train (Jensen-Shannon divergence, "
        "0 to 1); up to 0.25 is taken",
        "- - label drift: no run of this project has been accepted yet",
    ):
        assert line in text


def test_an_open_verdict_and_a_quarantine_are_told_in_words() -> None:
    assert render_markdown(sample_reports.undecided()).startswith("# No verdict at staging: digits\n")
    (boards, *_) = _tables(render_markdown(sample_reports.quarantined()))
    assert [row[3] for row in boards[1:5]] == ["accepted", "quarantined", "accepted", "not examined"]
    assert "Spares that stood in: staging-3" in _text(render_markdown(sample_reports.quarantined()))


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1))
def test_any_name_and_reason_stays_text_in_its_cell(text: str) -> None:
    report = _bare()
    report.deployment.boards[0].name = text
    report.deployment.reason = Told(text=f"why: {text}")
    written = render_markdown(report)
    assert "html" not in {token.type.partition("_")[0] for token in _parser().parse(written)}
    assert _tables(written)[0][1][0] == _plain(text)
    assert _plain(f"why: {text}") in _text(written)


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "a | b\n| c |", "[x](javascript:1)", "**b** `c` _d_ &lt;"]
)
def test_markup_in_a_name_is_shown_as_it_stands(text: str) -> None:
    report = _bare()
    report.deployment.boards[0].name = report.title = text
    written = render_markdown(report)
    assert _tables(written)[0][1][0] == _plain(text)
    assert written.splitlines()[0].count("\\") > 0


def _bare() -> Report:
    return Report(title="digits", deployment=sample_reports.no_healthy_boards().deployment)


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _plain(text: str) -> str:
    return " ".join(text.split())


def _text(written: str) -> str:
    """All text as a reader sees it."""
    return _plain(" ".join(_seen(token) for token in _parser().parse(written) if token.type == "inline"))


def _tables(written: str) -> list[list[list[str]]]:
    """The cells of every table, row by row."""
    tables: list[list[list[str]]] = []
    inside = False
    for token in _parser().parse(written):
        if token.type == "table_open":
            tables.append([])
        elif token.type == "tr_open":
            tables[-1].append([])
        elif token.type in ("th_open", "td_open"):
            inside = True
        elif token.type == "inline" and inside:
            tables[-1][-1].append(_plain(_seen(token)))
            inside = False
    return tables


def _seen(token: object) -> str:
    children = getattr(token, "children", None) or []
    assert {child.type for child in children} <= {"text", "text_special", "strong_open", "strong_close", "softbreak"}
    return "".join(child.content or " " * (child.type == "softbreak") for child in children)
