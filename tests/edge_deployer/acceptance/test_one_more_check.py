"""A check is one module: what another one takes is that module, and nothing else has to know."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from edge_deployer.acceptance import registry
from edge_deployer.acceptance.check import Case, Subject, needs_more_samples
from edge_deployer.acceptance.feasibility import samples_needed
from edge_deployer.acceptance.plan import AcceptancePlan, parse_plan
from edge_deployer.acceptance.pool_verdict import Examined, judge_pool
from edge_deployer.boards.record import BoardRecord
from edge_deployer.errors import TinyopsError
from edge_deployer.report.facts import Report
from edge_deployer.report.html import render_html
from edge_deployer.report.markdown import render_markdown
from edge_deployer.report.reading import read_report
from edge_deployer.report.replay import replay
from edge_deployer.rollout.deployment import Deployment
from tests.edge_deployer.acceptance.evidence_factory import HASH, SUBJECT, evidence, reference, verdict_on, why
from tests.edge_deployer.report.sample_reports import release_record

REPORTS = Path(__file__).parents[1] / "report"
HELD = reference()
assert HELD.outputs is not None
SATURATED = HELD.outputs.load().copy()
SATURATED[SATURATED == 100] = 127


@pytest.fixture(autouse=True)
def one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check of `saturated.py`, for this module's tests alone."""
    registry.declared()
    monkeypatch.setattr(registry, "_CHECKS", dict(registry._CHECKS))
    importlib.reload(importlib.import_module("tests.edge_deployer.acceptance.saturated"))


def test_a_plan_has_its_section_and_may_let_it_warn() -> None:
    plan = parse_plan({"saturated": {"bad": 0.2}, "on_failure": {"saturated": "warn"}}, "plan")
    assert plan.model_dump(mode="json")["saturated"] == {"tolerated": 0.01, "bad": 0.2}
    assert plan.only_warns("saturated")
    with pytest.raises(TinyopsError, match=r"saturated\.bad = 2"):
        parse_plan({"saturated": {"bad": 2}}, "plan")


def test_feasibility_and_the_examination_ask_what_it_needs() -> None:
    assert "saturated" not in samples_needed(AcceptancePlan(), labelled=True, computed=True)
    assert samples_needed(AcceptancePlan(saturated={}), labelled=True, computed=True)["saturated"] > 0
    thorough = AcceptancePlan(saturated={"tolerated": 0.005, "bad": 0.03})
    taken = Case(evidence(HELD, HELD.outputs.load()[:100]), HELD, thorough)  # type: ignore[union-attr]
    assert needs_more_samples(taken)
    assert not needs_more_samples(Case(taken.evidence, HELD, AcceptancePlan()))


def test_verdict_report_and_replay_have_it() -> None:
    plan, release = (
        AcceptancePlan(outputs={"tolerance": 255}, saturated={"tolerated": 0.02, "bad": 0.1}),
        release_record(),
    )
    subject = Subject(image_hash=HASH, image_bytes=SUBJECT.image_bytes, arena_bytes=release.manifest.arena_bytes)
    given = [evidence(HELD, SATURATED, board=name) for name in ("s1", "s2")]
    verdicts = [verdict_on(each, subject, HELD, plan) for each in given]
    assert [check.name for check in verdicts[0].checks if check.status == "failed"] == ["saturated"]
    assert why(verdicts[0]).startswith("saturated: ")
    examined = [Examined(evidence=each, verdict=verdict) for each, verdict in zip(given, verdicts, strict=True)]
    pool = judge_pool(examined, HELD, plan, quorum=2)
    assert (pool.decision, pool.against) == ("refused", ("s1", "s2"))
    deployment = Deployment(
        outcome="refused",
        gate="staging",
        plan=plan,
        release=release.model_copy(update={"image_hash": HASH, "image_bytes": SUBJECT.image_bytes}),
        reference=HELD,
        staging=pool,
        boards=[
            BoardRecord(
                name=each.board, pool="staging", profile=each.profile, virtual=False, evidence=each, verdict=verdict
            )
            for each, verdict in zip(given, verdicts, strict=True)
        ],
        started=datetime.now(timezone.utc),
        finished=datetime.now(timezone.utc),
    )
    report = Report.model_validate_json(Report(title="saturated", deployment=deployment).model_dump_json())
    assert report.deployment == deployment
    assert "samples have a saturated output" in render_markdown(report)
    page = render_html(report)
    assert "Saturated outputs" in page
    assert "samples have a saturated output" in page
    assert all(verdict.same for verdict in replay(report.deployment))


@pytest.mark.parametrize("path", sorted((REPORTS / "kept").glob("*.json")), ids=lambda path: path.stem)
def test_a_report_from_before_is_not_held_to_it(path: Path) -> None:
    report = read_report(path)
    assert all(verdict.same for verdict in replay(report.deployment))
    assert "nothing is asked" in render_html(report)


def test_without_it_a_plan_with_its_section_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = {name: check for name, check in registry._CHECKS.items() if name != "saturated"}
    monkeypatch.setattr(registry, "_CHECKS", checks)
    with pytest.raises(TinyopsError, match="saturated: unknown key"):
        parse_plan({"saturated": {}}, "plan")


def test_its_share_is_of_samples_and_not_of_values() -> None:
    once = HELD.outputs.load().copy()  # type: ignore[union-attr]
    once[7, 3] = -128
    plan = AcceptancePlan(outputs={"tolerance": 255}, saturated={"tolerated": 0.02, "bad": 0.1})
    saturated = next(
        check for check in verdict_on(evidence(HELD, once), SUBJECT, HELD, plan).checks if check.name == "saturated"
    )
    assert saturated.status == "passed"
    assert saturated.measured == pytest.approx(1 / (saturated.samples or np.inf))
