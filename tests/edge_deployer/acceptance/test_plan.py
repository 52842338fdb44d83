"""The acceptance plan as data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edge_deployer.acceptance.plan import AcceptancePlan, Budget, load_plan
from edge_deployer.errors import TinyopsError


def test_without_a_file_the_default_plan_holds() -> None:
    assert load_plan(None) == AcceptancePlan()


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    plan = AcceptancePlan(budgets={"cortex-m4": Budget(latency_p99_us=5)}, on_failure={"latency": "warn"}, quorum=2)
    (tmp_path / "plan.yaml").write_text(plan.model_dump_json())
    assert load_plan(tmp_path / "plan.yaml") == plan


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("labels: {tolerated: 0.05, bad: 0.05}", "tolerated 0.05 must be below bad 0.05"),
        ("labels: {tolerated: 0}", "labels.tolerated = 0"),
        ("labels: {tolerated: 0.05, bad: 0.0500001}", "samples to tell apart, more than the 100,000"),
        ("labels: {tolerated: 1.0e-10, bad: 2.0e-10}", "labels.tolerated = 1e-10"),
        ("accuracy: {floor: 0.9, margin: 0.0001}", "samples to tell apart, more than the 100,000"),
        ("alpha: 0.5", "alpha = 0.5"),
        ("beta: 5.0e-324", "beta = 5e-324"),
        ("samples: 1000000000", "samples = 1000000000"),
        ("soak_inferences: 1000000000", "soak_inferences = 1000000000"),
        ("golden_vectors: 1", "golden_vectors = 1"),
        ("against_production: {margin: 1.0e-9}", "against_production.margin = 1e-09"),
        ("mae: {ceiling: 1, margin: 1.0e-9}", "margin 1e-09 is too small beside the ceiling 1"),
        ("mae: {ceiling: 1, margin: 1, largest_error: .inf}", "largest_error: .inf"),
        ("accuracy: {floor: 0.1, margin: 0.1}", "margin 0.1 must be below the floor 0.1"),
        ("accuracy: {floor: 1}", "accuracy.floor = 1"),
        ("on_failure: {smoke: warn}", "fails its smoke test cannot be accepted"),
        ("on_failure: {smock: warn}", "on_failure.smock"),
        ("budgets: {cortex-m4: {latency: 5}}", "budgets.cortex-m4.latency: unknown key"),
        ("max_disagreement: 0.01", "max_disagreement: unknown key"),
        ("mae: {ceiling: 0.5}", "mae.margin: missing"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(TinyopsError, match=r"plan\.yaml") as caught:
        load_plan(tmp_path / "plan.yaml")
    assert words in caught.value.message


@pytest.mark.parametrize(("boards", "quorum", "needed"), [(1, None, 1), (2, None, 2), (5, None, 2), (5, 4, 4)])
def test_two_boards_must_accept_unless_there_is_one_or_the_plan_says_otherwise(
    boards: int, quorum: int | None, needed: int
) -> None:
    assert AcceptancePlan(quorum=quorum).quorum_of(boards) == needed


def test_the_documented_defaults_are_the_defaults() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "acceptance.md").read_text()
    documented = page.partition("```yaml\n")[2].partition("```")[0]
    assert AcceptancePlan.model_validate(yaml.safe_load(documented)) == AcceptancePlan()
