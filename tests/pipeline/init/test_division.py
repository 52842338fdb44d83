"""How records are divided, and what is asked of so many: the plan that is proposed can always be decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.listing import Listing
from components.sensor_example_gen.sources.section import Splits
from components.sensor_example_gen.splits import EVAL, assign_splits
from edge_deployer.acceptance.feasibility import require_samples
from edge_deployer.acceptance.plan import AcceptancePlan
from pipeline.init.division import Division, Held, divide, floors, too_little
from pipeline.init.proposal import Grouping

BY_NOTHING = Grouping(None)


def section(classes: int, group: str | None = None) -> ArraysSection:
    names = [str(index) for index in range(classes)]
    return ArraysSection(source="data.npz", input="x", label="label", classes=names, group=group)


def listing(labels: Any, groups: Any = None, given: Any = None) -> Listing:
    labels = np.asarray(labels, np.int64)
    names = tuple(f"{index}.wav" for index in range(len(labels)))
    return Listing(
        rows=np.arange(len(labels)),
        labels=labels,
        groups=None if groups is None else np.asarray(groups),
        given=None if given is None else np.asarray(given),
        names=names,
    )


def divided(records: Listing, classes: int = 2, counts: Any = None, grouping: Grouping = BY_NOTHING) -> Division | None:
    each = np.ones(len(records)) if counts is None else np.asarray(counts, np.float64)
    return divide(records, each, section(classes, grouping.group), grouping)


def test_much_data_is_divided_four_to_one_and_held_to_the_defaults() -> None:
    division = divided(listing(np.arange(2000) % 4), 4)
    assert division is not None
    assert (division.splits.value, dict(division.plan)) == ({"train": 4, "eval": 1}, {})


def test_little_data_holds_out_a_larger_share_before_it_asks_for_less() -> None:
    division = divided(listing(np.arange(660) % 2))
    assert division is not None
    assert (division.splits.value, dict(division.plan)) == ({"train": 2, "eval": 1}, {})


def test_least_data_is_asked_for_less() -> None:
    division = divided(listing(np.arange(200) % 2))
    assert division is not None
    assert division.strictness > 0
    assert division.plan["alpha"] == 0.1


def test_windows_count_and_not_recordings() -> None:
    few = listing(np.arange(30) % 2)
    assert divided(few) is None
    division = divided(few, counts=np.full(30, 60))
    assert division is not None
    assert division.held.train + division.held.eval == 1800
    assert not division.plan


def test_groups_are_held_out_that_have_every_label() -> None:
    """Group 0 has one label, and is a fifth of all."""
    groups = np.repeat(np.arange(5), 200)
    labels = np.where(groups == 0, 0, np.arange(1000) % 2)
    division = divided(listing(labels, groups), grouping=Grouping("who"))
    assert division is not None
    assert len(division.splits.value["eval_groups"]) == 1
    assert division.splits.value["eval_groups"] != ["0"]


def test_groups_that_are_labels_divide_nothing() -> None:
    labels = np.arange(900) % 3
    assert divided(listing(labels, labels), 3, grouping=Grouping("who")) is None


def test_many_groups_are_divided_by_their_hash() -> None:
    groups = np.repeat(np.arange(100), 20)
    records = listing(np.arange(2000) % 2, groups)
    division = divided(records, grouping=Grouping("who"))
    assert division is not None
    assert set(division.splits.value) == {"train", "eval"}
    chosen = section(2, "who").model_copy(update={"splits": Splits.model_validate(division.splits.value)})
    held_out = groups[assign_splits(records, chosen)[EVAL]]
    assert (np.bincount(held_out)[np.unique(held_out)] == 20).all()


def test_a_given_division_is_kept_as_it_is() -> None:
    given = np.where(np.arange(1500) < 1000, "train", "eval")
    data = section(2).model_copy(update={"splits": Splits(field="part")})
    division = divide(listing(np.arange(1500) % 2, given=given), np.ones(1500), data, BY_NOTHING)
    assert division is not None
    assert division.splits.value == {"field": "part"}
    assert division.held.eval == 500


@given(
    classes=st.integers(2, 6),
    records=st.integers(10, 700),
    groups=st.integers(0, 30),
    seed=st.integers(0, 5),
)
def test_whatever_is_proposed_can_be_decided(classes: int, records: int, groups: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    all_of = listing(random.integers(0, classes, records), random.integers(0, groups, records) if groups else None)
    division = divided(all_of, classes, grouping=Grouping("who") if groups else BY_NOTHING)
    if division is None:
        assert "collect more" in too_little(all_of, np.ones(records), "it").remedy
        return
    plan = AcceptancePlan.model_validate(division.plan)
    require_samples(plan, division.held.eval, labelled=True, computed=True)
    assert division.held.train + division.held.eval == records
    there = np.array(division.held.train_counts) + np.array(division.held.eval_counts) > 0
    assert (np.array(division.held.eval_counts)[there] > 0).all()
    assert (np.array(division.held.train_counts)[there] > 0).all()


@pytest.mark.parametrize(
    ("counts", "floor"), [((50, 50), 0.75), ((10,) * 10, 0.55), ((90, 10), 0.95), ((399, 1), 0.99)]
)
def test_a_model_must_leave_half_of_the_errors_of_a_constant_answer(counts: tuple[int, ...], floor: float) -> None:
    evaluate, acceptance = floors(Held(400, sum(counts), counts, counts), {"alpha": 0.1})
    assert {choice.field: choice.value for choice in evaluate} == {"min_accuracy": floor, "max_drop": 0.05}
    assert [choice.field for choice in acceptance] == ["alpha"]


@pytest.mark.parametrize(("samples", "judged"), [(2000, True), (30, False)])
def test_boards_are_held_to_a_ceiling_where_the_samples_can_decide_of_it(samples: int, judged: bool) -> None:
    targets = np.linspace(0, 100, samples).reshape(-1, 1)
    evaluate, acceptance = floors(Held(4 * samples, samples, (), (), targets), {})
    assert evaluate[0].field == "max_mae"
    assert evaluate[0].value == pytest.approx(12.5, abs=0.6)
    assert [choice.field for choice in acceptance] == (["mae"] if judged else [])
