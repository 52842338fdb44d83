"""Whose fault is a failure, and are there enough healthy boards? Never a yes from too few."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.acceptance.evidence import BoardEvidence, Failure, PowerCycle, RepeatedAnswers
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.pool_verdict import Examined, PoolVerdict, differs_alone, judge_pool, samples_to_repeat
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.report.words import in_words
from tests.edge_deployer.acceptance.evidence_factory import SUBJECT, board_outputs, evidence, reference, verdict_on

HELD = reference()
SILENCE = Failure(kind="board", reason="no answer")
PLAN = AcceptancePlan(budgets={"cortex-m4": Budget(latency_p95_us=200), "slow": Budget(latency_p95_us=200)})
WRONG = board_outputs(HELD, other=range(3, 400, 4))


def examined(given: BoardEvidence) -> Examined:
    return Examined(evidence=given, verdict=verdict_on(given, SUBJECT, HELD, PLAN, pool="staging"))


def good(name: str) -> Examined:
    return examined(evidence(HELD, board=name))


def wrong(name: str) -> Examined:
    return examined(evidence(HELD, WRONG, board=name))


def slow(name: str, profile: str = "cortex-m4") -> Examined:
    return examined(evidence(HELD, board=name, latencies_us=[500] * 400).model_copy(update={"profile": profile}))


def silent(name: str, profile: str = "cortex-m4") -> Examined:
    return examined(BoardEvidence(board=name, profile=profile, failure=SILENCE))


def no_longer_there(name: str) -> Examined:
    """Accepts, and is silent once its power was switched."""
    return examined(evidence(HELD, board=name, power_cycle=PowerCycle(failure=SILENCE)))


def worse(name: str) -> Examined:
    """Alone in having run production's release, and so in knowing that the candidate is worse."""
    truth = HELD.model_copy(update={"labels": tuple((np.arange(400) + 1) % 10)})
    given = evidence(HELD, board=name, production=board_outputs(HELD, other=range(400)))
    plan = PLAN.model_copy(update={"better_than_constant": False})
    return Examined(evidence=given, verdict=verdict_on(given, SUBJECT, truth, plan, pool="staging"))


def crashed(name: str) -> Examined:
    return examined(
        BoardEvidence(board=name, profile="cortex-m4", failure=Failure(kind="model", reason="SIGSEGV in TFLM"))
    )


def undecided(name: str, profile: str = "cortex-m4") -> Examined:
    return examined(evidence(HELD, board_outputs(HELD)[:20], board=name).model_copy(update={"profile": profile}))


def judge(*boards: Examined, quorum: int = 2) -> PoolVerdict:
    return judge_pool(boards, HELD, PLAN, quorum=quorum)


def test_boards_that_all_accept_are_an_acceptance_with_its_figures() -> None:
    verdict = judge(good("a"), good("b"))
    assert (verdict.decision, verdict.accepted) == ("accepted", ("a", "b"))
    assert (verdict.against, verdict.unheard, verdict.constant) == ((), (), None)


@pytest.mark.parametrize(
    ("boards", "decision", "quarantined"),
    [
        ([good("a"), wrong("b"), good("c")], "accepted", {"b"}),
        ([good("a"), wrong("b")], "no verdict", {"b"}),
        ([good("a"), wrong("b"), wrong("c")], "refused", set()),
        ([wrong("a"), wrong("b")], "refused", set()),
        ([wrong("a")], "refused", set()),
        ([good("a"), good("b"), crashed("c")], "accepted", {"c"}),
        ([good("a"), wrong("b"), crashed("c")], "refused", set()),
        ([good("a"), wrong("b"), slow("c"), good("d")], "accepted", {"b", "c"}),
        ([good("a"), good("b"), slow("c", "slow")], "refused", set()),
        ([slow("a"), slow("b")], "refused", set()),
        ([silent("a"), silent("b")], "refused", set()),
        ([silent("a")], "no verdict", set()),
        ([good("a"), silent("b")], "no verdict", {"b"}),
        ([good("a"), good("b"), silent("c", "slow")], "no verdict", set()),
        ([good("a"), good("b"), undecided("c", "slow")], "no verdict", set()),
        ([good("a"), good("b"), worse("c")], "refused", set()),
        ([good("a"), good("b"), no_longer_there("c")], "accepted", {"c"}),
        ([no_longer_there("a")], "no verdict", set()),
        ([good("a"), silent("b"), good("c")], "accepted", {"b"}),
        ([good("a"), undecided("b")], "no verdict", set()),
        ([undecided("a"), undecided("b")], "no verdict", set()),
        ([good("a"), good("b"), undecided("c")], "accepted", set()),
        ([wrong("a"), undecided("b")], "refused", set()),
        ([], "no verdict", set()),
    ],
)
def test_a_failure_is_the_releases_or_the_boards(boards: list[Examined], decision: str, quarantined: set[str]) -> None:
    verdict = judge(*boards)
    assert (verdict.decision, set(verdict.quarantined)) == (decision, quarantined)
    for board in boards:
        assert differs_alone(board, boards) == (board.name in quarantined)


def test_a_single_staging_board_decides_alone() -> None:
    assert judge(good("a"), quorum=1).decision == "accepted"
    assert judge(wrong("a"), quorum=1).decision == "refused"


def test_what_spoke_against_a_board_is_asked_again_and_told() -> None:
    board = wrong("b")
    samples = samples_to_repeat(board)
    assert samples == tuple(range(3, 3 + 4 * len(samples), 4))
    outputs = board_outputs(HELD)[list(samples)]
    outputs[0] = np.roll(outputs[0], 1)
    repeated = RepeatedAnswers(samples=samples, outputs=StoredArray.of(outputs))
    again = Examined(evidence=board.evidence.model_copy(update={"repeated": repeated}), verdict=board.verdict)
    reason = in_words(judge(good("a"), again, good("c")).quarantined["b"])
    assert f"asked again, 1 of {len(samples)} of the samples differ" in reason
    assert "a and c accept the same release" in reason


KINDS = {
    "good": good,
    "wrong": wrong,
    "slow": slow,
    "silent": silent,
    "crashed": crashed,
    "undecided": undecided,
}


@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), max_size=7), quorum=st.integers(1, 4))
def test_nothing_is_accepted_by_fewer_than_the_quorum_or_against_a_shared_complaint(
    kinds: list[str], quorum: int
) -> None:
    boards = [replace(_MADE[kind], evidence=_renamed(kind, number)) for number, kind in enumerate(kinds)]
    verdict = judge(*boards, quorum=quorum)
    if verdict.decision == "accepted":
        assert kinds.count("good") >= quorum
        assert kinds.count("wrong") + kinds.count("crashed") <= 1
        assert kinds.count("slow") <= 1
        assert kinds.count("silent") <= 1
    if kinds.count("good") == len(kinds) >= quorum:
        assert verdict.decision == "accepted"
    for name in verdict.quarantined:
        assert kinds[int(name)] not in ("good", "undecided")
    assert not set(verdict.accepted) & set(verdict.quarantined)
    assert judge(*reversed(boards), quorum=quorum).decision == verdict.decision, "the order of boards is no evidence"


_MADE = {kind: make("x") for kind, make in KINDS.items()}


def _renamed(kind: str, number: int) -> BoardEvidence:
    return _MADE[kind].evidence.model_copy(update={"board": str(number)})
