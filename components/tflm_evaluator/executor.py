"""Executor of TFLMEvaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
from tfx import types
from tfx.components.evaluator import constants
from tfx.components.evaluator import executor as stock
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.reference import HOST_ARENA_BYTES
from components.tflite_model import read_tflite
from components.tflm_evaluator.outcome import REFUSAL_FILE
from edge_deployer.tensors import Array
from edge_deployer.tflm import InferenceCrashed, ModelRefused, TflmRunner


class Executor(stock.Executor):
    """The stock Evaluator, but for a model that TFLM does not run: that is a refusal, not the end of the pipeline."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluate and bless, or withhold the blessing with TFLM's reason in `REFUSAL_FILE`."""
        candidate = artifact_utils.get_single_instance(input_dict["model"])
        reason = _refusal(read_tflite(candidate))
        if reason is None:
            super().Do(input_dict, output_dict, exec_properties)
            return
        evaluation = artifact_utils.get_single_instance(output_dict["evaluation"])
        with fileio.open(f"{evaluation.uri}/{REFUSAL_FILE}", "w") as file:
            file.write(reason)
        _withhold(artifact_utils.get_single_instance(output_dict["blessing"]), candidate)


def _refusal(model: bytes) -> str | None:
    """TFLM's reason for not running the model, tried on one sample."""
    try:
        with TflmRunner(model, arena_bytes=HOST_ARENA_BYTES) as runner:
            sample: Array = np.zeros((1, *runner.input.shape[1:]), runner.input.dtype)
            runner.run(sample)
    except (ModelRefused, InferenceCrashed) as error:
        return error.message
    return None


def _withhold(blessing: types.Artifact, candidate: types.Artifact) -> None:
    """Mark the artifact as the stock Evaluator marks it for a model that misses a threshold."""
    blessing.set_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_URI_KEY, candidate.uri)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, candidate.id)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)
    with fileio.open(f"{blessing.uri}/{constants.NOT_BLESSED_FILE_NAME}", "w") as file:
        file.write("")
