"""Reads what the earlier components recorded beside their artifacts into the report's facts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from tfx import types

from components.artifact_files import read_artifact
from components.conversion_report import FILE_NAME as CONVERSION_FILE
from components.conversion_report import ConversionReport
from components.sensor_example_gen import inspection
from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary
from components.sensor_example_gen.shown import ShownExamples
from components.tflm_evaluator.figures import CONSTANT_MAE, OVER_MAJORITY
from components.tflm_evaluator.outcome import baseline_metrics, evaluated_task, refusal_reason, slice_metrics
from components.training_curve import read_training_curve
from edge_deployer.release.data_findings import FILE_NAME as FINDINGS_FILE
from edge_deployer.release.data_findings import DataFindings, GateResult
from edge_deployer.release.validation_report import FILE_NAME as VALIDATION_FILE
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.facts import (
    ConversionFacts,
    DataFacts,
    Epoch,
    EvaluationFacts,
    LineageStep,
    SliceFacts,
)

_OVERALL = "overall"


def data_facts(examples: types.Artifact, parameters: dict[str, Any]) -> DataFacts:
    """From SensorExampleGen's summary and the pusher's parameters."""
    summary = DatasetSummary.read(Path(examples.uri, SUMMARY_FILE))
    return inspection.data_facts(
        summary,
        source=parameters["data_source"],
        class_names=json.loads(parameters["class_names"]),
        group=parameters.get("group"),
        examples=ShownExamples.read(Path(examples.uri)),
    )


def group_counts(examples: types.Artifact) -> dict[str, int]:
    """Number of groups in each split; empty where the data has none."""
    return DatasetSummary.read(Path(examples.uri, SUMMARY_FILE)).group_counts


def data_gates(findings: types.Artifact | None) -> list[GateResult]:
    """What the gates on data found; empty where the pipeline has none."""
    return [] if findings is None else list(read_artifact(DataFindings, Path(findings.uri, FINDINGS_FILE)).results)


def training_facts(training: types.Artifact) -> list[Epoch] | None:
    """The training curve, if the user's `run_fn` left one in its model run folder."""
    curve = read_training_curve(Path(training.uri))
    if curve is None:
        return None
    unknown = [None] * len(curve.train.loss)
    accuracies = (curve.train.accuracy or unknown, curve.eval.accuracy or unknown)
    columns = (curve.train.loss, accuracies[0], curve.eval.loss, accuracies[1])
    return [
        Epoch(loss=loss, accuracy=accuracy, eval_loss=eval_loss, eval_accuracy=eval_accuracy)
        for loss, accuracy, eval_loss, eval_accuracy in zip(*columns, strict=True)
    ]


def conversion_facts(model: types.Artifact) -> ConversionFacts | None:
    """Float against int8; None if TFLM does not run the int8 model."""
    report = read_artifact(ConversionReport, Path(model.uri, CONVERSION_FILE))
    if report.int8_figure is None or report.float_figure is None:
        return None
    return ConversionFacts(
        metric=report.metric,
        float_figure=report.float_figure,
        int8_figure=report.int8_figure,
        label_agreement=report.agreement,
        model_bytes=report.model_bytes,
        representative_examples=report.representative_examples,
        input_scale=report.input.scale,
        input_zero_point=report.input.zero_point,
        output_scale=report.output.scale,
        output_zero_point=report.output.zero_point,
    )


def evaluation_facts(
    evaluation: types.Artifact, *, blessed: bool, thresholds: dict[str, float | None], class_names: Sequence[str]
) -> EvaluationFacts | None:
    """TFMA's figures and judgement; None if TFLM does not run the model, so that there are no figures."""
    slices, task = slice_metrics(evaluation.uri, class_names), evaluated_task(evaluation.uri)
    if _OVERALL not in slices or task is None:
        return None
    overall, metric = slices.pop(_OVERALL), task.metrics[0]
    least, most = ({name: thresholds.get(f"{end}_{name}") for name in task.metrics} for end in ("min", "max"))
    return EvaluationFacts(
        blessed=blessed,
        reason=None if blessed else refusal_reason(evaluation.uri, class_names),
        examples=int(overall["example_count"]),
        task=task,
        figures={name: overall[name] for name in task.metrics if isfinite(overall[name])},
        least={name: floor for name, floor in least.items() if floor is not None},
        most={name: ceiling for name, ceiling in most.items() if ceiling is not None},
        majority=overall["accuracy"] - overall[OVER_MAJORITY] if OVER_MAJORITY in overall else None,
        constant_error=overall.get(CONSTANT_MAE),
        max_drop=thresholds.get("max_drop") or 0.0,
        max_rise=thresholds.get("max_rise") if task.name == "regression" else None,
        baseline=baseline_metrics(evaluation.uri).get(metric),
        slices=[
            SliceFacts(name=name, examples=int(metrics["example_count"]), figure=metrics[metric])
            for name, metrics in sorted(slices.items())
            if isfinite(metrics[metric])
        ],
    )


def validation_report(infra_blessing: types.Artifact) -> ValidationReport:
    """The validator's findings."""
    return read_artifact(ValidationReport, Path(infra_blessing.uri, VALIDATION_FILE))


def lineage(artifacts: dict[str, types.Artifact], data: DataFacts) -> list[LineageStep]:
    """From the data file to the evidence: one entry per artifact in the pipeline's order, by its id in ML Metadata."""
    steps = [LineageStep(step="data", artifact=data.source, identity=f"sha256:{data.fingerprint}")]
    steps += [
        LineageStep(step=step, artifact=artifact.type_name, identity=f"ML Metadata artifact {artifact.id}")
        for step, artifact in artifacts.items()
    ]
    return steps
