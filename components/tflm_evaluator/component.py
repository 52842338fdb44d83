"""TFLMEvaluator: the Evaluator of a model that runs in TFLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.components.evaluator.component import Evaluator
from tfx.dsl.components.base import executor_spec
from tfx.types.channel import BaseChannel

from components.tflm_evaluator import executor
from components.tflm_evaluator.thresholds import Thresholds, eval_config


class TFLMEvaluator(Evaluator):
    """TFX's Evaluator, on the int8 model in TFLM.

    Inputs are quantised as on the device (`edge_deployer.tensors.quantize`) and run in TFLM's interpreter, one process
    per model, so that the figure that blesses a model is the figure its boards give. A model that TFLM does not run is
    not blessed; the reason stands in the evaluation.

    Outputs:
        evaluation: TFMA's results; `components.tflm_evaluator.outcome` reads them.
        blessing: as the stock Evaluator's, with the blessed model in it (`components.blessed_models`).
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: BaseChannel[Any],
        model: BaseChannel[Any],
        baseline_model: BaseChannel[Any],
        *,
        label_feature: str | None = None,
        target_feature: str | None = None,
        slices: Sequence[str],
        thresholds: Thresholds,
    ) -> None:
        """Describe the evaluation.

        Args:
            examples: transformed examples; split eval is used.
            model: the int8 model.
            baseline_model: the model it must not fall behind; may be empty.
            label_feature: the int64 feature with the class index.
            target_feature: of a regression, in the place of `label_feature`: the float feature with what is to be
                answered.
            slices: features whose every value is a slice.
            thresholds: when to bless.
        """
        super().__init__(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            eval_config=eval_config(label_feature, slices, thresholds, target_feature=target_feature),
            module_path="components.tflm_evaluator.extractor",
        )
