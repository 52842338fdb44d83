"""Host-side validation of a model: does it fit a board, does TFLM run it, and what should a board answer?

TFLM is the reference, and comes with the `sim` extra. Without it the model's file is read but not run: labelled data
can then still be made a release of, which boards judge by their accuracy, AUC or error alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from edge_deployer.errors import TinyopsError
from edge_deployer.finding import Finding, Told
from edge_deployer.profile import BoardProfile
from edge_deployer.quality import NO_SKILL_AUC, constant_error, figures, majority_share
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.fit import misfit, smallest_image
from edge_deployer.release.refusals import AsGoodAsConstant, ModelTooLarge, NoFigure
from edge_deployer.release.samples import LabelledSamples, fit_samples, random_inputs
from edge_deployer.release.sampling_order import stratified_order
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.task import NO_CLASS, UNASKED, Answers, AskedTask, Task
from edge_deployer.tflm import (
    InferenceCrashed,
    ModelRefused,
    TflmRunner,
    count_macs,
    describe_precision,
    estimate_latency_us,
    last_operator,
    list_operators,
    require_kernels,
    require_tflm,
    tensor_specs,
    why_no_estimate,
)


@dataclass(frozen=True)
class Validation:
    """The findings, and the acceptance set if the model was blessed."""

    report: ValidationReport
    acceptance: AcceptanceSet | None


@dataclass(frozen=True)
class Terms:
    """How a model's answers are read and what they must reach, beside what the board offers."""

    asked: AskedTask | Task = UNASKED  # What the user says of the task, or the task itself.
    # Whether a model that is no better than a constant answer is refused: accuracy against the share of the commonest
    # class, AUC against one half, mean absolute error against that of the median.
    better_than_constant: bool = True


def validate_model(
    model: bytes,
    profile: BoardProfile,
    data: LabelledSamples | None,
    *,
    acceptance_samples: int,
    seed: int,
    terms: Terms = Terms(),
) -> Validation:
    """Check a model against a profile's limits and compute TFLM's answers. A refusal is a result, not an error.

    Args:
        model: bytes of a ``.tflite`` file.
        profile: the board it is meant for.
        data: held-out samples; None makes random inputs, which can show parity but not accuracy.
        acceptance_samples: size of the acceptance set, drawn from `data`; fewer if there are fewer.
        seed: of the draw.
        terms: how the answers are read, and what they must reach.

    Raises:
        TinyopsError: `data` or the task does not fit the model, or `data` is not labelled and the `sim` extra is not
            installed.
    """
    report = _first_report(model, profile, data)
    too_big = misfit(profile, board=profile.name, image_bytes=smallest_image(len(model)), arena_bytes=None)
    if too_big:
        limits = too_big.model_dump(exclude={"code"})
        return _refused(report, ModelTooLarge(model_bytes=len(model), **limits))
    try:
        report = report.model_copy(update=_read_model(model, profile))
        everything, arena = _examine(model, profile, data, terms, random_samples=acceptance_samples, seed=seed)
    except (ModelRefused, InferenceCrashed) as refusal:
        return _refused(report, Told(text=refusal.message, help=refusal.remedy))
    found: dict[str, object] = {"arena_bytes": arena, "reference": everything.outputs is not None}
    report = report.model_copy(update=found | _measure(everything))
    if report.quality is not None and not isfinite(report.quality):
        assert report.metric is not None
        return _refused(report, NoFigure(metric=report.metric, value=str(report.quality)))
    constant = _no_better_than_constant(report) if terms.better_than_constant else None
    if constant is not None:
        return _refused(report, constant)
    acceptance = draw(everything, acceptance_samples, seed=seed, slices=None if data is None else data.slices)
    blessed = report.model_copy(update={"blessed": True, "acceptance_samples": len(acceptance)})
    return Validation(blessed, acceptance)


def _no_better_than_constant(report: ValidationReport) -> Finding | None:
    """Both figures of a model that is no better than a constant answer; None if it is, or if nothing tells."""
    found, majority, error = report.figures, report.majority, report.constant_error
    if error is not None and "mae" in found and found["mae"] >= error:
        return AsGoodAsConstant(metric="mae", figure=found["mae"], constant=error)
    if majority is not None and "accuracy" in found and found["accuracy"] <= majority:
        return AsGoodAsConstant(metric="accuracy", figure=found["accuracy"], constant=majority)
    if majority is None and "auc" in found and found["auc"] <= NO_SKILL_AUC:
        return AsGoodAsConstant(metric="auc", figure=found["auc"], constant=NO_SKILL_AUC)
    return None


def draw(
    everything: AcceptanceSet, samples: int, *, seed: int, slices: Sequence[Hashable] | None = None
) -> AcceptanceSet:
    """A seeded sample in the order in which boards run it: every prefix holds each class and slice in proportion.

    Args:
        everything: all held-out samples.
        samples: how many to draw; all if there are fewer.
        seed: of the draw, 0 or more.
        slices: what part of the data each sample is from. Not regarded for AUC, whose pairs need the normal samples and
            the anomalies to arrive in exact proportion.
    """
    labels = [None] * len(everything) if everything.labels is None else everything.labels.tolist()
    if slices is None or (everything.task is not None and everything.task.name == "anomaly"):
        strata: Sequence[Hashable] = labels
    else:
        strata = list(zip(labels, slices, strict=True))
    # A seed of the project's file may be larger than the generator's.
    return everything.take(stratified_order(strata, seed % 2**32)[:samples])


def _refused(report: ValidationReport, reason: Finding) -> Validation:
    return Validation(report.model_copy(update={"reason": reason}), None)


def _examine(
    model: bytes, profile: BoardProfile, data: LabelledSamples | None, terms: Terms, *, random_samples: int, seed: int
) -> tuple[AcceptanceSet, int | None]:
    """All samples with TFLM's answers and the smallest arena; without TFLM, without both.

    Raises:
        ModelRefused: TFLM cannot load the model, or its file says so.
        InferenceCrashed: TFLM died of a sample.
        TinyopsError: as `validate_model`.
    """
    try:
        require_tflm()
    except TinyopsError as missing:
        return _examine_file(model, data, terms, missing), None
    with TflmRunner(model, arena_bytes=profile.arena_bytes) as runner:
        arena = runner.shrink()
        if data is None:
            data = LabelledSamples(random_inputs(runner.input, random_samples, seed=seed), None, random=True)
        everything = fit_samples(data, Answers(runner.input, runner.output, last_operator(model)), terms.asked)
        return replace(everything, outputs=runner.run(everything.inputs)), arena


def _examine_file(model: bytes, data: LabelledSamples | None, terms: Terms, missing: TinyopsError) -> AcceptanceSet:
    """All samples without answers, for a model that TFLM has the kernels of."""
    if data is None or not data.is_labelled:
        remedy = f"{missing.remedy}, or give labelled data and a floor for its figure in the acceptance plan"
        raise TinyopsError(missing.message, remedy=remedy) from missing
    require_kernels(model)
    return fit_samples(data, Answers(*tensor_specs(model), last_operator(model)), terms.asked)


def _first_report(model: bytes, profile: BoardProfile, data: LabelledSamples | None) -> ValidationReport:
    """What is known before the model is looked into."""
    return ValidationReport(
        blessed=False,
        reason=None,
        profile=profile.name,
        operators={},
        macs=None,
        model_bytes=len(model),
        slot_limit=profile.image_bytes,
        arena_bytes=None,
        arena_limit=profile.arena_bytes,
        latency_us=None,
        eval_samples=len(data) if data is not None and data.is_labelled else 0,
        reference=False,
        task=None,
        figures={},
        majority=None,
        confusion=None,
        class_names=[] if data is None else list(data.class_names),
        acceptance_samples=0,
    )


def _read_model(model: bytes, profile: BoardProfile) -> dict[str, object]:
    """What the file says without running it; a `ModelRefused` if it is no TFLite file."""
    return {
        "operators": dict(Counter(operator.name for operator in list_operators(model))),
        "macs": count_macs(model),
        "precision": describe_precision(model),
        "latency_us": estimate_latency_us(model, profile),
        "latency_note": why_no_estimate(model) or profile.speeds_of,
    }


def _measure(everything: AcceptanceSet) -> dict[str, object]:
    """The figures of TFLM's answers, where there are any; where they are classes the confusion matrix too."""
    task, outputs, labels = everything.task, everything.outputs, everything.labels
    found: dict[str, object] = {"task": task}
    if task is None or everything.metric is None:
        return found
    if labels is not None and task.names_classes:
        found["majority"] = majority_share(labels)
    if task.name == "regression" and everything.targets is not None:
        found["constant_error"] = constant_error(everything.targets)
    if outputs is None:
        return found
    found["figures"] = figures(task, outputs, everything.output, labels=labels, targets=everything.targets)
    if labels is not None and task.names_classes:
        classes = max(2, outputs[0].size)
        named = task.named_classes(outputs, everything.output)
        confusion = np.zeros((classes, classes), np.int64)
        counted = named != NO_CLASS
        np.add.at(confusion, (labels[counted], named[counted]), 1)
        found["confusion"] = confusion.tolist()
    return found
