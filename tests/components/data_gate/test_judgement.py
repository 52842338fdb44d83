"""What the gates find in evidence, for evidence of any kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.data_gate.gates import DataGates, Least, Most
from components.data_gate.judgement import Evidence, Measured, Overlap, chance, judge
from edge_deployer.release.data_findings import DataFindings, GateResult
from edge_deployer.report.words import in_words, remedy_in_words

NAMES = ("off", "on", "idle")
COUNTS = st.dictionaries(st.integers(0, len(NAMES) - 1), st.integers(0, 500))
DISTANCES = st.floats(0, 1)
MEASURED = st.builds(Measured, DISTANCES, st.dictionaries(st.sampled_from(["input", "target"]), DISTANCES))
OVERLAPS = st.builds(
    lambda shared, more: Overlap(len(shared) + more, len(shared) + more, tuple(sorted(shared))),
    st.sets(st.text("abc", min_size=1), max_size=8),
    st.integers(0, 9),
)


@st.composite
def evidence(draw: st.DrawFn) -> Evidence:
    found = Evidence(
        splits=("train", "eval"),
        labels=draw(st.none() | st.fixed_dictionaries({"train": COUNTS, "eval": COUNTS})),
        skew={"eval": draw(MEASURED)},
        overlaps=draw(st.none() | st.fixed_dictionaries({"eval": OVERLAPS})),
        anomalies=draw(st.sampled_from([(), (("eval", "input", "has no shape"),)])),
        accepted=draw(st.sampled_from(["nothing", "same"])),
    )
    return draw(st.just(found) | st.builds(found.compared_with, st.none() | COUNTS, MEASURED))


def told(result: GateResult) -> str:
    """In plain spaces."""
    return in_words(result.finding).replace("\u202f", " ")


def good(**changed: Any) -> Evidence:
    """Nothing is wrong with it but what is changed."""
    counts = {0: 400, 1: 400, 2: 400}
    fields: dict[str, Any] = {
        "splits": ("train", "eval"),
        "labels": {"train": counts, "eval": {0: 100, 1: 100, 2: 100}},
        "skew": {"eval": Measured(0.0, {"input": 0.01})},
        "overlaps": {"eval": Overlap(4, 4, ())},
    }
    return Evidence(**{**fields, **changed})


def found(evidence: Evidence, gates: DataGates | None = None, *, anomaly_task: bool = False) -> dict[str, GateResult]:
    results = judge(evidence, gates or DataGates(), class_names=NAMES, anomaly_task=anomaly_task)
    return {result.gate: result for result in results}


@given(evidence(), st.booleans())
def test_every_gate_answers_in_words_and_is_read_back(evidence: Evidence, anomaly_task: bool) -> None:
    results = judge(evidence, DataGates(), class_names=NAMES, anomaly_task=anomaly_task)
    assert {result.gate for result in results} == set(DataGates.model_fields)
    for result in results:
        assert in_words(result.finding)
        assert result.level not in ("warned", "stopped") or remedy_in_words(result.finding)
    record = DataFindings(results=results)
    assert DataFindings.model_validate_json(record.model_dump_json()) == record


@given(evidence(), st.booleans())
def test_gates_that_only_warn_stop_nothing_and_find_the_same(evidence: Evidence, anomaly_task: bool) -> None:
    warning = DataGates.model_validate(dict.fromkeys(DataGates.model_fields, "warn"))
    before, after = (
        judge(evidence, gates, class_names=NAMES, anomaly_task=anomaly_task) for gates in (DataGates(), warning)
    )
    assert [result.gate for result in before] == [result.gate for result in after]
    for one, other in zip(before, after, strict=True):
        assert other.level == ("warned" if one.level == "stopped" else one.level)


@given(DISTANCES, DISTANCES)
def test_a_greater_distance_is_never_judged_better(one: float, other: float) -> None:
    order = ("passed", "warned", "stopped")
    low, high = sorted((one, other))
    for gate in ("value_skew", "value_drift"):
        levels = [
            order.index(found(good(skew={"eval": same}).compared_with(None, same))[gate].level)
            for same in (Measured(0, {"input": low}), Measured(0, {"input": high}))
        ]
        assert levels == sorted(levels)


def test_data_without_fault_passes_and_says_what_was_not_measured() -> None:
    levels = {gate: result.level for gate, result in found(good()).items()}
    assert {gate for gate, level in levels.items() if level != "passed"} == {"label_drift", "value_drift"}
    assert levels["label_drift"] == "not measured"


@pytest.mark.parametrize(
    ("gate", "changed", "said"),
    [
        (
            "schema_anomalies",
            {"anomalies": (("eval", "input", "has 5 values"),)},
            "split eval does not fit the schema: input: has 5 values",
        ),
        (
            "unseen_labels",
            {"labels": {"train": {0: 9, 1: 9}, "eval": {0: 9, 1: 9, 2: 9}}},
            "split eval has samples of idle, train has none",
        ),
        (
            "shared_groups",
            {"overlaps": {"eval": Overlap(9, 9, ("ada", "bo"))}},
            "2 of 9 groups in split eval stand in train, too: ada and bo",
        ),
        (
            "class_examples",
            {"labels": {"train": {0: 99, 1: 99, 2: 1}, "eval": {0: 9, 1: 9}}},
            "class idle has the fewest samples, 1; 2 are wanted",
        ),
        (
            "imbalance",
            {"labels": {"train": {0: 999, 1: 999, 2: 9}, "eval": {0: 9, 1: 9, 2: 9}}},
            "train has 111 times as many samples of off as of idle",
        ),
        (
            "label_skew",
            {
                "labels": {"train": {0: 900, 1: 50, 2: 50}, "eval": {0: 10, 1: 290, 2: 100}},
                "skew": {"eval": Measured(0.875, {})},
            },
            "the share of class off is 2.5 % in split eval and 90.0 % in split train: 0.875 apart; up to 0.5 is taken",
        ),
        ("value_skew", {"skew": {"eval": Measured(0.0, {"input": 0.6})}}, "values of input in split eval are 0.600"),
    ],
)
def test_each_fault_stops_the_run_at_its_gate_alone(gate: str, changed: dict[str, Any], said: str) -> None:
    results = found(good(**changed))
    assert results[gate].level == "stopped"
    assert said in told(results[gate])
    assert {name for name, result in results.items() if result.level == "stopped"} == {gate}


def test_other_data_than_was_accepted_is_drift() -> None:
    results = found(good().compared_with({0: 100, 1: 1000, 2: 100}, Measured(0.5, {"input": 0.35})))
    assert {results["label_drift"].level, results["value_drift"].level} == {"stopped"}
    assert "33.3 % in this data and 83.3 % in the data accepted last" in told(results["label_drift"])


def test_a_difference_that_chance_explains_is_none() -> None:
    """Six held-out samples of three classes: their shares say next to nothing."""
    labels = {"train": {0: 40, 1: 40, 2: 40}, "eval": {0: 4, 1: 1, 2: 1}}
    (few,) = [found(good(labels=labels, skew={"eval": Measured(1 / 3, {})}))["label_skew"]]
    assert few.level == "passed"
    assert "may be chance" in in_words(few.finding)
    many = {split: {label: 50 * count for label, count in counts.items()} for split, counts in labels.items()}
    assert found(good(labels=many, skew={"eval": Measured(1 / 3, {})}))["label_skew"].level == "warned"


@given(*[st.integers(0, 1000)] * 2, *[st.integers(1, 1000)] * 2)
def test_more_samples_leave_less_to_chance(count: int, known: int, more: int, more_known: int) -> None:
    of, known_of = count + more, known + more_known
    assume(count + known)
    assert 0 < chance(2 * count, 2 * of, 2 * known, 2 * known_of) < chance(count, of, known, known_of)
    assert chance(count, of, known, known_of) == chance(known, known_of, count, of)


def test_groups_that_were_not_all_compared_are_said() -> None:
    result = found(good(overlaps={"eval": Overlap(200_000, 0, ())}))["shared_groups"]
    assert result.level == "warned"
    assert "of which 0 were compared" in in_words(result.finding)


def test_an_anomaly_detection_may_train_on_normal_samples_alone() -> None:
    labels = {"train": {0: 400}, "eval": {0: 50, 1: 50, 2: 50}}
    results = found(good(labels=labels, skew={"eval": Measured(0.67, {})}), anomaly_task=True)
    assert not [result for result in results.values() if result.level in ("warned", "stopped")]


@given(st.integers(0, 50), st.integers(0, 50))
def test_limits_that_are_left_open_find_nothing(count: int, rare: int) -> None:
    gates = DataGates(class_examples=Least(), imbalance=Most(), value_skew=Most())
    labels = {"train": {0: 500 + count, 1: rare, 2: 1}, "eval": {}}
    results = found(good(labels=labels, skew={"eval": Measured(0, {"input": 1.0})}), gates)
    assert {results[gate].level for gate in ("class_examples", "imbalance", "value_skew")} == {"passed"}
    assert "is taken" not in in_words(results["value_skew"].finding)
