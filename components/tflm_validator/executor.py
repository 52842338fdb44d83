"""Executor of TFLMValidator."""

from __future__ import annotations

import json
from pathlib import Path

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.artifact_types import Artifacts, Properties
from components.examples import read_examples
from components.tflite_model import input_feature, read_tflite
from components.tflite_task import recorded_task
from edge_deployer.profile import BoardProfile
from edge_deployer.release.acceptance_set import AcceptanceSet
from edge_deployer.release.samples import LabelledSamples
from edge_deployer.release.validation import Terms, validate_model
from edge_deployer.release.validation_report import FILE_NAME, ValidationReport
from edge_deployer.report.words import in_words
from edge_deployer.tflm import tensor_specs

# Names that TFX's InfraValidator gives: whoever reads an InfraBlessing looks for these.
BLESSED_FILE = "INFRA_BLESSED"
NOT_BLESSED_FILE = "INFRA_NOT_BLESSED"
BLESSED_PROPERTY = "blessed"
REASON_PROPERTY = "reason"


class Executor(base_executor.BaseExecutor):
    """Reads artifacts, calls `validate_model`, writes artifacts."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Write the blessing with `validation.json`, and the acceptance set if the model is blessed.

        Raises:
            TinyopsError: the examples do not fit the model. A model that does not fit the board raises nothing: it is
                not blessed.
        """
        artifact = artifact_utils.get_single_instance(input_dict["model"])
        model = read_tflite(artifact)
        examples = read_examples(
            artifact_utils.get_single_instance(input_dict["examples"]),
            "eval",
            feature=input_feature(model),
            label=exec_properties.get("label_feature"),
            target=exec_properties.get("target_feature"),
            shape=tensor_specs(model)[0].sample_shape,
            slices=json.loads(exec_properties["slices"]),
        )
        data = LabelledSamples(
            examples.inputs,
            examples.labels,
            tuple(json.loads(exec_properties.get("class_names") or "[]")),
            targets=examples.targets,
            slices=examples.slices,
            source="split eval",
        )
        validation = validate_model(
            model,
            BoardProfile.model_validate_json(exec_properties["profile"]),
            data,
            acceptance_samples=exec_properties["samples"],
            seed=exec_properties["seed"],
            # Whether it is better than a constant answer is the Evaluator's question.
            terms=Terms(recorded_task(artifact), better_than_constant=False),
        )
        _write_blessing(artifact_utils.get_single_instance(output_dict["blessing"]), validation.report)
        _write_set(artifact_utils.get_single_instance(output_dict["acceptance_set"]), validation.acceptance)


def _write_blessing(blessing: types.Artifact, report: ValidationReport) -> None:
    blessing.set_int_custom_property(BLESSED_PROPERTY, int(report.blessed))
    blessing.set_string_custom_property(REASON_PROPERTY, in_words(report.reason) if report.reason else "")
    with fileio.open(f"{blessing.uri}/{BLESSED_FILE if report.blessed else NOT_BLESSED_FILE}", "w") as file:
        file.write("")
    with fileio.open(f"{blessing.uri}/{FILE_NAME}", "w") as file:
        file.write(report.model_dump_json(indent=2))


def _write_set(artifact: types.Artifact, acceptance: AcceptanceSet | None) -> None:
    artifact.set_int_custom_property("samples", 0 if acceptance is None else len(acceptance))
    if acceptance is not None:
        acceptance.write(Path(artifact.uri))
