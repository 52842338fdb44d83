"""What a release changes, in words: on the page, in the short report and on the terminal."""

from __future__ import annotations

from edge_deployer.report.change_view import ChangeRow, change_rows, file_rows
from edge_deployer.report.formats import byte_count
from edge_deployer.report.html import render_html
from edge_deployer.report.markdown import render_markdown
from tests.edge_deployer.report import sample_reports
from tests.edge_deployer.report.sample_evidence import OLD_IMAGE, digest


def test_figures_and_sizes_of_both_stand_in_it_with_their_change() -> None:
    assert change_rows(sample_reports.change()) == [
        ChangeRow("accuracy", "0.9725", "0.98056", "+0.00806"),
        ChangeRow("auc", "not known", "0.75", ""),
        ChangeRow("model size", byte_count(4_000), byte_count(5_008), f"+{byte_count(1_008)}"),
        ChangeRow("arena size", "not known", byte_count(3_700), ""),
        ChangeRow("data", digest("fewer digits"), digest("digits"), ""),
        ChangeRow("commit", "not known", "c0ffee with changes", ""),
        ChangeRow("acceptance set", "one", "another", ""),
    ]


def test_files_and_packages_are_named_where_they_differ() -> None:
    assert file_rows(sample_reports.change()) == [
        ChangeRow("model_source.tar.gz: model.py", "one", "another", "changed"),
        ChangeRow("tests.tar.gz: test_old.py", "there", "none", "removed"),
        ChangeRow("numpy", "1.26.4", "2.2.6", ""),
        ChangeRow("dill", "0.3.1", "none", ""),
    ]


def test_page_and_short_report_say_it_where_a_release_was_replaced() -> None:
    report = sample_reports.promoted()
    page, short = render_html(report), render_markdown(report)
    for text in (page, short):
        assert "What it changes" in text
        assert f"0.3.0-{OLD_IMAGE[:8]}" in text
    assert "test_old.py" in page
    assert "- Accuracy: 0.9725 → 0.98056 (+0.00806)" in short
    assert "- Files: 2" in short
    report.deployment.change = None
    assert "What it changes" not in render_html(report) + render_markdown(report)
