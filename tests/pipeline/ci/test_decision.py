from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ci.decision import FOR_PRODUCTION, ORDER, STEPS_OF, Change, CiStep, Plan, decide

DOCS = Path(__file__).parents[3] / "docs" / "ci.md"

changes = st.sets(st.sampled_from(Change))
steps = st.sampled_from(ORDER)


def all_steps(plan: Plan) -> set[CiStep]:
    return {*plan.steps, *plan.held}


def test_nothing_changed_asks_for_nothing() -> None:
    assert decide([], tested=False, build=True, approved=True) == Plan((), (), complete=True)


def test_documentation_alone_is_linted_and_nothing_else() -> None:
    assert decide([Change.DOCUMENTATION], tested=False, build=True, approved=True).steps == (CiStep.LINT,)


def test_code_asks_for_everything() -> None:
    assert decide([Change.CODE], tested=False, build=True, approved=True).steps == ORDER


@pytest.mark.parametrize("change", [Change.DATA, Change.SCHEDULE])
def test_data_and_a_schedule_ask_for_a_run_without_lint_and_tests(change: Change) -> None:
    assert decide([change], tested=False, build=False, approved=True).steps == ORDER[ORDER.index(CiStep.COMPILE) :]


@given(st.sets(st.sampled_from(Change), min_size=1), st.booleans(), st.booleans(), steps)
def test_an_image_is_built_if_it_is_missing_and_a_pipeline_is_compiled(
    some: set[Change], tested: bool, approved: bool, until: CiStep
) -> None:
    plan = decide(some, tested=tested, build=True, approved=approved, until=until)
    assert CiStep.BUILD in plan.steps or CiStep.COMPILE not in plan.steps
    assert CiStep.BUILD not in decide(some, tested=tested, build=False, approved=approved, until=until).steps


@given(changes, changes, st.booleans(), st.booleans(), st.booleans(), steps)
def test_more_changes_never_ask_for_less(
    some: set[Change], more: set[Change], tested: bool, approved: bool, build: bool, until: CiStep
) -> None:
    fewer = decide(some, tested=tested, build=build, approved=approved, until=until)
    assert all_steps(fewer) <= all_steps(
        decide(some | more, tested=tested, build=build, approved=approved, until=until)
    )


@given(changes, st.booleans(), st.booleans(), steps)
def test_without_an_approval_nothing_reaches_production(
    some: set[Change], tested: bool, build: bool, until: CiStep
) -> None:
    plan = decide(some, tested=tested, build=build, approved=False, until=until)
    assert not FOR_PRODUCTION & set(plan.steps)
    approved = decide(some, tested=tested, build=build, approved=True, until=until)
    assert approved.steps == plan.steps + plan.held
    assert not approved.held


@given(changes, st.booleans(), st.booleans(), st.booleans(), steps)
def test_steps_keep_their_order_and_none_comes_twice(
    some: set[Change], tested: bool, approved: bool, build: bool, until: CiStep
) -> None:
    plan = decide(some, tested=tested, build=build, approved=approved, until=until)
    together = plan.steps + plan.held
    assert list(together) == sorted(together, key=ORDER.index)
    assert len(set(together)) == len(together)
    assert all(ORDER.index(step) <= ORDER.index(until) for step in together)


@given(changes, st.booleans(), st.booleans(), steps)
def test_what_passed_for_the_commit_is_not_tested_again(
    some: set[Change], approved: bool, build: bool, until: CiStep
) -> None:
    fresh = decide(some, tested=False, build=build, approved=approved, until=until)
    again = decide(some, tested=True, build=build, approved=approved, until=until)
    assert set(fresh.steps) - set(again.steps) <= {CiStep.LINT, CiStep.TESTS}
    assert not {CiStep.LINT, CiStep.TESTS} & set(again.steps)
    assert again.held == fresh.held


@given(changes, st.booleans(), st.booleans(), st.booleans(), steps)
def test_a_plan_is_complete_only_if_nothing_is_left_out(
    some: set[Change], tested: bool, approved: bool, build: bool, until: CiStep
) -> None:
    plan = decide(some, tested=tested, build=build, approved=approved, until=until)
    asked = {step for change in some for step in STEPS_OF[change]} - {CiStep.BUILD}
    asked |= {CiStep.BUILD} if build and CiStep.COMPILE in asked else set()
    passed = {CiStep.LINT, CiStep.TESTS} if tested else set()
    assert plan.complete == (asked <= set(plan.steps) | passed)


def test_the_table_in_the_documentation_is_the_decision() -> None:
    rows = [line.strip().strip("|").split("|") for line in DOCS.read_text().splitlines() if line.startswith("| ")]
    cells = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in rows}
    assert cells["changed"] == [step.value for step in ORDER]
    for change in Change:
        assert cells[change.value] == ["yes" if step in STEPS_OF[change] else "" for step in ORDER]
