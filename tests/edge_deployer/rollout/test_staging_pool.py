"""A pool of virtual boards, one of them not to be trusted: who is blamed, who stands in, and what production gets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from edge_deployer.acceptance.checks.outputs import Outputs
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.errors import TinyopsError
from edge_deployer.inventory.quarantine import Quarantine
from edge_deployer.release.keys import SigningKey
from edge_deployer.report.words import headline, in_words, remedy
from edge_deployer.rollout.release_line import ReleaseLine
from tests.edge_deployer.candidates import MakeCandidate, with_wrong_reference
from tests.edge_deployer.inventories import FAST, virtual, write_inventory, write_profile
from tests.edge_deployer.outcomes import assert_outcome
from tests.edge_deployer.tiny_models import rotating_classifier


@pytest.fixture
def line_of(tmp_path: Path, signing_key: SigningKey) -> Callable[..., ReleaseLine]:
    """Release lines over staging boards of these names, the flaky ones with wrong outputs, and one for production."""

    def make(*staging: str, flaky: tuple[str, ...] = (), spares: tuple[str, ...] = ()) -> ReleaseLine:
        write_profile(tmp_path, "fast", **FAST)
        (tmp_path / "flaky.yaml").write_text(yaml.safe_dump({"seed": 1, "wrong_outputs": 0.4}))
        boards = [
            *(virtual(name, "staging", faults="flaky.yaml" if name in flaky else None) for name in staging),
            *(virtual(name, "staging", spare=True) for name in spares),
            virtual("p1", "production"),
        ]
        return ReleaseLine(
            tmp_path / "workspace",
            write_inventory(tmp_path, boards),
            signing_key.path,
            # Boards are held to production and to TFLM here, whatever the labels say.
            AcceptancePlan(better_than_constant=False),
            "1.0.0",
        )

    return make


def quarantined(line: ReleaseLine) -> set[str]:
    return set(Quarantine(line.workspace / "boards").boards())


def test_one_flaky_board_of_three_is_quarantined_and_the_release_goes_on(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1", "s2", "s3", flaky=("s2",))
    deployment, bundle = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    assert deployment.staging is not None
    assert deployment.staging.accepted == ("s1", "s3")
    assert "asked again" in in_words(deployment.staging.quarantined["s2"])
    assert quarantined(line) == {"s2"}
    images = {board.name: board.image_after for board in deployment.boards}
    assert images == {"s1": bundle.image.hash.hex(), "s2": None, "s3": bundle.image.hash.hex(), "p1": images["s1"]}
    # The next release does without it, and compares itself with production on the same boards.
    following, _ = line.push(make_candidate(4, name="another"))
    assert_outcome(following, "promoted")
    assert {step.action for step in following.steps if step.board == "s2"} == {"in quarantine"}


def test_a_spare_stands_in_for_a_flaky_board(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1", "s2", flaky=("s2",), spares=("x1", "x2"))
    deployment, _ = line.push(make_candidate(4))
    assert_outcome(deployment, "promoted")
    assert deployment.staging is not None
    assert deployment.staging.accepted == ("s1", "x1")
    assert {board.name: board.outcome for board in deployment.boards} == {
        "s1": "confirmed",
        "s2": "reverted",
        "x1": "confirmed",
        "x2": "untouched",
        "p1": "confirmed",
    }


def test_too_few_healthy_boards_are_no_verdict_and_production_gets_nothing(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1", "s2", flaky=("s2",))
    deployment, _ = line.push(make_candidate(4))
    assert_outcome(deployment, "no verdict", at="staging")
    assert not deployment.pushed
    assert "1 healthy board accepts it where 2 must" in headline(deployment)
    assert "boards health" in (remedy(deployment) or "")
    assert {board.image_after for board in deployment.boards} == {None}
    # Known beforehand the next time: no board is given anything.
    again, _ = line.push(make_candidate(4))
    assert_outcome(again, "no verdict", at="boards")
    assert "2 healthy staging boards are needed, of every profile one, 1 missing; s2 is in quarantine" in headline(
        again
    )
    assert {board.outcome for board in again.boards} == {"untouched"}


def test_a_failure_that_boards_share_is_the_models(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1", "s2", spares=("x1",))
    deployment, _ = line.push(with_wrong_reference(make_candidate(4)))
    assert_outcome(deployment, "refused", at="staging")
    assert "2 boards refuse it" in headline(deployment)
    assert quarantined(line) == set()
    assert {board.outcome for board in deployment.boards if board.name in ("x1", "p1")} == {"untouched"}


def test_a_release_that_is_worse_than_production_is_refused_whatever_its_own_reference_says(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1")
    assert_outcome(line.push(make_candidate(4))[0], "promoted")
    # Every answer is what TFLM computes, and none is right.
    deployment, _ = line.push(make_candidate(4, name="worse", model=rotating_classifier(4)))
    assert_outcome(deployment, "refused", at="staging")
    assert "against production" in headline(deployment)
    assert "production alone" in headline(deployment)


def test_a_new_board_in_production_does_not_end_the_comparison(
    tmp_path: Path, line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = line_of("s1")
    assert_outcome(line.push(make_candidate(4))[0], "promoted")
    inventory = yaml.safe_load((tmp_path / "boards.yaml").read_text())
    inventory["boards"].append({**inventory["boards"][-1], "name": "p2"})
    (tmp_path / "boards.yaml").write_text(yaml.safe_dump(inventory))
    deployment, _ = line.push(make_candidate(4, name="worse", model=rotating_classifier(4)))
    assert_outcome(deployment, "refused", at="staging")
    assert "production alone" in headline(deployment)
    # A staging board that never ran production's release cannot compare, and says so.
    inventory["boards"][0]["name"] = "s2"
    (tmp_path / "boards.yaml").write_text(yaml.safe_dump(inventory))
    blind, _ = line.push(make_candidate(4, name="worse", model=rotating_classifier(4)))
    assert_outcome(blind, "promoted")
    assert "not compared with production: s2 runs no image, which no production board runs" in headline(blind)


def test_a_plan_that_cannot_be_met_is_refused_before_a_board_has_power(
    line_of: Callable[..., ReleaseLine], make_candidate: MakeCandidate
) -> None:
    line = dataclasses.replace(line_of("s1"), plan=AcceptancePlan(outputs=Outputs(bad=0.02)))
    with pytest.raises(TinyopsError, match=r"`outputs` .* missing"):
        line.push(make_candidate(4))
    assert not (line.workspace / "boards").exists()
