"""TFMA's predict step through TFLM: what the Evaluator finds by ``module_path``."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.api import types
from tensorflow_model_analysis.extractors import tflite_predict_extractor
from tensorflow_model_analysis.utils import util

from components.tflite_model import HOST_ARENA_BYTES, input_feature
from components.tflm_evaluator.thresholds import task_of
from edge_deployer.quality import anomaly_scores
from edge_deployer.release.samples import autoencoder_targets
from edge_deployer.task import Task
from edge_deployer.tensors import Array, dequantize, quantize
from edge_deployer.tflm import TflmRunner


class TflmPredictDoFn(tflite_predict_extractor.TFLitePredictionDoFn):
    """Predicts a batch with each model, in a TFLM process a model.

    TFMA's own step runs LiteRT, and its quantisation truncates and wraps around; ours is the device's.
    """

    def setup(self) -> None:
        """Start TFLM for the candidate and, if there is one, the baseline."""
        # The parent would also build a LiteRT interpreter for each model; its own parent loads the bytes only.
        super(tflite_predict_extractor.TFLitePredictionDoFn, self).setup()
        self._task = task_of(self._eval_config)
        self._processes = ExitStack()
        self._models = {name: self._start(loaded.contents) for name, loaded in self._loaded_models.items()}

    def _start(self, model: bytes) -> tuple[str, TflmRunner]:
        runner = self._processes.enter_context(TflmRunner(model, arena_bytes=HOST_ARENA_BYTES))
        return input_feature(model), runner

    def teardown(self) -> None:
        """End the processes."""
        self._processes.close()

    def _batch_reducible_process(self, element: types.Extracts) -> Sequence[types.Extracts]:
        features = element[tfma.FEATURES_KEY]
        samples = util.batch_size(features)
        predictions = {name: _predict(*model, features, samples, self._task) for name, model in self._models.items()}
        result = copy.copy(element)
        result[tfma.PREDICTIONS_KEY] = predictions if len(predictions) > 1 else next(iter(predictions.values()))
        return [result]


def _predict(feature: str, runner: TflmRunner, features: dict[str, Any], samples: int, task: Task) -> Array:
    """Answers in real units, (n, outputs); of an anomaly detection the scores, (n, 1)."""
    values = np.asarray(features[feature], np.float32).reshape(samples, *runner.input.shape[1:])
    inputs = quantize(values, runner.input)
    outputs = runner.run(inputs)
    if task.name == "anomaly":
        targets = autoencoder_targets(inputs, runner.input, runner.output)
        return anomaly_scores(outputs, targets, runner.output).reshape(samples, 1)
    return dequantize(outputs, runner.output).reshape(samples, -1)


def custom_extractors(
    eval_shared_model: tfma.types.MaybeMultipleEvalSharedModels,
    eval_config: tfma.EvalConfig,
    tensor_adapter_config: Any,
) -> list[tfma.extractors.Extractor]:
    """TFMA's default extractors with the predict step replaced. The Evaluator looks for this name."""
    extractors: list[tfma.extractors.Extractor] = tfma.default_extractors(
        eval_shared_model=eval_shared_model,
        eval_config=eval_config,
        tensor_adapter_config=tensor_adapter_config,
        custom_predict_extractor=tflite_predict_extractor.TFLitePredictExtractor(
            eval_config=eval_config, eval_shared_model=eval_shared_model, do_fn=TflmPredictDoFn
        ),
    )
    return extractors
