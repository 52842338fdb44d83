"""What is odd about the data, in words. A pure function of the facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edge_deployer.release.data_findings import GateResult, Level
from edge_deployer.report import formats
from edge_deployer.report.facts import DataFacts, ScaleFacts
from edge_deployer.report.words import in_words, remedy_in_words

EMPTY_CHANNELS: Final = "empty channels"
"""Of what was done to recordings: what they leave without contents of the features."""
_HEAVY: Final = 0.1
"""The share of repeated samples from which on they are worth a word."""
_NAMED: Final = 3
"""Records that a sentence names."""
_TOLD_OTHERWISE: Final = ("duplicate", "conflicting")
_FACTOR: Final = 2.0
"""Values that spread so many times as far were recorded in another way; so were those that lie one spread apart."""


_STATES: Final[dict[Level, str]] = {
    "passed": "passed",
    "warned": "warns",
    "stopped": "failed",
    "not measured": "skipped",
}


@dataclass(frozen=True)
class GateRow:
    """What one gate on the data found, in a line."""

    state: str  # As that of a check: ``passed``, ``warns``, ``failed`` or ``skipped``.
    name: str
    told: str  # What it found and, where it warns or stops, what to do about it.


def gate_rows(results: Sequence[GateResult]) -> list[GateRow]:
    """A row for each result, in their order."""
    return [
        GateRow(
            _STATES[result.level],
            formats.words(result.gate),
            _told(result),
        )
        for result in results
    ]


def _told(result: GateResult) -> str:
    remedy = remedy_in_words(result.finding) if result.level in ("warned", "stopped") else None
    return f"{in_words(result.finding)}; {remedy}" if remedy else in_words(result.finding)


def data_warnings(data: DataFacts) -> list[str]:
    """A sentence for each thing that a user should look at before trusting a figure; empty for data without any."""
    empty = data.described.get(EMPTY_CHANNELS)
    return [*_anomalies(data), *([empty] if empty else []), *_classes(data), *_repeats(data), *_scales(data)]


def _anomalies(data: DataFacts) -> Iterator[str]:
    for name, found in data.anomalies.items():
        if name in _TOLD_OTHERWISE:
            continue
        shown = [f"{record} ({detail})" if detail else record for record, detail in found.records.items()]
        more = f" and {formats.grouped(found.count - _NAMED)} more" if found.count > _NAMED else ""
        what = "left out" if found.left_out else "used all the same"
        count = "1 record is" if found.count == 1 else f"{formats.grouped(found.count)} records are"
        yield f"{count} {name.replace('_', ' ')}, {what}: {', '.join(shown[:_NAMED])}{more}"


def _classes(data: DataFacts) -> Iterator[str]:
    for split, counts in data.class_counts.items():
        missing = [name for name, count in zip(data.class_names, counts, strict=True) if not count]
        if missing:
            what = "class" if len(missing) == 1 else "classes"
            yield f"split {split} has no samples of {what} {', '.join(missing)}"


def _repeats(data: DataFacts) -> Iterator[str]:
    samples = sum(data.splits.values())
    if data.conflicting:
        yield f"{_samples(data.conflicting)} have equal inputs and different labels: see which label is right"
    if data.repeated > _HEAVY * samples:
        share = formats.percent(data.repeated / samples)
        yield f"{_samples(data.repeated)} ({share}) repeat the input of an earlier one: they add nothing to learn from"
    if data.shared:
        shared = formats.grouped(data.shared)
        yield f"samples of other splits that stand in train too: {shared}; figures will look too good"


def _samples(count: int) -> str:
    return f"{formats.grouped(count)} samples"


def _scales(data: DataFacts) -> Iterator[str]:
    if not data.scales:
        return
    train, *others = data.scales
    for other in others:
        if _differ(data.scales[train], data.scales[other]):
            yield _unlike(f"split {other}", data.scales[other], f"split {train}", data.scales[train])
    if data.earlier_scale is not None and _differ(data.earlier_scale, data.scales[train]):
        yield _unlike("this data", data.scales[train], "the data of the run before", data.earlier_scale)


def _differ(one: ScaleFacts, other: ScaleFacts) -> bool:
    low, high = sorted((one.spread, other.spread))
    return high > 0 and (high >= _FACTOR * low or abs(one.mean - other.mean) >= high)


def _unlike(new: str, values: ScaleFacts, known: str, others: ScaleFacts) -> str:
    return (
        f"values of {new} lie at {_figures(values)}, those of {known} at {_figures(others)}: "
        "see that both were recorded alike, in the same unit"
    )


def _figures(scale: ScaleFacts) -> str:
    return f"{scale.mean:.3g} ± {scale.spread:.3g}"
