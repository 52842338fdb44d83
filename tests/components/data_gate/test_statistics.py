"""Evidence from real statistics of TFDV's."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_deployer.errors import TinyopsError
from tests.components.data_gate.made_statistics import statistics_of


def samples(seed: int = 0, count: int = 300, *, of: int = 4) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    return random.normal(size=(count, of)), random.integers(0, 3, count)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=200))
def test_labels_are_counted_to_the_last_sample(labels: list[int]) -> None:
    from components.data_gate.statistics import label_counts

    assert label_counts(statistics_of(np.zeros((len(labels), 2)), labels), "label") == Counter(labels)


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60),
    st.booleans(),
)
def test_every_group_that_both_splits_have_is_found(train: list[str], held_out: list[str], numbered: bool) -> None:
    from components.data_gate.statistics import overlap

    def split(groups: list[str]) -> Any:
        named = [ord(group) if numbered else group for group in groups]
        return statistics_of(np.zeros((len(groups), 2)), [0] * len(groups), named)

    found = overlap(split(train), split(held_out), "person")
    both = {str(ord(group)) if numbered else group for group in {*train} & {*held_out}}
    assert set(found.shared) == both
    assert found.groups == found.compared == len({*held_out})


def test_a_thousand_and_more_groups_are_all_compared() -> None:
    from components.data_gate.statistics import overlap

    names = [f"recording-{number}" for number in range(3000)]
    train = statistics_of(np.zeros((2000, 1)), [0] * 2000, names[:2000])
    held_out = statistics_of(np.zeros((1001, 1)), [0] * 1001, names[1999:])
    found = overlap(train, held_out, "person")
    assert (found.groups, found.compared, found.shared) == (1001, 1001, ("recording-1999",))


def test_groups_beyond_those_that_are_listed_are_not_taken_for_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    from components.data_gate import statistics

    monkeypatch.setattr(statistics, "_MOST_VALUES", 10)
    names = [f"recording-{number}" for number in range(60)]
    train = statistics_of(np.zeros((30, 1)), [0] * 30, names[:30])
    held_out = statistics_of(np.zeros((30, 1)), [0] * 30, names[30:])
    found = statistics.overlap(train, held_out, "person")
    assert (found.groups, found.compared, found.shared) == (30, 0, ())


def test_the_distance_of_labels_is_the_largest_difference_of_shares() -> None:
    from components.data_gate.statistics import measure

    one = statistics_of(np.zeros((100, 1)), [0] * 50 + [1] * 50)
    other = statistics_of(np.zeros((100, 1)), [0] * 20 + [1] * 50 + [2] * 30)
    assert measure(one, other, label="label", group=None).labels == pytest.approx(0.3)
    assert measure(one, one, label="label", group=None).labels == 0


@pytest.mark.parametrize(
    ("change", "least", "most"),
    [
        (lambda values: values, 0, 0.05),
        (lambda values: values * 16, 0.3, 1),
        (lambda values: values + 4, 0.4, 1),
        # One value that is far off bends no histogram.
        (lambda values: np.where(np.arange(values.size).reshape(values.shape), values, 1e6), 0, 0.2),
    ],
    ids=["drawn again", "another unit", "another offset", "an outlier"],
)
def test_values_from_elsewhere_are_far_and_those_drawn_again_are_near(change: Any, least: float, most: float) -> None:
    from components.data_gate.statistics import measure

    values, labels = samples(0, 1000)
    again, other_labels = samples(1, 300)
    train, held_out = statistics_of(values, labels), statistics_of(change(again), other_labels)
    found = measure(held_out, train, label="label", group=None).values["input"]
    assert least <= found <= most
    assert measure(train, held_out, label="label", group=None).values["input"] == pytest.approx(found, abs=1e-6)


def test_what_does_not_fit_the_schema_is_told_by_split_and_feature() -> None:
    from components.data_gate.statistics import anomalies
    from components.project_schema.inference import schema_of

    values, labels = samples()
    train = statistics_of(values, labels)
    schema = schema_of([train])
    assert not list(anomalies(train, schema, "train"))
    ((split, feature, text),) = anomalies(statistics_of(*samples(of=5)), schema, "eval")
    assert (split, feature) == ("eval", "input")
    assert "length 5" in text
    schema.feature[0].float_domain.max = 0.5
    ((_, feature, text),) = anomalies(train, schema, "train")
    assert feature == "input"
    assert "high value" in text


def test_statistics_that_do_not_count_labels_are_refused_with_what_makes_them() -> None:
    from components.data_gate.statistics import label_counts

    statistics = statistics_of(*samples())
    with pytest.raises(TinyopsError, match=r"'kind'.*they have input, label") as refused:
        label_counts(statistics, "kind")
    assert "statistics_options" in refused.value.remedy
    with pytest.raises(TinyopsError, match="'input'"):
        label_counts(statistics, "input")


def test_what_later_runs_are_compared_with_has_no_groups() -> None:
    from components.data_gate.statistics import comparable, features_of

    values, labels = samples()
    statistics = statistics_of(values, labels, [f"person-{number % 9}" for number in range(300)])
    assert sorted(features_of(comparable(statistics, group="person"))) == ["input", "label"]
    assert "person" in features_of(statistics)


def test_the_last_digit_of_a_mean_makes_no_other_data() -> None:
    """Two runs over the digits differed by it, on one runner and on two."""
    from components.data_gate.statistics import comparable

    first, second = statistics_of(*samples()), statistics_of(*samples())
    for statistics, toward in ((first, -np.inf), (second, np.inf)):
        figures = next(one.num_stats for one in statistics.datasets[0].features if one.HasField("num_stats"))
        figures.mean = np.nextafter(figures.mean, toward)
        figures.std_dev = np.nextafter(figures.std_dev, toward)
    assert first != second
    assert comparable(first, group=None) == comparable(second, group=None)
