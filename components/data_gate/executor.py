"""Executor and driver of DataGate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from absl import logging
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.example_validator import executor as stock
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.orchestration.portable.data_types import ExecutionInfo
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.artifact_types import Artifacts, Properties
from components.data_gate import accepted
from components.data_gate import statistics as read
from components.data_gate.gates import DataGates
from components.data_gate.judgement import Evidence, judge
from components.data_gate.statistics import Statistics
from components.dated_records import digest
from components.fingerprint_driver import FingerprintDriver
from edge_deployer.errors import Refused
from edge_deployer.files import make_folder, write_file
from edge_deployer.release.data_findings import FILE_NAME, DataFindings, GateResult
from edge_deployer.report.words import in_words, remedy_in_words

_ANOMALY_TASK: Final = "anomaly"


class Executor(stock.Executor):
    """Looks for anomalies as ExampleValidator does, then measures, judges and records."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Judge the data.

        Raises:
            Refused: a gate stops the run. There are no outputs then.
            TinyopsError: the statistics count no labels or groups, or what was accepted before cannot be read.
        """
        super().Do(input_dict, output_dict, exec_properties)
        splits = _splits(artifact_utils.get_single_instance(input_dict["statistics"]))
        schema = io_utils.SchemaReader().read(
            io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(input_dict["schema"]))
        )
        results = judge(
            _evidence(splits, schema, exec_properties),
            DataGates.model_validate_json(exec_properties["gates"]),
            class_names=json.loads(exec_properties["class_names"]),
            anomaly_task=exec_properties.get("task") == _ANOMALY_TASK,
        )
        findings = DataFindings(results=results)
        for result in findings.at("warned"):
            logging.warning("%s: %s", result.gate, in_words(result.finding))
        _require_passed(findings)
        folder = Path(artifact_utils.get_single_instance(output_dict["data_findings"]).uri)
        make_folder(folder)
        write_file(folder / accepted.STATISTICS_FILE, _to_compare(splits, exec_properties))
        write_file(folder / FILE_NAME, findings.model_dump_json(indent=2).encode())


class Driver(FingerprintDriver):
    """The cache answers for as long as the data is compared with the same."""

    def fingerprint(self, execution_info: ExecutionInfo) -> str:
        """Digest of the accepted data; ``none`` where it is no other than this."""
        splits = _splits(artifact_utils.get_single_instance(execution_info.input_dict["statistics"]))
        found = accepted.latest(execution_info.exec_properties["all_runs"])
        if found is None:
            return "none"
        own = digest(_to_compare(splits, execution_info.exec_properties))
        return "none" if found.sha256 == own else found.sha256


def _splits(artifact: types.Artifact) -> dict[str, Statistics]:
    """Statistics by split, the training split first."""
    names = artifact_utils.decode_split_names(artifact.split_names)
    return {name: stats_artifact_utils.load_statistics(artifact, name).proto() for name in names}


def _to_compare(splits: dict[str, Statistics], parameters: Properties) -> bytes:
    kept = read.comparable(next(iter(splits.values())), group=parameters.get("group_feature"))
    return bytes(kept.SerializeToString(deterministic=True))


def _evidence(splits: dict[str, Statistics], schema: schema_pb2.Schema, parameters: Properties) -> Evidence:
    label: str | None = parameters.get("label_feature")
    group: str | None = parameters.get("group_feature")
    (_, train), *others = splits.items()
    before = accepted.latest(parameters["all_runs"])
    is_other = before is not None and before.sha256 != digest(_to_compare(splits, parameters))
    known = accepted.statistics_of(before) if before is not None and is_other else None
    evidence = Evidence(
        splits=tuple(splits),
        labels={name: read.label_counts(split, label) for name, split in splits.items()} if label else None,
        skew={name: read.measure(split, train, label=label, group=group) for name, split in others},
        overlaps={name: read.overlap(train, split, group) for name, split in others} if group else None,
        anomalies=tuple(one for name, split in splits.items() for one in read.anomalies(split, schema, name)),
        accepted="nothing" if before is None else "same",
    )
    if known is None:
        return evidence
    # A project whose label had another name has nothing to compare this one's with.
    labels = read.label_counts(known, label) if label is not None and label in read.features_of(known) else None
    return evidence.compared_with(labels, read.measure(train, known, label=label, group=group))


def _require_passed(findings: DataFindings) -> None:
    stopped = findings.at("stopped")
    if not stopped:
        return
    lines = "".join(f"\n  {_line(result)}" for result in stopped)
    settings = " and ".join(f"`{gate}: warn`" for gate in dict.fromkeys(result.gate for result in stopped))
    raise Refused(
        f"the data is not trained on:{lines}",
        remedy=f"mend the data; if it is as it should be, set {settings} in `data_gates`",
    )


def _line(result: GateResult) -> str:
    remedy = remedy_in_words(result.finding)
    return f"{in_words(result.finding)}: {remedy}" if remedy else in_words(result.finding)
