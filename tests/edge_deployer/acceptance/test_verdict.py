"""Decisions on evidence: each check fails for its own reason, and for no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.acceptance.evidence import BoardEvidence, Failure, deviation_steps
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.acceptance.verdict import BoardVerdict, judge_board, judge_pool
from tests.edge_deployer.acceptance.evidence_factory import HASH, evidence

PLAN = AcceptancePlan(min_accuracy=0.9, max_latency_us=200, max_disagreement=0.1)


def failed_checks(given: BoardEvidence, plan: AcceptancePlan = PLAN) -> list[str]:
    verdict = judge_board(given, HASH, plan, pool="staging")
    assert verdict.accepted == (not [check for check in verdict.checks if check.status == "failed"])
    return [check.name for check in verdict.checks if check.status == "failed"]


def test_a_board_that_does_everything_right_is_accepted() -> None:
    verdict = judge_board(evidence(), HASH, PLAN, pool="staging")
    assert verdict.accepted
    assert {check.status for check in verdict.checks} == {"passed"}


@pytest.mark.parametrize(
    ("given", "failed"),
    [
        (evidence(running_hash="cd" * 32), ["smoke"]),
        (evidence(faults=1), ["smoke"]),
        (evidence(arena_used=1001), ["arena"]),
        (evidence(latencies_us=[100, 100, 100, 900]), ["latency"]),
        (evidence(true_labels=[0, 1, 0, 0]), ["accuracy"]),
        (evidence(board_labels=[0, 1, 2, 2], reference_labels=[0, 1, 2, 3]), ["parity", "accuracy"]),
        (evidence(deviations=[0, 0, 0, 3]), ["parity"]),
        (evidence(deviations=[3, 0, 0, 0]), ["smoke", "parity"]),
    ],
)
def test_each_defect_fails_its_check(given: BoardEvidence, failed: list[str]) -> None:
    assert failed_checks(given) == failed


def test_deviations_within_tolerance_are_no_difference() -> None:
    assert failed_checks(evidence(deviations=[2, 2, 2, 2])) == []


def test_a_board_without_an_echo_fails_the_smoke_test() -> None:
    assert failed_checks(evidence().model_copy(update={"echo": None})) == ["smoke"]


def test_a_board_that_ran_nothing_passes_nothing_that_needs_samples() -> None:
    silent = evidence().model_copy(update={"samples": None})
    assert failed_checks(silent) == ["smoke", "parity", "accuracy", "latency"]


def test_a_failure_on_the_way_refuses_and_is_the_reason() -> None:
    broken = BoardEvidence(board="b", failure=Failure(kind="board", reason="the board does not answer"))
    verdict = judge_board(broken, HASH, PLAN, pool="staging")
    assert not verdict.accepted
    assert verdict.reason == "the board does not answer"


def test_without_a_floor_a_board_is_held_to_what_tflm_gets_right() -> None:
    plan = AcceptancePlan(max_disagreement=0.25)
    weak_model = evidence(true_labels=[0, 1, 1, 1])
    assert failed_checks(weak_model, plan) == []
    one_worse = evidence(board_labels=[0, 1, 2, 2], reference_labels=[0, 1, 2, 3])
    assert failed_checks(one_worse, plan) == []
    two_worse = evidence(board_labels=[0, 1, 3, 2], reference_labels=[0, 1, 2, 3])
    assert failed_checks(two_worse, plan) == ["parity", "accuracy"]


def test_accuracy_is_not_judged_without_labels_or_on_production() -> None:
    unlabelled = judge_board(evidence(true_labels=None), HASH, PLAN, pool="staging")
    assert {check.name: check.status for check in unlabelled.checks}["accuracy"] == "skipped"
    production = judge_board(evidence(true_labels=[1, 1, 1, 1]), HASH, PLAN, pool="production")
    assert production.accepted
    assert "accuracy" not in {check.name for check in production.checks}


@given(
    right=st.lists(st.booleans(), min_size=1, max_size=60),
    floor=st.floats(0, 1),
    tolerated=st.floats(0, 1),
)
def test_thresholds_are_met_exactly(right: list[bool], floor: float, tolerated: float) -> None:
    labels = [0 if is_right else 1 for is_right in right]
    plan = AcceptancePlan(min_accuracy=floor, max_disagreement=tolerated)
    given = evidence(board_labels=labels, reference_labels=[0] * len(labels), true_labels=[0] * len(labels))
    failed = failed_checks(given, plan)
    share = sum(right) / len(right)
    assert ("accuracy" in failed) == (share < floor)
    assert ("parity" in failed) == ((len(right) - sum(right)) / len(right) > tolerated)


@given(accepted=st.lists(st.booleans(), max_size=6))
def test_a_pool_accepts_when_every_board_does_and_there_is_one(accepted: list[bool]) -> None:
    verdicts = [
        BoardVerdict(board=f"b{n}", accepted=yes, reason="" if yes else f"reason {n}", checks=())
        for n, yes in enumerate(accepted)
    ]
    verdict = judge_pool(verdicts)
    assert verdict.accepted == (bool(accepted) and all(accepted))
    for number, yes in enumerate(accepted):
        assert (f"b{number}: reason {number}" in verdict.reason) == (not yes)


def test_deviation_of_integers_is_in_stored_units_without_overflow() -> None:
    observed = np.array([[-128, 0], [5, 5]], np.int8)
    reference = np.array([[127, 0], [5, 4]], np.int8)
    np.testing.assert_array_equal(deviation_steps(observed, reference), [255, 1])


def test_deviation_of_floats_is_relative_and_not_a_number_is_never_close() -> None:
    reference = np.array([[1.0], [1000.0], [0.5], [0.5]], np.float32)
    observed = np.array([[1.00005], [1000.05], [0.5], [np.nan]], np.float32)
    assert deviation_steps(observed, reference).tolist() == [1, 1, 0, 2**31 - 1]
