"""A plan that cannot come to a verdict is refused before anything is installed, with the number that is missing."""

from __future__ import annotations

import numpy as np
import pytest

from edge_deployer.acceptance.check import Case, sequential_results
from edge_deployer.acceptance.checks.accuracy import Accuracy
from edge_deployer.acceptance.checks.against_production import AgainstProduction
from edge_deployer.acceptance.checks.auc import Auc
from edge_deployer.acceptance.checks.mae import Mae
from edge_deployer.acceptance.feasibility import require_feasible, require_samples, samples_needed
from edge_deployer.acceptance.plan import AcceptancePlan, Budget
from edge_deployer.acceptance.reference import Reference
from edge_deployer.acceptance.statistics.bounded_mean import CeilingTest
from edge_deployer.acceptance.statistics.decision import Decision
from edge_deployer.acceptance.stored_array import StoredArray
from edge_deployer.errors import TinyopsError
from edge_deployer.task import Task
from edge_deployer.tensors import TensorSpec
from tests.edge_deployer.acceptance.evidence_factory import board_outputs, evidence, reference


def refusal(plan: AcceptancePlan, held: Reference, profiles: tuple[str, ...] = ("m4",), boards: int = 2) -> str:
    with pytest.raises(TinyopsError) as caught:
        require_feasible(plan, held, profiles=profiles, boards=boards)
    assert caught.value.remedy
    return caught.value.message


def test_the_default_plan_suits_a_set_of_its_size() -> None:
    require_feasible(AcceptancePlan(), reference(400), profiles=["m4"], boards=2)
    require_feasible(AcceptancePlan(), reference(400, labelled=False), profiles=["m4"], boards=1)


@pytest.mark.parametrize("samples", [2, 191])
def test_too_few_samples_are_refused_with_the_number_that_is_missing(samples: int) -> None:
    message = refusal(AcceptancePlan(), reference(samples))
    assert f"needs up to 192 samples; the acceptance set has {samples}, {192 - samples} missing" in message


def test_as_many_samples_as_are_asked_for_can_decide() -> None:
    held = reference(192)
    require_feasible(AcceptancePlan(), held, profiles=["m4"], boards=1)
    assert {check.status for check in sequential_results(Case(evidence(held), held, AcceptancePlan()))} == {"passed"}


def test_more_samples_than_the_plan_allows_do_not_count() -> None:
    with pytest.raises(TinyopsError, match="the acceptance set has 100, 92 missing"):
        require_samples(AcceptancePlan(samples=100), 5_000, labelled=True, computed=True)


def test_the_comparison_with_production_needs_samples_too() -> None:
    plan = AcceptancePlan(against_production=AgainstProduction(margin=0.005))
    message = refusal(plan, reference(400))
    assert "`against_production`" in message
    needed = int(message.partition("needs up to ")[2].split()[0])
    require_samples(plan.model_copy(update={"samples": needed}), needed, labelled=True, computed=True)
    production = reference(needed)
    found = sequential_results(
        Case(
            evidence(production, production=board_outputs(production)),
            production,
            plan.model_copy(update={"samples": needed}),
        )
    )
    assert found[-1].status == "passed"


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (AcceptancePlan(accuracy=Accuracy(floor=0.9)), "`accuracy` needs labels that are classes"),
        (AcceptancePlan(auc=Auc(floor=0.9)), "`auc` needs labels 0 and 1"),
        (AcceptancePlan(mae=Mae(ceiling=1, margin=1)), "`mae` needs `targets`"),
    ],
)
def test_a_floor_without_labelled_data_is_refused(plan: AcceptancePlan, words: str) -> None:
    message = refusal(plan, reference(400, labelled=False))
    assert words in message
    assert "no labelled data, 0 samples" in message


def test_without_a_reference_and_without_a_floor_nothing_would_be_judged() -> None:
    held = reference(400).model_copy(update={"outputs": None})
    assert "nothing would be judged" in refusal(AcceptancePlan(), held)
    require_feasible(AcceptancePlan(accuracy=Accuracy(floor=0.9)), held, profiles=["m4"], boards=2)


def test_mixed_profiles_need_a_budget_each() -> None:
    assert "nothing for m0, m4 (2 missing)" in refusal(AcceptancePlan(), reference(), profiles=("m4", "m0"))
    half = AcceptancePlan(budgets={"m4": Budget()})
    assert "nothing for m0 (1 missing)" in refusal(half, reference(), profiles=("m4", "m0"))
    require_feasible(
        AcceptancePlan(budgets={"m4": Budget(), "m0": Budget()}), reference(), profiles=["m4", "m0"], boards=2
    )


def test_a_budget_for_a_profile_that_no_board_has_is_seen() -> None:
    assert "nothing for m4" in refusal(AcceptancePlan(budgets={"m44": Budget(latency_p95_us=1)}), reference())


def test_a_quorum_that_staging_cannot_meet_is_refused() -> None:
    assert "quorum 3 cannot be met, staging has 2 boards besides its spares: 1 missing" in refusal(
        AcceptancePlan(quorum=3), reference()
    )


def anomalies(samples: int, every: int) -> Reference:
    labels = [int(number % every == 0) for number in range(samples)]
    return reference(samples).model_copy(
        update={
            "task": Task(name="anomaly"),
            "labels": tuple(labels),
            "output": TensorSpec("int8", (1, 1), scale=0.1),
            "outputs": StoredArray.of(np.zeros((samples, 1), np.int8)),
        }
    )


def test_auc_needs_pairs_not_samples() -> None:
    plan = AcceptancePlan(auc=Auc(floor=0.9, margin=0.1))
    require_feasible(plan, anomalies(400, every=2), profiles=["m4"], boards=1)
    message = refusal(plan, anomalies(400, every=40))
    assert "pairs of an anomaly and a normal sample; the acceptance set has 10" in message


def test_the_largest_error_of_a_float_output_must_be_told() -> None:
    held = reference(400).model_copy(
        update={
            "task": Task(name="regression"),
            "output": TensorSpec("float32", (1, 1)),
            "outputs": StoredArray.of(np.zeros((400, 1), np.float32)),
            "targets": StoredArray.of(np.zeros((400, 1))),
        }
    )
    assert "largest error" in refusal(AcceptancePlan(mae=Mae(ceiling=0.1, margin=0.1)), held)
    told = AcceptancePlan(mae=Mae(ceiling=0.1, margin=0.1, largest_error=2.0))
    require_feasible(told, held, profiles=["m4"], boards=1)


def test_how_many_samples_an_error_needs_is_known_where_the_largest_is() -> None:
    told = AcceptancePlan(mae=Mae(ceiling=0.5, margin=0.5, largest_error=2.0))
    needed = samples_needed(told, labelled=False, computed=True)["mae"]
    found = CeilingTest(0.5, 0.5, told.alpha, told.beta, needed, 0.0, 2.0).decide(np.zeros(needed))
    assert (found.decision, found.samples) == (Decision.ACCEPT, needed)
    unknown = AcceptancePlan(mae=Mae(ceiling=0.5, margin=0.5))
    assert "mae" not in samples_needed(unknown, labelled=False, computed=True)
    with pytest.raises(TinyopsError, match="`mae` cannot be tested"):
        samples_needed(AcceptancePlan(mae=Mae(ceiling=2, margin=1, largest_error=2)), labelled=False, computed=True)
