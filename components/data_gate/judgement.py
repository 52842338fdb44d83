"""Findings from evidence: what each gate has to say of the data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Final, Literal

from components.data_gate.gates import Action, DataGates, Least, Most
from edge_deployer.release.data_findings import (
    FewestExamples,
    GateName,
    GateResult,
    GroupsApart,
    GroupsUncounted,
    Imbalance,
    LabelDistance,
    LabelsSeen,
    Level,
    NotMeasured,
    SchemaAnomaly,
    SchemaFits,
    SharedGroups,
    UnseenLabels,
    ValueDistance,
)

ACCEPTED: Final = "the data accepted last"
_SHOWN: Final = 5
_DEVIATIONS: Final = 3.3
"""Standard deviations that a difference of two shares exceeds by chance once in a thousand times."""

Counts = Mapping[int, int]
"""Samples of each class, by its index."""


@dataclass(frozen=True)
class Overlap:
    """Groups of a split that stand in train, too."""

    groups: int  # In the split.
    compared: int  # How many of them were looked for in train; all but where there are very many.
    shared: tuple[str, ...]  # Names of those found.


@dataclass(frozen=True)
class Measured:
    """Distances between train and other samples."""

    labels: float | None = None  # L-infinity; None where there are no labels in one of both.
    values: Mapping[str, float] = field(default_factory=dict)  # Jensen-Shannon divergence by feature.


@dataclass(frozen=True)
class Evidence:
    """All that the gates judge by. The first split is train."""

    splits: tuple[str, ...]
    labels: Mapping[str, Counts] | None  # By split; None where the data has no classes.
    skew: Mapping[str, Measured]  # Between train and each other split.
    overlaps: Mapping[str, Overlap] | None  # By split other than train; None where the project names no group.
    anomalies: tuple[tuple[str, str, str], ...] = ()  # Split, feature, and what does not fit, in TFDV's words.
    accepted: Literal["nothing", "same", "other"] = "nothing"  # What the last accepted run had.
    accepted_labels: Counts | None = None
    drift: Measured = Measured()  # Between train and the last accepted run's.

    def compared_with(self, labels: Counts | None, drift: Measured) -> Evidence:
        """The same, with what the last accepted run had, which was other data."""
        return replace(self, accepted="other", accepted_labels=labels, drift=drift)


def judge(
    evidence: Evidence, gates: DataGates, *, class_names: Sequence[str], anomaly_task: bool
) -> tuple[GateResult, ...]:
    """What each gate finds, in the order of `DataGates`.

    Args:
        evidence: what was measured.
        gates: the limits.
        class_names: name of each class, in the order of the indices; empty where the data has none.
        anomaly_task: whether one class is rare by nature, and may be missing in train.
    """
    return (
        *_schema(evidence, gates),
        *_classes(evidence, gates, class_names, anomaly_task=anomaly_task),
        *_groups(evidence, gates.shared_groups),
        *_skew(evidence, gates, class_names, anomaly_task=anomaly_task),
        *_drift(evidence, gates, class_names),
    )


def chance(count: int, of: int, known_count: int, known_of: int) -> float:
    """Difference of two shares that chance alone exceeds once in a thousand times, where both are of one population.

    The normal approximation with the pooled share; of a population without samples it is unbounded.
    """
    if not of or not known_of:
        return float("inf")
    share = (count + known_count) / (of + known_of)
    return _DEVIATIONS * sqrt(share * (1 - share) * (1 / of + 1 / known_of))


def _schema(evidence: Evidence, gates: DataGates) -> Iterator[GateResult]:
    for split, feature, text in evidence.anomalies:
        finding = SchemaAnomaly(split=split, feature=feature, text=text)
        yield _by_action("schema_anomalies", gates.schema_anomalies, finding)
    if not evidence.anomalies:
        yield GateResult(gate="schema_anomalies", level="passed", finding=SchemaFits())


def _classes(evidence: Evidence, gates: DataGates, names: Sequence[str], *, anomaly_task: bool) -> Iterator[GateResult]:
    names_of_gates: tuple[GateName, ...] = ("unseen_labels", "class_examples", "imbalance")
    if evidence.labels is None or not names:
        yield from (_not_measured(gate, "no_label") for gate in names_of_gates)
        return
    train = evidence.labels[evidence.splits[0]]
    if anomaly_task:
        yield _not_measured("unseen_labels", "anomaly_task")
    else:
        yield from _unseen(evidence.labels, evidence.splits, names, gates.unseen_labels)
    yield _fewest(evidence.labels, names, gates.class_examples)
    if anomaly_task:
        yield _not_measured("imbalance", "anomaly_task")
    else:
        yield _imbalance(train, names, gates.imbalance)


def _unseen(
    labels: Mapping[str, Counts], splits: Sequence[str], names: Sequence[str], action: Action
) -> Iterator[GateResult]:
    train, *others = splits
    seen = {label for label, count in labels[train].items() if count}
    found = False
    for split in others:
        unseen = sorted(label for label, count in labels[split].items() if count and label not in seen)
        if unseen:
            found = True
            classes = tuple(_name(names, label) for label in unseen)
            yield _by_action("unseen_labels", action, UnseenLabels(split=split, classes=classes))
    if not found:
        yield GateResult(gate="unseen_labels", level="passed", finding=LabelsSeen())


def _fewest(labels: Mapping[str, Counts], names: Sequence[str], least: Least) -> GateResult:
    totals = [sum(counts.get(label, 0) for counts in labels.values()) for label in range(len(names))]
    fewest = min(totals)
    level, limit = _below(fewest, least)
    finding = FewestExamples(name=names[totals.index(fewest)], count=fewest, limit=limit)
    return GateResult(gate="class_examples", level=level, finding=finding)


def _imbalance(train: Counts, names: Sequence[str], most: Most) -> GateResult:
    present = {label: count for label, count in train.items() if count}
    if not present:
        return _not_measured("imbalance", "nothing_in_common")
    smallest, largest = min(present, key=lambda one: (present[one], one)), max(present, key=lambda one: present[one])
    ratio = present[largest] / present[smallest]
    level, limit = _beyond(ratio, most)
    finding = Imbalance(
        ratio=ratio,
        largest=_name(names, largest),
        smallest=_name(names, smallest),
        share=present[smallest] / sum(present.values()),
        limit=limit,
    )
    return GateResult(gate="imbalance", level=level, finding=finding)


def _groups(evidence: Evidence, action: Action) -> Iterator[GateResult]:
    if evidence.overlaps is None:
        yield _not_measured("shared_groups", "no_group")
        return
    for split, overlap in evidence.overlaps.items():
        if overlap.shared:
            finding = SharedGroups(
                split=split, count=len(overlap.shared), groups=overlap.groups, some=overlap.shared[:_SHOWN]
            )
            yield _by_action("shared_groups", action, finding)
        elif overlap.compared < overlap.groups:
            uncounted = GroupsUncounted(split=split, groups=overlap.groups, compared=overlap.compared)
            yield GateResult(gate="shared_groups", level="warned", finding=uncounted)
        else:
            yield GateResult(gate="shared_groups", level="passed", finding=GroupsApart(groups=overlap.groups))


def _skew(evidence: Evidence, gates: DataGates, names: Sequence[str], *, anomaly_task: bool) -> Iterator[GateResult]:
    train, *others = evidence.splits
    for split in others:
        measured, of, known = evidence.skew[split], f"split {split}", f"split {train}"
        if anomaly_task:
            yield _not_measured("label_skew", "anomaly_task")
        elif evidence.labels is None or measured.labels is None:
            yield _not_measured("label_skew", "no_label")
        else:
            counts = (evidence.labels[split], evidence.labels[train])
            yield _labels("label_skew", measured.labels, gates.label_skew, (of, known), counts, names)
        yield from _values("value_skew", measured.values, gates.value_skew, (of, known))


def _drift(evidence: Evidence, gates: DataGates, names: Sequence[str]) -> Iterator[GateResult]:
    if evidence.accepted != "other":
        why = "nothing_accepted" if evidence.accepted == "nothing" else "same_data"
        yield from (_not_measured(gate, why) for gate in ("label_drift", "value_drift"))
        return
    train, ends = evidence.splits[0], ("this data", ACCEPTED)
    if evidence.labels is None or evidence.accepted_labels is None or evidence.drift.labels is None:
        yield _not_measured("label_drift", "no_label")
    else:
        counts = (evidence.labels[train], evidence.accepted_labels)
        yield _labels("label_drift", evidence.drift.labels, gates.label_drift, ends, counts, names)
    yield from _values("value_drift", evidence.drift.values, gates.value_drift, ends)


def _labels(
    gate: GateName,
    distance: float,
    most: Most,
    ends: tuple[str, str],
    counts: tuple[Counts, Counts],
    names: Sequence[str],
) -> GateResult:
    """A distance that chance explains is none."""
    new, known = counts
    of, known_of = sum(new.values()), sum(known.values())

    def apart(label: int) -> float:
        return abs(_share(new.get(label, 0), of) - _share(known.get(label, 0), known_of))

    farthest = max(sorted({*new, *known}), key=apart, default=0)
    by_chance = chance(new.get(farthest, 0), of, known.get(farthest, 0), known_of)
    level, limit = _beyond(distance, most)
    finding = LabelDistance(
        of=ends[0],
        known=ends[1],
        name=_name(names, farthest),
        share=_share(new.get(farthest, 0), of),
        known_share=_share(known.get(farthest, 0), known_of),
        distance=distance,
        chance=min(1.0, by_chance),
        limit=limit,
    )
    return GateResult(gate=gate, level=level if distance > by_chance else "passed", finding=finding)


def _values(gate: GateName, distances: Mapping[str, float], most: Most, ends: tuple[str, str]) -> Iterator[GateResult]:
    for feature, distance in distances.items():
        level, limit = _beyond(distance, most)
        finding = ValueDistance(of=ends[0], known=ends[1], feature=feature, distance=distance, limit=limit)
        yield GateResult(gate=gate, level=level, finding=finding)
    if not distances:
        yield _not_measured(gate, "nothing_in_common")


def _beyond(figure: float, most: Most) -> tuple[Level, float | None]:
    """What a figure comes to, and the limit that says so: the one it is beyond, or the next."""
    if most.stop is not None and figure > most.stop:
        return "stopped", most.stop
    if most.warn is not None and figure > most.warn:
        return "warned", most.warn
    limits = [limit for limit in (most.warn, most.stop) if limit is not None and figure <= limit]
    return "passed", min(limits, default=None)


def _below(count: int, least: Least) -> tuple[Level, int | None]:
    """The same of a count that may be too small."""
    if least.stop is not None and count < least.stop:
        return "stopped", least.stop
    if least.warn is not None and count < least.warn:
        return "warned", least.warn
    limits = [limit for limit in (least.warn, least.stop) if limit is not None]
    return "passed", max(limits, default=None)


def _by_action(gate: GateName, action: Action, finding: object) -> GateResult:
    return GateResult.model_validate(
        {"gate": gate, "level": "stopped" if action == "stop" else "warned", "finding": finding}
    )


def _not_measured(gate: GateName, why: str) -> GateResult:
    return GateResult(gate=gate, level="not measured", finding=NotMeasured(why=why))


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0


def _name(names: Sequence[str], label: int) -> str:
    return names[label] if 0 <= label < len(names) else str(label)
