"""Verdicts are codes and figures: words are made of them when they are shown, and reports of before are still read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_deployer.acceptance.checks import against_production, labels, outputs
from edge_deployer.errors import TinyopsError
from edge_deployer.finding import _BY_CODE, Finding, Told
from edge_deployer.report.facts import SCHEMA_VERSION, Report
from edge_deployer.report.folders import REPORT_JSON
from edge_deployer.report.html import render_html
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.reading import read_report
from edge_deployer.report.replay import replay
from edge_deployer.report.words import checks_in_words, headline, in_words, remedy, staging_in_words
from tests.edge_deployer.report import sample_reports
from tests.edge_deployer.report.sample_reports import CASES

KEPT = sorted((Path(__file__).parent / "kept").glob("version-*.json"))


def texts(value: Any) -> Iterator[str]:
    """Every string in a JSON value, but those that quote somebody else's error."""
    if isinstance(value, dict):
        quoted = {"text", "help", "message", "data"}
        for name, each in value.items():
            yield from () if name in quoted else texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_what_is_recorded_of_a_verdict_is_no_sentence(case: Callable[[], Report]) -> None:
    deployment = json.loads(case().deployment.model_dump_json())
    judged = [deployment["staging"], deployment["reason"], *(board["verdict"] for board in deployment["boards"])]
    assert [text for text in texts(judged) if text.count(" ") > 1] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_every_outcome_has_a_headline_and_a_stop_its_remedy(case: Callable[[], Report]) -> None:
    deployment = case().deployment
    assert headline(deployment)
    assert (remedy(deployment) is None) == deployment.pushed


@pytest.mark.parametrize("gate", ["evaluation", "boards", "production"])
def test_a_stop_that_was_altered_to_have_no_reason_is_told_all_the_same(gate: str) -> None:
    record = sample_reports.promoted().deployment.model_copy(update={"outcome": "refused", "gate": gate})
    assert headline(record) == f"refused at {gate}; no reason is recorded"
    assert remedy(record)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_report_of_an_earlier_version_is_read_shown_and_replayed(path: Path) -> None:
    report = read_report(path)
    assert all(verdict.same for verdict in replay(report.deployment))
    assert len(replay(report.deployment)) == 7
    assert "accuracy on the device is at least 94.0" in headline(report.deployment)
    assert headline(report.deployment) in json.dumps(render_markdown(report).replace("\\", ""), ensure_ascii=False)
    assert "p95 over budget; only warns, by the plan" in render_html(report)


def test_an_altered_figure_of_an_earlier_version_is_seen(tmp_path: Path) -> None:
    content = json.loads(KEPT[0].read_text())
    content["deployment"]["boards"][0]["verdict"]["checks"][1]["measured"] = 0.25
    (tmp_path / REPORT_JSON).write_text(json.dumps(content))
    board = replay(read_report(tmp_path / REPORT_JSON).deployment)[0]
    assert (board.same, board.differences) == (
        False,
        ("labels.measured: recorded 0.25; the evidence says 0.0",),
    )


def test_a_report_is_kept_for_every_version_there_was() -> None:
    assert [path.stem for path in KEPT] == [f"version-{number}" for number in range(1, SCHEMA_VERSION + 1)]


def test_a_report_of_a_newer_version_is_refused_for_that_reason(tmp_path: Path) -> None:
    newer = SCHEMA_VERSION + 1
    (tmp_path / REPORT_JSON).write_text(json.dumps({"schema_version": newer, "whatever": []}))
    with pytest.raises(
        TinyopsError, match=f"schema version {newer}, which a newer tinyops has written; this one reads"
    ):
        read_report(tmp_path / REPORT_JSON)


def test_better_words_leave_an_old_verdict_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = sample_reports.refused_at_staging().deployment.model_dump_json()
    monkeypatch.setattr(labels.LabelsCheck.found, "words", "{{ samples }} asked, {{ differing }} otherwise")
    deployment = type(sample_reports.promoted().deployment).model_validate_json(recorded)
    assert all(verdict.same for verdict in replay(deployment) if verdict.kind != "deployment")
    assert "asked, " in headline(deployment)


@pytest.mark.parametrize(("code", "kind"), sorted(_BY_CODE.items()))
def test_every_code_has_words_over_its_own_figures(code: str, kind: type[Finding]) -> None:
    figures = {name: _example(str(field.annotation)) for name, field in kind.model_fields.items() if name != "code"}
    finding = kind.model_construct(code=code, **figures)
    assert in_words(finding)
    assert kind.model_config["extra"] == "forbid"


def test_whoever_shows_a_record_knows_every_code() -> None:
    product = Path(__file__).parents[3] / "edge_deployer"
    declaring = [
        ".".join(path.relative_to(product.parent).with_suffix("").parts)
        for path in product.rglob("*.py")
        if " = kind(" in path.read_text() or "(Finding):" in path.read_text()
    ]
    program = f"import sys, edge_deployer.report.words; print(set({declaring}) - sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr


def _example(annotation: str) -> Any:
    if "Why" in annotation:
        return sample_reports.refused_at_staging().deployment.boards[0].verdict.why(None)  # type: ignore[union-attr]
    for part, value in (
        ("None", None),
        ("tuple[tuple", (("task", "binary", "anomaly"),)),
        ("tuple[str", ("a", "b")),
        ("tuple", ()),
        ("dict[str, int]", {"p50": 1}),
        ("dict", {"code": "x"}),
        ("Finding", Told(text="why")),
        ("float", 0.25),
        ("int", 3),
        ("bool", True),
    ):
        if part in annotation:
            return value
    return "flash"


def test_a_lost_comparison_does_not_contradict_itself() -> None:
    lost = against_production.Discordant(lost=5, won=1, samples=72, margin=0.05)
    found = against_production.AgainstProductionCheck().result
    case = type("Case", (), {"plan": sample_reports.PLAN})
    bound = {"low": None, "high": 0.1, "confidence": 0.95}
    check = found(case, "failed", lost, measured=4 / 72, limit=0.0, bound=bound, samples=72)  # type: ignore[arg-type]
    assert checks_in_words([check]) == (
        "against production: of 72 samples production alone has 5 right, the release alone 1, where a loss of "
        "5.0\u202f% is bad; decided after 72 samples"
    )


def test_a_board_of_another_runtime_is_told_what_would_let_it_through() -> None:
    found = outputs.AnotherRuntime(differing=3, samples=16, tolerance=2, largest=22, share=0.188)
    assert in_words(found) == (
        "labels agree, outputs are off by up to 22 steps (18.8\u202f% of samples by more than 2): another runtime or "
        "kernel set? `outputs.tolerance: 22` or `on_failure: {outputs: warn}`"
    )


def test_the_bound_of_the_headline_says_over_what() -> None:
    found = staging_in_words(sample_reports.promoted().deployment)
    assert "over the held-out samples, with 95\u202f% confidence" in found
