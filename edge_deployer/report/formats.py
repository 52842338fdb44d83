"""Figures as the report prints them: thin separators, a unit, no more digits than the figure carries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone

from edge_deployer.acceptance.check import CheckResult
from edge_deployer.acceptance.registry import Declaration, Unit, declaration_of
from edge_deployer.task import ERRORS, Metric

NARROW_SPACE = "\u202f"
"""Groups digits and joins a figure to its unit; it never breaks a line (ISO 80000-1 groups by thin spaces)."""

MINUS = "\u2212"

OF_THE_HOST = "found by bisection on a 64-bit host (a public comparison read 8 % above a 32-bit board)"
"""What is to be known of an arena that was found without a board."""

METRICS: dict[Metric, str] = {
    "accuracy": "Accuracy",
    "auc": "AUC",
    "recall": "Recall",
    "precision": "Precision",
    "mae": "Mean absolute error",
    "rmse": "Root mean square error",
}
"""The figures by name, as a heading has them."""

_METRIC_UNITS: dict[Metric, Unit] = {"auc": "score"}
"""Of those that are neither shares nor errors."""


def grouped(value: int) -> str:
    """A whole number in groups of three digits: ``65 536``."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def byte_count(value: int) -> str:
    """Bytes to the byte: ``2 768 B``."""
    return f"{grouped(value)}{NARROW_SPACE}B"


def percent(share: float) -> str:
    """A share of 1 in percent: one decimal, two where one would say too little (below 1 % and above 99 %).

    Only what is exactly nothing or exactly everything reads ``0 %`` or ``100 %``.
    """
    if not math.isfinite(share):
        return "not a number"
    if share in (0.0, 1.0):
        return f"{share * 100:.0f}{NARROW_SPACE}%"
    digits = 2 if share < 0.01 or share > 0.99 else 1
    text = f"{share * 100:.{digits}f}"
    if text in ("0.00", "100.00"):
        text = "<0.01" if share < 0.5 else ">99.99"
    return f"{text}{NARROW_SPACE}%"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, with its sign: ``-0.28 points``, the sign as a true minus."""
    sign = MINUS if difference < 0 else "+" if difference > 0 else ""
    return f"{sign}{abs(difference) * 100:.2f} points"


def duration_us(microseconds: float) -> str:
    """Microseconds in the unit a person would choose: ``84 µs``, ``12.3 ms``, ``1.50 s``."""
    if microseconds < 1_000:
        return f"{microseconds:.0f}{NARROW_SPACE}µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1e3:.3g}{NARROW_SPACE}ms"
    return f"{microseconds / 1e6:.2f}{NARROW_SPACE}s"


def seconds(value: float) -> str:
    """Seconds to a tenth; minutes from 100 s on: ``4.2 s``, ``2 min 5 s``."""
    if value < 100:
        return f"{value:.1f}{NARROW_SPACE}s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes}{NARROW_SPACE}min {rest}{NARROW_SPACE}s"


def utc(moment: datetime) -> str:
    """A moment in UTC: ``2026-03-14 09:26:53 UTC``. One without a zone is taken to be UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return f"{aware.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def number(value: float) -> str:
    """A figure of unknown meaning to six significant digits, whole ones in groups."""
    if math.isfinite(value) and value == int(value):
        return grouped(int(value))
    return f"{value:.6g}"


def short_hash(digest: str | None) -> str:
    """The first 8 hex digits; ``empty`` where there is no image."""
    return digest[:8] if digest else "empty"


def words(name: str) -> str:
    """A check's name as people write it: ``power cycle``."""
    return name.replace("_", " ")


def check_measured(check: CheckResult) -> str:
    """What a check measured, in its unit; an em dash where it measured nothing."""
    return "—" if check.measured is None else in_unit(check.measured, _unit(check))


def check_limit(check: CheckResult) -> str:
    """What a check was judged against, with the direction: ``≤ 1.0 %``, ``≥ 97.5 %``."""
    if check.limit is None:
        return "—"
    declaration = declaration_of(check.name)
    return f"{'≥' if declaration and declaration.at_least else '≤'} {in_unit(check.limit, _unit(check))}"


def check_bound(check: CheckResult) -> str:
    """What can be said of the true figure: ``at most 4.1 % with 95 % confidence``; empty without a bound."""
    bound, unit = check.bound, _unit(check)
    if bound is None:
        return ""
    # A loss is shown as a change: an upper bound of the one is a lower of the other.
    low, high = (bound.high, bound.low) if unit == "loss" else (bound.low, bound.high)
    text = "not bounded" if high is None else f"at most {in_unit(high, unit)}"
    text = text if low is None else f"at least {in_unit(low, unit)}"
    return f"{text} with {confidence(bound.confidence)} confidence"


def check_samples(check: CheckResult) -> str:
    """What the decision took: ``72 samples where a test of fixed size takes 181``; empty where nothing was tested."""
    if check.samples is None:
        return ""
    taken = f"{grouped(check.samples)} sample{'' if check.samples == 1 else 's'}"
    fixed = check.fixed_samples
    return taken if fixed is None else f"{taken} where a test of fixed size takes {grouped(fixed)}"


def metric(value: float, name: Metric) -> str:
    """The figure of a metric: AUC to three decimals, an error to four digits in its own unit, the others in percent."""
    return number(float(f"{value:.4g}")) if name in ERRORS else in_unit(value, _METRIC_UNITS.get(name, "share"))


def change(difference: float, name: Metric) -> str:
    """A difference of two figures of a metric with its sign: of errors in their own unit, of all others in points."""
    if name not in ERRORS:
        return points(difference)
    sign = MINUS if difference < 0 else "+" if difference > 0 else ""
    return f"{sign}{metric(abs(difference), name)}"


def figures(found: Mapping[Metric, float]) -> str:
    """Figures by name: ``accuracy 96.0 %, AUC 0.996``."""
    return ", ".join(f"{_lower(METRICS[name])} {metric(value, name)}" for name, value in found.items())


def _lower(heading: str) -> str:
    return heading if heading.isupper() else heading[0].lower() + heading[1:]


def confidence(share: float) -> str:
    """A confidence as it was asked for: ``95 %``, ``99.9 %``."""
    return f"{share * 100:.6g}{NARROW_SPACE}%"


def in_unit(value: float, unit: Unit) -> str:
    """A figure of a check in its unit; a loss is shown as a change, in points."""
    if unit == "share":
        return percent(value)
    if unit == "loss":
        return points(-value)
    if unit == "bytes":
        return byte_count(round(value))
    if unit == "microseconds":
        return duration_us(value)
    if unit == "seconds":
        return seconds(value)
    return f"{value:.3f}" if unit == "score" else number(value)


def _unit(check: CheckResult) -> Unit:
    return (declaration_of(check.name) or Declaration).unit
