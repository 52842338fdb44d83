"""The report page and its JSON, on every way a deployment can end."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Told
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.report.acceptance_view import board_facts, check_rows
from edge_deployer.report.facts import AnomalyFacts, ExampleFacts, Report
from edge_deployer.report.folders import REPORT_HTML, REPORT_JSON, REPORT_JUNIT, REPORT_MARKDOWN
from edge_deployer.report.formats import grouped
from edge_deployer.report.html import render_html, write_report
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.words import headline, in_words, remedy
from tests.edge_deployer.report import sample_reports
from tests.edge_deployer.report.sample_reports import CASES, PROMOTED, STOPPED
from tests.edge_deployer.report.typography import plain

VOID = frozenset({"meta", "img", "br", "path", "use"})
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)


class Page(HTMLParser):
    """A page taken apart: its text, its sections, what it refers to; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.unnamed: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"] or ""] if "id" in found else []
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "srcset", "action", "data")]
        if (tag == "img" and not found.get("alt")) or (found.get("role") == "img" and not found.get("aria-label")):
            self.unnamed.append(tag)
        if tag == "th" and "scope" not in found:
            self.unnamed.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@cache
def text_of(case: Callable[[], Report]) -> str:
    return render_html(case())


def page_of(report: Report) -> Page:
    return Page(render_html(report))


@every_case
def test_the_page_is_well_formed_and_names_what_it_shows(case: Callable[[], Report]) -> None:
    page = Page(text_of(case))
    assert page.unnamed == []
    assert len(page.ids) == len(set(page.ids))


@every_case
def test_the_page_needs_nothing_but_itself(case: Callable[[], Report]) -> None:
    text = text_of(case)
    page = Page(text)
    assert not re.search(r"https?:", text)
    assert not re.search(r"@import|url\((?!#)", text)
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(page.tags)


@every_case
def test_the_same_report_gives_the_same_page(case: Callable[[], Report]) -> None:
    assert render_html(case()) == text_of(case)


@every_case
def test_the_json_holds_the_same_report(case: Callable[[], Report], tmp_path: Path) -> None:
    report = case()
    page = write_report(report, tmp_path / "new" / "folder")
    assert page.name == REPORT_HTML
    assert Report.model_validate_json(page.with_name(REPORT_JSON).read_bytes()) == report
    files = {REPORT_HTML, REPORT_JSON, REPORT_JUNIT, REPORT_MARKDOWN}
    assert {file.name for file in page.parent.iterdir()} == files


@every_case
def test_every_board_and_every_check_is_on_the_page(case: Callable[[], Report]) -> None:
    report = case()
    text = Page(text_of(case)).text
    for board in report.deployment.boards:
        card = card_of(text, report, board.name)
        assert f"{board.profile} {'virtual' if board.virtual else 'real'}" in card
        assert (board.image_before or "empty")[:8] in card
        for row in check_rows(board):
            assert f"{row.state}: {row.name}" in card
            assert not row.has_figures or f"{normal(row.measured)} {normal(row.limit)}" in card
            assert normal(row.finding) in card
            assert normal(row.bound) in card
            assert normal(row.samples) in card
        for name, figure in board_facts(board):
            assert f"{name} {normal(figure)}" in card
        if board.evidence and board.evidence.failure:
            assert in_words(board.evidence.failure.reason) in card


@pytest.mark.parametrize("case", STOPPED, ids=lambda case: case.__name__)
def test_what_was_stopped_says_where_why_and_what_to_do(case: Callable[[], Report]) -> None:
    deployment = case().deployment
    text = Page(text_of(case)).text
    top = text[: text.index("Boards on this release")]
    assert f"{deployment.outcome.capitalize()} " in top
    assert normal(headline(deployment)) in top
    help_ = remedy(deployment)
    assert help_ is not None
    assert help_ in top
    assert f"{deployment.gate} {'no verdict' if deployment.outcome == 'no verdict' else 'stopped'} here" in top
    assert "Promoted" not in text


@pytest.mark.parametrize("case", PROMOTED, ids=lambda case: case.__name__)
def test_what_was_promoted_is_said_to_be(case: Callable[[], Report]) -> None:
    assert case().deployment.pushed
    assert "stopped here" not in Page(text_of(case)).text


def test_no_verdict_is_neither_a_promotion_nor_a_refusal() -> None:
    for case in (sample_reports.undecided, sample_reports.too_few_boards, sample_reports.no_healthy_boards):
        text = text_of(case)
        assert 'class="verdict no-verdict"' in text
        assert "Refused" not in Page(text).text
    assert "No verdict at staging" in Page(text_of(sample_reports.undecided)).text
    assert "No verdict before installation" in Page(text_of(sample_reports.no_healthy_boards)).text


def test_a_bound_stands_with_its_confidence_and_its_samples_against_a_fixed_size() -> None:
    report = sample_reports.promoted()
    card = card_of(Page(text_of(sample_reports.promoted)).text, report, "staging-1")
    assert "passed: labels 0 % ≤ 1.0 % 0 of 72 samples name another class than TFLM bound: at most 6.0 %" in card
    assert "with 95 % confidence 72 samples where a test of fixed size takes 181" in card
    assert "accuracy on the device at least 92.0 % with 95 % confidence: TFLM's 98.1 % over 360" in card
    assert "p50 874, p95 877, p99 877, max 877 µs" in card
    assert "passed: power cycle" in card
    assert "passed: against production +1.35 points ≥ 0.00 points" in card
    assert "time over the line 1.5 s for 96 samples" in card


def test_a_check_that_is_undecided_or_only_warns_says_so() -> None:
    undecided = Page(text_of(sample_reports.undecided)).text
    assert "undecided: labels 2.3 % ≤ 1.0 % undecided : 7 of 300 samples name another class" in undecided
    warned = Page(text_of(sample_reports.warned)).text
    assert "warns: latency 2.88 ms ≤ 2 ms" in warned
    assert "p95 over budget; only warns, by the plan" in warned


def test_a_quarantined_board_is_told_from_one_that_refuses_and_its_stand_in_is_named() -> None:
    report, page = sample_reports.quarantined(), Page(text_of(sample_reports.quarantined))
    assert "Spares that stood in staging-3" in page.text
    card = card_of(page.text, report, "staging-2")
    assert "Quarantined: its word does not count." in card
    assert "asked again, 3 of 3 of the samples differ" in card
    assert "asked again 3 samples on which it alone differs" in card
    assert "Stands in for others; it was not needed." in card_of(page.text, report, "staging-4")
    before = Page(text_of(sample_reports.no_healthy_boards)).text
    assert "In quarantine before this deployment. differs on 14 of 16 samples" in before
    assert "Not asked: in quarantine." in before


def test_the_sequential_test_is_drawn_where_staging_came_so_far() -> None:
    assert "Labels check on staging-1" in Page(text_of(sample_reports.promoted)).text
    assert "Labels check" not in Page(text_of(sample_reports.no_healthy_boards)).text


def test_samples_that_differ_are_drawn_with_all_three_answers() -> None:
    page = Page(text_of(sample_reports.refused_on_signals))
    assert "Where boards differ from TFLM" in page.text
    assert "answer 3 TFLM 2 truth 2 210 steps off, sample 2 staging-1, staging-2" in page.text
    assert page.tags.count("polyline") == 9
    assert "img" not in page.tags
    agreeing = Page(text_of(sample_reports.promoted))
    assert "What boards answered" in agreeing.text
    assert agreeing.tags.count("img") == 12


def test_a_refusal_before_release_says_that_no_board_was_touched() -> None:
    text = Page(text_of(sample_reports.refused_at_evaluation)).text
    assert "The model never became a release. No board was touched." in text
    assert "Boards on this release 0 no board was touched" in text


def test_a_board_that_was_not_restored_stands_at_the_top() -> None:
    text = Page(text_of(sample_reports.refused_in_production)).text
    assert "Not restored: line-2." in text[: text.index("Remedy")]


def test_reverted_boards_are_counted() -> None:
    text = Page(text_of(sample_reports.refused_at_staging)).text
    assert "2 of 5 boards had the release and run their earlier image again." in text
    assert (
        "Refused at staging 2 boards refuse it: staging-1 and staging-2: labels: 2 of 12 samples name another class"
        in text
    )


def test_the_verdict_of_a_promotion() -> None:
    text = Page(text_of(sample_reports.promoted)).text
    assert f"Promoted {sample_reports.RELEASE_ID} passed staging and runs on all 3 production boards" in text
    assert "Boards on this release 5 of 5 4 virtual, 1 real" in text
    assert "with uncommitted changes" in text


def test_an_unchanged_release_says_whose_checks_it_shows() -> None:
    text = Page(text_of(sample_reports.unchanged)).text
    assert "The checks are those of the deployment that promoted this release." in text
    assert text.count("passed earlier") == 2


def test_an_estimated_latency_says_so_where_it_stands() -> None:
    text = Page(text_of(sample_reports.promoted)).text
    note = "estimate from profile cortex-m4, not measured; its speeds are those of TFLM's reference kernels in 2021"
    assert f"Latency 871 µs {note}" in text
    assert f"43.5 % of the limit ; {note}" in text
    virtual = sum(board.virtual for board in sample_reports.promoted().deployment.boards)
    assert text.count("max 877 µs; estimate of profile cortex-m4") == virtual
    assert "A virtual board is a process on the machine that pushed." in text


def test_figures_that_are_not_known_are_not_shown_and_the_page_says_why() -> None:
    report = sample_reports.pushed_by_hand()
    assert report.validation is not None
    report.validation = report.validation.model_copy(
        update={"macs": None, "latency_us": None, "latency_note": "the work of ethos-u cannot be counted"}
    )
    text = Page(render_html(report)).text
    assert "Latency no figure the work of ethos-u cannot be counted" in text
    assert "not known ; the work of ethos-u cannot be counted" in text
    assert "multiply-accumulates" not in text


@pytest.mark.parametrize("precision", ["float32", "int8, uint8 in, uint8 out"])
def test_a_model_is_called_what_it_is(precision: str) -> None:
    report = sample_reports.pushed_by_hand()
    assert report.validation is not None
    report.validation = report.validation.model_copy(update={"precision": precision})
    assert f"TFLite file, {precision}" in Page(render_html(report)).text


def test_an_arena_says_that_it_is_of_a_64_bit_host_where_it_stands() -> None:
    text = Page(text_of(sample_reports.promoted)).text
    of_host = "found by bisection on a 64-bit host (a public comparison read 8 % above a 32-bit board)"
    assert f"Arena 2 768 B of 65 536 B, {of_host}" in text
    assert f"smallest arena {of_host}" in text
    assert "by bisection on a 64-bit host; the board reports 2,512" in text


@pytest.mark.parametrize(
    ("fact", "section"),
    [
        ("data", "data"),
        ("training", "training"),
        ("conversion", "conversion"),
        ("validation", "budgets"),
        ("samples", "samples"),
    ],
)
def test_a_part_without_facts_is_left_out(fact: str, section: str) -> None:
    report = sample_reports.promoted()
    assert section in page_of(report).ids
    setattr(report, fact, [] if fact == "samples" else None)
    assert section not in page_of(report).ids


def test_a_model_made_elsewhere_says_what_is_not_known() -> None:
    page = Page(text_of(sample_reports.pushed_by_hand))
    assert "This model was made elsewhere" in page.text
    assert {"data", "training", "evaluation", "conversion", "samples"}.isdisjoint(page.ids)
    assert page.text.count("not part of this run") == 2
    assert "made elsewhere" not in Page(text_of(sample_reports.promoted)).text


def test_classes_are_counted_and_what_is_odd_about_the_data_is_told() -> None:
    report = sample_reports.promoted()
    assert report.data is not None
    report.data.class_counts["eval"][3] = 0
    text = page_of(report).text
    assert "Samples of each class (10) Class train eval 0 144 36 1 144 36 2 144 36 3 144 0" in text
    assert "split eval has no samples of class 3" in text


def test_data_that_came_with_a_push_is_shown() -> None:
    report = sample_reports.pushed_by_hand()
    report.data = sample_reports.promoted().data
    page = page_of(report)
    assert "The labelled data below came with the push." in page.text
    assert "data" in page.ids


def test_hostile_names_stay_text() -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    report = sample_reports.refused_in_production()
    report.title = report.run_id = hostile
    report.deployment.reason = Told(text=hostile, help=hostile)
    assert report.data is not None
    assert report.validation is not None
    assert report.evaluation is not None
    report.data.source = report.data.class_names[0] = report.data.group = hostile
    report.validation = report.validation.model_copy(
        update={"class_names": [hostile] * 10, "operators": {hostile: 1}, "profile": hostile}
    )
    report.evaluation.slices[0].name = report.lineage[0].step = report.lineage[0].identity = hostile
    report.deployment.boards[0].name = report.deployment.steps[0].detail = hostile
    report.samples[0].png = report.samples[0].answer = report.samples[0].boards[0] = hostile
    text = render_html(report)
    page = Page(text)
    assert "script" not in page.tags
    assert page.tags.count("img") == len(report.samples)
    assert "onerror=alert" not in re.sub(r"&[#\w]+;", "", re.sub(r'"[^"]*"|>[^<]*<', "", text))
    assert html.escape(hostile, quote=False).split(";")[1] in text


def test_every_step_of_the_journal_and_part_of_the_manifest_is_shown() -> None:
    report = sample_reports.promoted()
    text = page_of(report).text
    assert report.deployment.release is not None
    for name, digest in report.deployment.release.manifest.parts.items():
        assert f"{name} {digest}" in text
    for step in report.deployment.steps:
        assert f"{step.board} {step.action} {step.detail}" in text
    assert "2026-03-14 09:26:54 UTC" in text


@pytest.mark.parametrize(
    ("front_end", "told"),
    [
        (FrontEndFacts(name="scale", version="2", on_board=True), "Features computed on the board by scale, version 2"),
        (FrontEndFacts(name="none", version="1", on_board=False), "Features computed on the host: not on the board"),
        (None, None),
    ],
)
def test_where_features_are_computed_is_told_where_it_is_known(
    front_end: FrontEndFacts | None, told: str | None
) -> None:
    report = sample_reports.promoted()
    assert report.deployment.release is not None
    release = report.deployment.release
    release.manifest = release.manifest.model_copy(update={"front_end": front_end})
    shown = [page_of(report).text, render_markdown(report).replace("Features:", "Features")]
    assert [told in text if told else "Features computed" not in text for text in shown] == [True, True]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(TinyopsError, match=re.escape(str(occupied))):
        write_report(sample_reports.promoted(), occupied)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(
    "case", [sample_reports.many_classes, sample_reports.refused_on_signals, sample_reports.warned]
)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_draws_the_page_within_its_width(width: int, case: Callable[[], Report], tmp_path: Path) -> None:
    assert CHROMIUM is not None
    report = write_report(case(), tmp_path)
    frame = tmp_path / "frame.html"
    # A headless window is at least 500 px wide: a frame gives the page the width of a phone. What is too wide for its
    # card sticks out of the card before it sticks out of the page.
    frame.write_text(
        f"<iframe src={report.name} style='width:{width}px;height:900px'></iframe><script>onload = () => {{ "
        "const page = frames[0].document; const wide = [...page.querySelectorAll('.board, .pairs, figure')].filter("
        "box => box.scrollWidth > box.clientWidth + 1); "
        "document.title = page.documentElement.scrollWidth + ' ' + wide.length }</script>"
    )
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += ["--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    drawn = subprocess.run([*command, frame.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r"<title>(\d+) (\d+)</title>", drawn.stdout)
    assert title is not None
    assert int(title[1]) <= width
    assert title[2] == "0"


def card_of(text: str, report: Report, name: str) -> str:
    """A board's card: from its name to the next board's."""
    boards = report.deployment.boards
    starts = {board.name: text.index(f" {board.name} {board.outcome} ") for board in boards}
    later = [start for start in starts.values() if start > starts[name]]
    return text[starts[name] : min(later, default=starts[name] + 1_500)]


def normal(figure: str) -> str:
    """A figure as `Page.text` has it: any white space is one space."""
    return " ".join(figure.split())


def test_a_regression_is_told_in_the_targets_unit() -> None:
    text = Page(text_of(sample_reports.refused_regression)).text
    for said in (
        "mean absolute error 71.25, root mean square error 88; at most mean absolute error 30 is asked for.",
        "Always answering the median would reach 68.5.",
        "The latest blessed model has 23.75: +47.5, a rise by 5.0 % of that is allowed.",
        "mae 71.25 is above 30 on the whole eval split",
        "mae is 47.5 above the latest blessed model's 23.75 on the whole eval split; 5.0 % more is allowed",
        "mean absolute error 71.25 is not less than 68.5, what always answering the median would reach",
        "quantisation changed it by +0.5",
    ):
        assert said in plain(text), said
    assert "Classes" not in text
    assert "Accuracy, train" not in text


def test_the_page_shows_what_was_done_to_recordings_what_is_wrong_with_them_and_lets_them_be_heard() -> None:
    report = sample_reports.promoted()
    assert report.data is not None
    report.data = report.data.model_copy(
        update={
            "described": {"window": "1 s"},
            "records": 1_800,
            "anomalies": {
                "wrong_format": AnomalyFacts(
                    count=2, left_out=True, records={"<b>.wav": "is MP3, not WAV", "c.wav": ""}
                )
            },
            "ignored": ["notes.txt"],
            "examples": [
                ExampleFacts(record="a.wav", label="seven", kind="waveform", curves=[[0, 1, 0.5]], wav="UklGRg=="),
                ExampleFacts(record="b.png", label="eight", kind="picture", png="iVBORw=="),
            ],
        }
    )
    page = render_html(report)
    assert '<tr><th scope="row">Window</th><td>1 s</td></tr>' in page
    assert f'<tr><th scope="row">Records</th><td>{grouped(1_800)}</td></tr>' in page
    assert "&lt;b&gt;.wav" in page
    assert '<th scope="row">wrong format</th><td class="num">2</td><td>left out</td>' in page
    assert "notes.txt" in page
    assert '<audio controls preload="none" src="data:audio/wav;base64,UklGRg=="' in page
    assert "media-src data:" in page
    assert page.count("data:audio/wav") == 1
    assert 'src="data:image/png;base64,iVBORw==" alt="Sample b.png"' in page
