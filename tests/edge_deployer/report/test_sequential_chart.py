"""The picture of the sequential test."""

from __future__ import annotations

import re

import numpy as np

from edge_deployer.acceptance.check import Case
from edge_deployer.acceptance.evidence import Answers
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.acceptance.verdict import judge_board
from edge_deployer.report.sequential_chart import sequential_chart
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.task import Task
from tests.edge_deployer.report import sample_evidence, sample_reports


def test_it_says_where_the_test_ended_and_how() -> None:
    chart = sequential_chart(sample_reports.promoted().deployment)
    assert chart is not None
    assert chart.title == "Labels check on staging-1"
    assert chart.description.startswith("After 72 samples 0 differ from TFLM, and the test accepts.")
    assert "It refuses from 1.48 + 0.0250 n differences in n samples" in chart.description
    assert "fixed size: 181" in chart.svg


def test_a_board_that_refuses_is_shown_before_one_that_accepts() -> None:
    chart = sequential_chart(sample_reports.quarantined().deployment)
    assert chart is not None
    assert chart.title == "Labels check on staging-2"
    assert chart.description.startswith("After 11 samples 2 differ from TFLM, and the test refuses.")
    undecided = sequential_chart(sample_reports.undecided().deployment)
    assert undecided is not None
    assert undecided.description.startswith("After 300 samples 7 differ from TFLM, and the test comes to no decision.")


def test_it_takes_the_colours_of_the_page_and_refers_to_nothing_else() -> None:
    chart = sequential_chart(sample_reports.promoted().deployment)
    assert chart is not None
    assert {"var(--good)", "var(--bad)", "var(--accent)"} <= set(re.findall(r"var\(--\w+\)", chart.svg))
    assert not re.search(r"#|http| id=", chart.svg)


def test_outputs_are_drawn_where_they_are_no_classes() -> None:
    chart = sequential_chart(_scores_only())
    assert chart is not None
    assert chart.title == "Outputs check on staging-1"


def test_there_is_no_chart_where_no_board_came_so_far() -> None:
    assert sequential_chart(sample_reports.refused_at_evaluation().deployment) is None
    assert sequential_chart(sample_reports.no_healthy_boards().deployment) is None


def _scores_only() -> Deployment:
    """The promoted release, had its model scored anomalies instead of naming classes."""
    record = sample_reports.promoted().deployment
    record.boards = record.boards[:1]
    known = sample_evidence.reference()
    outputs = known.outputs.load() if known.outputs else np.zeros(0)
    record.reference = known.model_validate(
        {
            **known.model_dump(),
            "task": Task(name="anomaly"),
            "labels": tuple(index % 2 for index in range(len(known))),
            "targets": StoredArray.of(outputs.astype(np.float32)),
        }
    )
    board = record.boards[0]
    assert board.evidence is not None
    assert board.evidence.answers is not None
    answers = Answers(outputs=StoredArray.of(outputs), latencies_us=(871,) * len(outputs), seconds=1.0)
    board.evidence = board.evidence.model_copy(update={"answers": answers})
    board.verdict = judge_board(Case(board.evidence, record.reference, AcceptancePlan(), sample_evidence.SUBJECT))
    return record
