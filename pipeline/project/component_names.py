"""Which components there are. Known without TFX, so that a wrong name is answered at once."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from edge_deployer.errors import TinyopsError

COMPONENTS: Final = {
    "SensorExampleGen": "components.sensor_example_gen.component",
    "StatisticsGen": "tfx.components.statistics_gen.component",
    "ProjectSchema": "components.project_schema.component",
    "DataGate": "components.data_gate.component",
    "Transform": "tfx.components.transform.component",
    "Trainer": "components.trainer.component",
    "TFLiteConverter": "components.tflite_converter.component",
    "LatestBlessedModel": "components.latest_blessed_model.component",
    "TFLMEvaluator": "components.tflm_evaluator.component",
    "TFLMValidator": "components.tflm_validator.component",
    "TFLMPusher": "components.tflm_pusher.component",
    "PromotionGate": "components.promotion_gate.component",
}
"""Module of each component's class, in the order of the pipeline."""


def require_known(names: Iterable[str]) -> None:
    """Refuse a name that no component has.

    Raises:
        TinyopsError: there is one; its remedy has the names that are close.
    """
    for name in names:
        if name not in COMPONENTS:
            raise TinyopsError(f"there is no component {name!r}", remedy=f"take {' or '.join(_close(name))}")


def _close(name: str) -> list[str]:
    by_lower = {known.lower(): known for known in COMPONENTS}
    found = get_close_matches(name.lower(), list(by_lower), n=3)
    return [by_lower[lower] for lower in found] or [f"one of {', '.join(COMPONENTS)}"]
