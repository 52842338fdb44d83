"""The format of report.json: what is published is current, and real reports hold to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from edge_deployer.report.facts import Epoch, Report
from edge_deployer.report.reading import report_schema
from tests.edge_deployer.report import sample_reports
from tests.edge_deployer.report.sample_reports import CASES

PUBLISHED = Path(__file__).parents[3] / "docs" / "report.schema.json"
VALIDATOR = Draft202012Validator(json.loads(report_schema()))


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text() == report_schema(), "write it again: tinyops report schema > docs/report.schema.json"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(json.loads(report_schema()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_report_holds_to_it(case: Callable[[], Report]) -> None:
    VALIDATOR.validate(json.loads(case().model_dump_json()))


def test_a_training_that_diverged_holds_to_it() -> None:
    report = sample_reports.promoted()
    report.training = [Epoch(loss=float("nan"), accuracy=0.1, eval_loss=float("inf"), eval_accuracy=0.1)]
    written = report.model_dump_json()
    VALIDATOR.validate(json.loads(written))
    assert Report.model_validate_json(written).training is not None


@pytest.mark.parametrize("field", ["deployment", "title"])
def test_a_report_without_a_part_or_with_one_too_many_does_not(field: str) -> None:
    content = json.loads(sample_reports.promoted().model_dump_json())
    assert not VALIDATOR.is_valid({**content, "verdict": "fine"})
    del content[field]
    assert not VALIDATOR.is_valid(content)
