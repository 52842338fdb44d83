"""What came out of a component, in a phrase for the progress display."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.artifact_files import read_artifact
from components.conversion_report import FILE_NAME as CONVERSION_FILE
from components.conversion_report import ConversionReport
from components.sensor_example_gen.dataset import SUMMARY_FILE, DatasetSummary
from components.sensor_example_gen.inspection import data_facts
from components.sensor_example_gen.sources.section import DataSection
from components.tflite_model import serving_file
from components.tflm_evaluator.outcome import dropped_baseline, evaluated_task, overall_metrics, refusal_reason
from components.training_curve import read_training_curve
from edge_deployer.release.data_findings import FILE_NAME as FINDINGS_FILE
from edge_deployer.release.data_findings import DataFindings
from edge_deployer.release.validation_report import FILE_NAME as VALIDATION_FILE
from edge_deployer.release.validation_report import ValidationReport
from edge_deployer.report.data_view import data_warnings
from edge_deployer.report.words import in_words
from edge_deployer.task import ERRORS
from pipeline.local.lineage import Outputs


def phrase(component: str, outputs: Outputs) -> str:
    """One short phrase; empty for a component that this module does not know."""
    describe = _PHRASES.get(component)
    return "" if describe is None else describe(outputs)


def warnings(component: str, outputs: Outputs, data: DataSection) -> list[str]:
    """What is odd about the data, a sentence each, where it comes from; also when an earlier run has read it."""
    if component != "SensorExampleGen":
        return []
    summary = DatasetSummary.read(outputs.folder("examples") / SUMMARY_FILE)
    return data_warnings(data_facts(summary, source="", class_names=data.classes or (), group=data.group))


def _examples(outputs: Outputs) -> str:
    summary = DatasetSummary.read(outputs.folder("examples") / SUMMARY_FILE)
    sizes = " + ".join(f"{size:,} {split}" for split, size in summary.split_sizes.items())
    groups = sum(summary.group_counts.values())
    return f"{sizes}, {groups} groups" if groups else sizes


def _statistics(outputs: Outputs) -> str:
    splits = json.loads(outputs.text("statistics", "split_names"))
    return f"of {' and '.join(splits)}"


def _schema(outputs: Outputs) -> str:
    schema = text_format.Parse((outputs.folder("schema") / "schema.pbtxt").read_text(), schema_pb2.Schema())
    return "features " + ", ".join(feature.name for feature in schema.feature)


def _data_findings(outputs: Outputs) -> str:
    findings = read_artifact(DataFindings, outputs.folder("data_findings") / FINDINGS_FILE)
    passed, warned = len(findings.at("passed")), findings.at("warned")
    return "; ".join([f"{passed} passed", *(f"warning: {in_words(result.finding)}" for result in warned)])


def _transform(outputs: Outputs) -> str:
    metadata = outputs.folder("transform_graph") / "transformed_metadata" / "schema.pbtxt"
    schema = text_format.Parse(metadata.read_text(), schema_pb2.Schema())
    return "features " + ", ".join(feature.name for feature in schema.feature)


def _training(outputs: Outputs) -> str:
    curve = read_training_curve(outputs.folder("model_run"))
    if curve is None:
        return "no training curve"
    train, held_out, what = curve.train.accuracy, curve.eval.accuracy, "accuracy"
    if train is None or held_out is None:
        train, held_out, what = curve.train.loss, curve.eval.loss, "loss"
    return f"{len(train)} epochs, {what} {train[-1]:.3f} train, {held_out[-1]:.3f} eval"


def _conversion(outputs: Outputs) -> str:
    report = read_artifact(ConversionReport, outputs.folder("int8_model") / CONVERSION_FILE)
    text = f"int8 {report.model_bytes:,} bytes, task {report.task.name} ({report.task.why})"
    if report.refusal is not None:
        return f"{text}; TFLM does not run it: {report.refusal}"
    if report.metric in ERRORS and report.float_figure is not None and report.int8_figure is not None:
        return f"{text}, {report.metric} {report.float_figure:.4g} float, {report.int8_figure:.4g} int8"
    return text if report.agreement is None else f"{text}, agrees with float on {report.agreement:.1%}"


def _baseline(outputs: Outputs) -> str:
    found = serving_file(outputs.folder("baseline_model"))
    if not found.is_file():
        return "no other blessed model"
    return f"sha256 {hashlib.sha256(found.read_bytes()).hexdigest()[:8]}"


def _evaluation(outputs: Outputs) -> str:
    uri = str(outputs.folder("evaluation"))
    reason = refusal_reason(uri)
    if reason is not None:
        return f"not blessed: {in_words(reason)}"
    dropped = dropped_baseline(uri)
    alone = "" if dropped is None else f"; not compared with the latest blessed model: {dropped}"
    found, task = overall_metrics(uri), evaluated_task(uri)
    figures = ", ".join(
        f"{name} {found[name]:{'.4g' if name in ERRORS else '.4f'}}" for name in (task.metrics if task else ())
    )
    return f"{figures} in TFLM, blessed{alone}"


def _validation(outputs: Outputs) -> str:
    report = read_artifact(ValidationReport, outputs.folder("blessing") / VALIDATION_FILE)
    if report.reason is not None:
        return f"not blessed: {in_words(report.reason)}"
    arena = f"arena {report.arena_bytes:,} of {report.arena_limit:,} bytes on a 64-bit host"
    if report.latency_us is None:
        return f"{arena}, no latency figure ({report.latency_note}), blessed"
    return f"{arena}, about {report.latency_us / 1000:.1f} ms, blessed"


def _delivery(outputs: Outputs) -> str:
    if outputs.number("deployment_report", "pushed"):
        return "on every production board"
    return f"not promoted: {outputs.text('deployment_report', 'reason')}"


_PHRASES: dict[str, Callable[[Outputs], str]] = {
    "SensorExampleGen": _examples,
    "StatisticsGen": _statistics,
    "ProjectSchema": _schema,
    "DataGate": _data_findings,
    "Transform": _transform,
    "Trainer": _training,
    "TFLiteConverter": _conversion,
    "LatestBlessedModel": _baseline,
    "TFLMEvaluator": _evaluation,
    "TFLMValidator": _validation,
    "TFLMPusher": _delivery,
}
