"""What a component's spec does not say, and whoever uses the component without its constructor must know.

A Kubeflow pipeline gives execution parameters as the executor takes them; in a TFX pipeline it is the constructor that
makes them out of its arguments. By name of the component, or by name of the parameter where it means the same anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from google.protobuf import json_format
from google.protobuf.message import Message
from tfx.proto import evaluator_pb2, trainer_pb2, transform_pb2

from components.data_gate.gates import DataGates
from components.data_gate.statistics import statistics_options
from components.sensor_example_gen.sources.arrays import ArraysSection
from components.sensor_example_gen.sources.source import section_json
from components.tflm_evaluator import extractor
from components.tflm_evaluator.thresholds import Thresholds, eval_config
from edge_deployer.acceptance.plan import AcceptancePlan
from edge_deployer.profile import load_profile
from edge_deployer.release.model_card import StatedUse


def _json(message: Message) -> str:
    return str(json_format.MessageToJson(message, indent=None, sort_keys=True))


def _data() -> ArraysSection:
    fields = {"input": "motion", "label": "kind", "group": "person", "classes": ["still", "wave"]}
    return ArraysSection.model_validate({"source": "motion.npz", **fields}, context={"folder": Path()})


FILLED_IN: Final[Mapping[str, Mapping[str, str | int]]] = {
    "Trainer": {"train_args": _json(trainer_pb2.TrainArgs()), "eval_args": _json(trainer_pb2.EvalArgs())},
    "TFLMEvaluator": {"module_path": extractor.__name__},
}
"""Values that a constructor gives parameters which the executor does not do without."""

REQUIRED: Final[Mapping[str, frozenset[str]]] = {"TFLMEvaluator": frozenset({"model", "eval_config"})}
"""What a component cannot do without although its spec, the stock Evaluator's, says so."""

EXAMPLES: Final[Mapping[str, str]] = {
    "class_names": '["off", "on"]',
    "custom_config": '{"epochs": 12}',
    "data": section_json(_data()),
    "eval_args": _json(trainer_pb2.EvalArgs(splits=["eval"])),
    "eval_config": _json(eval_config("kind", ["kind"], Thresholds(0.9, max_drop=0.02, min_slice_accuracy=None))),
    "example_splits": '["eval"]',
    "exclude_splits": '["eval"]',
    "fairness_indicator_thresholds": "[0.5]",
    "feature_slicing_spec": _json(
        evaluator_pb2.FeatureSlicingSpec(specs=[evaluator_pb2.SingleSlicingSpec(column_for_slicing=["kind"])])
    ),
    "gates": DataGates().model_dump_json(),
    "plan": AcceptancePlan().model_dump_json(),
    "profile": load_profile("cortex-m4").model_dump_json(),
    "sample_rate_by_split": '{"train": 0.1}',
    "slices": '["kind"]',
    "sources": '{"model_source.tar.gz": ["vibration.py"]}',
    "splits_config": _json(transform_pb2.SplitsConfig(analyze=["train"], transform=["train", "eval"])),
    "stats_options_json": statistics_options("kind", "person").to_json(),
    "strategy": '{"waves": [{"boards": 1}, {"boards": "25%"}, {}], "max_failures": "5%"}',
    "stated_use": StatedUse(intended_use="to hear a worn bearing").model_dump_json(exclude_none=True),
    "thresholds": '{"min_accuracy": 0.9, "max_drop": 0.02}',
    "train_args": _json(trainer_pb2.TrainArgs(splits=["train"])),
}
"""A value of each parameter that is given as JSON."""
