"""Figures as the report prints them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_deployer.acceptance.check import Bound, CheckResult
from edge_deployer.finding import Told
from edge_deployer.report import formats
from tests.edge_deployer.report.typography import plain


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.98056, "98.1 %"),
        (0.99722, "99.72 %"),
        (0.005, "0.50 %"),
        (0.99999, ">99.99 %"),
        (0.00001, "<0.01 %"),
        (float("nan"), "not a number"),
    ],
)
def test_percent(share: float, text: str) -> None:
    assert plain(formats.percent(share)) == text


@given(st.floats(0, 1))
def test_only_everything_reads_as_everything(share: float) -> None:
    assert (plain(formats.percent(share)) == "100 %") == (share == 1.0)
    assert (plain(formats.percent(share)) == "0 %") == (share == 0.0)


@given(st.integers(0, 10**12))
def test_groups_hold_the_number(value: int) -> None:
    groups = formats.grouped(value).split(formats.NARROW_SPACE)
    assert int("".join(groups)) == value
    assert all(len(group) == 3 for group in groups[1:])


@pytest.mark.parametrize(
    ("microseconds", "text"), [(84, "84 µs"), (871.4, "871 µs"), (12_345, "12.3 ms"), (1_500_000, "1.50 s")]
)
def test_duration(microseconds: float, text: str) -> None:
    assert plain(formats.duration_us(microseconds)) == text


@pytest.mark.parametrize(("value", "text"), [(0.04, "0.0 s"), (4.23, "4.2 s"), (125.2, "2 min 5 s")])
def test_seconds(value: float, text: str) -> None:
    assert plain(formats.seconds(value)) == text


def test_times_are_utc() -> None:
    elsewhere = datetime(2026, 3, 14, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    assert formats.utc(elsewhere) == "2026-03-14 09:00:00 UTC"
    assert formats.utc(datetime(2026, 3, 14, 9, 0)) == "2026-03-14 09:00:00 UTC"


@pytest.mark.parametrize(
    ("difference", "text"), [(-0.00277, "-0.28 points"), (0.01, "+1.00 points"), (0, "0.00 points")]
)
def test_points(difference: float, text: str) -> None:
    assert plain(formats.points(difference)) == text


@pytest.mark.parametrize(
    ("name", "measured", "limit", "texts"),
    [
        ("smoke", 0.42, None, ("0.4 s", "—")),
        ("labels", 0.07, 0.01, ("7.0 %", "≤ 1.0 %")),
        ("outputs", 0.0, 0.01, ("0 %", "≤ 1.0 %")),
        ("accuracy", 0.93, 0.96, ("93.0 %", "≥ 96.0 %")),
        ("auc", 0.98765, 0.9, ("0.988", "≥ 0.900")),
        ("mae", 1.23456789, 2.0, ("1.23457", "≤ 2")),
        ("against_production", 0.0125, 0.05, ("-1.25 points", "≥ -5.00 points")),
        ("against_production", -0.0125, 0.05, ("+1.25 points", "≥ -5.00 points")),
        ("arena", 2_768.0, 65_536.0, ("2 768 B", "≤ 65 536 B")),
        ("flash", 6_712.0, 262_144.0, ("6 712 B", "≤ 262 144 B")),
        ("latency", 871.0, None, ("871 µs", "—")),
        ("soak", 1_000.0, 1_000.0, ("1 000", "≤ 1 000")),
        ("golden_vectors", 0.0625, 0.0, ("6.2 %", "≤ 0 %")),
        ("power_cycle", None, None, ("—", "—")),
    ],
)
def test_a_check_is_shown_in_its_unit(
    name: str, measured: float | None, limit: float | None, texts: tuple[str, str]
) -> None:
    check = CheckResult(name=name, status="passed", finding=Told(text=""), measured=measured, limit=limit)
    assert (plain(formats.check_measured(check)), plain(formats.check_limit(check))) == texts


@pytest.mark.parametrize(
    ("name", "bound", "text"),
    [
        ("labels", Bound(high=0.0408, confidence=0.95), "at most 4.1 % with 95 % confidence"),
        ("accuracy", Bound(low=0.915, confidence=0.999), "at least 91.5 % with 99.9 % confidence"),
        ("auc", Bound(low=0.8766, confidence=0.9), "at least 0.877 with 90 % confidence"),
        ("mae", Bound(high=1.5, confidence=0.95), "at most 1.5 with 95 % confidence"),
        ("against_production", Bound(high=0.031, confidence=0.95), "at least -3.10 points with 95 % confidence"),
        ("smoke", None, ""),
    ],
)
def test_a_bound_says_on_which_side_it_holds_and_how_surely(name: str, bound: Bound | None, text: str) -> None:
    check = CheckResult(name=name, status="passed", finding=Told(text=""), bound=bound)
    assert plain(formats.check_bound(check)) == text


@pytest.mark.parametrize(
    ("samples", "fixed", "text"),
    [(72, 181, "72 samples where a test of fixed size takes 181"), (1, None, "1 sample"), (None, None, "")],
)
def test_samples_stand_against_a_test_of_fixed_size(samples: int | None, fixed: int | None, text: str) -> None:
    check = CheckResult(name="labels", status="passed", finding=Told(text=""), samples=samples, fixed_samples=fixed)
    assert plain(formats.check_samples(check)) == text


@pytest.mark.parametrize(("value", "shown"), [(0.0725069, "0.07251"), (123456.7, "123 500"), (30.0, "30")])
def test_an_error_has_four_digits_in_its_own_unit(value: float, shown: str) -> None:
    assert plain(formats.metric(value, "rmse")) == shown
    assert plain(formats.change(-value, "mae")) == f"-{shown}"


def test_a_change_of_a_share_is_in_points() -> None:
    assert plain(formats.change(-0.0028, "accuracy")) == "-0.28 points"
