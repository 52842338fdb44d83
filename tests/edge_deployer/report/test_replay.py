"""The same evidence gives the same verdict, and altered evidence does not."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from edge_deployer.errors import TinyopsError
from edge_deployer.release.dsse import Envelope, sign
from edge_deployer.release.keys import SigningKey
from edge_deployer.report.facts import Report
from edge_deployer.report.replay import Replayed, replay, replay_attestation
from edge_deployer.rollout.deployment import Deployment
from edge_deployer.rollout.refusals import NotConfirmed
from tests.edge_deployer.report import sample_reports

CASES = [
    sample_reports.promoted,
    sample_reports.unchanged,
    sample_reports.warned,
    sample_reports.quarantined,
    sample_reports.undecided,
    sample_reports.too_few_boards,
    sample_reports.refused_at_staging,
    sample_reports.refused_in_production,
]
Alter = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_report_that_was_written_and_read_replays_bit_for_bit(case: Callable[[], Report]) -> None:
    written = case().model_dump_json(indent=2)
    deployment = Report.model_validate_json(written).deployment
    found = replay(deployment)
    assert [verdict.name for verdict in found] == [
        *(board.name for board in deployment.boards if board.evidence),
        "staging",
        "deployment",
    ]
    assert all(verdict.same and not verdict.differences for verdict in found)
    assert found[-2].decision == (deployment.staging.decision if deployment.staging else None)
    assert found[-1].decision == deployment.outcome


def test_where_no_board_was_examined_there_is_nothing_to_replay() -> None:
    assert replay(sample_reports.refused_at_evaluation().deployment) == []
    assert replay(sample_reports.no_healthy_boards().deployment) == []


def _other_class(record: dict[str, Any]) -> None:
    outputs = _board(record)["evidence"]["answers"]["outputs"]
    data = bytearray(base64.b64decode(outputs["data"]))
    data[10 * 20 : 10 * 21] = data[10 * 21 : 10 * 22]
    outputs["data"] = base64.b64encode(data).decode()


def _slower(record: dict[str, Any]) -> None:
    _board(record)["evidence"]["answers"]["latencies_us"][5] = 1_999


def _other_truth(record: dict[str, Any]) -> None:
    record["reference"]["labels"][3] = 9


def _other_reference(record: dict[str, Any]) -> None:
    outputs = record["reference"]["outputs"]
    data = bytearray(base64.b64decode(outputs["data"]))
    data[10 * 30 : 10 * 31] = data[10 * 31 : 10 * 32]
    outputs["data"] = base64.b64encode(data).decode()


def _looser_plan(record: dict[str, Any]) -> None:
    record["plan"]["labels"]["bad"] = 0.08


def _other_image(record: dict[str, Any]) -> None:
    record["release"]["image_hash"] = "00" * 32


def _bigger_image(record: dict[str, Any]) -> None:
    record["release"]["image_bytes"] += 1


def _a_fault(record: dict[str, Any]) -> None:
    _board(record)["evidence"]["faults"] = 1


def _drift(record: dict[str, Any]) -> None:
    outputs = _board(record)["evidence"]["soak"]["outputs"]
    data = bytearray(base64.b64decode(outputs["data"]))
    data[0] ^= 1
    outputs["data"] = base64.b64encode(data).decode()


def _better_verdict(record: dict[str, Any]) -> None:
    _board(record)["verdict"]["checks"][1]["bound"]["high"] = 0.01


def _no_verdict(record: dict[str, Any]) -> None:
    _board(record)["verdict"] = None


def _no_evidence(record: dict[str, Any]) -> None:
    _board(record)["evidence"] = None


def _checks_in_other_order(record: dict[str, Any]) -> None:
    _board(record)["verdict"]["checks"].reverse()


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (
            _other_class,
            "labels.finding: recorded {'code': 'labels.other_class', 'differing': 0,",
        ),
        (
            _slower,
            "latency.finding: recorded {'code': 'latency.percentiles', 'us': {'p50': 874,",
        ),
        (_other_truth, "accuracy.measured: recorded 0.96"),
        (_other_reference, "labels.differing: recorded []; the evidence says [30]"),
        (_looser_plan, "labels.samples: recorded 72; the evidence says"),
        (_other_image, "decision: recorded accepted; the evidence says refused"),
        (_bigger_image, "flash.measured: recorded 6712.0; the evidence says 6713.0"),
        (_a_fault, "soak.status: recorded passed; the evidence says failed"),
        (_drift, "soak.differing: recorded []; the evidence says [0]"),
        (_better_verdict, "labels.bound: recorded {'low': None, 'high': 0.01"),
        (_no_verdict, "no verdict is recorded; the evidence says accepted"),
        (_no_evidence, "the evidence cannot be judged: a verdict is recorded, but no evidence"),
        (_checks_in_other_order, "checks: recorded power_cycle, soak"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_an_alteration_is_seen_and_named(alter: Alter, told: str) -> None:
    found = _replayed(alter)["staging-1"]
    assert not found.same
    assert any(difference.startswith(told) for difference in found.differences), found.differences


def test_an_alteration_of_one_board_leaves_the_verdicts_of_the_others() -> None:
    found = _replayed(_slower)
    assert [name for name, verdict in found.items() if not verdict.same] == ["staging-1"]


def test_a_board_that_turns_out_to_differ_changes_the_verdict_of_the_pool() -> None:
    def differ(record: dict[str, Any]) -> None:
        outputs = _board(record)["evidence"]["answers"]["outputs"]
        outputs["data"] = base64.b64encode(bytes(len(base64.b64decode(outputs["data"])))).decode()

    pool = _replayed(differ)["staging"]
    assert (pool.same, pool.decision) == (False, "no verdict")
    assert "decision: recorded accepted; the evidence says no verdict" in pool.differences


def test_a_verdict_of_the_pool_that_was_altered_is_seen() -> None:
    def promote(record: dict[str, Any]) -> None:
        record["staging"]["quorum"] = 1

    pool = _replayed(promote)["staging"]
    assert pool.differences == ("quorum: recorded 1; the evidence says 2",)


def _another_reason(record: dict[str, Any]) -> None:
    record["reason"] = {"code": "boards.left_out", "board": "s1", "message": "gone"}


def _refused(record: dict[str, Any]) -> None:
    record["outcome"], record["gate"] = "refused", "staging"


def _nothing_changed(record: dict[str, Any]) -> None:
    record["outcome"] = "unchanged"


def _runs_something_else(record: dict[str, Any]) -> None:
    record["boards"][-1]["image_after"] = "00" * 32


def _never_in_production(record: dict[str, Any]) -> None:
    record["boards"][-1].update(evidence=None, verdict=None)


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (_another_reason, "reason: recorded boards.left_out"),
        (_refused, "outcome: recorded refused; the evidence says promoted"),
        (_refused, "gate: recorded staging; the evidence says None"),
        (_nothing_changed, "outcome: recorded unchanged; the evidence says promoted"),
        (_runs_something_else, "outcome: recorded promoted; neither evidence nor what the boards run says so"),
        (_never_in_production, "outcome: recorded promoted; neither evidence nor what the boards run says so"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_an_outcome_or_a_headline_that_was_altered_is_seen(alter: Alter, told: str) -> None:
    found = _replayed(alter)
    assert [name for name, replayed in found.items() if not replayed.same] == ["deployment"]
    assert any(difference.startswith(told) for difference in found["deployment"].differences)


@pytest.mark.parametrize(
    "case", [sample_reports.refused_at_staging, sample_reports.refused_in_production, sample_reports.too_few_boards]
)
def test_a_release_that_was_refused_cannot_be_made_a_promoted_one(case: Callable[[], Report]) -> None:
    deployment = case().deployment
    outcome = deployment.outcome
    altered = deployment.model_copy(update={"outcome": "promoted", "gate": None})
    end = replay(altered)[-1]
    assert (end.same, end.decision) == (False, outcome)


@pytest.mark.parametrize("case", [sample_reports.refused_at_evaluation, sample_reports.no_healthy_boards])
def test_without_evidence_nothing_was_promoted(case: Callable[[], Report]) -> None:
    (end,) = replay(case().deployment.model_copy(update={"outcome": "promoted", "gate": None}))
    assert (end.name, end.same, end.decision) == ("deployment", False, None)


def test_the_evidence_cannot_speak_for_a_board_that_did_not_confirm_what_it_accepted() -> None:
    deployment = sample_reports.promoted().deployment
    for board in deployment.boards:
        board.image_after, board.outcome = board.image_before, "rolled back"
    deployment.outcome, deployment.gate = "refused", "production"
    deployment.reason = NotConfirmed(board="line-1", message="no answer")
    end = replay(deployment)[-1]
    assert (end.name, end.same, end.decision, end.differences) == ("deployment", None, None, ())


@pytest.mark.parametrize("part", ["labels", "input_sha256", "smoke_seconds"])
def test_facts_that_do_not_belong_together_are_a_finding(part: str) -> None:
    def tear(record: dict[str, Any]) -> None:
        if part == "smoke_seconds":
            _board(record)["evidence"][part] = None
        else:
            record["reference"][part] = record["reference"][part][:50]

    found = _replayed(tear)["staging-1"]
    assert (found.same, found.decision) == (False, None)
    assert found.differences[0].startswith("the evidence cannot be judged: ")


@pytest.mark.parametrize(("part", "words"), [("reference", "the reference"), ("release", "the release")])
def test_evidence_without_what_it_was_judged_by_is_an_error(part: str, words: str) -> None:
    record = _altered(lambda record: record.update({part: None}))
    with pytest.raises(TinyopsError, match=f"but not {words} that it was judged by"):
        replay(record)


def test_the_evidence_is_what_was_attested(signing_key: SigningKey) -> None:
    report = Report.model_validate_json(sample_reports.promoted().model_dump_json())
    own = sample_reports.KEY.public_pem
    for keys in (own, signing_key.public_pem + own):
        held = replay_attestation(report, keys)
        assert held is not None
        assert (held.same, held.decision, held.differences) == (True, "accepted", ())
    unknown = replay_attestation(report, b"")
    assert unknown is not None
    assert unknown.same is None
    assert replay_attestation(sample_reports.warned(), own) is None


def _later(record: dict[str, Any]) -> None:
    _board(record)["evidence"]["answers"]["seconds"] += 1


def _faster(record: dict[str, Any]) -> None:
    _board(record)["evidence"]["answers"]["latencies_us"][5] -= 1


@pytest.mark.parametrize("alter", [_later, _faster, _other_class, _looser_plan, _other_truth, _better_verdict])
def test_evidence_that_is_not_what_was_attested_is_told(alter: Alter) -> None:
    report = sample_reports.promoted()
    report.deployment = _altered(alter)
    held = replay_attestation(report, sample_reports.KEY.public_pem)
    assert held is not None
    assert (held.same, held.differences[0].partition(":")[0]) == (False, "evidence")


def test_an_attestation_of_another_image_or_another_key_is_told(signing_key: SigningKey) -> None:
    report, own = sample_reports.promoted(), sample_reports.KEY.public_pem
    foreign = replay_attestation(report, signing_key.public_pem)
    assert foreign is not None
    assert foreign.same is False
    assert f"trusted: {signing_key.id[:8]}" in foreign.differences[0]
    report.deployment = _altered(_other_image)
    other = replay_attestation(report, own)
    assert other is not None
    assert [difference.partition(":")[0] for difference in other.differences] == ["image", "evidence"]
    report.attestation = Envelope.model_validate_json(sign("text/plain", b"{}", sample_reports.KEY))
    nonsense = replay_attestation(report, own)
    assert nonsense is not None
    assert nonsense.same is False


def _replayed(alter: Alter) -> dict[str, Replayed]:
    return {verdict.name: verdict for verdict in replay(_altered(alter))}


def _altered(alter: Alter) -> Deployment:
    record = copy.deepcopy(json.loads(sample_reports.promoted().deployment.model_dump_json()))
    alter(record)
    return Deployment.model_validate_json(json.dumps(record))


def _board(record: dict[str, Any]) -> dict[str, Any]:
    board: dict[str, Any] = record["boards"][0]
    return board
