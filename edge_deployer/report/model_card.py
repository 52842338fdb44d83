"""Makes model cards of what is known, and their pages. Pure functions: the same facts give the same card."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Final

from edge_deployer.acceptance.plan import Budget
from edge_deployer.finding import Finding
from edge_deployer.release import model_card as card
from edge_deployer.release.data_findings import GateName, GateResult
from edge_deployer.release.front_end import FrontEndFacts
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report import formats
from edge_deployer.report.data_view import GateRow, gate_rows
from edge_deployer.report.facts import ConversionFacts, DataFacts, EvaluationFacts
from edge_deployer.report.html import page_environment
from edge_deployer.report.words import in_words
from edge_deployer.task import ERRORS, Metric

_OF_EARLIER_RUNS: Final[tuple[GateName, ...]] = ("label_drift", "value_drift")
"""The same model, pushed again, has another past."""

_TRAIN: Final = "train"
_SIGNIFICANT: Final = ".6g"
"""Digits of a figure: what is summed by many workers differs from run to run far behind them."""


@dataclass(frozen=True)
class KnownFacts:
    """What a card is made of."""

    name: str  # Of the release.
    model: bytes  # Of the ``.tflite`` file.
    validation: ValidationReport
    budget: Budget  # Of the plan, for the profile.
    stated: card.StatedUse = field(default_factory=card.StatedUse)
    data: DataFacts | None = None
    groups: Mapping[str, int] = field(default_factory=dict)  # Number of groups in each split, where they are counted.
    gates: Sequence[GateResult] = ()
    front_end: FrontEndFacts | None = None
    evaluation: EvaluationFacts | None = None
    conversion: ConversionFacts | None = None


def card_files(known: KnownFacts) -> card.CardFiles:
    """The card and its page."""
    made = model_card(known)
    return card.CardFiles(made, render_card(made))


def model_card(known: KnownFacts) -> card.ModelCard:
    """The card; what is not known is left out of it, and nothing is said of it."""
    data, quality, budgets = _data(known), _quality(known), _budgets(known)
    return card.ModelCard(
        name=known.name,
        model_sha256=hashlib.sha256(known.model).hexdigest(),
        stated=known.stated,
        data=data,
        front_end=known.front_end,
        quality=quality,
        budgets=budgets,
        limits=tuple(_limits(data, known.front_end, quality, budgets)),
    )


def render_card(made: card.ModelCard) -> str:
    """The page as text; it needs nothing but itself."""
    return (
        page_environment()
        .get_template("model_card.html.j2")
        .render(
            card=made,
            gates=_gate_rows(made.data.gates) if made.data else [],
            anomalies={}
            if made.data is None
            else {formats.words(name): one for name, one in made.data.anomalies.items()},
        )
    )


def _gate_rows(gates: Sequence[GateResult]) -> list[GateRow]:
    """What they found; what helps against it is for those who can still change the data."""
    rows = gate_rows(gates)
    return [replace(row, told=in_words(result.finding)) for row, result in zip(rows, gates, strict=True)]


def _data(known: KnownFacts) -> card.DataCard | None:
    data = known.data
    if data is None:
        return None
    return card.DataCard(
        source=data.source,
        fingerprint=data.fingerprint,
        records=data.records or None,
        group=data.group,
        splits=tuple(
            card.SplitCard(
                name=name,
                samples=samples,
                groups=known.groups.get(name),
                classes=dict(zip(data.class_names, data.class_counts.get(name) or (), strict=False)),
            )
            for name, samples in data.splits.items()
        ),
        described=data.described,
        repeated=data.repeated,
        conflicting=data.conflicting,
        shared=data.shared,
        anomalies={
            name: card.AnomalyCard(records=found.count, left_out=found.left_out)
            for name, found in data.anomalies.items()
        },
        gates=tuple(result for result in known.gates if result.gate not in _OF_EARLIER_RUNS),
    )


def _quality(known: KnownFacts) -> card.QualityCard | None:
    """As TFMA evaluated it, or else as the validator measured it."""
    evaluation, validation, conversion = known.evaluation, known.validation, known.conversion
    if evaluation is not None:
        constant = evaluation.constant_error if evaluation.metric in ERRORS else evaluation.majority
        return card.QualityCard(
            task=evaluation.task,
            samples=evaluation.examples,
            figures=_figures(evaluation.figures, evaluation.least, evaluation.most),
            slices=tuple(
                card.SliceCard(name=one.name, samples=one.examples, value=_rounded(one.figure))
                for one in evaluation.slices
            ),
            float_figure=None if conversion is None else _finite(conversion.float_figure),
            constant=None if constant is None else _rounded(constant),
        )
    if validation.task is None or not validation.figures:
        return None
    return card.QualityCard(
        task=validation.task,
        samples=validation.eval_samples,
        figures=_figures(validation.figures, {}, {}),
        slices=(),
        float_figure=None,
        constant=None,
    )


def _figures(
    values: Mapping[Metric, float], least: Mapping[Metric, float], most: Mapping[Metric, float]
) -> tuple[card.FigureCard, ...]:
    return tuple(
        card.FigureCard(metric=name, value=_rounded(value), least=least.get(name), most=most.get(name))
        for name, value in values.items()
        if isfinite(value)
    )


def _rounded(value: float) -> float:
    return float(format(value, _SIGNIFICANT))


def _finite(value: float) -> float | None:
    return _rounded(value) if isfinite(value) else None


def _budgets(known: KnownFacts) -> card.BudgetCard:
    found, budget = known.validation, known.budget
    return card.BudgetCard(
        profile=found.profile,
        operators=dict(sorted(found.operators.items())),
        precision=found.precision,
        macs=found.macs,
        model_bytes=found.model_bytes,
        flash_limit=min(found.slot_limit, budget.flash_bytes or found.slot_limit),
        arena_bytes=found.arena_bytes,
        arena_limit=min(found.arena_limit, budget.arena_bytes or found.arena_limit),
        latency_us=None if found.latency_us is None else _rounded(found.latency_us),
        latency_note=found.latency_note,
        latency_limits_us=budget.latency_limits,
    )


def _limits(
    data: card.DataCard | None,
    front_end: FrontEndFacts | None,
    quality: card.QualityCard | None,
    budgets: card.BudgetCard,
) -> Iterator[Finding]:
    if quality is None:
        yield card.NothingMeasured()
    else:
        yield from _of_quality(quality, data)
    if data is not None:
        yield from _of_data(data)
    if front_end is not None and not front_end.on_board:
        yield card.HostFeatures()
    if budgets.arena_bytes is not None:
        yield card.HostArena()
    if budgets.latency_us is not None:
        yield card.EstimatedLatency(profile=budgets.profile)


def _of_quality(quality: card.QualityCard, data: card.DataCard | None) -> Iterator[Finding]:
    held_out = None if data is None else next((split for split in data.splits if split.name != _TRAIN), None)
    groups = None if held_out is None or data is None or data.group is None else held_out.groups
    yield card.HeldOut(
        samples=quality.samples, groups=groups, group=None if groups is None or data is None else data.group
    )
    if not quality.slices or not quality.figures:
        return
    first = quality.figures[0]
    best_first = sorted(quality.slices, key=lambda one: one.value, reverse=first.metric not in ERRORS)
    worst, by_size = best_first[-1], sorted(quality.slices, key=lambda one: one.samples)
    yield card.WorstSlice(
        name=worst.name, metric=first.metric, figure=worst.value, samples=worst.samples, overall=first.value
    )
    if by_size[0].samples < by_size[-1].samples:
        yield card.SmallestSlice(name=by_size[0].name, samples=by_size[0].samples)


def _of_data(data: card.DataCard) -> Iterator[Finding]:
    # Data that came with a model from elsewhere is one split: how its training was divided is not known.
    if any(split.name == _TRAIN for split in data.splits):
        yield card.NoGroup() if data.group is None else card.GroupApart(group=data.group)
    for split in data.splits:
        missing = tuple(name for name, count in split.classes.items() if not count)
        if split.name != _TRAIN and missing:
            yield card.ClassesNotHeldOut(classes=missing)
    if data.shared:
        yield card.SharedSamples(samples=data.shared)
    if data.conflicting:
        yield card.ConflictingSamples(samples=data.conflicting)
    left_out = {formats.words(name): found.records for name, found in data.anomalies.items() if found.left_out}
    if left_out and data.records is not None:
        yield card.RecordsLeftOut(records=sum(left_out.values()), total=data.records, why=tuple(left_out))
