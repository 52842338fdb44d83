"""Checks that look once: each fails for its own reason, and for no other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from edge_deployer.acceptance.agreement import deviation_steps
from edge_deployer.acceptance.evidence import BoardEvidence, Failure, PowerCycle, RepeatedAnswers, RestartedBy
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.report.words import in_words
from tests.edge_deployer.acceptance.evidence_factory import (
    HASH,
    SUBJECT,
    board_outputs,
    evidence,
    reference,
    verdict_on,
    why,
)

HELD = reference()
PLAN = AcceptancePlan(budgets={"cortex-m4": Budget(latency_p95_us=200, latency_max_us=1_000)})


def failed(given: BoardEvidence, plan: AcceptancePlan = PLAN) -> list[str]:
    verdict = verdict_on(given, SUBJECT, HELD, plan)
    refusing = [check.name for check in verdict.checks if check.status == "failed"]
    assert (verdict.decision == "refused") == bool(refusing)
    return refusing


def repeated(samples: list[int], outputs: np.ndarray) -> RepeatedAnswers:
    return RepeatedAnswers(samples=tuple(samples), outputs=StoredArray.of(outputs))


def test_a_board_that_does_everything_right_passes_every_check() -> None:
    verdict = verdict_on(evidence(HELD), SUBJECT, HELD, PLAN)
    assert verdict.accepted
    assert {check.name: check.status for check in verdict.checks} == {
        "smoke": "passed",
        "labels": "passed",
        "outputs": "passed",
        "accuracy": "passed",
        "latency": "passed",
        "arena": "passed",
        "flash": "passed",
        "soak": "passed",
    }


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        ({"running_hash": "cd" * 32}, "smoke"),
        ({"echo": None}, "smoke"),
        ({"smoke_faults": 1, "faults": 1}, "smoke"),
        ({"answers": None}, "smoke"),
        ({"outputs": board_outputs(HELD, other=[0, 1, 2])}, "smoke"),
        ({"outputs": board_outputs(HELD, off=[0, 1, 2], steps=3)}, "smoke"),
        ({"faults": 1}, "soak"),
        ({"faults": None}, "soak"),
        ({"arena_used": 1_001}, "arena"),
        ({"arena_used": None}, "arena"),
        ({"image_limit": 4_999}, "flash"),
        ({"latencies_us": [100] * 379 + [201] * 21}, "latency"),
        ({"latencies_us": [100] * 399 + [1_001]}, "latency"),
    ],
)
def test_each_defect_fails_its_check(facts: dict[str, object], check: str) -> None:
    assert failed(evidence(HELD, **facts)) == [check]  # type: ignore[arg-type]


def test_a_board_may_differ_on_the_first_sample() -> None:
    assert failed(evidence(HELD, board_outputs(HELD, other=[0]))) == []


def test_a_percentile_is_within_budget_to_the_last_sample() -> None:
    assert failed(evidence(HELD, latencies_us=[100] * 380 + [1_000] * 20)) == []


def test_budgets_are_tighter_than_what_the_board_has() -> None:
    plan = AcceptancePlan(budgets={"cortex-m4": Budget(arena_bytes=899, flash_bytes=4_999)})
    assert failed(evidence(HELD), plan) == ["arena", "flash"]
    assert failed(evidence(HELD).model_copy(update={"profile": "other"}), plan) == []


@pytest.mark.parametrize(
    ("own", "host", "virtual", "decision", "measured"),
    [
        (5_840, 6_752, True, "refused", 6_752),
        (5_840, 6_000, True, "accepted", 6_000),
        (5_840, None, True, "accepted", 5_840),
        (5_840, 6_752, False, "accepted", 5_840),
        (5_840, 5_900, False, "accepted", 5_840),
        (6_001, 5_900, False, "refused", 6_001),
    ],
)
def test_the_arena_that_is_judged_is_the_hosts_on_a_virtual_board_and_a_real_boards_own(
    own: int, host: int | None, virtual: bool, decision: str, measured: int
) -> None:
    plan = AcceptancePlan(budgets={"cortex-m4": Budget(arena_bytes=6_000)})
    subject = replace(SUBJECT, arena_bytes=host)
    given = evidence(HELD, arena_used=own, arena_bytes=8_000)
    verdict = verdict_on(given, subject, HELD, plan, pool="staging", virtual=virtual)
    arena = next(check for check in verdict.checks if check.name == "arena")
    assert (verdict.decision, arena.measured, arena.limit) == (decision, measured, 6_000)


def test_a_real_boards_arena_that_the_host_gainsays_is_a_warning_with_both_figures() -> None:
    plan = AcceptancePlan(budgets={"cortex-m4": Budget(arena_bytes=6_000)})
    subject = replace(SUBJECT, arena_bytes=6_752)
    told = verdict_on(evidence(HELD, arena_used=5_840, arena_bytes=8_000), subject, HELD, plan)
    assert why(told).startswith("accepted with a warning: arena: 5,840 of 6,000 bytes used")
    assert "on a 64-bit host it is 6,752" in why(told)
    agreed = verdict_on(evidence(HELD, arena_used=5_840, arena_bytes=8_000), subject, HELD, PLAN)
    assert why(agreed) == "all checks passed"


def test_a_failed_smoke_test_is_the_only_check() -> None:
    verdict = verdict_on(evidence(HELD, echo=None), SUBJECT, HELD, PLAN)
    assert [check.name for check in verdict.checks] == ["smoke"]


@pytest.mark.parametrize(
    ("warns", "outputs", "decision"),
    [
        ([], board_outputs(HELD, off=range(400), steps=3), "refused"),
        (["outputs"], board_outputs(HELD, off=range(400), steps=3), "accepted"),
        (["outputs"], board_outputs(HELD, other=range(3)), "refused"),
        (["labels"], board_outputs(HELD, other=range(3)), "refused"),
        (["labels", "outputs"], board_outputs(HELD, other=range(3)), "accepted"),
    ],
)
def test_what_only_warns_does_not_fail_the_smoke_test_either(
    warns: list[str], outputs: np.ndarray, decision: str
) -> None:
    plan = AcceptancePlan(on_failure=dict.fromkeys(warns, "warn"))
    verdict = verdict_on(evidence(HELD, outputs), SUBJECT, HELD, plan)
    assert (verdict.decision, verdict.checks[0].status == "failed") == (decision, decision == "refused")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            1,
            "smoke: the answer to the first sample differs from the reference",
        ),
        (
            2,
            "smoke: the answers to the first 2 samples differ from the reference",
        ),
        (
            5,
            "smoke: the answers to the first 3 samples differ from the reference",
        ),
    ],
)
def test_a_failed_smoke_test_counts_the_samples_that_were_answered(asked: int, told: str) -> None:
    wrong = board_outputs(HELD, other=range(asked))[:asked]
    assert why(verdict_on(evidence(HELD, wrong), SUBJECT, HELD, PLAN)) == (
        f"{told}; of {asked} answered 0 name TFLM's class, and outputs are off by up to 220 steps"
    )


@pytest.mark.parametrize(
    ("limited", "decision", "status"), [(True, "undecided", "undecided"), (False, "accepted", "skipped")]
)
def test_a_board_that_cannot_tell_the_time_neither_meets_nor_misses_a_budget(
    limited: bool, decision: str, status: str
) -> None:
    plan = AcceptancePlan(budgets={"cortex-m4": Budget(latency_max_us=1)} if limited else {})
    held = evidence(HELD)
    assert held.answers is not None
    unknown = held.answers.model_copy(update={"latencies_us": (None,) * 400})
    verdict = verdict_on(held.model_copy(update={"answers": unknown}), SUBJECT, HELD, plan)
    latency = next(check for check in verdict.checks if check.name == "latency")
    assert (verdict.decision, latency.status, latency.measured) == (decision, status, None)
    assert "no figure" in in_words(latency.finding)


def test_an_output_that_changes_when_its_sample_runs_again_is_drift() -> None:
    assert HELD.outputs is not None
    golden = HELD.outputs.load()[[0, 1, 0, 1]]
    assert failed(evidence(HELD, soak=repeated([0, 1, 0, 1], golden))) == []
    golden[2, 3] += 1
    verdict = verdict_on(evidence(HELD, soak=repeated([0, 1, 0, 1], golden)), SUBJECT, HELD, PLAN)
    drift = verdict.checks[-1]
    assert (drift.name, drift.status, drift.measured, drift.differing) == ("soak", "failed", 1, (0,))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"running_hash": "cd" * 32}, "runs image cdcdcdcd"),
        ({"confirmed": False}, "no longer confirmed"),
        ({"outputs": None}, "first sample's answer"),
        ({"outputs": StoredArray.of(board_outputs(HELD, other=[0])[:1])}, "first sample's answer"),
        ({"failure": Failure(kind="board", reason="no answer")}, "no answer"),
    ],
)
def test_a_release_must_survive_a_power_cycle(changes: dict[str, object], words: str | None) -> None:
    whole = PowerCycle(running_hash=HASH, confirmed=True, outputs=StoredArray.of(board_outputs(HELD)[:1]))
    given = evidence(HELD, power_cycle=whole.model_copy(update=changes))
    assert failed(given) == (["power_cycle"] if words else [])
    if words:
        assert words in why(verdict_on(given, SUBJECT, HELD, PLAN))


@pytest.mark.parametrize(("by", "words"), [("power", "survives a power cycle"), (None, "survives a reset")])
def test_what_a_release_survived_is_said(by: RestartedBy, words: str) -> None:
    cycle = PowerCycle(by=by, running_hash=HASH, confirmed=True, outputs=StoredArray.of(board_outputs(HELD)[:1]))
    verdict = verdict_on(evidence(HELD, power_cycle=cycle), SUBJECT, HELD, PLAN)
    assert words in in_words(verdict.checks[-1].finding)


def test_a_check_that_only_warns_refuses_nothing_and_is_told() -> None:
    plan = PLAN.model_copy(update={"on_failure": {"latency": "warn"}})
    verdict = verdict_on(evidence(HELD, latencies_us=[5_000] * 400), SUBJECT, HELD, plan)
    assert verdict.accepted
    assert "warning" in why(verdict)
    assert "latency" in why(verdict)


def test_a_production_board_must_answer_every_golden_vector() -> None:
    outputs, accepted = board_outputs(HELD)[:16], [evidence(HELD)]
    right = verdict_on(evidence(HELD, outputs), SUBJECT, HELD, PLAN, pool="production", staging=accepted)
    assert right.accepted
    assert "labels" not in {check.name for check in right.checks}
    outputs[15] = np.roll(outputs[15], 1)
    wrong = verdict_on(evidence(HELD, outputs), SUBJECT, HELD, PLAN, pool="production", staging=accepted)
    assert wrong.decision == "refused"
    assert "golden vectors: 1 of 16" in why(wrong)


@pytest.mark.parametrize(("differing", "decision"), [(1, "accepted"), (2, "refused")])
def test_a_production_board_that_no_staging_board_resembles_may_differ_as_often_as_chance_has_it(
    differing: int, decision: str
) -> None:
    outputs = board_outputs(HELD, other=range(5, 5 + differing))[:16]
    other = evidence(HELD).model_copy(update={"profile": "another"})
    verdict = verdict_on(evidence(HELD, outputs), SUBJECT, HELD, PLAN, pool="production", staging=[other])
    assert verdict.decision == decision


def test_a_production_board_may_differ_where_staging_does_to_the_last_bit() -> None:
    outputs = board_outputs(HELD, other=[7])
    accepted = evidence(HELD, outputs)

    def decision(board: np.ndarray) -> str:
        return verdict_on(
            evidence(HELD, board[:16]), SUBJECT, HELD, PLAN, pool="production", staging=[accepted]
        ).decision

    assert decision(outputs) == "accepted"
    outputs[7, 0] += 1
    assert decision(outputs) == "refused"
    assert decision(board_outputs(HELD)) == "accepted", "as TFLM, where staging is not"


def test_a_failure_on_the_way_refuses_and_is_the_reason() -> None:
    broken = BoardEvidence(
        board="b", profile="cortex-m4", failure=Failure(kind="board", reason="the board does not answer")
    )
    verdict = verdict_on(broken, SUBJECT, HELD, PLAN)
    assert (verdict.decision, why(verdict, broken)) == ("refused", "the board does not answer")


def test_deviation_of_integers_is_in_stored_units_without_overflow() -> None:
    observed = np.array([[-128, 0], [5, 5]], np.int8)
    expected = np.array([[127, 0], [5, 4]], np.int8)
    np.testing.assert_array_equal(deviation_steps(observed, expected), [255, 1])


def test_what_is_not_a_number_is_the_same_as_itself() -> None:
    odd = np.array([[np.nan, 1.0], [np.inf, 1.0], [-np.inf, 1.0]], np.float32)
    assert deviation_steps(odd, odd).tolist() == [0, 0, 0]
    assert deviation_steps(odd, np.roll(odd, 1, axis=0)).tolist() == [2**31 - 1] * 3


def test_deviation_of_floats_is_relative_and_not_a_number_is_never_close() -> None:
    expected = np.array([[1.0], [1000.0], [0.5], [0.5]], np.float32)
    observed = np.array([[1.00005], [1000.05], [0.5], [np.nan]], np.float32)
    assert deviation_steps(observed, expected).tolist() == [1, 1, 0, 2**31 - 1]


@pytest.mark.parametrize(
    "change",
    [
        {"answers": {"outputs": StoredArray.of(board_outputs(HELD)[:3]), "latencies_us": [1, 2], "seconds": 1}},
        {"repeated": {"outputs": StoredArray.of(board_outputs(HELD)[:3]), "samples": [1, 2]}},
        {"soak": {"outputs": StoredArray.of(board_outputs(HELD)[:1]), "samples": [400]}},
        {"soak": {"outputs": StoredArray.of(board_outputs(HELD)[:1]), "samples": [-1]}},
    ],
)
def test_evidence_that_does_not_fit_together_is_no_evidence(change: dict[str, object]) -> None:
    whole = evidence(HELD).model_dump()
    BoardEvidence.model_validate(whole)
    with pytest.raises(ValidationError):
        BoardEvidence.model_validate(whole | change)
