"""Limits as a project file gives them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from components.data_gate.gates import DataGates


def test_a_limit_that_is_not_given_keeps_its_default() -> None:
    gates = DataGates.model_validate({"label_drift": {"stop": 0.6}, "class_examples": {"warn": None}})
    assert (gates.label_drift.warn, gates.label_drift.stop) == (0.1, 0.6)
    assert (gates.class_examples.warn, gates.class_examples.stop) == (None, 2)
    assert gates.value_drift == DataGates().value_drift


def test_warn_takes_away_what_stops_and_nothing_else() -> None:
    gates = DataGates.model_validate({"value_drift": "warn", "shared_groups": "warn"})
    assert (gates.value_drift.warn, gates.value_drift.stop) == (0.1, None)
    assert gates.shared_groups == "warn"
    assert DataGates.model_validate_json(gates.model_dump_json()) == gates


@pytest.mark.parametrize("wrong", [{"luck": "warn"}, {"label_drift": "never"}, {"value_skew": {"stop": -1}}])
def test_what_is_no_limit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DataGates.model_validate(wrong)
