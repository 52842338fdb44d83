"""Executor of TFLMEvaluator."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from tensorflow_model_analysis.proto import config_pb2
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as stock
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY, EVAL_CONFIG_KEY
from tfx.utils import proto_utils

from components.artifact_types import Artifacts, Properties
from components.blessed_models import record
from components.tflite_model import HOST_ARENA_BYTES, input_feature, read_tflite, tflite_path
from components.tflite_task import recorded_task
from components.tflm_evaluator.outcome import DROPPED_BASELINE_FILE, REFUSAL_FILE
from components.tflm_evaluator.thresholds import for_task
from edge_deployer.tensors import Array
from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner


class Executor(stock.Executor):
    """The stock Evaluator, but for models that it could not go on with.

    A candidate that TFLM does not run is a refusal, not the end of the pipeline. A baseline that TFLM does not run, or
    that is no match for the candidate (the project has changed its input or its classes since), is left out: the
    candidate is then judged by the absolute thresholds alone, as the first model of a project is.
    """

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Properties) -> None:
        """Evaluate and bless, or withhold the blessing with TFLM's reason in `REFUSAL_FILE`.

        The reason for leaving out a baseline stands in `DROPPED_BASELINE_FILE`.
        """
        candidate = artifact_utils.get_single_instance(input_dict["model"])
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        model = read_tflite(candidate)
        interface = _try_out(model)
        if isinstance(interface, str):
            _write_reason(evaluation, REFUSAL_FILE, interface)
            _withhold(blessing, candidate)
            return
        baseline = [artifact for artifact in input_dict.get(BASELINE_MODEL_KEY, []) if tflite_path(artifact).is_file()]
        unfit = _unfit_baseline(baseline, interface)
        if unfit is not None:
            logging.getLogger(__name__).warning("no comparison with the latest blessed model: %s", unfit)
            _write_reason(evaluation, DROPPED_BASELINE_FILE, unfit)
            baseline = []
        task = recorded_task(candidate)
        logging.getLogger(__name__).info("task %s", task.in_words)
        config = proto_utils.json_to_proto(exec_properties[EVAL_CONFIG_KEY], config_pb2.EvalConfig())
        own_figures = proto_utils.proto_to_json(for_task(config, task))
        super().Do(
            {**input_dict, BASELINE_MODEL_KEY: baseline}, output_dict, {**exec_properties, EVAL_CONFIG_KEY: own_figures}
        )
        if blessing.get_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY) == constants.BLESSED_VALUE:
            record(Path(blessing.uri), model)


@dataclass(frozen=True)
class _Interface:
    """What the extractor asks of a model; sizes are values a sample."""

    feature: str
    input_size: int
    output_size: int


def _try_out(model: bytes) -> _Interface | str:
    """The model's interface, or TFLM's reason for not running it, tried on one sample."""
    try:
        with TflmRunner(model, arena_bytes=HOST_ARENA_BYTES) as runner:
            sample: Array = np.zeros((1, *runner.input.sample_shape), runner.input.dtype)
            runner.run(sample)
    except (ModelRefused, InferenceCrashed) as error:
        return error.message
    sizes = (prod(spec.sample_shape) for spec in (runner.input, runner.output))
    return _Interface(input_feature(model), *sizes)


def _unfit_baseline(baseline: list[types.Artifact], candidate: _Interface) -> str | None:
    """Why the baseline cannot run on the candidate's examples, or None if it can or there is none."""
    if not baseline:
        return None
    found = _try_out(read_tflite(artifact_utils.get_single_instance(baseline)))
    if isinstance(found, str):
        return found
    pairs = (
        ("input feature", found.feature, candidate.feature),
        ("input size", found.input_size, candidate.input_size),
        ("output size", found.output_size, candidate.output_size),
    )
    differences = [f"its {what} is {its}, the candidate's {wanted}" for what, its, wanted in pairs if its != wanted]
    return "; ".join(differences) or None


def _write_reason(evaluation: types.Artifact, name: str, reason: str) -> None:
    with fileio.open(f"{evaluation.uri}/{name}", "w") as file:
        file.write(reason)


def _withhold(blessing: types.Artifact, candidate: types.Artifact) -> None:
    """Mark the artifact as the stock Evaluator marks it for a model that misses a threshold."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, candidate.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, candidate.id)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)
    with fileio.open(f"{blessing.uri}/{constants.NOT_BLESSED_FILE_NAME}", "w") as file:
        file.write("")
